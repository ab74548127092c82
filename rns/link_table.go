package rns

import (
	"container/list"
	"time"
)

const (
	// relayedLinkTime is how long a link that we pass on is remembered without traffic.
	relayedLinkTime = 900 * time.Second
	// relayProofTime is how long its proof is waited for per hop; the time of a full packet on the receiving interface
	// is added (spec 1 §6.7).
	relayProofTime = 6 * time.Second
	// DefaultMaxRelayedLinks is the size of the table of links that we pass on. When it is full, the link not yet proved
	// that ends first is forgotten, or else the one without traffic for longest.
	DefaultMaxRelayedLinks = 8192
)

// relayedLink is a link between others that leads through us (spec 1 §6.7).
type relayedLink struct {
	id          LinkID
	destination DestinationHash
	used        time.Time
	nextHop     TruncatedHash
	out         *attached // towards the destination
	remaining   int       // hops from there
	in          *attached // towards the initiator
	taken       int       // hops from there, this one included
	validated   bool
	proofBy     time.Time     // until then it must be proved
	index       int           // in linkTable.pending
	order       *list.Element // in linkTable.active
}

func (l *relayedLink) before(o *relayedLink) bool { return l.proofBy.Before(o.proofBy) }
func (l *relayedLink) place() *int                { return &l.index }

// route returns where a packet of the link goes that was heard with so many hops; nil for nowhere, as it is not our turn.
func (l *relayedLink) route(on *attached, hops int) *attached {
	switch {
	case l.in == l.out:
		if on == l.in && (hops == l.remaining || hops == l.taken) {
			return on
		}
	case on == l.out:
		if hops == l.remaining {
			return l.in
		}
	case on == l.in:
		if hops == l.taken {
			return l.out
		}
	}
	return nil
}

// linkTable holds the links that we pass on. It is owned by the loop.
type linkTable struct {
	limit   int
	entries map[LinkID]*relayedLink
	pending timeline[*relayedLink] // not proved
	active  list.List              // of *relayedLink, proved, used last at the back
	evicted uint64
}

func newLinkTable(limit int) linkTable {
	return linkTable{limit: limit, entries: make(map[LinkID]*relayedLink)}
}

// lookup returns the link, or nil.
func (t *linkTable) lookup(id LinkID, now time.Time) *relayedLink {
	l := t.entries[id]
	if l != nil && l.validated && now.Sub(l.used) > relayedLinkTime {
		t.remove(l)
		return nil
	}
	return l
}

// add takes in a link that is being made. A repeated request, which may have been changed on the way, is refused unless
// it takes the same way as the first and that has no proof yet.
func (t *linkTable) add(l *relayedLink) bool {
	if old := t.entries[l.id]; old != nil {
		if old.validated || old.in != l.in || old.out != l.out {
			return false
		}
		t.remove(old)
	}
	if len(t.entries) >= t.limit {
		if t.pending.len() > 0 {
			t.remove(t.pending.first())
		} else {
			t.remove(t.active.Front().Value.(*relayedLink))
		}
		t.evicted++
	}
	t.entries[l.id] = l
	t.pending.add(l)
	return true
}

// validate notes that the link was proved.
func (t *linkTable) validate(l *relayedLink, now time.Time) {
	l.used = now
	if l.validated {
		t.active.MoveToBack(l.order)
		return
	}
	t.pending.remove(l)
	l.validated = true
	l.order = t.active.PushBack(l)
}

// touch notes that a packet was passed on.
func (t *linkTable) touch(l *relayedLink, now time.Time) {
	l.used = now
	if l.validated {
		t.active.MoveToBack(l.order)
	}
}

// failed takes out the next link that was not proved in time; nil: there is none.
func (t *linkTable) failed(now time.Time) *relayedLink {
	if t.pending.len() == 0 || t.pending.first().proofBy.After(now) {
		return nil
	}
	l := t.pending.first()
	t.remove(l)
	return l
}

// next is when a link fails unless it is proved; ok is false when none waits.
func (t *linkTable) next() (at time.Time, ok bool) {
	if t.pending.len() == 0 {
		return at, false
	}
	return t.pending.first().proofBy, true
}

// cull forgets links without traffic.
func (t *linkTable) cull(now time.Time) {
	for front := t.active.Front(); front != nil; front = t.active.Front() {
		l := front.Value.(*relayedLink)
		if now.Sub(l.used) <= relayedLinkTime {
			return
		}
		t.remove(l)
	}
}

// detach forgets the links over an interface that is gone.
func (t *linkTable) detach(a *attached) {
	for _, l := range t.entries {
		if l.in == a || l.out == a {
			t.remove(l)
		}
	}
}

func (t *linkTable) remove(l *relayedLink) {
	delete(t.entries, l.id)
	if l.validated {
		t.active.Remove(l.order)
	} else {
		t.pending.remove(l)
	}
}
