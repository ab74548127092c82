package lxmf

import (
	"context"
	"errors"
	"time"

	"groupd/rns"
)

// maxDuplicateProofs is how many copies of an undecided message are kept to be proved with it; further ones are dropped.
const maxDuplicateProofs = 8

// Inbound is a verified message that waits for the application's decision: exactly one of [Inbound.Prove] and
// [Inbound.Drop], from any goroutine. Until then it occupies one of the delivery's slots.
type Inbound struct {
	Message  *Message
	Method   Method
	Verified bool // always true: unverified messages never reach the application
	// Sender is the author, whose lxmf.delivery hash is the message's source.
	Sender *rns.PublicIdentity
	// Hops is the distance it came.
	Hops int
	// Link is the one it came over, nil for opportunistic and held ones.
	Link *rns.Link
	// Interface is the name of the interface it came in by; of held ones that of the path to the author, "" where there is none.
	Interface string
	// ReceivedAt is when it came in first, by the wall clock.
	ReceivedAt time.Time
	// Late says that it came through a propagation node.
	Late bool
	// StampValue is the value of its stamp: [TicketStampValue] with one made with a ticket of ours; 0 when none was asked for,
	// or it is missing or wrong and DeliveryConfig.StampOptional is set.
	StampValue int
	// Held says that it waited for its author's key, and was proved then already.
	Held bool

	d      *Delivery
	size   int
	spool  SpoolFile
	held   HeldKey
	proofs []func() error // of the message and its copies; guarded by d.mu
	drops  []func()       // what to tell those who wait for a proof and get none; guarded by d.mu
	since  time.Time
}

// arrival is something received, on its way through the checks.
type arrival struct {
	d      *Delivery
	packed []byte    // whole; empty: a ping, or it is spooled
	spool  SpoolFile // nil: in memory
	length int64     // of what is spooled
	size   int       // bytes of memory accounted for
	method Method
	hops   int
	link   *rns.Link
	via    string // the interface's name
	at     time.Time
	prove  func() error
	drop   func() // called instead of prove when no proof will come; nil: nobody waits

	message *Message
	sender  *rns.PublicIdentity // set once the signature was verified
	value   int
	held    *HeldKey // it was held; its signature was verified then
}

// take lets something in if there is room, else leaves it unproved. It does not block.
func (d *Delivery) take(a *arrival) bool {
	a.size = len(a.packed)
	if a.spool != nil {
		a.size = SpoolThreshold
	}
	if d.open.Err() != nil || d.ended.Load() || !d.acquire(a.size) {
		d.r.count.overload.Add(1)
		a.close()
		return false
	}
	if a.held == nil {
		d.r.count.received.Add(1)
	}
	d.inbox <- a // has room: it holds no more than there are slots
	return true
}

// run is the life of the delivery's goroutine.
func (d *Delivery) run(life context.Context) {
	life, end := d.whileOpen(life)
	defer end()
	defer d.drain()
	sweep := time.NewTicker(max(d.r.config.DecisionTimeout/4, time.Millisecond))
	defer sweep.Stop()
	for {
		select {
		case <-life.Done():
			return
		case a := <-d.inbox:
			d.process(life, a)
		case a := <-d.checked:
			d.stamped(a)
		case now := <-sweep.C:
			d.giveUpUndecided(now)
		}
	}
}

// drain gives back the spool files of what nobody will look at.
func (d *Delivery) drain() {
	d.ended.Store(true)
	for {
		select {
		case a := <-d.inbox:
			a.close()
		case a := <-d.checked:
			a.close()
		default:
			return
		}
	}
}

