package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/moderation"
)

// maySend refuses a direct invite that is one too many, or not wanted.
func (w *work) maySend(to AnyHash) error {
	blocked, err := w.tx.InvitesBlocked(to)
	if err != nil {
		return err
	}
	if blocked {
		return w.refuse(KindDenied, "who", "wants no invites")
	}
	late := func(msg string, after time.Duration) error {
		return &Error{Kind: KindRateLimited, Op: w.op, Field: "who", Msg: msg, Reason: moderation.ReasonRate, RetryAfter: after}
	}
	if _, err := w.w.PruneDirectInvites(w.expiry.Add(-directPerTarget)); err != nil {
		return err
	}
	n, err := w.tx.CountDirectTo(to, AnyHash(AddressOf(IdentityHash(to))), w.expiry.Add(-directPerTarget))
	if err != nil {
		return err
	}
	if n > 0 {
		return late("was sent an invite not a week ago: give them the code yourself", 24*time.Hour)
	}
	if !w.caller.Local {
		switch n, enough, err := w.sentEnough(w.caller.Identity); {
		case err != nil:
			return err
		case enough:
			return late(fmt.Sprintf("you have sent %d invites today", n), 24*time.Hour)
		}
	}
	if n, err = w.tx.CountDirect(); err != nil {
		return err
	}
	if n >= maxDirect {
		return late("this server has sent too many invites this week", 24*time.Hour)
	}
	if wait, _ := w.hub.inviting.Take(w.now, w.directKey(), directRates()); wait > 0 {
		return late("this group has sent many invites just now, wait a little", wait)
	}
	return nil
}

// sentEnough counts the direct invites that somebody has sent today, and says whether these are all that he may.
func (s *scene) sentEnough(by IdentityHash) (n int, enough bool, err error) {
	most := directPerDay
	if s.forming() {
		most = directForming
	}
	n, err = s.tx.CountDirectBy(by, s.expiry.Add(-24*time.Hour))
	return n, n >= most, err
}

// directKey and directRates are the bucket of what a group sends to people outside.
func (w *work) directKey() []inviteKey { return []inviteKey{{group: w.group.ID, what: inviteDirect}} }

func directRates() []moderation.Rate { return []moderation.Rate{{Burst: 30, Every: 2 * time.Minute}} }

// sendInvite has the invited one told, and counts that. Its row is stored with TellHanded.
func (w *work) sendInvite(i Invite) error {
	if err := w.hand(i); err != nil {
		return err
	}
	return w.w.AddDirectInvite(DirectInvite{Target: i.For, Address: AddressOf(IdentityHash(i.For)), By: i.By, Created: w.expiry})
}

// sendAgain is sendInvite of what was counted before, unless he wants no invites by now.
func (w *work) sendAgain(i Invite) error {
	blocked, err := w.tx.InvitesBlocked(i.For)
	if err != nil || !blocked {
		return errors.Join(err, w.hand(i))
	}
	i.Telling = TellNothing
	_, err = w.w.PutInvite(i)
	return err
}

// hand asks the face that writes to people to tell somebody.
func (w *work) hand(i Invite) error {
	e := Event{Kind: EventInvited, Target: i.For, Role: i.Role, Until: i.Expires, By: i.By, Invite: i.ID}
	m, q, err := w.known(i.For)
	if err != nil {
		return err
	}
	if e.Who = m.Identity; e.Who.IsZero() {
		e.Who = q.Identity
	}
	w.hub.handed.note(i, w.hub.passed())
	w.tell(e)
	return nil
}

// BlockInvites keeps the caller, whoever he is, from being sent invites by any group of this server, or with off allows them again.
// maxInviteBlocks are remembered: then the one made first goes.
func (h *Hub) BlockInvites(ctx context.Context, c Caller, g GroupID, off bool) (Change, error) {
	const op = "block invites"
	var r Change
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionBlockInvites); err != nil {
			return err
		}
		r.Rev = w.head.Rev
		id := w.caller.Identity
		blocked, err := w.tx.InvitesBlocked(AnyHash(id))
		if err != nil || blocked == !off {
			w.idle = true
			return err
		}
		keys := []inviteKey{{who: id, what: inviteBlocks}, {what: inviteBlocks}}
		rates := []moderation.Rate{{Burst: 4, Every: 6 * time.Hour}, {Burst: 200, Every: 20 * time.Second}}
		if wait, _ := w.hub.inviting.Take(w.now, keys, rates); wait > 0 {
			return &Error{Kind: KindRateLimited, Op: op, Msg: "this was changed often just now, wait a little", Reason: moderation.ReasonRate, RetryAfter: wait}
		}
		if off {
			return w.w.DeleteInviteBlock(id)
		}
		n, err := w.tx.CountInviteBlocks()
		if err != nil {
			return err
		}
		if n >= maxInviteBlocks {
			if err := w.w.DropOldestInviteBlock(); err != nil {
				return err
			}
			h.unblocked.Add(1)
		}
		return w.w.PutInviteBlock(InviteBlock{Identity: id, Address: w.caller.Address, Created: w.expiry})
	})
	return r, err
}
