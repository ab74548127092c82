package rns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/internal/ifac"
)

// DefaultMaxInterfaces bounds the interfaces of a transport, those of listeners included. When there are as many,
// AddInterface fails and a listener's new peers are refused.
const DefaultMaxInterfaces = 256

// maxSinglePacket is the longest packet that is not on a link, in bytes: senders check the MTU before the transport id
// is put in (spec 1 §3.4). Carriers bring longer ones, for links; without this bound strangers could fill our queues
// with them.
const maxSinglePacket = MTU + TruncatedHashLength

// attached is an interface in use. What is not an atomic is fixed when it is made, or marked as the loop's.
type attached struct {
	carrier    interfaces.Interface
	label      string // the carrier's name
	properties interfaces.Properties
	mode       interfaces.Mode
	gravity    int
	options    InterfaceOptions
	parent     string     // name of the listener that made it; empty: none
	code       *ifac.Code // nil: open
	drops      *dropCounters
	total      *dropCounters // of the transport

	unique bool               // the name is in engine.names; the loop's
	gone   bool               // Run has returned; the loop's
	cancel context.CancelFunc // ends Run; set by the loop before attach returns
	ended  chan struct{}      // closed when Run has returned

	// The loop's.
	rate     AnnounceRate
	queue    announceQueue
	traffic  trafficControl
	tunnel   *tunnel   // introduced over it; nil: none
	settleAt time.Time // when traffic is looked at next
	ups      int       // how often it came up, where that is looked at

	trials         trialBudget
	fruitless      linkBudget // of links to us; guarded by linkShared.mu
	relayFruitless linkBudget // of links that we pass on; the loop's

	verifying                  atomic.Int32 // announces of this interface in the verify queue
	rxPackets, rxAnnounces, tx atomic.Uint64
}

// newAttached prepares an interface. It fails when the options do not fit.
func newAttached(c interfaces.Interface, o InterfaceOptions, total *dropCounters) (*attached, error) {
	a := &attached{
		carrier:    c,
		label:      c.Name(),
		properties: c.Properties(),
		gravity:    o.Gravity,
		options:    o,
		drops:      new(dropCounters),
		total:      total,
		ended:      make(chan struct{}),
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("interface %s: %w", a.label, err)
	}
	a.mode = o.Mode.Or(a.properties.Mode).Or(interfaces.ModeFull)
	code, err := newAccessCode(o, a.properties.IFACSize)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", a.label, err)
	}
	a.code = code
	return a, nil
}

// newAccessCode returns nil for an open interface.
func newAccessCode(o InterfaceOptions, usual int) (*ifac.Code, error) {
	if o.NetworkName == "" && o.Passphrase == "" {
		return nil, nil // a nil *ifac.Code is an open interface
	}
	size := o.IFACSize
	if size == 0 {
		size = usual
	}
	return ifac.New(o.NetworkName, o.Passphrase, size)
}

// spawner is a listener in use.
type spawner struct {
	listener   interfaces.Spawner
	options    InterfaceOptions
	properties interfaces.Properties // of what it makes, where it tells
	code       *ifac.Code            // as of what it makes; nil: open
}

// attach takes an interface in, and starts it when the transport runs.
func (e *engine) attach(a *attached, unique bool) error {
	switch {
	case e.stopping:
		return ErrClosed
	case len(e.interfaces) >= e.t.config.MaxInterfaces:
		return fmt.Errorf("interface %s: %w", a.label, ErrTooMany)
	case unique && e.names[a.label]:
		return fmt.Errorf("interface %s: %w", a.label, ErrInUse)
	}
	a.unique = unique
	if unique {
		e.names[a.label] = true
	}
	e.prepare(a)
	at := len(e.interfaces)
	for at > 0 && e.interfaces[at-1].properties.Bitrate < a.properties.Bitrate {
		at--
	}
	e.interfaces = slices.Insert(e.interfaces, at, a)
	if e.life != nil {
		e.run(a)
	}
	return nil
}

// prepare gives an interface what the loop keeps for it.
func (e *engine) prepare(a *attached) {
	c := &e.t.config
	a.queue.share, a.queue.bitrate = firstSet(a.options.AnnounceCap, DefaultAnnounceCap), a.properties.Bitrate
	usual := c.AnnounceRate
	if c.TransportEnabled {
		usual = usual.or(DefaultAnnounceRate())
	}
	if a.options.Local == LocalNone {
		a.rate = a.options.AnnounceRate.or(usual)
	}
	a.traffic.limits = a.options.Ingress.or(c.Ingress).or(defaultIngressLimits()).settled()
	a.traffic.off = a.options.NoIngressControl || a.options.Local != LocalNone
	a.traffic.egress = a.options.EgressControl
	a.traffic.born = e.now
	switch a.options.Local {
	case LocalClient:
		e.clients++
		e.keepAnnounces = true
	case LocalMaster:
		e.master = a
	}
}

