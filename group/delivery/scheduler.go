package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"groupd/group"
)

// Tunables of the loop.
const (
	// flushEvery and flushRows are how often, and how many at a time, what has changed is written to the rows: many cursors
	// share a commit.
	flushEvery = 2 * time.Second
	flushRows  = 500
	// ripeRows is how many members are given a way at a time.
	ripeRows = 256
	// airEvery is how old a snapshot of the interfaces may be, idleLook how often the loop looks at them at least.
	airEvery = time.Second
	idleLook = 30 * time.Second
	// carryWithin bounds one parcel's way.
	carryWithin = 10 * time.Minute
	// eventQueue is how many of the Hub's events may wait; when some are lost, all rows are read again.
	eventQueue = 1024
	// emergencyFor is how long after a restart an emergency post is still one.
	emergencyFor = time.Hour
	loadRows     = 500
)

// Config is what a Scheduler is made of. Hub, Store and Air are needed.
type Config struct {
	Hub interface {
		Subscribe(queue int) *group.Subscription
	}
	Store  group.Store
	Air    Air
	Now    func() time.Time // the clock of quiet hours and rows; nil: time.Now. Waits do not depend on it
	Rand   func() float64   // of waits, 0 … 1; nil: random
	Logger *slog.Logger     // nil: discard
}

// Scheduler tells members what is new. Its methods may be called from any goroutine.
type Scheduler struct {
	config Config
	log    *slog.Logger
	start  time.Time
	wake   chan struct{} // capacity 1
	eyes   chan struct{} // capacity 1: who holds it looks at the interfaces
	looked time.Duration // at the interfaces; of the loop

	mu       sync.Mutex // leaf: nothing is waited for under it
	book     *book
	load     []group.GroupID // whose rows are to be read
	loaded   map[group.GroupID]bool
	flushing bool
	flushed  time.Duration // when it began last

	flights sync.WaitGroup
}

