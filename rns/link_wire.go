package rns

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"

	"groupd/rns/internal/token"
	"groupd/rns/internal/x25519"
)

// Sizes of link packets' payloads, in bytes (spec 2 §1.4, §1.8, §1.17, §1.18).
const (
	linkRequestLength      = PublicKeyLength                    // X25519 key, Ed25519 key; signalling may follow
	linkProofLength        = SignatureLength + X25519KeyLength  // signature, X25519 key; signalling may follow
	linkIdentifyLength     = PublicKeyLength + SignatureLength  // public key, signature
	linkPacketProofLength  = FullHashLength + SignatureLength   // packet hash, signature: proofs on links are explicit
	linkKeepaliveInitiator = 0xff                               // the one clear byte of a keepalive
	linkKeepaliveResponder = 0xfe                               // and of its answer
	linkHeaderLength       = HeaderMinSize                      // all link packets after the request have a type-1 header
	linkSDUReserve         = HeaderMaxSize + IFACMinSize        // resource parts: MTU less this
	linkKeySeedLength      = X25519KeyLength + ed25519.SeedSize // what an initiator draws for one link
)

// linkKeys are the fresh key pairs of one end of a link.
type linkKeys struct {
	exchange *x25519.PrivateKey // both ends
	signing  ed25519.PrivateKey // initiator: made for this link; responder: nil, its identity signs
}

// newInitiatorKeys draws both key pairs of an initiator.
func newInitiatorKeys(rand io.Reader) (linkKeys, error) {
	seed, err := randomBytes(rand, linkKeySeedLength)
	if err != nil {
		return linkKeys{}, err
	}
	return loadInitiatorKeys(seed)
}

