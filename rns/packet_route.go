package rns

import "fmt"

// This file rewrites headers, as pure functions: what is sent for a packet of ours, or for one that we relay, once its
// path is known. None of them changes the packet hash. Results are new packets that share Data with the old one; their
// Raw is nil.

// ReceivedFrom returns where the packet came from in one hop: the transport id when there is one, else the destination
// itself (of announces, which are heard from it).
func (p *Packet) ReceivedFrom() [TruncatedHashLength]byte {
	if p.HeaderType == Header2 {
		return p.TransportID
	}
	return p.Destination
}

// Originate returns our own packet as it is sent over a path of so many hops whose next hop is given (spec 1 §6.3,
// case A). Over more than one hop, a transport id is put in; the context flag is lost by that. Announces, and packets
// to PLAIN and GROUP destinations, take no path: do not pass them.
func (p *Packet) Originate(pathHops int, nextHop [TruncatedHashLength]byte) Packet {
	out := *p
	out.Raw = nil
	if pathHops <= 1 || p.HeaderType == Header2 {
		return out
	}
	out.HeaderType, out.TransportType = Header2, TransportTypeTransport
	out.ContextFlag = false
	out.TransportID = nextHop
	return out
}

// Forward returns a packet that was addressed to us as transport node, as it is sent on over a path with so many hops
// left (spec 1 §6.6). hops is the hops byte as received plus one. With one hop left the transport id is taken out and
// the upper flags are cleared; with none, the packet goes on as it is.
func (p *Packet) Forward(hops uint8, remaining int, nextHop [TruncatedHashLength]byte) Packet {
	out := *p
	out.Raw = nil
	out.Hops = hops
	switch {
	case remaining > 1:
		out.TransportID = nextHop
	case remaining == 1:
		out.HeaderType, out.TransportType = Header1, TransportTypeBroadcast
		out.ContextFlag = false
		out.TransportID = [TruncatedHashLength]byte{}
	}
	return out
}

// RelayedAnnounce returns an announce as a transport node emits it again: with its own id, the hops byte given, and
// context NONE or PATH_RESPONSE. Context flag and payload stay (spec 1 §6.9).
func (p *Packet) RelayedAnnounce(self IdentityHash, hops uint8, context Context) Packet {
	out := *p
	out.Raw = nil
	out.HeaderType, out.TransportType = Header2, TransportTypeTransport
	out.TransportID = self
	out.Hops = hops
	out.Context = context
	return out
}

// ClampLinkRequest returns the data of a link request as it leaves a transport node, given the hardware MTUs in bytes
// of the interface it came in on and of the one it goes out on; 0 means none to offer (spec 1 §6.7). Signalling is
// taken out towards an interface without MTU, lowered to the smaller MTU where that is below what it asks for, and
// else left alone. An incoming interface without MTU counts as 500. Requests without signalling, and those signalling
// 0, stay as they are. An error means that the request must be dropped: its mode cannot be signalled.
func ClampLinkRequest(data []byte, incomingMTU, outgoingMTU int) ([]byte, error) {
	if len(data) != PublicKeyLength+SignallingLength {
		return data, nil
	}
	keys, signalling := data[:PublicKeyLength:PublicKeyLength], data[PublicKeyLength:]
	if signalling[0]&(1<<5-1) == 0 && signalling[1] == 0 && signalling[2] == 0 {
		return data, nil
	}
	asked, mode, _ := ParseSignalling(signalling)
	if outgoingMTU == 0 {
		return keys, nil
	}
	if incomingMTU == 0 {
		incomingMTU = MTU
	}
	limit := min(incomingMTU, outgoingMTU)
	if limit >= asked {
		return data, nil
	}
	lowered, err := Signalling(limit, mode)
	if err != nil {
		return nil, fmt.Errorf("link request: %w", err)
	}
	return append(keys, lowered[:]...), nil
}
