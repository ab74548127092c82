package rns

import (
	"fmt"
	"io"
	"slices"
)

// Lengths in bytes of tunnel synthesis (spec 1 §6.19).
const (
	tunnelSignedLength    = PublicKeyLength + FullHashLength + TruncatedHashLength
	tunnelSynthesisLength = tunnelSignedLength + SignatureLength // 176
)

// Name of the PLAIN destination that tunnel synthesis is sent to.
const (
	transportApp           = "rnstransport"
	tunnelAspect           = "tunnel"
	tunnelSynthesizeAspect = "synthesize"
)

// HashInterface returns the hash of an interface, given its display string ("TCPInterface[name/host:port]"; spec 1
// §6.23). Tunnels and stored paths name interfaces by it.
func HashInterface(display string) InterfaceHash { return FullHash([]byte(display)) }

// TunnelSynthesis is what a node says over a connection it has made (again), so that the other side can keep the
// paths it knew over the connection before.
type TunnelSynthesis struct {
	// Identity is the transport identity of the node that connected.
	Identity *PublicIdentity
	// Interface is the hash of the interface at that node; it means nothing elsewhere.
	Interface InterfaceHash
	// Random tells synthesis packets apart.
	Random TruncatedHash
}

// ID returns the id of the tunnel, which is the same for each connection over the same interface.
func (s *TunnelSynthesis) ID() TunnelID {
	return FullHash(s.Identity.public[:], s.Interface[:])
}

// NewTunnelSynthesis signs a synthesis for an interface of ours. It reads 16 bytes from rand. The packet is to be
// sent on that interface only.
func NewTunnelSynthesis(id *Identity, on InterfaceHash, rand io.Reader) (Packet, error) {
	random, err := newRandomHash(rand)
	if err != nil {
		return Packet{}, err
	}
	return newTunnelSynthesis(id, on, random), nil
}

func newTunnelSynthesis(id *Identity, on InterfaceHash, random TruncatedHash) Packet {
	signed := slices.Concat(id.public[:], on[:], random[:])
	return Packet{
		DestinationType: DestinationPlain,
		Destination:     HashDestination(nil, transportApp, tunnelAspect, tunnelSynthesizeAspect),
		Data:            append(signed, id.Sign(signed)...),
	}
}

// ParseTunnelSynthesis reads the 176 bytes of a synthesis and checks the signature. It fails with [ErrMalformed] or
// [ErrBadSignature].
func ParseTunnelSynthesis(data []byte) (*TunnelSynthesis, error) {
	if len(data) != tunnelSynthesisLength {
		return nil, fmt.Errorf("%w: tunnel synthesis of %d bytes, want %d", ErrMalformed, len(data), tunnelSynthesisLength)
	}
	id, err := NewPublicIdentity(data[:PublicKeyLength])
	if err != nil {
		return nil, err
	}
	if !id.Verify(data[:tunnelSignedLength], data[tunnelSignedLength:]) {
		return nil, fmt.Errorf("tunnel synthesis: %w", ErrBadSignature)
	}
	rest := data[PublicKeyLength:]
	return &TunnelSynthesis{
		Identity:  id,
		Interface: InterfaceHash(rest),
		Random:    TruncatedHash(rest[FullHashLength:]),
	}, nil
}
