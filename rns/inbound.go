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

// packetHash is the hash of the packet, which the loop has computed already.
func (p *linkPacket) packetHash() PacketHash {
	if p.hash.IsZero() {
		p.hash = p.Hash()
	}
	return p.hash
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

// receive handles one packet that is no announce (spec 1 §6.4, §6.5): what is not for us to see ends here, what others
// are to have is passed on, and the rest is for a destination, a receipt or a link of ours.
func (e *engine) receive(f inFrame) {
	p := &f.packet
	if f.on.gone {
		return
	}
	client := e.master != nil // then the master filters
	if p.HeaderType == Header2 && IdentityHash(p.TransportID) != e.self && !client {
		f.on.count(DropNotOurs)
		return
	}
	if p.DestinationType == DestinationPlain || p.DestinationType == DestinationGroup {
		// One hop only, and never taken for a duplicate.
		if p.Hops > 1 && !client {
			f.on.count(DropTooFar)
			return
		}
		if p.DestinationType == DestinationPlain {
			e.fanOut(f)
		}
		e.receiveData(f, p.Hash())
		return
	}
	var relayed *relayedLink
	if p.DestinationType == DestinationLink && len(e.relayedLinks.entries) > 0 {
		relayed = e.relayedLinks.lookup(p.Destination, e.now)
	}
	if p.DestinationType == DestinationLink && relayed == nil && e.links[p.Destination] == nil {
		f.on.count(DropNoLink)
		return
	}
	var hash PacketHash
	if p.DestinationType != DestinationLink || p.Context != ContextResource { // parts of resources are long, and nobody asks for their hash
		hash = p.Hash()
	}
	if !exemptFromDuplicates(p.Context) && !client {
		if e.duplicates.seen(hash) {
			f.on.count(DropDuplicate)
			return
		}
		// Packets of links that we pass on may be heard before it is our turn, and so may proofs of link requests.
		if relayed == nil && (p.PacketType != PacketProof || p.Context != ContextLinkReqProof) {
			e.duplicates.add(hash)
		}
	}
	if relayed != nil {
		e.relayLinkPacket(f, relayed, hash)
		return
	}
	if e.forward(f, hash) {
		return
	}
	switch {
	case p.DestinationType == DestinationLink:
		e.receiveLinkPacket(f, hash)
	case p.PacketType == PacketData:
		e.receiveData(f, hash)
	case p.PacketType == PacketLinkRequest:
		e.receiveLinkRequest(f)
	case p.PacketType == PacketProof:
		returned := e.returnProof(f)
		if !e.receipts.prove(p.Destination, p.Data, e.now) && !returned {
			f.on.count(DropProof)
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
	if p.DestinationType == DestinationPlain {
		switch DestinationHash(p.Destination) {
		case pathRequestDestination():
			e.pathRequested(f)
			return
		case tunnelDestination():
			e.tunnelIntroduced(f)
			return
		}
	}
	d := e.destinations[p.Destination]
	if d == nil || d.config.Type != p.DestinationType || d.config.OnPacket == nil {
		f.on.count(DropNoDestination)
		return
	}
	if !d.offer(&localPacket{data: p.Data, hash: hash, hops: int(p.Hops), on: f.on, at: f.at}) {
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

// receiveLinkPacket hands a packet to the link it is addressed to.
func (e *engine) receiveLinkPacket(f inFrame, hash PacketHash) {
	p := &f.packet
	l := e.links[p.Destination]
	if p.PacketType == PacketLinkRequest {
		f.on.count(DropNoLink)
		return
	}
	if !l.receive(linkPacket{Packet: *p, on: f.on, at: f.at, hash: hash}) {
		f.on.count(DropLinkQueue)
		e.duplicates.forget(hash)
	}
}

// pathRequestDestination is where path requests go: PLAIN rnstransport.path.request (spec 1 §2.5).
func pathRequestDestination() DestinationHash {
	return DestinationHash{0x6b, 0x9f, 0x66, 0x01, 0x4d, 0x98, 0x53, 0xfa, 0xab, 0x22, 0x0f, 0xba, 0x47, 0xd0, 0x27, 0x61}
}

// tunnelDestination is where tunnels are introduced: PLAIN rnstransport.tunnel.synthesize (spec 1 §2.5).
func tunnelDestination() DestinationHash {
	return DestinationHash{0x91, 0xbf, 0x09, 0x10, 0x26, 0x7b, 0x59, 0xb0, 0xe8, 0x64, 0xe0, 0xd4, 0xc9, 0x16, 0x02, 0xca}
}
