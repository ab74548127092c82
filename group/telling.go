package group

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	tellFirst = 5 * time.Second  // after a clone was made: its destinations are opened meanwhile
	tellEvery = time.Minute      // how often who is still to be told is looked for
	tellMany  = 16               // told in one go, in each group
	tellAgain = 10 * time.Minute // after which a face is asked again that has not said that it keeps the message
)

// Telling is how far the one whom an invite is for has been told of it. The numbers are database values.
type Telling uint8

const (
	TellNothing Telling = 0 // he was told, or is not to be
	TellDue     Telling = 1 // he is to be told, by the one fixed text
	TellHanded  Telling = 2 // the text counts as sent; the face that writes to people has not said yet that it keeps it
)

// handed is what the face that writes to people was asked to tell, and when, by the time since the start. In memory: after a restart it is
// asked again. The zero value is ready.
type handed struct {
	mu sync.Mutex // leaf
	m  map[handedInvite]time.Duration
}

type handedInvite struct {
	group GroupID
	id    int64
}

// note remembers that the face was asked, and forgets what it was asked long ago.
func (h *handed) note(i Invite, now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		h.m = make(map[handedInvite]time.Duration)
	}
	for k, at := range h.m {
		if now-at >= tellAgain {
			delete(h.m, k)
		}
	}
	h.m[handedInvite{i.Group, i.ID}] = now
}

// lately reports whether the face was asked not long ago.
func (h *handed) lately(i Invite, now time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.m[handedInvite{i.Group, i.ID}]
	return ok && now-at < tellAgain
}

// wakeTeller has the goroutine of invites look who is to be told.
func (h *Hub) wakeTeller() {
	select {
	case h.telling <- struct{}{}:
	default:
	}
}

// runTelling is the life of the goroutine that has people told that they are invited, a few at a time.
func (h *Hub) runTelling(ctx context.Context) {
	again := time.NewTimer(tellFirst)
	defer again.Stop()
	last := make(map[GroupID]int64)
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.telling:
			again.Reset(tellFirst)
			continue
		case <-again.C:
		}
		if err := h.tellInvited(ctx, last); err != nil && ctx.Err() == nil {
			h.log.Warn("could not tell who is invited", "err", err)
		}
		again.Reset(tellEvery)
	}
}

// tellInvited does what can be done now: at most tellMany in each group, from the one on who comes after the last time's last, so that
// those who can not be told for long keep nobody else waiting.
func (h *Hub) tellInvited(ctx context.Context, last map[GroupID]int64) error {
	untold := make(map[GroupID][]Invite)
	err := h.store.View(ctx, func(tx ReadTx) error {
		groups, err := tx.Groups()
		for _, g := range groups {
			list, e := tx.UntoldInvites(g.ID, h.limits.Invites)
			if err = errors.Join(err, e); len(list) > 0 {
				untold[g.ID] = list
			}
		}
		return err
	})
	maps.DeleteFunc(last, func(g GroupID, _ int64) bool { return len(untold[g]) == 0 })
	for g, list := range untold {
		first, _ := slices.BinarySearchFunc(list, last[g]+1, func(i Invite, id int64) int { return cmp.Compare(i.ID, id) })
		tried := 0
		for _, i := range slices.Concat(list[first:], list[:first]) {
			if tried == tellMany {
				break
			}
			if i.Telling == TellHanded && h.handed.lately(i, h.passed()) {
				continue
			}
			full, failed := h.tellOne(ctx, i)
			if err = errors.Join(err, failed); full {
				break
			}
			tried, last[g] = tried+1, i.ID
		}
	}
	return err
}

// tellOne has one told, unless he is not to be: then his invite stands, and he may hear of it otherwise. full: the group has sent so much
// that nobody of it can be told now.
func (h *Hub) tellOne(ctx context.Context, i Invite) (full bool, err error) {
	err = h.change(ctx, "tell", Caller{Local: true}, i.Group, nil, func(w *work) error {
		full = false
		row, err := w.tx.Invite(i.Group, i.ID)
		if errors.Is(err, ErrNoRow) || err == nil && row.Telling == TellNothing {
			return nil
		}
		if err == nil && !w.expiry.Before(row.Expires) { // the server was off for long
			return w.w.DeleteInvite(i.Group, i.ID)
		}
		if err != nil {
			return err
		}
		if row.Telling == TellHanded { // it was lost on the way to the face, and is counted already
			return w.sendAgain(row)
		}
		if later, err := w.tellLater(row); later || err != nil {
			return err
		}
		row.Telling = TellHanded
		switch err := w.maySend(row.For); {
		case err == nil:
			if err := w.sendInvite(row); err != nil {
				return err
			}
		case KindOf(err) == KindRateLimited && w.hub.inviting.Wait(w.now, w.directKey(), directRates()) > 0:
			full = true
			return nil
		case !Refused(err):
			return err
		default:
			row.Telling = TellNothing
		}
		_, err = w.w.PutInvite(row)
		return err
	})
	if KindOf(err) == KindNotFound && Refused(err) {
		err = nil
	}
	return full, err
}

// tellLater reports whether an invite has to wait until who made it may send more: what goes to people who never were in any group here counts
// like every other direct invite, whatever it came from.
func (s *scene) tellLater(i Invite) (bool, error) {
	if i.By.IsZero() {
		return false, nil
	}
	if known, err := s.tx.Memberships(i.For, 1); err != nil || len(known) > 0 {
		return false, err
	}
	_, enough, err := s.sentEnough(i.By)
	return enough, err
}

// InviteKept tells the Hub that the message which an EventInvited asks for is durable where it waits to be sent, so that nobody is asked for
// it again, not after a crash either. Local callers only.
func (h *Hub) InviteKept(ctx context.Context, c Caller, g GroupID, invite int64) error {
	const op = "tell"
	if err := operator(op, c); err != nil {
		return err
	}
	c.ClientID, c.Command = nil, nil
	return h.change(ctx, op, c, g, nil, func(w *work) error {
		row, err := w.tx.Invite(g, invite)
		if errors.Is(err, ErrNoRow) || err == nil && row.Telling == TellNothing { // answered or taken back meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		row.Telling = TellNothing
		_, err = w.w.PutInvite(row)
		return err
	})
}
