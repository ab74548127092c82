package rns

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"groupd/rns/interfaces"
)

const (
	// inboundQueue is how many packets wait for the loop. When it is full, the readers of the interfaces wait.
	inboundQueue = 256
	// outboundQueue is how many packets of ours wait for the loop. When it is full, the senders wait.
	outboundQueue = 1024

	// DefaultMaxLinks bounds the links of a transport, both ends and those being made. An eighth is left for links that we open, and
	// half is the most that links may have whose other end has not identified; of those, old ones make room for new ones.
	DefaultMaxLinks = 1024

	// sweepInterval is how often the tables are looked through for what has expired.
	sweepInterval = 30 * time.Second
	// stopGrace is how long Run waits at the end for links to say goodbye and for carriers to transmit that.
	stopGrace = 2 * time.Second
	// saveGrace is how long Run waits at the end for the store.
	saveGrace = 5 * time.Second
)

// Errors of transports and destinations.
var (
	// ErrInUse means that there is an interface of that name, or a destination with that address, already.
	ErrInUse = errors.New("in use already")
	// ErrNotAnnounced means that only SINGLE destinations announce themselves.
	ErrNotAnnounced = errors.New("only SINGLE destinations are announced")
	// ErrNotProvable means that nobody could check a proof of the packet.
	ErrNotProvable = errors.New("packet cannot be proved")
)

// Config says what a transport is made of. The zero value is a node that remembers nothing over a restart.
type Config struct {
	// Store keeps known destinations, ratchets and announce times. nil: in memory only.
	Store Store
	// Rand is the source of keys, IVs and tags; it is read by one goroutine at a time. nil: crypto/rand.
	Rand io.Reader
	// Logger gets events at Debug and Warn. nil: discard.
	Logger *slog.Logger
	// Identity is the transport identity. nil: a fresh one for this run, as usual for a node that does not forward.
	Identity *Identity
	// Clock is the wall clock. It is used only for times that leave the process: announce times, stored files, and what
	// is reported. Everything that lasts is measured with the monotonic clock, so setting the clock breaks nothing.
	// nil: time.Now.
	Clock func() time.Time
	// Blackholed reports whether announces of an identity are refused; it is called from several goroutines and must
	// not block. nil: none are.
	Blackholed func(IdentityHash) bool
	// OwnAnnounced gets announces of our own destinations that somebody else made, who must have our keys: another
	// machine runs with a copy of them. Echoes of our own announces do not count, also not of those from before a
	// restart, as far as the Store knows them. It is called where announce handlers are. nil: they are only counted.
	OwnAnnounced func(Announced)
	// ExplicitProofs makes the proofs of single packets 32 bytes longer, with the hash of what they prove
	// (use_implicit_proof = no). Both forms are always understood.
	ExplicitProofs bool

	// TransportEnabled makes the node forward for others: announces, packets, links and path requests. Give it a kept
	// Identity. While an interface of role [LocalMaster] is attached it has no effect.
	TransportEnabled bool
	// LocalHopsDelta hides which destinations are on this machine: what leaves it seems to have come over two to seven hops
	// already, as many for all of a run, and announces name us as their relay.
	LocalHopsDelta bool
	// NetworkIdentity is that of the operator's network. Its destinations rnstransport.network and
	// rnstransport.network.instance.(its hash) are announced as the node's own. nil: none.
	NetworkIdentity *Identity
	// RespondToProbes makes a transport node prove packets to its destination rnstransport.probe.
	RespondToProbes bool
	// PublishBlackholes lets everybody ask for our list of blackholed identities.
	PublishBlackholes bool
	// BlackholeSources are the transport identities of nodes whose published lists of blackholed identities are used, too:
	// at most [MaxBlackholeSources]. They are asked 20 s after the start and then each BlackholeUpdate; 0: an hour.
	BlackholeSources []IdentityHash
	BlackholeUpdate  time.Duration
	// InterfaceFailed is told of each interface and listener that was added and has ended though the transport runs, and of each
	// failure that a carrier reports ([interfaces.FailureNotifier]), even if it tries again. It is called from several goroutines
	// and must not block. nil: they are only logged.
	InterfaceFailed func(name string, err error)
	// AnnounceRate is for interfaces that set none. Zero: [DefaultAnnounceRate] on transport nodes, none on others.
	AnnounceRate AnnounceRate
	// Ingress is for interfaces that set nothing else. Zero fields: the defaults.
	Ingress IngressLimits

	// Sizes of tables; 0 is the default named like it: [DefaultDuplicateMemory], [DefaultMaxPaths],
	// [DefaultMaxKnown], [DefaultMaxInterfaces], [DefaultMaxLinks],
	// [DefaultMaxReverse], [DefaultMaxRelayedLinks].
	DuplicateMemory, MaxPaths, MaxKnown, MaxInterfaces, MaxLinks, MaxReverse, MaxRelayedLinks int
	// PathTimeout is how long AwaitPath waits when its context has no deadline. 0: [DefaultPathTimeout].
	PathTimeout time.Duration
	// VerifyWorkers is how many goroutines check signatures of announces. 0: 2.
	VerifyWorkers int
}

