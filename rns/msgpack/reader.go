package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// Errors of reading, wrapped with detail.
var (
	// ErrMalformed means that the bytes are no MessagePack: cut off, a reserved code, text that is not UTF-8, a map
	// key that cannot be one or stands twice.
	ErrMalformed = errors.New("malformed msgpack")
	// ErrType means that the next value is of another kind than asked for, or a number that does not fit. The
	// reader has not moved.
	ErrType = errors.New("unexpected msgpack type")
	// ErrTooDeep means that values are nested more than [MaxDepth] deep.
	ErrTooDeep = errors.New("msgpack nested too deep")
)

// MaxDepth is how deep arrays and maps may be nested.
const MaxDepth = 256

// Kind says what a value is.
type Kind uint8

// Kinds of values. KindInvalid is the end of the input, or the reserved code.
const (
	KindInvalid Kind = iota
	KindNil
	KindBool
	KindInt // of any width, signed or not
	KindFloat
	KindStr
	KindBin
	KindArray
	KindMap
	KindExt
)

// String returns the name of the kind.
func (k Kind) String() string {
	names := [...]string{"invalid", "nil", "bool", "int", "float", "str", "bin", "array", "map", "ext"}
	if int(k) < len(names) {
		return names[k]
	}
	return "invalid"
}

func kindAt(b []byte) Kind {
	if len(b) == 0 {
		return KindInvalid
	}
	switch c := b[0]; {
	case c < 0x80, c >= 0xe0, c >= codeUint8 && c <= codeInt64:
		return KindInt
	case c < 0x90, c == codeMap16, c == codeMap32:
		return KindMap
	case c < 0xa0, c == codeArray16, c == codeArray32:
		return KindArray
	case c < 0xc0, c >= codeStr8 && c <= codeStr32:
		return KindStr
	case c == codeNil:
		return KindNil
	case c == codeFalse, c == codeTrue:
		return KindBool
	case c >= codeBin8 && c <= codeBin32:
		return KindBin
	case c == codeFloat32, c == codeFloat64:
		return KindFloat
	case c >= codeExt8 && c <= codeExt32, c >= codeFixExt1 && c <= codeFixExt16:
		return KindExt
	}
	return KindInvalid
}

// Reader reads packed values one after the other. It never allocates because of a count in the input: everything it
// returns is a span of the input or at most as long. A failed read leaves it where it was. It is not safe for use by
// several goroutines.
type Reader struct {
	b   []byte
	pos int
}

// NewReader returns a reader of b, which must not change while it and the spans it returned are in use.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Len returns the number of bytes that are left.
func (r *Reader) Len() int { return len(r.b) - r.pos }

// Offset returns the number of bytes read so far.
func (r *Reader) Offset() int { return r.pos }

// Rest returns what is left, as a span of the input.
func (r *Reader) Rest() []byte { return r.b[r.pos:len(r.b):len(r.b)] }

// Kind says what the next value is, without moving; KindInvalid at the end.
func (r *Reader) Kind() Kind { return kindAt(r.b[r.pos:]) }

func (r *Reader) expect(k Kind) error {
	got := r.Kind()
	switch {
	case got == k:
		return nil
	case r.Len() == 0:
		return fmt.Errorf("%w: ends where %s should be", ErrMalformed, k)
	case got == KindInvalid:
		return fmt.Errorf("%w: reserved code", ErrMalformed)
	}
	return fmt.Errorf("%w: %s, want %s", ErrType, got, k)
}

// take moves on to where rest begins.
func (r *Reader) take(rest []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%w: cut off", ErrMalformed)
	}
	r.pos = len(r.b) - len(rest)
	return nil
}

// Nil reads nil.
func (r *Reader) Nil() error {
	if err := r.expect(KindNil); err != nil {
		return err
	}
	r.pos++
	return nil
}

// Bool reads a truth value.
func (r *Reader) Bool() (bool, error) {
	if err := r.expect(KindBool); err != nil {
		return false, err
	}
	r.pos++
	return r.b[r.pos-1] == codeTrue, nil
}

// Int reads an integer of any width. One that does not fit is [ErrType].
func (r *Reader) Int() (int64, error) {
	negative, magnitude, rest, err := r.integer()
	if err != nil {
		return 0, err
	}
	if !negative && magnitude > math.MaxInt64 {
		return 0, fmt.Errorf("%w: integer %d is too large", ErrType, magnitude)
	}
	r.pos = len(r.b) - len(rest)
	return int64(magnitude), nil
}

// Uint reads an integer of any width that is not negative; others are [ErrType].
func (r *Reader) Uint() (uint64, error) {
	negative, magnitude, rest, err := r.integer()
	if err != nil {
		return 0, err
	}
	if negative {
		return 0, fmt.Errorf("%w: integer %d is negative", ErrType, int64(magnitude))
	}
	r.pos = len(r.b) - len(rest)
	return magnitude, nil
}

