package lxmf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns"
)

// maxBackchannels bounds the links by which those who identified on them can be answered; more are not remembered.
const maxBackchannels = 1024

// DeliveryConfig says what an LXMF address of ours is. Identity and OnMessage are needed.
type DeliveryConfig struct {
	Identity *rns.Identity
	// DisplayName is announced; nil announces no name. StampCost is announced, and asked of every message; nil or 0: none. One
	// that rises is asked only when it has been announced.
	// Both are called from several goroutines and must not block.
	DisplayName func() string
	StampCost   func() int
	// StampExempt says whose messages need no stamp all the same; nil: nobody's. It is called after the signature was
	// verified, and must not block.
	StampExempt func(rns.DestinationHash) bool
	// Ignore says whose messages are proved and dropped before their stamp is checked, since nothing would come of them; nil:
	// nobody's. It is called like StampExempt, and only when a stamp would be checked.
	Ignore func(rns.DestinationHash) bool
	// StampOptional hands messages on whose stamp is missing or wrong as well, with Inbound.StampValue 0.
	StampOptional bool
	// KeepTicket says whose tickets are kept, which is a write; nil: everybody's whose messages are handed to OnMessage. It must
	// not block.
	KeepTicket func(rns.DestinationHash) bool
	// Ratchets are kept through the transport's store. nil: none.
	Ratchets *rns.RatchetConfig
	// MaxSize is the largest message accepted, in bytes, and MaxStrangerSize that over a link whose other end has not
	// identified, as stock programs do for their first message. 0: [DefaultMaxSize], [DefaultMaxStrangerSize].
	MaxSize, MaxStrangerSize int64
	// OnMessage gets each verified message once, in the order in which they were verified. It is called from the delivery's
	// goroutine and must not block; every message must be answered, now or later, see [Inbound].
	OnMessage func(*Inbound)
}

// Delivery is an LXMF address of ours. It receives messages, and messages are sent in its name.
type Delivery struct {
	r           *Router
	config      DeliveryConfig
	address     rns.DestinationHash
	destination *rns.Destination
	inbox       chan *arrival   // never full: what is in it has a slot
	checked     chan *arrival   // from the stamp checkers; never full either
	open        context.Context // until Close
	shut        context.CancelFunc
	closed      bool // guarded by Router.mu

	ended    atomic.Bool  // run has returned
	toldCost atomic.Int64 // in the last announce or path response; -1: none yet

	mu           sync.Mutex // leaf
	lastTime     int64      // the last timestamp given out, in microseconds
	slots        int        // arrivals and undecided messages
	bytes        int64      // of them
	undecided    map[MessageID]*Inbound
	recent       recentIDs
	backchannels map[rns.DestinationHash]*rns.Link
}

