package lxmf

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"groupd/rns"
)

const (
	// packetWindow is how many opportunistic messages to one recipient wait for their proof at a time.
	packetWindow = 4
	// eventsWaiting is how many outcomes wait for the goroutine before their helpers do.
	eventsWaiting = 64
	// sendPatience is how long a queue inside Reticulum is waited for.
	sendPatience = 5 * time.Second
	// opportunisticNear is the number of hops up to which a packet is not put in transport, and may be 8 bytes longer.
	opportunisticNear = 1
)

// recipientKey tells recipients apart: one of our deliveries and who it writes to. The sender is part of it since a link
// carries one identity.
type recipientKey struct {
	from *Delivery
	to   rns.DestinationHash
}

// recipient sends what is queued for one address. Its goroutine owns all but the fields named below, and lives as long as
// there are messages, proofs to wait for, or an open link.
type recipient struct {
	r   *Router
	key recipientKey

	// Guarded by Router.mu.
	incoming []*Outgoing
	given    given

	wakeup    chan struct{} // capacity 1
	wasHeard  atomic.Bool
	nodeHeard atomic.Bool
	trim      atomic.Bool
	linked    atomic.Bool              // a link of ours is open
	events    chan func(now time.Time) // from helpers, run by the goroutine
	life      context.Context
	helpers   int
	queue     []*Outgoing // by priority, and in order of Send
	identity  *rns.PublicIdentity
	data      *AnnounceData // nil: to be looked up, since he was heard
	remote    *rns.RemoteDestination
	inFlight  int // opportunistic messages whose proof may still come
	link      recipientLink
	uploading bool
}

func newRecipient(r *Router, key recipientKey) *recipient {
	return &recipient{
		r: r, key: key, wakeup: make(chan struct{}, 1), events: make(chan func(time.Time), eventsWaiting),
		link: recipientLink{window: newSendWindow()},
	}
}

// wake makes the goroutine look at everything again. It does not block.
func (rec *recipient) wake() {
	select {
	case rec.wakeup <- struct{}{}:
	default:
	}
}

// heard says that the recipient has announced himself.
func (rec *recipient) heard() {
	rec.wasHeard.Store(true)
	rec.wake()
}

// help runs f in a goroutine and what it returns on the recipient's own.
func (rec *recipient) help(f func(life context.Context) func(now time.Time)) {
	rec.helpers++
	life := rec.life
	rec.r.wg.Go(func() {
		then := f(life)
		select {
		case rec.events <- func(now time.Time) { rec.helpers--; then(now) }:
		case <-life.Done():
		}
	})
}

// run is the life of the recipient's goroutine. It ends with the router, with the delivery, and when there is nothing to do.
func (rec *recipient) run(life context.Context) {
	life, end := rec.key.from.whileOpen(life)
	defer end()
	rec.life = life
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := rec.step(time.Now())
		if rec.idle() && rec.r.retire(rec) {
			return
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(max(0, time.Until(next)))
			due = timer.C
		}
		select {
		case <-rec.wakeup:
		case f := <-rec.events:
			f(time.Now())
			rec.handleEvents()
		case <-due:
		case <-life.Done():
			rec.stop()
			return
		}
	}
}

// handleEvents takes in what else has happened, so that one step sees all of it.
func (rec *recipient) handleEvents() {
	for {
		select {
		case f := <-rec.events:
			f(time.Now())
		default:
			return
		}
	}
}

func (rec *recipient) idle() bool {
	return len(rec.queue) == 0 && rec.helpers == 0 && rec.link.own == nil
}

// stop fails what is left, since the router ends or the delivery was closed.
func (rec *recipient) stop() {
	in, _ := rec.r.collect(rec)
	rec.queue = append(rec.queue, in...)
	for _, o := range rec.queue {
		o.finish(StateFailed, ErrClosed)
	}
	rec.queue = nil
	rec.closeLink(rec.link.own)
	rec.r.mu.Lock()
	defer rec.r.mu.Unlock()
	delete(rec.r.recipients, rec.key)
}

// view is what one step knows of the recipient; it is asked for only when needed.
type view struct {
	rec   *recipient
	now   time.Time
	given given
	asked bool
	path  *bool
	hops  int
}

// key returns the recipient's identity, nil when it is not known.
func (v *view) key() *rns.PublicIdentity {
	rec := v.rec
	if rec.identity == nil && !v.asked {
		v.asked = true
		rec.identity, _ = rec.r.keyFor(rec.key.to, v.given)
	}
	return rec.identity
}