// integer reads the integer that is next, as two's complement when negative, without moving.
func (r *Reader) integer() (negative bool, bits uint64, rest []byte, err error) {
	if err := r.expect(KindInt); err != nil {
		return false, 0, nil, err
	}
	b := r.b[r.pos:]
	if signed, after, err := msgp.ReadInt64Bytes(b); err == nil {
		return signed < 0, uint64(signed), after, nil
	}
	unsigned, after, err := msgp.ReadUint64Bytes(b)
	if err != nil {
		return false, 0, nil, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	return false, unsigned, after, nil
}

// Float reads a float of 32 or 64 bits. An integer is [ErrType]; see [Reader.Number].
func (r *Reader) Float() (float64, error) {
	if err := r.expect(KindFloat); err != nil {
		return 0, err
	}
	b := r.b[r.pos:]
	switch {
	case b[0] == codeFloat32 && len(b) >= 5:
		r.pos += 5
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), nil
	case b[0] == codeFloat64 && len(b) >= 9:
		r.pos += 9
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:])), nil
	}
	return 0, fmt.Errorf("%w: cut off", ErrMalformed)
}

// Number reads an integer or a float, as a float.
func (r *Reader) Number() (float64, error) {
	if r.Kind() != KindInt {
		return r.Float()
	}
	negative, bits, rest, err := r.integer()
	if err != nil {
		return 0, err
	}
	r.pos = len(r.b) - len(rest)
	if negative {
		return float64(int64(bits)), nil
	}
	return float64(bits), nil
}

// Bin reads bytes, as a span of the input.
func (r *Reader) Bin() ([]byte, error) {
	if err := r.expect(KindBin); err != nil {
		return nil, err
	}
	v, rest, err := msgp.ReadBytesZC(r.b[r.pos:])
	if err := r.take(rest, err); err != nil {
		return nil, err
	}
	return v[:len(v):len(v)], nil
}

// BinInto reads bytes of exactly len(dst), such as a hash. Another length is [ErrType].
func (r *Reader) BinInto(dst []byte) error {
	start := r.pos
	v, err := r.Bin()
	if err != nil {
		return err
	}
	if len(v) != len(dst) {
		r.pos = start
		return fmt.Errorf("%w: %d bytes, want %d", ErrType, len(v), len(dst))
	}
	copy(dst, v)
	return nil
}

// Str reads text. Text that is not UTF-8 is [ErrMalformed].
func (r *Reader) Str() (string, error) {
	v, err := r.strSpan()
	return string(v), err
}

func (r *Reader) strSpan() ([]byte, error) {
	if err := r.expect(KindStr); err != nil {
		return nil, err
	}
	start := r.pos
	v, rest, err := msgp.ReadStringZC(r.b[r.pos:])
	if err := r.take(rest, err); err != nil {
		return nil, err
	}
	if !utf8.Valid(v) {
		r.pos = start
		return nil, fmt.Errorf("%w: text is not UTF-8", ErrMalformed)
	}
	return v, nil
}

// Array reads the head of an array and returns the number of its values, which follow. The number is never larger
// than the number of bytes left.
func (r *Reader) Array() (int, error) {
	if err := r.expect(KindArray); err != nil {
		return 0, err
	}
	n, rest, err := msgp.ReadArrayHeaderBytes(r.b[r.pos:])
	return r.container(uint64(n), uint64(n), rest, err)
}

// ArrayOf reads the head of an array of exactly n values. Another number is [ErrType].
func (r *Reader) ArrayOf(n int) error {
	start := r.pos
	got, err := r.Array()
	if err == nil && got != n {
		r.pos = start
		return fmt.Errorf("%w: array of %d, want %d", ErrType, got, n)
	}
	return err
}

// Map reads the head of a map and returns the number of its pairs, which follow, each a key and a value. The number
// is never larger than half the number of bytes left. Keys that stand twice are not noticed here; [Check], [Reader.Raw]
// and [Raw.Map] refuse them.
func (r *Reader) Map() (int, error) {
	if err := r.expect(KindMap); err != nil {
		return 0, err
	}
	n, rest, err := msgp.ReadMapHeaderBytes(r.b[r.pos:])
	return r.container(uint64(n), 2*uint64(n), rest, err)
}

func (r *Reader) container(n, least uint64, rest []byte, err error) (int, error) {
	if err != nil || least > uint64(len(rest)) {
		return 0, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	r.pos = len(r.b) - len(rest)
	return int(n), nil
}

// Ext reads an extension value: its type, and its bytes as a span of the input.
func (r *Reader) Ext() (typ int8, v []byte, err error) {
	if err := r.expect(KindExt); err != nil {
		return 0, nil, err
	}
	b := r.b[r.pos:]
	var head int
	var n uint64
	switch c := b[0]; {
	case c >= codeFixExt1 && c <= codeFixExt16:
		head, n = 1, 1<<(c-codeFixExt1)
	case c == codeExt8 && len(b) >= 2:
		head, n = 2, uint64(b[1])
	case c == codeExt16 && len(b) >= 3:
		head, n = 3, uint64(binary.BigEndian.Uint16(b[1:]))
	case c == codeExt32 && len(b) >= 5:
		head, n = 5, uint64(binary.BigEndian.Uint32(b[1:]))
	default:
		return 0, nil, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	if uint64(len(b)) < uint64(head)+1+n {
		return 0, nil, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	end := head + 1 + int(n)
	r.pos += end
	return int8(b[head]), b[head+1 : end : end], nil
}

// Raw reads the next value of whatever kind, as a span of the input, after checking all of it as [Check] does.
func (r *Reader) Raw() (Raw, error) {
	n, err := Check(r.b[r.pos:])
	if err != nil {
		return nil, err
	}
	start := r.pos
	r.pos += n
	return Raw(r.b[start:r.pos:r.pos]), nil
}

// Skip moves over the next value of whatever kind, after checking all of it as [Check] does.
func (r *Reader) Skip() error {
	_, err := r.Raw()
	return err
}
