package group

import (
	"context"
	"errors"
	"strings"
	"time"

	"groupd/moderation"
)

// DeleteGroup ends a group, for its owners and the operator. When it returns, nothing of the group can be read or written any more, its
// names and keys are erased, and it is as unknown as one that never was; the rest, down to the ids of what it has seen, is erased bit by bit
// from then on, which needs Run, and goes on after a restart. What is remembered is that it was deleted, when and by whom; and in memory, until
// it is asked for, what there is to tell its members (Farewell).
func (h *Hub) DeleteGroup(ctx context.Context, c Caller, g GroupID) error {
	return h.deleteGroup(ctx, c, g, true)
}

// DeleteGroupMoved is DeleteGroup of a group that goes on at another server, or that members know to end: they are told nothing. Local callers only.
func (h *Hub) DeleteGroupMoved(ctx context.Context, c Caller, g GroupID) error {
	if err := operator(opDeleteGroup, c); err != nil {
		return err
	}
	return h.deleteGroup(ctx, c, g, false)
}

const opDeleteGroup = "delete group"

func (h *Hub) deleteGroup(ctx context.Context, c Caller, g GroupID, tell bool) error {
	const op = opDeleteGroup
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	var done founded
	var last Farewell
	if err := h.store.View(ctx, func(tx ReadTx) error { // who may not causes no writes
		if repeated, err := h.repeat(tx, "", op, c, &done); repeated || err != nil {
			return err
		}
		s, err := h.look(tx, op, c, g)
		if err != nil {
			return err
		}
		if err := s.may(moderation.ActionDeleteGroup); err != nil {
			return err
		}
		if tell {
			last, err = s.farewell()
		}
		return err
	}); err != nil {
		return h.failed(op, err)
	}
	if done.Repeated {
		return nil
	}
	var identity IdentityHash // once all is ready
	err = h.store.Update(ctx, func(tx Tx) error {
		if repeated, err := h.repeat(tx, "", op, c, &done); repeated || err != nil {
			return err
		}
		s, err := h.look(tx, op, c, g)
		if err != nil {
			return err
		}
		if err := s.may(moderation.ActionDeleteGroup); err != nil {
			return err
		}
		if err := tx.RemoveGroup(g); err != nil {
			return err
		}
		if s.group.Creator.IsZero() || !strings.HasPrefix(string(g), string(madePrefix)) { // those have ids that a configuration may name
			if err := tx.PutRemovedGroup(RemovedGroup{ID: g, Address: s.group.Address, By: c.Identity, Removed: s.now}, maxRemoved); err != nil {
				return err
			}
		}
		if err := tx.AddServerLine(ServerLine{Time: s.now, By: c.Identity, Action: op, Group: g, Detail: s.group.Address.String()}, maxServerLog); err != nil {
			return err
		}
		done.Group = g
		if err := errors.Join(h.remember(tx, "", op, c, s.expiry, &done), h.clock.advance(tx)); err != nil {
			return err
		}
		identity = s.group.Identity
		h.farewells.put(identity, last) // before anybody can see that the group is gone, and asks
		return nil
	})
	if err != nil {
		if !identity.IsZero() {
			h.Farewell(identity)
		}
		return h.failed(op, err)
	}
	if done.Repeated {
		return nil
	}
	h.guesses.reset(g)
	h.pressures.drop(g)
	h.wakeEraser()
	h.publish(Event{Kind: EventGroupDeleted, Group: g, Who: c.Identity})
	return nil
}

// wakeEraser has the goroutine of erasures look what there is to do.
func (h *Hub) wakeEraser() {
	select {
	case h.erasing <- struct{}{}:
	default:
	}
}

// eraseGroups erases what is left of groups that were deleted, a little at a time.
func (h *Hub) eraseGroups(ctx context.Context) error {
	var going []GroupID
	if err := h.store.View(ctx, func(tx ReadTx) (err error) { going, err = tx.GroupsToErase(); return err }); err != nil {
		return err
	}
	for _, g := range going {
		if err := inParts(ctx, removeFor, func(n int) (bool, time.Duration, error) { return h.eraseGroup(ctx, g, n) }); err != nil {
			return err
		}
	}
	return nil
}

// eraseGroup erases n rows, and reports whether there is more to do and how long others had to wait.
func (h *Hub) eraseGroup(ctx context.Context, g GroupID, n int) (more bool, took time.Duration, err error) {
	err = h.store.Update(ctx, func(tx Tx) error {
		began := time.Now()
		defer func() { took = time.Since(began) }()
		gone, err := tx.EraseGroup(g, n)
		more = gone > 0
		return err
	})
	if err == nil {
		h.freed()
	}
	return more, took, err
}

// removeFor is what a transaction that erases a part of a deleted group is to take: there may be hundreds of thousands of rows, and nobody
// waits for them.
const removeFor = 4 * time.Millisecond

// inParts calls step until there is no more to do, with pauses for others between; each is to take no longer than most.
func inParts(ctx context.Context, most time.Duration, step func(n int) (more bool, took time.Duration, err error)) error {
	for n, more := eraseFew, true; more; {
		var took time.Duration
		var err error
		if more, took, err = step(n); err != nil {
			if KindOf(err) == KindNotFound && errors.As(err, new(*Error)) {
				return nil // the group is gone
			}
			return err
		}
		switch {
		case took < most/2:
			n = min(2*n, eraseMany)
		case took > most:
			n = max(n/2, 1)
		}
		if more {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(max(took, erasePause)):
			}
		}
	}
	return nil
}
