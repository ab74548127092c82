package lxmf

import (
	"fmt"

	"groupd/rns"
)

// Choose says by which method and in what form a message of the given packed length goes when a method is wanted, as the
// reference decides it (spec 4 §2.2): an opportunistic message that is too large goes directly, a paper message that is too
// large is [ErrTooLarge]. The router itself is more careful with opportunistic messages over several hops, and larger
// packets are used on links with a larger MTU. The stamp that a propagation node asks for is not counted.
func Choose(wanted Method, packed int) (Method, Representation, error) {
	switch wanted {
	case MethodOpportunistic:
		if packed-rns.TruncatedHashLength <= MaxOpportunisticInbound {
			return MethodOpportunistic, RepresentationPacket, nil
		}
		return Choose(MethodDirect, packed)
	case MethodAuto:
		return Choose(MethodOpportunistic, packed)
	case MethodDirect:
		if packed <= MaxLinkPacket {
			return MethodDirect, RepresentationPacket, nil
		}
		return MethodDirect, RepresentationResource, nil
	case MethodPropagated:
		// The upload is [float64, [blob]]: heads of 1, 9, 1 and 3 bytes.
		if sealedLength(packed)+1+9+1+3 <= MaxLinkPacket-Overhead {
			return MethodPropagated, RepresentationPacket, nil
		}
		return MethodPropagated, RepresentationResource, nil
	case MethodPaper:
		if n := sealedLength(packed); n > MaxPaper {
			return 0, 0, fmt.Errorf("%w: paper message of %d bytes, limit %d", ErrTooLarge, n, MaxPaper)
		}
		return MethodPaper, RepresentationPaper, nil
	}
	return 0, 0, fmt.Errorf("lxmf: no such %v", wanted)
}

// sealedLength is the length of a propagated or paper message: the destination hash, and the rest encrypted to it.
func sealedLength(packed int) int {
	const block = 16
	padded := (packed - rns.TruncatedHashLength + block) / block * block
	return rns.TruncatedHashLength + rns.X25519KeyLength + padded + rns.TokenOverhead
}
