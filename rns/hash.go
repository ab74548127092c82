package rns

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
)

// Lengths of hashes and ids, in bytes (spec 1 §1.2).
const (
	FullHashLength      = sha256.Size // packet hash, resource hash, interface hash, tunnel id
	TruncatedHashLength = 16          // identity, destination, link id, request id, path hash, transport id
	NameHashLength      = 10          // destination name hash
	RatchetIDLength     = 10          // ratchet id
)

// The hash types. Each is a distinct type so that the compiler stops one from being used as another; each prints as
// lower-case hex. All are plain arrays: comparable, usable as map keys, safe to copy.
type (
	// DestinationHash is the 16-byte address of a SINGLE, GROUP or PLAIN destination.
	DestinationHash [TruncatedHashLength]byte
	// IdentityHash is the first 16 bytes of SHA-256 of a 64-byte public key. A transport id is an IdentityHash.
	IdentityHash [TruncatedHashLength]byte
	// LinkID is the 16-byte address of a link, derived from its link request.
	LinkID [TruncatedHashLength]byte
	// RequestID names a request made over a link: the truncated hash of the request packet, or of the packed request
	// when it travels as a resource.
	RequestID [TruncatedHashLength]byte
	// TruncatedHash is any other first-16-bytes-of-SHA-256: the address of a proof, a path hash, a tag.
	TruncatedHash [TruncatedHashLength]byte
	// NameHash is the first 10 bytes of SHA-256 of a full destination name (app name and aspects joined by dots).
	NameHash [NameHashLength]byte
	// RatchetID is the first 10 bytes of SHA-256 of a ratchet public key.
	RatchetID [RatchetIDLength]byte
	// PacketHash is SHA-256 of the hashable part of a packet (spec 1 §3.5).
	PacketHash [FullHashLength]byte
	// ResourceHash names one segment of a resource.
	ResourceHash [FullHashLength]byte
	// InterfaceHash is SHA-256 of the display string of an interface (spec 1 §6.23).
	InterfaceHash [FullHashLength]byte
	// TunnelID names a tunnel: SHA-256 of the remote's public key and its interface hash (spec 1 §6.19).
	TunnelID [FullHashLength]byte
)

// errHashText is wrapped by every Parse function for a hash.
var errHashText = errors.New("not a hash in hex")

// FullHash returns SHA-256 of the concatenation of parts.
func FullHash(parts ...[]byte) [FullHashLength]byte {
	var buf [640]byte
	b := buf[:0]
	for _, p := range parts {
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

// TruncatedHashOf returns the first 16 bytes of SHA-256 of the concatenation of parts.
func TruncatedHashOf(parts ...[]byte) [TruncatedHashLength]byte {
	full := FullHash(parts...)
	return [TruncatedHashLength]byte(full[:TruncatedHashLength])
}

// PathHash returns the key under which a request path is registered and asked for (spec 1 §2.4).
func PathHash(path string) TruncatedHash { return TruncatedHashOf([]byte(path)) }

// RatchetIDOf returns the id of a 32-byte ratchet public key.
func RatchetIDOf(public []byte) RatchetID {
	full := FullHash(public)
	return RatchetID(full[:RatchetIDLength])
}

func parseHash(dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return fmt.Errorf("%w: %d characters, want %d", errHashText, len(s), 2*len(dst))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("%w: %w", errHashText, err)
	}
	return nil
}

func hexString(b []byte) string { return hex.EncodeToString(b) }
func shortHex(b []byte) string  { return hex.EncodeToString(b[:4]) }

// ParseDestinationHash reads a destination hash from exactly 32 hex characters.
func ParseDestinationHash(s string) (h DestinationHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h DestinationHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h DestinationHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h DestinationHash) IsZero() bool { return h == DestinationHash{} }

// LogValue implements [slog.LogValuer].
func (h DestinationHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseIdentityHash reads an identity hash from exactly 32 hex characters.
func ParseIdentityHash(s string) (h IdentityHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h IdentityHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h IdentityHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h IdentityHash) IsZero() bool { return h == IdentityHash{} }

// LogValue implements [slog.LogValuer].
func (h IdentityHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseLinkID reads a link id from exactly 32 hex characters.
func ParseLinkID(s string) (h LinkID, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h LinkID) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h LinkID) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h LinkID) IsZero() bool { return h == LinkID{} }

// LogValue implements [slog.LogValuer].
func (h LinkID) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseRequestID reads a request id from exactly 32 hex characters.
func ParseRequestID(s string) (h RequestID, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h RequestID) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h RequestID) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h RequestID) IsZero() bool { return h == RequestID{} }

// LogValue implements [slog.LogValuer].
func (h RequestID) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseTruncatedHash reads a truncated hash from exactly 32 hex characters.
func ParseTruncatedHash(s string) (h TruncatedHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h TruncatedHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h TruncatedHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h TruncatedHash) IsZero() bool { return h == TruncatedHash{} }

// LogValue implements [slog.LogValuer].
func (h TruncatedHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseNameHash reads a name hash from exactly 20 hex characters.
func ParseNameHash(s string) (h NameHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h NameHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h NameHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h NameHash) IsZero() bool { return h == NameHash{} }

// LogValue implements [slog.LogValuer].
func (h NameHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseRatchetID reads a ratchet id from exactly 20 hex characters.
func ParseRatchetID(s string) (h RatchetID, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h RatchetID) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h RatchetID) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h RatchetID) IsZero() bool { return h == RatchetID{} }

// LogValue implements [slog.LogValuer].
func (h RatchetID) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParsePacketHash reads a packet hash from exactly 64 hex characters.
func ParsePacketHash(s string) (h PacketHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h PacketHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h PacketHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h PacketHash) IsZero() bool { return h == PacketHash{} }

// LogValue implements [slog.LogValuer].
func (h PacketHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseResourceHash reads a resource hash from exactly 64 hex characters.
func ParseResourceHash(s string) (h ResourceHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h ResourceHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h ResourceHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h ResourceHash) IsZero() bool { return h == ResourceHash{} }

// LogValue implements [slog.LogValuer].
func (h ResourceHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseInterfaceHash reads an interface hash from exactly 64 hex characters.
func ParseInterfaceHash(s string) (h InterfaceHash, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h InterfaceHash) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h InterfaceHash) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h InterfaceHash) IsZero() bool { return h == InterfaceHash{} }

// LogValue implements [slog.LogValuer].
func (h InterfaceHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseTunnelID reads a tunnel id from exactly 64 hex characters.
func ParseTunnelID(s string) (h TunnelID, err error) { return h, parseHash(h[:], s) }

// String returns the lower-case hex form.
func (h TunnelID) String() string { return hexString(h[:]) }

// Short returns the first 8 hex characters, for people.
func (h TunnelID) Short() string { return shortHex(h[:]) }

// IsZero reports whether h was never set.
func (h TunnelID) IsZero() bool { return h == TunnelID{} }

// LogValue implements [slog.LogValuer].
func (h TunnelID) LogValue() slog.Value { return slog.StringValue(h.String()) }