func (v *view) hasPath() bool {
	if v.path == nil {
		t := v.rec.r.transport
		known := t.HasPath(v.rec.key.to)
		v.path, v.hops = &known, rns.MaxHops
		if known {
			v.hops = t.Hops(v.rec.key.to)
		}
	}
	return *v.path
}

// announced returns what the recipient said about himself.
func (v *view) announced() AnnounceData {
	rec := v.rec
	if rec.data == nil {
		rec.data = &AnnounceData{Compression: true}
		if known, ok := rec.r.transport.Recall(rec.key.to); ok {
			if a, err := ParseAnnounceData(known.AppData); err == nil {
				rec.data = &a
			}
		}
	}
	return *rec.data
}

// opportunisticLimit is the largest plaintext for a packet to the recipient.
func (v *view) opportunisticLimit() int {
	if v.hasPath() && v.hops <= opportunisticNear {
		return MaxOpportunisticInbound
	}
	return MaxOpportunistic
}

// step does everything that can be done now and returns when something is due next; zero: not before an event.
func (rec *recipient) step(now time.Time) time.Time {
	in, given := rec.r.collect(rec)
	rec.insert(in)
	if rec.wasHeard.Swap(false) {
		rec.data = nil
		rec.wakePlans(now)
	}
	if rec.nodeHeard.Swap(false) {
		rec.wakeUploads()
	}
	v := &view{rec: rec, now: now, given: given}
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}

	wantLink := false
	for _, o := range rec.queue {
		switch {
		case o.ended(), o.busy, o.stamping:
			continue
		case !o.expires.IsZero() && !now.Before(o.expires):
			rec.giveUp(now, o)
			continue
		}
		sooner(o.expires)
		if o.parked {
			continue
		}
		if v.key() != nil && !rec.stamped(v, o) {
			continue
		}
		switch {
		case o.method == MethodPropagated:
			sooner(rec.sendUpload(v, o))
		case rec.goesDirectly(v, o):
			wantLink = !rec.sendOnLink(v, o) || wantLink
		default:
			rec.sendPacket(v, o)
			if o.plan.next.After(now) { // else it waits for a proof, or for its turn
				sooner(o.plan.next)
			}
		}
	}
	rec.sweep()

	if wantLink {
		sooner(rec.openLink(v))
	} else if rec.link.usable(rec) == nil && !rec.link.opening {
		rec.link.plan.reset()
	}
	sooner(rec.closeIdleLink(now))
	return next
}

// insert puts new messages in their places.
func (rec *recipient) insert(in []*Outgoing) {
	for _, o := range in {
		at := len(rec.queue)
		for at > 0 && rec.queue[at-1].priority < o.priority {
			at--
		}
		rec.queue = slices.Insert(rec.queue, at, o)
	}
}

// wakePlans makes every attempt due, since the recipient was heard.
func (rec *recipient) wakePlans(now time.Time) {
	rec.link.plan.wake(now)
	for _, o := range rec.queue {
		if o.parked {
			o.parked = false
			o.plan, o.upload, o.linkTries = packetPlan{}, uploadPlan{}, 0
			rec.link.plan.reset()
		}
		o.plan.wake(now)
	}
}

// sweep takes out what has ended.
func (rec *recipient) sweep() {
	rec.queue = slices.DeleteFunc(rec.queue, (*Outgoing).ended)
}

// giveUp ends a round of attempts: the message falls back to propagation, or waits until the recipient is heard, or fails.
func (rec *recipient) giveUp(now time.Time, o *Outgoing) {
	expired := !o.expires.IsZero() && !now.Before(o.expires)
	if up := rec.r.uploader(); o.fallback && !expired && o.method != MethodPropagated && up != nil && up.Ready() {
		rec.r.count.fellBack.Add(1)
		o.fallBack()
		rec.wake()
		return
	}
	if now.Before(o.expires) {
		o.parked = true
		o.set(StateQueued, progressQueued)
		return
	}
	err := o.lastFailed
	if err == nil {
		err = ErrNotDelivered
	}
	o.finish(StateFailed, err)
}

// goesDirectly decides how a message travels, anew for each attempt: the recipient may have come nearer, or opened a link.
func (rec *recipient) goesDirectly(v *view, o *Outgoing) bool {
	size := len(o.current.OpportunisticData())
	switch {
	case o.method == MethodDirect || o.noPacket || size > MaxOpportunisticInbound:
		return true
	case o.method == MethodAuto && o.pending == 0 && o.linkTries == 0:
		if l := rec.link.usable(rec); l != nil && len(o.current.Packed()) <= l.MDU() {
			return true // a link that is there anyway carries more for less
		}
	}
	return size > MaxOpportunistic && size > v.opportunisticLimit()
}

