package pages

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
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
	maxNonces  = 1024             // of one group; for one more of a member's one of somebody else goes, see nonces.room
	maxNonceOf = 48               // of one identity on one link; for one more the oldest of these goes
	maxNonceBy = 96               // of one identity on all links; for one more the oldest of these goes
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
	member bool   // of somebody who is in the group: others do not push it out
	sent   string // the sum of what was sent with it; "": nothing yet
}

// nonces is the forms that can be sent now, or were sent not long ago. They are in memory alone: after a restart a form is shown again, with what was typed.
type nonces struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex // leaf, but for rand
	list []nonce    // by until
}

// errNoRoom says that so many forms of members can be sent that there is room for none of a stranger's.
var errNoRoom = errors.New("too many forms are open")

// issue makes a nonce for a form that is being shown; errNoRoom where there is no room for one of a stranger's.
func (n *nonces) issue(h holder, form string, member bool) (string, error) {
	var raw [nonceBytes]byte
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := io.ReadFull(n.rand, raw[:]); err != nil {
		return "", err
	}
	now := n.now()
	n.list = slices.DeleteFunc(n.list, func(o nonce) bool { return !now.Before(o.until) })
	if !n.room(h, member) {
		return "", errNoRoom
	}
	value := base64.RawURLEncoding.EncodeToString(raw[:])
	n.list = append(n.list, nonce{holder: h, form: form, value: value, until: now.Add(nonceFor), member: member})
	return value, nil
}

// isNonce reports whether a text could be a nonce's value.
func isNonce(s string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s) // which passes over line breaks
	return err == nil && len(raw) == nonceBytes && len(s) == base64.RawURLEncoding.EncodedLen(nonceBytes)
}

// room drops what has to go for one more nonce of h's, if anything. Who has many on a link, or on all of them, loses his oldest. In a full table
// the oldest of a stranger's goes, or where there is none, for a member alone, the oldest of whoever has the most.
func (n *nonces) room(h holder, member bool) bool {
	onLink, of := 0, make(map[group.IdentityHash]int)
	for _, o := range n.list {
		if of[o.identity]++; o.holder == h {
			onLink++
		}
	}
	goes := func(o nonce) bool { return !o.member }
	switch {
	case onLink >= maxNonceOf:
		goes = func(o nonce) bool { return o.holder == h }
	case of[h.identity] >= maxNonceBy:
		goes = func(o nonce) bool { return o.identity == h.identity }
	case len(n.list) < maxNonces:
		return true
	case slices.ContainsFunc(n.list, goes):
	case !member:
		return false
	default:
		most := 0
		for _, count := range of {
			most = max(most, count)
		}
		goes = func(o nonce) bool { return of[o.identity] == most }
	}
	at := slices.IndexFunc(n.list, goes)
	n.list = slices.Delete(n.list, at, at+1)
	return true
}

// sent is what becomes of a form that somebody sends.
type sent uint8

const (
	sentLate  sent = iota // no form that can be sent by him there
	sentFirst             // it counts, this once
	sentAgain             // it was sent before as it is: clients do that when somebody goes back to a page
	sentOther             // it was sent before with something else in it: clients show forms that they have kept
	sentElse              // it is another form of the page
)

// take says whether a value is a nonce of this form, shown to this holder less than nonceFor ago, and whether it was taken before. It is
// taken now. sum stands for what is sent with it, and is not empty.
func (n *nonces) take(h holder, form, value, sum string) sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.find(h, value)
	switch {
	case at < 0:
		return sentLate
	case n.list[at].form != form:
		return sentElse
	case n.list[at].sent == sum:
		return sentAgain
	case n.list[at].sent != "":
		return sentOther
	}
	n.list[at].sent = sum
	return sentFirst
}

// release makes a nonce what it was before it was taken: nothing was done.
func (n *nonces) release(h holder, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at := n.find(h, value); at >= 0 {
		n.list[at].sent = ""
	}
}

// find is where a holder's nonce stands, -1 for none.
func (n *nonces) find(h holder, value string) int {
	now, at := n.now(), -1
	for i, o := range n.list {
		if o.holder == h && now.Before(o.until) && subtle.ConstantTimeCompare([]byte(o.value), []byte(value)) == 1 {
			at = i
		}
	}
	return at
}
