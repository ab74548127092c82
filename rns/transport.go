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

// relayCounters count what was passed on, by the number of transmissions.
type relayCounters struct{ packets, announces uint64 }

// engine is the tables of a transport and what is done with them. Whoever has an *engine is the loop: all its methods
// are for the loop only, and none of them blocks.
type engine struct {
	t    *Transport
	life context.Context // of all goroutines; nil before Run
	now  time.Time       // of the event being handled, monotonic

	interfaces   []*attached // highest bitrate first
	spawners     []spawner
	names        map[string]bool
	destinations map[DestinationHash]*Destination
	links        map[LinkID]*Link
	duplicates   duplicateFilter
	paths        pathTable
	requests     pathRequestTable
	receipts     receiptTable
	heldBack     heldFrames
	known        knownTable

	// What a transport node keeps for others.
	self           IdentityHash // transport id in use
	localHops      uint8        // hops byte of what leaves this machine; 0: as it is
	scheduled      announceTable
	rates          announceRateTable
	discoveries    discoveryTable // for the network
	clientRequests discoveryTable // for destinations of local clients
	own            requestQueue
	relayedLinks   linkTable
	reverse        reverseTable
	tunnels        tunnelTable
	keepAnnounces  bool // for path answers
	reads          announceReads
	clients        int       // local clients attached
	master         *attached // the shared instance we use; nil: none
	announceRound  time.Time // when announces were sent last
	relayed        relayCounters

	timer      *time.Timer // of the next tick; nil before Run
	wake       time.Time   // when that is
	nextSweep  time.Time
	nextSave   time.Time       // when what is used is saved, if dirty
	nextIdle   time.Time       // when all is saved, if dirty
	nextTables time.Time       // when the tables of a transport node are saved
	saving     chan savedKnown // not nil while a save is running; gets its result
	stopping   bool
	loaded     bool // the store was read, and may be overwritten
}

func newEngine(t *Transport) *engine {
	return &engine{
		t:            t,
		names:        make(map[string]bool),
		destinations: make(map[DestinationHash]*Destination),
		links:        make(map[LinkID]*Link),
		duplicates:   newDuplicateFilter(t.config.DuplicateMemory),
		paths:        newPathTable(t.config.MaxPaths),
		requests:     newPathRequestTable(),
		receipts:     newReceiptTable(maxReceipts),
		known:        newKnownTable(t.config.MaxKnown),

		self:           t.config.Identity.Hash(),
		scheduled:      newAnnounceTable(maxScheduledAnnounces),
		rates:          newAnnounceRateTable(t.config.MaxPaths),
		discoveries:    newDiscoveryTable(maxDiscoveries),
		clientRequests: newDiscoveryTable(maxDiscoveries),
		relayedLinks:   newLinkTable(t.config.MaxRelayedLinks),
		reverse:        newReverseTable(t.config.MaxReverse),
		tunnels:        newTunnelTable(maxTunnels, t.config.MaxPaths),
		keepAnnounces:  t.config.TransportEnabled,
	}
}

// wall is the wall clock, without monotonic reading.
func (e *engine) wall() time.Time { return e.t.config.Clock().Round(0) }

// moment is the event being handled on both clocks.
func (e *engine) moment() moment { return moment{now: e.now, wall: e.wall()} }

// start brings to life what was added before Run.
func (e *engine) start() {
	e.now = time.Now()
	e.timer = time.NewTimer(sweepInterval)
	e.nextSweep = e.now.Add(sweepInterval)
	e.wake = e.nextSweep
	e.nextSave = e.now.Add(knownSaveInterval)
	e.nextIdle = e.now.Add(knownSaveIdleInterval)
	e.nextTables = e.now.Add(tableSaveInterval)
	for _, a := range e.interfaces {
		e.run(a)
	}
	for _, s := range e.spawners {
		e.serve(s)
	}
	for _, d := range e.destinations {
		d.start(e.life)
	}
}

// loop handles one event after the other until ctx ends.
func (e *engine) loop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		default:
			e.step(ctx.Done())
		}
	}
}

