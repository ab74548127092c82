package group

import (
	"context"
	"strings"

	"groupd/moderation"
)

// Resolve finds whom a person means by 32 hex digits, a nickname or the beginning of a hash, among those of the scope.
// Several candidates are KindConflict with Choices; nobody is KindNotFound. 32 hex digits that nobody is known by are
// returned as they are: a ban can name somebody who has never been here. For who may read; AmongRequests and AmongBans
// for who may decide about them.
func (h *Hub) Resolve(ctx context.Context, c Caller, g GroupID, text string, among Scope) (AnyHash, error) {
	text = strings.TrimSpace(text)
	var found AnyHash
	err := h.read(ctx, "resolve", c, g, func(s *scene) error {
		action := moderation.ActionRead
		switch among {
		case AmongRequests:
			action = moderation.ActionRequests
		case AmongBans:
			action = moderation.ActionUnban
		}
		if err := s.may(action, func(f *moderation.Facts) { f.OnlyKick = true }); err != nil {
			return err
		}
		if typed, ok := ParseAnyHash(text); ok {
			found = typed
			m, q, err := s.known(typed)
			switch {
			case !m.Identity.IsZero():
				found = AnyHash(m.Identity)
			case !q.Identity.IsZero():
				found = AnyHash(q.Identity)
			}
			return err
		}
		named, prefixed, err := s.candidates(text, among)
		if err != nil {
			return err
		}
		// A nickname goes before a few hex digits that happen to fit; a long prefix counts as much.
		if len(named) > 0 && len(text) < clearPrefix {
			prefixed = nil
		}
		choices := named
		for _, p := range prefixed {
			if !containsIdentity(choices, p) {
				choices = append(choices, p)
			}
		}
		switch len(choices) {
		case 0:
			return s.refuse(KindNotFound, "target", "nobody here is called that")
		case 1:
			found = AnyHash(choices[0].Identity) // for a ban of somebody unknown: what was typed then
			return nil
		}
		return &Error{Kind: KindConflict, Op: s.op, Field: "target", Msg: "several fit: use more of the address", Choices: choices[:min(len(choices), MaxChoices)]}
	})
	return found, err
}

func containsIdentity(list []Member, m Member) bool {
	for _, l := range list {
		if l.Identity == m.Identity {
			return true
		}
	}
	return false
}

// candidates finds who has a name that looks like text, and whose address or identity begins with it.
func (s *scene) candidates(text string, among Scope) (named, prefixed []Member, err error) {
	skeleton := Skeleton(cleanName(strings.TrimPrefix(text, "@")))
	prefix := strings.ToLower(text)
	if len(prefix) < prefixDigits || strings.Trim(prefix, "0123456789abcdef") != "" {
		prefix = ""
	}
	sort := func(m Member) {
		switch {
		case skeleton != "" && Skeleton(m.DisplayName) == skeleton:
			named = append(named, m)
		case prefix != "" && (strings.HasPrefix(m.Address.String(), prefix) || strings.HasPrefix(m.Identity.String(), prefix)):
			prefixed = append(prefixed, m)
		}
	}
	g := s.group.ID
	switch among {
	case AmongAcquaintances:
		return s.acquaintances(text)
	case AmongRequests:
		all, err := s.tx.Requests(g, s.hub.limits.Requests)
		if err != nil {
			return nil, nil, err
		}
		for _, q := range all {
			sort(Member{Group: g, Identity: q.Identity, Address: q.Address, PublicKey: q.PublicKey, DisplayName: q.DisplayName})
		}
		return named, prefixed, nil
	case AmongBans:
		for after := (AnyHash{}); ; {
			page, err := s.tx.Bans(g, after, MaxPage)
			if err != nil || len(page) == 0 {
				return named, prefixed, err
			}
			for _, b := range page {
				if moderation.BanInForce(b.Expires, s.expiry) {
					sort(Member{Group: g, Identity: IdentityHash(b.Target), Address: b.Address, DisplayName: b.DisplayName})
				}
			}
			after = page[len(page)-1].Target
		}
	}
	if skeleton != "" {
		rows, err := s.tx.MembersBySkeleton(g, skeleton, MaxPage)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range rows {
			if m.Present == (among == AmongMembers) {
				named = append(named, m)
			}
		}
	}
	if prefix != "" && among == AmongMembers {
		prefixed, err = s.tx.MembersByPrefix(g, prefix, MaxChoices)
	}
	return named, prefixed, err
}