// run starts the goroutine that is the interface's life: it reads, until the carrier is gone or the transport ends.
func (e *engine) run(a *attached) {
	t := e.t
	if up, ok := a.carrier.(interfaces.UpNotifier); ok {
		up.NotifyUp(func() { t.goTracked(func() { _ = t.do(func(e *engine) { e.cameUp(a) }) }) })
	} else {
		e.askOn(a) // it is up when it is there, as the interface of a listener's new peer
	}
	if c, ok := a.carrier.(interfaces.FailureNotifier); ok {
		c.NotifyFailure(func(err error) { t.failed(a.label, err) })
	}
	ctx, cancel := context.WithCancel(e.life)
	a.cancel = cancel
	t.wg.Go(func() {
		defer close(a.ended)
		defer cancel()
		err := a.carrier.Run(ctx, func(frame []byte) { t.deliver(ctx, a, frame) })
		if ctx.Err() == nil {
			t.log.Warn("interface is gone", "iface", a.label, "err", err)
			if a.parent == "" && a.options.Local == LocalNone { // else the other side has left
				t.failed(a.label, err)
			}
		}
		_ = t.do(func(e *engine) { e.detach(a) }) // when the loop has ended there is nothing to detach from
	})
}

// detach forgets an interface that is gone.
func (e *engine) detach(a *attached) {
	at := slices.Index(e.interfaces, a)
	if at < 0 {
		return
	}
	e.interfaces = slices.Delete(e.interfaces, at, at+1)
	if a.unique {
		delete(e.names, a.label)
	}
	a.gone = true
	e.orphanLinks(a)
	e.paths.detach(a)
	e.reverse.detach(a)
	e.relayedLinks.detach(a)
	e.scheduled.detach(a)
	e.discoveries.detach(a)
	e.clientRequests.detach(a)
	e.tunnels.detach(a)
	e.requests.detach(a)
	a.queue.clear()
	a.traffic.held = nil
	switch a.options.Local {
	case LocalClient:
		e.clients--
	case LocalMaster:
		e.masterLost()
		e.master = nil
	}
}

// orphanLinks closes the links over an interface on which the other end will never be heard again.
func (e *engine) orphanLinks(a *attached) {
	for _, l := range e.links {
		if l.over(a) {
			l.orphan()
		}
	}
}

// serve starts the goroutine that is a listener's life.
func (e *engine) serve(s spawner) {
	t, life := e.t, e.life
	if s.options.Local == LocalClient {
		e.keepAnnounces = true
	}
	t.wg.Go(func() {
		err := s.listener.Serve(life, func(c interfaces.Interface) func() { return t.spawned(c, s.options, s.listener.Name()) })
		if life.Err() == nil {
			t.log.Warn("listener has ended", "iface", s.listener.Name(), "err", err)
			t.failed(s.listener.Name(), err)
		}
	})
}

// failed tells of an interface that has ended.
func (t *Transport) failed(name string, err error) {
	if t.config.InterfaceFailed != nil {
		t.config.InterfaceFailed(name, err)
	}
}

// spawned takes in the interface of a listener's new peer. It returns nil when there is no room.
func (t *Transport) spawned(c interfaces.Interface, o InterfaceOptions, parent string) (detach func()) {
	a, err := newAttached(c, o, &t.drops)
	if err == nil {
		a.parent = parent
		var refused error
		err = errors.Join(t.do(func(e *engine) { refused = e.attach(a, false) }), refused)
	}
	if err != nil {
		t.log.Warn("peer refused", "iface", c.Name(), "err", err)
		return nil
	}
	return func() {
		a.cancel()
		<-a.ended
	}
}

// deliver takes a frame from a reader. It blocks while the loop is behind, which is the backpressure.
func (t *Transport) deliver(ctx context.Context, a *attached, frame []byte) {
	raw, ok := a.unmask(frame)
	if !ok {
		return
	}
	p, err := ParsePacket(raw)
	if err != nil {
		a.count(DropMalformed)
		return
	}
	if p.DestinationType != DestinationLink && len(raw) > maxSinglePacket {
		a.count(DropTooLong)
		return
	}
	a.rxPackets.Add(1)
	t.noteSignal(a, &p)
	if a.options.Local == LocalNone {
		p.Hops++ // every receiver adds one first; all rules use this value (spec 1 §6.2)
	}
	if p.PacketType == PacketAnnounce {
		t.queueAnnounce(a, p)
		return
	}
	select {
	case t.inbound <- inFrame{packet: p, on: a, at: time.Now()}:
	case <-ctx.Done():
	}
}

// name is the interface's name.
func (a *attached) name() string { return a.label }

func (a *attached) count(r DropReason) {
	a.drops.count(r)
	a.total.count(r)
}

// unmask removes the access code of a received frame and returns the packet in memory of its own. It counts what it
// refuses.
func (a *attached) unmask(frame []byte) ([]byte, bool) {
	raw, ok := a.code.Unmask(frame)
	switch {
	case ok:
	case len(frame) <= 2:
		a.count(DropTooShort)
	default:
		a.count(DropIFAC)
	}
	return raw, ok
}

// sends reports whether packets may go out here.
func (a *attached) sends() bool { return a.properties.Outgoing && !a.gone }

// transmit gives a packet to the carrier, with access code where one is used: nothing leaves any other way. It never
// blocks and may be called from any goroutine, though only the loop does, so that packets leave in order.
func (a *attached) transmit(raw []byte) error {
	frame := raw
	if a.code != nil {
		frame = a.code.Mask(raw)
	}
	err := a.carrier.Send(frame) // copies
	switch {
	case err == nil:
		a.tx.Add(1)
	case errors.Is(err, interfaces.ErrQueueFull):
		a.count(DropSendQueue)
	case errors.Is(err, interfaces.ErrTooLarge):
		a.count(DropSendTooLarge)
	default:
		a.count(DropSendDown)
	}
	return err
}