func newDelivery(r *Router, c DeliveryConfig) (*Delivery, error) {
	if c.Identity == nil || c.OnMessage == nil {
		return nil, errors.New("lxmf: delivery without identity or OnMessage")
	}
	if c.MaxSize < 0 || c.MaxStrangerSize < 0 {
		return nil, errors.New("lxmf: delivery with a negative limit")
	}
	if c.MaxSize == 0 {
		c.MaxSize = DefaultMaxSize
	}
	if c.MaxStrangerSize == 0 {
		c.MaxStrangerSize = DefaultMaxStrangerSize
	}
	c.MaxStrangerSize = min(c.MaxStrangerSize, c.MaxSize)
	d := &Delivery{
		r:            r,
		config:       c,
		address:      DeliveryHash(c.Identity.PublicIdentity),
		inbox:        make(chan *arrival, r.config.MaxUndecided),
		checked:      make(chan *arrival, r.config.MaxUndecided),
		undecided:    make(map[MessageID]*Inbound),
		recent:       newRecentIDs(recentDecided),
		backchannels: make(map[rns.DestinationHash]*rns.Link),
	}
	d.open, d.shut = context.WithCancel(context.Background())
	d.toldCost.Store(-1)
	var err error
	d.destination, err = r.transport.NewDestination(rns.DestinationConfig{
		Type:           rns.DestinationSingle,
		Identity:       c.Identity,
		App:            AppName,
		Aspects:        []string{DeliveryAspect},
		OnPacket:       d.onPacket,
		OnLink:         func(l *rns.Link) { d.serve(l) },
		LinkProofDelay: linkProofDelay,
		AnswerDelay:    answerDelay,
		BoundStrangers: true,      // a stock client identifies only after its first message, if at all
		AppData:        d.appData, // of announces and path responses alike, or senders lose name and cost
		Ratchets:       c.Ratchets,
		MaxRequestSize: int(rns.MTU), // nothing is asked of an lxmf.delivery destination
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Address returns the LXMF address.
func (d *Delivery) Address() rns.DestinationHash { return d.address }

// Identity returns the identity that messages are signed with.
func (d *Delivery) Identity() *rns.Identity { return d.config.Identity }

// Destination returns the destination behind the address.
func (d *Delivery) Destination() *rns.Destination { return d.destination }

// Announce tells the network about the address, its name and its stamp cost, on all interfaces.
func (d *Delivery) Announce(ctx context.Context) error { return d.destination.Announce(ctx) }

// Retire lets nothing more come in by the address, which is as unknown from now on as one that never was; what is on its way ends as by
// Close. Messages that are sent from now on go out in its name until Close. The error is that of storage: Close tries again.
func (d *Delivery) Retire(ctx context.Context) error {
	d.withdraw(false)
	_ = d.destination.Close()
	d.r.holder.forget(d.address)
	if err := d.r.store.DropQueued(ctx, d.address); err != nil {
		return fmt.Errorf("lxmf: kept messages not dropped: %w", err)
	}
	return nil
}

// withdraw takes the delivery off the router's list and ends what it has queued; with for good nothing can be queued any more. It reports
// whether it was not closed before.
func (d *Delivery) withdraw(forGood bool) (first bool) {
	r := d.r
	r.mu.Lock()
	first = !d.closed
	d.closed = d.closed || forGood
	var left []*Outgoing
	for o := range r.queue.all {
		if o.key.from == d {
			left = append(left, o)
		}
	}
	for _, o := range left {
		r.queue.remove(o)
	}
	r.orphans = slices.DeleteFunc(r.orphans, func(m QueuedMessage) bool { return m.From == d.address })
	if r.deliveries[d.address] == d {
		delete(r.deliveries, d.address)
	}
	r.mu.Unlock()

	for _, o := range left {
		o.finish(StateFailed, ErrClosed)
	}
	return first
}

// Close takes the address off the network, such as that of a group that was deleted. Its messages on their way fail with
// [ErrClosed], also those that are kept, which are dropped from storage, and so are messages to it that were held; links with it
// are closed, its tickets forgotten; what the application has not decided about is not proved. The error is that of storage: what is kept then is
// dropped when the address is closed again. Other deliveries go on.
func (d *Delivery) Close(ctx context.Context) error {
	r := d.r
	if d.withdraw(true) {
		d.shut()
		_ = d.destination.Close()
		d.mu.Lock()
		links := slices.Collect(maps.Values(d.backchannels))
		clear(d.backchannels)
		d.mu.Unlock()
		for _, l := range links {
			_ = l.Close()
		}
	}
	r.holder.forget(d.address)
	r.tickets.forget(d.address)
	if err := r.store.DropQueued(ctx, d.address); err != nil {
		return fmt.Errorf("lxmf: kept messages not dropped: %w", err)
	}
	return nil
}

// whileOpen returns a context that ends with life, and when the delivery is closed.
func (d *Delivery) whileOpen(life context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(life)
	stop := context.AfterFunc(d.open, cancel)
	return ctx, func() { stop(); cancel() }
}

func (d *Delivery) appData() []byte {
	a := AnnounceData{StampCost: d.stampCost(), Compression: true}
	d.toldCost.Store(int64(a.StampCost))
	if d.config.DisplayName != nil {
		a.Name, a.Named = d.config.DisplayName(), true
	}
	return a.Append(nil)
}

// timestamp returns the time for a message sent now. Two messages never get the same, or the second of two equal ones would
// be taken for a copy of the first.
func (d *Delivery) timestamp(now time.Time) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	micros := now.UnixMicro()
	if behind := d.lastTime - micros; behind >= 0 && behind < time.Second.Microseconds() {
		micros = d.lastTime + 1
	}
	d.lastTime = micros
	return Timestamp(time.UnixMicro(micros))
}

// stampCost returns the cost asked of messages, 0 for none.
func (d *Delivery) stampCost() int {
	if d.config.StampCost == nil {
		return 0
	}
	if cost := d.config.StampCost(); cost >= MinStampCost && cost <= MaxStampCost {
		return cost
	}
	return 0
}

// askedCost returns the cost that messages are held to: what senders were last told, if it has risen since.
func (d *Delivery) askedCost() int {
	cost := d.stampCost()
	if told := d.toldCost.Load(); told >= 0 {
		cost = min(cost, int(told))
	}
	return cost
}

// acquire takes a slot for something of the given size that was received. False: too much waits.
func (d *Delivery) acquire(size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slots >= d.r.config.MaxUndecided || d.bytes+int64(size) > d.r.config.MaxUndecidedBytes {
		return false
	}
	d.slots++
	d.bytes += int64(size)
	return true
}

// release gives the slot back.
func (d *Delivery) release(size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slots--
	d.bytes -= int64(size)
}

func (d *Delivery) sizes() (undecided, backchannels int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.undecided), len(d.backchannels)
}

// serve accepts messages on a link, which was opened to us, or by us to a recipient who may answer on it.
func (d *Delivery) serve(l *rns.Link) {
	l.SetHandlers(rns.LinkHandlers{
		OnPacket:       d.onPacket,
		OnIdentified:   d.onIdentified,
		OnResource:     func(o rns.ResourceOffer) rns.ResourceDecision { return d.onResource(l, o) },
		OnResourceDone: func(res *rns.ReceivedResource) { d.onResourceDone(l, res) },
		OnClosed:       d.onClosed,
	})
}

// onIdentified remembers the link as a way to answer its other end.
func (d *Delivery) onIdentified(l *rns.Link, id *rns.PublicIdentity) {
	address := DeliveryHash(id)
	d.mu.Lock()
	if _, ok := d.backchannels[address]; ok || len(d.backchannels) < maxBackchannels {
		d.backchannels[address] = l
	}
	d.mu.Unlock()
	d.r.heard(address)
}

func (d *Delivery) onClosed(l *rns.Link) {
	if id := l.Remote(); id != nil && !l.Initiator() {
		d.forgetBackchannel(DeliveryHash(id), l)
	}
}

func (d *Delivery) forgetBackchannel(address rns.DestinationHash, l *rns.Link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.backchannels[address] == l {
		delete(d.backchannels, address)
	}
}

// backchannel returns an active link by which an address can be answered, nil when there is none.
func (d *Delivery) backchannel(address rns.DestinationHash) *rns.Link {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.backchannels[address]; l != nil && l.State() == rns.LinkActive {
		return l
	}
	return nil
}

// onPacket takes a packet, opportunistic or over a link.
func (d *Delivery) onPacket(p *rns.ReceivedPacket) {
	a := &arrival{d: d, method: MethodOpportunistic, hops: p.Hops, link: p.Link, via: p.Interface, at: p.At, prove: p.Prove}
	switch {
	case len(p.Data) == 0: // a ping: only the proof is wanted
	case p.Link != nil:
		a.method, a.packed = MethodDirect, p.Data
	default:
		a.packed = append(append(make([]byte, 0, len(d.address)+len(p.Data)), d.address[:]...), p.Data...)
	}
	d.take(a)
}

// limit returns the largest resource that is accepted over a link, in bytes.
func (d *Delivery) limit(l *rns.Link) int64 {
	if l.Remote() != nil {
		return d.config.MaxSize
	}
	return d.config.MaxStrangerSize
}

// onResource decides about a resource before anything of it is received.
func (d *Delivery) onResource(l *rns.Link, o rns.ResourceOffer) rns.ResourceDecision {
	limit := d.limit(l)
	if o.Size > limit {
		d.r.count.tooLarge.Add(1)
		return rns.ResourceDecision{}
	}
	size := o.Size
	if d.r.config.Spool != nil {
		size = min(size, SpoolThreshold)
	}
	d.mu.Lock()
	busy := d.slots >= d.r.config.MaxUndecided || d.bytes+size > d.r.config.MaxUndecidedBytes
	d.mu.Unlock()
	// A refusal is final for the sender; when too much waits he gets no answer, and tries again later.
	if busy {
		d.r.count.resourceBusy.Add(1)
		return rns.ResourceDecision{Ignore: true}
	}
	f, err := d.spool(o.Size)
	if err != nil {
		return rns.ResourceDecision{Ignore: true}
	}
	decision := rns.ResourceDecision{Accept: true, MaxSize: limit}
	if f != nil {
		decision.Sink = f
	}
	return decision
}

// onResourceDone takes a resource that has arrived, or failed.
func (d *Delivery) onResourceDone(l *rns.Link, res *rns.ReceivedResource) {
	if res.Err != nil {
		return
	}
	a := &arrival{d: d, packed: res.Data, method: MethodDirect, hops: l.Hops(), link: l, via: l.InterfaceName(), at: time.Now(), prove: res.Prove}
	if f, ok := res.Sink.(SpoolFile); ok {
		d.r.count.spooled.Add(1)
		a.spool, a.length = f, res.Size
	}
	d.take(a)
}
