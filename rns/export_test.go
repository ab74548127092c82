package rns

// SignedData returns what the signature of the announce runs over.
func (a *Announce) SignedData() []byte { return a.appendSigned(nil) }

// HashablePart returns what the packet hash is the hash of.
func (p *Packet) HashablePart() []byte { return p.appendHashable(nil, len(p.Data)) }

// TunnelSynthesisOf signs a synthesis with a given random part.
func TunnelSynthesisOf(id *Identity, on InterfaceHash, random TruncatedHash) Packet {
	return newTunnelSynthesis(id, on, random)
}
