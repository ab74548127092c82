package vectors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// This file has its own small writer and reader of MessagePack, so that package msgpack is not checked against itself.

// Typed returns a typed value, packed as the reference packs it (a plain slice, usable as a msgpack.Raw). ok is false
// when the reference cannot pack it (an integer over 64 bits). null is nil.
func (o Object) Typed(key string) (packed []byte, ok bool) {
	o.t.Helper()
	if !o.Has(key) {
		return nil, true
	}
	return o.pack(key, nil, o.TypedValue(key))
}

// CheckTyped fails the test unless got, packed, holds the typed value of the field. Widths of numbers and heads do
// not matter; kinds, order and bits of floats do (32-bit floats are compared widened). null wants nothing at all.
func (o Object) CheckTyped(key string, got []byte) {
	o.t.Helper()
	if !o.Has(key) {
		if len(got) != 0 {
			o.t.Fatalf("%s: %s: got %x, want nothing", o.where, key, got)
		}
		return
	}
	want, ok := o.Typed(key)
	if !ok {
		o.t.Fatalf("%s: %s: not packable", o.where, key)
	}
	a, errA := describe(got)
	b, errB := describe(want)
	if errA != nil || errB != nil || a != b {
		o.t.Fatalf("%s: %s:\n got %.2000s (%v)\nwant %.2000s (%v)", o.where, key, a, errA, b, errB)
	}
}

// TypedValue is the written form of a msgpack value: T says what V, Type and Micros mean (see the README).
type TypedValue struct {
	T      string
	V      json.RawMessage
	Type   int8
	Micros string
}

// TypedValue returns a typed value as written, for packing it some other way.
func (o Object) TypedValue(key string) (v TypedValue) {
	o.t.Helper()
	o.decode(key, &v)
	return v
}

// TypedBytes returns the bytes of the V of a bin, ext or long str, and the 8 bytes of a float.
func (o Object) TypedBytes(v TypedValue) []byte {
	o.t.Helper()
	return o.bytes("typed "+v.T, v.V)
}

// appendHead appends the shortest head for n: small (with n in its low bits) when n is below limit, else one of the
// codes, which take 1, 2 and 4 bytes of length; a code of 0 does not exist.
func appendHead(b []byte, n int, small byte, limit int, codes [3]byte) []byte {
	switch {
	case n < limit:
		return append(b, small|byte(n))
	case n < 1<<8 && codes[0] != 0:
		return append(b, codes[0], byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, codes[1]), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codes[2]), uint32(n))
}

func appendInt(b []byte, x *big.Int) []byte {
	switch u := x.Uint64(); {
	case x.Sign() < 0 && x.Int64() >= -32:
		return append(b, byte(x.Int64()))
	case x.Sign() < 0 && x.Int64() >= -1<<7:
		return append(b, 0xd0, byte(x.Int64()))
	case x.Sign() < 0 && x.Int64() >= -1<<15:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(x.Int64()))
	case x.Sign() < 0 && x.Int64() >= -1<<31:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(x.Int64()))
	case x.Sign() < 0:
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(x.Int64()))
	case u < 1<<32:
		return appendHead(b, int(u), 0, 1<<7, [3]byte{0xcc, 0xcd, 0xce})
	default:
		return binary.BigEndian.AppendUint64(append(b, 0xcf), u)
	}
}

func appendExt(b []byte, typ int8, v []byte) []byte {
	if at := strings.IndexByte("\x01\x02\x04\x08\x10", byte(len(v))); at >= 0 && len(v) <= 16 {
		b = append(b, 0xd4+byte(at))
	} else {
		b = appendHead(b, len(v), 0, 0, [3]byte{0xc7, 0xc8, 0xc9})
	}
	return append(append(b, byte(typ)), v...)
}

func (o Object) pack(key string, b []byte, v TypedValue) (packed []byte, ok bool) {
	o.t.Helper()
	decode := func(into any) {
		o.t.Helper()
		if err := json.Unmarshal(v.V, into); err != nil {
			o.t.Fatalf("%s: field %q: typed %s: %v", o.where, key, v.T, err)
		}
	}
	integer := func(text string) *big.Int {
		o.t.Helper()
		x, good := new(big.Int).SetString(text, 10)
		if !good {
			o.t.Fatalf("%s: field %q: %q is no integer", o.where, key, text)
		}
		return x
	}
	switch v.T {
	case "nil":
		return append(b, 0xc0), true
	case "bool":
		var x bool
		if decode(&x); x {
			return append(b, 0xc3), true
		}
		return append(b, 0xc2), true
	case "int":
		var text string
		decode(&text)
		x := integer(text)
		if !x.IsInt64() && !x.IsUint64() {
			return nil, false
		}
		return appendInt(b, x), true
	case "float":
		bits := o.TypedBytes(v)
		if len(bits) != 8 {
			o.t.Fatalf("%s: field %q: typed float of %d bytes", o.where, key, len(bits))
		}
		return append(append(b, 0xcb), bits...), true
	case "str":
		var text string
		if json.Unmarshal(v.V, &text) != nil {
			text = string(o.TypedBytes(v))
		}
		return append(appendHead(b, len(text), 0xa0, 32, [3]byte{0xd9, 0xda, 0xdb}), text...), true
	case "bin":
		x := o.TypedBytes(v)
		return append(appendHead(b, len(x), 0, 0, [3]byte{0xc4, 0xc5, 0xc6}), x...), true
	case "ext":
		return appendExt(b, v.Type, o.TypedBytes(v)), true
	case "timestamp":
		x := integer(v.Micros)
		seconds, rest := new(big.Int).DivMod(x, big.NewInt(1e6), new(big.Int))
		span := binary.BigEndian.AppendUint32(nil, uint32(rest.Int64())*1000)
		return appendExt(b, -1, binary.BigEndian.AppendUint64(span, uint64(seconds.Int64()))), true
	case "nils", "counted_map":
		var n int
		decode(&n)
		if v.T == "nils" {
			b = appendHead(b, n, 0x90, 16, [3]byte{0, 0xdc, 0xdd})
		} else {
			b = appendHead(b, n, 0x80, 16, [3]byte{0, 0xde, 0xdf})
		}
		for i := range n {
			if v.T == "counted_map" {
				b = appendInt(b, big.NewInt(int64(i)))
			}
			b = append(b, 0xc0)
		}
		return b, true
	case "array", "map":
		var items []TypedValue
		if v.T == "array" {
			decode(&items)
			b = appendHead(b, len(items), 0x90, 16, [3]byte{0, 0xdc, 0xdd})
		} else {
			var pairs [][2]TypedValue
			decode(&pairs)
			b = appendHead(b, len(pairs), 0x80, 16, [3]byte{0, 0xde, 0xdf})
			for _, pair := range pairs {
				items = append(items, pair[0], pair[1])
			}
		}
		for _, item := range items {
			if b, ok = o.pack(key, b, item); !ok {
				return nil, false
			}
		}
		return b, true
	}
	o.t.Fatalf("%s: field %q: unknown type %q", o.where, key, v.T)
	return nil, false
}

