// Package workblock is the proof of work under LXMF's stamps: a block of pseudo-random data is expanded from an id, and
// a stamp is 32 bytes which, hashed behind the block, give a small number (LXMF specification, stamps).
//
// The block is constant for one id and its length is a multiple of SHA-256's block size, so the hash state behind it
// is kept and every attempt costs one compression instead of thousands. Expanding the block is what verification costs:
// some ten milliseconds for a message. Both operations stop when their context ends, and both give way to other goroutines
// every few hundred microseconds, so that a machine which works at a stamp with all cores goes on answering.
package workblock

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Wire constants.
const (
	// StampLength is the length of a stamp, in bytes.
	StampLength = 32
	// RoundLength is the number of bytes that one round adds to a block.
	RoundLength = 256
	// MaxValue is the value of a hash of zeros only.
	MaxValue = 256
)

// checkEvery is the number of rounds, and searchBatch the number of attempts, between two looks at the context. There the
// other goroutines get the processor as well: a tenth of a millisecond of work with SHA extensions, a few without.
const (
	checkEvery  = 64
	searchBatch = 1024
)

// errNoState says that this build's SHA-256 cannot save its state; Go's always can.
var errNoState = errors.New("workblock: the hash cannot save its state")

// Block is the saved hash state behind one work block. It is immutable and safe for use by several goroutines.
type Block struct {
	state []byte
}

// Expand computes the block of material over the given number of rounds and keeps the hash state behind it. It uses
// constant memory. It returns the context's error when that ends first.
func Expand(ctx context.Context, material []byte, rounds int) (*Block, error) {
	sum := sha256.New()
	if err := WriteTo(ctx, sum, material, rounds); err != nil {
		return nil, err
	}
	m, ok := sum.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errNoState
	}
	state, err := m.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("workblock: save state: %w", err)
	}
	return &Block{state: state}, nil
}

// WriteTo writes the block itself: rounds times [RoundLength] bytes. Round n is HKDF-SHA256 of the material without
// info, with the salt SHA-256(material ‖ msgpack(n)).
func WriteTo(ctx context.Context, w io.Writer, material []byte, rounds int) error {
	var e expander
	if err := e.init(); err != nil {
		return err
	}
	for n := range rounds {
		if n%checkEvery == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			runtime.Gosched()
		}
		if _, err := w.Write(e.round(material, n)); err != nil {
			return err
		}
	}
	return nil
}

// restorable is a hash whose state can be saved and put back.
type restorable interface {
	hash.Hash
	encoding.BinaryUnmarshaler
	encoding.BinaryAppender
}

// expander holds the buffers of an expansion, so that the thousands of rounds allocate nothing.
type expander struct {
	h            restorable
	inner, outer []byte                    // saved states behind the two padded keys of HMAC
	flips        [2][sha256.BlockSize]byte // HMAC's two constants
	pad          [sha256.BlockSize]byte
	sum          [sha256.Size]byte
	out          [RoundLength]byte
	counter      [1]byte
	scratch      []byte
}

func (e *expander) init() error {
	h, ok := sha256.New().(restorable)
	if !ok {
		return errNoState
	}
	e.h = h
	for i, flip := range [2]byte{0x36, 0x5c} {
		for j := range e.flips[i] {
			e.flips[i][j] = flip
		}
	}
	return nil
}

// setKey prepares HMAC with a 32-byte key.
func (e *expander) setKey(key []byte) {
	for i := range e.flips {
		n := subtle.XORBytes(e.pad[:], key, e.flips[i][:])
		copy(e.pad[n:], e.flips[i][n:])
		e.h.Reset()
		e.h.Write(e.pad[:])
		// AppendBinary of SHA-256 does not fail.
		if i == 0 {
			e.inner, _ = e.h.AppendBinary(e.inner[:0])
		} else {
			e.outer, _ = e.h.AppendBinary(e.outer[:0])
		}
	}
}

// mac sets e.sum to the HMAC of the parts.
func (e *expander) mac(a, b []byte) {
	_ = e.h.UnmarshalBinary(e.inner) // our own state: cannot fail
	e.h.Write(a)
	e.h.Write(b)
	e.h.Sum(e.sum[:0])
	_ = e.h.UnmarshalBinary(e.outer)
	e.h.Write(e.sum[:])
	e.h.Sum(e.sum[:0])
}

