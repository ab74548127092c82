// Package x25519 is key agreement on Curve25519 (RFC 7748), for keys that are used once or a few times. crypto/ecdh computes each public
// key with a second ladder, as dear as the agreement; here it is a multiplication of the fixed base point, at a third of that. All of
// it takes the same time whatever the keys are.
package x25519

import (
	"crypto/subtle"
	"errors"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// KeyLength is the length of private and public keys and of what is agreed on, in bytes.
const KeyLength = 32

var (
	// ErrKey means that a key is not 32 bytes long.
	ErrKey = errors.New("X25519 key is not 32 bytes long")
	// ErrLowOrder means that a public key is of low order: what is agreed on would be zero whatever the private key is.
	ErrLowOrder = errors.New("X25519 public key of low order")
)

// PrivateKey is a key pair. It is immutable and safe for use by several goroutines.
type PrivateKey struct{ private, public [KeyLength]byte }

// NewPrivateKey makes a key pair of 32 random bytes, which are copied. Another length is [ErrKey].
func NewPrivateKey(private []byte) (*PrivateKey, error) {
	if len(private) != KeyLength {
		return nil, ErrKey
	}
	k := &PrivateKey{private: [KeyLength]byte(private)}
	scalar, err := new(edwards25519.Scalar).SetBytesWithClamping(private)
	if err != nil {
		return nil, err
	}
	copy(k.public[:], new(edwards25519.Point).ScalarBaseMult(scalar).BytesMontgomery())
	return k, nil
}

// Bytes returns a copy of the 32-byte private key.
func (k *PrivateKey) Bytes() []byte { return append([]byte(nil), k.private[:]...) }

// PublicKey returns a copy of the 32-byte public key.
func (k *PrivateKey) PublicKey() []byte { return append([]byte(nil), k.public[:]...) }

// Agree returns the 32 bytes that both sides come to. A public key of another length is [ErrKey]; see also [ErrLowOrder].
func (k *PrivateKey) Agree(public []byte) ([]byte, error) {
	if len(public) != KeyLength {
		return nil, ErrKey
	}
	shared, err := multiply(k.private, public)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(shared, make([]byte, KeyLength)) == 1 {
		return nil, ErrLowOrder
	}
	return shared, nil
}

// multiply is the ladder of RFC 7748, section 5, with its names.
func multiply(k [KeyLength]byte, u []byte) ([]byte, error) {
	k[0] &= 248
	k[31] = k[31]&127 | 64
	var x1, x2, z2, x3, z3 field.Element
	var a, aa, b, bb, e, c, d, da, cb field.Element
	if _, err := x1.SetBytes(u); err != nil { // takes it modulo p, without the highest bit
		return nil, err
	}
	x2.One()
	x3.Set(&x1)
	z3.One()
	swap := 0
	for t := 254; t >= 0; t-- {
		bit := int(k[t/8]>>(t%8)) & 1
		swap ^= bit
		x2.Swap(&x3, swap)
		z2.Swap(&z3, swap)
		swap = bit

		a.Add(&x2, &z2)
		aa.Square(&a)
		b.Subtract(&x2, &z2)
		bb.Square(&b)
		e.Subtract(&aa, &bb)
		c.Add(&x3, &z3)
		d.Subtract(&x3, &z3)
		da.Multiply(&d, &a)
		cb.Multiply(&c, &b)
		x3.Square(x3.Add(&da, &cb))
		z3.Square(z3.Subtract(&da, &cb))
		z3.Multiply(&z3, &x1)
		x2.Multiply(&aa, &bb)
		z2.Mult32(&e, 121665)
		z2.Multiply(&e, z2.Add(&z2, &aa))
	}
	x2.Swap(&x3, swap)
	z2.Swap(&z3, swap)
	return x2.Multiply(&x2, z2.Invert(&z2)).Bytes(), nil
}
