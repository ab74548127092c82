package group

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"groupd/moderation"
)

// ErrHoldsCode is wrapped by the refusal of a text that others would see and that holds a live code, the owner's or an invite's.
var ErrHoldsCode = errors.New("holds a live code")

// ErrHoldsInvite is ErrHoldsCode where the code is an invite's.
var ErrHoldsInvite = fmt.Errorf("of an invite: %w", ErrHoldsCode)

// words is the BIP 39 list of 2048 English words: short, common, and told apart by their first four letters.
//
//go:embed words.txt
var words string

// A code is four words and five digits: 4 × 11 + log2(100,000) = 60.6 bits.
const (
	codeWords  = 4
	codeDigits = 5
)

// newCode makes an owner's code, such as "river-maple-stone-lamp-04172", from 16 random bytes.
func newCode(random [16]byte) string { return makeCode(random, codeWords) }

// makeCode makes a code of at most five words, and digits.
func makeCode(random [16]byte, count int) string {
	list := strings.Fields(words)
	n := binary.BigEndian.Uint64(random[:8])
	parts := make([]string, 0, count+1)
	for range count {
		parts = append(parts, list[n%uint64(len(list))])
		n /= uint64(len(list))
	}
	// 64 random bits over 100,000: the bias is below 2^-47.
	return strings.Join(append(parts, fmt.Sprintf("%0*d", codeDigits, binary.BigEndian.Uint64(random[8:])%100_000)), "-")
}

// normalCode brings what somebody typed into the form of newCode: lower case, one hyphen between the parts.
func normalCode(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), "-")
}

// matches compares a normal code with the stored hash.
func (k ClaimCode) matches(code string) bool {
	sum := sha256.Sum256(append(k.Salt[:], code...))
	return subtle.ConstantTimeCompare(sum[:], k.Hash[:]) == 1
}

// inText reports whether a text holds the code, in whatever punctuation.
func (k ClaimCode) inText(text []byte) bool {
	if len(text) < codeWords+codeDigits {
		return false
	}
	parts := strings.Split(normalCode(string(text)), "-")
	for i := codeWords; i < len(parts); i++ {
		if len(parts[i]) == codeDigits && strings.Trim(parts[i], "0123456789") == "" && k.matches(strings.Join(parts[i-codeWords:i+1], "-")) {
			return true
		}
	}
	return false
}

// guesses counts wrong codes, in memory: a new code, and a restart, forgive. Bounds: claimGuesses per identity,
// claimPerHour in all, claimGuessers identities; at the second and third the claim is closed until a new code is made.
type guesses struct {
	mu     sync.Mutex // leaf
	groups map[GroupID]*groupGuesses
	wrong  uint64
}

type groupGuesses struct {
	by     map[IdentityHash]int
	hour   time.Time // when this hour of counting began
	inHour int
	closed bool
}

// mayGuess says whether an identity may try a code, and why not.
func (g *guesses) mayGuess(id GroupID, who IdentityHash) *Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	gg := g.groups[id]
	switch {
	case gg == nil:
		return nil
	case gg.closed:
		return &Error{Kind: KindDenied, Op: "claim", Msg: "too many wrong codes: the operator has to make a new one"}
	case gg.by[who] >= claimGuesses:
		return &Error{Kind: KindDenied, Op: "claim", Msg: "too many wrong codes from you: the operator has to make a new one"}
	}
	return nil
}

// count notes a wrong code.
func (g *guesses) count(id GroupID, who IdentityHash, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong++
	if g.groups == nil {
		g.groups = make(map[GroupID]*groupGuesses)
	}
	gg := g.groups[id]
	if gg == nil {
		gg = &groupGuesses{by: make(map[IdentityHash]int)}
		g.groups[id] = gg
	}
	if d := now.Sub(gg.hour); d >= time.Hour || d < 0 {
		gg.hour, gg.inHour = now, 0
	}
	gg.by[who]++
	gg.inHour++
	gg.closed = gg.closed || gg.inHour >= claimPerHour || len(gg.by) >= claimGuessers
}

// reset forgets wrong codes.
func (g *guesses) reset(id GroupID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, id)
}

// NewClaimCode makes a fresh owner's code, valid 24 h, and forgets the old one and all wrong guesses. It is shown once and
// kept as a hash. Local callers only.
func (h *Hub) NewClaimCode(ctx context.Context, c Caller, g GroupID) (ClaimCodeIssued, error) {
	const op = "new claim code"
	var issued ClaimCodeIssued
	if err := operator(op, c); err != nil {
		return issued, err
	}
	c.ClientID = nil // a code is never stored, not even as an outcome
	err := h.change(ctx, op, c, g, nil, func(w *work) error {
		if err := w.may(moderation.ActionGrant, asOwner); err != nil {
			return err
		}
		var random [16]byte
		k := ClaimCode{Group: g, Created: w.expiry, Expires: w.expiry.Add(ClaimCodeValid)}
		if err := errors.Join(h.random(random[:]), h.random(k.Salt[:])); err != nil {
			return err
		}
		issued = ClaimCodeIssued{Code: newCode(random), Expires: k.Expires}
		k.Hash = sha256.Sum256(append(k.Salt[:], issued.Code...))
		h.guesses.reset(g)
		return errors.Join(w.w.PutClaimCode(k), w.audit(AnyHash{}, ""))
	})
	if err != nil {
		return ClaimCodeIssued{}, err
	}
	return issued, nil
}

