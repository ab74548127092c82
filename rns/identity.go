package rns

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"io"

	"groupd/rns/internal/token"
	"groupd/rns/internal/x25519"
)

// PublicIdentity is the public half of an identity: what announces carry and what the hash of an identity names.
// It is immutable and safe for use by several goroutines. The zero value is not usable; see [NewPublicIdentity].
type PublicIdentity struct {
	public [PublicKeyLength]byte
	hash   IdentityHash
}

// NewPublicIdentity makes an identity of a 64-byte public key: X25519 key, then Ed25519 key. The bytes are copied.
// A wrong length is [ErrBadKey]; keys that cannot work show when they are used.
func NewPublicIdentity(public []byte) (*PublicIdentity, error) {
	if len(public) != PublicKeyLength {
		return nil, fmt.Errorf("%w: public key of %d bytes, want %d", ErrBadKey, len(public), PublicKeyLength)
	}
	p := &PublicIdentity{public: [PublicKeyLength]byte(public)}
	p.hash = TruncatedHashOf(p.public[:])
	return p, nil
}

// Hash returns the identity hash.
func (p *PublicIdentity) Hash() IdentityHash { return p.hash }

// PublicKey returns a copy of the 64-byte public key; it is also the content of a public identity file.
func (p *PublicIdentity) PublicKey() []byte { return append([]byte(nil), p.public[:]...) }

// EncryptionKey returns a copy of the 32-byte X25519 public key.
func (p *PublicIdentity) EncryptionKey() []byte {
	return append([]byte(nil), p.public[:X25519KeyLength]...)
}

// SigningKey returns a copy of the Ed25519 public key.
func (p *PublicIdentity) SigningKey() ed25519.PublicKey {
	return append(ed25519.PublicKey(nil), p.public[X25519KeyLength:]...)
}

// Equal reports whether both have the same public key. It is false when either is nil.
func (p *PublicIdentity) Equal(o *PublicIdentity) bool {
	return p != nil && o != nil && p.public == o.public
}

// Verify reports whether signature is this identity's signature of message. A signature of a wrong length is false.
func (p *PublicIdentity) Verify(message, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize &&
		ed25519.Verify(p.public[X25519KeyLength:], message, signature)
}

// Encrypt seals plaintext so that only the holder of the identity can read it, to its ratchet when one is given
// (32-byte X25519 public key; nil for none), else to its own key. It reads 32 bytes of ephemeral key and 16 bytes of
// IV from rand. The result is 80 bytes longer than the padded plaintext (spec 1 §1.7). Keys of low order and ratchets
// of another length are [ErrBadKey].
func (p *PublicIdentity) Encrypt(rand io.Reader, plaintext, ratchet []byte) ([]byte, error) {
	to := p.public[:X25519KeyLength]
	if ratchet != nil {
		to = ratchet
	}
	seed, err := randomBytes(rand, X25519KeyLength)
	if err != nil {
		return nil, err
	}
	ephemeral, err := x25519.NewPrivateKey(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	shared, err := ephemeral.Agree(to)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	key, err := p.deriveKey(shared)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, X25519KeyLength+token.SealedSize(len(plaintext)))
	out = append(out, ephemeral.PublicKey()...)
	return key.Seal(out, rand, plaintext)
}

// deriveKey makes the key of one packet from what was agreed on. The salt is the recipient's identity hash, also when a ratchet is used.
func (p *PublicIdentity) deriveKey(shared []byte) (*token.Key, error) {
	derived, err := token.HKDF(DerivedKeyLength, shared, p.hash[:], nil)
	if err != nil {
		return nil, err
	}
	return token.NewKey(derived)
}

// Identity holds the private keys of an identity. It is immutable and safe for use by several goroutines. It prints
// as its hash only. The zero value is not usable; see [NewIdentity] and [LoadIdentity].
type Identity struct {
	*PublicIdentity
	decryption *ecdh.PrivateKey
	signing    ed25519.PrivateKey
}

