package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/moderation"
)

const (
	maxEpochs  = 1000             // of a group: the oldest goes
	fewEpochs  = 8                // the newest ones stay, whatever is left of what was written in them
	rekeyRetry = 10 * time.Minute // how often it is looked whether a new epoch is due, at least
	rekeyBatch = 64               // groups that get a new key before it is looked again
)

// KeysQuery pages through the keys.
type KeysQuery struct {
	Before uint32 // numbers below; 0: from the newest one
	Limit  int    // 0: DefaultPage
}

// KeysPage are keys of a group, the newest first. More says that the caller may know older ones.
type KeysPage struct {
	Generation Generation
	Epochs     []Epoch
	More       bool
}

// Keys hands the caller, a member, the group's key, and those of earlier epochs that had not ended when he joined for the last time. A
// group has no key before somebody asks for it; then, and where a new one is due, it gets one.
func (h *Hub) Keys(ctx context.Context, c Caller, g GroupID, q KeysQuery) (KeysPage, error) {
	const op = "keys"
	c.ClientID, c.Command = nil, nil
	p, ready, err := h.keys(ctx, op, c, g, q)
	if err != nil || ready {
		return p, err
	}
	if err := h.change(ctx, op, c, g, nil, func(w *work) error {
		if err := w.may(moderation.ActionKeys); err != nil {
			return err
		}
		return w.epochDue()
	}); err != nil {
		return KeysPage{}, err
	}
	p, _, err = h.keys(ctx, op, c, g, q)
	return p, err
}

// keys reads; it is not ready when a new epoch has to begin first.
func (h *Hub) keys(ctx context.Context, op string, c Caller, g GroupID, q KeysQuery) (p KeysPage, ready bool, err error) {
	err = h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(moderation.ActionKeys); err != nil {
			return err
		}
		now, err := s.epoch()
		if err != nil {
			return err
		}
		if ready = now.Number > 0 && !now.due(s.expiry); !ready || s.standing.Member == nil {
			return nil
		}
		if p.Generation, err = generation(s.tx); err != nil {
			return err
		}
		above := q.Before // the epoch before which the first one of the page ended
		if above > 0 {
			above++
		}
		limit := pageSize(q.Limit)
		rows, err := s.tx.Epochs(g, above, limit+2)
		if err != nil {
			return err
		}
		var end Seq
		for _, e := range rows {
			switch {
			case q.Before > 0 && e.Number >= q.Before:
			case !moderation.KnowsEpoch(uint64(s.standing.Member.JoinSeq), uint64(end)):
				return nil
			case len(p.Epochs) == limit:
				p.More = true
				return nil
			default:
				p.Epochs = append(p.Epochs, e)
			}
			end = e.Seq
		}
		return nil
	})
	if err != nil {
		return KeysPage{}, false, err
	}
	return p, ready, nil
}

// epoch is the newest one, with the number 0 where the group has none yet.
func (s *scene) epoch() (Epoch, error) {
	rows, err := s.tx.Epochs(s.group.ID, 0, 1)
	if err != nil || len(rows) == 0 {
		return Epoch{Group: s.group.ID}, err
	}
	return rows[0], nil
}

// due reports whether the next one should have begun.
func (e Epoch) due(now time.Time) bool { return !e.Ends.IsZero() && !now.Before(e.Ends) }

// rekey begins a new epoch; by is whose act it follows from. Clients learn its number with the group's names and policies.
func (w *work) rekey(reason moderation.EpochReason, by IdentityHash) error {
	last, err := w.epoch()
	if err != nil {
		return err
	}
	if !last.Ends.IsZero() {
		last.Ends = time.Time{}
		if err := w.w.PutEpoch(last); err != nil {
			return err
		}
	}
	e := Epoch{Group: w.group.ID, Number: last.Number + 1, Reason: reason, Seq: w.head.Seq, Created: w.expiry}
	if err := w.hub.random(e.Key[:]); err != nil {
		return err
	}
	if err := w.putGroup(); err != nil {
		return err
	}
	e.Rev = w.group.Rev
	if err := w.w.PutEpoch(e); err != nil {
		return err
	}
	w.tell(Event{Kind: EventChanged})
	if err := w.dropEpochs(e); err != nil {
		return err
	}
	return w.auditAs("epoch", by, AnyHash{}, fmt.Sprintf("%d, %s", e.Number, reason))
}

