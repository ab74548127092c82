package rns

import "time"

// This file passes packets on for others (spec 1 §6.6, §6.7, §6.18).

const (
	// checkQueue is how many signatures wait to be checked for the loop, besides announces. When it is full the newest
	// is dropped.
	checkQueue = 64
)

// checkJob is work that takes too long for the loop. A verify worker does it; what it returns is run by the loop.
type checkJob struct {
	on    *attached
	check func() func(*engine) // nil: nothing came of it
}

// check hands a job to the verify workers.
func (e *engine) check(j checkJob) {
	select {
	case e.t.checks <- j:
	default:
		j.on.count(DropCheckQueue)
	}
}

// forwarding reports whether we pass on packets between others, as a transport node.
func (e *engine) forwarding() bool { return e.t.config.TransportEnabled && e.master == nil }

// forward passes a packet on that is addressed to us as the next transport node, or to a local client of ours. It reports
// whether the packet was for somebody else.
func (e *engine) forward(f inFrame, hash PacketHash) bool {
	p := &f.packet
	if p.DestinationType != DestinationSingle || p.PacketType == PacketProof && p.HeaderType == Header1 {
		return false
	}
	if p.HeaderType == Header1 && e.clients == 0 || e.master != nil {
		return false
	}
	path := e.paths.lookup(p.Destination, e.now)
	if path == nil {
		return false
	}
	forClient := path.hops == 0 && path.via.options.Local == LocalClient
	fromClient := f.on.options.Local == LocalClient
	if p.HeaderType == Header1 && !forClient || !e.forwarding() && !fromClient && !forClient {
		return false
	}
	remaining := int(path.hops)
	if forClient && e.localHops != 0 {
		remaining = 1 // who believes that the client is behind us has put our id in, which is not for the client to see
	}
	// The packet is ours alone and its hash is known: it is rewritten where it is.
	frame := p.readdress(remaining, path.nextHop())
	if p.PacketType == PacketLinkRequest {
		var ok bool
		if frame, ok = e.relayLinkRequest(f, path, frame); !ok {
			f.on.count(DropRelayLink)
			return true
		}
	} else {
		e.reverse.add(hash.truncated(), f.on, path.via, e.now)
	}
	if e.transmit(path.via, frame) == nil {
		e.relayed.packets++
	}
	e.paths.touch(path, e.now)
	return true
}

// relayLinkRequest notes a link request that is passed on and lowers the MTU that it asks for to what the way can carry.
// It reports false when the request must not be passed on: also when too many from there led nowhere, since they would take
// the room that others need in the queue of the next carrier.
func (e *engine) relayLinkRequest(f inFrame, path *pathEntry, frame []byte) ([]byte, bool) {
	p := &f.packet
	id, ok := p.LinkID()
	if !ok {
		return nil, false
	}
	data, err := ClampLinkRequest(p.Data, f.on.properties.MTU, path.via.properties.MTU)
	if err != nil {
		return nil, false
	}
	frame = append(frame[:len(frame)-len(p.Data)], data...)
	wait := time.Duration(max(1, path.hops))*relayProofTime + firstHopWait(f.on.properties.Bitrate) - firstHopTimeout
	l := &relayedLink{
		id: id, destination: p.Destination, used: e.now, nextHop: path.nextHop(), out: path.via, remaining: int(path.hops),
		in: f.on, taken: int(p.Hops), proofBy: e.now.Add(wait),
	}
	if !f.on.relayFruitless.open(e.now) || !e.relayedLinks.add(l) {
		return nil, false
	}
	f.on.relayFruitless.spent++
	e.wakeBy(l.proofBy)
	return frame, true
}

// relayLinkPacket passes a packet of a link between others on, when it is our turn.
func (e *engine) relayLinkPacket(f inFrame, l *relayedLink, hash PacketHash) {
	p := &f.packet
	switch {
	case p.PacketType == PacketLinkRequest || p.PacketType == PacketAnnounce:
		f.on.count(DropNoLink)
		return
	case p.PacketType == PacketProof && p.Context == ContextLinkReqProof:
		e.checkLinkProof(f, l)
		return
	}
	out := l.route(f.on, int(p.Hops))
	if out == nil {
		f.on.count(DropRelayTurn)
		return
	}
	if !exemptFromDuplicates(p.Context) {
		e.duplicates.add(hash)
	}
	p.Raw[offsetHops] = p.Hops
	if e.transmit(out, p.Raw) == nil {
		e.relayed.packets++
	}
	e.relayedLinks.touch(l, e.now)
}