// NewIdentity makes a new identity of 64 bytes from rand.
func NewIdentity(rand io.Reader) (*Identity, error) {
	seed, err := randomBytes(rand, PrivateKeyLength)
	if err != nil {
		return nil, err
	}
	return LoadIdentity(seed)
}

// LoadIdentity makes an identity of its 64-byte private key: X25519 private key, then Ed25519 seed, which is also
// the content of an identity file. The bytes are copied. Any other length is [ErrBadKey].
func LoadIdentity(private []byte) (*Identity, error) {
	if len(private) != PrivateKeyLength {
		return nil, fmt.Errorf("%w: private key of %d bytes, want %d", ErrBadKey, len(private), PrivateKeyLength)
	}
	decryption, err := ecdh.X25519().NewPrivateKey(private[:X25519KeyLength])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	signing := ed25519.NewKeyFromSeed(private[X25519KeyLength:])
	public := append(decryption.PublicKey().Bytes(), signing[ed25519.SeedSize:]...)
	p, err := NewPublicIdentity(public)
	if err != nil {
		return nil, err
	}
	return &Identity{PublicIdentity: p, decryption: decryption, signing: signing}, nil
}

// Public returns the public half.
func (i *Identity) Public() *PublicIdentity { return i.PublicIdentity }

// PrivateKey returns a copy of the 64-byte private key. It is secret: it belongs in an identity file of mode 0600
// and nowhere else.
func (i *Identity) PrivateKey() []byte {
	return append(i.decryption.Bytes(), i.signing.Seed()...)
}

// Sign returns the 64-byte Ed25519 signature of message.
func (i *Identity) Sign(message []byte) []byte { return ed25519.Sign(i.signing, message) }

// Decrypt opens what [PublicIdentity.Encrypt] sealed. The ratchets (32-byte X25519 private keys, newest first) are
// tried in order, then the identity's own key, unless enforce is set. used is the id of the ratchet that fitted, zero
// for the own key. Ratchets of a wrong length are passed over. Every try costs one key agreement.
func (i *Identity) Decrypt(sealed []byte, ratchets [][]byte, enforce bool) (plaintext []byte, used RatchetID, ok bool) {
	plaintext, used, _, ok = i.decrypt(sealed, newRatchetKeys(ratchets), enforce)
	return plaintext, used, ok
}

// decrypt is Decrypt with keys that were read before. tried is how many keys were agreed on.
func (i *Identity) decrypt(sealed []byte, ratchets []ratchetKey, enforce bool) (plaintext []byte, used RatchetID, tried int, ok bool) {
	if len(sealed) <= X25519KeyLength || !token.Plausible(len(sealed)-X25519KeyLength) {
		return nil, used, 0, false
	}
	ephemeral, err := ecdh.X25519().NewPublicKey(sealed[:X25519KeyLength])
	if err != nil {
		return nil, used, 0, false
	}
	body := sealed[X25519KeyLength:]
	for _, r := range ratchets {
		tried++
		if plaintext, ok = i.openWith(r.private, ephemeral, body); ok {
			return plaintext, r.id, tried, true
		}
	}
	if enforce {
		return nil, used, tried, false
	}
	plaintext, ok = i.openWith(i.decryption, ephemeral, body)
	return plaintext, used, tried + 1, ok
}

func (i *Identity) openWith(private *ecdh.PrivateKey, ephemeral *ecdh.PublicKey, body []byte) ([]byte, bool) {
	shared, err := private.ECDH(ephemeral)
	if err != nil {
		return nil, false
	}
	key, err := i.deriveKey(shared)
	if err != nil {
		return nil, false
	}
	return key.Open(body)
}

// String returns the identity hash in hex, so that private keys never reach a log.
func (i *Identity) String() string { return i.hash.String() }

// GoString returns the same as String, so that %#v shows no keys either.
func (i *Identity) GoString() string { return "rns.Identity(" + i.hash.String() + ")" }
