package group

import (
	"context"
	"errors"
	"slices"

	"groupd/moderation"
)

// Forget ends the caller's membership, if he has one, and erases what is his: his name, keys, status and preferences at once, his posts
// with their originals, his reactions, and the events that hold his name bit by bit from then on, which needs Run. So that nothing
// that was sent comes again, and the chain verifies, ids that were seen, places and hashes stay; so does the log of moderation, and
// a mute that holds. For everybody who is not banned; the last owner stays.
func (h *Hub) Forget(ctx context.Context, c Caller, g GroupID) (Change, error) {
	const op = "forget"
	var r Change
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionForget); err != nil {
			return err
		}
		id := w.caller.Identity
		if known, err := w.leftTraces(); err != nil {
			return err
		} else if !known {
			return w.refuse(KindNotFound, "", "nothing is known of you here")
		}
		r.Rev = w.head.Rev
		if m := w.standing.Member; m != nil && m.Present {
			if err := w.depart(*m); err != nil {
				return err
			}
			e, err := w.event(EntryLeave, AnyHash{}, "")
			if err != nil {
				return err
			}
			r = w.changed(e)
		}
		if err := w.beginErasure(ErasureForget, id); err != nil {
			return err
		}
		ids, err := w.lives(id)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.wipe(id); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		w.tell(Event{Kind: EventChanged})
		return w.dropRequest(id)
	})
	return r, err
}

// leftTraces reports whether there is anything of the caller's to erase: strangers cause no writes, nor who is forgotten already.
func (w *work) leftTraces() (bool, error) {
	if m := w.standing.Member; w.standing.Standing == moderation.StandingPending || m != nil && (m.Present || m.DisplayName != "" || len(m.PublicKey) > 0) {
		return true, nil
	}
	posts, err := w.tx.EntriesByAuthor(w.group.ID, w.caller.Identity, 0, 1)
	if err != nil || len(posts) > 0 {
		return len(posts) > 0, err
	}
	hidden, err := w.tx.HiddenBy(w.group.ID, w.caller.Identity, 1)
	if err != nil || len(hidden) > 0 {
		return len(hidden) > 0, err
	}
	invited, err := w.invitees(w.caller.Identity)
	return len(invited) > 0, err
}

// invitees are the rows of one who was invited while the group was formed, but for an invite that he can still answer.
func (w *work) invitees(id IdentityHash) ([]Invitee, error) {
	all, err := w.tx.Invitees(w.group.ID)
	return slices.DeleteFunc(all, func(i Invitee) bool { return !i.Who.Names(id) || i.State == InviteeAsked && w.expiry.Before(i.Expires) }), err
}

// wipe erases the rows of one identity, but for what keeps the group safe from it.
func (w *work) wipe(id IdentityHash) error {
	_, err := w.w.DeleteInvitesBy(w.group.ID, id)
	if err := errors.Join(err, w.w.DeleteReportsBy(w.group.ID, id), w.w.DeleteOutcomesOf(w.group.ID, id), w.w.DeleteDelivery(w.group.ID, id)); err != nil {
		return err
	}
	invited, err := w.invitees(id)
	for _, i := range invited {
		err = errors.Join(err, w.w.DeleteInvitee(w.group.ID, i.Who))
	}
	if err != nil {
		return err
	}
	m, err := w.tx.Member(w.group.ID, id)
	if errors.Is(err, ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	left := Member{Group: m.Group, Identity: id, Address: m.Address, Left: m.Left, LastCommand: m.LastCommand, Successor: m.Successor}
	if m.Mute.InForce(w.expiry) {
		left.Mute = m.Mute
	}
	return w.put(&left)
}
