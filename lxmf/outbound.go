package lxmf

import (
	"context"
	"fmt"
	"sync"
	"time"

	"groupd/rns"
)

// Outbound is a message to be sent.
type Outbound struct {
	// From is the delivery in whose name it is sent.
	From *Delivery
	// To is the recipient's LXMF address.
	To rns.DestinationHash
	// Identity is the recipient and Ratchet his newest 32-byte ratchet public key, for those whose announces we have not
	// heard; what was heard wins. nil: only that.
	Identity *rns.PublicIdentity
	Ratchet  []byte
	// Title, Content and Fields are the message. They must not be changed afterwards.
	Title, Content []byte
	Fields         Fields
	// Timestamp is the author's time; 0: now. Sending the same again with the same timestamp keeps the id.
	Timestamp float64
	// Method is MethodAuto, MethodOpportunistic or MethodDirect. An opportunistic message that does not fit a packet goes
	// directly.
	Method Method
	// TTL is how long the message may take: when a round of attempts has failed, it waits for the recipient's next announce,
	// which begins another. 0: one round, which ends within about a minute.
	TTL time.Duration
	// MaxStampCost is the highest cost that a stamp is made for; 0: RouterConfig.MaxStampCost, which always holds too. Give a
	// low one for recipients who must not make us work.
	MaxStampCost int
}

// Outgoing follows one sent message. All methods may be called from any goroutine; nobody has to wait for it.
type Outgoing struct {
	r       *Router
	message *Message // as packed first, without a stamp
	method  Method   // as wanted
	maxCost int      // of stamps
	expires time.Time

	mu        sync.Mutex // leaf
	state     State
	err       error
	cancelled bool
	done      chan struct{}
	wake      func()

	// What follows belongs to the recipient's goroutine.
	current    *Message // with its stamp
	stampCost  int      // the cost that the stamp was made for
	stamping   bool
	plan       packetPlan
	noPacket   bool // it did not fit a packet to the recipient
	pending    int  // packets whose proof may still come
	onLink     bool // it is being transferred over a link
	linkTries  int  // transfers over links that failed
	parked     bool // waits for the recipient's announce
	lastFailed error
}

// ID returns the message's id.
func (o *Outgoing) ID() MessageID { return o.message.ID() }

// Message returns the message as it was packed, without the stamp that the recipient may ask for.
func (o *Outgoing) Message() *Message { return o.message }

// State returns the state at this moment. After a failure it may still become [StateDelivered], when a proof comes late.
func (o *Outgoing) State() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// Done is closed when the message has reached a final state for the first time.
func (o *Outgoing) Done() <-chan struct{} { return o.done }

// Err returns nil while the message is on its way and when it was delivered, else why not: [ErrNotDelivered],
// [ErrUnknownRecipient], [ErrRejected], [ErrCancelled], [ErrStampCost] or [ErrClosed].
func (o *Outgoing) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Cancel gives the message up. What was transmitted already may still arrive.
func (o *Outgoing) Cancel() {
	o.mu.Lock()
	o.cancelled = true
	o.mu.Unlock()
	o.wake()
}

func (o *Outgoing) isCancelled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cancelled
}

