package group

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"groupd/moderation"
)

// EventKind says what an Event tells.
type EventKind uint8

const (
	EventChanged      EventKind = iota + 1 // the group's Rev rose: entries, members, names
	EventRequested                         // Who asks to join; Text is his greeting
	EventApproved                          // Who was let in
	EventRejected                          // Who was turned away; Text is the reason
	EventRemoved                           // Who was kicked or banned; Text is the reason, Until the end
	EventRole                              // Who has Role now
	EventPreferences                       // Who wants to be told otherwise what is new
	EventReported                          // Who told the moderators about the entry Seq; Text is the reason. For staff only
	EventMuted                             // Who may not write; Text is the reason, Until the end
	EventUnmuted                           // Who may write again
	EventInvited                           // Target, of whom nobody may know more, is invited by By as a Role, Until the end: he is told, once
	EventGroupCreated                      // the group was made, by Who
	EventGroupDeleted                      // the group was deleted, by Who: nothing of it can be read any more
	EventAnswered                          // Target, whom Who invited, has accepted or declined; Name is his name here, if he has one
)

// Event tells subscribers, after the commit, that something changed. Head is the group's after the change; what changed
// exactly is read by rev.
type Event struct {
	Kind  EventKind
	Group GroupID
	Head  Head
	Entry *Entry       // of EventChanged: the new entry, if there is one; not to be changed
	Who   IdentityHash // of all kinds but EventChanged; zero for a ban of somebody unknown
	Name  string       // his display name
	Text  string
	Until time.Time // zero: for good
	Role  moderation.Role
	Seq   Seq // of EventReported
	// Of EventInvited. Target may be an identity hash or an address; Who is set when the identity is known.
	Target AnyHash
	By     IdentityHash // zero: the operator
	Invite int64        // its ID: who keeps the message says so, by InviteKept

	// Of EventAnswered.
	Declined bool
	Forming  bool // the group is being formed
	Left     int  // who can still answer
}

// Subscription is one reader of events. Its methods may be called from any goroutine.
type Subscription struct {
	bus     *bus
	only    GroupID // "": all groups
	c       chan Event
	most    int           // events that may wait
	closed  chan struct{} // while pumping: nothing is to be handed on any more
	dropped atomic.Uint64

	// Under the lock of the bus. Most of the time c has room; where the queue is longer than c, what does not fit is handed on by a goroutine
	// of its own, so that hundreds of long queues take no memory while they are empty.
	waiting int // not yet in c
	more    []Event
	pumping bool
}

// subscriptionRoom is how many events fit into a subscription's channel.
const subscriptionRoom = 64

// Events is the queue; Close closes it.
func (s *Subscription) Events() <-chan Event { return s.c }

// Dropped counts events lost to a full queue since the subscription began.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription; a second call does nothing.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	i := slices.Index(s.bus.subs, s)
	if i < 0 {
		return
	}
	s.bus.subs = slices.Delete(s.bus.subs, i, i+1)
	if close(s.closed); !s.pumping {
		close(s.c)
	}
}

// put queues an event, or drops it. The bus is locked.
func (s *Subscription) put(e Event) {
	if !s.pumping {
		select {
		case s.c <- e:
			return
		default:
		}
	}
	if cap(s.c)+s.waiting >= s.most {
		s.dropped.Add(1)
		return
	}
	s.more = append(s.more, e)
	s.waiting++
	if !s.pumping {
		s.pumping = true
		go s.pump()
	}
}

// pump hands on what did not fit, and ends when that is done.
func (s *Subscription) pump() {
	for {
		s.bus.mu.Lock()
		next := s.more
		s.more = nil
		if len(next) == 0 {
			s.pumping = false
			select {
			case <-s.closed: // and nobody else has closed c
				close(s.c)
			default:
			}
		}
		s.bus.mu.Unlock()
		if len(next) == 0 {
			return
		}
		for _, e := range next {
			select {
			case s.c <- e:
			case <-s.closed:
				close(s.c)
				return
			}
			s.bus.mu.Lock()
			s.waiting--
			s.bus.mu.Unlock()
		}
	}
}

// bus hands events to subscribers.
type bus struct {
	mu   sync.Mutex // leaf; sends under it never block
	subs []*Subscription
}

// Subscribe returns the events of every group from now on. At most queue of them wait (1 to 4096); while the queue is full,
// new ones are dropped and counted, and the reader catches up by rev. At most 320 subscriptions live at a time; a further
// one is closed from the start.
func (h *Hub) Subscribe(queue int) *Subscription { return h.SubscribeTo("", queue) }

// SubscribeTo is Subscribe for the events of one group.
func (h *Hub) SubscribeTo(g GroupID, queue int) *Subscription {
	s := &Subscription{bus: &h.bus, only: g, most: min(max(queue, 1), maxEventQueue), closed: make(chan struct{})}
	s.c = make(chan Event, min(s.most, subscriptionRoom))
	h.bus.mu.Lock()
	defer h.bus.mu.Unlock()
	if len(h.bus.subs) >= maxSubscribers {
		close(s.c)
		return s
	}
	h.bus.subs = append(h.bus.subs, s)
	return s
}

// publish never blocks.
func (h *Hub) publish(e Event) {
	h.bus.mu.Lock()
	defer h.bus.mu.Unlock()
	for _, s := range h.bus.subs {
		if s.only != "" && s.only != e.Group {
			continue
		}
		s.put(e)
	}
}
