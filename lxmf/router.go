package lxmf

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"groupd/rns"
)

// Tunables of a router: ours, each also a field of [RouterConfig], where zero means these.
const (
	// DefaultMaxSize is the largest message that is accepted, in bytes.
	DefaultMaxSize = 1_000_000
	// DefaultMaxStrangerSize is the largest one over a link whose other end has not identified.
	DefaultMaxStrangerSize = 256_000
	// DefaultMaxUndecided and DefaultMaxUndecidedBytes bound what one delivery has received and the application has not
	// decided about.
	DefaultMaxUndecided      = 256
	DefaultMaxUndecidedBytes = 16 << 20
	// DefaultDecisionTimeout is how long the application may take to decide.
	DefaultDecisionTimeout = 5 * time.Minute
	// DefaultMaxHeld, DefaultMaxHeldPerSource and DefaultHeldFor bound messages held for their author's key.
	DefaultMaxHeld          = 64
	DefaultMaxHeldPerSource = 4
	DefaultHeldFor          = time.Hour
	// DefaultStampQueue is how many stamps wait to be checked, DefaultStampShare the share of one core that checking them
	// may take in the long run.
	DefaultStampQueue = 64
	DefaultStampShare = 0.25
	// DefaultMaxStampCost is the highest cost that we compute a stamp for: about a tenth of a second with SHA extensions.
	DefaultMaxStampCost = 20
	// DefaultMaxQueue and DefaultMaxQueuePerRecipient bound the outgoing messages.
	DefaultMaxQueue             = 4096
	DefaultMaxQueuePerRecipient = 256
	// DefaultMaxQueueBytes bounds them in bytes.
	DefaultMaxQueueBytes = 32 << 20
	// DefaultMaxLinks bounds the links that the router opens and keeps.
	DefaultMaxLinks = 64
	// DefaultLinkIdle is how long a link that the router opened stays open without messages.
	DefaultLinkIdle = 10 * time.Minute

	// linkProofDelay holds our answer to a link request back. A stock program waits for the proof of a packet for six times
	// the round trip that it measured when the link was made, and we prove after a commit; see the package comment.
	linkProofDelay = 50 * time.Millisecond
	// answerDelay holds our proofs back so long that a stock program has noted what it sent; see rns.DestinationConfig.
	answerDelay = 10 * time.Millisecond
	// recentDecided is how many decided ids are remembered in memory.
	recentDecided = 4096
	// holdBurst and holdInterval limit how often strangers can make us write: so many messages at once, then one per
	// interval.
	holdBurst    = DefaultMaxHeld
	holdInterval = 4 * time.Second
	// askBurst and askInterval limit in the same way how often they can make us ask the network for an author.
	askBurst    = 8
	askInterval = 5 * time.Second
	// heldSweep is how often held messages are looked through for what is too old, and their authors asked for again.
	heldSweep = time.Minute
	// openingLinks is how many links are being opened at a time.
	openingLinks = 16
	// uploadsAtOnce is how many messages are being left with propagation nodes at a time.
	uploadsAtOnce = 8
)

// RouterConfig says what a router is made of. Transport is needed; everything else has a default.
type RouterConfig struct {
	Transport *rns.Transport
	// Store keeps what must survive a restart. nil: a [MemoryStore].
	Store Store
	// Spool takes messages above [SpoolThreshold] that come as resources. nil: they are received in memory, and at most 16 MB.
	Spool Spool
	// Logger gets events at Debug and Warn, never message contents. nil: discard.
	Logger *slog.Logger
	// Rand makes stamps; it must be safe for use by several goroutines. nil: crypto/rand.
	Rand io.Reader
	// LookupIdentity is asked for the owner of an LXMF address before what was heard in announces, for applications that
	// keep their members' keys. It is called from several goroutines and must be quick. nil: only announces.
	LookupIdentity func(rns.DestinationHash) (*rns.PublicIdentity, bool)

	// MaxUndecided and MaxUndecidedBytes bound what each delivery has received and its application has not decided about.
	// More is not taken and not proved, so that its sender tries again.
	MaxUndecided      int
	MaxUndecidedBytes int64
	// DecisionTimeout is how long the application may take to decide; then the message is given up unproved.
	DecisionTimeout time.Duration
	// MaxHeld, MaxHeldPerSource and HeldFor bound held messages; the oldest go first.
	MaxHeld, MaxHeldPerSource int
	HeldFor                   time.Duration
	// StampQueue is how many stamps may wait to be checked, and StampShare the share of one core that this may take in the
	// long run; see [Stamper].
	StampQueue int
	StampShare float64
	// MaxStampCost is the highest cost that we compute a stamp for; above it sending is [ErrStampCost].
	MaxStampCost int
	// MaxQueue, MaxQueuePerRecipient and MaxQueueBytes bound the outgoing messages, kept ones included. Beyond them the youngest
	// of a lower priority makes room, and when there is none a message is refused; both is [ErrQueueFull].
	MaxQueue, MaxQueuePerRecipient int
	MaxQueueBytes                  int64
	// OnRestored is told of each message that goes on after a restart; it may be on its way already. It is called by Run and
	// AddDelivery. nil: nobody.
	OnRestored func(*Outgoing)
	// MaxLinks bounds the links that the router opens; recipients beyond it wait for an idle one to be closed.
	MaxLinks int
	// LinkIdle is how long they stay open without messages.
	LinkIdle time.Duration
}