// process checks an arrival, cheapest first: size, form, destination, known id, author's key, signature, stamp.
func (d *Delivery) process(life context.Context, a *arrival) {
	count := &d.r.count
	if a.held != nil {
		d.processHeld(life, a)
		return
	}
	switch {
	case len(a.packed) == 0 && a.spool == nil:
		count.empty.Add(1)
		d.refuse(a)
		return
	case max(int64(len(a.packed)), a.length) > d.config.MaxSize:
		count.tooLarge.Add(1)
		d.refuse(a)
		return
	}
	m := d.unpack(a)
	if m == nil {
		return
	}
	a.message = m
	if m.Destination != d.address {
		count.foreign.Add(1)
		d.refuse(a)
		return
	}
	if d.duplicate(life, a) {
		return
	}
	key := d.keyOf(a)
	switch {
	case key == nil:
		if a.spool == nil || d.bring(a) {
			d.checkStamp(a) // before anything is stored
		}
		return
	case DeliveryHash(key) != m.Source:
		count.notDelivery.Add(1)
		d.refuse(a)
		return
	}
	switch genuine, err := m.verify(key); {
	case err != nil:
		d.unreadable(a, err)
	case !genuine:
		count.forged.Add(1)
		d.refuse(a)
	default:
		a.sender = key
		d.checkStamp(a)
	}
}

// processHeld continues with a message that was held and has been verified now.
func (d *Delivery) processHeld(life context.Context, a *arrival) {
	seen, err := d.seen(life, a.message.ID())
	switch {
	case err != nil:
		d.r.holder.keep(*a.held)
		d.free(a)
	case seen:
		d.r.count.duplicates.Add(1)
		d.r.holder.settled(*a.held)
		d.free(a)
	default:
		d.judgeHeld(a)
	}
}

// judgeHeld accepts a message whose stamp was found good before it was held, as soon as its value is known again.
func (d *Delivery) judgeHeld(a *arrival) {
	switch {
	case d.askedCost() == 0 || a.method == MethodPaper:
	case d.r.tickets.accepts(a.message):
		a.value = TicketStampValue
	case len(a.message.Stamp) == StampLength:
		err := d.r.stamper.submit(&stampJob{source: a.stampSource(), work: MessageWork(a.message.ID()), stamp: a.message.Stamp,
			done: func(value int, _ bool, err error) {
				if err != nil {
					d.fail(a)
					return
				}
				a.value = value
				d.checked <- a
			}})
		if err != nil {
			d.fail(a) // it stays held, and comes again
		}
		return
	}
	d.accept(a)
}

// keyOf returns the key of the message's author: his who identified on the link, or a known one.
func (d *Delivery) keyOf(a *arrival) *rns.PublicIdentity {
	if a.link != nil {
		if id := a.link.Remote(); id != nil && DeliveryHash(id) == a.message.Source {
			return id
		}
	}
	return d.r.authors.find(a.message.Source, d.r.identity)
}

// refuse proves what will not be accepted: it would be refused again.
func (d *Delivery) refuse(a *arrival) {
	if a.held != nil {
		d.r.holder.settled(*a.held)
	}
	d.proved(a.prove)
	d.free(a)
}

// fail leaves an arrival unproved, so that its sender tries again.
func (d *Delivery) fail(a *arrival) {
	if a.held != nil {
		d.r.holder.keep(*a.held)
	}
	d.free(a)
	if a.drop != nil {
		a.drop()
	}
}

// join lets a copy be proved together with the message that is being decided. d.mu is held; what it returns is for after that.
func (in *Inbound) join(a *arrival) (then func()) {
	if len(in.proofs) >= maxDuplicateProofs {
		if a.drop != nil {
			return a.drop
		}
		return func() {}
	}
	in.wait(a)
	return func() {}
}

// wait adds those who wait for the proof of an arrival. d.mu is held, or the message is not known to others yet.
func (in *Inbound) wait(a *arrival) {
	if a.prove != nil {
		in.proofs = append(in.proofs, a.prove)
	}
	if a.drop != nil {
		in.drops = append(in.drops, a.drop)
	}
}

func (d *Delivery) proved(prove func() error) {
	if prove == nil {
		return
	}
	if err := prove(); err != nil {
		d.r.log.Debug("proof not sent", "dest", d.address, "err", err)
		return
	}
	d.r.count.proved.Add(1)
}