func (e *expander) round(material []byte, n int) []byte {
	e.scratch = appendUint(append(e.scratch[:0], material...), n)
	e.h.Reset()
	e.h.Write(e.scratch)
	e.h.Sum(e.sum[:0])
	e.setKey(e.sum[:]) // extract: the salt is the key
	e.mac(material, nil)
	e.setKey(e.sum[:]) // expand: the pseudo-random key
	e.counter[0] = 1
	e.mac(e.counter[:], nil)
	copy(e.out[:], e.sum[:])
	for i := sha256.Size; i < RoundLength; i += sha256.Size {
		e.counter[0]++
		e.mac(e.out[i-sha256.Size:i], e.counter[:])
		copy(e.out[i:], e.sum[:])
	}
	return e.out[:]
}

// appendUint appends n as msgpack writes it, in its shortest form.
func appendUint(b []byte, n int) []byte {
	switch {
	case n < 1<<7:
		return append(b, byte(n))
	case n < 1<<8:
		return append(b, 0xcc, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(n))
	}
}

// Sum returns SHA-256(block ‖ stamp), for a stamp of any length.
func (b *Block) Sum(stamp []byte) (sum [sha256.Size]byte) {
	h := b.attempt()
	h.Write(stamp)
	h.Sum(sum[:0])
	return sum
}

func (b *Block) attempt() restorable {
	h := sha256.New().(restorable) // Expand has checked that it is
	_ = h.UnmarshalBinary(b.state)
	return h
}

// Value returns the number of leading zero bits of the stamp's sum.
func (b *Block) Value(stamp []byte) int { return LeadingZeros(b.Sum(stamp)) }

// LeadingZeros counts the leading zero bits of a sum, up to [MaxValue].
func LeadingZeros(sum [sha256.Size]byte) int {
	for i, c := range sum {
		if c != 0 {
			return 8*i + bits.LeadingZeros8(c)
		}
	}
	return MaxValue
}

// Meets reports whether a sum satisfies a cost: sum ≤ 2^(256−cost), read big-endian. Equality counts, so one sum whose
// value is cost−1 passes. A cost of zero or less is met by every sum, one over 256 by none.
func Meets(sum [sha256.Size]byte, cost int) bool {
	zeros := LeadingZeros(sum)
	switch {
	case cost > MaxValue:
		return false
	case zeros >= cost:
		return true
	case zeros < cost-1:
		return false
	}
	// Exactly the bit of 2^(256-cost) is the first one set: equal only when all behind it are zero.
	sum[zeros/8] &^= 0x80 >> (zeros % 8)
	return sum == [sha256.Size]byte{}
}

// Search looks for a stamp that meets cost, starting from random bytes, with the given number of goroutines (at least
// one). It takes 2^cost attempts on average and ends early only with the context, whose error it returns. All its
// goroutines have ended when it returns.
func (b *Block) Search(ctx context.Context, rand io.Reader, cost, workers int) (stamp [StampLength]byte, err error) {
	if cost > MaxValue {
		return stamp, fmt.Errorf("workblock: cost %d can never be met", cost)
	}
	if _, err := io.ReadFull(rand, stamp[:]); err != nil {
		return stamp, fmt.Errorf("workblock: random bytes: %w", err)
	}
	var (
		wg    sync.WaitGroup
		done  atomic.Bool
		once  sync.Once
		found [StampLength]byte
	)
	for w := range max(workers, 1) {
		start := stamp
		start[0] ^= byte(w) // each worker counts in a range of its own
		start[1] ^= byte(w >> 8)
		wg.Go(func() {
			h := sha256.New().(restorable)
			var sum [sha256.Size]byte
			for n := uint64(0); ; n++ {
				if n%searchBatch == 0 {
					if done.Load() || ctx.Err() != nil {
						return
					}
					runtime.Gosched()
				}
				counter := binary.BigEndian.Uint64(start[StampLength-8:]) + 1
				binary.BigEndian.PutUint64(start[StampLength-8:], counter)
				_ = h.UnmarshalBinary(b.state)
				h.Write(start[:])
				h.Sum(sum[:0])
				if Meets(sum, cost) {
					once.Do(func() { found = start })
					done.Store(true)
					return
				}
			}
		})
	}
	wg.Wait()
	if !done.Load() {
		return stamp, ctx.Err()
	}
	return found, nil
}
