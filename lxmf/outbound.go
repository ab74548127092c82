package lxmf

import (
	"context"
	"errors"
	"fmt"
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
	// Method is MethodAuto, MethodOpportunistic, MethodDirect or MethodPropagated. An opportunistic message that does not fit a
	// packet goes directly. For paper there is [Router.Paper].
	Method Method
	// Propagate leaves the message with a propagation node, under the same id, when a round of attempts has failed and there is
	// a node. If the TTL is not over, it is sent to the recipient as well when he is heard: he may not ask that node.
	Propagate bool
	// Priority orders the messages to one recipient; zero is [PriorityNormal].
	Priority Priority
	// TTL is how long the message may take: when a round of attempts has failed, it waits for the recipient's next announce,
	// which begins another. 0: one round, which ends within about a minute, or two where the recipient is several hops away.
	TTL time.Duration
	// Keep stores the message before it is transmitted, so that it is sent after a restart, too, until its TTL is over, which
	// must be given. A message that was delivered just before a crash may be sent again, under the same id.
	Keep bool
	// MaxStampCost is the highest cost that a stamp is made for; 0: RouterConfig.MaxStampCost, which always holds too. Give a
	// low one for recipients who must not make us work.
	MaxStampCost int
	// Ticket puts a ticket into the message, so that the recipient's answers need no stamp, when he is due one: at most one a
	// day, none while another message with one is on its way. It makes the message some 30 bytes longer. A new ticket is
	// stored first; when that fails, there is none.
	Ticket bool
}

// Send signs a message, queues it and returns at once; what becomes of it shows in the Outgoing. Errors are
// [ErrQueueFull], [ErrClosed], [ErrNoNode], the end of ctx, those of [Pack], and with Keep those of the store.
//
// A recipient whose key is not known is asked for. If he asks for a stamp, it is made first, on all cores, at most of
// RouterConfig.MaxStampCost. Messages to one recipient leave by priority and in the order of Send, unless a repetition or one
// without a stamp overtakes. When too many wait, the youngest of the lowest priority makes room for one of a higher.
func (r *Router) Send(ctx context.Context, o *Outbound) (*Outgoing, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch o.Method {
	case MethodAuto, MethodOpportunistic, MethodDirect:
	case MethodPropagated:
		if up := r.uploader(); up == nil || !up.Ready() {
			return nil, ErrNoNode
		}
	default:
		return nil, fmt.Errorf("lxmf: send: %v messages are not sent by the router", o.Method)
	}
	switch {
	case o.Keep && o.TTL <= 0:
		return nil, errors.New("lxmf: send: Keep needs a TTL")
	case !o.Priority.valid():
		return nil, fmt.Errorf("lxmf: send: no such %v", o.Priority)
	}
	fields := o.Fields
	if o.Ticket && o.From != nil && o.From.r == r {
		pair := ticketKey{o.From.address, o.To}
		if t, ok := r.tickets.issue(ctx, pair); ok {
			fields.SetTicket(t)
			defer r.tickets.handedOver(pair)
		}
	}
	m, err := r.pack(o, fields)
	if err != nil {
		return nil, err
	}
	out := &Outgoing{
		r: r, key: recipientKey{from: o.From, to: o.To}, message: m, current: m, method: o.Method, fallback: o.Propagate,
		keep: o.Keep, priority: o.Priority, maxCost: r.config.MaxStampCost, state: StateQueued, progress: progressQueued,
		done: make(chan struct{}),
	}
	if o.MaxStampCost > 0 {
		out.maxCost = min(out.maxCost, o.MaxStampCost)
	}
	if o.TTL > 0 {
		out.expires = time.Now().Add(o.TTL)
	}
	if err := r.enqueue(ctx, given{o.Identity, o.Ratchet}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// pack checks what the application wrote and signs it, with these fields.
func (r *Router) pack(o *Outbound, fields Fields) (*Message, error) {
	switch {
	case o.From == nil || o.From.r != r:
		return nil, errors.New("lxmf: send: not a delivery of this router")
	case o.Identity != nil && DeliveryHash(o.Identity) != o.To:
		return nil, fmt.Errorf("lxmf: send: %s is not the address of the identity given", o.To)
	case o.Ratchet != nil && len(o.Ratchet) != rns.RatchetLength:
		return nil, fmt.Errorf("lxmf: send: ratchet of %d bytes, want %d", len(o.Ratchet), rns.RatchetLength)
	}
	draft := Draft{Destination: o.To, Timestamp: o.Timestamp, Title: o.Title, Content: o.Content, Fields: fields}
	if draft.Timestamp == 0 {
		draft.Timestamp = o.From.timestamp(time.Now())
	}
	return Pack(o.From.config.Identity, draft)
}

// given is what the application knows of a recipient.
type given struct {
	identity *rns.PublicIdentity
	ratchet  []byte
}

// enqueue takes a message into the queue, stores it if it is to be kept, and hands it to the recipient's goroutine.
func (r *Router) enqueue(ctx context.Context, g given, o *Outgoing) error {
	r.mu.Lock()
	displaced, err := r.admitLocked(o)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	for _, d := range displaced {
		r.count.displaced.Add(1)
		d.finish(StateFailed, ErrQueueFull)
		r.wakeRecipient(d.key)
	}
	if o.keep {
		if err := r.store.PutQueued(ctx, o.stored(g, time.Now())); err != nil {
			r.left(o)
			return fmt.Errorf("lxmf: message not kept: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.closedLocked(o.key.from); err != nil { // meanwhile
		r.queue.remove(o)
		if o.keep {
			r.kept.drop(o.ID())
		}
		return err
	}
	r.handLocked(g, o)
	return nil
}

// closedLocked is the reason why nothing is sent for a delivery any more. r.mu is held.
func (r *Router) closedLocked(d *Delivery) error {
	if r.stopped || d.closed || r.life != nil && r.life.Err() != nil {
		return ErrClosed
	}
	return nil
}

// handLocked hands a message to the recipient's goroutine, which is started if need be. r.mu is held.
func (r *Router) handLocked(g given, o *Outgoing) {
	rec := r.recipients[o.key]
	if rec == nil {
		rec = newRecipient(r, o.key)
		r.recipients[o.key] = rec
		r.goLocked(rec.run)
	}
	rec.incoming = append(rec.incoming, o)
	r.tickets.queued(o.message)
	if g.identity != nil {
		rec.given.identity = g.identity
	}
	if g.ratchet != nil {
		rec.given.ratchet = g.ratchet
	}
	r.count.queued.Add(1)
	rec.wake()
}

// collect takes what was queued for a recipient since the last time, and what was given with it.
func (r *Router) collect(rec *recipient) ([]*Outgoing, given) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := rec.incoming
	rec.incoming = nil
	return in, rec.given
}

// left takes note that a message has left the queue.
func (r *Router) left(o *Outgoing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.remove(o)
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

// wakeRecipient makes a recipient's goroutine look at everything again.
func (r *Router) wakeRecipient(key recipientKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec := r.recipients[key]; rec != nil {
		rec.wake()
	}
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