func loadInitiatorKeys(seed []byte) (linkKeys, error) {
	exchange, err := x25519.NewPrivateKey(seed[:X25519KeyLength])
	if err != nil {
		return linkKeys{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	return linkKeys{exchange: exchange, signing: ed25519.NewKeyFromSeed(seed[X25519KeyLength:])}, nil
}

// newResponderKeys draws the key pair of a responder.
func newResponderKeys(rand io.Reader) (linkKeys, error) {
	seed, err := randomBytes(rand, X25519KeyLength)
	if err != nil {
		return linkKeys{}, err
	}
	exchange, err := x25519.NewPrivateKey(seed)
	if err != nil {
		return linkKeys{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	return linkKeys{exchange: exchange}, nil
}

// linkRequest is the parsed payload of a LINKREQUEST (spec 2 §1.4).
type linkRequest struct {
	exchange [X25519KeyLength]byte
	signing  [Ed25519KeyLength]byte
	mtu      int // as signalled; 500 when nothing or 0 was
	mode     LinkMode
}

// parseLinkRequest reads the payload of a LINKREQUEST: 64 bytes of keys, with or without 3 of signalling.
func parseLinkRequest(data []byte) (linkRequest, error) {
	var r linkRequest
	if len(data) != linkRequestLength && len(data) != linkRequestLength+SignallingLength {
		return r, fmt.Errorf("%w: link request of %d bytes", ErrMalformed, len(data))
	}
	r.exchange = [X25519KeyLength]byte(data)
	r.signing = [Ed25519KeyLength]byte(data[X25519KeyLength:])
	r.mtu, r.mode, _ = ParseSignalling(data[linkRequestLength:])
	return r, nil
}

// appendLinkRequest appends the payload of a LINKREQUEST that signals mtu.
func appendLinkRequest(dst []byte, keys linkKeys, mtu int) ([]byte, error) {
	signalling, err := Signalling(mtu, LinkModeAES256CBC)
	if err != nil {
		return nil, err
	}
	dst = append(dst, keys.exchange.PublicKey()...)
	dst = append(dst, keys.signing[ed25519.SeedSize:]...)
	return append(dst, signalling[:]...), nil
}

// linkProof is the parsed payload of an LRPROOF (spec 2 §1.8).
type linkProof struct {
	signature  [SignatureLength]byte
	exchange   [X25519KeyLength]byte
	signalling []byte // 3 bytes, or none from old peers; signed as they are
	mtu        int
	mode       LinkMode
}

// parseLinkProof reads the payload of an LRPROOF: 96 bytes, or 99 with signalling.
func parseLinkProof(data []byte) (linkProof, error) {
	var p linkProof
	if len(data) != linkProofLength && len(data) != linkProofLength+SignallingLength {
		return p, fmt.Errorf("%w: link proof of %d bytes", ErrMalformed, len(data))
	}
	p.signature = [SignatureLength]byte(data)
	p.exchange = [X25519KeyLength]byte(data[SignatureLength:])
	p.signalling = data[linkProofLength:]
	p.mtu, p.mode, _ = ParseSignalling(p.signalling)
	return p, nil
}

// linkProofSigned returns what the signature of an LRPROOF covers. The Ed25519 key is that of the destination's
// identity: signed, but not transmitted.
func linkProofSigned(id LinkID, exchange []byte, signing ed25519.PublicKey, signalling []byte) []byte {
	b := make([]byte, 0, len(id)+X25519KeyLength+Ed25519KeyLength+SignallingLength)
	b = append(b, id[:]...)
	b = append(b, exchange...)
	b = append(b, signing...)
	return append(b, signalling...)
}

// appendLinkProof appends the payload of the LRPROOF with which identity confirms mtu.
func appendLinkProof(dst []byte, id LinkID, keys linkKeys, identity *Identity, mtu int) ([]byte, error) {
	signalling, err := Signalling(mtu, LinkModeAES256CBC)
	if err != nil {
		return nil, err
	}
	exchange := keys.exchange.PublicKey()
	dst = append(dst, identity.Sign(linkProofSigned(id, exchange, identity.SigningKey(), signalling[:]))...)
	dst = append(dst, exchange...)
	return append(dst, signalling[:]...), nil
}

// verify reports whether the proof was made by the holder of identity for link id.
func (p *linkProof) verify(id LinkID, identity *PublicIdentity) bool {
	return identity.Verify(linkProofSigned(id, p.exchange[:], identity.SigningKey(), p.signalling), p.signature[:])
}

// deriveLinkKey agrees on the key of a link (spec 2 §1.7). Keys of low order are [ErrBadKey].
func deriveLinkKey(id LinkID, private *x25519.PrivateKey, peer []byte) (*token.Key, error) {
	derived, err := deriveLinkSecret(id, private, peer)
	if err != nil {
		return nil, err
	}
	return token.NewKey(derived)
}

func deriveLinkSecret(id LinkID, private *x25519.PrivateKey, peer []byte) ([]byte, error) {
	shared, err := private.Agree(peer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	return token.HKDF(DerivedKeyLength, shared, id[:], nil)
}

// appendLinkHeader appends the 19 header bytes of a packet on a link.
func appendLinkHeader(dst []byte, id LinkID, kind PacketType, context Context) []byte {
	p := Packet{DestinationType: DestinationLink, PacketType: kind, Destination: id, Context: context}
	return p.Append(dst)
}

// linkPacketHash returns the packet hash of a packet of ours with hops 0, without copying it: the hashable part is
// the raw packet with the hops byte left out and, for link packets, an unchanged flags byte.
func linkPacketHash(raw []byte) PacketHash {
	h := sha256.New()
	h.Write(raw[:offsetHops])
	h.Write(raw[offsetDestination1:])
	return PacketHash(h.Sum(nil))
}

// identifySigned returns what the signature of a LINKIDENTIFY covers.
func identifySigned(id LinkID, public []byte) []byte {
	return append(append(make([]byte, 0, len(id)+len(public)), id[:]...), public...)
}

// appendIdentify appends the plaintext of a LINKIDENTIFY (spec 2 §1.17).
func appendIdentify(dst []byte, id LinkID, identity *Identity) []byte {
	public := identity.PublicKey()
	dst = append(dst, public...)
	return append(dst, identity.Sign(identifySigned(id, public))...)
}

// parseIdentify checks the plaintext of a LINKIDENTIFY and returns who identified.
func parseIdentify(id LinkID, plaintext []byte) (*PublicIdentity, error) {
	if len(plaintext) != linkIdentifyLength {
		return nil, fmt.Errorf("%w: identification of %d bytes", ErrMalformed, len(plaintext))
	}
	public, signature := plaintext[:PublicKeyLength], plaintext[PublicKeyLength:]
	identity, err := NewPublicIdentity(public)
	if err != nil {
		return nil, err
	}
	if !identity.Verify(identifySigned(id, public), signature) {
		return nil, fmt.Errorf("identification: %w", ErrBadSignature)
	}
	return identity, nil
}

// parsePacketProof splits the payload of a packet proof on a link: packet hash, signature. Only explicit proofs
// exist on links; bytes after the signature are ignored, as the reference does (spec 2 §1.18).
func parsePacketProof(data []byte) (hash PacketHash, signature []byte, ok bool) {
	if len(data) < linkPacketProofLength {
		return hash, nil, false
	}
	return PacketHash(data), data[FullHashLength:linkPacketProofLength], true
}

// appendPacketProof appends the payload of the proof of the packet with this hash.
func appendPacketProof(dst []byte, hash PacketHash, sign func([]byte) []byte) []byte {
	dst = append(dst, hash[:]...)
	return append(dst, sign(hash[:])...)
}
