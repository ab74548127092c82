package lxm

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"groupd/api/faults"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

// Tunables. Each is the default of a field of [Config] where it has one.
const (
	// DefaultMaxPending bounds the messages that were taken and not decided about; further ones are dropped, unproved and
	// counted, so that their senders try again.
	DefaultMaxPending = 256
	// DefaultWorkers is how many messages are handled at a time.
	DefaultWorkers = 128

	// strangerStamp is the highest cost of a stamp that is made for the answer to a stranger: a few thousand hashes, so that
	// nobody outside makes the server work. Above it he gets no answer.
	strangerStamp = 8
	// answerFor is how long an answer may wait for its recipient, noticeFor a notice about a decision.
	answerFor = time.Hour
	noticeFor = 24 * time.Hour
	// noticeQueue is how many of the Hub's events may wait; further ones are lost and counted, and the people they concern
	// find out by themselves.
	noticeQueue = 1024
)

// commandRate bounds a member's commands; those beyond it are refused.
func commandRate() moderation.Rate { return moderation.Rate{Burst: 30, Every: 10 * time.Second} }

// rateKey names a bucket of a member's: of his commands, or of what he is told of refusals.
type rateKey struct {
	who     group.IdentityHash
	refusal bool
}

// refusalRate bounds how often a member is told that something was not done, so that a program which answers everything
// gets into no conversation.
func refusalRate() moderation.Rate { return moderation.Rate{Burst: 5, Every: 5 * time.Minute} }

// Config says what a Server is made of. Hub, Group and Send are needed.
type Config struct {
	Hub     *group.Hub
	Group   group.GroupID
	Address group.Address // the group's LXMF address, which copies of posts come from
	// Send queues a message in the group's name and returns at once; see [Via]. It may be called from many goroutines.
	Send func(context.Context, Outbound) error
	// Ratchet is the newest ratchet that an address has announced, nil when there is none; it is kept with the member, so
	// that he can be written to after a restore. nil: none is known. It must be quick.
	Ratchet func(rns.DestinationHash) []byte
	// Known reports whether an address was heard announcing. nil: none was. It must be quick.
	Known func(rns.DestinationHash) bool
	// ModeFor is how one is told what is new who joins by a message that came in by this interface. nil: he asks.
	ModeFor func(iface string) group.DeliveryMode
	// Estimate tells what a message would put on the air, and Carry sends one once and waits for what becomes of it; see
	// [Carried]. Both are needed by the couriers alone.
	Estimate func(Outbound) (lxmf.Airtime, error)
	Carry    func(context.Context, Outbound) (delivery.Outcome, error)
	// Server reports whether an identity is known to announce a group: it is sent no posts, unless the policy allows that. nil:
	// nobody is.
	Server func(group.IdentityHash) bool
	// Version is what /about says of the program; "": nothing.
	Version string
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: discard. Never message texts.

	MaxPending int // 0: DefaultMaxPending
	Workers    int // 0: DefaultWorkers
}

// Inbound is a verified message. Exactly one of Prove and Drop is called, once, from any goroutine.
type Inbound struct {
	Message *lxmf.Message
	Sender  *rns.PublicIdentity // the author, verified
	Via     string              // the name of the interface that it came in by, "" for none
	Late    bool                // came through a propagation node
	Work    int                 // bits of work that its stamp proves; lxmf.TicketStampValue with a ticket of ours
	Prove   func()              // it is decided, durably: send the delivery proof
	Drop    func()              // it could not be decided: no proof, the sender tries again
}

// Outbound is a message of the group to one person, marked as automatic. It fits one opportunistic packet, stamp included, unless it
// relays a post over a fast way.
type Outbound struct {
	To       rns.DestinationHash
	Identity *rns.PublicIdentity // nil: as known from announces, or from the member's row
	Content  []byte              // title and timestamp are left to the sender
	Fields   lxmf.Fields
	TTL      time.Duration // how long it may wait for the recipient
	MaxStamp int           // the highest cost that a stamp is made for; 0: any that the sender makes
	Ticket   bool          // take a ticket along if one is due, so that the recipient's messages need no stamps
	Priority lxmf.Priority
	Node     bool    // leave it at a propagation node
	Time     float64 // timestamp; 0: now
	Keep     bool    // over restarts: what the recipient has not just asked for, and would not ask for again
}

