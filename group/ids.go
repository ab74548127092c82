package group

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
)

// Lengths in bytes.
const (
	PublicKeySize = 64 // X25519 key, then Ed25519 key
	RatchetSize   = 32 // an X25519 key
	SaltSize      = 32 // of an entry's digest
	MaxClientID   = 32 // of a request's own id
)

// IdentityHash names an identity: the first 16 bytes of SHA-256 over its public key.
type IdentityHash [16]byte

// Address is the destination hash of an identity's lxmf.delivery: what people see, copy and type.
type Address [16]byte

// AnyHash is what a person typed where 32 hex digits were asked for: an identity hash or an address, nobody knows which
// until a matching identity appears.
type AnyHash [16]byte

// MessageID is LXMF's hash of a message. The zero value means none.
type MessageID [32]byte

// Hash is a SHA-256 in the chain of entries.
type Hash [32]byte

// SeenID is the keyed hash under which an accepted message or command is remembered for good.
type SeenID [16]byte

// GroupID is the short name that joins configuration and database ("main"); it never changes.
type GroupID string

// Seq numbers the entries of a group from 1. 0 means none.
type Seq uint64

// Rev is the group's change counter. 0 is before everything.
type Rev uint64

// Generation is the random number of a database's life.
type Generation uint64

func (h IdentityHash) String() string { return hex.EncodeToString(h[:]) }
func (h Address) String() string      { return hex.EncodeToString(h[:]) }
func (h AnyHash) String() string      { return hex.EncodeToString(h[:]) }
func (h MessageID) String() string    { return hex.EncodeToString(h[:]) }
func (h Hash) String() string         { return hex.EncodeToString(h[:]) }

// Short is the first 8 hex digits, for people.
func (h IdentityHash) Short() string { return hex.EncodeToString(h[:4]) }

// Short is the first 8 hex digits, for people.
func (h Address) Short() string { return hex.EncodeToString(h[:4]) }

// Short is the first 8 hex digits, for people.
func (h AnyHash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether no identity is named.
func (h IdentityHash) IsZero() bool { return h == IdentityHash{} }

// IsZero reports whether no address is named.
func (h Address) IsZero() bool { return h == Address{} }

// IsZero reports whether nothing is named.
func (h AnyHash) IsZero() bool { return h == AnyHash{} }

// IsZero reports whether there is no message id.
func (h MessageID) IsZero() bool { return h == MessageID{} }

// LogValue makes logs show the short form.
func (h IdentityHash) LogValue() slog.Value { return slog.StringValue(h.Short()) }

// LogValue makes logs show the short form.
func (h Address) LogValue() slog.Value { return slog.StringValue(h.Short()) }

// ParseAnyHash reads 32 hex digits, upper or lower case, with or without the marks people copy along: angle brackets,
// "lxmf@", "lxmf://", "lxma://" and a public key after a colon.
func ParseAnyHash(s string) (AnyHash, bool) {
	s = strings.Trim(strings.ToLower(strings.TrimSpace(s)), "<>")
	for _, prefix := range []string{"lxmf@", "lxmf://", "lxma://"} {
		s = strings.TrimPrefix(s, prefix)
	}
	s, _, _ = strings.Cut(s, ":")
	var h AnyHash
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(h) {
		return AnyHash{}, false
	}
	copy(h[:], raw)
	return h, true
}

// IdentityOf is the identity hash of a 64-byte public key.
func IdentityOf(publicKey []byte) (IdentityHash, error) {
	var h IdentityHash
	if len(publicKey) != PublicKeySize {
		return h, fmt.Errorf("public key has %d bytes, not %d", len(publicKey), PublicKeySize)
	}
	sum := sha256.Sum256(publicKey)
	copy(h[:], sum[:])
	return h, nil
}

// AddressOf is the lxmf.delivery destination hash of an identity: the first 16 bytes of SHA-256 over the first 10 bytes
// of SHA-256("lxmf.delivery"), then the identity hash (Reticulum manual, destinations).
func AddressOf(id IdentityHash) Address {
	name := sha256.Sum256([]byte("lxmf.delivery"))
	sum := sha256.Sum256(append(name[:10:10], id[:]...))
	var a Address
	copy(a[:], sum[:])
	return a
}

// Names reports whether h is this identity or its address.
func (h AnyHash) Names(id IdentityHash) bool {
	if h.IsZero() {
		return false
	}
	a := AddressOf(id)
	return bytes.Equal(h[:], id[:]) || bytes.Equal(h[:], a[:])
}
