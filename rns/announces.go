package rns

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// verifyQueue is how many announces wait for their signature to be checked. When it is full, the newest is
	// dropped: whoever announces does so again. One interface may take up half of it, so that a flood on one does
	// not silence the others.
	verifyQueue          = 256
	verifyQueueInterface = verifyQueue / 2
	defaultVerifyWorkers = 2

	// announceEventQueue is how many accepted announces wait for the handlers. When it is full, the oldest is
	// dropped: the tables know them all the same.
	announceEventQueue = 256
)

// heardAnnounce is an announce whose signature is right.
type heardAnnounce struct {
	destination  DestinationHash
	identity     *PublicIdentity
	name         NameHash
	random       RandomField
	ratchet      []byte // nil: none
	appData      []byte // nil: none
	hops         int
	relay        TruncatedHash // transport id of the node it was heard from, when relayed
	relayed      bool
	pathResponse bool
	hash         PacketHash
	packet       Packet // hops counted; its Raw is as received
	on           *attached
	at           time.Time
}

// announceJob is an announce on its way to a verify worker.
type announceJob struct {
	packet Packet
	on     *attached
	at     time.Time
}

// queueAnnounce hands an announce to the verify workers. It never blocks.
func (t *Transport) queueAnnounce(a *attached, p Packet) {
	if p.DestinationType != DestinationSingle {
		a.count(DropAnnounceType)
		return
	}
	if a.verifying.Add(1) > verifyQueueInterface {
		a.verifying.Add(-1)
		a.count(DropAnnounceQueue)
		return
	}
	select {
	case t.verify <- announceJob{packet: p, on: a, at: time.Now()}:
	default:
		a.verifying.Add(-1)
		a.count(DropAnnounceQueue)
	}
}

// verifyAnnounces is the life of a verify worker: Ed25519 stays out of the loop, and its cost has a bound.
func (t *Transport) verifyAnnounces(life context.Context) {
	for {
		select {
		case <-life.Done():
			return
		case j := <-t.checks:
			if f := j.check(); f != nil {
				t.handOver(life, f)
			}
		case j := <-t.verify:
			j.on.verifying.Add(-1)
			a, err := checkAnnounce(&j.packet, t.Blackholed, &t.verifiedAnnounces)
			if err != nil {
				j.on.count(DropAnnounceInvalid)
				continue
			}
			j.on.rxAnnounces.Add(1)
			a.on, a.at = j.on, j.at
			t.handOver(life, func(e *engine) { e.announced(a) })
		}
	}
}

// handOver gives the loop what a verify worker found.
func (t *Transport) handOver(life context.Context, f func(*engine)) {
	select {
	case t.verified <- f:
	case <-life.Done():
	}
}

// checkAnnounce checks all that can be checked of an announce without the tables (spec 1 §4.2).
func checkAnnounce(p *Packet, blackholed func(IdentityHash) bool, verified *verifiedAnnounces) (*heardAnnounce, error) {
	b, err := ParseAnnounce(p)
	if err != nil {
		return nil, err
	}
	key := verifiedKey{p.Hash(), p.ContextFlag}
	known := verified.has(key)
	if err := b.validate(AnnounceChecks{Blackholed: blackholed}, known); err != nil {
		return nil, err
	}
	if !known {
		verified.add(key)
	}
	return &heardAnnounce{
		destination:  b.Destination,
		identity:     b.Identity,
		name:         b.Name,
		random:       b.Random,
		ratchet:      b.Ratchet,
		appData:      b.AppData,
		hops:         int(p.Hops),
		relay:        p.TransportID,
		relayed:      p.HeaderType == Header2,
		pathResponse: b.PathResponse,
		hash:         key.hash,
		packet:       *p,
	}, nil
}

// announced handles a verified announce (spec 1 §6.8): it is held back while too many come in.
func (e *engine) announced(a *heardAnnounce) {
	if !a.on.gone && (e.destinations[a.destination] != nil || !e.held(a)) {
		e.process(a)
	}
}

// process takes an announce in: the destination and its keys are known from it, it may make a path, and it may be for
// others, too.
func (e *engine) process(a *heardAnnounce) {
	if a.on.gone {
		return
	}
	if own := e.destinations[a.destination]; own != nil {
		a.on.count(DropAnnounceOwn)
		if e.t.config.OwnAnnounced != nil && own.emissions.foreign(a.random) {
			e.publish(announceEvent{a.announced(), true})
		}
		return
	}
	if e.known.conflicts(a.destination, a.identity) {
		a.on.count(DropAnnounceConflict)
		e.t.log.Warn("announce with another key than known", "dest", a.destination, "iface", a.on.name())
		return
	}
	m := e.moment()
	if !e.known.hear(a, m) && e.known.get(a.destination) == nil {
		a.on.count(DropKnownFull)
		return
	}
	if a.relayed {
		e.scheduled.overheard(a.destination, a.on, a.hops, e.now)
	}
	if !e.paths.accepts(a, m) {
		if !e.answersClientRequest(a) {
			a.on.count(DropAnnounceOld)
		}
		return
	}
	var before time.Time
	if old := e.paths.get(a.destination); old != nil {
		before = e.paths.time(old.announced)
	}
	path := e.paths.learn(a, e.now)
	if !a.pathResponse {
		path.announced = e.paths.instant(e.now)
	}
	path.answers = e.keepAnnounces && relayable(&a.packet)
	e.known.share(path)
	e.requests.found(a.destination)
	if e.requests.wanted(a.destination) {
		e.known.use(e.known.get(a.destination), m.wall)
	}
	if a.on.tunnel != nil {
		e.tunnels.heard(a.on.tunnel, path, e.paths.time(path.expires), e.now)
	}
	e.passOn(a, before)
	e.publish(announceEvent{a.announced(), false})
	e.t.log.Debug("path", "dest", a.destination, "hops", a.hops, "iface", a.on.name())
}

