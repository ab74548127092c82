package group

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"groupd/moderation"
)

const (
	metaClock  = "clock"          // the stored progress, 8 bytes, microseconds since 1970
	clockJump  = 24 * time.Hour   // a wall clock further off than this is not believed
	clockStore = 10 * time.Minute // how often progress is stored
	clockAgree = 10 * time.Minute // how near an author's time must be to count as a second source
)

// clock keeps two times. The wall time is what entries carry. The expiry time is stored progress: it never goes back, it
// follows the wall clock, but when that is more than a day ahead or behind at a start or after a jump, it only counts
// the time that passes by itself, so that nothing expires or is deleted until the operator or two members' clocks
// confirm. A Pi without network starts in the past: that is normal.
type clock struct {
	now   func() time.Time
	start time.Time // with monotonic reading: what passes since then is no matter of the wall clock
	floor time.Time // a wall clock that says less is not set; zero: there is no such time

	mu       sync.Mutex // leaf
	loaded   bool
	progress time.Time     // the expiry time at base
	base     time.Duration // since start
	stored   time.Time     // what metaClock says
	unsure   bool
	believe  bool                      // somebody has confirmed the wall clock, whatever it says
	sources  map[IdentityHash]struct{} // members whose clocks agree with ours while unsure; at most two
}

// passed is the time since the start, whatever the wall clock says.
func (h *Hub) passed() time.Duration { return time.Since(h.clock.start) }

// wall is the time of new entries, as it is stored.
func (c *clock) wall() time.Time { return c.now().UTC().Round(0).Truncate(time.Microsecond) }

// expiry is the time by which things expire.
func (c *clock) expiry(tx ReadTx) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, passed := c.now(), time.Since(c.start)
	if !c.loaded {
		raw, err := tx.Meta(metaClock)
		if err != nil {
			return time.Time{}, err
		}
		c.loaded, c.base, c.progress = true, passed, now.Round(0)
		if len(raw) == 8 {
			c.progress = time.UnixMicro(int64(binary.BigEndian.Uint64(raw)))
			c.stored = c.progress
		}
	}
	counted := c.progress.Add(passed - c.base) // time that passed by itself
	wall := now.Round(0)
	off := wall.Sub(counted)
	c.unsure = off > clockJump || off < -clockJump || wall.Before(c.floor) && !c.believe
	if !c.unsure && off > 0 {
		counted = wall
	}
	c.progress, c.base = counted, passed
	return counted.UTC().Truncate(time.Microsecond), nil
}

// advance stores the progress now and then, along with a change.
func (c *clock) advance(tx Tx) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded || c.progress.Sub(c.stored) < clockStore {
		return nil
	}
	c.stored = c.progress // should the commit fail, the next one is 10 minutes late
	return tx.SetMeta(metaClock, binary.BigEndian.AppendUint64(nil, uint64(c.progress.UnixMicro())))
}

// source takes an author's time as a witness: two members whose clocks agree with ours confirm it.
func (c *clock) source(id IdentityHash, author time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.unsure || author.IsZero() || id.IsZero() {
		return
	}
	now := c.now()
	if off := now.Round(0).Sub(author); off > clockAgree || off < -clockAgree {
		return
	}
	if c.sources == nil {
		c.sources = make(map[IdentityHash]struct{})
	}
	c.sources[id] = struct{}{}
	if len(c.sources) >= 2 {
		c.confirm(now)
	}
}

// confirm believes the wall clock. c.mu is held.
func (c *clock) confirm(now time.Time) {
	c.progress, c.base, c.stored = now.Round(0), time.Since(c.start), time.Time{}
	c.unsure, c.loaded, c.believe = false, true, true
	clear(c.sources)
}

// Now is the time by which things expire: the wall clock's as long as that is believed. What is said of how long something lasts yet counts
// from it, so that it is true while the machine's clock is years off.
func (h *Hub) Now() time.Time { return h.clock.believed() }

// SureNow is Now, or the zero time while the clock is unsure: for what people say as "in three days", of which a date is kept.
func (h *Hub) SureNow() time.Time {
	if h.ClockUnsure() {
		return time.Time{}
	}
	return h.Now()
}

// believed is the expiry time, as far as it is known without the store.
func (c *clock) believed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall := c.now().Round(0)
	if !c.loaded {
		return wall
	}
	counted := c.progress.Add(time.Since(c.start) - c.base)
	if off := wall.Sub(counted); off > 0 && off <= clockJump {
		return wall
	}
	return counted
}

// ClockUnsure reports whether the time is more than a day off from what was expected, or earlier than Config.NotBefore, so that nothing expires
// until ConfirmClock, or until two members' messages agree with it. It is found out by the first call that reads the store.
func (h *Hub) ClockUnsure() bool {
	h.clock.mu.Lock()
	defer h.clock.mu.Unlock()
	return h.clock.unsure
}

// ConfirmClock says that the time is right. Local callers only.
func (h *Hub) ConfirmClock(ctx context.Context, c Caller) error {
	const op = "confirm clock"
	if err := operator(op, c); err != nil {
		return err
	}
	h.clock.mu.Lock()
	h.clock.confirm(h.now())
	h.clock.mu.Unlock()
	if err := h.store.Update(ctx, h.clock.advance); err != nil {
		return h.failed(op, err)
	}
	return nil
}

// operator lets only the operator at the machine through.
func operator(op string, c Caller) error {
	v := moderation.Decide(moderation.Facts{Action: moderation.ActionOperate, Local: c.Local, Identified: !c.Identity.IsZero()}, time.Time{})
	if v.Outcome != moderation.Allow {
		return &Error{Kind: kindOf(v.Reason), Op: op, Msg: v.Text, Reason: v.Reason}
	}
	return nil
}
