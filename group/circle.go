package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/moderation"
)

// maxInvitees is how many of those who were invited to a group that is formed are remembered, whatever they answered.
const maxInvitees = 32

// MaxInvited is how many people can be invited to a group when it is made.
const MaxInvited = maxOwnInvites

// CircleState is how a group is being formed, or was, as those see it who are in it or invited.
type CircleState struct {
	Circle
	Forming      bool
	MayEstablish bool // the caller could establish it now
	Invitees     []CircleInvitee
	Epoch        uint32 // of the group's key, for members; 0: it has none
}

// CircleInvitee is one who was invited, with the name that he has here.
type CircleInvitee struct {
	Invitee
	Name  string  // "" before he has accepted
	Shown AnyHash // what people know him by: his address, where his identity is known here, else what was named
}

// forming reports whether the group is being formed.
func (s *scene) forming() bool { return s.circle != nil && s.circle.Established.IsZero() }

// fixed reports whether the group was established as one to which nobody new comes.
func (s *scene) fixed() bool {
	return s.group.Policy.Establish && s.group.Policy.Fixed && !s.forming()
}

// overdue reports whether the time to answer is over and the group not established yet.
func (s *scene) overdue() bool { return s.forming() && !s.expiry.Before(s.circle.Until) }

// founds reports whether an identity of some role establishes the group: who made it, or its owners when that one is here no more, or it was
// the operator.
func (s *scene) founds(id IdentityHash, r moderation.Role) (bool, error) {
	if s.circle == nil || id.IsZero() {
		return false, nil
	}
	if s.group.Creator == id {
		return true, nil
	}
	if r != moderation.RoleOwner {
		return false, nil
	}
	m, err := s.tx.Member(s.group.ID, s.group.Creator)
	if errors.Is(err, ErrNoRow) {
		return true, nil
	}
	return !m.Present, err
}

// unanswered counts those who can still answer, and says how long.
func (s *scene) unanswered() (n int, left time.Duration, err error) {
	list, err := s.tx.Invitees(s.group.ID)
	for _, i := range list {
		if rest := i.Expires.Sub(s.expiry); i.State == InviteeAsked && rest > 0 {
			n, left = n+1, max(left, rest)
		}
	}
	return n, left, err
}

