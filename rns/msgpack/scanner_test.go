package msgpack_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"groupd/rns/msgpack"
)

// rewrite scans one value and appends it to out: as it stands, or in the canonical form.
func rewrite(s *msgpack.Scanner, out *bytes.Buffer, canonical bool, depth int) error {
	t, err := s.Next()
	if err != nil {
		return err
	}
	if depth > msgpack.MaxDepth {
		return msgpack.ErrTooDeep
	}
	if canonical {
		out.Write(t.AppendCanonical(nil))
	} else {
		out.Write(t.Head)
	}
	n := int64(0)
	switch t.Kind {
	case msgpack.KindStr, msgpack.KindBin, msgpack.KindExt:
		return s.Body(out)
	case msgpack.KindArray:
		n = t.Length
	case msgpack.KindMap:
		n = 2 * t.Length
	}
	for ; n > 0; n-- {
		if err := rewrite(s, out, canonical, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// FuzzScanner: whatever is a value for the reader is one for the scanner, of the same length; written in the shortest form, it
// is a value again, and stays as it is.
func FuzzScanner(f *testing.F) {
	long := bytes.Repeat([]byte{7}, 70_000)
	for _, seed := range [][]byte{
		msgpack.Array(msgpack.Int(-3), msgpack.Bin(long), msgpack.Str("text"), msgpack.Map(msgpack.Entry{Key: msgpack.Int(1), Value: msgpack.Nil()})),
		msgpack.AppendExt(nil, 5, []byte{1, 2, 3}), msgpack.AppendExt(nil, -1, make([]byte, 8)), msgpack.AppendExt(nil, 1, long),
		{0xdd, 0, 0, 0, 1, 0xd3, 0, 0, 0, 0, 0, 0, 0, 1}, {0xdc, 0, 2, 0xca, 1, 2, 3, 4, 0xcb, 1, 2, 3, 4, 5, 6, 7, 8},
		{0xc6, 0xff, 0xff, 0xff, 0xff, 1}, {0xc1}, {0xdf, 0, 0, 0, 1, 0xc7, 0, 9, 0xda, 0, 1, 'x'},
		{0xcc}, {0xd9, 5, 'a'}, bytes.Repeat([]byte{0x91}, 300),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		s := msgpack.NewScanner(iotest.OneByteReader(bytes.NewReader(b)))
		err := rewrite(s, &out, false, 0)
		n, want := msgpack.Check(b)
		if want == nil && err != nil {
			t.Fatalf("a good value: %v", err)
		}
		if err != nil {
			if !errors.Is(err, msgpack.ErrMalformed) && !errors.Is(err, msgpack.ErrTooDeep) && err != io.EOF {
				t.Fatalf("error of the wrong kind: %v", err)
			}
			return
		}
		if !bytes.Equal(out.Bytes(), b[:s.Offset()]) || want == nil && int64(n) != s.Offset() {
			t.Fatalf("%d bytes scanned, %d checked", s.Offset(), n)
		}
		var once, twice bytes.Buffer
		if err := rewrite(msgpack.NewScanner(bytes.NewReader(b)), &once, true, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := msgpack.Check(once.Bytes()); want == nil && err != nil {
			t.Errorf("the short form is no value: %v", err)
		}
		if err := rewrite(msgpack.NewScanner(bytes.NewReader(once.Bytes())), &twice, true, 0); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("the short form changes: %v", err)
		}
	})
}

func TestTheScannerPassesOverWhatIsNotRead(t *testing.T) {
	t.Parallel()
	s := msgpack.NewScanner(bytes.NewReader(msgpack.Array(msgpack.Bin(make([]byte, 100_000)), msgpack.Str("x"))))
	for _, want := range []msgpack.Kind{msgpack.KindArray, msgpack.KindBin, msgpack.KindStr} {
		if got, err := s.Next(); err != nil || got.Kind != want {
			t.Fatalf("%v, %v; want %v", got.Kind, err, want)
		}
	}
	var rest bytes.Buffer
	if err := s.Rest(&rest); err != nil || rest.String() != "x" {
		t.Errorf("%q, %v", rest.String(), err)
	}
	if _, err := s.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := msgpack.NewScanner(iotest.ErrReader(broken)).Next(); !errors.Is(err, broken) {
		t.Errorf("an error of the stream: %v", err)
	}
}
