package group

import (
	"context"
	"errors"
	"time"

	"groupd/moderation"
)

// LockdownInput begins or ends a lockdown.
type LockdownInput struct {
	On       bool
	Duration time.Duration // 0: until somebody lifts it
}

// lockdownOff is the text of the entry that tells the end of a lockdown.
const lockdownOff = "off"

// Lockdown has everybody who would join an open group wait for a moderator, or no longer; members are told. Needs PermBan or
// PermSettings. Where the settings never change none is begun, and what there is, of before or by itself, can be lifted.
func (h *Hub) Lockdown(ctx context.Context, c Caller, g GroupID, in LockdownInput) (Change, error) {
	const op = "lockdown"
	var r Change
	if in.Duration < 0 {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "duration", Msg: "must not be negative"}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionLockdown, func(f *moderation.Facts) { f.Lifts = !in.On }); err != nil {
			return err
		}
		var l Lockdown
		text := lockdownOff
		if in.On {
			l.On, text = true, lasting(in.Duration)
			if in.Duration > 0 {
				l.Until = w.expiry.Add(in.Duration)
			} else {
				text = ""
			}
		}
		if l == w.group.Lockdown {
			r.Rev = w.head.Rev
			return nil
		}
		e, err := w.lock(l, w.caller.Identity, text)
		r = w.changed(e)
		return errors.Join(err, w.heard(), w.audit(AnyHash{}, detail(text)))
	})
	return r, err
}

// lock stores a lockdown, or its end, with the entry that tells it.
func (w *work) lock(l Lockdown, by IdentityHash, text string) (Entry, error) {
	w.group.Lockdown = l
	if err := w.putGroup(); err != nil {
		return Entry{}, err
	}
	return w.add(Entry{Kind: EntryLockdown, Author: by, Text: []byte(text)}, nil)
}

// tally counts a join or a ban, and locks an open group that had too many of them in an hour. It reports whether it did.
func (w *work) tally(m moderation.Meter) (bool, error) {
	if w.group.Joining != moderation.JoiningOpen || w.group.Lockdown.InForce(w.expiry) {
		return false, nil
	}
	b := w.group.Policy.LockdownBudget(m)
	wait, _ := w.hub.buckets.draw(w.now, w.keys(b), []moderation.Budget{b})
	if wait == 0 {
		return false, nil
	}
	span := w.group.Policy.LockdownSpan()
	if _, err := w.lock(Lockdown{On: true, Until: w.expiry.Add(span)}, IdentityHash{}, lasting(span)); err != nil {
		return false, err
	}
	what := "many joined"
	if m == moderation.MeterBans {
		what = "many were banned"
	}
	return true, w.auditAs("lockdown", IdentityHash{}, AnyHash{}, detail(lasting(span), what))
}
