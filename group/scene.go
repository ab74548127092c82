package group

import (
	"errors"
	"time"

	"groupd/moderation"
)

// scene is what a decision looks at: one transaction, one group, one caller, one moment.
type scene struct {
	hub      *Hub
	tx       ReadTx
	op       string
	caller   Caller
	now      time.Time
	expiry   time.Time // the time by which things expire: see clock
	group    Group
	head     Head
	standing Standing
	circle   *Circle // of a group that has to be established and was formed here; else nil
}

// look reads the group, its counters and what the caller is in it.
func (h *Hub) look(tx ReadTx, op string, c Caller, g GroupID) (*scene, error) {
	s := &scene{hub: h, tx: tx, op: op, caller: c, now: h.clock.wall()}
	var err error
	if s.expiry, err = h.clock.expiry(tx); err != nil {
		return nil, err
	}
	if s.group, err = tx.Group(g); errors.Is(err, ErrNoRow) {
		return nil, &Error{Kind: KindNotFound, Op: op, Field: "group", Msg: "no such group"}
	} else if err != nil {
		return nil, err
	}
	if s.head, err = tx.Head(g); err != nil {
		return nil, err
	}
	if s.group.Policy.Establish {
		switch c, err := tx.Circle(g); {
		case err == nil:
			s.circle = &c
		case !errors.Is(err, ErrNoRow):
			return nil, err
		}
	}
	s.standing, err = s.standingOf(c.Identity)
	return s, err
}

// standingOf finds out what an identity is here. Who is a member is not banned: a ban ends that first. A ban comes before all others.
func (s *scene) standingOf(id IdentityHash) (Standing, error) {
	var st Standing
	if id.IsZero() {
		return st, nil
	}
	m, err := s.tx.Member(s.group.ID, id)
	switch {
	case err == nil:
		st.Member = &m
	case !errors.Is(err, ErrNoRow):
		return st, err
	}
	if st.Member != nil && m.Present {
		st.Standing, st.Role, st.Permissions = moderation.StandingMember, m.Role, m.Permissions
		if m.Mute.InForce(s.expiry) {
			st.Standing, st.Until, st.Reason = moderation.StandingMuted, m.Mute.Until, m.Mute.Reason
		}
		return st, nil
	}
	bans, err := s.tx.BansMatching(s.group.ID, AnyHash(id), AnyHash(AddressOf(id)))
	if err != nil {
		return st, err
	}
	for _, b := range bans {
		if !moderation.BanInForce(b.Expires, s.expiry) {
			continue
		}
		longer := st.Standing != moderation.StandingBanned || (!st.Until.IsZero() && (b.Expires.IsZero() || b.Expires.After(st.Until)))
		if longer {
			st.Standing, st.Until, st.Reason = moderation.StandingBanned, b.Expires, b.Reason
		}
	}
	if st.Standing == moderation.StandingBanned {
		return st, nil
	}
	asked, err := s.tx.Request(s.group.ID, id)
	switch {
	case err == nil:
		st.Standing, st.Asked = moderation.StandingPending, &asked
		return st, nil
	case !errors.Is(err, ErrNoRow):
		return st, err
	}
	if _, invited, err := s.inviteFor(id); err != nil {
		return st, err
	} else if invited {
		st.Standing = moderation.StandingInvited
	}
	return st, nil
}