// duplicate deals with messages whose id is known: those accepted or refused before are proved, those being decided are
// proved with the decision, those held are proved. It also ends arrivals for which storage could not say.
func (d *Delivery) duplicate(life context.Context, a *arrival) bool {
	id := a.message.ID()
	d.mu.Lock()
	if in := d.undecided[id]; in != nil {
		then := in.join(a)
		d.mu.Unlock()
		d.r.count.duplicates.Add(1)
		d.free(a)
		then()
		return true
	}
	d.mu.Unlock()
	seen, err := d.seen(life, id)
	switch {
	case err != nil:
		d.fail(a)
		return true
	case seen || a.spool == nil && d.r.holder.has(HeldKeyOf(a.packed)):
		d.r.count.duplicates.Add(1)
		d.refuse(a)
		return true
	}
	return false
}

// seen asks memory and storage whether a message was decided before.
func (d *Delivery) seen(life context.Context, id MessageID) (bool, error) {
	d.mu.Lock()
	recent := d.recent.has(id)
	d.mu.Unlock()
	if recent {
		return true, nil
	}
	seen, err := d.r.store.Seen(life, id)
	if err != nil && !errors.Is(err, context.Canceled) {
		d.r.count.storeErrors.Add(1)
		d.r.log.Warn("storage does not know seen messages", "err", err)
	}
	return seen, err
}

// checkStamp hands a message on when it needs no stamp or has one made with a ticket, refuses one that can have none, and
// lets the others be checked in their turn.
func (d *Delivery) checkStamp(a *arrival) {
	cost := d.askedCost()
	exempt := a.method == MethodPaper || a.sender != nil && d.config.StampExempt != nil && d.config.StampExempt(a.message.Source)
	switch {
	case cost == 0 || exempt:
		d.stamped(a)
		return
	case d.r.tickets.accepts(a.message):
		a.value = TicketStampValue
		d.r.count.ticketsAccepted.Add(1)
		d.stamped(a)
		return
	case len(a.message.Stamp) != StampLength:
		d.badStamp(a)
		return
	case a.sender != nil && d.config.Ignore != nil && d.config.Ignore(a.message.Source):
		d.r.count.ignored.Add(1)
		d.refuse(a)
		return
	}
	err := d.r.stamper.submit(&stampJob{
		source: a.stampSource(),
		work:   MessageWork(a.message.ID()), stamp: a.message.Stamp, cost: cost,
		done: func(value int, ok bool, err error) { d.stampChecked(a, value, ok, err) },
	})
	if err != nil {
		d.r.count.overload.Add(1)
		d.fail(a)
	}
}

// stampSource says on whose account the stamp is checked: the author's, or the link's while it is not known whether he is.
func (a *arrival) stampSource() StampSource {
	s := StampSource{Carrier: a.via, Who: a.message.Source}
	if a.sender == nil && a.link != nil {
		s.Who = a.link.ID()
	}
	return s
}

// stampChecked is called by a checker.
func (d *Delivery) stampChecked(a *arrival, value int, ok bool, err error) {
	switch {
	case err != nil: // others came before it, or the router ends
		d.r.count.overload.Add(1)
		d.fail(a)
	case !ok && !d.config.StampOptional:
		d.badStamp(a)
	default:
		if ok {
			a.value = value
		}
		d.checked <- a // has room: what is in it has a slot
	}
}

// badStamp refuses a message whose stamp is missing or wrong, unless stamps are only noted.
func (d *Delivery) badStamp(a *arrival) {
	if d.config.StampOptional {
		d.stamped(a)
		return
	}
	d.r.count.stampRefused.Add(1)
	d.refuse(a)
}

// stamped goes on with a message whose stamp is good: to the application, or to be held until its author is known.
func (d *Delivery) stamped(a *arrival) {
	if a.sender == nil {
		d.r.holder.hold(a)
		return
	}
	d.accept(a)
}

