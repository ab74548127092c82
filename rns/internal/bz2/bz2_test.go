package bz2

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestWhatWasCompressedComesOutAgain(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 4, 5, 255, 256, 1000, 65535, 99_999, 100_000, 250_000} {
		for name, src := range map[string][]byte{
			"zeros": make([]byte, n),
			"noise": noise(n),
			"text":  bytes.Repeat([]byte("the river bends twice before the mill "), n/38+1)[:n],
		} {
			c, err := Compress(src)
			if err != nil {
				t.Fatalf("%s %d: %v", name, n, err)
			}
			got, err := Decompress(append(c, "trailing bytes"...), n)
			if err != nil || !bytes.Equal(got, src) {
				t.Fatalf("%s %d: got %d bytes, %v", name, n, len(got), err)
			}
		}
	}
}

func TestSeveralBlocksComeOutAgain(t *testing.T) {
	t.Parallel()
	src := bytes.Repeat(noise(1000), 1<<20/1000)
	c, err := Compress(src)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decompress(c, len(src)); err != nil || !bytes.Equal(got, src) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
}

func TestOnlyTheFirstStreamIsRead(t *testing.T) {
	t.Parallel()
	one, err := Compress([]byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := Compress([]byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decompress(append(one, two...), 100)
	if err != nil || string(got) != "one" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestABombIsStoppedAtTheLimit(t *testing.T) {
	t.Parallel()
	c, err := Compress(make([]byte, 5<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of bomb", len(c))
	if _, err := Decompress(c, 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
	if got, err := Decompress(c, 5<<20); err != nil || len(got) != 5<<20 {
		t.Fatalf("exactly the limit: got %d bytes, %v", len(got), err)
	}
}

func TestATruncatedStreamIsRefused(t *testing.T) {
	t.Parallel()
	c, err := Compress(noise(3000))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(c); n += 1 + n/40 {
		if _, err := Decompress(c[:n], 1<<20); !errors.Is(err, ErrTruncated) {
			t.Fatalf("first %d of %d bytes: %v", n, len(c), err)
		}
	}
}

func TestNoiseIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Decompress(noise(100), 1<<20); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
	c, err := Compress(noise(3000))
	if err != nil {
		t.Fatal(err)
	}
	c[len(c)/2] ^= 1
	if _, err := Decompress(c, 1<<20); err == nil {
		t.Fatal("a flipped bit went unnoticed")
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("a"))
	f.Add(bytes.Repeat([]byte("ab"), 1000))
	f.Add(bytes.Repeat([]byte{0}, 5000))
	f.Add(noise(2000))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Compress(src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decompress(c, len(src))
		if err != nil || !bytes.Equal(got, src) {
			t.Fatalf("got %d bytes of %d, %v", len(got), len(src), err)
		}
	})
}

func FuzzDecompress(f *testing.F) {
	c, err := Compress([]byte("seed of the fuzzer"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c)
	f.Add(append(c, c...))
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 16
		got, err := Decompress(src, limit)
		if len(got) > limit || (err != nil && got != nil) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	})
}

// TestOneCompressorServesOneSourceAfterAnother: nothing of the one before is in the next, whatever their sizes.
func TestOneCompressorServesOneSourceAfterAnother(t *testing.T) {
	t.Parallel()
	var c Compressor
	for _, n := range []int{50_000, 10, 250_000, 0, 99_999, 3, 100_000, 20_000} {
		src := noise(n)
		packed, err := c.Compress(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decompress(packed, n); err != nil || !bytes.Equal(got, src) {
			t.Fatalf("%d: got %d bytes, %v", n, len(got), err)
		}
		if alone, err := Compress(src); err != nil || !bytes.Equal(alone, packed) {
			t.Errorf("%d: a compressor of its own packs it otherwise: %v", n, err)
		}
	}
}
