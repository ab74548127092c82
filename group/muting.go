package group

import (
	"context"
	"errors"
	"time"

	"groupd/moderation"
)

// MuteInput keeps a member from writing.
type MuteInput struct {
	Target   AnyHash
	Reason   string
	Duration time.Duration // 0: until somebody lifts it
}

// Mute keeps a member from writing, for as long as said; he still reads. A new mute replaces the old one. Needs PermMute and a higher
// rank.
func (h *Hub) Mute(ctx context.Context, c Caller, g GroupID, in MuteInput) (Change, error) {
	const op = "mute"
	var r Change
	reason, err := cleanText(op, "reason", in.Reason, MaxReasonBytes)
	if err != nil {
		return r, err
	}
	if in.Duration < 0 {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "duration", Msg: "must not be negative"}
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		m, err := w.target(moderation.ActionMute, in.Target)
		if err != nil {
			return err
		}
		if err := w.holdsNoCode(reason); err != nil {
			return err
		}
		mute := Mute{On: true, Reason: reason}
		if in.Duration > 0 {
			mute.Until = w.expiry.Add(in.Duration)
		}
		if m.Mute == mute {
			r.Rev = w.head.Rev // a repetition without a client id
			return nil
		}
		m.Mute = mute
		e, err := w.putMute(m, EntryMute, w.caller.Identity)
		r = w.changed(e)
		return errors.Join(err, w.heard(), w.audit(AnyHash(m.Identity), detail(m.DisplayName, lasting(in.Duration), reason)))
	})
	return r, err
}

// Unmute lets a muted member write again. Needs PermMute and a higher rank.
func (h *Hub) Unmute(ctx context.Context, c Caller, g GroupID, target AnyHash) (Change, error) {
	const op = "unmute"
	var r Change
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		m, err := w.target(moderation.ActionUnmute, target)
		if err != nil {
			return err
		}
		if !m.Mute.InForce(w.expiry) {
			return w.refuse(KindConflict, "target", "is not muted")
		}
		m.Mute = Mute{}
		e, err := w.putMute(m, EntryUnmute, w.caller.Identity)
		r = w.changed(e)
		return errors.Join(err, w.heard(), w.audit(AnyHash(m.Identity), m.DisplayName))
	})
	return r, err
}

// target finds a present member whom the caller may do something to.
func (w *work) target(a moderation.Action, h AnyHash) (Member, error) {
	if h.IsZero() {
		return Member{}, w.refuse(KindInvalid, "target", "name an address or identity")
	}
	m, _, err := w.known(h)
	if err != nil {
		return m, err
	}
	self := !w.caller.Identity.IsZero() && h.Names(w.caller.Identity)
	if err := w.may(a, about(m, self)); err != nil {
		return m, err
	}
	if !m.Present {
		return m, w.refuse(KindNotFound, "target", "no such member")
	}
	return m, nil
}

// putMute stores a member's mute or its end, with the entry and the event that tell it; by zero is the server.
func (w *work) putMute(m Member, k EntryKind, by IdentityHash) (Entry, error) {
	if err := w.put(&m); err != nil {
		return Entry{}, err
	}
	kind := EventMuted
	if k == EntryUnmute {
		kind = EventUnmuted
	}
	w.tell(Event{Kind: kind, Who: m.Identity, Name: m.DisplayName, Text: m.Mute.Reason, Until: m.Mute.Until})
	return w.add(Entry{Kind: k, Author: by, Target: AnyHash(m.Identity), Text: []byte(m.Mute.Reason)}, nil)
}

// muteFlooder mutes the caller, a member who floods, by the server itself, and refuses what he tried.
func (h *Hub) muteFlooder(ctx context.Context, op string, c Caller, g GroupID) error {
	var refusal error
	err := h.change(ctx, op, Caller{Identity: c.Identity}, g, &struct{}{}, func(w *work) error {
		if w.standing.Standing == moderation.StandingMember {
			m := *w.standing.Member
			span := w.group.Policy.FloodMuteSpan()
			m.Mute = Mute{On: true, Until: w.expiry.Add(span), Reason: "too many posts at once"}
			if _, err := w.putMute(m, EntryMute, IdentityHash{}); err != nil {
				return err
			}
			if err := w.auditAs("mute", IdentityHash{}, AnyHash(m.Identity), detail(m.DisplayName, lasting(span), m.Mute.Reason)); err != nil {
				return err
			}
			w.standing.Standing, w.standing.Member = moderation.StandingMuted, &m
		}
		refusal = w.may(moderation.ActionPost)
		return nil
	})
	if err != nil {
		return err
	}
	return refusal
}
