package rns

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// HashName returns the name hash of app and its aspects: the first 10 bytes of SHA-256 of the full name. No part may
// contain a dot; see [CheckName].
func HashName(app string, aspects ...string) NameHash {
	full := FullHash([]byte(FullName(app, aspects...)))
	return NameHash(full[:NameHashLength])
}

// HashDestination returns the address of a destination: SINGLE and GROUP ones with the hash of their identity, PLAIN
// ones with nil. No part of the name may contain a dot; see [CheckName].
func HashDestination(id *IdentityHash, app string, aspects ...string) DestinationHash {
	return HashDestinationName(id, HashName(app, aspects...))
}

// HashDestinationName returns the address of a destination whose name is known by its hash only, as in announces.
func HashDestinationName(id *IdentityHash, name NameHash) DestinationHash {
	if id == nil {
		return TruncatedHashOf(name[:])
	}
	return TruncatedHashOf(name[:], id[:])
}

// FullName returns app and aspects joined by dots.
func FullName(app string, aspects ...string) string {
	if len(aspects) == 0 {
		return app
	}
	return app + "." + strings.Join(aspects, ".")
}

// SplitName splits a full name: its first part is the app name, the rest are the aspects.
func SplitName(full string) (app string, aspects []string) {
	parts := strings.Split(full, ".")
	return parts[0], parts[1:]
}

// CheckName returns [ErrBadName] when the app name or an aspect contains a dot or is not UTF-8. Empty parts are fine.
func CheckName(app string, aspects ...string) error {
	for _, part := range append([]string{app}, aspects...) {
		if strings.Contains(part, ".") || !utf8.ValidString(part) {
			return fmt.Errorf("%w: %q", ErrBadName, part)
		}
	}
	return nil
}

// IdentityHashFromBytes returns an identity hash of exactly 16 bytes; any other length is [ErrBadKey].
func IdentityHashFromBytes(b []byte) (h IdentityHash, err error) {
	if len(b) != len(h) {
		return h, fmt.Errorf("%w: identity hash of %d bytes, want %d", ErrBadKey, len(b), len(h))
	}
	return IdentityHash(b), nil
}

// DestinationAddress returns the address of a destination after checking the rules of its type (spec 1 §2.2): SINGLE
// and GROUP destinations have an identity ([ErrBadKey] without), PLAIN ones have none ([ErrBadKey] with), and LINK is
// no type of a destination that has a name ([ErrBadName]).
func DestinationAddress(typ DestinationType, id *PublicIdentity, app string, aspects ...string) (d DestinationHash, err error) {
	if err := CheckName(app, aspects...); err != nil {
		return d, err
	}
	switch {
	case typ > DestinationPlain:
		return d, fmt.Errorf("%w: %v destinations have none", ErrBadName, typ)
	case typ == DestinationPlain && id != nil:
		return d, fmt.Errorf("%w: PLAIN destinations have no identity", ErrBadKey)
	case typ == DestinationPlain:
		return HashDestination(nil, app, aspects...), nil
	case id == nil:
		return d, fmt.Errorf("%w: %v destinations need an identity", ErrBadKey, typ)
	}
	hash := id.Hash()
	return HashDestination(&hash, app, aspects...), nil
}
