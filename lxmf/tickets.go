package lxmf

import (
	"context"
	"io"
	"sync"
	"time"

	"groupd/rns"
)

// ticketsRetry is how long after a failure tickets are written again.
const ticketsRetry = time.Minute

// ticketKey names a pair: one of our deliveries and who it writes with.
type ticketKey struct{ delivery, peer rns.DestinationHash }

// tickets is all pairs, in memory and, behind that, in storage. A new ticket of ours is stored before it is given out;
// everything else is written by a goroutine soon after. Nothing is forgotten because a clock says so, only for room:
// expired tickets are not accepted, and do no harm.
type tickets struct {
	r       *Router
	writing chan struct{} // one slot: who holds it may write
	changed chan struct{} // capacity 1: there is something in dirty

	mu      sync.Mutex // leaf, below Router.mu and Outgoing.mu
	loaded  bool
	pairs   map[ticketKey]*TicketPair
	sending map[ticketKey]MessageID // messages on their way that carry a ticket
	dirty   map[ticketKey]struct{}
}

func (t *tickets) init(r *Router) {
	t.r = r
	t.writing = make(chan struct{}, 1)
	t.changed = make(chan struct{}, 1)
	t.pairs = make(map[ticketKey]*TicketPair)
	t.sending = make(map[ticketKey]MessageID)
	t.dirty = make(map[ticketKey]struct{})
}

// load reads what was kept before the restart.
func (t *tickets) load(ctx context.Context) error {
	now := time.Now()
	for p, err := range t.r.store.Tickets(ctx) {
		if err != nil {
			return err
		}
		t.mu.Lock()
		key := ticketKey{p.Delivery, p.Peer}
		t.makeRoom(key)
		t.pairs[key] = &p
		t.mu.Unlock()
	}
	t.mu.Lock()
	t.loaded = true
	n := len(t.pairs)
	t.mu.Unlock()
	t.r.log.Debug("tickets read", "pairs", n, "took", time.Since(now))
	t.wake()
	return nil
}

// run is the life of the goroutine that writes.
func (t *tickets) run(life context.Context) {
	retry := time.NewTicker(ticketsRetry)
	defer retry.Stop()
	for {
		select {
		case <-life.Done():
			// What came last is written all the same, as long as storage takes it.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(life), time.Second)
			t.flush(ctx)
			cancel()
			return
		case <-t.changed:
		case <-retry.C:
		}
		t.flush(life)
	}
}

func (t *tickets) wake() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// flush writes the pairs that have changed.
func (t *tickets) flush(ctx context.Context) {
	t.mu.Lock()
	keys := make([]ticketKey, 0, len(t.dirty))
	for k := range t.dirty {
		keys = append(keys, k)
	}
	t.mu.Unlock()
	if len(keys) > 0 {
		_ = t.write(ctx, keys...) // counted, and tried again
	}
}

