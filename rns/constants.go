package rns

import "fmt"

// Wire constants: fixed by the protocol; changing one breaks the network (spec 1 §3.2 to §3.4, §1.2).

// HeaderType says whether a packet carries a transport id.
type HeaderType uint8

// Header types.
const (
	Header1 HeaderType = 0 // 19 bytes: flags, hops, destination, context (HEADER_1)
	Header2 HeaderType = 1 // 35 bytes: a 16-byte transport id before the destination (HEADER_2)
)

// TransportType is one bit of the flags: set when a transport node is to handle, or has emitted, the packet.
type TransportType uint8

// Transport types.
const (
	TransportTypeBroadcast TransportType = 0 // BROADCAST
	TransportTypeTransport TransportType = 1 // TRANSPORT
)

// DestinationType says what the destination field of a packet addresses and how its payload is encrypted.
type DestinationType uint8

// Destination types (spec 1 §2.2).
const (
	DestinationSingle DestinationType = 0 // one identity, asymmetric encryption, multi-hop (SINGLE)
	DestinationGroup  DestinationType = 1 // shared symmetric key, direct neighbours only (GROUP)
	DestinationPlain  DestinationType = 2 // no encryption, direct neighbours only (PLAIN)
	DestinationLink   DestinationType = 3 // an established link, addressed by its link id (LINK)
)

// String returns the protocol's name of the type.
func (t DestinationType) String() string {
	switch t {
	case DestinationSingle:
		return "SINGLE"
	case DestinationGroup:
		return "GROUP"
	case DestinationPlain:
		return "PLAIN"
	case DestinationLink:
		return "LINK"
	}
	return fmt.Sprintf("destination type %d", uint8(t))
}

// PacketType is the kind of a packet.
type PacketType uint8

// Packet types.
const (
	PacketData        PacketType = 0 // DATA
	PacketAnnounce    PacketType = 1 // ANNOUNCE
	PacketLinkRequest PacketType = 2 // LINKREQUEST
	PacketProof       PacketType = 3 // PROOF
)

// String returns the protocol's name of the type.
func (t PacketType) String() string {
	switch t {
	case PacketData:
		return "DATA"
	case PacketAnnounce:
		return "ANNOUNCE"
	case PacketLinkRequest:
		return "LINKREQUEST"
	case PacketProof:
		return "PROOF"
	}
	return fmt.Sprintf("packet type %d", uint8(t))
}

// Context says what the payload of a packet is. Unknown values parse and are preserved when relayed.
type Context uint8

// Contexts (spec 1 §3.3).
const (
	ContextNone          Context = 0x00 // NONE
	ContextResource      Context = 0x01 // a part of a resource (RESOURCE)
	ContextResourceAdv   Context = 0x02 // resource advertisement (RESOURCE_ADV)
	ContextResourceReq   Context = 0x03 // resource part request (RESOURCE_REQ)
	ContextResourceHMU   Context = 0x04 // resource hashmap update (RESOURCE_HMU)
	ContextResourceProof Context = 0x05 // resource proof (RESOURCE_PRF)
	ContextResourceICL   Context = 0x06 // resource cancelled by its initiator (RESOURCE_ICL)
	ContextResourceRCL   Context = 0x07 // resource rejected or cancelled by its receiver (RESOURCE_RCL)
	ContextCacheRequest  Context = 0x08 // CACHE_REQUEST
	ContextRequest       Context = 0x09 // REQUEST
	ContextResponse      Context = 0x0a // RESPONSE
	ContextPathResponse  Context = 0x0b // an announce that answers a path request (PATH_RESPONSE)
	ContextCommand       Context = 0x0c // COMMAND, reserved
	ContextCommandStatus Context = 0x0d // COMMAND_STATUS, reserved
	ContextChannel       Context = 0x0e // CHANNEL
	ContextKeepalive     Context = 0xfa // KEEPALIVE
	ContextLinkIdentify  Context = 0xfb // LINKIDENTIFY
	ContextLinkClose     Context = 0xfc // LINKCLOSE
	ContextLinkProof     Context = 0xfd // LINKPROOF, reserved
	ContextLinkRTT       Context = 0xfe // round trip time of a new link (LRRTT)
	ContextLinkReqProof  Context = 0xff // proof of a link request (LRPROOF)
)

// Header bits and sizes, in bytes unless said otherwise.
const (
	// MTU is the largest packet on a carrier that offers no larger one to a link; the IFAC field is not counted.
	MTU = 500
	// HeaderMinSize is the size of a header without transport id (HEADER_MINSIZE).
	HeaderMinSize = 1 + 1 + TruncatedHashLength + 1
	// HeaderMaxSize is the size of a header with transport id (HEADER_MAXSIZE).
	HeaderMaxSize = HeaderMinSize + TruncatedHashLength
	// IFACMinSize is the smallest interface access code; size formulas reserve it.
	IFACMinSize = 1
	// MDU is the largest payload of a packet that may be relayed.
	MDU = MTU - HeaderMaxSize - IFACMinSize
	// PlainMDU is the largest PLAIN payload an application should send.
	PlainMDU = MDU
	// EncryptedMDU is the largest plaintext an application should send to a SINGLE destination.
	EncryptedMDU = (MDU-TokenOverhead-X25519KeyLength)/aesBlock*aesBlock - 1

	// MaxHops is the largest number of hops in the stack, and stands for "unknown" where a distance is asked for.
	// A received hops byte must be smaller.
	MaxHops = 128
)

// Lengths of keys and envelopes, in bytes (spec 1 §1.2).
const (
	X25519KeyLength   = 32 // one X25519 key, private or public
	Ed25519KeyLength  = 32 // an Ed25519 seed or public key
	PublicKeyLength   = X25519KeyLength + Ed25519KeyLength
	PrivateKeyLength  = X25519KeyLength + Ed25519KeyLength
	SignatureLength   = 64
	RatchetLength     = X25519KeyLength
	DerivedKeyLength  = 64
	GroupKeyLength    = 64 // new GROUP keys; 32-byte keys select AES-128
	TokenOverhead     = aesBlock + FullHashLength
	RandomFieldLength = 10 // of an announce: 5 random bytes, 5 bytes of time

	aesBlock = 16
)
