// Package ifac masks and unmasks frames with interface access codes: what keeps those out who do not know the network
// name and passphrase of an interface. It is pure.
package ifac

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"groupd/rns/internal/token"
)

// Sizes in bytes.
const (
	// MaxSize is the largest access code: a whole signature.
	MaxSize = ed25519.SignatureSize
	// KeyLength is the length of the key that name and passphrase make: an X25519 half that is not used, and the
	// Ed25519 seed that signs.
	KeyLength = 64

	headLength = 2    // flags and hops come before the code
	flagBit    = 0x80 // of the flags: an access code follows
)

// salt is the protocol's fixed salt (IFAC_SALT; spec 1 §5.1).
const salt = "\xad\xf5\x4d\x88\x2c\x9a\x9b\x80\x77\x1e\xb4\x99\x5d\x70\x2d\x4a\x3e\x73\x33\x91\xb2\xa0\xf5\x3f\x41\x6d\x9f\x90\x7e\x55\xcf\xf8"

// ErrConfig means that neither name nor passphrase is set, or that the size is not 1 to 64 bytes.
var ErrConfig = errors.New("interface access code")

// Code masks and unmasks the frames of one interface. It is immutable and safe for use by several goroutines. A nil
// *Code stands for an open interface.
type Code struct {
	key     []byte
	signing ed25519.PrivateKey
	size    int
}

// New derives the key of a network name and passphrase, of which one may be empty, for codes of size bytes (1 to 64).
func New(networkName, passphrase string, size int) (*Code, error) {
	if size < 1 || size > MaxSize {
		return nil, fmt.Errorf("%w: size of %d bytes, want 1 to %d", ErrConfig, size, MaxSize)
	}
	if networkName == "" && passphrase == "" {
		return nil, fmt.Errorf("%w: neither network name nor passphrase", ErrConfig)
	}
	var origin []byte
	for _, part := range []string{networkName, passphrase} {
		if part != "" {
			sum := sha256.Sum256([]byte(part))
			origin = append(origin, sum[:]...)
		}
	}
	// Hashed again, also when only one part is set.
	material := sha256.Sum256(origin)
	key, err := token.HKDF(KeyLength, material[:], []byte(salt), nil)
	if err != nil {
		return nil, err
	}
	return &Code{key: key, signing: ed25519.NewKeyFromSeed(key[KeyLength/2:]), size: size}, nil
}

// Size returns the length of the code in bytes: by how much frames are longer than packets. It is 0 for nil.
func (c *Code) Size() int {
	if c == nil {
		return 0
	}
	return c.size
}

// Signature returns the 64 bytes by which people compare access codes, as rnstatus shows them: the signature of the hash of
// the key.
func (c *Code) Signature() []byte {
	sum := sha256.Sum256(c.key)
	return ed25519.Sign(c.signing, sum[:])
}

// Mask returns the frame for a packet, in a new slice: the packet itself when c is nil. Packets are at least 2 bytes
// long; a shorter one gives nil.
func (c *Code) Mask(packet []byte) []byte {
	if c == nil {
		return append([]byte(nil), packet...)
	}
	if len(packet) < headLength {
		return nil
	}
	code := c.sign(packet)
	mask, err := c.mask(code, len(packet)+c.size)
	if err != nil {
		return nil
	}
	frame := make([]byte, 0, len(packet)+c.size)
	frame = append(frame, packet[:headLength]...)
	frame = append(frame, code...)
	frame = append(frame, packet[headLength:]...)
	c.apply(frame, mask)
	frame[0] |= flagBit
	return frame
}

// Unmask returns the packet of a frame in a new slice. ok is false for frames that must be dropped without a trace:
// those of 2 bytes and less, those without a right code, and on an open interface (nil) those with any.
func (c *Code) Unmask(frame []byte) (packet []byte, ok bool) {
	if len(frame) <= headLength+c.Size() || (frame[0]&flagBit != 0) != (c != nil) {
		return nil, false
	}
	if c == nil {
		return append([]byte(nil), frame...), true
	}
	code := frame[headLength : headLength+c.size]
	mask, err := c.mask(code, len(frame))
	if err != nil {
		return nil, false
	}
	clear := append([]byte(nil), frame...)
	c.apply(clear, mask)
	packet = append(clear[:headLength], clear[headLength+c.size:]...)
	packet[0] &^= flagBit
	if subtle.ConstantTimeCompare(c.sign(packet), code) != 1 {
		return nil, false
	}
	return packet, true
}

// sign returns the code of a packet: the end of its signature.
func (c *Code) sign(packet []byte) []byte {
	signature := ed25519.Sign(c.signing, packet)
	return signature[len(signature)-c.size:]
}

func (c *Code) mask(code []byte, length int) ([]byte, error) {
	return token.HKDF(length, code, c.key, nil)
}

// apply masks or unmasks everything but the code itself.
func (c *Code) apply(frame, mask []byte) {
	subtle.XORBytes(frame[:headLength], frame[:headLength], mask)
	rest := headLength + c.size
	subtle.XORBytes(frame[rest:], frame[rest:], mask[rest:])
}
