package rns

import (
	"context"
	"time"
)

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