// step waits for one event, and handles it.
func (e *engine) step(interrupt <-chan struct{}) {
	select {
	case <-interrupt:
		return
	case f := <-e.t.inbound:
		e.now = time.Now()
		e.receive(f)
		e.receiveMore()
	case f := <-e.t.verified:
		e.now = time.Now()
		f(e)
	case f := <-e.t.outbound:
		e.now = time.Now()
		e.send(f)
	case f := <-e.t.calls:
		e.now = time.Now()
		f(e)
	case r := <-e.saving:
		e.now = time.Now()
		e.saved(r)
	case <-e.timer.C:
		e.now = time.Now()
		e.tick()
	}
}

// inboundBatch is how many packets the loop handles before it looks at anything else.
const inboundBatch = 16

// receiveMore handles some of the packets that have come meanwhile: looking at one queue costs less than at all.
func (e *engine) receiveMore() {
	for range inboundBatch - 1 {
		select {
		case f := <-e.t.inbound:
			e.now = time.Now()
			e.receive(f)
		default:
			return
		}
	}
}

// tick does what is due, and sets the timer to what is due next.
func (e *engine) tick() {
	next := e.receipts.expire(e.now)
	if !e.now.Before(e.nextSweep) {
		e.sweep()
		e.nextSweep = e.now.Add(sweepInterval)
	}
	if next.IsZero() || e.nextSweep.Before(next) {
		next = e.nextSweep
	}
	if at, ok := e.relayDue(); ok && at.Before(next) {
		next = at
	}
	e.sendHeld(e.now)
	if at, ok := e.heldBack.next(); ok && at.Before(next) {
		next = at
	}
	e.wake = next
	e.timer.Reset(max(0, next.Sub(e.now)))
}

// sweep forgets what has expired.
func (e *engine) sweep() {
	e.paths.cull(e.now)
	e.requests.cull(e.now)
	e.discoveries.cull(e.now)
	e.clientRequests.cull(e.now)
	e.reverse.cull(e.now)
	e.relayedLinks.cull(e.now)
	e.rates.cull(e.now)
	e.tunnels.cull(e.now)
	if e.t.blackholes.any() && e.t.blackholes.expire(e.wall(), e.self) {
		e.t.goTracked(func() {
			if err := e.t.saveBlackholes(e.life); err != nil {
				e.t.log.Warn("blackhole list not saved", "err", err)
			}
		})
	}
	e.saveWhenDue()
}

// wakeBy makes tick happen at t if it would come later.
func (e *engine) wakeBy(t time.Time) {
	if e.timer != nil && t.Before(e.wake) {
		e.wake = t
		e.timer.Reset(max(0, t.Sub(e.now)))
	}
}

// stop ends links, interfaces and everything else, and saves the tables. It is still the loop.
func (e *engine) stop() error {
	e.stopping = true
	e.now = time.Now()
	e.sendHeld(e.now.Add(time.Hour)) // there is no later
	if e.timer != nil {
		e.goodbye()
	}
	e.receipts.close()
	return e.saveAll()
}

// sendHeld sends what was to be held until then at most.
func (e *engine) sendHeld(until time.Time) {
	for _, f := range e.heldBack.due(until) {
		f.notBefore = time.Time{}
		e.send(f)
	}
}

// goodbye closes all links and gives the carriers time to transmit that.
func (e *engine) goodbye() {
	if len(e.links) == 0 {
		return
	}
	for _, l := range e.links {
		l.shutdown()
	}
	until := time.Now().Add(stopGrace)
	for (len(e.links) > 0 || e.queued()) && time.Now().Before(until) {
		e.timer.Reset(stopGrace / 40)
		e.step(nil)
	}
}

// queued reports whether a carrier has something left to transmit.
func (e *engine) queued() bool {
	if len(e.t.outbound) > 0 {
		return true
	}
	for _, a := range e.interfaces {
		if s := a.carrier.Stats(); s.Online && s.QueuedFrames > 0 {
			return true
		}
	}
	return false
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
