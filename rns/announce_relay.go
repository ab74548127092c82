package rns

import (
	"encoding/binary"
	"time"

	"groupd/rns/interfaces"
)

// announceRound is how often announces are sent at most: what is due together leaves in the order of its hops.
const announceRound = 50 * time.Millisecond

// boundary reports whether an interface is in mode boundary.
func boundary(a *attached) bool { return a.mode == interfaces.ModeBoundary }

// relayable reports whether the announce, with a transport id put in, is a packet that others take.
func relayable(p *Packet) bool { return HeaderMaxSize+len(p.Data) <= MTU }

// held reports whether an announce has to wait, since too many come in on its interface (spec 1 §6.8, step 3). Those
// of destinations that somebody asked for do not.
func (e *engine) held(a *heardAnnounce) bool {
	a.on.traffic.announcesIn.add(e.now)
	if !e.forwarding() || e.paths.lookup(a.destination, e.now) != nil || e.requests.wanted(a.destination) ||
		e.discoveries.waiting(a.destination, e.now) != nil || !a.on.traffic.limitsAnnounces(e.now) {
		return false
	}
	if !a.on.traffic.hold(a) {
		a.on.count(DropAnnounceHeld)
	}
	e.watch(a.on)
	return true
}

// watch makes sure that traffic of an interface is looked at soon.
func (e *engine) watch(a *attached) {
	if a.traffic.busy() && a.settleAt.IsZero() {
		a.settleAt = e.now.Add(ingressInterval)
		e.wakeBy(a.settleAt)
	}
}

// passOn does with an accepted announce what a transport node, or the master of local clients, does: it will be sent to
// all, and goes at once to local clients and to who asked for it. before is when the one before was accepted.
func (e *engine) passOn(a *heardAnnounce, before time.Time) {
	fromClient := a.on.options.Local == LocalClient
	if e.master != nil || !e.forwarding() && !fromClient && e.clients == 0 {
		return
	}
	if !relayable(&a.packet) {
		a.on.count(DropAnnounceLarge)
		return
	}
	blocked := false
	if !a.pathResponse && e.forwarding() && a.on.rate.limits() {
		blocked = e.rates.heard(a.destination, a.on.rate, before, e.now)
		if blocked {
			a.on.count(DropAnnounceRate)
		}
	}
	switch {
	case blocked:
	case a.pathResponse:
		e.answersClientRequest(a)
	case fromClient:
		e.schedule(a, 0, true)
	case e.forwarding():
		e.schedule(a, e.jitter(), false)
	}
	if e.clients > 0 {
		for _, to := range e.interfaces {
			if to.options.Local == LocalClient && to != a.on {
				e.sendAnnounce(to, &a.packet, a.hops, ContextNone)
			}
		}
	}
	if on := e.discoveries.waiting(a.destination, e.now); on != nil {
		e.sendAnnounce(on, &a.packet, a.hops, ContextPathResponse)
	}
}

// answersClientRequest passes the answer of a local client on that somebody in the network waits for, also when it is one
// that we know.
func (e *engine) answersClientRequest(a *heardAnnounce) bool {
	if !a.pathResponse || a.on.options.Local != LocalClient || e.clientRequests.waiting(a.destination, e.now) == nil {
		return false
	}
	e.clientRequests.remove(e.clientRequests.entries[a.destination])
	e.schedule(a, 0, true)
	return true
}

// schedule enters an announce into the table of those to be sent.
func (e *engine) schedule(a *heardAnnounce, delay time.Duration, once bool) {
	if !e.scheduled.relay(a, delay, once, e.now) {
		a.on.count(DropAnnounceTable)
		return
	}
	e.announcesDue()
}

// jitter is a random delay of up to half a second.
func (e *engine) jitter() time.Duration {
	var b [8]byte
	if _, err := e.t.config.Rand.Read(b[:]); err != nil {
		return announceWindow / 2
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(announceWindow))
}

