package rns

import "time"

// inFrame is a packet from a reader on its way to the loop. Hops are counted already.
type inFrame struct {
	packet Packet
	on     *attached
	at     time.Time
}

// linkPacket is a packet for a link.
type linkPacket struct {
	Packet
	on   *attached
	at   time.Time
	hash PacketHash
}

// exemptFromDuplicates reports whether link packets of this context may come again and again with the same bytes
// (spec 1 §6.4).
func exemptFromDuplicates(c Context) bool {
	switch c {
	case ContextKeepalive, ContextResourceReq, ContextResourceProof, ContextResource, ContextCacheRequest, ContextChannel:
		return true
	}
	return false
}

// receive handles one packet that is no announce (spec 1 §6.4, §6.5). This is where an end point and a transport node
// will differ: what is not for us ends here.
func (e *engine) receive(f inFrame) {
	p := &f.packet
	if f.on.gone {
		return
	}
	if p.HeaderType == Header2 && IdentityHash(p.TransportID) != e.t.config.Identity.Hash() {
		f.on.count(DropNotOurs)
		return
	}
	switch p.DestinationType {
	case DestinationPlain, DestinationGroup:
		// One hop only, and never taken for a duplicate.
		if p.Hops > 1 {
			f.on.count(DropTooFar)
			return
		}
		e.receiveData(f, p.Hash())
	case DestinationLink:
		e.receiveLinkPacket(f)
	default:
		hash := p.Hash()
		if e.duplicates.seen(hash) {
			f.on.count(DropDuplicate)
			return
		}
		e.duplicates.add(hash)
		switch p.PacketType {
		case PacketData:
			e.receiveData(f, hash)
		case PacketLinkRequest:
			e.receiveLinkRequest(f)
		case PacketProof:
			if !e.receipts.prove(p.Destination, p.Data, e.now) {
				f.on.count(DropProof)
			}
		}
	}
}

// receiveData hands DATA to the destination of ours that it is for.
func (e *engine) receiveData(f inFrame, hash PacketHash) {
	p := &f.packet
	if p.PacketType != PacketData {
		f.on.count(DropNoDestination)
		return
	}
	if p.DestinationType == DestinationPlain && DestinationHash(p.Destination) == pathRequestDestination() {
		e.pathRequested(f)
		return
	}
	d := e.destinations[p.Destination]
	if d == nil || d.config.Type != p.DestinationType || d.config.OnPacket == nil {
		f.on.count(DropNoDestination)
		return
	}
	if !d.offer(localPacket{data: p.Data, hash: hash, hops: int(p.Hops), on: f.on, at: f.at}) {
		f.on.count(DropDestinationQueue)
		e.duplicates.forget(hash)
	}
}

// receiveLinkRequest hands a link request to the link part.
func (e *engine) receiveLinkRequest(f inFrame) {
	d := e.destinations[f.packet.Destination]
	if d == nil || d.config.Type != f.packet.DestinationType {
		f.on.count(DropNoDestination)
		return
	}
	e.t.linkRequested(f.packet, f.on, d)
}

// receiveLinkPacket hands a packet to the link it is addressed to. Proofs of link requests are not remembered as seen:
// the link takes the first that is right and no other.
func (e *engine) receiveLinkPacket(f inFrame) {
	p := &f.packet
	l := e.links[p.Destination]
	if l == nil || p.PacketType == PacketLinkRequest {
		f.on.count(DropNoLink)
		return
	}
	hash := p.Hash()
	remember := !exemptFromDuplicates(p.Context) && p.Context != ContextLinkReqProof
	if remember {
		if e.duplicates.seen(hash) {
			f.on.count(DropDuplicate)
			return
		}
		e.duplicates.add(hash)
	}
	if !l.receive(linkPacket{Packet: *p, on: f.on, at: f.at, hash: hash}) {
		f.on.count(DropLinkQueue)
		if remember {
			e.duplicates.forget(hash)
		}
	}
}

// pathRequested handles a path request of somebody else. An end point answers for its own destinations only, whatever
// the mode of the interface.
func (e *engine) pathRequested(f inFrame) {
	r, ok := parsePathRequest(f.packet.Data)
	if !ok || !e.requests.fresh(r.tag) {
		f.on.count(DropPathRequest)
		return
	}
	d := e.destinations[r.destination]
	if d == nil || d.config.Type != DestinationSingle {
		return
	}
	if !e.requests.mayAnswer(r.destination, f.on, e.now) || !d.answer(f.on) {
		f.on.count(DropPathAnswer)
	}
}

// pathRequestDestination is where path requests go: PLAIN rnstransport.path.request (spec 1 §2.5).
func pathRequestDestination() DestinationHash {
	return DestinationHash{0x6b, 0x9f, 0x66, 0x01, 0x4d, 0x98, 0x53, 0xfa, 0xab, 0x22, 0x0f, 0xba, 0x47, 0xd0, 0x27, 0x61}
}
