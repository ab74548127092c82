package lxm

import (
	"crypto/sha256"
	"sync"
	"time"

	"groupd/group"
	"groupd/lxmf"
)

// Some programs send a message again under a new id when its proof was lost, as soon as they hear the group announce itself (spec 4
// §7.8). That is a matter of LXMF, and so is this rule: a request that is repeated has its client id, a page its nonce, and whoever
// says the same twice there means it.
const (
	repeatWindow = 5 * time.Minute
	maxRepeats   = 4096 // posts that are remembered; the oldest is forgotten
)

// repeats remembers what was posted just now. Any goroutine may use it.
type repeats struct {
	mu   sync.Mutex // leaf
	last map[[sha256.Size]byte]posting
	ring [][sha256.Size]byte
	next int
}

// posting is when something was posted, and under which id.
type posting struct {
	at time.Time
	id lxmf.MessageID
}

// said is what a post says, whatever its id: author, title, text, files and other fields.
func (r *repeats) said(who group.IdentityHash, m *lxmf.Message) (sum [sha256.Size]byte) {
	fields := m.Fields
	fields.Delete(lxmf.FieldTicket, lxmf.FieldAttachments, lxmf.FieldImage, lxmf.FieldAudio)
	h := sha256.New()
	h.Write(who[:])
	for _, part := range [][]byte{m.Title, m.Content, fields.Raw()} {
		inner := sha256.Sum256(part)
		h.Write(inner[:])
	}
	for _, f := range m.Files() {
		h.Write(f.Hash[:])
	}
	h.Sum(sum[:0])
	return sum
}

// seen reports whether somebody posted the same a few minutes ago, and under which id.
func (r *repeats) seen(now time.Time, who group.IdentityHash, m *lxmf.Message) (lxmf.MessageID, bool) {
	sum := r.said(who, m)
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.last[sum]
	return p.id, ok && now.Sub(p.at).Abs() < repeatWindow
}

// add notes a post.
func (r *repeats) add(now time.Time, who group.IdentityHash, m *lxmf.Message) {
	sum := r.said(who, m)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = make(map[[sha256.Size]byte]posting)
	}
	if _, known := r.last[sum]; !known {
		if len(r.ring) < maxRepeats {
			r.ring = append(r.ring, sum)
		} else {
			delete(r.last, r.ring[r.next])
			r.ring[r.next] = sum
			r.next = (r.next + 1) % maxRepeats
		}
	}
	r.last[sum] = posting{now, m.ID()}
}
