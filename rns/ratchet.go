package rns

import (
	"crypto/ecdh"
	"fmt"
	"io"
	"slices"
	"time"

	"groupd/rns/msgpack"
)

// Defaults of [RatchetConfig].
const (
	DefaultRatchetInterval = 24 * time.Hour
	DefaultRatchetKeep     = 512 // as many as the reference keeps
	DefaultRatchetMaxAge   = 90 * 24 * time.Hour

	// ratchetsExpiredPerRotation bounds how many ratchets one rotation drops for their age, so that a clock that
	// jumped forward does not cost them all at once.
	ratchetsExpiredPerRotation = 2
	// maxRatchetFile bounds how many ratchets a file may hold, whoever wrote it.
	maxRatchetFile = 4096
)

// RatchetConfig says how the ratchets of a destination of ours are rotated and kept. Zero values take the defaults.
type RatchetConfig struct {
	// Interval is the least time between two rotations. A rotation happens only when the destination announces.
	Interval time.Duration
	// Keep is how many ratchets are kept, the one in use included.
	Keep int
	// MaxAge is how long a ratchet is kept after a newer one took its place. At most two are dropped for their age
	// per rotation, so that a jump of the clock does no harm.
	MaxAge time.Duration
	// Enforce refuses packets that were encrypted to the identity's own key.
	Enforce bool
}

func (c RatchetConfig) withDefaults() RatchetConfig {
	if c.Interval <= 0 {
		c.Interval = DefaultRatchetInterval
	}
	if c.Keep <= 0 {
		c.Keep = DefaultRatchetKeep
	}
	c.Keep = min(c.Keep, maxRatchetFile)
	if c.MaxAge <= 0 {
		c.MaxAge = DefaultRatchetMaxAge
	}
	return c
}

// OwnRatchet is one ratchet of a destination of ours.
type OwnRatchet struct {
	Private [RatchetLength]byte
	// Created is when it was made; zero when that is not known (a file of the reference does not say).
	Created time.Time
}

// RatchetPublic returns the 32-byte public key of a 32-byte ratchet private key. Another length is [ErrBadKey].
func RatchetPublic(private []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("%w: ratchet: %w", ErrBadKey, err)
	}
	return key.PublicKey().Bytes(), nil
}

// RotateRatchets is called when a destination announces. It returns the list, newest first, that holds from now on,
// and whether it is another one: with a new ratchet of 32 bytes from rand when there is none or the newest is at least
// the interval old, made at a time that is not known, or made in the future. It drops what is over the number to keep,
// and at most two of those that are too old. The list passed in is not changed. It is pure.
func RotateRatchets(list []OwnRatchet, c RatchetConfig, now time.Time, rand io.Reader) (rotated []OwnRatchet, changed bool, err error) {
	c = c.withDefaults()
	if len(list) > 0 {
		newest := list[0].Created
		if !newest.IsZero() && !newest.After(now) && now.Sub(newest) < c.Interval {
			return list, false, nil
		}
	}
	fresh := OwnRatchet{Created: now}
	if _, err := io.ReadFull(rand, fresh.Private[:]); err != nil {
		return list, false, fmt.Errorf("new ratchet: %w", err)
	}
	rotated = append(append(make([]OwnRatchet, 0, len(list)+1), fresh), list...)
	for dropped := 0; len(rotated) > 1 && dropped < ratchetsExpiredPerRotation; dropped++ {
		// A ratchet was in use until the next newer one was made.
		replaced := rotated[len(rotated)-2].Created
		if replaced.IsZero() || now.Sub(replaced) <= c.MaxAge {
			break
		}
		rotated = rotated[:len(rotated)-1]
	}
	return rotated[:min(len(rotated), c.Keep)], true, nil
}

// RatchetKeys returns the private keys of a list in its order, as [Identity.Decrypt] takes them.
func RatchetKeys(list []OwnRatchet) [][]byte {
	keys := make([][]byte, len(list))
	for i := range list {
		keys[i] = slices.Clone(list[i].Private[:])
	}
	return keys
}

