package rns

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// linkMaxHalfOpen is how many incoming links of one interface may wait for their initiator. One more closes the
// oldest of them, silently, since every request costs its sender nothing (spec 2 §7).
const linkMaxHalfOpen = 64

// An interface may bring so many requests for links that lead nowhere at once, and so many more per second, before further
// ones are dropped: of links to us, since each costs an agreement on keys and a signature, and of links that we pass on.
// Those whose initiators answer, and those that are proved, do not count.
const (
	linkFruitless     = 256
	linkFruitlessRate = 50.0
)

// linkBudget counts the links of an interface that led nowhere so far. The zero value is ready.
type linkBudget struct {
	spent float64
	at    time.Time // when that was
}

// open reports whether one more link may be tried.
func (b *linkBudget) open(now time.Time) bool {
	b.spent = max(0, b.spent-linkFruitlessRate*now.Sub(b.at).Seconds())
	b.at = now
	return b.spent <= linkFruitless-1
}

// refund takes back what a link has spent.
func (b *linkBudget) refund() { b.spent = max(0, b.spent-1) }

// linkCounters are the counters of [LinkStats].
type linkCounters struct {
	inboxFull, wrongInterface, badToken, badProof, badRequest, badIdentify, repeated, refused, tooFast                    atomic.Uint64
	evicted, crowdedOut, unhandled, eventsFull, badMessage, unknownPath, oversize, requestsFull, streamFull, strangerBusy atomic.Uint64
}

// LinkStats is a snapshot of the links of a transport and of what they dropped since it was made. Counters start at [New] and
// never fall.
type LinkStats struct {
	Links    int // now
	HalfOpen int // of those, opened to us by others who have not answered our proof yet

	InboxFull      uint64 // packets dropped because a link was too busy
	WrongInterface uint64 // data of a link that came in on another interface
	BadToken       uint64 // data that did not decrypt
	BadProof       uint64 // proofs of links and packets that did not verify
	BadRequest     uint64 // link requests of wrong length, mode or key
	BadIdentify    uint64 // identifications that did not verify
	Repeated       uint64 // link requests for a link that exists
	Refused        uint64 // links refused because there were too many
	TooFast        uint64 // link requests dropped since too many of their interface led nowhere
	Evicted        uint64 // half-open links closed to make room
	CrowdedOut     uint64 // links of strangers closed to make room
	Unhandled      uint64 // packets and channel messages nobody handles
	EventsFull     uint64 // packets dropped because the application's handlers were too slow
	BadMessage     uint64 // requests, responses and channel envelopes that could not be read
	UnknownPath    uint64 // requests for paths nobody handles
	Oversize       uint64 // requests and responses larger than allowed
	RequestsFull   uint64 // requests dropped because all workers were busy
	StreamFull     uint64 // channel messages not taken because a reader was too slow
	StrangerBusy   uint64 // advertisements of strangers ignored because another of their resources was under way
}

// linkShared is what the links of one transport share. The zero value is ready.
type linkShared struct {
	counters linkCounters
	requests requestPool
	work     workTurns

	strangers strangerSlots
	queued    atomic.Int64 // bytes in the inboxes of all links
	waiting   atomic.Int64 // bytes that wait for handlers of all links

	budgetOnce sync.Once
	budget     *resourceBudget

	mu       sync.Mutex // leaf: nothing is called or waited for while it is held
	links    map[LinkID]*Link
	halfOpen map[*attached][]*Link // oldest first
}

// hurried reports, and counts, that a link request has to be dropped at once: too many of its interface led nowhere.
func (s *linkShared) hurried(on *attached, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on.fruitless.open(now) {
		return false
	}
	s.counters.tooFast.Add(1)
	return true
}

// admit makes room for a link. An incoming one names its interface in on. evicted, when not nil, is to be closed by the
// caller. ok is false when the id is taken. How many links there may be is up to the transport's loop.
func (s *linkShared) admit(l *Link, on *attached) (evicted *Link, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links == nil {
		s.links, s.halfOpen = make(map[LinkID]*Link), make(map[*attached][]*Link)
	}
	if s.links[l.id] != nil {
		s.counters.repeated.Add(1)
		return nil, false
	}
	if !l.initiator {
		waiting := s.halfOpen[on]
		if len(waiting) >= linkMaxHalfOpen {
			evicted = waiting[0]
			waiting = waiting[1:]
			delete(s.links, evicted.id)
			s.counters.evicted.Add(1)
		}
		s.halfOpen[on] = append(waiting, l)
		if on != nil {
			on.fruitless.spent++
		}
	}
	s.links[l.id] = l
	return evicted, true
}

// validated takes a link out of the half-open ones.
func (s *linkShared) validated(l *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropHalfOpen(l) && l.arrived != nil {
		l.arrived.fruitless.refund()
	}
}

// gone forgets a link.
func (s *linkShared) gone(l *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links[l.id] == l {
		delete(s.links, l.id)
	}
	s.dropHalfOpen(l)
}

// dropHalfOpen reports whether the link was among the half-open ones.
func (s *linkShared) dropHalfOpen(l *Link) (was bool) {
	if l.initiator {
		return false
	}
	waiting := s.halfOpen[l.arrived]
	if i := slices.Index(waiting, l); i >= 0 {
		waiting, was = slices.Delete(waiting, i, i+1), true
	}
	if len(waiting) == 0 {
		delete(s.halfOpen, l.arrived)
		return was
	}
	s.halfOpen[l.arrived] = waiting
	return was
}

// stats is a snapshot.
func (s *linkShared) stats() LinkStats {
	s.mu.Lock()
	links, half := len(s.links), 0
	for _, w := range s.halfOpen {
		half += len(w)
	}
	s.mu.Unlock()
	c := &s.counters
	return LinkStats{
		Links: links, HalfOpen: half,
		InboxFull: c.inboxFull.Load(), WrongInterface: c.wrongInterface.Load(), BadToken: c.badToken.Load(),
		BadProof: c.badProof.Load(), BadRequest: c.badRequest.Load(), BadIdentify: c.badIdentify.Load(),
		Repeated: c.repeated.Load(), Refused: c.refused.Load(), Evicted: c.evicted.Load(),
		Unhandled: c.unhandled.Load(), EventsFull: c.eventsFull.Load(), BadMessage: c.badMessage.Load(),
		UnknownPath: c.unknownPath.Load(), Oversize: c.oversize.Load(), RequestsFull: c.requestsFull.Load(),
		StreamFull: c.streamFull.Load(), StrangerBusy: c.strangerBusy.Load(),
		TooFast: c.tooFast.Load(), CrowdedOut: c.crowdedOut.Load(),
	}
}

// LinkStats returns what the links of the transport do and drop.
func (t *Transport) LinkStats() LinkStats { return t.links.stats() }

// resourceBudget returns what bounds the resources of all links together.
func (s *linkShared) resourceBudget() *resourceBudget {
	s.budgetOnce.Do(func() { s.budget = newResourceBudget(0) })
	return s.budget
}