func (c RouterConfig) withDefaults() (RouterConfig, error) {
	if c.Transport == nil {
		return c, errors.New("lxmf: router without transport")
	}
	for _, v := range []struct {
		name  string
		field *int
		usual int
	}{
		{"MaxUndecided", &c.MaxUndecided, DefaultMaxUndecided},
		{"MaxHeld", &c.MaxHeld, DefaultMaxHeld},
		{"MaxHeldPerSource", &c.MaxHeldPerSource, DefaultMaxHeldPerSource},
		{"StampQueue", &c.StampQueue, DefaultStampQueue},
		{"MaxStampCost", &c.MaxStampCost, DefaultMaxStampCost},
		{"MaxQueue", &c.MaxQueue, DefaultMaxQueue},
		{"MaxQueuePerRecipient", &c.MaxQueuePerRecipient, DefaultMaxQueuePerRecipient},
		{"MaxLinks", &c.MaxLinks, DefaultMaxLinks},
	} {
		if *v.field < 0 {
			return c, fmt.Errorf("lxmf: %s is negative", v.name)
		}
		if *v.field == 0 {
			*v.field = v.usual
		}
	}
	for _, v := range []struct {
		name  string
		field *time.Duration
		usual time.Duration
	}{
		{"DecisionTimeout", &c.DecisionTimeout, DefaultDecisionTimeout},
		{"HeldFor", &c.HeldFor, DefaultHeldFor},
		{"LinkIdle", &c.LinkIdle, DefaultLinkIdle},
	} {
		if *v.field < 0 {
			return c, fmt.Errorf("lxmf: %s is negative", v.name)
		}
		if *v.field == 0 {
			*v.field = v.usual
		}
	}
	if c.MaxUndecidedBytes < 0 || c.MaxQueueBytes < 0 {
		return c, errors.New("lxmf: MaxUndecidedBytes or MaxQueueBytes is negative")
	}
	if c.MaxQueueBytes == 0 {
		c.MaxQueueBytes = DefaultMaxQueueBytes
	}
	if c.MaxUndecidedBytes == 0 {
		c.MaxUndecidedBytes = DefaultMaxUndecidedBytes
	}
	if c.StampShare < 0 {
		return c, errors.New("lxmf: StampShare is negative")
	}
	if c.StampShare == 0 {
		c.StampShare = DefaultStampShare
	}
	if c.Store == nil {
		c.Store = new(MemoryStore)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c, nil
}

// Router sends and receives messages for any number of deliveries, our own LXMF addresses. All methods may be called from
// any goroutine, before Run and during it.
//
// Goroutines: one per delivery takes in its messages, half as many as cores check stamps, one holds messages of unknown
// authors, one stores tickets, one drops kept messages that have ended, and one per recipient sends what is queued for him, as
// long as there is something or his link is open. Run waits for them all.
type Router struct {
	config    RouterConfig
	transport *rns.Transport
	store     Store
	log       *slog.Logger
	count     counters

	authors authors
	holder  holder
	kept    keptMessages
	stamper *Stamper
	tickets tickets
	opening chan struct{} // slots for links being opened
	links   chan struct{} // slots for own links
	uploads chan struct{} // slots for uploads

	mu         sync.Mutex // leaf
	started    bool
	stopped    bool
	life       context.Context // nil until Run has loaded what is held
	wg         sync.WaitGroup
	deliveries map[rns.DestinationHash]*Delivery
	recipients map[recipientKey]*recipient
	queue      sendQueue
	orphans    []QueuedMessage // kept ones, whose delivery has not been added
	up         Uploader
}

// NewRouter checks the configuration and makes a router. Nothing runs before [Router.Run].
func NewRouter(c RouterConfig) (*Router, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Router{
		config:     c,
		transport:  c.Transport,
		store:      c.Store,
		log:        c.Logger,
		stamper:    newStamper(c.Rand, c.StampQueue, c.StampShare),
		opening:    make(chan struct{}, openingLinks),
		links:      make(chan struct{}, c.MaxLinks),
		deliveries: make(map[rns.DestinationHash]*Delivery),
		uploads:    make(chan struct{}, uploadsAtOnce),
		recipients: make(map[recipientKey]*recipient),
		queue:      newSendQueue(),
	}
	r.authors.keep = authorsKept
	r.holder.init(r)
	r.kept = keptMessages{r: r, changed: make(chan struct{}, 1)}
	r.tickets.init(r)
	return r, nil
}

// Run is the life of the router: it takes in and sends messages until ctx ends, then closes its links and returns when all
// its goroutines have ended. Outgoing messages that are not delivered then fail with [ErrClosed], and go on after the restart if
// they are kept; messages that the application has not decided about stay unproved, so their senders try again. It returns an
// error when held or kept messages or tickets could not be read. It can be called once. Start it before or together with the transport's Run, and let it end first.
func (r *Router) Run(ctx context.Context) error {
	life, end := context.WithCancel(ctx)
	defer end()
	r.mu.Lock()
	if r.started {
		r.mu.Unlock()
		return fmt.Errorf("lxmf: run again: %w", ErrClosed)
	}
	r.started = true
	r.mu.Unlock()
	reading := context.WithoutCancel(ctx) // an early end is no failure
	if err := r.holder.load(reading); err != nil {
		return fmt.Errorf("lxmf: held messages: %w", err)
	}
	if err := r.restore(reading); err != nil {
		return fmt.Errorf("lxmf: kept messages: %w", err)
	}
	if err := r.tickets.load(reading); err != nil {
		return fmt.Errorf("lxmf: tickets: %w", err)
	}

	var restored []*Outgoing
	r.mu.Lock()
	for _, d := range r.deliveries {
		restored = append(restored, r.adoptLocked(d)...)
	}
	r.life = life
	for _, d := range r.deliveries {
		r.wg.Go(func() { d.run(life) })
	}
	for _, rec := range r.recipients {
		r.wg.Go(func() { rec.run(life) })
	}
	r.wg.Go(func() { r.holder.run(life) })
	r.wg.Go(func() { r.tickets.run(life) })
	for range checkers() {
		r.wg.Go(func() { r.stamper.run(life) })
	}
	r.wg.Go(func() { r.kept.run(life) })
	r.mu.Unlock()
	r.restored(restored)

	cancel := r.transport.HandleAnnounces(AppName+"."+DeliveryAspect, rns.AnnounceHandlerOptions{PathResponses: true}, r.announced)
	<-life.Done()
	cancel()
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.wg.Wait()
	r.kept.end(life)
	return nil
}

// goLocked starts a goroutine that Run waits for, if the router runs; Run starts those that could not. r.mu is held.
func (r *Router) goLocked(f func(context.Context)) {
	if r.life != nil && !r.stopped {
		life := r.life
		r.wg.Go(func() { f(life) })
	}
}

// AddDelivery makes an LXMF address of ours and registers its destination with the transport. The error is that of
// [rns.Transport.NewDestination]: usually that it exists already.
func (r *Router) AddDelivery(c DeliveryConfig) (*Delivery, error) {
	d, err := newDelivery(r, c)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		_ = d.destination.Close()
		return nil, ErrClosed
	}
	r.deliveries[d.address] = d
	r.goLocked(d.run)
	adopted := r.adoptLocked(d)
	r.mu.Unlock()
	r.restored(adopted)
	return d, nil
}