// form begins the forming of a new group, where its policy says so, and invites people to it; its creator is a member by now. Who was sent
// another invite not long ago is invited and not told.
func (w *work) form(invite []AnyHash) error {
	if w.caller.Identity != (IdentityHash{}) { // he has joined meanwhile
		var err error
		if w.standing, err = w.standingOf(w.caller.Identity); err != nil {
			return err
		}
	}
	if w.group.Policy.Establish {
		usual, _ := w.group.Policy.InviteTime()
		w.circle = &Circle{Group: w.group.ID, Until: w.expiry.Add(usual)}
		if err := w.w.PutCircle(*w.circle); err != nil {
			return err
		}
		if err := w.rekey(moderation.EpochForming, w.caller.Identity); err != nil {
			return err
		}
	}
	if len(invite) > MaxInvited {
		return &Error{Kind: KindTooLarge, Op: w.op, Field: "invite", Msg: "too many people at once", Limit: MaxInvited, Needed: int64(len(invite))}
	}
	for _, who := range invite {
		_, err := w.invite(InviteInput{For: who, soon: true})
		if e := (*Error)(nil); errors.As(err, &e) && (e.Field == "who" || e.Field == "") {
			named := *e
			named.Field, named.Msg = "invite", who.String()+": "+e.Msg
			return &named
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seat refuses one more invite to a group that is formed when it would be too large with him.
func (w *work) seat() error {
	if !w.forming() {
		return nil
	}
	members, err := w.tx.CountMembers(w.group.ID)
	if err != nil {
		return err
	}
	if !w.group.Owner.IsZero() {
		members++
	}
	asked, _, err := w.unanswered()
	if most := int(w.group.Policy.MaxMembers); err == nil && most > 0 && members+asked >= most {
		err = &Error{Kind: KindFull, Op: w.op, Msg: fmt.Sprintf("this group is for at most %d", most), Limit: int64(most)}
	}
	return err
}

// seatOfOwner refuses to expect an owner for whom there is no room in a group that is formed. Who was asked has his seat.
func (w *work) seatOfOwner(who AnyHash) error {
	if !w.forming() {
		return nil
	}
	list, err := w.tx.Invitees(w.group.ID)
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.State == InviteeAsked && w.expiry.Before(i.Expires) && (i.Who.Names(IdentityHash(who)) || who.Names(IdentityHash(i.Who))) {
			return nil
		}
	}
	expected := w.group.Owner
	w.group.Owner = AnyHash{} // who was expected is no more
	err = w.seat()
	w.group.Owner = expected
	return err
}

// asked notes that somebody was invited to a group that is formed. Of those remembered who neither came nor can answer the first one goes
// where there are too many.
func (w *work) asked(i Invite) error {
	if !w.forming() || i.For.IsZero() { // a code asks nobody
		return nil
	}
	list, err := w.tx.Invitees(w.group.ID)
	if err != nil {
		return err
	}
	kept := len(list)
	for _, old := range list {
		if err := w.shown(&old); err != nil {
			return err
		}
		if kept >= maxInvitees && old.State != InviteeAsked && old.State != InviteeAccepted {
			kept--
			if err := w.w.DeleteInvitee(w.group.ID, old.Who); err != nil {
				return err
			}
		}
	}
	if kept >= maxInvitees {
		return &Error{Kind: KindFull, Op: w.op, Msg: "too many are invited", Limit: maxInvitees}
	}
	if i.Expires.After(w.circle.Until) {
		w.circle.Until = i.Expires
		if err := w.w.PutCircle(*w.circle); err != nil {
			return err
		}
	}
	return w.w.PutInvitee(Invitee{Group: w.group.ID, Who: i.For, By: i.By, State: InviteeAsked, Invited: w.expiry, Expires: i.Expires})
}

// inviteeOf finds what one who was invited is remembered as; false when he was not.
func (s *scene) inviteeOf(id IdentityHash) (Invitee, bool, error) {
	list, err := s.tx.Invitees(s.group.ID)
	for _, i := range list {
		if i.Who.Names(id) {
			return i, true, err
		}
	}
	return Invitee{}, false, err
}

// hasAnswered notes what one who was invited to a group that is formed has answered, and tells who invited him.
func (w *work) hasAnswered(id IdentityHash, name string, state InviteeState) error {
	if !w.forming() {
		return nil
	}
	i, invited, err := w.inviteeOf(id)
	if err != nil || !invited {
		return err
	}
	if err := w.w.DeleteInvitee(w.group.ID, i.Who); err != nil {
		return err
	}
	i.Who, i.State, i.Answered = AnyHash(id), state, w.expiry
	if err := w.w.PutInvitee(i); err != nil {
		return err
	}
	left, _, err := w.unanswered()
	w.tell(Event{Kind: EventAnswered, Who: i.By, Target: i.Who, Name: name, Declined: state == InviteeRefused, Forming: true, Left: left})
	return err
}

// uninvite forgets one whose invite was taken back, or is made anew.
func (w *work) uninvite(who AnyHash) error {
	if !w.forming() || who.IsZero() {
		return nil
	}
	list, err := w.tx.Invitees(w.group.ID)
	for _, i := range list {
		if i.Who.Names(IdentityHash(who)) || who.Names(IdentityHash(i.Who)) {
			err = errors.Join(err, w.w.DeleteInvitee(w.group.ID, i.Who))
		}
	}
	return err
}

// tooLate reports whether the caller was invited to a group that was formed, and has not answered in time.
func (s *scene) tooLate() (bool, error) {
	if s.circle == nil {
		return false, nil
	}
	i, invited, err := s.inviteeOf(s.caller.Identity)
	if err != nil || !invited {
		return false, err
	}
	err = s.shown(&i)
	return i.State == InviteeSilent, err
}

// shown brings an invitee's state up to date.
func (s *scene) shown(i *Invitee) error {
	switch i.State {
	case InviteeAsked:
		if !s.forming() || !s.expiry.Before(i.Expires) {
			i.State = InviteeSilent
		}
	case InviteeAccepted:
		m, err := s.tx.Member(s.group.ID, IdentityHash(i.Who))
		if err != nil && !errors.Is(err, ErrNoRow) {
			return err
		}
		if !m.Present {
			i.State = InviteeGone
		}
	}
	return nil
}

// Circle says how a group is being formed, or was: who is invited, and what they have answered. For members, and those who are invited.
// KindNotFound where the group need not be established.
func (h *Hub) Circle(ctx context.Context, c Caller, g GroupID) (CircleState, error) {
	var st CircleState
	err := h.read(ctx, "circle", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionCircle); err != nil {
			return err
		}
		if s.circle == nil {
			return s.refuse(KindNotFound, "", "this group was not formed by invites")
		}
		st.Circle, st.Forming = *s.circle, s.forming()
		if err := s.mayEstablish(); err == nil {
			st.MayEstablish = true
		} else if !Refused(err) {
			return err
		}
		list, err := s.tx.Invitees(g)
		if err != nil {
			return err
		}
		for _, i := range list {
			shown := CircleInvitee{Invitee: i}
			if err := s.shown(&shown.Invitee); err != nil {
				return err
			}
			m, err := s.tx.Member(g, IdentityHash(i.Who))
			if err != nil && !errors.Is(err, ErrNoRow) {
				return err
			}
			shown.Name = m.DisplayName
			if shown.Shown, err = s.shownAs(i.Who); err != nil {
				return err
			}
			if shown.State == InviteeRefused || shown.State == InviteeGone { // his identity came with that
				shown.Shown = AnyHash(AddressOf(IdentityHash(i.Who)))
			}
			st.Invitees = append(st.Invitees, shown)
		}
		if s.standing.Standing != moderation.StandingInvited {
			e, err := s.epoch()
			st.Epoch = e.Number
			return err
		}
		return nil
	})
	if err != nil {
		return CircleState{}, err
	}
	return st, nil
}