// Server is the LXMF face of one group. All methods may be called from any goroutine.
type Server struct {
	config   Config
	hub      *group.Hub
	group    group.GroupID
	log      *slog.Logger
	faults   faults.Log
	commands []command
	rates    group.Buckets[rateKey]
	count    counters
	address  group.Address // the group's
	copies   copyCache
	relays   relays
	repeats  repeats
	reading  chan struct{} // capacity 1: who holds it reads the timeline
	recent   *timeline     // of who holds reading

	mu      sync.Mutex // leaf
	wg      sync.WaitGroup
	life    context.Context // set while Run runs
	ended   bool
	lanes   map[group.IdentityHash]*lane
	ready   []*lane // with work, not being worked on; in the order of their turns
	pending int
	working int
}

// New checks the configuration; nothing is started.
func New(c Config) (*Server, error) {
	switch {
	case c.Hub == nil || c.Send == nil || c.Group == "":
		return nil, errors.New("lxm: Hub, Group and Send are needed")
	case c.MaxPending < 0 || c.Workers < 0:
		return nil, errors.New("lxm: negative bound")
	}
	if c.MaxPending == 0 {
		c.MaxPending = DefaultMaxPending
	}
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	log := c.Logger.With("group", c.Group)
	return &Server{
		config: c, hub: c.Hub, group: c.Group, log: log, commands: commandTable(),
		faults:  faults.Log{Logger: log, Rand: rand.Reader, What: "message not decided, left unproved"},
		address: c.Address, reading: make(chan struct{}, 1), lanes: make(map[group.IdentityHash]*lane),
	}, nil
}

// Run handles messages and tells people what was decided about them, until ctx ends. Then messages that are not decided
// yet are dropped unproved, and it returns nil when all workers have ended. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	events := s.hub.SubscribeTo(s.group, noticeQueue)
	defer events.Close()
	s.start(ctx)
	defer s.stop()
	watch := watched()
	later := time.NewTimer(staffEvery)
	defer later.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-later.C:
		case e, ok := <-events.Events():
			if !ok {
				return errors.New("lxm: too many subscribers of events")
			}
			s.notice(ctx, e)
			for i := range watch {
				watch[i].news = watch[i].news || e.Kind == watch[i].of && e.Group == s.group
			}
		}
		soonest := time.Duration(0)
		for i := range watch {
			if wait := s.tellStaff(ctx, &watch[i]); wait > 0 && (soonest == 0 || wait < soonest) {
				soonest = wait
			}
		}
		if soonest > 0 {
			later.Reset(soonest)
		}
		s.count.eventsLost.Store(events.Dropped())
	}
}

// Stats counts since the start.
type Stats struct {
	Received    uint64 // messages taken
	Posted      uint64 // became entries
	Duplicates  uint64 // had become entries before
	Reactions   uint64 // reactions to posts
	Commands    uint64 // of people who may have them answered
	Refused     uint64 // posts and commands refused, proved
	Ignored     uint64 // marked by a relay, from the banned, or with nothing to show: proved, no answer
	Hints       uint64 // given to strangers
	Silent      uint64 // messages of strangers over their caps: proved, no answer
	Overload    uint64 // not taken for want of room: no proof
	Undecided   uint64 // could not be committed: no proof
	Answers     uint64 // messages sent
	Relayed     uint64 // messages of the couriers that arrived
	AnswersLost uint64 // that could not be queued
	EventsLost  uint64 // events lost to a full queue
	Forgotten   uint64 // members whose rates were forgotten for want of room
	Pending     int    // now
}

type counters struct {
	received, posted, duplicates, reactions, commands, refused, ignored, hints, silent, overload, undecided, answers, answersLost, eventsLost, relayed atomic.Uint64
}

// Stats is a snapshot.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	pending := s.pending
	s.mu.Unlock()
	_, forgotten := s.rates.Size()
	c := &s.count
	return Stats{
		Forgotten: forgotten,
		Received:  c.received.Load(), Posted: c.posted.Load(), Duplicates: c.duplicates.Load(), Reactions: c.reactions.Load(), Commands: c.commands.Load(), Refused: c.refused.Load(),
		Ignored: c.ignored.Load(), Hints: c.hints.Load(), Silent: c.silent.Load(), Overload: c.overload.Load(), Undecided: c.undecided.Load(),
		Answers: c.answers.Load(), AnswersLost: c.answersLost.Load(), Relayed: c.relayed.Load(), EventsLost: c.eventsLost.Load(), Pending: pending,
	}
}