// announcesDue makes tick happen when the next announce is due.
func (e *engine) announcesDue() {
	if at, ok := e.nextRound(); ok {
		e.wakeBy(at)
	}
}

// nextRound is when announces are sent next.
func (e *engine) nextRound() (time.Time, bool) {
	at, ok := e.scheduled.next()
	if earliest := e.announceRound.Add(announceRound); ok && at.Before(earliest) {
		at = earliest
	}
	return at, ok
}

// sendAnnounce sends an announce that we heard on one interface, at once.
func (e *engine) sendAnnounce(on *attached, p *Packet, hops int, context Context) {
	out := p.RelayedAnnounce(e.self, uint8(hops), context)
	if e.transmit(on, out.Append(make([]byte, 0, out.Size()))) == nil {
		on.traffic.announcesOut.add(e.now)
		e.relayed.announces++
	}
}

// sendScheduled sends the announces that are due.
func (e *engine) sendScheduled() {
	if at, ok := e.nextRound(); !ok || at.After(e.now) {
		return
	}
	e.announceRound = e.now
	for _, s := range e.scheduled.due(e.now) {
		path := e.paths.lookup(s.destination, e.now)
		if path == nil {
			e.scheduled.drop(s.destination)
			continue // forgotten meanwhile
		}
		if s.on == nil {
			if p, err := s.raw.packet(); err == nil {
				e.spread(&p, s.hops, path)
			}
			continue
		}
		if path.raw == "" { // still being read
			if e.readAnnounce(path) {
				e.scheduled.answer(s.destination, s.on, s.hops, e.now.Add(announceReadPatience))
			}
			continue
		}
		if p, err := path.raw.packet(); err == nil && !s.on.gone {
			e.sendAnnounce(s.on, &p, int(path.hops), ContextPathResponse)
		}
	}
}

// spread sends an announce that we heard on all interfaces that may have it.
func (e *engine) spread(p *Packet, hops int, path *pathEntry) {
	out := p.RelayedAnnounce(e.self, uint8(hops), ContextNone)
	q := queuedAnnounce{
		destination: p.Destination, hops: hops, emitted: RandomField(p.Data[announceRandomOffset:]).Seconds(),
		raw: out.Append(make([]byte, 0, out.Size())),
	}
	for _, a := range e.interfaces {
		if !a.sends() || !propagates(path.via, a) {
			continue
		}
		if hops > 0 && !a.queue.offer(q, e.now) {
			if at, ok := a.queue.next(); ok {
				e.wakeBy(at)
			}
			continue
		}
		e.emitAnnounce(a, q.raw)
	}
}

func (e *engine) emitAnnounce(a *attached, raw []byte) {
	if e.transmit(a, raw) == nil {
		a.traffic.announcesOut.add(e.now)
		e.relayed.announces++
	}
}

// relayDue does what transport has to do by now, and returns when there is more to do.
func (e *engine) relayDue() (next time.Time, ok bool) {
	e.sendScheduled()
	e.linksFailed()
	if r, ok := e.own.take(e.now); ok {
		e.askAgain(r)
	}
	for _, a := range e.interfaces {
		if raw, ok := a.queue.take(e.now); ok {
			e.emitAnnounce(a, raw)
		}
		if a.settleAt.IsZero() || e.now.Before(a.settleAt) {
			continue
		}
		a.settleAt = time.Time{}
		if h := a.traffic.settle(e.now); h != nil {
			e.process(h)
		}
		e.watch(a)
	}
	soonest := func(at time.Time, has bool) {
		if has && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	soonest(e.nextRound())
	soonest(e.relayedLinks.next())
	soonest(e.own.nextAt, len(e.own.waiting) > 0)
	for _, a := range e.interfaces {
		soonest(a.queue.next())
		soonest(a.settleAt, !a.settleAt.IsZero())
	}
	return next, ok
}