// write stores pairs as they are now.
func (t *tickets) write(ctx context.Context, keys ...ticketKey) error {
	select {
	case t.writing <- struct{}{}: // else an older state could be written over a newer one
		defer func() { <-t.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	pairs := make([]TicketPair, len(keys))
	t.mu.Lock()
	for i, k := range keys {
		delete(t.dirty, k)
		if p := t.pairs[k]; p != nil {
			pairs[i] = *p
		}
		pairs[i].Delivery, pairs[i].Peer = k.delivery, k.peer
	}
	t.mu.Unlock()
	err := t.r.store.PutTickets(ctx, pairs...)
	if err != nil {
		t.r.count.storeErrors.Add(1)
		t.r.log.Warn("tickets not written", "err", err)
		t.mu.Lock()
		for _, k := range keys {
			t.dirty[k] = struct{}{}
		}
		t.mu.Unlock()
	}
	return err
}

// pair returns the pair, made if need be. t.mu is held.
func (t *tickets) pair(k ticketKey) *TicketPair {
	p := t.pairs[k]
	if p == nil {
		t.makeRoom(k)
		p = &TicketPair{Delivery: k.delivery, Peer: k.peer}
		t.pairs[k] = p
	}
	return p
}

// makeRoom forgets the pair whose last ticket ends first, if one more would be too many. t.mu is held.
func (t *tickets) makeRoom(k ticketKey) {
	if len(t.pairs) < MaxTicketPairs || t.pairs[k] != nil {
		return
	}
	var first ticketKey
	var end time.Time
	for k, p := range t.pairs {
		if u := p.until(); end.IsZero() || u.Before(end) {
			first, end = k, u
		}
	}
	delete(t.pairs, first)
	t.dirty[first] = struct{}{}
	t.r.count.ticketsForgotten.Add(1)
}

// issue returns the ticket to put into a message that is about to be sent, if one is due and no other message on its way
// carries one. A new one has been stored then. If ok, handedOver must follow.
func (t *tickets) issue(ctx context.Context, k ticketKey) (ticket Ticket, ok bool) {
	now := time.Now()
	t.mu.Lock()
	if _, busy := t.sending[k]; busy || !t.loaded {
		t.mu.Unlock()
		return Ticket{}, false
	}
	var p TicketPair
	if known := t.pairs[k]; known != nil {
		p = *known
	}
	ticket, fresh, ok := p.due(now)
	if ok {
		t.sending[k] = MessageID{}
	}
	t.mu.Unlock()
	if !ok || !fresh {
		return ticket, ok
	}
	ticket.Expires = Timestamp(now.Add(TicketLife))
	if _, err := io.ReadFull(t.r.config.Rand, ticket.Value[:]); err != nil {
		t.handedOver(k)
		return Ticket{}, false
	}
	t.mu.Lock()
	t.pair(k).issue(ticket)
	t.mu.Unlock()
	if err := t.write(ctx, k); err != nil {
		t.mu.Lock()
		t.pair(k).revoke(ticket)
		t.mu.Unlock()
		t.handedOver(k)
		return Ticket{}, false
	}
	t.r.count.ticketsIssued.Add(1)
	t.wake() // makeRoom may have left something to write
	return ticket, true
}

// queued takes note of a message that was queued, now or before a restart.
func (t *tickets) queued(m *Message) {
	if m.Fields.Has(FieldTicket) {
		t.mu.Lock()
		t.sending[ticketKey{m.Source, m.Destination}] = m.ID()
		t.mu.Unlock()
	}
}

// handedOver ends what issue began: the message was queued, or not.
func (t *tickets) handedOver(k ticketKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sending[k] == (MessageID{}) {
		delete(t.sending, k)
	}
}

// settled takes note of what became of a message: one that was delivered, or left with a propagation node, has given its
// ticket to the peer.
func (t *tickets) settled(m *Message, s State) {
	ticket, ok := m.Fields.Ticket()
	if !ok {
		return
	}
	k := ticketKey{m.Source, m.Destination}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sending[k] == m.ID() {
		delete(t.sending, k)
	}
	if s != StateDelivered && s != StateSent {
		return
	}
	if p := t.pairs[k]; p != nil && p.issued(ticket) {
		p.Delivered = time.Now()
		t.dirty[k] = struct{}{}
		t.wake()
	}
}

// forget drops all tickets of one of our destinations, from storage too.
func (t *tickets) forget(delivery rns.DestinationHash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.pairs {
		if k.delivery == delivery {
			delete(t.pairs, k)
			t.dirty[k] = struct{}{}
		}
	}
	for k := range t.sending {
		if k.delivery == delivery {
			delete(t.sending, k)
		}
	}
	t.wake()
}

// accepts reports whether a message's stamp was made with a ticket of ours.
func (t *tickets) accepts(m *Message) bool {
	if len(m.Stamp) != TicketLength {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pairs[ticketKey{m.Destination, m.Source}]
	return p != nil && p.accepts(time.Now(), m.ID(), m.Stamp)
}

// receive keeps a ticket that came with a verified message.
func (t *tickets) receive(m *Message) {
	ticket, ok := m.Fields.Ticket()
	now := time.Now()
	if !ok || !ticket.Valid(now) {
		return
	}
	k := ticketKey{m.Destination, m.Source}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pair(k).receive(now, ticket) {
		t.dirty[k] = struct{}{}
		t.r.count.ticketsReceived.Add(1)
		t.wake()
	}
}

// held returns the ticket that we may use for a message.
func (t *tickets) held(m *Message) (Ticket, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pairs[ticketKey{m.Source, m.Destination}]
	if p == nil || !p.Received.Valid(time.Now()) {
		return Ticket{}, false
	}
	return p.Received, true
}

// len returns the number of pairs.
func (t *tickets) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pairs)
}