// checkLinkProof has the proof of a link between others checked, and passes it on if it is right.
func (e *engine) checkLinkProof(f inFrame, l *relayedLink) {
	p := f.packet
	if f.on != l.out || int(p.Hops) != l.remaining && l.validated {
		f.on.count(DropRelayTurn)
		return
	}
	proof, err := parseLinkProof(p.Data)
	known := e.known.get(l.destination)
	if err != nil || known == nil || !proof.mode.Enabled() {
		f.on.count(DropRelayProof)
		return
	}
	identity := known.identity()
	e.check(checkJob{on: f.on, check: func() func(*engine) {
		if !proof.verify(l.id, identity) {
			f.on.count(DropRelayProof)
			return nil
		}
		return func(e *engine) { e.relayLinkProof(f, l) }
	}})
}

// relayLinkProof passes a proof on that is right. One that came another way than the path said corrects the distances,
// once.
func (e *engine) relayLinkProof(f inFrame, l *relayedLink) {
	p := &f.packet
	if f.on.gone || e.relayedLinks.entries[l.id] != l {
		return
	}
	if hops := int(p.Hops); hops != l.remaining {
		if l.validated {
			f.on.count(DropRelayTurn)
			return
		}
		l.remaining = hops
		if path := e.paths.lookup(l.destination, e.now); path != nil {
			path.hops = uint8(hops)
		}
	}
	if !l.validated {
		l.in.relayFruitless.refund()
	}
	e.relayedLinks.validate(l, e.now)
	if k := e.known.get(l.destination); k != nil {
		e.known.use(k, e.wall())
	}
	p.Raw[offsetHops] = p.Hops
	if e.transmit(l.in, p.Raw) == nil {
		e.relayed.packets++
	}
}

// returnProof passes the proof of a packet back that we passed on.
func (e *engine) returnProof(f inFrame) bool {
	p := &f.packet
	if p.HeaderType != Header1 {
		return false
	}
	to, ok := e.reverse.take(p.Destination, f.on, e.now)
	if !ok {
		return false
	}
	p.Raw[offsetHops] = p.Hops
	if e.transmit(to, p.Raw) == nil {
		e.relayed.packets++
	}
	return true
}

// linksFailed looks after links between others that were not proved in time: when that may be our path's fault, we ask
// for another (spec 1 §6.16).
func (e *engine) linksFailed() {
	for l := e.relayedLinks.failed(e.now); l != nil; l = e.relayedLinks.failed(e.now) {
		path := e.paths.lookup(l.destination, e.now)
		if path == nil {
			e.own.add(queuedRequest{destination: l.destination})
			continue
		}
		if e.requests.recent(l.destination, e.now) {
			continue
		}
		switch {
		case l.taken == 0:
			e.own.add(queuedRequest{destination: l.destination})
		case path.hops == 1 || l.taken == 1:
			if e.forwarding() && !boundary(l.in) {
				path.state = pathUnresponsive
			}
			e.own.add(queuedRequest{destination: l.destination, except: l.in})
		default:
			continue
		}
		if !e.forwarding() {
			e.paths.expire(l.destination)
		}
	}
}

// fanOut passes PLAIN packets on between local clients and the network, as they are. Control destinations are ours alone.
func (e *engine) fanOut(f inFrame) {
	p := &f.packet
	if e.clients == 0 || p.TransportType != TransportTypeBroadcast {
		return
	}
	if d := DestinationHash(p.Destination); d == pathRequestDestination() || d == tunnelDestination() {
		return
	}
	fromClient := f.on.options.Local == LocalClient
	for _, a := range e.interfaces {
		if a != f.on && (fromClient || a.options.Local == LocalClient) {
			_ = e.transmit(a, p.Raw) // counted there
		}
	}
}

// readdress rewrites a packet that was addressed to us as transport node, in place, for a path with so many hops left;
// p.Hops is the hops byte as received plus one. It does what Forward does, without copying. Only Hops and Raw of p are
// right afterwards.
func (p *Packet) readdress(remaining int, nextHop TruncatedHash) []byte {
	raw := p.Raw
	raw[0] &^= flagIFAC
	raw[offsetHops] = p.Hops
	switch {
	case p.HeaderType != Header2:
	case remaining > 1:
		copy(raw[offsetTransportID:], nextHop[:])
	case remaining == 1:
		flags := raw[0] & hashableFlags
		raw = raw[TruncatedHashLength:]
		raw[0], raw[offsetHops] = flags, p.Hops
	}
	return raw
}
