package rns

import (
	"crypto/ed25519"
	"time"

	"groupd/rns/interfaces"
)

// SignedData returns what the signature of the announce runs over.
func (a *Announce) SignedData() []byte { return a.appendSigned(nil) }

// HashablePart returns what the packet hash is the hash of.
func (p *Packet) HashablePart() []byte { return p.appendHashable(nil, len(p.Data)) }

// TunnelSynthesisOf signs a synthesis with a given random part.
func TunnelSynthesisOf(id *Identity, on InterfaceHash, random TruncatedHash) Packet {
	return newTunnelSynthesis(id, on, random)
}

// LinkPacketProof returns the payload of the proof of a packet on a link.
func LinkPacketProof(proved PacketHash, seed []byte) []byte {
	key := ed25519.NewKeyFromSeed(seed)
	return appendPacketProof(nil, proved, func(b []byte) []byte { return ed25519.Sign(key, b) })
}

// CheckLinkPacketProof reports whether data proves a packet on a link.
func CheckLinkPacketProof(public []byte, sent PacketHash, data []byte) bool {
	proved, signature, ok := parsePacketProof(data)
	return ok && proved == sent && ed25519.Verify(public, sent[:], signature)
}

// NewPathRequest builds the packet that asks for a path.
func NewPathRequest(d DestinationHash, self *IdentityHash, tag []byte) Packet {
	return newPathRequest(d, self, tag)
}

// ParsePathRequest reads the payload of a path request.
func ParsePathRequest(data []byte) (wanted DestinationHash, requester TruncatedHash, tag []byte, ok bool) {
	r, ok := parsePathRequest(data)
	return r.destination, r.requester, r.tag.tag[:r.tag.length], ok
}

// SendOverPath returns what a node transmits for a packet of its own to a destination with this path.
func SendOverPath(p Packet, hops int, nextHop TruncatedHash) []byte {
	t, err := New(Config{})
	if err != nil {
		panic(err)
	}
	carrier := new(recorder)
	on := tableInterface("x", interfaces.ModeFull)
	on.carrier = carrier
	now := time.Now()
	a := emission(1, now, hops, on)
	a.destination, a.relayed, a.relay = p.Destination, hops > 1, nextHop
	pack(a)
	t.engine.now = now
	t.engine.paths.learn(a, now)
	if _, _, err := t.engine.route(outFrame{raw: p.Raw}); err != nil || len(carrier.sent) != 1 {
		return nil
	}
	return carrier.sent[0]
}

// PackBlackholes and ParseBlackholes write and read a published list.
func PackBlackholes(list []Blackhole) []byte           { return packBlackholes(list) }
func ParseBlackholes(data []byte) ([]Blackhole, error) { return parseBlackholes(data) }

// TakeForStock makes an end of a link that was opened to us take the initiator for a stock program.
func TakeForStock(l *Link) { l.prompt.Store(false) }
