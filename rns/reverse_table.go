package rns

import (
	"container/list"
	"time"
)

const (
	// reverseTime is how long the proof of a packet that we passed on is waited for (spec 1 §6.22).
	reverseTime = 480 * time.Second
	// DefaultMaxReverse is the size of the table of packets passed on whose proofs are to be passed back. When it is
	// full, the oldest of the interface that has most is forgotten.
	DefaultMaxReverse = 32768
)

// reverseEntry is a packet that we passed on.
type reverseEntry struct {
	hash    TruncatedHash
	in, out *attached
	at      time.Time
	place   *list.Element
}

// reverseTable remembers where proofs have to go. It is owned by the loop. Each interface's packets are in a list of their
// own, so that one that floods pushes out its own.
type reverseTable struct {
	limit   int
	entries map[TruncatedHash]*reverseEntry
	orders  map[*attached]*list.List // of *reverseEntry by receiving interface, oldest first
	evicted uint64
}

func newReverseTable(limit int) reverseTable {
	return reverseTable{
		limit: limit, entries: make(map[TruncatedHash]*reverseEntry), orders: make(map[*attached]*list.List),
	}
}

// add notes a packet that was passed on from in to out.
func (t *reverseTable) add(hash TruncatedHash, in, out *attached, now time.Time) {
	if e := t.entries[hash]; e != nil {
		t.remove(e)
	} else if len(t.entries) >= t.limit {
		t.evict(in)
	}
	order := t.orders[in]
	if order == nil {
		order = list.New()
		t.orders[in] = order
	}
	e := &reverseEntry{hash: hash, in: in, out: out, at: now}
	e.place = order.PushBack(e)
	t.entries[hash] = e
}

// evict makes room: at the cost of the interface that needs it, when that has its share already.
func (t *reverseTable) evict(in *attached) {
	most := t.orders[in]
	if most != nil && most.Len()*len(t.orders) >= t.limit {
		t.remove(most.Front().Value.(*reverseEntry))
		t.evicted++
		return
	}
	for _, order := range t.orders {
		if most == nil || order.Len() > most.Len() {
			most = order
		}
	}
	if most != nil && most.Len() > 0 {
		t.remove(most.Front().Value.(*reverseEntry))
		t.evicted++
	}
}

// take returns the interface that a proof heard on one has to go to, and forgets the packet. A proof on another interface
// than the packet went out on is not one, and costs the packet nothing.
func (t *reverseTable) take(hash TruncatedHash, on *attached, now time.Time) (to *attached, ok bool) {
	e := t.entries[hash]
	if e == nil || e.out != on || now.Sub(e.at) > reverseTime {
		return nil, false
	}
	t.remove(e)
	return e.in, true
}

// cull forgets what is too old.
func (t *reverseTable) cull(now time.Time) {
	for _, order := range t.orders {
		for front := order.Front(); front != nil; front = order.Front() {
			e := front.Value.(*reverseEntry)
			if now.Sub(e.at) <= reverseTime {
				break
			}
			t.remove(e)
		}
	}
}

// detach forgets all packets that came from or went to an interface that is gone.
func (t *reverseTable) detach(a *attached) {
	for _, e := range t.entries {
		if e.in == a || e.out == a {
			t.remove(e)
		}
	}
}

func (t *reverseTable) remove(e *reverseEntry) {
	delete(t.entries, e.hash)
	order := t.orders[e.in]
	order.Remove(e.place)
	if order.Len() == 0 {
		delete(t.orders, e.in)
	}
}
