package rns

import (
	"container/list"
	"time"
)

const (
	// discoveryTime is how long somebody who asked for an unknown destination gets the first announce of it at once.
	discoveryTime = 15 * time.Second
	// maxDiscoveries bounds the destinations looked for, for others and for local clients, each. When there are as many,
	// no further ones are looked for.
	maxDiscoveries = 4096

	// requestPause is the time between two path requests that transport makes of its own accord, and
	// maxQueuedRequests how many may wait; further ones are dropped (spec 1 §6.14).
	requestPause      = 500 * time.Millisecond
	maxQueuedRequests = 32
)

// discovery is a destination that somebody asked for and that we look for.
type discovery struct {
	destination DestinationHash
	on          *attached // who asked
	until       time.Time
	place       *list.Element
}

// discoveryTable holds what is looked for. It is owned by the loop.
type discoveryTable struct {
	limit   int
	entries map[DestinationHash]*discovery
	order   list.List // of *discovery, in the order in which they end
	full    uint64
}

func newDiscoveryTable(limit int) discoveryTable {
	return discoveryTable{limit: limit, entries: make(map[DestinationHash]*discovery)}
}

// waiting returns who waits for a destination, nil for nobody.
func (t *discoveryTable) waiting(d DestinationHash, now time.Time) *attached {
	if e := t.entries[d]; e != nil && now.Before(e.until) {
		return e.on
	}
	return nil
}

// begin notes that on waits for d. It reports false when somebody waits already, or there are too many.
func (t *discoveryTable) begin(d DestinationHash, on *attached, now time.Time) bool {
	t.cull(now)
	if t.entries[d] != nil {
		return false
	}
	if len(t.entries) >= t.limit {
		t.full++
		return false
	}
	e := &discovery{destination: d, on: on, until: now.Add(discoveryTime)}
	e.place = t.order.PushBack(e)
	t.entries[d] = e
	return true
}

// cull ends what has waited for long enough.
func (t *discoveryTable) cull(now time.Time) {
	for front := t.order.Front(); front != nil; front = t.order.Front() {
		e := front.Value.(*discovery)
		if now.Before(e.until) {
			return
		}
		t.remove(e)
	}
}

// detach forgets who is gone.
func (t *discoveryTable) detach(on *attached) {
	for _, e := range t.entries {
		if e.on == on {
			t.remove(e)
		}
	}
}

func (t *discoveryTable) remove(e *discovery) {
	delete(t.entries, e.destination)
	t.order.Remove(e.place)
}

// queuedRequest is a path request that transport makes of its own accord.
type queuedRequest struct {
	destination DestinationHash
	except      *attached // not to be asked on; nil: none
}

// requestQueue spaces them out. It is owned by the loop.
type requestQueue struct {
	waiting []queuedRequest
	nextAt  time.Time
	dropped uint64
}

// add queues a request, unless one for the destination waits already.
func (q *requestQueue) add(r queuedRequest) {
	for _, w := range q.waiting {
		if w.destination == r.destination {
			return
		}
	}
	if len(q.waiting) >= maxQueuedRequests {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, r)
}

// take returns the request that is to be made now.
func (q *requestQueue) take(now time.Time) (r queuedRequest, ok bool) {
	if len(q.waiting) == 0 || now.Before(q.nextAt) {
		return r, false
	}
	r = q.waiting[0]
	q.waiting = q.waiting[1:]
	q.nextAt = now.Add(requestPause)
	return r, true
}