// shownAs is the hash by which people know somebody: his address, where the hash is an identity of somebody who is, or was, in a group
// here. Of others nobody can tell.
func (s *scene) shownAs(h AnyHash) (AnyHash, error) {
	rows, err := s.tx.Memberships(h, 1)
	if err == nil && len(rows) > 0 && AnyHash(rows[0].Identity) == h {
		h = AnyHash(rows[0].Address)
	}
	return h, err
}

// mayEstablish refuses who may not establish the group, or not yet.
func (s *scene) mayEstablish() error {
	n, left, err := s.unanswered()
	if err != nil {
		return err
	}
	return s.may(moderation.ActionEstablish, func(f *moderation.Facts) { f.Unanswered, f.AnswerTime = n, left })
}

// Establish ends the forming of a group: who has not accepted is out, his invite is void, and the group gets a new key. For who made it
// alone, as soon as all have answered or their time is over; after that his next act of whatever kind does it, so that this one finds it done.
func (h *Hub) Establish(ctx context.Context, c Caller, g GroupID) (Change, error) {
	var r Change
	err := h.change(ctx, opEstablish, c, g, &r, func(w *work) error {
		if his, err := w.founds(w.caller.Identity, w.standing.Role); err != nil {
			return err
		} else if his && !w.forming() && w.may(moderation.ActionRead) == nil {
			r.Rev, w.idle = w.head.Rev, true
			return nil
		}
		if err := w.mayEstablish(); err != nil {
			return err
		}
		e, err := w.establish()
		r = w.changed(e)
		return errors.Join(err, w.heard())
	})
	return r, err
}

// establish makes the group what it will be, and tells it in the group's name. Who was named as an owner and has not come is as late as others.
func (w *work) establish() (Entry, error) {
	w.circle.Established = w.expiry
	w.group.Owner = AnyHash{}
	_, err := w.w.DeleteInvitesUntil(w.group.ID, w.expiry.Add(2*moderation.MaxSpan))
	if err := errors.Join(err, w.w.PutCircle(*w.circle)); err != nil {
		return Entry{}, err
	}
	if err := w.rekey(moderation.EpochEstablished, w.caller.Identity); err != nil {
		return Entry{}, err
	}
	n, err := w.tx.CountMembers(w.group.ID)
	if err != nil {
		return Entry{}, err
	}
	text := "is established with " + plural(n, "member")
	e, err := w.add(Entry{Kind: EntryAction, Text: []byte(text)}, nil)
	return e, errors.Join(err, w.auditAs(opEstablish, w.caller.Identity, AnyHash{}, plural(n, "member")))
}

// opEstablish is the method that ends the forming of a group.
const opEstablish = "establish"

// errOverdue is returned from a transaction of one who has to establish the group first.
var errOverdue = errors.New("the group has to be established first")

// establishFirst reports whether the time to answer is over, and the caller is the one who is waited for.
func (s *scene) establishFirst() (bool, error) {
	if s.op == opEstablish || !s.overdue() || s.caller.Identity.IsZero() || s.standing.Member == nil || !s.standing.Member.Present {
		return false, nil
	}
	return s.founds(s.caller.Identity, s.standing.Role)
}

// establishOverdue establishes a group whose creator has appeared after the time to answer.
func (h *Hub) establishOverdue(ctx context.Context, c Caller, g GroupID) error {
	return h.change(ctx, opEstablish, Caller{Identity: c.Identity}, g, nil, func(w *work) error {
		if his, err := w.founds(w.caller.Identity, w.standing.Role); err != nil || !his || !w.overdue() {
			return err
		}
		_, err := w.establish()
		return err
	})
}

