package group

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"groupd/moderation"
)

const (
	MaxCloned  = 500 // members of a group who are invited to a clone of it: staff first, then those heard last
	MaxLeftOut = 64  // members who are not, by name
)

// CloneInput says how a clone differs from its original.
type CloneInput struct {
	Name        string    // "": that of the original
	PrivateName string    // for members, Name for everybody; "": Name is for members only where the clone hides its name
	Public      *bool     // nil: as the original, but not when somebody is left out
	Without     []AnyHash // members who are not invited, at most MaxLeftOut, by identity or address
	CreatorName string    // the caller's name in it; "": the one he has in the original
}

// Cloned is a clone.
type Cloned struct {
	Group    Group
	Invited  int
	LeftOut  int  // of those in Without, who are members
	More     bool // the original has more others than are invited at once
	Repeated bool
}

// CloneGroup makes a group with the policies, topic and members of another, without some of them: a way on for those who want to be rid
// of somebody in a group where nobody can be removed. Nobody is added against his will: each of the others gets an invite that is for
// him alone and good for as long as the policy says, and is told so by the one fixed text, bit by bit. The caller owns the clone. Posts, bans,
// reports and the log stay where they are.
//
// Who is left out learns nothing of it: unless Public says otherwise, the clone is then private, hides its name, is not announced, and asks
// for approval where the original was open. Roles above member are kept when an owner or the operator clones.
//
// For those with the rank that Policy.CloneRole says, where the server lets them make groups; its quotas count.
func (h *Hub) CloneGroup(ctx context.Context, c Caller, g GroupID, in CloneInput) (Cloned, error) {
	const op = "clone group"
	if len(in.Without) > MaxLeftOut {
		return Cloned{}, &Error{Kind: KindTooLarge, Op: op, Field: "without", Msg: "too many people to leave out", Limit: MaxLeftOut, Needed: int64(len(in.Without))}
	}
	var made founded
	var plan clonePlan
	err := h.found(ctx, op, c, &made, func(tx ReadTx) (NewGroup, error) {
		p, err := h.planClone(tx, op, c, g, in, plan.members == nil)
		if err != nil {
			return NewGroup{}, err
		}
		if plan.members == nil { // who is invited is read once, outside the transaction
			plan = p
		}
		return p.group, nil
	}, func(w *work) error {
		made.LeftOut, made.More = plan.leftOut, plan.more
		if err := w.form(nil); err != nil {
			return err
		}
		usual, _ := w.group.Policy.InviteTime()
		for _, m := range plan.members {
			i := Invite{
				Group: w.group.ID, By: w.caller.Identity, For: AnyHash(m.Identity), Role: plan.role(m), Uses: 1,
				Created: w.expiry, Expires: w.expiry.Add(usual), Telling: TellDue,
			}
			if _, err := w.newCode(&i); err != nil {
				return err
			}
			if _, err := w.w.PutInvite(i); err != nil {
				return err
			}
			if err := w.asked(i); err != nil {
				return err
			}
			made.Invited++
		}
		return nil
	})
	if err != nil {
		return Cloned{}, err
	}
	h.wakeTeller()
	group, err := h.madeGroup(ctx, op, c, made)
	return Cloned{Group: group, Invited: made.Invited, LeftOut: made.LeftOut, More: made.More, Repeated: made.Repeated}, err
}

// clonePlan is what a clone will be.
type clonePlan struct {
	group   NewGroup
	members []Member // who is invited; not nil once they were read
	leftOut int
	more    bool
	ranks   bool // roles are kept
}

// role is as what somebody is invited.
func (p clonePlan) role(m Member) moderation.Role {
	if p.ranks {
		return m.Role
	}
	return moderation.RoleMember
}

