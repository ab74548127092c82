package rns

import (
	"time"

	"groupd/rns/interfaces"
)

// This file answers and asks path requests (spec 1 §6.14).

// pathRequested handles a path request of somebody else. Everybody answers for destinations of his own, whatever the mode
// of the interface; a transport node answers for all it knows, and looks for others where the mode says so.
func (e *engine) pathRequested(f inFrame) {
	on := f.on
	r, ok := parsePathRequest(f.packet.Data)
	if !ok {
		on.count(DropPathRequest)
		return
	}
	on.traffic.requestsIn.add(e.now)
	if !e.requests.fresh(r.tag) {
		on.count(DropPathRequest)
		return
	}
	if d := e.destinations[r.destination]; d != nil {
		if d.config.Type != DestinationSingle {
			return
		}
		if !e.requests.mayAnswer(r.destination, on, e.now) || !d.answer(on) {
			on.count(DropPathAnswer)
		}
		return
	}
	if e.master != nil {
		return
	}
	fromClient := on.options.Local == LocalClient
	path := e.paths.lookup(r.destination, e.now)
	if path != nil && path.hops == 0 && path.via.options.Local == LocalClient && !fromClient {
		e.clientRequests.begin(r.destination, on, e.now)
	}
	switch {
	case path != nil && (e.forwarding() || fromClient):
		e.answerFor(path, r, on)
	case fromClient:
		e.search(r.destination, nil, func(to *attached) bool { return to != on })
	case e.forwarding() && discovers(on):
		e.discover(r, on)
	case e.clients > 0:
		for _, to := range e.interfaces {
			if to.options.Local == LocalClient {
				e.search(r.destination, nil, func(a *attached) bool { return a == to })
			}
		}
	}
}

// answerFor answers for a destination of somebody else, from the announce that made its path.
func (e *engine) answerFor(path *pathEntry, r pathRequest, on *attached) {
	if !path.answers || on.mode == interfaces.ModeRoaming && path.via == on ||
		!r.requester.IsZero() && r.requester == path.nextHop() {
		return
	}
	if !e.requests.mayAnswer(r.destination, on, e.now) {
		on.count(DropPathAnswer)
		return
	}
	delay := pathAnswerGrace
	switch {
	case on.options.Local == LocalClient, path.via.options.Local == LocalClient:
		delay = 0
	case on.mode == interfaces.ModeRoaming:
		delay += pathAnswerRoaming
	}
	if !e.readAnnounce(path) || !e.scheduled.answer(r.destination, on, int(path.hops), e.now.Add(delay)) {
		on.count(DropAnnounceTable)
		return
	}
	e.announcesDue()
}

// discover looks for an unknown destination on behalf of who asked on an interface.
func (e *engine) discover(r pathRequest, on *attached) {
	if on.traffic.limitsRequests(e.now) {
		e.watch(on)
		on.count(DropDiscovery)
		return
	}
	if !e.discoveries.begin(r.destination, on, e.now) {
		on.count(DropDiscovery)
		return
	}
	tag := r.tag.tag[:r.tag.length]
	bytes := HeaderMinSize + 2*TruncatedHashLength + len(tag)
	e.search(r.destination, tag, func(to *attached) bool {
		if !searches(on, to) || to.traffic.limitsEgress(e.now) || !to.queue.open(e.now) || !to.carrier.Stats().Online {
			return false
		}
		to.queue.spend(bytes, e.now)
		return true
	})
}

// search sends a path request on the interfaces that may have it. Without tag it makes one.
func (e *engine) search(d DestinationHash, tag []byte, may func(*attached) bool) (sent []*attached, err error) {
	if tag == nil {
		fresh, err := newRandomHash(e.t.config.Rand)
		if err != nil {
			return nil, err
		}
		tag = fresh[:]
	}
	var self *IdentityHash
	if e.forwarding() {
		self = &e.self
	}
	p := newPathRequest(d, self, tag)
	raw := p.Append(nil)
	e.duplicates.add(p.Hash())
	for _, a := range e.interfaces {
		if !a.sends() || !may(a) {
			continue
		}
		if failed := e.transmit(a, raw); failed != nil {
			err = failed
			continue
		}
		a.traffic.requestsOut.add(e.now)
		sent = append(sent, a)
	}
	return sent, err
}

// sendPathRequest asks all neighbours for the way to d, unless we did so just now.
func (e *engine) sendPathRequest(d DestinationHash) error {
	return e.ask(queuedRequest{destination: d})
}

func (e *engine) ask(r queuedRequest) error {
	if !e.requests.due(r.destination, e.now) {
		return nil
	}
	sent, err := e.search(r.destination, nil, func(a *attached) bool { return a != r.except })
	if len(sent) > 0 {
		e.requests.note(r.destination, e.now, sent)
		return nil
	}
	e.requests.withdraw(r.destination, e.now)
	if err == nil {
		e.t.drops.count(DropNoInterface)
		err = ErrNoInterface
	}
	return err
}

// askAgain sends a request that transport makes of its own accord.
func (e *engine) askAgain(r queuedRequest) {
	if r.except != nil && r.except.gone {
		r.except = nil
	}
	if err := e.ask(r); err != nil {
		e.t.log.Debug("path request not sent", "dest", r.destination, "err", err)
	}
}

// askOn asks on an interface that came up for what somebody waits for or asked for in vain: this interface was not there then,
// or what it took may be lost. Where very many wait, some are left for the next regular request.
func (e *engine) askOn(a *attached) {
	asked := 0
	for d := range e.requests.unanswered() {
		if a.ups <= 1 && e.requests.askedOn(d, a) {
			continue
		}
		if asked++; asked > maxPathAsked {
			return
		}
		sent, err := e.search(d, nil, func(to *attached) bool { return to == a })
		if err != nil {
			return // not up after all
		}
		if len(sent) > 0 {
			e.requests.note(d, e.now, sent)
		}
	}
}

// recent reports whether we asked for d so lately that we do not ask again.
func (t *pathRequestTable) recent(d DestinationHash, now time.Time) bool {
	r := t.requested[d]
	return r != nil && now.Sub(r.at) < pathRequestInterval
}

// detach forgets the answers given on an interface that is gone.
func (t *pathRequestTable) detach(on *attached) {
	for k := range t.answers {
		if k.on == on {
			delete(t.answers, k)
		}
	}
}
