// Package msgpack writes MessagePack byte for byte as the reference implementations of Reticulum and LXMF do, and
// reads it from strangers without trusting its counts. There is no reflection: callers append and read value by
// value, and keep the raw spans of what was received, since signatures and hashes run over those.
//
// Written forms: integers shortest, non-negative ones always unsigned; floats always 64 bit; bytes as bin and text
// as str, shortest. bin and str are different things (spec 2 §0.3).
package msgpack

import (
	"encoding/binary"
	"math"

	"github.com/tinylib/msgp/msgp"
)

// Codes of the format that the low-level library keeps to itself.
const (
	codeNil      = 0xc0
	codeReserved = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt16    = 0xc8
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4
	codeFixExt16 = 0xd8
	codeStr8     = 0xd9
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf
)

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return msgp.AppendNil(b) }

// AppendBool appends a truth value.
func AppendBool(b []byte, v bool) []byte { return msgp.AppendBool(b, v) }

// AppendInt appends an integer in its shortest form; from 0 up that is an unsigned one.
func AppendInt(b []byte, v int64) []byte {
	if v >= 0 {
		return msgp.AppendUint64(b, uint64(v))
	}
	return msgp.AppendInt64(b, v)
}

// AppendUint appends an unsigned integer in its shortest form.
func AppendUint(b []byte, v uint64) []byte { return msgp.AppendUint64(b, v) }

// AppendFloat appends a 64-bit float, whatever its value.
func AppendFloat(b []byte, v float64) []byte { return msgp.AppendFloat64(b, v) }

// AppendBin appends bytes. A nil slice is written as zero bytes, not as nil.
func AppendBin(b, v []byte) []byte { return msgp.AppendBytes(b, v) }

// AppendStr appends text, which should be UTF-8; readers refuse it otherwise.
func AppendStr(b []byte, v string) []byte { return msgp.AppendString(b, v) }

// AppendArray appends the head of an array of n values; the caller appends the values after it. n outside
// 0 … 2^32-1 is a programming error and panics.
func AppendArray(b []byte, n int) []byte { return msgp.AppendArrayHeader(b, count(n)) }

// AppendMap appends the head of a map of n pairs; the caller appends keys and values in turn. n outside 0 … 2^32-1
// is a programming error and panics.
func AppendMap(b []byte, n int) []byte { return msgp.AppendMapHeader(b, count(n)) }

func count(n int) uint32 {
	if n < 0 || uint64(n) > math.MaxUint32 {
		panic("msgpack: count out of range")
	}
	return uint32(n)
}

// AppendExt appends an extension value in its shortest form.
func AppendExt(b []byte, typ int8, v []byte) []byte {
	switch n := len(v); {
	case n == 1 || n == 2 || n == 4 || n == 8 || n == 16:
		code := byte(codeFixExt1)
		for ; n > 1; n /= 2 {
			code++
		}
		b = append(b, code)
	case n <= math.MaxUint8:
		b = append(b, codeExt8, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, codeExt16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, codeExt32), count(n))
	}
	return append(append(b, byte(typ)), v...)
}
