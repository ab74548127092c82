package rns

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/internal/token"
)

// Bounds of one link. Each is a tunable of ours.
const (
	// linkInboxSize is how many packets wait for a link's goroutine, linkInboxBytes how many bytes of them (with the
	// largest MTU a round of a resource has 39 MB, but it comes no faster than it is worked off), and linksInboxBytes
	// how many for all links of a transport. Beyond that the newest is dropped, counted, and taken out of the duplicate
	// filter, so that a retry is accepted.
	linkInboxSize   = 1024
	linkInboxBytes  = 16 << 20
	linksInboxBytes = 64 << 20
	// linkCallsSize is how many operations of other goroutines wait; more of them block.
	linkCallsSize = 64
	// linkMaxReceipts is how many sent packets may wait for their proof. The oldest is culled for a new one.
	linkMaxReceipts = 256
	// linkMaxPending is how many requests of ours may be unanswered; more are [ErrTooMany].
	linkMaxPending = 64
)

// linkCarrier is what a link needs of the transport that carries it. *Transport is one; tests have another.
type linkCarrier interface {
	sendRaw(f outFrame)                     // queues a frame; the loop hands it to the interface
	unregisterLink(l *Link)                 // the link is closed; may be called more than once
	rebalancePath(d DestinationHash, n int) // a valid link proof took n hops, not what the path table says
	linkFailed(d DestinationHash)           // a link we requested closed before it was active (spec 2 §5.5)
}

// LinkHandlers are what an application hears of a link. All fields may be nil. They are called from one goroutine
// per link, one at a time and in order; it is not the goroutine that serves the link, so they may use the link freely.
// A handler that blocks delays those after it, and once 256 packets, or 16 MiB of them (64 MiB over all
// links), wait for it more are dropped (and counted).
type LinkHandlers struct {
	// OnPacket gets data of context NONE. Nothing is proved unless [ReceivedPacket.Prove] is called.
	OnPacket func(*ReceivedPacket)
	// OnIdentified is called at the responder once, when the initiator has identified. No later packet of the link is
	// handled before it returns.
	OnIdentified func(*Link, *PublicIdentity)
	// OnResource decides whether a resource that is neither request nor response is received; nil refuses silently.
	OnResource func(ResourceOffer) ResourceDecision
	// OnResourceDone gets each accepted resource, complete or failed. It decides about the proof: [ReceivedResource].
	OnResourceDone func(*ReceivedResource)
	// OnClosed is called once, last.
	OnClosed func(*Link)
}

// linkView is what other goroutines may see of a link: replaced as a whole, never changed.
type linkView struct {
	state  LinkState
	rtt    time.Duration
	mtu    int
	hops   int
	on     *attached
	remote *PublicIdentity
	reason CloseReason
}

// Link is an encrypted connection with the holder of a destination's identity (spec 2 §1). One end, the initiator,
// opened it with [Transport.OpenLink]; the other, the responder, got it from its destination's OnLink. All methods may
// be called from any goroutine. Each link is an actor: one goroutine owns keys, state, timers, pending requests,
// resources and the channel, and ends with the link.
type Link struct {
	carrier     linkCarrier
	shared      *linkShared
	log         *slog.Logger
	rand        io.Reader
	wall        func() time.Time
	blackholed  func(IdentityHash) bool
	born        time.Time
	initiator   bool
	id          LinkID
	destination DestinationHash
	target      linkTarget  // responder: the destination that was asked
	arrived     *attached   // responder: the interface of the request
	leaves      *attached   // initiator: the interface the request left by; nil: all
	identity    *Identity   // responder: signs proofs
	request     linkRequest // responder: what was asked; its signing key verifies the initiator's proofs
	requestHash PacketHash  // initiator: of the request packet
	keys        linkKeys
	requestedAt time.Time // initiator: request sent; responder: proof sent
	expires     time.Time // when to give up waiting for the other end
	expectHops  int       // initiator: hops of the path when the request was made
	offeredMTU  int       // initiator: what the request signalled

	ctx      context.Context // lifetime of the request handlers of this link
	cancel   context.CancelFunc
	inbox    linkInbox
	queued   atomic.Int64 // bytes in the inbox
	calls    chan func(now time.Time)
	active   chan struct{} // closed when the link becomes active
	stop     chan struct{} // closed by shutdown and drop
	stopOnce sync.Once
	silent   atomic.Bool   // drop, orphan: say nothing when stopping
	orphaned atomic.Bool   // orphan: the interface is gone
	done     chan struct{} // closed when the link is closed
	children sync.WaitGroup
	events   callbackQueue
	handlers atomic.Pointer[LinkHandlers]
	paths    requestPaths
	view     atomic.Pointer[linkView]
	prompt   atomic.Bool // responder: the initiator takes answers of any speed

	channelOnce sync.Once
	ownChannel  *Channel

	// Owned by the goroutine in run.
	now         linkView // the current values; published with publish
	key         *token.Key
	held        int          // callbacks that later packets must wait for
	deferred    []linkPacket // at most one: taken in while held
	rttGuessed  bool         // responder: activated by other evidence than an LRRTT
	watch       linkWatch
	activatedAt time.Time
	rttSentFor  time.Time // the keepalive for whose lack of an answer the LRRTT was sent again
	receipts    linkReceipts
	pending     map[RequestID]*pendingRequest
	resources   *linkResources // nil before there is a key
	offers      map[ResourceHash]*parkedOffer
	advertised  []byte // the advertisement being handled
	broken      bool   // the resources want the link closed
	channel     *channelState
}