// claimCode is the live code; false when there is none.
func (s *scene) claimCode() (ClaimCode, bool, error) {
	k, err := s.tx.ClaimCode(s.group.ID)
	if errors.Is(err, ErrNoRow) {
		return k, false, nil
	}
	return k, err == nil && s.expiry.Before(k.Expires), err
}

// holdsNoCode refuses texts that others will see and that hold a live code: the owner's, or an invite's.
func (s *scene) holdsNoCode(texts ...string) error {
	k, live, err := s.claimCode()
	if err != nil {
		return err
	}
	if !live {
		return s.holdsNoInvite(texts...)
	}
	for _, text := range texts {
		if k.inText([]byte(text)) {
			e := s.refuse(KindDenied, "", "this holds the owner's code and was not used: send it as a claim")
			e.Err = ErrHoldsCode
			return e
		}
	}
	return s.holdsNoInvite(texts...)
}

// Claim makes the caller an owner, and a member if he was none; the code is used up. A wrong code is KindDenied, and so is
// every code once too many were wrong. The caller's public key is needed.
func (h *Hub) Claim(ctx context.Context, c Caller, g GroupID, in ClaimInput) (JoinResult, error) {
	const op = "claim"
	var r JoinResult
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionClaim); err != nil {
			return err
		}
		if err := h.guesses.mayGuess(g, w.caller.Identity); err != nil {
			return err
		}
		k, live, err := w.claimCode()
		if err != nil {
			return err
		}
		if !live || !k.matches(normalCode(in.Code)) {
			h.guesses.count(g, w.caller.Identity, w.now)
			return w.refuse(KindDenied, "", "the code is wrong, used or too old")
		}
		if len(w.caller.PublicKey) == 0 {
			return w.refuse(KindInvalid, "public_key", "is not known yet: announce yourself, then try again")
		}
		if m := w.standing.Member; m != nil && m.Present {
			r = JoinResult{Standing: w.standing.Standing, Name: m.DisplayName, Already: true}
			if r.Member, r.Change, err = w.setRole(*m, moderation.RoleOwner); err != nil {
				return err
			}
		} else if r, err = w.admit(applicant{w.caller.Identity, w.caller.PublicKey, w.caller.Ratchet, cleanName(in.Name), IdentityHash{}}, moderation.RoleOwner); err != nil {
			return err
		} else if err := w.begin(in.Mode); err != nil {
			return err
		}
		return errors.Join(w.w.DeleteClaimCode(g), w.audit(AnyHash(w.caller.Identity), r.Name))
	})
	return r, err
}

// asOwner adds the fact that somebody is to own the group.
func asOwner(f *moderation.Facts) { f.NewRole = moderation.RoleOwner }

// SetOwner makes a member, or one who waits, an owner, or remembers who shall be as soon as he joins. Local callers only.
func (h *Hub) SetOwner(ctx context.Context, c Caller, g GroupID, who AnyHash) (Change, error) {
	const op = "set owner"
	var r Change
	if err := operator(op, c); err != nil {
		return r, err
	}
	if who.IsZero() {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "target", Msg: "name an address or identity"}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionGrant, asOwner); err != nil {
			return err
		}
		m, err := w.member(who)
		if err == nil {
			_, r, err = w.setRole(m, moderation.RoleOwner)
			return errors.Join(err, w.audit(AnyHash(m.Identity), m.DisplayName))
		}
		if KindOf(err) != KindNotFound {
			return err
		}
		if err := w.may(moderation.ActionGrant, asOwner, func(f *moderation.Facts) { f.Newcomer = true }); err != nil {
			return err
		}
		if err := w.seatOfOwner(who); err != nil {
			return err
		}
		q, err := w.request(who)
		if err == nil {
			joined, err := w.admit(applicant{q.Identity, q.PublicKey, q.Ratchet, q.DisplayName, IdentityHash{}}, moderation.RoleOwner)
			if err != nil {
				return err
			}
			r = joined.Change
			w.tell(Event{Kind: EventApproved, Who: q.Identity, Name: joined.Name, Role: moderation.RoleOwner})
			return w.audit(AnyHash(q.Identity), joined.Name)
		}
		if KindOf(err) != KindNotFound {
			return err
		}
		if w.group.Owner != who {
			w.group.Owner = who
			if err := w.putGroup(); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		return w.audit(who, "when he appears")
	})
	return r, err
}
