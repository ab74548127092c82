package rns

import (
	"sync"
	"sync/atomic"
)

// linkMaxHalfOpen is how many incoming links of one interface may wait for their initiator. One more closes the
// oldest of them, silently, since every request costs its sender nothing (spec 2 §7).
const linkMaxHalfOpen = 64

// linkCounters count what links drop, for [Transport.LinkStats].
type linkCounters struct {
	inboxFull      atomic.Uint64 // packets dropped because a link was too busy
	wrongInterface atomic.Uint64 // data of a link that came in on another interface
	badToken       atomic.Uint64 // data that did not decrypt
	badProof       atomic.Uint64 // proofs of links and packets that did not verify
	badRequest     atomic.Uint64 // link requests of wrong length, mode or key
	badIdentify    atomic.Uint64 // identifications that did not verify
	repeated       atomic.Uint64 // link requests for a link that exists
	refused        atomic.Uint64 // links refused because there were too many
	evicted        atomic.Uint64 // half-open links closed to make room
	unhandled      atomic.Uint64 // packets and channel messages nobody handles
	eventsFull     atomic.Uint64 // packets dropped because the application's handlers were too slow
	badMessage     atomic.Uint64 // requests, responses and channel envelopes that could not be read
	unknownPath    atomic.Uint64 // requests for paths nobody handles
	oversize       atomic.Uint64 // requests and responses larger than allowed
	requestsFull   atomic.Uint64 // requests dropped because all workers were busy
	streamFull     atomic.Uint64 // channel messages not taken because a reader was too slow
	strangerBusy   atomic.Uint64 // advertisements of strangers ignored because another of their resources was under way
}

// LinkStats is a snapshot of the links of a transport and of what they dropped since it was made.
type LinkStats struct {
	Links, HalfOpen int // now; HalfOpen are those among them whose initiator has not answered

	InboxFull, WrongInterface, BadToken, BadProof, BadRequest, BadIdentify, Repeated, Refused, Evicted uint64
	Unhandled, EventsFull, BadMessage, UnknownPath, Oversize, RequestsFull, StreamFull, StrangerBusy   uint64
}

// linkShared is what the links of one transport share. The zero value is ready.
type linkShared struct {
	counters linkCounters
	requests requestPool

	strangers strangerSlots
	queued    atomic.Int64 // bytes in the inboxes of all links

	budgetOnce sync.Once
	budget     *resourceBudget

	mu       sync.Mutex // leaf: nothing is called or waited for while it is held
	links    map[LinkID]*Link
	halfOpen map[*attached][]*Link // oldest first
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
	}
	s.links[l.id] = l
	return evicted, true
}

// validated takes a link out of the half-open ones.
func (s *linkShared) validated(l *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropHalfOpen(l)
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

func (s *linkShared) dropHalfOpen(l *Link) {
	if l.initiator {
		return
	}
	waiting := s.halfOpen[l.arrived]
	for i, w := range waiting {
		if w == l {
			waiting = append(waiting[:i:i], waiting[i+1:]...)
			break
		}
	}
	if len(waiting) == 0 {
		delete(s.halfOpen, l.arrived)
		return
	}
	s.halfOpen[l.arrived] = waiting
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
	}
}

// LinkStats returns what the links of the transport do and drop.
func (t *Transport) LinkStats() LinkStats { return t.links.stats() }

// resourceBudget returns what bounds the resources of all links together.
func (s *linkShared) resourceBudget() *resourceBudget {
	s.budgetOnce.Do(func() { s.budget = newResourceBudget(0) })
	return s.budget
}
