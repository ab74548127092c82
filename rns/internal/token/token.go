package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Lengths in bytes (spec 1 §1.5).
const (
	KeyLength256 = 64 // HMAC key 32, AES-256 key 32
	KeyLength128 = 32 // legacy: HMAC key 16, AES-128 key 16
	IVLength     = aes.BlockSize
	MACLength    = sha256.Size
	Overhead     = IVLength + MACLength // padding not counted
	minLength    = Overhead + aes.BlockSize
)

// ErrKey means that a key is neither 64 nor 32 bytes long.
var ErrKey = errors.New("token key is neither 64 nor 32 bytes")

// SealedSize returns the length in bytes of the token for n bytes of plaintext.
func SealedSize(n int) int { return Overhead + (n/aes.BlockSize+1)*aes.BlockSize }

// Plausible reports whether a token can have n bytes. Those that cannot need no key derived.
func Plausible(n int) bool { return n >= minLength && n%aes.BlockSize == 0 }

// Key seals and opens tokens. It is immutable and safe for use by several goroutines.
type Key struct {
	block   cipher.Block
	signing []byte
}

// NewKey splits key, 64 bytes (AES-256) or 32 bytes (AES-128, legacy), into its signing half and its encryption half.
// The bytes are copied. Other lengths are [ErrKey].
func NewKey(key []byte) (*Key, error) {
	if len(key) != KeyLength256 && len(key) != KeyLength128 {
		return nil, ErrKey
	}
	half := len(key) / 2
	block, err := aes.NewCipher(key[half:])
	if err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	return &Key{block: block, signing: append([]byte(nil), key[:half]...)}, nil
}

// Seal encrypts plaintext under a fresh 16-byte IV from rand and appends the token (IV, ciphertext, HMAC) to dst.
// The only error is that of rand.
func (k *Key) Seal(dst []byte, rand io.Reader, plaintext []byte) ([]byte, error) {
	size := SealedSize(len(plaintext))
	start := len(dst)
	if cap(dst)-start < size {
		grown := make([]byte, start, start+size)
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:start+size-MACLength]
	sealed := dst[start:]
	body := sealed[IVLength:]
	n := copy(body, plaintext)
	for i, pad := n, byte(len(body)-n); i < len(body); i++ {
		body[i] = pad
	}
	iv := sealed[:IVLength]
	if _, err := io.ReadFull(rand, iv); err != nil {
		return nil, fmt.Errorf("token iv: %w", err)
	}
	cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(body, body)
	mac := hmac.New(sha256.New, k.signing)
	mac.Write(sealed)
	return mac.Sum(dst), nil
}

// Open checks and decrypts a token into a new slice. ok is false when it is too short, was made with another key or
// was changed. Only the last byte of the padding is looked at, as the reference does (spec 1 §1.4).
func (k *Key) Open(token []byte) (plaintext []byte, ok bool) { return k.open(token, false) }

// OpenInPlace is Open into the memory of the token, which is lost.
func (k *Key) OpenInPlace(token []byte) (plaintext []byte, ok bool) { return k.open(token, true) }

func (k *Key) open(token []byte, inPlace bool) (plaintext []byte, ok bool) {
	if !Plausible(len(token)) {
		return nil, false
	}
	signed := token[:len(token)-MACLength]
	mac := hmac.New(sha256.New, k.signing)
	mac.Write(signed)
	var sum [MACLength]byte
	if !hmac.Equal(mac.Sum(sum[:0]), token[len(signed):]) {
		return nil, false
	}
	body := signed[IVLength:]
	if !inPlace {
		body = make([]byte, len(body))
	}
	cipher.NewCBCDecrypter(k.block, signed[:IVLength]).CryptBlocks(body, signed[IVLength:])
	pad := int(body[len(body)-1])
	if pad > aes.BlockSize {
		return nil, false
	}
	return body[:len(body)-pad], true
}
