package msgpack

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Token is the beginning of a packed value, as a [Scanner] reads it: all of a number, the head of what has a body.
type Token struct {
	Kind Kind
	// Length is the number of bytes of text, bytes or an extension value, of elements of an array, of pairs of a map.
	Length int64
	// Head is what was read, valid until the next token. The type of an extension value stands at its end.
	Head []byte
}

// AppendCanonical appends the token as the reference would write it: numbers, lengths and counts in their shortest form,
// floats with 64 bits.
func (t Token) AppendCanonical(dst []byte) []byte {
	switch t.Kind {
	case KindInt:
		if v, err := NewReader(t.Head).Uint(); err == nil {
			return AppendUint(dst, v)
		}
		v, _ := NewReader(t.Head).Int()
		return AppendInt(dst, v)
	case KindFloat:
		v, _ := NewReader(t.Head).Float()
		return AppendFloat(dst, v)
	case KindStr:
		return appendHead(dst, t.Length, 0xa0, 31, codeStr8)
	case KindBin:
		return appendHead(dst, t.Length, 0, -1, codeBin8)
	case KindArray:
		return AppendArray(dst, int(t.Length))
	case KindMap:
		return AppendMap(dst, int(t.Length))
	case KindExt:
		return append(appendExtHead(dst, t.Length), t.Head[len(t.Head)-1])
	}
	return append(dst, t.Head...)
}

// appendHead appends the head of text or bytes: the short form up to a length, else the code for 8, 16 or 32 bits.
func appendHead(dst []byte, n int64, short byte, most int64, code8 byte) []byte {
	switch {
	case n <= most:
		return append(dst, short|byte(n))
	case n <= math.MaxUint8:
		return append(dst, code8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, code8+1), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, code8+2), uint32(n))
}

func appendExtHead(dst []byte, n int64) []byte {
	for i := range 5 {
		if n == 1<<i {
			return append(dst, codeFixExt1+byte(i))
		}
	}
	return appendHead(dst, n, 0, -1, codeExt8)
}

// Scanner reads packed values token by token from a stream that need not fit in memory. It checks only what it needs to find
// the next token; what is to be kept must still go through [Check]. It is not safe for use by several goroutines.
type Scanner struct {
	r      *bufio.Reader
	offset int64
	body   int64 // bytes of the last token's body that were not read
	head   [16]byte
}

// scannerBuffer is how many bytes a scanner reads ahead.
const scannerBuffer = 16 << 10

// NewScanner returns a scanner of r, which it reads ahead of.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: bufio.NewReaderSize(r, scannerBuffer)} }

// Offset returns the number of bytes behind the last token and what was read of its body.
func (s *Scanner) Offset() int64 { return s.offset }

// Next reads a token; what was not read of the last one's body is passed over. At the end it returns [io.EOF]; where something
// is cut off, or a code is reserved, [ErrMalformed]; other errors are those of the stream.
func (s *Scanner) Next() (Token, error) {
	if s.body > 0 {
		if err := s.Body(io.Discard); err != nil {
			return Token{}, err
		}
	}
	c, err := s.r.ReadByte()
	if err != nil {
		return Token{}, err
	}
	s.offset++
	s.head[0] = c
	t := Token{Kind: kindAt(s.head[:1])}
	more := 0 // bytes of the head that follow
	switch {
	case t.Kind == KindInvalid:
		return t, fmt.Errorf("%w: reserved code", ErrMalformed)
	case c >= codeFixExt1 && c <= codeFixExt16:
		more = 1
	case c >= codeBin8 && c <= codeBin32:
		more = 1 << (c - codeBin8)
	case c >= codeExt8 && c <= codeExt32:
		more = 1<<(c-codeExt8) + 1
	case c == codeFloat32:
		more = 4
	case c == codeFloat64:
		more = 8
	case c >= codeUint8 && c <= codeInt64:
		more = 1 << ((c - codeUint8) & 3)
	case c >= codeStr8 && c <= codeStr32:
		more = 1 << (c - codeStr8)
	case c == codeArray16, c == codeMap16:
		more = 2
	case c == codeArray32, c == codeMap32:
		more = 4
	}
	n, err := io.ReadFull(s.r, s.head[1:1+more])
	s.offset += int64(n)
	if err != nil {
		return t, cutOff(err)
	}
	t.Head = s.head[:1+more]
	number := t.Head[1:]
	switch t.Kind {
	case KindStr, KindArray, KindMap:
		if more == 0 {
			t.Length = int64(c & 0x0f)
			if t.Kind == KindStr {
				t.Length = int64(c & 0x1f)
			}
		}
	case KindExt:
		if more == 1 {
			t.Length = 1 << (c - codeFixExt1)
		}
		number = number[:more-1]
	case KindBin:
	default:
		return t, nil
	}
	for _, b := range number {
		t.Length = t.Length<<8 | int64(b)
	}
	if t.Kind != KindArray && t.Kind != KindMap {
		s.body = t.Length
	}
	return t, nil
}

// Body writes what is left of the last token's body to w.
func (s *Scanner) Body(w io.Writer) error {
	n, err := io.CopyN(w, s.r, s.body)
	s.offset += n
	s.body -= n
	if err != nil {
		return cutOff(err)
	}
	return nil
}

// Rest writes everything that is left to w.
func (s *Scanner) Rest(w io.Writer) error {
	n, err := io.Copy(w, s.r)
	s.offset += n
	s.body = 0
	return err
}

func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: cut off", ErrMalformed)
	}
	return err
}
