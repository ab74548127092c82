package msgpack_test

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/msgpack"
)

func TestCountsInTheInputAllocateNothing(t *testing.T) {
	// Not parallel: it looks at what the whole process allocates.
	for _, packed := range [][]byte{
		{0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2}, {0xdf, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, {0xc6, 0xff, 0xff, 0xff, 0xff, 1},
		{0xdb, 0xff, 0xff, 0xff, 0xff, 1}, {0xc9, 0xff, 0xff, 0xff, 0xff, 1, 1},
	} {
		raw := msgpack.Raw(packed)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = raw.Array()
		_, _ = raw.Map()
		_, _ = raw.Bin()
		_, _ = raw.Str()
		valid := raw.Valid()
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; valid || allocated > 1<<20 {
			t.Errorf("%x: valid is %v, %d bytes allocated", packed, valid, allocated)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	t.Parallel()
	nested := func(depth int) []byte { return append(bytes.Repeat([]byte{0x91}, depth), 0xc0) }
	if n, err := msgpack.Check(nested(msgpack.MaxDepth)); err != nil || n != msgpack.MaxDepth+1 {
		t.Fatalf("at the bound: %d, %v", n, err)
	}
	if _, err := msgpack.Check(nested(msgpack.MaxDepth + 1)); !errors.Is(err, msgpack.ErrTooDeep) {
		t.Fatalf("over the bound: %v", err)
	}
	maps := append(bytes.Repeat([]byte{0x81, 0xc0}, msgpack.MaxDepth+1), 0xc0)
	if _, err := msgpack.Check(maps); !errors.Is(err, msgpack.ErrTooDeep) {
		t.Fatalf("maps over the bound: %v", err)
	}
}

func TestAFailedReadDoesNotMove(t *testing.T) {
	t.Parallel()
	packed := msgpack.Array(msgpack.Bin([]byte{1, 2, 3}), msgpack.Str("text"), msgpack.Int(-1), msgpack.Float(2))
	r := msgpack.NewReader(packed)
	if err := r.ArrayOf(3); !errors.Is(err, msgpack.ErrType) || r.Offset() != 0 {
		t.Fatalf("%v, at %d", err, r.Offset())
	}
	if err := r.ArrayOf(4); err != nil {
		t.Fatal(err)
	}
	at := r.Offset()
	var two [2]byte
	if err := r.BinInto(two[:]); !errors.Is(err, msgpack.ErrType) || r.Offset() != at {
		t.Fatalf("%v, at %d", err, r.Offset())
	}
	if _, err := r.Str(); !errors.Is(err, msgpack.ErrType) || r.Offset() != at {
		t.Fatalf("bin read as str: %v, at %d", err, r.Offset())
	}
	var three [3]byte
	if err := r.BinInto(three[:]); err != nil || string(three[:]) != "\x01\x02\x03" {
		t.Fatalf("%v, %v", three, err)
	}
	if _, err := r.Bin(); !errors.Is(err, msgpack.ErrType) {
		t.Fatalf("str read as bin: %v", err)
	}
	if err := r.Skip(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Uint(); !errors.Is(err, msgpack.ErrType) {
		t.Fatalf("-1 read as unsigned: %v", err)
	}
	if v, err := r.Number(); v != -1 || err != nil {
		t.Fatalf("%v, %v", v, err)
	}
	if v, err := r.Number(); v != 2 || err != nil {
		t.Fatalf("%v, %v", v, err)
	}
	if _, err := r.Number(); !errors.Is(err, msgpack.ErrMalformed) || r.Len() != 0 || len(r.Rest()) != 0 {
		t.Fatalf("behind the end: %v, %d left", err, r.Len())
	}
}

func TestTooLargeIntegersAreNotCut(t *testing.T) {
	t.Parallel()
	raw := msgpack.Raw(msgpack.AppendUint(nil, math.MaxUint64))
	if _, ok := raw.Int(); ok {
		t.Fatal("fits")
	}
	if v, err := msgpack.NewReader(raw).Uint(); v != math.MaxUint64 || err != nil {
		t.Fatalf("%d, %v", v, err)
	}
	if v, ok := raw.Number(); v != 1<<64 || !ok {
		t.Fatalf("%v, %v", v, ok)
	}
}

func TestRawValuesAreSpansOfWhatWasReceived(t *testing.T) {
	t.Parallel()
	// A count and an integer in longer forms than needed stay as they are.
	packed := []byte{0xdf, 0, 0, 0, 1, 0xcd, 0, 5, 0xdc, 0, 1, 0xc4, 1, 0xaa, 0xff}
	raw, err := msgpack.NewReader(packed).Raw()
	if err != nil || !bytes.Equal(raw, packed[:len(packed)-1]) {
		t.Fatalf("%x, %v", []byte(raw), err)
	}
	entries, ok := raw.Map()
	if !ok || len(entries) != 1 || !bytes.Equal(entries[0].Key, packed[5:8]) || !bytes.Equal(entries[0].Value, packed[8:14]) {
		t.Fatalf("%x, %v", entries, ok)
	}
	if v, ok := entries[0].Key.Int(); v != 5 || !ok {
		t.Fatalf("%d, %v", v, ok)
	}
	values, ok := entries[0].Value.Array()
	if !ok || len(values) != 1 {
		t.Fatalf("%x, %v", values, ok)
	}
	if b, ok := values[0].Bin(); !ok || !bytes.Equal(b, []byte{0xaa}) || cap(b) != 1 {
		t.Fatalf("%x (room for %d), %v", b, cap(b), ok)
	}
}

func TestHelpersPackWhatTheySay(t *testing.T) {
	t.Parallel()
	two := msgpack.Raw("\xc0\xc0")
	if !msgpack.Nil().IsNil() || msgpack.Raw(nil).IsNil() || msgpack.Raw(nil).Valid() || two.Valid() {
		t.Fatal("nil")
	}
	if v, ok := msgpack.Bool(true).Bool(); !v || !ok {
		t.Fatal("bool")
	}
	if v, ok := msgpack.Str("ä").Str(); v != "ä" || !ok {
		t.Fatal("str")
	}
	if b := msgpack.Bin(nil); b.Kind() != msgpack.KindBin || len(b) != 2 {
		t.Fatalf("no bytes are packed as %x", []byte(b))
	}
	one, same := msgpack.Entry{Key: msgpack.Int(1), Value: msgpack.Nil()}, msgpack.Entry{Key: msgpack.Float(1), Value: msgpack.Nil()}
	if _, ok := msgpack.Map(one, same).Map(); ok {
		t.Fatal("a key that stands twice is read")
	}
}

func TestManyKeysInOneMapAreToldApart(t *testing.T) {
	t.Parallel()
	const n = 20_000
	packed := msgpack.AppendMap(nil, n)
	for i := range n {
		packed = msgpack.AppendNil(msgpack.AppendInt(packed, int64(i)))
	}
	if _, err := msgpack.Check(packed); err != nil {
		t.Fatal(err)
	}
	again := bytes.Clone(packed)
	again[len(again)-2] = 0 // the last key becomes another one's
	if _, err := msgpack.Check(again); !errors.Is(err, msgpack.ErrMalformed) {
		t.Fatalf("a key that stands twice: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range vectors.Load(f, "msgpack") {
		if c.Kind == "unpack" {
			f.Add(c.In.Bytes("packed"))
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		r := msgpack.NewReader(packed)
		raw, err := r.Raw()
		if err != nil {
			if r.Offset() != 0 {
				t.Fatal("a failed read moved")
			}
			return
		}
		if len(raw) == 0 || len(raw)+r.Len() != len(packed) || !raw.Valid() {
			t.Fatalf("%x of %x", []byte(raw), packed)
		}
		again := msgpack.Raw(reappend(t, msgpack.NewReader(raw), nil))
		if !again.Valid() || len(again) > len(raw)+8*bytes.Count(raw, []byte{0xca}) {
			t.Fatalf("%x is packed again as %x", []byte(raw), []byte(again))
		}
		twice := reappend(t, msgpack.NewReader(again), nil)
		if !bytes.Equal(again, twice) {
			t.Fatalf("%x, then %x", []byte(again), twice)
		}
		_, _ = raw.Array()
		_, _ = raw.Map()
	})
}
