package pages

import (
	"crypto/subtle"
	"encoding/base64"
	"io"
	"slices"
	"sync"
	"time"

	"groupd/group"
	"groupd/rns"
)

// Bounds of nonces.
const (
	nonceFor   = 10 * time.Minute // how long a form can be sent after it was shown
	nonceBytes = 8                // of randomness; whoever guesses has one try per click of somebody else
	maxNonces  = 1024             // of one group; for one more the oldest of a stranger goes, or the oldest of all
	maxNonceOf = 48               // of one identity on one link; for one more the oldest of these goes
)

// holder is whom a form was shown to.
type holder struct {
	link     rns.LinkID
	identity group.IdentityHash
}

// nonce is a form that was shown and can be sent once.
type nonce struct {
	holder
	form   string
	value  string
	until  time.Time
	member bool // of somebody who is in the group: others do not push it out
	spent  bool
}

// nonces is the forms that can be sent now, or were sent not long ago. They are in memory alone: after a restart a form is shown again, with what was typed.
type nonces struct {
	now  func() time.Time
	rand io.Reader

	mu      sync.Mutex // leaf, but for rand
	list    []nonce    // by until
	dropped uint64     // at a bound
}

// issue makes a nonce for a form that is being shown.
func (n *nonces) issue(h holder, form string, member bool) (string, error) {
	var raw [nonceBytes]byte
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := io.ReadFull(n.rand, raw[:]); err != nil {
		return "", err
	}
	now := n.now()
	n.list = slices.DeleteFunc(n.list, func(o nonce) bool { return !now.Before(o.until) })
	own, first := 0, -1
	for i, o := range n.list {
		if o.holder == h {
			if own++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case own >= maxNonceOf:
		n.drop(first)
	case len(n.list) >= maxNonces:
		n.drop(max(0, slices.IndexFunc(n.list, func(o nonce) bool { return !o.member })))
	}
	value := base64.RawURLEncoding.EncodeToString(raw[:])
	n.list = append(n.list, nonce{holder: h, form: form, value: value, until: now.Add(nonceFor), member: member})
	return value, nil
}

func (n *nonces) drop(i int) {
	n.list = slices.Delete(n.list, i, i+1)
	n.dropped++
}

// sent is what becomes of a form that somebody sends.
type sent uint8

const (
	sentLate  sent = iota // no form that can be sent by him there
	sentFirst             // it counts, this once
	sentAgain             // it was sent before: clients do that when somebody goes back to a page
)

// take says whether a value is a nonce of this form, shown to this holder less than nonceFor ago, and whether it was taken before. It is
// taken now.
func (n *nonces) take(h holder, form, value string) sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, at := n.now(), -1
	for i, o := range n.list {
		if o.holder == h && o.form == form && now.Before(o.until) && subtle.ConstantTimeCompare([]byte(o.value), []byte(value)) == 1 {
			at = i
		}
	}
	switch {
	case at < 0:
		return sentLate
	case n.list[at].spent:
		return sentAgain
	}
	n.list[at].spent = true
	return sentFirst
}

// stats are how many are remembered, and how many were dropped at a bound.
func (n *nonces) stats() (live int, dropped uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.list), n.dropped
}