// planClone reads the original. members says whether to read who is invited.
func (h *Hub) planClone(tx ReadTx, op string, c Caller, g GroupID, in CloneInput, members bool) (clonePlan, error) {
	var p clonePlan
	c, err := prepare(op, c)
	if err != nil {
		return p, err
	}
	s, err := h.look(tx, op, c, g)
	if err != nil {
		return p, err
	}
	f, err := s.facts(moderation.ActionCloneGroup)
	if err != nil {
		return p, err
	}
	if err := h.serverFacts(tx, &f, c); err != nil {
		return p, err
	}
	if v := moderation.Decide(f, s.expiry); v.Outcome != moderation.Allow {
		return p, &Error{Kind: kindOf(v.Reason), Op: op, Msg: v.Text, Reason: v.Reason, Limit: int64(v.Cost)}
	}
	if err := h.roomForGroup(tx, op, c); err != nil {
		return p, err
	}
	left := make(map[IdentityHash]bool)
	for _, who := range in.Without {
		m, err := s.tx.MemberByHash(g, who)
		if errors.Is(err, ErrNoRow) || err == nil && !m.Present { // who was meant must not be invited by mistake
			return p, s.refuse(KindNotFound, "without", "no such member")
		}
		if err != nil {
			return p, err
		}
		if m.Identity == c.Identity {
			return p, s.refuse(KindInvalid, "without", "that is you")
		}
		left[m.Identity] = true
	}
	p.leftOut, p.ranks = len(left), f.Local || f.Role == moderation.RoleOwner
	p.group = s.cloneOf(in)
	if members {
		p.members, p.more, err = s.cloned(left, s.seatsIn(p.group.Policy))
	}
	return p, err
}

// cloneOf is the group that a clone of this one is.
func (s *scene) cloneOf(in CloneInput) NewGroup {
	g := s.group
	n := NewGroup{Public: g.Public, Topic: g.Topic, Joining: g.Joining, Policy: g.Policy, Preset: g.Preset, CreatorName: in.CreatorName}
	hides := in.Public == nil && len(in.Without) > 0
	outside := g.PublicName // what strangers see where nothing else is said; never the other name
	if hides {
		outside = moderation.NamelessGroup
	}
	switch {
	case in.PrivateName != "":
		n.PublicName, n.PrivateName = cmp.Or(in.Name, outside), in.PrivateName
	case hides, g.PrivateName != "":
		n.PublicName, n.PrivateName = outside, cmp.Or(in.Name, g.Name())
	default:
		n.PublicName = cmp.Or(in.Name, outside)
	}
	if m := s.standing.Member; n.CreatorName == "" && m != nil {
		n.CreatorName = m.DisplayName
	}
	if n.Joining == moderation.JoiningClosed {
		n.Joining = moderation.JoiningInvite // or nobody could follow
	}
	if n.Policy.Over(s.expiry) {
		n.Preset, n.Policy.ExpiresAt = "", 0 // what comes of it lasts
	}
	switch {
	case in.Public != nil:
		n.Public = *in.Public
	case hides:
		n.Public, n.Policy.Announce = false, moderation.AnnounceOff
		switch {
		case n.Joining == moderation.JoiningOpen && n.Policy.NoStaff:
			n.Joining = moderation.JoiningInvite // nobody could approve
		case n.Joining == moderation.JoiningOpen:
			n.Joining = moderation.JoiningApprove
		}
	}
	public, joining, policy := n.Public, n.Joining, n.Policy // whatever the preset would have them be
	n.Set = SettingsInput{Public: &public, Joining: &joining, Change: func(p *moderation.Policy) { *p = policy }}
	return n
}

// seatsIn is how many are invited to a clone with a policy: of one that is formed no more than it has seats for, and than are remembered.
func (s *scene) seatsIn(p moderation.Policy) int {
	if !p.Establish {
		return MaxCloned
	}
	seats := maxInvitees
	if p.MaxMembers > 0 {
		seats = min(seats, int(p.MaxMembers))
		if !s.caller.Local { // he has one himself
			seats = min(seats, int(p.MaxMembers)-1)
		}
	}
	return seats
}

// cloned lists who is invited to a clone, at most so many, and at most MaxCloned.
func (s *scene) cloned(without map[IdentityHash]bool, most int) (list []Member, more bool, err error) {
	list = []Member{}
	for after := Rev(0); ; {
		page, err := s.tx.MembersByRev(s.group.ID, after, true, MaxPage)
		if err != nil {
			return nil, false, err
		}
		for _, m := range page {
			if m.Identity != s.caller.Identity && !without[m.Identity] {
				list = append(list, m)
			}
		}
		if len(list) > 4*MaxCloned {
			list, more = mostPresent(list, MaxCloned), true
		}
		if len(page) < MaxPage {
			break
		}
		after = page[len(page)-1].Rev
	}
	if len(list) > most {
		list, more = mostPresent(list, most), true
	}
	return list, more, nil
}

// mostPresent are the members who come first when only so many can.
func mostPresent(list []Member, most int) []Member {
	slices.SortFunc(list, func(a, b Member) int {
		return cmp.Or(cmp.Compare(b.Role, a.Role), b.LastHeard.Compare(a.LastHeard), slices.Compare(a.Identity[:], b.Identity[:]))
	})
	return list[:most:most]
}