// whileWanted returns a context that ends with life, and with the message.
func (o *Outgoing) whileWanted(life context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(life)
	o.r.wg.Go(func() {
		select {
		case <-o.done:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, cancel
}

// set changes the state of a message that is on its way.
func (o *Outgoing) set(s State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.state.Final() {
		o.state = s
	}
}

// finish moves to a final state. It reports false when there was one already; then only a late delivery changes it.
func (o *Outgoing) finish(s State, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state.Final() {
		if s == StateDelivered && o.state != StateDelivered {
			o.state, o.err = s, nil
			o.r.count.deliveredLate.Add(1)
			o.r.count.delivered.Add(1)
		}
		return false
	}
	o.state, o.err = s, err
	close(o.done)
	switch s {
	case StateDelivered:
		o.r.count.delivered.Add(1)
	case StateRejected:
		o.r.count.rejected.Add(1)
	case StateCancelled:
		o.r.count.cancelled.Add(1)
	default:
		o.r.count.failed.Add(1)
	}
	return true
}

// Send signs a message, queues it and returns at once; what becomes of it shows in the Outgoing. Errors are
// [ErrQueueFull], [ErrClosed], the end of ctx, and those of [Pack].
//
// A recipient whose key is not known is asked for. If he asks for a stamp, it is made first, on all cores, at most of
// RouterConfig.MaxStampCost. Messages to one recipient leave in the order of Send, unless a repetition overtakes.
func (r *Router) Send(ctx context.Context, o *Outbound) (*Outgoing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.From == nil || o.From.r != r {
		return nil, fmt.Errorf("lxmf: send: not a delivery of this router")
	}
	switch o.Method {
	case MethodAuto, MethodOpportunistic, MethodDirect:
	default:
		return nil, fmt.Errorf("lxmf: send: %v messages are not sent by the router", o.Method)
	}
	if o.Identity != nil && DeliveryHash(o.Identity) != o.To {
		return nil, fmt.Errorf("lxmf: send: %s is not the address of the identity given", o.To)
	}
	draft := Draft{Destination: o.To, Timestamp: o.Timestamp, Title: o.Title, Content: o.Content, Fields: o.Fields}
	if draft.Timestamp == 0 {
		draft.Timestamp = o.From.timestamp(time.Now())
	}
	m, err := Pack(o.From.config.Identity, draft)
	if err != nil {
		return nil, err
	}
	out := &Outgoing{r: r, message: m, current: m, method: o.Method, maxCost: r.config.MaxStampCost, state: StateQueued, done: make(chan struct{})}
	if o.MaxStampCost > 0 {
		out.maxCost = min(out.maxCost, o.MaxStampCost)
	}
	if o.TTL > 0 {
		out.expires = time.Now().Add(o.TTL)
	}
	if o.Ratchet != nil && len(o.Ratchet) != rns.RatchetLength {
		return nil, fmt.Errorf("lxmf: send: ratchet of %d bytes, want %d", len(o.Ratchet), rns.RatchetLength)
	}
	if err := r.enqueue(recipientKey{from: o.From, to: o.To}, given{o.Identity, o.Ratchet}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// given is what the application knows of a recipient.
type given struct {
	identity *rns.PublicIdentity
	ratchet  []byte
}

// enqueue hands a message to the recipient's goroutine, which is started if need be.
func (r *Router) enqueue(key recipientKey, g given, o *Outgoing) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.life != nil && r.life.Err() != nil {
		return ErrClosed
	}
	rec := r.recipients[key]
	if r.queued >= r.config.MaxQueue || rec != nil && rec.queued >= r.config.MaxQueuePerRecipient {
		r.count.queueFull.Add(1)
		return ErrQueueFull
	}
	if rec == nil {
		rec = newRecipient(r, key)
		r.recipients[key] = rec
		r.goLocked(rec.run)
	}
	r.queued++
	rec.queued++
	rec.incoming = append(rec.incoming, o)
	if g.identity != nil {
		rec.given.identity = g.identity
	}
	if g.ratchet != nil {
		rec.given.ratchet = g.ratchet
	}
	o.wake = rec.wake
	r.count.queued.Add(1)
	rec.wake()
	return nil
}

// collect takes what was queued for a recipient since the last time, and what was given with it.
func (r *Router) collect(rec *recipient) ([]*Outgoing, given) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := rec.incoming
	rec.incoming = nil
	return in, rec.given
}

// left takes note that messages have left a recipient's queue.
func (r *Router) left(rec *recipient, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued -= n
	rec.queued -= n
}

// retire ends a recipient that has nothing to do. It is not ok when something was queued just now.
func (r *Router) retire(rec *recipient) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(rec.incoming) > 0 {
		return false
	}
	delete(r.recipients, rec.key)
	return true
}

// trimLinks asks all recipients to close links that they do not need at the moment.
func (r *Router) trimLinks() {
	r.mu.Lock()
	all := make([]*recipient, 0, len(r.recipients))
	for _, rec := range r.recipients {
		all = append(all, rec)
	}
	r.mu.Unlock()
	for _, rec := range all {
		rec.trim.Store(true)
		rec.wake()
	}
}
