package group

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
)

// An invite's code is five words and five digits: 5 × 11 + log2(100,000) = 71.6 bits.
const inviteWords = 5

// maxCodesInText is how many different things that look like a code one text may hold: no text of people's has more.
const maxCodesInText = 64

// InviteHash is the keyed hash under which a code is kept, so that it is found by an index and is of no use to who reads the database
// alone: HMAC-SHA256(group's key, "invite" ‖ code).
func (g Group) InviteHash(code string) Hash {
	mac := hmac.New(sha256.New, g.SeenKey)
	mac.Write([]byte("invite"))
	mac.Write([]byte(code))
	return Hash(mac.Sum(nil))
}

// isDigits reports whether a part of a code is its digits.
func isDigits(part string) bool {
	return len(part) == codeDigits && strings.Trim(part, "0123456789") == ""
}

// CutInviteCode takes an invite's code off the beginning of a text that somebody typed, as in "/join rover-maple-… Ann": a first word that
// has the form of a code. code is "" when there is none.
func CutInviteCode(text string) (code, rest string) {
	text = strings.TrimSpace(text)
	first, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(normalCode(first), "-")
	if len(parts) != inviteWords+1 || !isDigits(parts[inviteWords]) {
		return "", text
	}
	return strings.Join(parts, "-"), strings.TrimSpace(rest)
}

// codesIn lists what has the form of an invite's code in a text, in whatever punctuation; more than maxCodesInText are not listed.
func codesIn(text string) (codes []string, tooMany bool) {
	if len(text) < inviteWords+codeDigits {
		return nil, false
	}
	parts := strings.Split(normalCode(text), "-")
	var known []string
	for i := inviteWords; i < len(parts); i++ {
		if !isDigits(parts[i]) {
			continue
		}
		if known == nil {
			known = strings.Fields(words) // sorted
		}
		if slices.ContainsFunc(parts[i-inviteWords:i], func(w string) bool { _, ok := slices.BinarySearch(known, w); return !ok }) {
			continue
		}
		if code := strings.Join(parts[i-inviteWords:i+1], "-"); !slices.Contains(codes, code) {
			if len(codes) == maxCodesInText {
				return codes, true
			}
			codes = append(codes, code)
		}
	}
	return codes, false
}

// holdsNoInvite refuses texts that others will see and that hold the code of a live invite.
func (s *scene) holdsNoInvite(texts ...string) error {
	for _, text := range texts {
		codes, tooMany := codesIn(text)
		for _, code := range codes {
			i, err := s.tx.InviteByCode(s.group.ID, s.group.InviteHash(code))
			if err != nil && !errors.Is(err, ErrNoRow) {
				return err
			}
			tooMany = tooMany || err == nil && s.expiry.Before(i.Expires)
		}
		if tooMany {
			e := s.refuse(KindDenied, "", "this holds the code of an invite and was not used: whoever reads it could join by it")
			e.Err = ErrHoldsInvite
			return e
		}
	}
	return nil
}

// issuedKey names the answer to a request that made an invite.
type issuedKey struct {
	group    GroupID
	identity IdentityHash
	clientID string
}

// maxIssued is how many codes are remembered for a request that is repeated.
const maxIssued = 256

// issued remembers the codes that were told last, in memory, for who did not get the answer and asks again. The oldest goes.
type issued struct {
	mu    sync.Mutex // leaf
	codes map[issuedKey]string
	order list.List // of issuedKey
}

func (i *issued) put(k issuedKey, code string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.codes == nil {
		i.codes = make(map[issuedKey]string)
	}
	if _, had := i.codes[k]; !had {
		i.order.PushBack(k)
	}
	i.codes[k] = code
	if i.order.Len() > maxIssued {
		delete(i.codes, i.order.Remove(i.order.Front()).(issuedKey))
	}
}

func (i *issued) get(k issuedKey) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	code, ok := i.codes[k]
	return code, ok
}
