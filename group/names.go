package group

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groupd/moderation"
)

// cleanName is moderation.CleanName in composed form.
func cleanName(s string) string { return moderation.CleanName(norm.NFC.String(s)) }

// CleanName is a name as a member gets it who wishes for it, where nobody else has it.
func CleanName(s string) string { return cleanName(s) }

// cleanText makes one line of at most limit bytes, or says that it is too large.
func cleanText(op, field, s string, limit int) (string, error) {
	s = norm.NFC.String(moderation.CleanLine(s))
	if len(s) > limit {
		return "", &Error{Kind: KindTooLarge, Op: op, Field: field, Msg: fmt.Sprintf("longer than %d bytes", limit), Limit: int64(limit), Needed: int64(len(s))}
	}
	return s, nil
}

// nameTaken reports whether somebody other than id has a name that looks like this one, or had it not long ago.
func (s *scene) nameTaken(name string, id IdentityHash) (bool, error) {
	skeleton := Skeleton(name)
	if skeleton == Skeleton(s.group.PublicName) || (s.group.PrivateName != "" && skeleton == Skeleton(s.group.PrivateName)) {
		return true, nil
	}
	if slices.ContainsFunc(s.group.Policy.ReservedNames, func(reserved string) bool { return Skeleton(cleanName(reserved)) == skeleton }) {
		return true, nil
	}
	hold := s.group.Policy.NameSpan()
	rows, err := s.tx.MembersBySkeleton(s.group.ID, skeleton, MaxPage)
	if err != nil {
		return false, err
	}
	for _, m := range rows {
		if m.Identity != id && (m.Present || s.expiry.Before(m.Left.Add(hold))) {
			return true, nil
		}
	}
	return false, nil
}

// madeNames are those of who has no name, or none that is free, in the order in which they are tried.
func madeNames(a Address) []string {
	return []string{"member " + a.String()[:6], "member " + a.String()[:12], a.String()[:31]}
}

// MadeName reports whether a member's name is one that was made from his address, because he has given none that could be had.
func MadeName(m Member) bool { return slices.Contains(madeNames(m.Address), m.DisplayName) }

// freeName finds a name for id: the wished one, else that one with a number, else one made from the address.
func (s *scene) freeName(wish string, id IdentityHash) (string, error) {
	names := []string{wish}
	if wish != "" && Skeleton(wish) != "" {
		for n := 2; n <= 9; n++ {
			suffix := fmt.Sprint(" ", n)
			base := wish
			for utf8.RuneCountInString(base)+len(suffix) > moderation.MaxNameRunes || len(base)+len(suffix) > moderation.MaxNameBytes {
				_, size := utf8.DecodeLastRuneInString(base)
				base = strings.TrimRight(base[:len(base)-size], " ")
			}
			names = append(names, base+suffix)
		}
	} else {
		names = nil
	}
	for _, name := range append(names, madeNames(AddressOf(id))...) {
		taken, err := s.nameTaken(name, id)
		if err != nil || !taken {
			return name, err
		}
	}
	return "", errors.New("no free name") // somebody calls himself by another's address, three times over
}
