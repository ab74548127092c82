package group

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"groupd/moderation"
)

const (
	sweepEvery = 10 * time.Minute // how often entries that are no longer kept are looked for
	sweepBatch = 50               // entries removed in one transaction: 10 ms on a desk, so that nobody waits for long
	maxUnsure  = 256 * sweepBatch // entries whose time can not be right that are looked past
	// clockUnset is long before this program was written and after the time at which clocks start that were not set: an entry
	// with an earlier time has a wrong one.
	clockUnset = 946_684_800 // 2000-01-01, Unix seconds
)

// sweeper is the loop that removes what the groups' policies no longer keep. It belongs to Hub.Run.
type sweeper struct {
	measured map[GroupID]measure // when the content was last measured
}

// measure says what a group had then: the newest entry, and the bound.
type measure struct {
	newest Seq
	bound  uint64
}

// sweep removes from every group what its policy does not keep, in small transactions, oldest first. The chain verifies from
// the oldest entry kept; ids that were seen stay. No rev rises: clients learn the oldest entry from their next page. A group where that
// fails is tried again the next time, and keeps no other waiting.
func (h *Hub) sweep(ctx context.Context, w *sweeper) error {
	var ids []GroupID
	err := h.store.View(ctx, func(tx ReadTx) error {
		groups, err := tx.Groups()
		for _, g := range groups {
			if g.Policy.RetainCount > 0 || g.Policy.RetainAge > 0 || g.Policy.RetainBytes > 0 {
				ids = append(ids, g.ID)
			}
		}
		return err
	})
	maps.DeleteFunc(w.measured, func(g GroupID, _ measure) bool { return !slices.Contains(ids, g) })
	for _, g := range ids {
		size, failed := h.measure(ctx, g, w)
		for more := true; more && failed == nil && ctx.Err() == nil; {
			more, failed = h.sweepBatch(ctx, g, &size)
		}
		if failed != nil {
			delete(w.measured, g) // it is still to be done
			err = errors.Join(err, fmt.Errorf("group %s: %w", g, failed))
		}
	}
	if err != nil && ctx.Err() == nil {
		return h.failed("sweep", err)
	}
	return nil
}

// measure tells how large a group's content is where its policy bounds that and there is something new since the last time;
// else 0.
func (h *Hub) measure(ctx context.Context, g GroupID, w *sweeper) (size int64, err error) {
	err = h.store.View(ctx, func(tx ReadTx) error {
		row, err := tx.Group(g)
		if errors.Is(err, ErrNoRow) || err == nil && row.Policy.RetainBytes == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		head, err := tx.Head(g)
		at := measure{head.Seq, row.Policy.RetainBytes}
		if err != nil || w.measured[g] == at {
			return err
		}
		if w.measured == nil {
			w.measured = make(map[GroupID]measure)
		}
		w.measured[g] = at
		size, err = tx.ContentSize(g)
		return err
	})
	return size, err
}

// sweepBatch removes up to sweepBatch entries of a group and reports whether there may be more to remove. size is what the
// content of the group takes, and what it takes afterwards.
func (h *Hub) sweepBatch(ctx context.Context, g GroupID, size *int64) (more bool, err error) {
	left, n := *size, 0
	err = h.store.Update(ctx, func(tx Tx) error {
		more, left, n = false, *size, 0
		row, err := tx.Group(g)
		if errors.Is(err, ErrNoRow) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		head, err := tx.Head(g)
		if err != nil || head.Oldest == 0 {
			return err
		}
		now, err := h.clock.expiry(tx)
		if err != nil {
			return err
		}
		var oldest []Entry
		sure := false
		for limit := sweepBatch; n == 0 && !sure && limit <= maxUnsure; limit *= 4 {
			if oldest, err = tx.Entries(g, head.Oldest-1, 0, false, limit); err != nil {
				return err
			}
			if n, sure = expired(oldest, head, row.Policy, now, left); len(oldest) < limit {
				break
			}
		}
		if n = min(n, sweepBatch); n == 0 {
			return nil
		}
		for _, e := range oldest[:n] {
			left -= e.contentSize()
		}
		before := oldest[n-1].Seq + 1
		if _, err := tx.DropEntries(g, before, n); err != nil {
			return err
		}
		head.Oldest, head.OldestRev, more = before, head.Rev, n == sweepBatch
		return errors.Join(tx.PutHead(g, head), h.clock.advance(tx))
	})
	if err == nil {
		*size = left
		h.dropped.Add(uint64(n))
		if n > 0 {
			h.freed()
		}
	}
	return more, err
}

// expired counts how many of the oldest entries a policy no longer keeps; size is what the content of all takes. The newest
// entry is always kept. Entries whose time can not be right go when a later one is old enough to go; sure is false when there
// were only such.
func expired(oldest []Entry, head Head, p moderation.Policy, now time.Time, size int64) (n int, sure bool) {
	limit, age := int64(min(p.RetainBytes, 1<<62)), p.RetainAge.Duration()
	for i, e := range oldest {
		if e.Seq >= head.Seq {
			return n, true
		}
		over := p.RetainCount > 0 && head.Seq-e.Seq >= Seq(p.RetainCount) || limit > 0 && size > limit
		timed := e.Time.Unix() >= clockUnset && !e.Time.After(now.Add(clockJump))
		old := age > 0 && timed && now.Sub(e.Time) > age
		switch {
		case over || old:
			n = i + 1
		case timed || age == 0:
			return n, true
		}
		size -= e.contentSize()
	}
	return n, false
}

// contentSize is what Store.ContentSize counts of one entry.
func (e Entry) contentSize() int64 { return int64(len(e.Title) + len(e.Text) + len(e.Fields)) }