// New checks the configuration; nothing is started.
func New(c Config) (*Scheduler, error) {
	if c.Hub == nil || c.Store == nil || c.Air == nil {
		return nil, errors.New("delivery: Hub, Store and Air are needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{
		config: c, log: c.Logger, start: time.Now(), wake: make(chan struct{}, 1), eyes: make(chan struct{}, 1), book: newBook(c.Rand), loaded: make(map[group.GroupID]bool),
	}, nil
}

// now is the time since the start; it does not jump with the clock.
func (s *Scheduler) now() time.Duration { return time.Since(s.start) }

// poke makes the loop look.
func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// with runs f on the tables and makes the loop look. f must not wait.
func (s *Scheduler) with(f func(b *book, now time.Duration)) {
	s.mu.Lock()
	f(s.book, s.now())
	s.mu.Unlock()
	s.poke()
}

// Register sets who carries what one mode's members of a group are sent; nil: nobody. The group's members are read when its
// first courier is registered.
func (s *Scheduler) Register(g group.GroupID, m group.DeliveryMode, c Courier) {
	if m == group.DeliverFetch || m > group.DeliverDigest {
		return
	}
	s.with(func(b *book, now time.Duration) {
		b.register(now, g, m, c)
		if !s.loaded[g] {
			s.loaded[g] = true
			s.load = append(s.load, g)
		}
	})
}

// Close ends delivery to a group's members.
func (s *Scheduler) Close(g group.GroupID) {
	s.with(func(b *book, now time.Duration) {
		b.close(g)
		delete(s.loaded, g)
		s.load = slices.DeleteFunc(s.load, func(other group.GroupID) bool { return other == g })
	})
}

// Heard notes a sign of life of an identity: an announce, as a rule. Who was given up gets another try.
func (s *Scheduler) Heard(id group.IdentityHash) {
	s.mu.Lock()
	changed := s.book.heard(s.now(), id)
	s.mu.Unlock()
	if changed {
		s.poke()
	}
}

// Charge books what others than couriers send by an interface: answers and announces. who may be zero. bytes are of all
// packets, headers included; proofs are the packets that come back.
func (s *Scheduler) Charge(iface string, p Priority, who group.IdentityHash, bytes, packets, proofs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.book.lanes[iface]; l != nil {
		ours, all := l.Cost(Parcel{Bytes: bytes, Packets: packets, Proofs: proofs})
		l.charge(s.now(), min(p, Other), who, ours, all)
		l.parcels[min(p, Other)]++
	}
}

// Wait is how long a packet of so many bytes, headers included, that the caller sends and charges himself has to wait for its turn on an interface;
// 0: not at all. Ask again when it has passed.
func (s *Scheduler) Wait(iface string, p Priority, bytes int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.book.lanes[iface]
	if l == nil {
		return 0
	}
	return l.wait(s.now(), min(p, Other), l.Airtime(bytes))
}

// MayAnnounce reports whether there is air for an announce of so many bytes on all slow interfaces, and charges it then.
// Announces come last: while anything else waits there is none, unless it is late, and never beyond the legal duty cycle.
func (s *Scheduler) MayAnnounce(bytes int, late bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.announce(s.now(), bytes, late)
}

// ModeFor is the mode in which one begins who joins a group by a text command that came in by this interface: relay where
// there is air enough, digest over a radio and where it is not known; fetch where nobody carries those.
func (s *Scheduler) ModeFor(g group.GroupID, iface string) group.DeliveryMode {
	s.mu.Lock()
	_, known := s.book.lanes[iface]
	s.mu.Unlock()
	if !known {
		s.look() // it may have come up just now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	mode := group.DeliverDigest
	if l := s.book.lanes[iface]; l != nil && !l.Slow() {
		mode = group.DeliverRelay
	}
	if r := s.book.groups[g]; r == nil || r.couriers[mode] == nil {
		return group.DeliverFetch
	}
	return mode
}

// Run delivers until ctx ends. Then parcels on their way are cut short, what is known of the others is written, and it
// returns nil, or the error that kept it from writing. It may be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	events := s.config.Hub.Subscribe(eventQueue)
	defer events.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var lost uint64
	for {
		select {
		case <-ctx.Done():
			s.flights.Wait()
			return s.flushAll(context.WithoutCancel(ctx))
		case e, ok := <-events.Events():
			if !ok {
				return errors.New("delivery: too many subscribers of events")
			}
			s.event(ctx, e)
			for more := true; more; {
				select {
				case e, ok := <-events.Events():
					if more = ok; ok {
						s.event(ctx, e)
					}
				default:
					more = false
				}
			}
		case <-s.wake:
		case <-timer.C:
		}
		if n := events.Dropped(); n != lost {
			s.lostEvents(n - lost)
			lost = n
		}
		timer.Reset(s.step(ctx))
	}
}

// look takes a new snapshot of the interfaces.
func (s *Scheduler) look() {
	s.eyes <- struct{}{}
	defer func() { <-s.eyes }()
	air := s.config.Air.Interfaces()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.air(s.now(), air)
}

// step does what is due, and tells when to look again.
func (s *Scheduler) step(ctx context.Context) time.Duration {
	s.readRows(ctx)
	if now := s.now(); s.looked == 0 || now-s.looked >= airEvery {
		s.look()
		s.looked = max(now, 1)
	}
	s.mu.Lock()
	ripe := s.book.ripe(s.now(), s.config.Now(), ripeRows)
	addresses := make([]Address, len(ripe))
	for i, t := range ripe {
		addresses[i] = t.address()
	}
	s.mu.Unlock()
	for i, t := range ripe {
		iface, hops := s.config.Air.Route(addresses[i])
		s.mu.Lock()
		s.book.place(s.now(), t, iface, hops)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	begin, again := s.book.next(now, s.config.Now())
	for _, f := range begin {
		s.flights.Go(func() { s.fly(ctx, f) })
	}
	wait := idleLook
	if again > 0 {
		wait = min(wait, again-now)
	}
	if len(ripe) == ripeRows {
		wait = 0
	}
	if len(s.book.dirty) > 0 && !s.flushing {
		if due := s.flushed + flushEvery; now >= due || len(s.book.dirty) >= flushRows {
			s.flushing, s.flushed = true, now
			s.flights.Go(func() { s.flush(ctx) })
		} else {
			wait = min(wait, due-now)
		}
	}
	return max(wait, 0)
}

// fly makes a parcel and carries it.
func (s *Scheduler) fly(ctx context.Context, f *flight) {
	defer s.poke()
	p, err := s.prepare(ctx, f)
	s.mu.Lock()
	if err != nil && ctx.Err() != nil {
		s.book.abort(s.now(), f)
		s.mu.Unlock()
		return
	}
	what := s.book.prepared(s.now(), f, p, err)
	s.mu.Unlock()
	if err != nil && !errors.Is(err, group.ErrNoRow) {
		s.log.Warn("nothing prepared for a member", "group", string(f.recipient.Group), "member", f.ticket.id, "err", err)
	}
	switch what {
	case move:
		if err := s.moveToDigest(ctx, f); err != nil {
			s.log.Warn("not moved to digest", "group", string(f.recipient.Group), "member", f.ticket.id, "err", err)
		}
		return
	case ended:
		return
	}
	within, cancel := context.WithTimeout(ctx, carryWithin)
	defer cancel()
	o, err := f.carried(within, p)
	if err != nil {
		s.log.Error("a parcel tripped its courier", "group", string(f.recipient.Group), "member", f.ticket.id, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.book.count.Failed++
	}
	if o == NotProved && ctx.Err() != nil {
		s.book.abort(s.now(), f)
		return
	}
	s.book.done(s.now(), f, p, o)
}

// prepare reads the member and has the parcel made. Who is no member any more is forgotten.
func (s *Scheduler) prepare(ctx context.Context, f *flight) (Parcel, error) {
	r := f.recipient
	err := s.config.Store.View(ctx, func(tx group.ReadTx) (err error) {
		r.Member, err = tx.Member(r.Group, f.ticket.id)
		return err
	})
	if err == nil && !r.Member.Present {
		err = group.ErrNoRow
	}
	if errors.Is(err, group.ErrNoRow) {
		s.with(func(b *book, now time.Duration) { b.forget(r.Group, f.ticket.id) })
	}
	if err != nil {
		return Parcel{}, err
	}
	p, err := f.parcel(ctx, r)
	p.Interface, p.Priority = f.way.Interface, f.priority
	return p, err
}

// parcel has the courier make the parcel.
func (f *flight) parcel(ctx context.Context, r Recipient) (p Parcel, err error) {
	defer tripped(&err)
	return f.courier.Prepare(ctx, r, f.way)
}

// carried has the courier carry the parcel. One that tripped over it has not proved it, so that the next try waits longer each time.
func (f *flight) carried(ctx context.Context, p Parcel) (o Outcome, err error) {
	defer tripped(&err)
	return f.courier.Carry(ctx, p), nil
}

// tripped, deferred, makes an error of a panic: what one member misses must not end delivery to all, and again after each start. Its text
// is given where it comes from the runtime; others may hold somebody's words.
func tripped(err *error) {
	switch v := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("panic: %w\n%s", v, debug.Stack())
	default:
		*err = fmt.Errorf("panic: %T\n%s", v, debug.Stack())
	}
}

// moveToDigest changes the row of a member whose backlog is too large.
func (s *Scheduler) moveToDigest(ctx context.Context, f *flight) error {
	return s.config.Store.Update(ctx, func(tx group.Tx) error {
		d, err := tx.Delivery(f.recipient.Group, f.ticket.id)
		if errors.Is(err, group.ErrNoRow) || err == nil && d.Mode != group.DeliverRelay {
			return nil // he has changed it himself
		}
		if err != nil {
			return err
		}
		d.Mode, d.Moved = group.DeliverDigest, true
		return tx.PutDelivery(d)
	})
}

// Status is a picture for people.
func (s *Scheduler) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.status(s.now())
}

// Stats counts since the start.
func (s *Scheduler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.count
}