// accept gives a message to the application. Its id is taken as known from now on.
func (d *Delivery) accept(a *arrival) {
	id := a.message.ID()
	in := &Inbound{
		Message: a.message, Method: a.method, Verified: true, Sender: a.sender, Hops: a.hops, Link: a.link,
		Interface: a.via, ReceivedAt: a.at.Round(0), StampValue: a.value, Held: a.held != nil,
		Late: a.method == MethodPropagated, d: d, size: a.size, spool: a.spool, since: time.Now(),
	}
	in.wait(a)
	if a.held != nil {
		in.held = *a.held
	}
	d.mu.Lock()
	if other := d.undecided[id]; other != nil { // a copy overtook it while its stamp was checked
		then := other.join(a)
		d.mu.Unlock()
		d.r.count.duplicates.Add(1)
		if a.held != nil {
			d.r.holder.keep(*a.held)
		}
		d.free(a)
		then()
		return
	}
	if d.recent.has(id) {
		d.mu.Unlock()
		d.r.count.duplicates.Add(1)
		d.refuse(a)
		return
	}
	d.undecided[id] = in
	d.mu.Unlock()
	if a.message.Fields.Has(FieldTicket) && (d.config.KeepTicket == nil || d.config.KeepTicket(a.message.Source)) {
		d.r.tickets.receive(a.message)
	}
	d.r.count.accepted.Add(1)
	d.config.OnMessage(in)
}

// Prove ends the message with a proof: of an accepted one once what it did is durable, of a refused one at once. A message
// that was held is dropped from storage. Copies that come later are proved without being handed out. Only the first call of
// Prove or Drop has an effect.
func (in *Inbound) Prove() {
	if !in.decide(true) {
		return
	}
	in.closeSpool()
	for _, prove := range in.proofs {
		in.d.proved(prove)
	}
	if in.Held {
		in.d.r.holder.settled(in.held)
	}
}

// Drop ends the message without a proof, since it could not be decided: a full disk, overload. Its sender will try again,
// and it is handed out again then; a held message stays held and comes again after a while.
func (in *Inbound) Drop() {
	if !in.decide(false) {
		return
	}
	in.closeSpool()
	in.tellDropped()
	in.d.r.count.dropped.Add(1)
	if in.Held {
		in.d.r.holder.keep(in.held)
	}
}

// tellDropped tells those who wait that no proof comes.
func (in *Inbound) tellDropped() {
	for _, drop := range in.drops {
		drop()
	}
}

func (in *Inbound) closeSpool() {
	if in.spool != nil {
		_ = in.spool.Close()
	}
}

// close deletes the spool file of an arrival that nobody will see.
func (a *arrival) close() {
	if a.spool != nil {
		_ = a.spool.Close()
	}
}

// free ends what an arrival occupies.
func (d *Delivery) free(a *arrival) {
	a.close()
	d.release(a.size)
}

// decide ends the message; nobody joins it afterwards.
func (in *Inbound) decide(known bool) (ok bool) {
	d, id := in.d, in.Message.ID()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.undecided[id] != in {
		return false
	}
	delete(d.undecided, id)
	d.slots--
	d.bytes -= int64(in.size)
	if known {
		d.recent.add(id)
	}
	return true
}

// giveUpUndecided drops what the application has forgotten, so that its slots come back.
func (d *Delivery) giveUpUndecided(now time.Time) {
	var late []*Inbound
	d.mu.Lock()
	for _, in := range d.undecided {
		if now.Sub(in.since) >= d.r.config.DecisionTimeout {
			late = append(late, in)
		}
	}
	d.mu.Unlock()
	for _, in := range late {
		if !in.decide(false) {
			continue
		}
		in.closeSpool()
		in.tellDropped()
		d.r.count.undecided.Add(1)
		d.r.log.Warn("no decision about a message", "dest", d.address, "source", in.Message.Source)
		if in.Held {
			d.r.holder.keep(in.held)
		}
	}
}
