package delivery

import (
	"cmp"
	"container/heap"
	"time"

	"groupd/group"
)

// ticket is one member whom anything is sent to: what is kept of him in memory, whatever is written in the group. Times are
// since the start of the scheduler, so that jumps of the clock do not matter.
type ticket struct {
	roster *roster
	id     group.IdentityHash
	prefs  group.Preferences

	cursor   group.Rev
	alerted  group.Rev // emergencies up to here were sent
	state    group.DeliveryState
	attempts int
	proved   time.Duration // the last proof
	ever     bool          // there was one
	spent    time.Duration // airtime that he owes to his share, at spentAt
	spentAt  time.Duration
	heard    time.Duration // when he was last tried because he was heard
	moved    bool          // to digest, and not told yet
	noNode   bool          // there was no propagation node for him when one was asked for

	due    time.Duration // not before
	since  time.Duration // behind since
	behind bool

	hops   int  // of the way he was given
	flying bool // a parcel is being made or on its way
	gone   bool // no longer in the roster
	dirty  bool // differs from his row

	in       *queue   // where he waits; nil: nowhere
	index    int      // there
	priority Priority // of what he waits for
}

// class is the priority of what he misses.
func (t *ticket) class() Priority {
	if t.urgent() {
		return Emergency
	}
	return priorityOf(t.prefs.Mode)
}

// urgent reports whether an emergency post is among what he misses.
func (t *ticket) urgent() bool {
	return t.cursor < t.roster.urgent && t.alerted < t.roster.urgent
}

// before reports whether its turn on an interface comes before another's.
func (t *ticket) before(other *ticket) bool {
	return cmp.Or(cmp.Compare(t.priority, other.priority), cmp.Compare(t.since, other.since), cmp.Compare(t.due, other.due)) < 0
}

// toNode reports whether what he misses is to be left at a propagation node: for who allows it, where messages are sent, after
// some tries.
func (t *ticket) toNode() bool {
	return t.prefs.ViaPropagation && t.prefs.Mode >= group.DeliverRelay && t.attempts >= directTries && !t.noNode
}

// queue is tickets in an order, the first at the top. The zero value is by due time.
type queue struct {
	list       []*ticket
	byPriority bool
}

var _ heap.Interface = (*queue)(nil)

// Len implements heap.Interface.
func (q *queue) Len() int { return len(q.list) }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	if q.byPriority {
		return a.before(b)
	}
	return a.due < b.due
}

// Swap implements heap.Interface.
func (q *queue) Swap(i, j int) {
	q.list[i], q.list[j] = q.list[j], q.list[i]
	q.list[i].index, q.list[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	t := x.(*ticket)
	t.in, t.index = q, len(q.list)
	q.list = append(q.list, t)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	t := q.list[len(q.list)-1]
	q.list[len(q.list)-1] = nil
	q.list = q.list[:len(q.list)-1]
	t.in = nil
	return t
}

// add puts a ticket into the queue, from wherever it waits.
func (q *queue) add(t *ticket) {
	t.leave()
	heap.Push(q, t)
}

// top is the first, nil when there is none.
func (q *queue) top() *ticket {
	if len(q.list) == 0 {
		return nil
	}
	return q.list[0]
}

// leave takes a ticket out of where it waits.
func (t *ticket) leave() {
	if t.in != nil {
		heap.Remove(t.in, t.index)
	}
}

// address is where his mode's courier writes to; zero when there is none.
func (t *ticket) address() Address {
	if c := t.roster.couriers[t.prefs.Mode]; c != nil {
		return c.Address(t.id)
	}
	return Address{}
}
