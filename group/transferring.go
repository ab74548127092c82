package group

import (
	"context"
	"errors"
	"time"

	"groupd/moderation"
)

// transferAfterLeaving is how long one who has left can be given another's membership.
const transferAfterLeaving = 24 * time.Hour

// TransferInput gives a membership to another identity of the same person.
type TransferInput struct {
	From AnyHash // a member
	To   AnyHash // who waits to join, was this member before, or has just left
}

// Transfer gives a membership to another identity, after a reinstall: role, permissions, name, status, mute, invites, preferences, and
// the right to edit, delete and forget what the old one wrote, which departs. So that nobody makes the server write to people who did not ask,
// the new identity must wait to join, or have been this member before; or, unless the member does it himself, have left less than
// transferAfterLeaving ago, as it must where it could join at once. Needs PermApprove and a higher rank than the member's; or the member
// does it himself. Nobody can tell a member's new identity from somebody else: where nobody new comes only one is given a membership that had it
// before.
func (h *Hub) Transfer(ctx context.Context, c Caller, g GroupID, in TransferInput) (Member, error) {
	const op = "transfer"
	var m Member
	switch {
	case in.From.IsZero():
		return m, &Error{Kind: KindInvalid, Op: op, Field: "from", Msg: "name an address or identity"}
	case in.To.IsZero():
		return m, &Error{Kind: KindInvalid, Op: op, Field: "to", Msg: "name an address or identity"}
	}
	err := h.change(ctx, op, c, g, &m, func(w *work) error {
		old, _, err := w.known(in.From)
		if err != nil {
			return err
		}
		self := !w.caller.Identity.IsZero() && in.From.Names(w.caller.Identity)
		was, _, err := w.known(in.To)
		if err != nil {
			return err
		}
		if err := w.may(moderation.ActionTransfer, about(old, self), func(f *moderation.Facts) {
			f.Returns = !old.Identity.IsZero() && was.Successor == old.Identity
		}); err != nil {
			return err
		}
		if !old.Present {
			return w.refuse(KindNotFound, "from", "no such member")
		}
		if m, err = w.heir(in.To, old, self); err != nil {
			return err
		}
		return w.succeed(old, &m)
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

// heir is the row that a new identity gets in place of an old one.
func (w *work) heir(to AnyHash, old Member, self bool) (Member, error) {
	if to.Names(w.group.Identity) {
		return Member{}, w.refuse(KindInvalid, "to", "that is the group itself")
	}
	if to.Names(old.Identity) {
		return Member{}, w.refuse(KindInvalid, "to", "that is the same identity")
	}
	was, q, err := w.known(to)
	if err != nil {
		return Member{}, err
	}
	if was.Present {
		return Member{}, w.refuse(KindConflict, "to", "is a member: that identity has to leave first")
	}
	m := old
	m.Successor, m.LastHeard = IdentityHash{}, w.now
	m.PublicKey, m.Ratchet, m.LastCommand = q.PublicKey, q.Ratchet, q.LastCommand
	if m.Identity = q.Identity; m.Identity.IsZero() {
		m.Identity, m.PublicKey, m.Ratchet = was.Identity, was.PublicKey, was.Ratchet
	}
	asked := !q.Identity.IsZero() || was.Successor == old.Identity || !self && w.expiry.Before(was.Left.Add(transferAfterLeaving))
	if self && !asked && w.group.Joining == moderation.JoiningOpen {
		return Member{}, w.refuse(KindNotFound, "to", "has not asked, and anybody joins here at once: let that identity join and leave, then ask a moderator to do this")
	}
	if m.Identity.IsZero() || len(m.PublicKey) == 0 || !asked {
		return Member{}, w.refuse(KindNotFound, "to", "has not asked: let that identity ask to join first, or, for a moderator, join and leave")
	}
	if was.LastCommand.After(m.LastCommand) {
		m.LastCommand = was.LastCommand
	}
	if was.Mute.InForce(w.expiry) && !m.Mute.InForce(w.expiry) {
		m.Mute = was.Mute
	}
	m.Address = AddressOf(m.Identity)
	st, err := w.standingOf(m.Identity)
	if err == nil && st.Standing == moderation.StandingBanned {
		err = w.refuse(KindConflict, "to", "is banned: lift the ban first")
	}
	return m, err
}

// succeed lets a new row take the place of an old one.
func (w *work) succeed(old Member, m *Member) error {
	d, err := w.tx.Delivery(w.group.ID, old.Identity)
	switch {
	case err == nil:
		d.Identity = m.Identity
		if err := w.w.PutDelivery(d); err != nil {
			return err
		}
		w.tell(Event{Kind: EventPreferences, Who: m.Identity})
	case !errors.Is(err, ErrNoRow):
		return err
	}
	gone := old
	gone.Skeleton, gone.Successor = "", m.Identity // the name is the other's now
	if err := w.depart(gone); err != nil {
		return err
	}
	if _, err := w.add(Entry{Kind: EntryLeave, Author: old.Identity, Text: []byte("goes on as " + m.Address.String())}, nil); err != nil {
		return err
	}
	if err := w.put(m); err != nil {
		return err
	}
	if _, err := w.add(Entry{Kind: EntryJoin, Author: m.Identity, Text: []byte(m.DisplayName)}, nil); err != nil {
		return err
	}
	w.tell(Event{Kind: EventApproved, Who: m.Identity, Name: m.DisplayName, Role: m.Role})
	return errors.Join(w.w.DeleteRequest(w.group.ID, m.Identity), w.w.MoveInvites(w.group.ID, old.Identity, m.Identity), w.heardIfHere(old),
		w.audit(AnyHash(m.Identity), detail(m.DisplayName, "was "+old.Address.String())))
}

// heardIfHere is heard, unless the caller is the one who has just departed.
func (w *work) heardIfHere(old Member) error {
	if w.caller.Identity == old.Identity {
		return nil
	}
	return w.heard()
}