// linkEnvironment is what a link is given of its surroundings.
type linkEnvironment struct {
	log  *slog.Logger
	rand io.Reader        // safe for concurrent use
	wall func() time.Time // the clock for times that go to the other end
	// blackholed reports identities that may not identify; nil: none.
	blackholed func(IdentityHash) bool
}

// linkTarget is what a link needs of the destination it was opened to. *Destination is one; tests have another.
type linkTarget interface {
	Identity() *Identity
	acceptsLinks() bool
	linkOpened() func(*Link) // OnLink; nil: none
	requestPaths() *requestPaths
	maxRequest() int            // largest request in bytes; 0: no limit
	answerDelay() time.Duration // how long a request waits for its answer at least
	boundsStrangers() bool      // see DestinationConfig.BoundStrangers
}

// newLink makes a link in state Pending. Nothing runs yet.
func newLink(carrier linkCarrier, shared *linkShared, env linkEnvironment, id LinkID, initiator bool) *Link {
	l := &Link{
		carrier: carrier, shared: shared, log: env.log.With("link", id), rand: env.rand, wall: env.wall, blackholed: env.blackholed, born: time.Now(), id: id, initiator: initiator,
		inbox:   newLinkInbox(),
		calls:   make(chan func(time.Time), linkCallsSize),
		active:  make(chan struct{}),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		pending: make(map[RequestID]*pendingRequest),
		now:     linkView{state: LinkPending, mtu: MTU, hops: MaxHops},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.handlers.Store(&LinkHandlers{})
	l.publish()
	return l
}

// ID returns the 16-byte id of the link: the same at both ends.
func (l *Link) ID() LinkID { return l.id }

// State returns the state at this moment.
func (l *Link) State() LinkState { return l.view.Load().state }

// Initiator reports whether this end opened the link.
func (l *Link) Initiator() bool { return l.initiator }

// RTT returns the round trip time measured when the link was established, 0 before that.
func (l *Link) RTT() time.Duration { return l.view.Load().rtt }

// MTU returns the largest packet of the link in bytes: 500, or what both ends agreed on.
func (l *Link) MTU() int { return l.view.Load().mtu }

// MDU returns the largest plaintext of one packet in bytes: 431 at an MTU of 500.
func (l *Link) MDU() int { return LinkMDU(l.view.Load().mtu) }

// Hops returns the distance of the other end: 1 for a neighbour, 128 while it is unknown.
func (l *Link) Hops() int { return l.view.Load().hops }

// InterfaceName returns the name of the interface the link runs over, empty before it is established.
func (l *Link) InterfaceName() string {
	if on := l.view.Load().on; on != nil {
		return on.name()
	}
	return ""
}

// DestinationHash returns the address the link was opened to.
func (l *Link) DestinationHash() DestinationHash { return l.destination }

// Remote returns who is at the other end: at the initiator the destination's identity, at the responder nil until the
// initiator has identified.
func (l *Link) Remote() *PublicIdentity { return l.view.Load().remote }

// SetHandlers replaces all handlers. It takes effect for the next event.
func (l *Link) SetHandlers(h LinkHandlers) { l.handlers.Store(&h) }

// Done returns a channel that is closed when the link is closed.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err returns nil while the link is not closed, then a [*LinkClosedError].
func (l *Link) Err() error {
	if v := l.view.Load(); v.state == LinkClosed {
		return &LinkClosedError{Reason: v.reason}
	}
	return nil
}

// Close ends the link and tells the other end, if it is known to be there. Pending requests, receipts, resources and
// the channel fail with [*LinkClosedError]. It returns when the link is closed; closing again does nothing.
func (l *Link) Close() error {
	if err := l.submit(context.Background(), func(now time.Time) { l.close(now, l.ownReason(), true) }); err != nil {
		return nil // closed already
	}
	<-l.done
	return nil
}

// shutdown begins what Close does, for the transport's loop, which does not wait here.
func (l *Link) shutdown() { l.stopOnce.Do(func() { close(l.stop) }) }

// drop is shutdown without a word to the other end.
func (l *Link) drop() {
	l.silent.Store(true)
	l.shutdown()
}

// orphan is drop because the interface is gone that the link runs over.
func (l *Link) orphan() {
	l.orphaned.Store(true)
	l.drop()
}

// over reports whether the link runs over an interface, or waits for an answer to come in on it.
func (l *Link) over(a *attached) bool {
	v := l.view.Load()
	return v.on == a || v.on == nil && l.leaves == a
}

// Identify tells the responder who we are. Initiators only; the first identity sticks, and nothing confirms that it
// arrived. The error is [ErrNotInitiator], [ErrNotActive] or [*LinkClosedError].
func (l *Link) Identify(identity *Identity) error {
	if !l.initiator {
		return ErrNotInitiator
	}
	return l.do(context.Background(), func(now time.Time) error {
		if !l.now.state.usable() {
			return ErrNotActive
		}
		_, err := l.sendSealed(now, ContextLinkIdentify, appendIdentify(nil, l.id, identity))
		return err
	})
}

// submit hands f to the link's goroutine and does not wait for it to run. Once the link is closed nothing runs.
func (l *Link) submit(ctx context.Context, f func(now time.Time)) error {
	select {
	case <-l.done:
		return l.Err()
	default:
	}
	select {
	case l.calls <- f:
		return nil
	case <-l.done:
		return l.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do runs f on the link's goroutine and returns its error.
func (l *Link) do(ctx context.Context, f func(now time.Time) error) error {
	result := make(chan error, 1)
	if err := l.submit(ctx, func(now time.Time) { result <- f(now) }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-l.done:
	}
	select { // it may have been f that closed the link
	case err := <-result:
		return err
	default:
		return l.Err()
	}
}

// receive is called by the transport's loop with every packet addressed to the link. It never blocks. false means that
// the packet was not taken and is to be accepted if it comes again: the inbox is full, or it is data that came in on
// another interface than the link's (spec 2 §1.14).
func (l *Link) receive(p linkPacket) bool {
	v := l.view.Load()
	if v.state == LinkClosed {
		return true
	}
	if p.PacketType == PacketData && p.on != v.on {
		l.shared.counters.wrongInterface.Add(1)
		return false
	}
	p.at = timeOr(p.at)
	if l.reserveInbox(p) {
		if l.inbox.put(p) {
			return true
		}
		l.releaseInbox(p)
	}
	l.shared.counters.inboxFull.Add(1)
	return false
}

// reserveInbox counts a packet that goes into the inbox, where there is room for its bytes.
func (l *Link) reserveInbox(p linkPacket) bool {
	size := int64(len(p.Raw))
	if l.queued.Add(size) > linkInboxBytes {
		l.queued.Add(-size)
		return false
	}
	if l.shared.queued.Add(size) > linksInboxBytes {
		l.releaseInbox(p)
		return false
	}
	return true
}

// releaseInbox counts one that was taken out.
func (l *Link) releaseInbox(p linkPacket) {
	size := int64(len(p.Raw))
	l.queued.Add(-size)
	l.shared.queued.Add(-size)
}

func timeOr(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

// run serves the link until it is closed, and returns when every goroutine it started has ended.
func (l *Link) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for l.now.state != LinkClosed {
		inbox := l.inbox.wake
		if l.held > 0 {
			inbox = nil
		} else if len(l.deferred) > 0 {
			p := l.deferred[0]
			l.deferred = nil
			l.handle(time.Now(), p)
			continue
		}
		timer.Reset(max(0, time.Until(l.deadline())))
		select {
		case f := <-l.calls:
			f(time.Now())
		case <-inbox:
			l.handleWaiting()
		case <-timer.C:
			l.tick(time.Now())
		case <-l.stop:
			reason := l.ownReason()
			if l.orphaned.Load() {
				reason = CloseInterface
			}
			l.close(time.Now(), reason, !l.silent.Load())
		}
	}
	for p, ok := l.inbox.take(); ok; p, ok = l.inbox.take() { // nothing comes after unregisterLink
		l.releaseInbox(p)
	}
	l.children.Wait()
}

// handleWaiting handles packets of the inbox, unless one makes the others wait.
func (l *Link) handleWaiting() {
	for range linkInboxBatch {
		p, ok := l.inbox.take()
		if !ok {
			return
		}
		l.releaseInbox(p)
		l.handle(time.Now(), p)
		if l.held > 0 || len(l.deferred) > 0 || l.now.state == LinkClosed {
			return
		}
	}
}

// deadline returns when tick is to be called next.
func (l *Link) deadline() time.Time {
	d := earliest(l.watchDeadline(), l.receipts.deadline())
	for _, p := range l.pending {
		d = earliest(d, p.deadline)
	}
	d = earliest(d, l.resourceDeadline())
	if l.channel != nil {
		d = earliest(d, l.channel.deadline())
	}
	return d
}

// earliest returns the earlier of two times, where the zero time stands for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// tick does what is due.
func (l *Link) tick(now time.Time) {
	l.watchTick(now)
	if l.now.state == LinkClosed {
		return
	}
	l.receipts.expire(now)
	l.expireRequests(now)
	l.tickResources(now)
	if l.channel != nil && l.now.state != LinkClosed {
		l.channel.tick(now)
	}
}

// publish makes the current values visible to other goroutines.
func (l *Link) publish() {
	v := l.now
	l.view.Store(&v)
}

// transition is the only place where the state changes after newLink.
func (l *Link) transition(e linkEvent) {
	next := l.now.state.next(e)
	if next == l.now.state {
		return
	}
	was := l.now.state
	l.now.state = next
	l.publish()
	l.log.Debug("link state", "was", was.String(), "is", next.String(), "initiator", l.initiator)
}

// activate makes the link active with this round trip time.
func (l *Link) activate(now time.Time, e linkEvent, rtt time.Duration) {
	l.now.rtt = rtt
	l.transition(e)
	l.activatedAt = now
	l.watch.activated(now, rtt)
	close(l.active)
}

// ownReason is the reason of a close that starts here; peerReason of one that the other end starts.
func (l *Link) ownReason() CloseReason {
	if l.initiator {
		return CloseInitiator
	}
	return CloseDestination
}

func (l *Link) peerReason() CloseReason {
	if l.initiator {
		return CloseDestination
	}
	return CloseInitiator
}

// close ends the link. tell sends a LINKCLOSE, unless the other end has never answered (spec 2 §1.16).
func (l *Link) close(now time.Time, reason CloseReason, tell bool) {
	if l.now.state == LinkClosed {
		return
	}
	if tell && l.now.state != LinkPending {
		// A failure to seal it can only be one of the random source; the other end then times out.
		_, _ = l.sendSealed(now, ContextLinkClose, l.id[:])
	}
	failed := l.initiator && l.now.state == LinkPending
	l.now.reason = reason
	l.transition(linkEnded)
	err := &LinkClosedError{Reason: reason}
	l.receipts.fail(err)
	l.failRequests(err)
	l.closeResources(now, err)
	if l.channel != nil {
		l.channel.close(err)
	}
	l.key, l.keys = nil, linkKeys{}
	l.cancel()
	l.carrier.unregisterLink(l)
	if failed {
		l.carrier.linkFailed(l.destination)
	}
	l.shared.gone(l)
	l.shared.requests.forget(l)
	l.events.push(l, func() {
		if h := l.handlers.Load().OnClosed; h != nil {
			h(l)
		}
	}, 0)
	close(l.done)
}