// ratchetKey is a ratchet of ours ready for use: reading a private key costs about as much as agreeing on one.
type ratchetKey struct {
	private *ecdh.PrivateKey
	id      RatchetID
}

// newRatchetKeys reads 32-byte private keys. Those of a wrong length are left out.
func newRatchetKeys(private [][]byte) []ratchetKey {
	keys := make([]ratchetKey, 0, len(private))
	for _, p := range private {
		if key, err := ecdh.X25519().NewPrivateKey(p); err == nil {
			keys = append(keys, ratchetKey{key, RatchetIDOf(key.PublicKey().Bytes())})
		}
	}
	return keys
}

// Keys of the ratchet file. The reference writes and reads the first two; it ignores the third, which is ours.
const (
	ratchetFileSignature = "signature"
	ratchetFileRatchets  = "ratchets"
	ratchetFileCreated   = "created"
)

// PackOwnRatchets packs a list, newest first, as the ratchet file of Reticulum (spec 1 §1.9): a map of the packed
// private keys and their signature by the destination's identity. Beside it stand the times they were made, in Unix
// seconds, 0 for unknown. The result holds private keys.
func PackOwnRatchets(id *Identity, list []OwnRatchet) []byte {
	keys := msgpack.AppendArray(nil, len(list))
	created := msgpack.AppendArray(nil, len(list))
	for _, r := range list {
		keys = msgpack.AppendBin(keys, r.Private[:])
		seconds := int64(0)
		if !r.Created.IsZero() {
			seconds = r.Created.Unix()
		}
		created = msgpack.AppendInt(created, seconds)
	}
	file := msgpack.AppendMap(nil, 3)
	file = msgpack.AppendBin(msgpack.AppendStr(file, ratchetFileSignature), id.Sign(keys))
	file = msgpack.AppendBin(msgpack.AppendStr(file, ratchetFileRatchets), keys)
	return append(msgpack.AppendStr(file, ratchetFileCreated), created...)
}

// ParseOwnRatchets reads a ratchet file, ours or the reference's, and checks its signature. It fails with
// [ErrMalformed] or [ErrBadSignature]. Times that are missing or do not fit are left zero.
func ParseOwnRatchets(id *PublicIdentity, file []byte) ([]OwnRatchet, error) {
	entries, ok := msgpack.Raw(file).Map()
	if !ok {
		return nil, fmt.Errorf("%w: ratchet file", ErrMalformed)
	}
	var signature, keys []byte
	var created msgpack.Raw
	for _, e := range entries {
		name, _ := e.Key.Str()
		switch name {
		case ratchetFileSignature:
			signature, _ = e.Value.Bin()
		case ratchetFileRatchets:
			keys, _ = e.Value.Bin()
		case ratchetFileCreated:
			created = e.Value
		}
	}
	if !id.Verify(keys, signature) {
		return nil, fmt.Errorf("ratchet file: %w", ErrBadSignature)
	}
	r := msgpack.NewReader(keys)
	n, err := r.Array()
	if err != nil {
		return nil, fmt.Errorf("%w: ratchet file: %w", ErrMalformed, err)
	}
	if n > maxRatchetFile {
		return nil, fmt.Errorf("%w: ratchet file of %d ratchets: %w", ErrMalformed, n, ErrTooLarge)
	}
	list := make([]OwnRatchet, n)
	for i := range list {
		if err := r.BinInto(list[i].Private[:]); err != nil {
			return nil, fmt.Errorf("%w: ratchet file: %w", ErrMalformed, err)
		}
	}
	readCreated(list, created)
	return list, nil
}

func readCreated(list []OwnRatchet, created msgpack.Raw) {
	r := msgpack.NewReader(created)
	if r.ArrayOf(len(list)) != nil {
		return
	}
	for i := range list {
		seconds, err := r.Int()
		if err != nil {
			return
		}
		if seconds > 0 {
			list[i].Created = time.Unix(seconds, 0)
		}
	}
}