// sendPacket does the next step of an opportunistic message.
func (rec *recipient) sendPacket(v *view, o *Outgoing) {
	if o.plan.attempts == 0 && rec.inFlight >= packetWindow {
		return // a proof, or its absence, is an event
	}
	key := v.key()
	switch o.plan.decide(packetFacts{now: v.now, key: key != nil, path: v.hasPath(), pending: o.pending > 0}) {
	case stepAskPath:
		rec.askPath()
		if key == nil {
			o.lastFailed = ErrUnknownRecipient
		}
	case stepGiveUp:
		rec.giveUp(v.now, o)
	case stepTransmit:
		rec.transmit(v, o)
	}
}

func (rec *recipient) transmit(v *view, o *Outgoing) {
	o.lastFailed = nil
	if rec.remote == nil {
		rec.remote = rec.r.transport.NewRemote(v.key(), AppName, DeliveryAspect)
	}
	if v.given.ratchet != nil {
		if known, ok := rec.r.transport.Recall(rec.key.to); ok && known.Ratchet != nil {
			rec.remote.SetRatchet(nil) // heard: newer than what was given
		} else {
			rec.remote.SetRatchet(v.given.ratchet)
		}
	}
	ctx, cancel := context.WithTimeout(rec.life, sendPatience)
	defer cancel()
	receipt, err := rec.remote.Send(ctx, o.current.OpportunisticData())
	if err != nil {
		o.noPacket = o.noPacket || errors.Is(err, rns.ErrTooLarge)
		o.lastFailed = err
		rec.r.log.Debug("packet not sent", "dest", rec.key.to, "err", err)
		return // the plan tries again
	}
	rec.r.count.transmissions.Add(1)
	o.set(StateSent, progressPacket)
	o.pending++
	rec.inFlight++
	rec.help(func(life context.Context) func(time.Time) {
		select {
		case <-receipt.Done():
		case <-life.Done():
		}
		return func(time.Time) {
			o.pending--
			rec.inFlight--
			if receipt.Status() == rns.ReceiptDelivered {
				o.finish(StateDelivered, nil)
			} else if o.pending == 0 && !o.busy {
				o.set(StateQueued, progressQueued)
			}
		}
	})
}

// askPath requests a path, which brings an announce and with it the key.
func (rec *recipient) askPath() {
	if err := rec.r.transport.RequestPath(rec.life, rec.key.to); err != nil {
		rec.r.log.Debug("path not asked for", "dest", rec.key.to, "err", err)
	}
}

// stamped reports whether a message carries the stamp that the recipient asks for. If not, it is made, or the message
// fails. A ticket of the recipient's takes the place of work, and is used even if nothing is known to be asked for: his
// announce may have been missed, or have come without a cost (spec 4 §3.1, §4.6).
func (rec *recipient) stamped(v *view, o *Outgoing) bool {
	if o.ticket.Valid(v.now) {
		return true
	}
	if o.stampCost == 0 {
		if t, ok := rec.r.tickets.held(o.message); ok {
			o.current, o.ticket = o.message.WithStamp(TicketStamp(t.Value, o.ID())), t
			rec.r.count.ticketsUsed.Add(1)
			return true
		}
		if o.ticket != (Ticket{}) {
			o.current, o.ticket = o.message, Ticket{} // it has expired on the way
		}
	}
	cost := v.announced().StampCost
	switch {
	case cost <= o.stampCost:
		return true
	case cost > o.maxCost:
		o.finish(StateFailed, ErrStampCost)
		return false
	}
	o.stamping = true
	o.set(StateGenerating, progressQueued)
	rec.help(func(life context.Context) func(time.Time) {
		stamp, err := rec.r.makeStamp(life, o, cost)
		return func(time.Time) {
			o.stamping = false
			if err != nil {
				o.finish(StateFailed, err)
				return
			}
			o.current, o.stampCost = o.message.WithStamp(stamp), cost
			o.set(StateQueued, progressQueued)
		}
	})
	return false
}

// makeStamp makes a stamp in its turn. It ends when the message does.
func (r *Router) makeStamp(life context.Context, o *Outgoing, cost int) ([]byte, error) {
	ctx, cancel := o.whileWanted(life)
	defer cancel()
	stamp, err := r.stamper.Make(ctx, MessageWork(o.ID()), cost)
	if ctx.Err() != nil {
		return nil, ErrCancelled
	}
	return stamp, err
}
