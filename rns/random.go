package rns

import (
	"fmt"
	"io"
)

// randomBytes reads n bytes from rand.
func randomBytes(rand io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	return b, nil
}

// newRandomHash returns what the protocol calls a random hash: 16 bytes made of 16 fresh random ones (tags of path
// requests, tunnel nonces; spec 1 §1.2).
func newRandomHash(rand io.Reader) (TruncatedHash, error) {
	b, err := randomBytes(rand, TruncatedHashLength)
	if err != nil {
		return TruncatedHash{}, err
	}
	return TruncatedHashOf(b), nil
}
