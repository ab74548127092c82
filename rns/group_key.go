package rns

import "io"

// NewGroupKey returns a new symmetric key for a GROUP destination: 64 bytes from rand (AES-256). Everyone who has it
// reads and writes; keys of 32 bytes, which older peers may use, select AES-128 (spec 1 §1.8).
func NewGroupKey(rand io.Reader) ([]byte, error) { return randomBytes(rand, GroupKeyLength) }
