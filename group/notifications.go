package group

import (
	"context"
	"errors"
	"time"

	"groupd/moderation"
)

// NotificationsInput changes how the caller is told what is new; nil leaves one as it is.
type NotificationsInput struct {
	Mode           *DeliveryMode
	DigestEvery    *time.Duration
	Quiet          *QuietHours
	TextOnly       *bool
	MentionsOnly   *bool
	ViaPropagation *bool
	Receipts       *bool
	Paused         *bool          // false also ends PauseFor
	PauseFor       *time.Duration // nothing is sent for so long, at most MaxPause; 0 ends it
}

// apply returns preferences with the changes.
func (in NotificationsInput) apply(p Preferences, now time.Time) Preferences {
	assign(&p.Mode, in.Mode)
	assign(&p.DigestEvery, in.DigestEvery)
	assign(&p.Quiet, in.Quiet)
	assign(&p.TextOnly, in.TextOnly)
	assign(&p.MentionsOnly, in.MentionsOnly)
	assign(&p.ViaPropagation, in.ViaPropagation)
	assign(&p.Receipts, in.Receipts)
	assign(&p.Paused, in.Paused)
	switch {
	case in.PauseFor != nil && *in.PauseFor > 0:
		p.Paused, p.PausedUntil = false, now.Add(*in.PauseFor)
	case in.PauseFor != nil || in.Paused != nil || !now.Before(p.PausedUntil):
		p.PausedUntil = time.Time{}
	}
	if p.DigestEvery == DefaultDigest {
		p.DigestEvery = 0
	}
	if p.Quiet.None() {
		p.Quiet = QuietHours{Offset: p.Quiet.Offset}
	}
	return p
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Notifications is how the caller, a member, is told what is new, and how far that is.
func (h *Hub) Notifications(ctx context.Context, c Caller, g GroupID) (Delivery, error) {
	var d Delivery
	err := h.read(ctx, "notifications", c, g, func(s *scene) (err error) {
		if err := s.may(moderation.ActionNotify); err != nil {
			return err
		}
		d, err = s.delivery(s.caller.Identity)
		return err
	})
	return d, err
}

// UpdateNotifications changes how the caller, a member, is told what is new. Who begins to be sent anything is sent what comes
// from then on; who goes on after a pause, what came meanwhile.
func (h *Hub) UpdateNotifications(ctx context.Context, c Caller, g GroupID, in NotificationsInput) (Delivery, error) {
	const op = "notifications"
	var d Delivery
	if in.PauseFor != nil && (*in.PauseFor < 0 || *in.PauseFor > MaxPause) {
		return d, &Error{Kind: KindInvalid, Op: op, Field: "pause_minutes", Msg: "must be at most a year"}
	}
	err := h.change(ctx, op, c, g, &d, func(w *work) (err error) {
		if err := w.may(moderation.ActionNotify); err != nil {
			return err
		}
		old, err := w.delivery(w.caller.Identity)
		if err != nil {
			return err
		}
		d = old
		d.Preferences = in.apply(old.Preferences, w.now)
		if field, msg := d.Check(); msg != "" {
			return w.refuse(KindInvalid, field, msg)
		}
		if err := w.relayed(d.Mode); err != nil {
			return err
		}
		if d.Preferences == old.Preferences && !old.Moved {
			w.idle = true
			return nil
		}
		if wait := w.hub.deliveries.TakeOne(w.now, memberKey{g, w.caller.Identity}, notificationsRate()); wait > 0 {
			return &Error{Kind: KindRateLimited, Op: op, Msg: "too many changes, wait a little", Reason: moderation.ReasonRate, RetryAfter: wait}
		}
		d.Moved = false
		if d.Mode != old.Mode {
			d.Due = time.Time{}
			d.State, d.Attempts = DeliveryIdle, 0
			if d.Mode == DeliverDigest {
				d.Due = w.now.Add(d.Digest())
			}
			if old.Mode == DeliverFetch {
				d.Cursor, d.Spent, d.SpentAt = w.head.Rev, 0, time.Time{}
			}
		}
		if old.Paused && !d.Paused && d.Mode != DeliverDigest { // he is here: what kept him waiting before the pause is over
			d.Due, d.State, d.Attempts = time.Time{}, DeliveryIdle, 0
		}
		w.tell(Event{Kind: EventPreferences, Who: w.caller.Identity})
		if d.Preferences == (Preferences{}) {
			return errors.Join(w.w.DeleteDelivery(g, d.Identity), w.heard())
		}
		return errors.Join(w.w.PutDelivery(d), w.heard())
	})
	if err != nil {
		return Delivery{}, err
	}
	return d, nil
}

// relayed refuses to send posts as messages to who is a group himself, so that no two groups talk to each other for ever, unless the
// policy allows it.
func (w *work) relayed(mode DeliveryMode) error {
	if w.group.Policy.RelayToGroups || (mode != DeliverRelay && mode != DeliverDigest) || !w.hub.announces(w.caller.Identity) {
		return nil
	}
	return w.refuse(KindDenied, "mode", "you announce a group yourself; the owner of this one can allow that it sends you posts (relay_to_groups)")
}

// delivery is the row of an identity, with the defaults where there is none.
func (s *scene) delivery(id IdentityHash) (Delivery, error) {
	d, err := s.tx.Delivery(s.group.ID, id)
	if errors.Is(err, ErrNoRow) {
		return Delivery{Group: s.group.ID, Identity: id}, nil
	}
	return d, err
}

// begin sets how the caller, who joins or asks to, is told what is new from then on, unless he has chosen himself: as the
// group's policy says, else as fits how he joins.
func (w *work) begin(mode DeliveryMode) error {
	if p := w.group.Policy.Delivery; p != moderation.DeliveryDefault {
		mode = DeliveryMode(p - moderation.DeliveryFetch)
	}
	if mode == DeliverFetch {
		return nil
	}
	d, err := w.delivery(w.caller.Identity)
	if err != nil || d.Preferences != (Preferences{}) {
		return err
	}
	if w.relayed(mode) != nil {
		return nil
	}
	d.Mode, d.Cursor = mode, w.head.Rev
	if mode == DeliverDigest {
		d.Due = w.now.Add(d.Digest())
	}
	w.tell(Event{Kind: EventPreferences, Who: w.caller.Identity})
	return w.w.PutDelivery(d)
}

// beginNow lets a new member's row begin with what comes from now on.
func (w *work) beginNow(id IdentityHash) error {
	d, err := w.delivery(id)
	if err != nil || d.Preferences == (Preferences{}) {
		return err
	}
	d.Progress = Progress{Cursor: w.head.Rev}
	w.tell(Event{Kind: EventPreferences, Who: id})
	return w.w.PutDelivery(d)
}

// dropRequest ends somebody's waiting without his becoming a member.
func (w *work) dropRequest(id IdentityHash) error {
	return errors.Join(w.w.DeleteRequest(w.group.ID, id), w.w.DeleteDelivery(w.group.ID, id))
}

// memberKey names a bucket of one member's.
type memberKey struct {
	group GroupID
	who   IdentityHash
}

// notificationsRate bounds a member's changes.
func notificationsRate() moderation.Rate { return moderation.Rate{Burst: 20, Every: time.Minute} }
