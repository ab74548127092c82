package rns

import (
	"container/list"
	"slices"
	"time"
)

// maxRateTimes is how many times of announces are kept per destination, for statistics.
const maxRateTimes = 16

// announceRateEntry is how often a destination announced itself lately.
type announceRateEntry struct {
	destination  DestinationHash
	last         time.Time
	violations   int
	blockedUntil time.Time
	times        []time.Time // the newest, oldest first
	idleAfter    time.Time   // when it can be forgotten
	place        *list.Element
}

// announceRateTable keeps destinations from having their announces passed on too often (spec 1 §6.11). It is shared by all
// interfaces and bounded: when it is full the destination is forgotten that was not heard for longest. It is owned by
// the loop.
type announceRateTable struct {
	limit   int
	entries map[DestinationHash]*announceRateEntry
	order   list.List // of *announceRateEntry, heard last at the back
	evicted uint64
	blocked uint64 // announces not passed on
}

func newAnnounceRateTable(limit int) announceRateTable {
	return announceRateTable{limit: limit, entries: make(map[DestinationHash]*announceRateEntry)}
}

// heard counts an accepted announce and reports whether it must not be passed on. before is when the last one was accepted,
// zero when there was none: there are entries only for destinations that announced themselves twice within the target.
func (t *announceRateTable) heard(d DestinationHash, limit AnnounceRate, before, now time.Time) (blocked bool) {
	e := t.entries[d]
	if e == nil && (before.IsZero() || now.Sub(before) >= limit.Target) {
		return false
	}
	if e == nil {
		if len(t.entries) >= t.limit {
			t.remove(t.order.Front().Value.(*announceRateEntry))
			t.evicted++
		}
		e = &announceRateEntry{destination: d, last: before, times: []time.Time{before}}
		e.place = t.order.PushBack(e)
		t.entries[d] = e
	}
	if len(e.times) >= maxRateTimes {
		e.times = slices.Delete(e.times, 0, 1)
	}
	e.times = append(e.times, now)
	t.order.MoveToBack(e.place)
	if !now.After(e.blockedUntil) {
		t.blocked++
		return true
	}
	if now.Sub(e.last) < limit.Target {
		e.violations++
	} else {
		e.violations = max(0, e.violations-1)
	}
	if e.violations > limit.Grace {
		e.blockedUntil = e.last.Add(limit.Target + limit.Penalty)
		t.blocked++
		blocked = true
	} else {
		e.last = now
	}
	e.idleAfter = now.Add(limit.Target + limit.Penalty)
	if e.blockedUntil.After(e.idleAfter) {
		e.idleAfter = e.blockedUntil
	}
	return blocked
}

// cull forgets who kept quiet for so long that nothing follows from it: violations are forgiven one by one, so those who
// had any are kept as much longer.
func (t *announceRateTable) cull(now time.Time) {
	for at := t.order.Front(); at != nil; {
		e := at.Value.(*announceRateEntry)
		at = at.Next()
		if now.After(e.idleAfter) && e.violations == 0 || now.Sub(e.idleAfter) > 24*time.Hour {
			t.remove(e)
		}
	}
}

func (t *announceRateTable) remove(e *announceRateEntry) {
	delete(t.entries, e.destination)
	t.order.Remove(e.place)
}