// announced describes an announce to handlers.
func (a *heardAnnounce) announced() Announced {
	return Announced{
		Destination:  a.destination,
		Identity:     a.identity,
		NameHash:     a.name,
		AppData:      a.appData,
		Ratchet:      a.ratchet,
		Hops:         a.hops,
		PathResponse: a.pathResponse,
		Emitted:      time.Unix(a.random.Seconds(), 0),
		At:           a.at,
		Interface:    a.on.name(),
		NextHop:      a.nextHop(),
		PacketHash:   a.hash,
	}
}

// nextHop is who passed it on.
func (a *heardAnnounce) nextHop() TruncatedHash {
	if a.relayed {
		return a.relay
	}
	return TruncatedHash(a.destination)
}

// announceEvent is what the dispatcher has to tell.
type announceEvent struct {
	Announced
	own bool // somebody else announced a destination of ours
}

// Announced is an accepted announce: one that made or renewed a path. The slices must not be changed.
type Announced struct {
	Destination DestinationHash
	Identity    *PublicIdentity
	NameHash    NameHash
	// AppData is nil when there is none; with a ratchet and no app data it is empty, not nil.
	AppData []byte
	// Ratchet is the 32-byte public key to encrypt to, nil: none.
	Ratchet []byte
	// Hops is the distance; 1: a direct neighbour.
	Hops int
	// PathResponse: it answers somebody's path request; else the destination announced itself of its own accord.
	PathResponse bool
	// Emitted is the announcer's clock, At ours.
	Emitted, At time.Time
	// Interface is the name of the interface it was heard on.
	Interface string
	// NextHop is the transport id that the packet names as the one who passed it on, which nobody signs; Destination when it was heard
	// directly.
	NextHop    TruncatedHash
	PacketHash PacketHash
}

// AnnounceHandlerOptions refine [Transport.HandleAnnounces].
type AnnounceHandlerOptions struct {
	// PathResponses: announces that answer path requests are wanted, too.
	PathResponses bool
}

// announceHandlers are the applications' handlers. The list is replaced, never changed.
type announceHandlers struct {
	mu   sync.Mutex // leaf
	list []*announceHandler
}

type announceHandler struct {
	name    *NameHash // nil: all
	options AnnounceHandlerOptions
	f       func(Announced)
}

func (h *announceHandlers) snapshot() []*announceHandler {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list
}

// HandleAnnounces has f called with each accepted announce of destinations of this full name, such as
// "lxmf.delivery"; "" is all names. Announces of our own destinations are never heard. All handlers are called from one
// goroutine, in the order of arrival. One that is slow delays the others; when 256 announces wait, the oldest is dropped
// and counted. cancel ends the calls; one that is running goes on.
func (t *Transport) HandleAnnounces(name string, o AnnounceHandlerOptions, f func(Announced)) (cancel func()) {
	h := &announceHandler{options: o, f: f}
	if name != "" {
		app, aspects := SplitName(name)
		n := HashName(app, aspects...)
		h.name = &n
	}
	t.handler.mu.Lock()
	defer t.handler.mu.Unlock()
	t.handler.list = append(slices.Clone(t.handler.list), h)
	return func() {
		t.handler.mu.Lock()
		defer t.handler.mu.Unlock()
		t.handler.list = slices.DeleteFunc(slices.Clone(t.handler.list), func(o *announceHandler) bool { return o == h })
	}
}

// publish queues an announce for the handlers; when the queue is full the oldest makes room.
func (e *engine) publish(a announceEvent) {
	for {
		select {
		case e.t.heard <- a:
			return
		default:
		}
		select {
		case <-e.t.heard:
			e.t.drops.count(DropHandlerQueue)
		default:
		}
	}
}

// dispatchAnnounces is the life of the goroutine that calls the handlers.
func (t *Transport) dispatchAnnounces(life context.Context) {
	for {
		select {
		case <-life.Done():
			return
		case a := <-t.heard:
			if a.own {
				t.config.OwnAnnounced(a.Announced)
				continue
			}
			for _, h := range t.handler.snapshot() {
				if (h.name == nil || *h.name == a.NameHash) && (!a.PathResponse || h.options.PathResponses) {
					h.f(a.Announced)
				}
			}
		}
	}
}
