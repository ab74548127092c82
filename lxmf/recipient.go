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
	queued   int // incoming and queue
	given    given

	wakeup   chan struct{} // capacity 1
	wasHeard atomic.Bool
	trim     atomic.Bool
	events   chan func(now time.Time) // from helpers, run by the goroutine
	life     context.Context
	helpers  int
	queue    []*Outgoing
	remote   *rns.RemoteDestination
	inFlight int // opportunistic messages whose proof may still come
	link     recipientLink
}

func newRecipient(r *Router, key recipientKey) *recipient {
	return &recipient{
		r: r, key: key, wakeup: make(chan struct{}, 1), events: make(chan func(time.Time)),
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

// run is the life of the recipient's goroutine.
func (rec *recipient) run(life context.Context) {
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
		case <-due:
		case <-life.Done():
			rec.stop()
			return
		}
	}
}

func (rec *recipient) idle() bool {
	return len(rec.queue) == 0 && rec.helpers == 0 && rec.link.own == nil
}

// stop fails what is left, since the router ends.
func (rec *recipient) stop() {
	in, _ := rec.r.collect(rec)
	rec.queue = append(rec.queue, in...)
	for _, o := range rec.queue {
		o.finish(StateFailed, ErrClosed)
	}
	rec.r.left(rec, len(rec.queue))
	rec.queue = nil
	rec.closeLink(rec.link.own)
	rec.r.mu.Lock()
	delete(rec.r.recipients, rec.key)
	rec.r.mu.Unlock()
}

// view is what one step knows of the recipient; it is asked for only when needed.
type view struct {
	rec      *recipient
	now      time.Time
	given    given
	identity *rns.PublicIdentity
	asked    bool
	path     *bool
	hops     int
	data     *AnnounceData
}

// key returns the recipient's identity, nil when it is not known.
func (v *view) key() *rns.PublicIdentity {
	if !v.asked {
		v.asked = true
		if v.identity = v.given.identity; v.identity == nil {
			v.identity = v.rec.r.identity(v.rec.key.to)
		}
		if v.identity != nil && DeliveryHash(v.identity) != v.rec.key.to {
			v.identity = nil
		}
	}
	return v.identity
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
	if v.data == nil {
		v.data = &AnnounceData{Compression: true}
		if known, ok := v.rec.r.transport.Recall(v.rec.key.to); ok {
			if a, err := ParseAnnounceData(known.AppData); err == nil {
				v.data = &a
			}
		}
	}
	return *v.data
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
	rec.queue = append(rec.queue, in...)
	if rec.wasHeard.Swap(false) {
		rec.wakePlans(now)
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
		case o.isCancelled():
			o.finish(StateCancelled, ErrCancelled)
			continue
		case o.State().Final(), o.onLink, o.stamping:
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
		if rec.goesDirectly(v, o) {
			wantLink = !rec.sendOnLink(v, o) || wantLink
			continue
		}
		rec.sendPacket(v, o)
		if o.plan.next.After(now) { // else it waits for a proof, or for its turn
			sooner(o.plan.next)
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

// wakePlans makes every attempt due, since the recipient was heard.
func (rec *recipient) wakePlans(now time.Time) {
	rec.link.plan.wake(now)
	for _, o := range rec.queue {
		if o.parked {
			o.parked = false
			o.plan, o.linkTries = packetPlan{}, 0
			rec.link.plan.reset()
		}
		o.plan.wake(now)
	}
}

// sweep takes out what has ended.
func (rec *recipient) sweep() {
	before := len(rec.queue)
	rec.queue = slices.DeleteFunc(rec.queue, func(o *Outgoing) bool { return o.State().Final() })
	if gone := before - len(rec.queue); gone > 0 {
		rec.r.left(rec, gone)
	}
}

// giveUp ends a message after its last attempt, or parks it until the recipient is heard, if it may wait.
func (rec *recipient) giveUp(now time.Time, o *Outgoing) {
	if now.Before(o.expires) {
		o.parked = true
		o.set(StateQueued)
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
	o.set(StateSent)
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
			} else if o.pending == 0 {
				o.set(StateQueued)
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
// fails.
func (rec *recipient) stamped(v *view, o *Outgoing) bool {
	cost := v.announced().StampCost
	switch {
	case cost <= o.stampCost:
		return true
	case cost > o.maxCost:
		o.finish(StateFailed, ErrStampCost)
		return false
	}
	o.stamping = true
	o.set(StateGenerating)
	rec.help(func(life context.Context) func(time.Time) {
		stamp, err := rec.r.makeStamp(life, o, cost)
		return func(time.Time) {
			o.stamping = false
			if err != nil {
				o.finish(StateFailed, err)
				return
			}
			o.current, o.stampCost = o.message.WithStamp(stamp), cost
			o.set(StateQueued)
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