// dropEpochs removes the keys of what is no longer kept, and those beyond the bound.
func (w *work) dropEpochs(newest Epoch) error {
	if newest.Number <= fewEpochs {
		return nil
	}
	rows, err := w.tx.Epochs(w.group.ID, newest.Number, maxEpochs)
	if err != nil {
		return err
	}
	end := newest.Seq
	for i, e := range rows {
		if i >= fewEpochs-1 && end < w.head.Oldest || i == maxEpochs-1 {
			return w.w.DropEpochs(w.group.ID, e.Number+1)
		}
		end = e.Seq
	}
	return nil
}

// epochDue begins the first epoch of a group, or the one that is due.
func (w *work) epochDue() error {
	e, err := w.epoch()
	switch {
	case err != nil:
		return err
	case e.Number == 0:
		return w.rekey(moderation.EpochFirst, IdentityHash{})
	case !e.due(w.expiry):
		return nil
	}
	if _, needed := moderation.Rekey(w.group.Joining, time.Time{}, w.expiry); needed {
		return w.rekey(moderation.EpochRemoval, IdentityHash{})
	}
	e.Ends = time.Time{} // anybody joins by now
	return w.w.PutEpoch(e)
}

// holdsKey notes that one who is removed has the current key: see rekeyAfterRemoval. m is his row as it was.
func (w *work) holdsKey(m Member) error {
	e, err := w.epoch()
	if err == nil && e.Number > 0 && (m.Present || !m.Left.Before(e.Created)) {
		w.leaked = true
	}
	return err
}

// rekeyAfterRemoval begins a new epoch, at once or when the rules let it, after people were removed who have the current key.
func (w *work) rekeyAfterRemoval() error {
	if !w.leaked {
		return nil
	}
	e, err := w.epoch()
	if err != nil || !e.Ends.IsZero() {
		return err
	}
	var last time.Time
	if e.Reason == moderation.EpochRemoval {
		last = e.Created
	}
	at, needed := moderation.Rekey(w.group.Joining, last, w.expiry)
	switch {
	case !needed:
		return nil
	case !at.After(w.expiry):
		return w.rekey(moderation.EpochRemoval, w.caller.Identity)
	}
	e.Ends = at
	w.later = true
	return w.w.PutEpoch(e)
}

// rekeyOnceClosed begins a new epoch in a group that was open to all until now: while it was, nobody who was removed from it cost it its key.
func (w *work) rekeyOnceClosed() error {
	e, err := w.epoch()
	if err != nil || e.Number == 0 {
		return err
	}
	w.leaked = true
	return w.rekeyAfterRemoval()
}

// rekeyDue begins the epochs that are due, and says when to look again. A group where that fails keeps no other waiting.
func (h *Hub) rekeyDue(ctx context.Context) (wait time.Duration, err error) {
	var due []Epoch
	var now time.Time
	err = h.store.View(ctx, func(tx ReadTx) (err error) {
		if now, err = h.clock.expiry(tx); err == nil {
			due, err = tx.EpochsDue(now.Add(rekeyRetry), rekeyBatch)
		}
		return err
	})
	if err != nil {
		return rekeyRetry, err
	}
	begun := 0
	for _, e := range due {
		if !e.due(now) {
			return e.Ends.Sub(now), err
		}
		if failed := h.change(ctx, "rekey", Caller{Local: true}, e.Group, nil, (*work).epochDue); failed != nil {
			err = errors.Join(err, fmt.Errorf("group %s: %w", e.Group, failed))
			continue
		}
		begun++
	}
	if len(due) == rekeyBatch && begun > 0 {
		return 0, err
	}
	return rekeyRetry, err
}
