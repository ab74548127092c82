package rns

import (
	"crypto/sha256"
	"fmt"
)

// Bits of the flags byte (spec 1 §3.2).
const (
	flagIFAC      = 0x80 // an interface access code follows; always clear inside the stack
	flagHeader2   = 0x40
	flagContext   = 0x20
	flagTransport = 0x10

	destinationTypeMask = 0x03
	destinationShift    = 2
	packetTypeMask      = 0x03
	hashableFlags       = 0x0f // destination type and packet type: what survives relaying

	offsetHops         = 1
	offsetDestination1 = 2                                        // of a Header1 packet
	offsetTransportID  = 2                                        // of a Header2 packet
	offsetDestination2 = offsetTransportID + TruncatedHashLength  // of a Header2 packet
	offsetContext1     = offsetDestination1 + TruncatedHashLength // of a Header1 packet
	offsetContext2     = offsetDestination2 + TruncatedHashLength // of a Header2 packet
)

// Packet is a packet as parsed, or to be built. It has no invariants beyond its field types; [Packet.Append] writes
// exactly what the fields say.
type Packet struct {
	HeaderType      HeaderType
	TransportType   TransportType
	DestinationType DestinationType
	PacketType      PacketType
	Context         Context
	// ContextFlag is bit 5 of the flags: on announces, a ratchet is present.
	ContextFlag bool
	// Hops is the hops byte as on the wire when parsed; transport adds one on reception.
	Hops uint8
	// TransportID is the identity hash of the transport node that is to handle, or has emitted, the packet.
	// Meaningful with Header2 only.
	TransportID [TruncatedHashLength]byte
	// Destination is a destination hash, a link id, or for proofs of single packets a truncated packet hash.
	Destination [TruncatedHashLength]byte
	// Data is the payload. After ParsePacket it is a span of Raw.
	Data []byte
	// Raw is the packet as received, access code removed; nil in packets that were not parsed.
	Raw []byte
}

// ParsePacket reads a whole packet, without access code. The result keeps raw and spans of it: a caller whose buffer
// is used again copies first. Bit 7 of the flags is ignored. It fails with [ErrMalformed] when raw is shorter than
// its header (19 or 35 bytes) or its hops byte is 128 or more; everything else parses, with any payload length.
func ParsePacket(raw []byte) (Packet, error) {
	var p Packet
	if len(raw) < HeaderMinSize {
		return p, fmt.Errorf("%w: packet of %d bytes", ErrMalformed, len(raw))
	}
	flags := raw[0]
	if raw[offsetHops] >= MaxHops {
		return p, fmt.Errorf("%w: packet with %d hops", ErrMalformed, raw[offsetHops])
	}
	p.TransportType = TransportType(flags & flagTransport >> 4)
	p.ContextFlag = flags&flagContext != 0
	p.DestinationType = DestinationType(flags >> destinationShift & destinationTypeMask)
	p.PacketType = PacketType(flags & packetTypeMask)
	p.Hops = raw[offsetHops]
	p.Raw = raw
	if flags&flagHeader2 == 0 {
		p.Destination = [TruncatedHashLength]byte(raw[offsetDestination1:])
		p.Context = Context(raw[offsetContext1])
		p.Data = raw[HeaderMinSize:]
		return p, nil
	}
	if len(raw) < HeaderMaxSize {
		return Packet{}, fmt.Errorf("%w: packet of %d bytes with a transport id", ErrMalformed, len(raw))
	}
	p.HeaderType = Header2
	p.TransportID = [TruncatedHashLength]byte(raw[offsetTransportID:])
	p.Destination = [TruncatedHashLength]byte(raw[offsetDestination2:])
	p.Context = Context(raw[offsetContext2])
	p.Data = raw[HeaderMaxSize:]
	return p, nil
}

// Flags returns the first byte of the packet, access-code bit clear.
func (p *Packet) Flags() byte {
	f := p.hashableFlags()
	if p.HeaderType == Header2 {
		f |= flagHeader2
	}
	if p.ContextFlag {
		f |= flagContext
	}
	if p.TransportType == TransportTypeTransport {
		f |= flagTransport
	}
	return f
}

func (p *Packet) hashableFlags() byte {
	return byte(p.DestinationType)&destinationTypeMask<<destinationShift | byte(p.PacketType)&packetTypeMask
}

// Size returns the length in bytes of what [Packet.Append] writes.
func (p *Packet) Size() int {
	if p.HeaderType == Header2 {
		return HeaderMaxSize + len(p.Data)
	}
	return HeaderMinSize + len(p.Data)
}

// Append appends the packet as it goes to an interface, without access code, and returns the extended slice.
// It checks no length; compare [Packet.Size] with the MTU before sending.
func (p *Packet) Append(dst []byte) []byte {
	dst = append(dst, p.Flags(), p.Hops)
	if p.HeaderType == Header2 {
		dst = append(dst, p.TransportID[:]...)
	}
	dst = append(dst, p.Destination[:]...)
	dst = append(dst, byte(p.Context))
	return append(dst, p.Data...)
}

// Pack returns the packet in a new slice, or [ErrTooLarge] when it is longer than mtu bytes.
func (p *Packet) Pack(mtu int) ([]byte, error) {
	n := p.Size()
	if n > mtu {
		return nil, fmt.Errorf("packet of %d bytes, %d fit: %w", n, mtu, ErrTooLarge)
	}
	return p.Append(make([]byte, 0, n)), nil
}

// appendHashable appends the part of the packet that stays the same while it is relayed (spec 1 §3.5), with only
// the first n bytes of its data.
func (p *Packet) appendHashable(dst []byte, n int) []byte {
	dst = append(dst, p.hashableFlags())
	dst = append(dst, p.Destination[:]...)
	dst = append(dst, byte(p.Context))
	return append(dst, p.Data[:n]...)
}

// Hash returns the packet hash. It does not depend on hops, header type, transport id or the upper flags, so it
// stays the same while the packet is relayed.
func (p *Packet) Hash() PacketHash {
	var buf [HeaderMaxSize + MTU]byte
	return sha256.Sum256(p.appendHashable(buf[:0], len(p.Data)))
}

// TruncatedHash returns the first 16 bytes of the packet hash: the address of its proof, and the request id of a
// request packet.
func (p *Packet) TruncatedHash() TruncatedHash {
	h := p.Hash()
	return TruncatedHash(h[:TruncatedHashLength])
}

// LinkID returns the id of the link that this link request asks for. Data after the 64 bytes of keys (the
// signalling) does not enter it, so rewriting on the way does not change it. ok is false when the packet is no
// link request or has fewer than 64 bytes of data.
func (p *Packet) LinkID() (id LinkID, ok bool) {
	if p.PacketType != PacketLinkRequest || len(p.Data) < PublicKeyLength {
		return id, false
	}
	var buf [HeaderMaxSize + PublicKeyLength]byte
	h := sha256.Sum256(p.appendHashable(buf[:0], PublicKeyLength))
	return LinkID(h[:TruncatedHashLength]), true
}