var errCutOff = errors.New("cut off, or a reserved code")

// describe writes the first value of packed as text that is equal for equal values.
func describe(packed []byte) (string, error) {
	var out strings.Builder
	d := describer{&out, packed}
	err := d.next()
	return out.String(), err
}

type describer struct {
	out *strings.Builder
	b   []byte
}

// take cuts n bytes off, nil when there are fewer.
func (d *describer) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.b) {
		return nil, errCutOff
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v, nil
}

// number cuts off a big-endian number of n bytes.
func (d *describer) number(n int) (v uint64, err error) {
	b, err := d.take(n)
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, err
}

func (d *describer) next() error {
	head, err := d.take(1)
	if err != nil {
		return err
	}
	c := head[0]
	switch {
	case c < 0x80:
		fmt.Fprint(d.out, c)
	case c < 0x90:
		return d.items("{", "}", 2*int(c&15))
	case c < 0xa0:
		return d.items("[", "]", int(c&15))
	case c < 0xc0:
		return d.span("str", int(c&31))
	case c == 0xc0:
		d.out.WriteString("nil")
	case c == 0xc2 || c == 0xc3:
		fmt.Fprint(d.out, c == 0xc3)
	case c >= 0xc4 && c <= 0xc6:
		return d.sized(1<<(c-0xc4), func(n int) error { return d.span("bin", n) })
	case c >= 0xc7 && c <= 0xc9:
		return d.sized(1<<(c-0xc7), d.ext)
	case c == 0xca || c == 0xcb:
		return d.float(c == 0xca)
	case c >= 0xcc && c <= 0xcf:
		v, err := d.number(1 << (c - 0xcc))
		fmt.Fprint(d.out, v)
		return err
	case c >= 0xd0 && c <= 0xd3:
		n := 1 << (c - 0xd0)
		v, err := d.number(n)
		shift := 64 - 8*n
		fmt.Fprint(d.out, int64(v<<shift)>>shift)
		return err
	case c >= 0xd4 && c <= 0xd8:
		return d.ext(1 << (c - 0xd4))
	case c >= 0xd9 && c <= 0xdb:
		return d.sized(1<<(c-0xd9), func(n int) error { return d.span("str", n) })
	case c == 0xdc || c == 0xdd:
		return d.sized(2<<(c-0xdc), func(n int) error { return d.items("[", "]", n) })
	case c == 0xde || c == 0xdf:
		return d.sized(2<<(c-0xde), func(n int) error { return d.items("{", "}", 2*n) })
	case c >= 0xe0:
		fmt.Fprint(d.out, int8(c))
	default:
		return errCutOff
	}
	return nil
}

func (d *describer) sized(width int, then func(n int) error) error {
	n, err := d.number(width)
	if err != nil {
		return err
	}
	return then(int(n))
}

func (d *describer) items(open, shut string, n int) error {
	d.out.WriteString(open)
	for range n {
		if err := d.next(); err != nil {
			return err
		}
		d.out.WriteString(" ")
	}
	d.out.WriteString(shut)
	return nil
}

func (d *describer) span(kind string, n int) error {
	v, err := d.take(n)
	fmt.Fprintf(d.out, "%s %x", kind, v)
	return err
}

// float describes by bits.
func (d *describer) float(narrow bool) error {
	if !narrow {
		v, err := d.number(8)
		fmt.Fprintf(d.out, "float %016x", v)
		return err
	}
	v, err := d.number(4)
	fmt.Fprintf(d.out, "float %016x", widen(uint32(v)))
	return err
}

func (d *describer) ext(n int) error {
	typ, err := d.number(1)
	if err != nil {
		return err
	}
	if int8(typ) != -1 {
		fmt.Fprintf(d.out, "ext %d ", int8(typ))
		return d.span("", n)
	}
	var seconds, nanos uint64
	switch n {
	case 4:
		seconds, err = d.number(4)
	case 8:
		var v uint64
		v, err = d.number(8)
		seconds, nanos = v&(1<<34-1), v>>34
	case 12:
		if nanos, err = d.number(4); err == nil {
			seconds, err = d.number(8)
		}
	default:
		return errCutOff
	}
	fmt.Fprintf(d.out, "timestamp %d", int64(seconds)*1e6+int64(nanos/1000))
	return err
}

// widen returns the bits of a 32-bit float as a 64-bit one.
func widen(bits uint32) uint64 { return math.Float64bits(float64(math.Float32frombits(bits))) }