// delivery returns our delivery with an address, nil when there is none.
func (r *Router) delivery(address rns.DestinationHash) *Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.deliveries[address]
}

// identity returns the owner of an LXMF address: from the application, else from announces.
func (r *Router) identity(address rns.DestinationHash) *rns.PublicIdentity {
	if r.config.LookupIdentity != nil {
		if id, ok := r.config.LookupIdentity(address); ok && id != nil {
			return id
		}
	}
	if known, ok := r.transport.Recall(address); ok {
		return known.Identity
	}
	return nil
}

// announced is called by the transport's dispatcher for each announce of an lxmf.delivery destination.
func (r *Router) announced(a rns.Announced) {
	r.holder.announced(a.Destination)
	r.heard(a.Destination)
}

// heard wakes what is queued for somebody who has shown up.
func (r *Router) heard(address rns.DestinationHash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, rec := range r.recipients {
		if key.to == address {
			rec.heard()
		}
	}
}

// Stamper returns what makes and checks the router's stamps, for others that need some. It checks while Run runs.
func (r *Router) Stamper() *Stamper { return r.stamper }

// Stats returns a snapshot of the counters.
func (r *Router) Stats() Stats {
	s := r.count.snapshot()
	s.HeldNow = r.holder.len()
	s.TicketPairs = r.tickets.len()
	s.LinksNow = len(r.links)
	s.StampsMade, s.StampsChecked, s.StampsBad = r.stamper.made.Load(), r.stamper.checked.Load(), r.stamper.refused.Load()
	s.StampsBusy, s.StampsNow = r.stamper.busy.Load(), r.stamper.waiting()
	r.mu.Lock()
	s.QueueNow, s.QueueBytes = len(r.queue.all), r.queue.bytes
	deliveries := make([]*Delivery, 0, len(r.deliveries))
	for _, d := range r.deliveries {
		deliveries = append(deliveries, d)
	}
	r.mu.Unlock()
	for _, d := range deliveries {
		undecided, backchannels := d.sizes()
		s.UndecidedNow += undecided
		s.Backchannels += backchannels
	}
	return s
}
