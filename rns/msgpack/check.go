package msgpack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// Check walks over the first value in b and returns its length in bytes. It refuses what the reference refuses:
// values that are cut off, the reserved code, text that is not UTF-8, timestamps of a wrong length, maps as map keys
// and map keys that stand twice (also in another number type: 1, 1.0 and true are one key); and nesting deeper than
// [MaxDepth]. Its memory is at most proportional to the number of keys in one map.
func Check(b []byte) (int, error) {
	r := Reader{b: b}
	if err := r.check(0); err != nil {
		return 0, err
	}
	return r.pos, nil
}

// timestampType is the extension type of timestamps; they have 4, 8 or 12 bytes.
const timestampType = -1

func (r *Reader) check(depth int) error {
	switch r.Kind() {
	case KindNil, KindBool:
		r.pos++
		return nil
	case KindInt:
		_, _, rest, err := r.integer()
		return r.take(rest, err)
	case KindFloat:
		_, err := r.Float()
		return err
	case KindStr:
		_, err := r.strSpan()
		return err
	case KindBin:
		_, err := r.Bin()
		return err
	case KindExt:
		typ, v, err := r.Ext()
		if err == nil && typ == timestampType && len(v) != 4 && len(v) != 8 && len(v) != 12 {
			return fmt.Errorf("%w: timestamp of %d bytes", ErrMalformed, len(v))
		}
		return err
	case KindArray:
		n, err := r.Array()
		if err != nil {
			return err
		}
		if depth >= MaxDepth {
			return ErrTooDeep
		}
		for range n {
			if err := r.check(depth + 1); err != nil {
				return err
			}
		}
		return nil
	case KindMap:
		return r.checkMap(depth)
	}
	return r.expect(KindNil)
}

// seenKey is a key of a map that is being checked: where it stands, and a hash to sort by.
type seenKey struct {
	hash  uint64
	start int
}

func (r *Reader) checkMap(depth int) error {
	n, err := r.Map()
	if err != nil {
		return err
	}
	if depth >= MaxDepth {
		return ErrTooDeep
	}
	var few [8]seenKey
	var scratch [64]byte
	seen, seed := few[:0], maphash.MakeSeed()
	for range n {
		start := r.pos
		if err := r.check(depth + 1); err != nil {
			return err
		}
		key := Reader{b: r.b[:r.pos], pos: start}
		canonical, err := key.appendCanonical(scratch[:0])
		if err != nil {
			return err
		}
		seen = append(seen, seenKey{maphash.Bytes(seed, canonical), start})
		if err := r.check(depth + 1); err != nil {
			return err
		}
	}
	slices.SortFunc(seen, func(a, b seenKey) int {
		if a.hash < b.hash {
			return -1
		} else if a.hash > b.hash {
			return 1
		}
		return 0
	})
	for i := 1; i < len(seen); i++ {
		if seen[i].hash == seen[i-1].hash && r.sameKey(seen[i].start, seen[i-1].start) {
			return fmt.Errorf("%w: a key stands twice in a map", ErrMalformed)
		}
	}
	return nil
}

func (r *Reader) sameKey(a, b int) bool {
	ka, errA := (&Reader{b: r.b, pos: a}).appendCanonical(nil)
	kb, errB := (&Reader{b: r.b, pos: b}).appendCanonical(nil)
	return errA == nil && errB == nil && bytes.Equal(ka, kb)
}

// appendCanonical reads a map key that was checked already and appends a form of it that is equal for keys which the
// reference holds equal. Not-a-numbers are equal to nothing, so where they stand tells them apart.
func (r *Reader) appendCanonical(dst []byte) ([]byte, error) {
	kind := r.Kind()
	switch kind {
	case KindNil:
		return append(dst, byte(kind)), r.Nil()
	case KindBool:
		v, err := r.Bool()
		if v {
			return appendCanonicalInt(dst, false, 1), err
		}
		return appendCanonicalInt(dst, false, 0), err
	case KindInt:
		negative, bits, rest, err := r.integer()
		if err == nil {
			r.pos = len(r.b) - len(rest)
		}
		return appendCanonicalInt(dst, negative, bits), err
	case KindFloat:
		at := r.pos
		v, err := r.Float()
		switch {
		case v != v:
			return binary.BigEndian.AppendUint64(append(dst, byte(KindInvalid)), uint64(at)), err
		case v == math.Trunc(v) && v >= 0 && v < 1<<64:
			return appendCanonicalInt(dst, false, uint64(v)), err
		case v == math.Trunc(v) && v < 0 && v >= -1<<63:
			return appendCanonicalInt(dst, true, uint64(int64(v))), err
		}
		return binary.BigEndian.AppendUint64(append(dst, byte(kind)), math.Float64bits(v)), err
	case KindStr:
		v, err := r.strSpan()
		return appendCanonicalBytes(dst, kind, v), err
	case KindBin:
		v, err := r.Bin()
		return appendCanonicalBytes(dst, kind, v), err
	case KindExt:
		typ, v, err := r.Ext()
		return append(appendCanonicalBytes(dst, kind, v), byte(typ)), err
	case KindArray:
		n, err := r.Array()
		dst = binary.BigEndian.AppendUint32(append(dst, byte(kind)), uint32(n))
		for i := 0; i < n && err == nil; i++ {
			dst, err = r.appendCanonical(dst)
		}
		return dst, err
	}
	return dst, fmt.Errorf("%w: a %s cannot be a map key", ErrMalformed, kind)
}

func appendCanonicalInt(dst []byte, negative bool, bits uint64) []byte {
	sign := byte(0)
	if negative {
		sign = 1
	}
	return binary.BigEndian.AppendUint64(append(dst, byte(KindInt), sign), bits)
}

func appendCanonicalBytes(dst []byte, kind Kind, v []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, byte(kind)), uint32(len(v)))
	return append(dst, v...)
}
