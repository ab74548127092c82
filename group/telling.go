package group

import (
	"context"
	"errors"
	"time"
)

const (
	tellFirst = 5 * time.Second // after a clone was made: its destinations are opened meanwhile
	tellEvery = time.Minute     // how often who is still to be told is looked for
	tellMany  = 16              // told in one go
)

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
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.telling:
			again.Reset(tellFirst)
			continue
		case <-again.C:
		}
		if err := h.tellInvited(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("could not tell who is invited", "err", err)
		}
		again.Reset(tellEvery)
	}
}

// tellInvited does what can be done now.
func (h *Hub) tellInvited(ctx context.Context) error {
	var list []Invite
	err := h.store.View(ctx, func(tx ReadTx) error {
		groups, err := tx.Groups()
		for _, g := range groups {
			some, e := tx.UntoldInvites(g.ID, tellMany)
			list, err = append(list, some...), errors.Join(err, e)
		}
		return err
	})
	full := make(map[GroupID]bool)
	for _, i := range list {
		if full[i.Group] || err != nil {
			continue
		}
		full[i.Group], err = h.tellOne(ctx, i)
	}
	return err
}

// tellOne has one told, unless he is not to be: then his invite stands, and he may hear of it otherwise. later: nobody of that group can
// be told now.
func (h *Hub) tellOne(ctx context.Context, i Invite) (later bool, err error) {
	err = h.change(ctx, "tell", Caller{Local: true}, i.Group, nil, func(w *work) error {
		later = false
		row, err := w.tx.Invite(i.Group, i.ID)
		if errors.Is(err, ErrNoRow) || err == nil && !row.Untold {
			return nil
		}
		if err == nil && !w.expiry.Before(row.Expires) { // the server was off for long
			return w.w.DeleteInvite(i.Group, i.ID)
		}
		if err != nil {
			return err
		}
		if later, err = w.tellLater(row); later || err != nil {
			return err
		}
		switch err := w.maySend(row.For); {
		case err == nil:
			if err := w.sendInvite(row); err != nil {
				return err
			}
		case KindOf(err) == KindRateLimited && w.hub.inviting.Wait(w.now, w.directKey(), directRates()) > 0:
			later = true
			return nil
		case !Refused(err):
			return err
		}
		row.Untold = false
		_, err = w.w.PutInvite(row)
		return err
	})
	if KindOf(err) == KindNotFound && Refused(err) {
		err = nil
	}
	return later, err
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
