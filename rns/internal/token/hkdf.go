// Package token is the symmetric half of the protocol's cryptography: the key derivation function, and the envelope
// that every encrypted payload travels in. It is pure: no clock, no state, randomness from a reader passed in.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
)

// ErrLength means that a derivation for less than one byte was asked for.
var ErrLength = errors.New("derived length must be at least 1")

// MaxDerived is the largest output HKDF gives, in bytes: one frame of the largest MTU that link signalling can name
// (21 bits), with an access code.
const MaxDerived = 1<<21 + 64

// HKDF derives length bytes from ikm (HKDF-SHA256 of RFC 5869, except that its block counter is one byte which wraps,
// so that there is no limit of 255 blocks; spec 1 §1.3). A missing or empty salt stands for 32 zero bytes. It fails
// with [ErrLength] for a length below 1 or above [MaxDerived].
func HKDF(length int, ikm, salt, context []byte) ([]byte, error) {
	if length < 1 || length > MaxDerived {
		return nil, ErrLength
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
