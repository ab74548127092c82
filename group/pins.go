package group

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"groupd/moderation"
)

// MaxPins is how many posts of one group can be pinned.
const MaxPins = 32

// PinResult says which posts are pinned now, the newest first.
type PinResult struct {
	Change
	Pinned []Seq
}

// Pin pins a post, or takes the pin off; what is so already changes nothing. Needs PermPin, or the policy's rank. The post's
// rev rises, the head does not move.
func (h *Hub) Pin(ctx context.Context, c Caller, g GroupID, seq Seq, off bool) (PinResult, error) {
	const op = "pin"
	var r PinResult
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionPin); err != nil {
			return err
		}
		e, err := w.entryOf(seq, MessageID{})
		if err != nil {
			return err
		}
		r.Change = Change{Seq: e.Seq, Rev: w.head.Rev}
		if r.Pinned, err = w.tx.Pins(g, MaxPins); err != nil || e.Pinned == !off {
			return err
		}
		word := "off"
		if !off {
			word = "on"
			if len(r.Pinned) >= MaxPins {
				return &Error{Kind: KindFull, Op: op, Msg: "too many posts are pinned: take a pin off first", Limit: MaxPins}
			}
		}
		if err := w.spend(moderation.ActionPin, 0); err != nil {
			return err
		}
		e.Pinned, e.Rev = !off, w.nextRev()
		if err := w.w.MarkEntry(e); err != nil {
			return err
		}
		w.tell(Event{Kind: EventChanged})
		r.Rev = w.head.Rev
		r.Pinned, err = w.tx.Pins(g, MaxPins)
		return errors.Join(err, w.heard(), w.audit(AnyHash{}, fmt.Sprintf("#%d %s", e.Seq, word)))
	})
	return r, err
}

// Pins lists the pinned posts, the newest first, for who may read.
func (h *Hub) Pins(ctx context.Context, c Caller, g GroupID) (PinResult, error) {
	var r PinResult
	err := h.read(ctx, "pins", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		r.Rev = s.head.Rev
		oldest, err := s.visible()
		if err != nil {
			return err
		}
		pins, err := s.tx.Pins(g, MaxPins)
		r.Pinned = slices.DeleteFunc(pins, func(seq Seq) bool { return seq < oldest })
		return err
	})
	return r, err
}
