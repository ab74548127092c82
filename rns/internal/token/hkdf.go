// Package token is the symmetric half of the protocol's cryptography: the key derivation function, and the envelope
// that every encrypted payload travels in. It is pure: no clock, no state, randomness from a reader passed in.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
)

// Errors of [HKDF].
var (
	// ErrLength means that less than one byte, or more than [MaxDerived], was asked for.
	ErrLength = errors.New("derived length is out of range")
	// ErrNoInput means that there is no key material: nil, which is not the same as empty.
	ErrNoInput = errors.New("no key material to derive from")
)

// MaxDerived is the largest output HKDF gives, in bytes: one frame of the largest MTU that link signalling can name
// (21 bits), with an access code.
const MaxDerived = 1<<21 + 64

// HKDF derives length bytes from ikm (HKDF-SHA256 of RFC 5869, except that its block counter is one byte which wraps,
// so that there is no limit of 255 blocks; spec 1 §1.3). A missing or empty salt stands for 32 zero bytes. ikm may be
// empty, but not nil.
func HKDF(length int, ikm, salt, context []byte) ([]byte, error) {
	if length < 1 || length > MaxDerived {
		return nil, ErrLength
	}
	if ikm == nil {
		return nil, ErrNoInput
	}
	if len(salt) == 0 {
		salt = make([]byte, sha256.Size)
	}
	extract := hmac.New(sha256.New, salt)
	extract.Write(ikm)
	expand := hmac.New(sha256.New, extract.Sum(nil))
	out := make([]byte, 0, (length+sha256.Size-1)/sha256.Size*sha256.Size)
	var block []byte
	for counter := byte(1); len(out) < length; counter++ {
		expand.Reset()
		expand.Write(block)
		expand.Write(context)
		expand.Write([]byte{counter})
		start := len(out)
		out = expand.Sum(out)
		block = out[start:]
	}
	return out[:length:length], nil
}
