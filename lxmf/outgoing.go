package lxmf

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Outgoing follows one sent message. All methods may be called from any goroutine; nobody has to wait for it.
type Outgoing struct {
	r        *Router
	message  *Message // as packed first, without a stamp
	priority Priority
	maxCost  int // of stamps
	expires  time.Time
	fallback bool // to propagation
	keep     bool // over restarts
	order    uint64
	key      recipientKey
	first    *Outgoing   // of which this is another try; nil: none
	over     atomic.Bool // it has ended; set with state
	done     chan struct{}

	mu       sync.Mutex // leaf
	state    State
	method   Method // as wanted, or as fallen back to
	progress float64
	err      error
	changed  chan struct{} // nil: nobody watches

	// What follows belongs to the recipient's goroutine.
	current    *Message // with its stamp
	stampCost  int      // the cost that the stamp was made for
	ticket     Ticket   // or the ticket that it was made with
	stamping   bool
	plan       packetPlan
	upload     uploadPlan
	blob       []byte // sealed for a propagation node
	noPacket   bool   // it did not fit a packet to the recipient
	pending    int    // packets whose proof may still come
	busy       bool   // it is being transferred over a link, or to a node
	linkTries  int    // transfers over links that failed
	parked     bool   // waits for the recipient's announce, or that of a node
	lastFailed error
}

// ID returns the message's id.
func (o *Outgoing) ID() MessageID { return o.message.ID() }

// Message returns the message as it was packed, without the stamp that the recipient may ask for.
func (o *Outgoing) Message() *Message { return o.message }

// Priority returns what it was sent with.
func (o *Outgoing) Priority() Priority { return o.priority }

// Method returns the method that was wanted; after a fallback, [MethodPropagated].
func (o *Outgoing) Method() Method {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.method
}

// State returns the state at this moment. After a failure it may still become [StateDelivered], when a proof comes late.
func (o *Outgoing) State() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// Progress returns how far the message has come, from 0 to 1, in the steps of spec 4 §2.10: 0.01 waits or asks for a path, 0.03
// a link is being opened, 0.05 the link is there, 0.1 to 1 the part of a larger message that has been transferred, 0.5 a packet
// is on its way, 1 delivered or with a propagation node; 0 when it has failed.
func (o *Outgoing) Progress() float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.progress
}

// Changed returns a channel that is closed at the next change of state or progress. Take the channel first, then look.
func (o *Outgoing) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.changed
}

// Done is closed when the message has ended: in a final state, or in [StateSent] with a propagation node that has proved it.
func (o *Outgoing) Done() <-chan struct{} { return o.done }

// Err returns nil while the message is on its way and when it arrived, else why not: [ErrNotDelivered],
// [ErrUnknownRecipient], [ErrRejected], [ErrCancelled], [ErrStampCost], [ErrNoNode], [ErrQueueFull] when it made room for
// messages of a higher priority, or [ErrClosed].
func (o *Outgoing) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Cancel gives the message up, at once and in whatever state it is; one that has ended stays as it is. A transfer under way is
// broken off. What was transmitted already may still arrive, and be proved.
func (o *Outgoing) Cancel() {
	if o.finish(StateCancelled, ErrCancelled) {
		o.r.wakeRecipient(o.key)
	}
}

// ended reports whether Done is closed, or about to be.
func (o *Outgoing) ended() bool { return o.over.Load() }

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

// set changes the state of a message that is on its way, and its progress.
func (o *Outgoing) set(s State, progress float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over.Load() && (o.state != s || o.progress != progress) {
		o.state, o.progress = s, progress
		o.tellLocked()
	}
}

// advance changes the progress of a message that is on its way.
func (o *Outgoing) advance(progress float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over.Load() && o.progress != progress {
		o.progress = progress
		o.tellLocked()
	}
}

func (o *Outgoing) tellLocked() {
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// fallBack makes it a propagated message, of the same id.
func (o *Outgoing) fallBack() {
	o.mu.Lock()
	o.method = MethodPropagated
	o.mu.Unlock()
	o.plan, o.linkTries, o.upload = packetPlan{}, 0, uploadPlan{}
	o.set(StateQueued, progressQueued)
}

// finish ends the message and takes it out of the queue. It reports false when it had ended; then only a late delivery changes
// something. Router.mu must not be held.
func (o *Outgoing) finish(s State, err error) bool {
	ended := o.end(s, err)
	o.r.tickets.settled(o.message, s)
	if !ended {
		return false
	}
	if o.first != nil && s == StateDelivered {
		o.first.finish(s, nil)
	}
	o.r.left(o)
	if o.keep && err != ErrClosed { // then it goes on after the restart
		o.r.kept.drop(o.ID())
	}
	return true
}

func (o *Outgoing) end(s State, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	count := &o.r.count
	if o.over.Load() {
		if s == StateDelivered && o.state != StateDelivered {
			o.state, o.err, o.progress = s, nil, 1
			o.tellLocked()
			count.deliveredLate.Add(1)
			count.delivered.Add(1)
		}
		return false
	}
	o.state, o.err, o.progress = s, err, 0
	if err == nil {
		o.progress = 1
	}
	o.over.Store(true)
	close(o.done)
	o.tellLocked()
	if o.first != nil { // that one counts
		return true
	}
	switch s {
	case StateDelivered:
		count.delivered.Add(1)
	case StateSent:
		count.uploaded.Add(1)
	case StateRejected:
		count.rejected.Add(1)
	case StateCancelled:
		count.cancelled.Add(1)
	default:
		count.failed.Add(1)
	}
	return true
}

// Values of [Outgoing.Progress] (spec 4 §2.10).
const (
	progressQueued   = 0.01
	progressOpening  = 0.03
	progressLink     = 0.05
	progressTransfer = 0.10
	progressPacket   = 0.50
)

// transferProgress is the progress of a message of which a part, 0 to 1, has been transferred.
func transferProgress(part float64) float64 {
	return progressTransfer + (1-progressTransfer)*min(max(part, 0), 1)
}