// withDefaults checks a copy of the configuration and fills it in.
func (c Config) withDefaults() (Config, error) {
	for _, v := range []struct {
		name  string
		field *int
		usual int
	}{
		{"DuplicateMemory", &c.DuplicateMemory, DefaultDuplicateMemory},
		{"MaxPaths", &c.MaxPaths, DefaultMaxPaths},
		{"MaxKnown", &c.MaxKnown, DefaultMaxKnown},
		{"MaxInterfaces", &c.MaxInterfaces, DefaultMaxInterfaces},
		{"MaxLinks", &c.MaxLinks, DefaultMaxLinks},
		{"MaxReverse", &c.MaxReverse, DefaultMaxReverse},
		{"MaxRelayedLinks", &c.MaxRelayedLinks, DefaultMaxRelayedLinks},
		{"VerifyWorkers", &c.VerifyWorkers, defaultVerifyWorkers},
	} {
		if *v.field < 0 {
			return c, fmt.Errorf("transport: %s is negative", v.name)
		}
		if *v.field == 0 {
			*v.field = v.usual
		}
	}
	if c.PathTimeout < 0 {
		return c, errors.New("transport: PathTimeout is negative")
	}
	if c.BlackholeUpdate < 0 || len(c.BlackholeSources) > MaxBlackholeSources {
		return c, errors.New("transport: BlackholeUpdate is negative, or there are too many BlackholeSources")
	}
	if c.BlackholeUpdate == 0 {
		c.BlackholeUpdate = blackholeUpdateInterval
	}
	if c.PathTimeout == 0 {
		c.PathTimeout = DefaultPathTimeout
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	} else {
		c.Rand = &lockedReader{r: c.Rand}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Identity == nil {
		id, err := NewIdentity(c.Rand)
		if err != nil {
			return c, fmt.Errorf("transport identity: %w", err)
		}
		c.Identity = id
	}
	return c, nil
}

// lockedReader lets several goroutines share a random source.
type lockedReader struct {
	mu sync.Mutex // leaf
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.ReadFull(l.r, p)
}

// phase is where a transport is in its life.
//
//	new ── Run ──▶ running ── context ends ──▶ stopped
type phase uint8

const (
	phaseNew     phase = iota // tables belong to whoever holds Transport.mu
	phaseRunning              // tables belong to the loop
	phaseStopped              // nobody touches them any more
)

// Transport is one node of a Reticulum network: it sends and receives on its interfaces, knows paths and
// destinations, and holds the node's own destinations and links. Many may live in one process.
//
// All exported methods may be called from any goroutine, before Run and during it. After Run has returned they answer
// [ErrClosed] or nothing. See the package comment for which goroutine owns what.
type Transport struct {
	config  Config
	log     *slog.Logger
	drops   dropCounters
	links   linkShared
	signals signalTable

	blackholes        blackholes
	verifiedAnnounces verifiedAnnounces
	managed           []*Destination // the node's own, announced by itself

	inbound  chan inFrame       // readers → loop
	verify   chan announceJob   // readers → verify workers
	checks   chan checkJob      // loop → verify workers
	verified chan func(*engine) // verify workers → loop
	outbound chan outFrame      // senders → loop
	calls    chan func(*engine) // anyone → loop
	heard    chan announceEvent // loop → dispatcher
	ready    chan struct{}      // closed when the loop begins
	done     chan struct{}      // closed when the loop has ended
	wg       sync.WaitGroup     // every goroutine of a run

	mu      sync.Mutex // leaf; held while a call runs in phaseNew, else never across anything
	phase   phase
	engine  *engine // see phase
	handler announceHandlers
}

// New checks the configuration and makes a transport. Nothing runs and nothing is read before [Transport.Run];
// interfaces and destinations may be added before that.
func New(c Config) (*Transport, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Transport{
		config:   c,
		log:      c.Logger,
		inbound:  make(chan inFrame, inboundQueue),
		verify:   make(chan announceJob, verifyQueue),
		checks:   make(chan checkJob, checkQueue),
		verified: make(chan func(*engine)),
		outbound: make(chan outFrame, outboundQueue),
		calls:    make(chan func(*engine)),
		heard:    make(chan announceEvent, announceEventQueue),
		ready:    make(chan struct{}),
		done:     make(chan struct{}),
	}
	t.engine = newEngine(t)
	if c.LocalHopsDelta {
		if t.engine.localHops, err = drawLocalHops(c.Rand); err != nil {
			return nil, err
		}
	}
	if err := t.manage(); err != nil {
		return nil, err
	}
	return t, nil
}

// Identity returns the transport identity in use.
func (t *Transport) Identity() *Identity { return t.config.Identity }

// Run is the life of the transport: it loads the tables, runs the interfaces and the loop until ctx ends, then closes
// all links, saves, and returns when every goroutine that it or its interfaces, destinations and links started has
// ended; a callback of the application that does not return holds it up. It returns nil after a clean end, and otherwise
// what could not be loaded or saved. It can be called once.
func (t *Transport) Run(ctx context.Context) error {
	t.mu.Lock()
	if t.phase != phaseNew {
		t.mu.Unlock()
		return fmt.Errorf("transport: run again: %w", ErrClosed)
	}
	t.phase = phaseRunning
	t.mu.Unlock()
	// From here on everybody waits for the loop, which begins when the tables are loaded.

	life, end := context.WithCancel(context.WithoutCancel(ctx))
	e := t.engine
	e.life = life
	e.now = time.Now()
	loadErr := e.load(ctx)
	for range t.config.VerifyWorkers {
		t.wg.Go(func() { t.verifyAnnounces(life) })
	}
	t.wg.Go(func() { t.dispatchAnnounces(life) })
	if len(t.managed) > 0 {
		t.wg.Go(func() { t.announceManaged(life) })
	}
	if len(t.config.BlackholeSources) > 0 {
		t.wg.Go(func() { t.updateBlackholes(life) })
	}
	if loadErr == nil {
		e.start()
		close(t.ready)
		e.loop(ctx)
	}

	saveErr := e.stop()
	t.mu.Lock()
	t.phase = phaseStopped
	t.mu.Unlock()
	close(t.done)
	end()
	t.wg.Wait()
	return errors.Join(loadErr, saveErr)
}

// Ready is closed once Run has loaded the tables and started the interfaces. It stays open when Run fails before that.
func (t *Transport) Ready() <-chan struct{} { return t.ready }

// do runs f where the tables are owned, and returns when it has run: [ErrClosed] when it cannot any more. f must not
// block and must not call do.
func (t *Transport) do(f func(*engine)) error {
	t.mu.Lock()
	switch t.phase {
	case phaseNew:
		defer t.mu.Unlock()
		t.engine.now = time.Now()
		f(t.engine)
		return nil
	case phaseStopped:
		t.mu.Unlock()
		return ErrClosed
	}
	t.mu.Unlock()
	ran := make(chan struct{})
	select {
	case t.calls <- func(e *engine) { f(e); close(ran) }:
		<-ran
		return nil
	case <-t.done:
		return ErrClosed
	}
}

// goTracked starts a goroutine that Run waits for at the end, unless that is over already.
func (t *Transport) goTracked(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phase == phaseStopped {
		go f()
		return
	}
	t.wg.Go(f)
}

// AddInterface gives the transport a carrier, before Run or while it runs; transport then calls its Run. When that
// returns before the transport ends, the interface is gone: its paths are forgotten and it may be added again. It fails
// with [ErrTooMany] when there are too many, with [ErrInUse] when one of that name is there, and when the options
// do not fit.
func (t *Transport) AddInterface(c interfaces.Interface, o InterfaceOptions) error {
	a, err := newAttached(c, o, &t.drops)
	if err != nil {
		return err
	}
	var refused error
	err = t.do(func(e *engine) { refused = e.attach(a, true) })
	return errors.Join(err, refused)
}

// AddSpawner gives the transport a listener, before Run or while it runs; transport then calls its Serve. The options
// hold for all interfaces it makes.
func (t *Transport) AddSpawner(c interfaces.Spawner, o InterfaceOptions) error {
	s := spawner{listener: c, options: o, properties: interfaces.Properties{IFACSize: interfaces.MaxIFACSize}}
	if p, ok := c.(interface{ Properties() interfaces.Properties }); ok {
		s.properties = p.Properties()
	}
	var err error
	if s.code, err = newAccessCode(o, s.properties.IFACSize); err != nil {
		return fmt.Errorf("interface %s: %w", c.Name(), err)
	}
	return t.do(func(e *engine) {
		e.spawners = append(e.spawners, s)
		if e.life != nil {
			e.serve(s)
		}
	})
}
