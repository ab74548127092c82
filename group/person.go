package group

import (
	"context"
	"errors"
	"slices"

	"groupd/moderation"
)

// Person is somebody of whom something is known in a group, as the caller may see him.
type Person struct {
	Member            // his row, present or departed; without one its Identity, Address and DisplayName as far as they are known
	Known    bool     // there is such a row
	Self     bool     // the caller himself
	Ban      *Ban     // in force; for who may see bans
	Waits    *Request // to join; for who may decide about it
	Inviter  string   // the name of whose invite he joined by, last time; "": nobody's, or the operator's
	Blocking bool     // of the caller himself: he wants no invites
	Hidden   bool     // posts went with a ban, and can be brought back; for who may see bans

	// May is what the rules allow the caller to do to him now: of Kick, Ban, Unban, Mute, Unmute, Approve, Reject, Grant, Transfer, Delete (all
	// his posts) and Forget; of Grant, that there is a role he may give him or take.
	May   []moderation.Action
	Roles []moderation.Role // that the caller may give him, the lowest first
}

// Allows reports whether May has an action.
func (p Person) Allows(a moderation.Action) bool { return slices.Contains(p.May, a) }

// Person is what faces that show one person need: who he is, and what the caller may do about him. It is for who may read, who finds
// members, present and departed; who waits and who is banned is found by those who may decide about that. KindNotFound for everybody else.
func (h *Hub) Person(ctx context.Context, c Caller, g GroupID, who AnyHash) (Person, error) {
	const op = "person"
	var p Person
	err := h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		m, q, err := s.known(who)
		if err != nil {
			return err
		}
		p.Member, p.Known = m, !m.Identity.IsZero() && (m.Present || m.DisplayName != "")
		sees := func(a moderation.Action) bool { return s.may(a) == nil }
		if !q.Identity.IsZero() && sees(moderation.ActionRequests) {
			p.Waits = &q
		}
		if sees(moderation.ActionBans) && !m.Present {
			if p.Ban, err = s.banOf(who); err != nil {
				return err
			}
		}
		if sees(moderation.ActionBans) && !m.Identity.IsZero() {
			list, err := s.hidden(m.Identity)
			if err != nil {
				return err
			}
			p.Hidden = len(list) > 0
		}
		switch {
		case p.Known:
		case p.Waits != nil:
			p.Member = Member{Group: g, Identity: q.Identity, Address: q.Address, DisplayName: q.DisplayName}
		case p.Ban != nil:
			p.Member = Member{Group: g, Identity: IdentityHash(p.Ban.Target), Address: p.Ban.Address, DisplayName: p.Ban.DisplayName}
		default:
			return s.refuse(KindNotFound, "target", "nobody here has this address")
		}
		p.Self = !c.Identity.IsZero() && p.Identity == c.Identity
		if !m.InvitedBy.IsZero() {
			by, err := s.tx.Member(g, m.InvitedBy)
			if err != nil && !errors.Is(err, ErrNoRow) {
				return err
			}
			p.Inviter = by.DisplayName
		}
		if p.Self {
			if p.Blocking, err = s.tx.InvitesBlocked(AnyHash(c.Identity)); err != nil {
				return err
			}
		}
		return s.powers(&p)
	})
	if err != nil {
		return Person{}, err
	}
	return p, nil
}

// banOf is the ban in force of somebody, the longest, nil for none.
func (s *scene) banOf(who AnyHash) (longest *Ban, err error) {
	bans, err := s.bansOf(who)
	if err != nil {
		return nil, err
	}
	for _, b := range bans {
		if moderation.BanInForce(b.Expires, s.expiry) && (longest == nil || b.Expires.IsZero() || !longest.Expires.IsZero() && b.Expires.After(longest.Expires)) {
			longest = &b
		}
	}
	return longest, nil
}

// powers asks the rules what the caller may do about a person.
func (s *scene) powers(p *Person) error {
	ask := func(a moderation.Action, more ...func(*moderation.Facts)) error {
		err := s.may(a, append([]func(*moderation.Facts){about(p.Member, p.Self), s.awaited(AnyHash(p.Identity))}, more...)...)
		switch {
		case err == nil:
			p.May = append(p.May, a)
		case !Refused(err):
			return err
		}
		return nil
	}
	var list []moderation.Action
	if p.Present {
		list = append(list, moderation.ActionKick, moderation.ActionTransfer)
		if p.Mute.InForce(s.expiry) {
			list = append(list, moderation.ActionUnmute)
		} else {
			list = append(list, moderation.ActionMute)
		}
	}
	if p.Ban != nil {
		onlyKick := p.Ban.Kick
		if err := ask(moderation.ActionUnban, func(f *moderation.Facts) { f.OnlyKick = onlyKick }); err != nil {
			return err
		}
	} else {
		list = append(list, moderation.ActionBan)
	}
	if p.Waits != nil {
		list = append(list, moderation.ActionApprove, moderation.ActionReject)
	}
	if p.Known {
		list = append(list, moderation.ActionDelete)
	}
	if p.Self {
		list = append(list, moderation.ActionForget)
	}
	for _, a := range list {
		if err := ask(a); err != nil {
			return err
		}
	}
	if !p.Present {
		return nil
	}
	for role := moderation.RoleMember; role <= moderation.RoleOwner; role++ {
		err := s.may(moderation.ActionGrant, about(p.Member, p.Self), func(f *moderation.Facts) { f.NewRole = role })
		if err == nil && role != p.Role {
			p.Roles = append(p.Roles, role)
		} else if err != nil && !Refused(err) {
			return err
		}
	}
	if len(p.Roles) > 0 {
		p.May = append(p.May, moderation.ActionGrant)
	}
	return nil
}

// Powers are the actions that the rules allow the caller in the group now, whom and what they concern aside: for faces that show what one
// can do. Of inviting it says whether he may invite anybody at all.
func (h *Hub) Powers(ctx context.Context, c Caller, g GroupID) ([]moderation.Action, error) {
	var list []moderation.Action
	err := h.read(ctx, "powers", c, g, func(s *scene) error {
		var here moderation.Facts
		if err := h.serverFacts(s.tx, &here, s.caller); err != nil {
			return err
		}
		server := func(f *moderation.Facts) { f.Creating, f.Insider, f.Cost = here.Creating, here.Insider, here.Cost }
		for a := moderation.ActionRead; a != 0; a++ { // all that there can be: who is refused all is not told where the list ends
			err := s.may(a, func(f *moderation.Facts) {
				switch a {
				case moderation.ActionCreateGroup, moderation.ActionCloneGroup:
					server(f)
				case moderation.ActionInvite:
					f.Named, f.Whole, f.Met = true, true, true
				case moderation.ActionLockdown:
					f.Lifts = f.Lockdown
				}
			})
			switch {
			case err == nil:
				list = append(list, a)
			case KindOf(err) == KindInternal: // beyond the last action, or a failure
				var e *Error
				if errors.As(err, &e) && e.Reason == moderation.ReasonNoSuchAction {
					return nil
				}
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
