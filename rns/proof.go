package rns

// Lengths in bytes of the proofs of packets (spec 1 §3.7).
const (
	implicitProofLength = SignatureLength
	explicitProofLength = FullHashLength + SignatureLength
)

// NewProof returns the packet that proves to its sender that the packet with this hash reached the SINGLE or GROUP
// destination of id. An implicit proof holds only the signature; an explicit one also the hash, so that the sender
// need not try all its receipts. It is to be sent on the interface the proved packet came in on.
func NewProof(id *Identity, proved PacketHash, implicit bool) Packet {
	data := make([]byte, 0, explicitProofLength)
	if !implicit {
		data = append(data, proved[:]...)
	}
	return Packet{
		PacketType:  PacketProof,
		Destination: [TruncatedHashLength]byte(proved[:TruncatedHashLength]),
		Data:        append(data, id.Sign(proved[:])...),
	}
}

// ProofHash returns the hash that an explicit proof names. explicit is false for data of any other length than 96.
func ProofHash(data []byte) (proved PacketHash, explicit bool) {
	if len(data) != explicitProofLength {
		return proved, false
	}
	return PacketHash(data), true
}

// CheckProof reports whether data, implicit or explicit, proves that the packet with this hash reached the destination
// of p. Data of another length than 64 or 96 bytes proves nothing.
func CheckProof(p *PublicIdentity, sent PacketHash, data []byte) bool {
	switch len(data) {
	case implicitProofLength:
		return p.Verify(sent[:], data)
	case explicitProofLength:
		return PacketHash(data) == sent && p.Verify(sent[:], data[FullHashLength:])
	}
	return false
}