// DeclineInvite turns down every invite that is for the caller; who invited him is told. The codes of invites for anybody stay as they are.
func (h *Hub) DeclineInvite(ctx context.Context, c Caller, g GroupID) (Change, error) {
	var r Change
	err := h.change(ctx, "decline", c, g, &r, func(w *work) error {
		id := w.caller.Identity
		invite, invited, err := w.inviteFor(id)
		if err != nil {
			return err
		}
		if err := w.may(moderation.ActionDecline, func(f *moderation.Facts) {
			if invited && f.Standing == moderation.StandingPending {
				f.Standing = moderation.StandingInvited
			}
		}); err != nil {
			return err
		}
		list, err := w.tx.InvitesFor(g, AnyHash(id), AnyHash(AddressOf(id)))
		if err != nil {
			return err
		}
		for _, i := range list {
			if err := w.w.DeleteInvite(g, i.ID); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		if w.forming() {
			err = w.hasAnswered(id, "", InviteeRefused)
		} else {
			w.tell(Event{Kind: EventAnswered, Who: invite.By, Target: AnyHash(id), Declined: true})
		}
		return errors.Join(err, w.audit(AnyHash(id), fmt.Sprintf("invite %d", invite.ID)))
	})
	return r, err
}

// met reports whether the caller and another one have exchanged messages here: both are members of one group of this server, and each has
// written there, since the other joined, what is still kept.
func (s *scene) met(other AnyHash) (bool, error) {
	if s.caller.Identity.IsZero() {
		return false, nil
	}
	mine, err := s.tx.Memberships(AnyHash(s.caller.Identity), maxPlaces)
	for _, me := range mine {
		if err != nil || !me.Present {
			continue
		}
		var met bool
		if met, err = s.metIn(me, other); met {
			return true, err
		}
	}
	return false, err
}

// metIn is met in the group of which the caller's row is given.
func (s *scene) metIn(me Member, other AnyHash) (bool, error) {
	him, err := s.tx.MemberByHash(me.Group, other)
	if errors.Is(err, ErrNoRow) || err == nil && (!him.Present || him.Identity == me.Identity) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mine, err := s.tx.EntriesByAuthor(me.Group, me.Identity, him.JoinSeq, 1)
	if err != nil || len(mine) == 0 {
		return false, err
	}
	his, err := s.tx.EntriesByAuthor(me.Group, him.Identity, me.JoinSeq, 1)
	return len(his) > 0, err
}

// acquaintances finds those with whom the caller has exchanged messages here and whom a text may mean, each once.
func (s *scene) acquaintances(text string) (named, prefixed []Member, err error) {
	if s.caller.Identity.IsZero() {
		return nil, nil, nil
	}
	mine, err := s.tx.Memberships(AnyHash(s.caller.Identity), maxPlaces)
	if err != nil {
		return nil, nil, err
	}
	for _, me := range mine {
		if !me.Present {
			continue
		}
		there := *s
		if there.group, err = s.tx.Group(me.Group); err != nil {
			return nil, nil, err
		}
		byName, byPrefix, err := there.candidates(text, AmongMembers)
		if err != nil {
			return nil, nil, err
		}
		if named, err = s.addMet(named, byName, me); err != nil {
			return nil, nil, err
		}
		if prefixed, err = s.addMet(prefixed, byPrefix, me); err != nil {
			return nil, nil, err
		}
	}
	return named, prefixed, nil
}

// addMet adds those to a list whom the caller has met in the group of his row, each once.
func (s *scene) addMet(list, those []Member, me Member) ([]Member, error) {
	for _, m := range those {
		if containsIdentity(list, m) {
			continue
		}
		met, err := s.metIn(me, AnyHash(m.Identity))
		if err != nil {
			return nil, err
		}
		if met {
			list = append(list, m)
		}
	}
	return list, nil
}

// overdueOf adds the groups that wait for the caller to be established.
func (h *Hub) overdueOf(tx ReadTx, op string, c Caller, waiting *[]GroupID) error {
	rows, err := tx.Memberships(AnyHash(c.Identity), maxPlaces)
	if err != nil {
		return err
	}
	for _, m := range rows {
		if !m.Present {
			continue
		}
		if c, err := tx.Circle(m.Group); errors.Is(err, ErrNoRow) || err == nil && !c.Established.IsZero() {
			continue // as nearly all
		} else if err != nil {
			return err
		}
		s, err := h.look(tx, op, c, m.Group)
		if err != nil {
			return err
		}
		first, err := s.establishFirst()
		if err != nil {
			return err
		}
		if first {
			*waiting = append(*waiting, m.Group)
		}
	}
	return nil
}