// facts are those of the caller and the group; the method adds what its action needs.
func (s *scene) facts(a moderation.Action) (moderation.Facts, error) {
	owners := 0
	switch a { // where the last owner matters
	case moderation.ActionLeave, moderation.ActionKick, moderation.ActionBan, moderation.ActionGrant, moderation.ActionForget:
		var err error
		if owners, err = s.tx.CountRole(s.group.ID, moderation.RoleOwner); err != nil {
			return moderation.Facts{}, err
		}
	}
	f := moderation.Facts{
		Action:      a,
		Identified:  !s.caller.Identity.IsZero(),
		Local:       s.caller.Local,
		Standing:    s.standing.Standing,
		Role:        s.standing.Role,
		Permissions: s.standing.Permissions,
		BanExpires:  s.standing.Until,
		BanReason:   s.standing.Reason,
		Expected:    s.group.Owner.Names(s.caller.Identity),
		Public:      s.group.Public,
		Joining:     s.group.Joining,
		Lockdown:    s.group.Lockdown.InForce(s.expiry),
		Policy:      s.group.Policy,
		Owners:      owners,
		Work:        s.caller.Work,
		ClockUnsure: s.hub.ClockUnsure(),
	}
	f.Cost, _ = s.costs()
	if f.Forming = s.forming(); f.Forming {
		var err error
		if f.Creator, err = s.founds(s.caller.Identity, s.standing.Role); err != nil {
			return f, err
		}
	}
	switch m := s.standing.Member; s.standing.Standing {
	case moderation.StandingMuted:
		f.MuteExpires, f.MuteReason = m.Mute.Until, m.Mute.Reason
		fallthrough
	case moderation.StandingMember:
		f.MemberFor = s.now.Sub(m.Joined)
	}
	return f, nil
}

// costs is what joining, and a message without a ticket, ask for now, in bits of work.
func (s *scene) costs() (join, post int) {
	level := s.hub.pressures.level(s.group.ID, s.now)
	return s.group.Policy.JoinStamp(level), s.group.Policy.PostStamp(level)
}

// strangerAsked counts something that a stranger was refused.
func (s *scene) strangerAsked(err error) {
	if k := KindOf(err); k == KindNotMember || k == KindStampRequired {
		s.hub.pressures.add(s.group.ID, s.now)
	}
}

// may asks for a verdict on an action with the facts that more adds, and turns a refusal into an *Error.
func (s *scene) may(a moderation.Action, more ...func(*moderation.Facts)) error {
	_, err := s.verdict(a, more...)
	return err
}

// verdict is may for actions that can be held.
func (s *scene) verdict(a moderation.Action, more ...func(*moderation.Facts)) (moderation.Verdict, error) {
	f, err := s.facts(a)
	if err != nil {
		return moderation.Verdict{}, err
	}
	for _, m := range more {
		m(&f)
	}
	v := moderation.Decide(f, s.expiry)
	if v.Outcome == moderation.Deny {
		e := &Error{Kind: kindOf(v.Reason), Op: s.op, Msg: v.Text, Reason: v.Reason, RetryAfter: v.RetryAfter, Limit: int64(v.Cost)}
		if v.Reason == moderation.ReasonQuestion {
			e.Field = "greeting"
		}
		return v, e
	}
	return v, nil
}

// kindOf is the status of a refusal.
func kindOf(r moderation.Reason) Kind {
	switch r {
	case moderation.ReasonNotIdentified:
		return KindNotIdentified
	case moderation.ReasonBanned:
		return KindBanned
	case moderation.ReasonMuted:
		return KindMuted
	case moderation.ReasonNotMember:
		return KindNotMember
	case moderation.ReasonPending:
		return KindPending
	case moderation.ReasonAlready:
		return KindConflict
	case moderation.ReasonRate:
		return KindRateLimited
	case moderation.ReasonStamp:
		return KindStampRequired
	case moderation.ReasonQuestion:
		return KindInvalid
	case moderation.ReasonNoSuchAction:
		return KindInternal
	}
	return KindDenied
}

// about adds the facts of a target.
func about(m Member, self bool) func(*moderation.Facts) {
	return func(f *moderation.Facts) {
		f.Self = self
		if m.Present {
			f.TargetRole = m.Role
		}
	}
}

// refuse makes an error of this method.
func (s *scene) refuse(k Kind, field, msg string) *Error {
	return &Error{Kind: k, Op: s.op, Field: field, Msg: msg}
}

// member finds a present member by either hash.
func (s *scene) member(h AnyHash) (Member, error) {
	m, err := s.tx.MemberByHash(s.group.ID, h)
	if errors.Is(err, ErrNoRow) || (err == nil && !m.Present) {
		return m, s.refuse(KindNotFound, "target", "no such member")
	}
	return m, err
}
