package rns

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"hash"

	"filippo.io/edwards25519"
)

// Verifier checks a signature over a message that is given to it piece by piece, such as one that does not fit in memory. It
// agrees with [PublicIdentity.Verify] in every case. It is not safe for use by several goroutines.
type Verifier struct {
	public    []byte
	signature []byte
	hash      hash.Hash // SHA-512 of R, public key, message
}

// NewVerifier starts checking a signature of 64 bytes by this identity. A signature of another length never is valid.
func (p *PublicIdentity) NewVerifier(signature []byte) *Verifier {
	v := &Verifier{public: p.public[X25519KeyLength:], signature: bytes.Clone(signature), hash: sha512.New()}
	if len(signature) == ed25519.SignatureSize {
		v.hash.Write(signature[:ed25519.SignatureSize/2])
		v.hash.Write(v.public)
	}
	return v
}

// Write adds to the message. It never fails.
func (v *Verifier) Write(b []byte) (int, error) { return v.hash.Write(b) }

// Valid reports whether the signature is the identity's over what was written so far: S·B − k·A is R (RFC 8032 §5.1.7,
// without cofactor, R compared as bytes).
func (v *Verifier) Valid() bool {
	const half = ed25519.SignatureSize / 2
	if len(v.signature) != ed25519.SignatureSize {
		return false
	}
	a, err := new(edwards25519.Point).SetBytes(v.public)
	if err != nil {
		return false
	}
	k, err := edwards25519.NewScalar().SetUniformBytes(v.hash.Sum(nil))
	if err != nil {
		return false
	}
	s, err := edwards25519.NewScalar().SetCanonicalBytes(v.signature[half:])
	if err != nil {
		return false
	}
	r := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(k, a.Negate(a), s)
	return bytes.Equal(v.signature[:half], r.Bytes())
}
