package workblock_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"groupd/lxmf/internal/workblock"
)

// slowBlock builds the block as the specification words it, with the standard library's HKDF.
func slowBlock(t *testing.T, material []byte, rounds int) []byte {
	t.Helper()
	var block []byte
	for n := range rounds {
		var number []byte
		switch {
		case n < 128:
			number = []byte{byte(n)}
		case n < 256:
			number = []byte{0xcc, byte(n)}
		default:
			number = binary.BigEndian.AppendUint16([]byte{0xcd}, uint16(n))
		}
		salt := sha256.Sum256(append(bytes.Clone(material), number...))
		b, err := hkdf.Key(sha256.New, material, salt[:], "", workblock.RoundLength)
		if err != nil {
			t.Fatal(err)
		}
		block = append(block, b...)
	}
	return block
}

// X-078 (V7), X-079: the block of 300 rounds passes both changes of the salt's length.
func TestBlockIsWhatTheSpecificationSays(t *testing.T) {
	t.Parallel()
	material, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	for rounds, want := range map[int]string{
		25:   "8bec91b3b6dc978311349ef2b3fbf9bec4af2dba9b0970530a5932825c728899",
		1000: "36224067c2ebd1a40b0dc8908bd34dc4b7cd84be57f68a765dbaf3298bcd9719",
		3000: "72bb933a8e51a6b01069d59927c412d706913d2c89fa36fd24d1e1b2d03d6031",
	} {
		b, err := workblock.Expand(t.Context(), material, rounds)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Sum(nil); hex.EncodeToString(got[:]) != want {
			t.Errorf("%d rounds: hash %x, want %s", rounds, got, want)
		}
	}
	for _, rounds := range []int{25, 1000, 3000} { // shorter blocks are beginnings of longer ones
		var block bytes.Buffer
		if err := workblock.WriteTo(t.Context(), &block, material, rounds); err != nil {
			t.Fatal(err)
		}
		const begins = "c025bbe68a4017092b9878de5c0819fafc668096b2208a3f1caa61563d5d7bd4e7b9e51999d7bb5d3db049379fbe593b"
		if got := hex.EncodeToString(block.Bytes()[:len(begins)/2]); got != begins {
			t.Errorf("%d rounds: begins with %s", rounds, got)
		}
	}
	var fast bytes.Buffer
	if err := workblock.WriteTo(t.Context(), &fast, material, 300); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fast.Bytes(), slowBlock(t, material, 300)) {
		t.Error("the block differs from the one made with plain HKDF")
	}
}

//
func TestSavedStateGivesTheSameSumAsHashingAll(t *testing.T) {
	t.Parallel()
	material := []byte("thirty-two bytes of material ...")
	block := slowBlock(t, material, 25)
	b, err := workblock.Expand(t.Context(), material, 25)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 16, 31, 32, 33, 64, 200} {
		stamp := bytes.Repeat([]byte{byte(n)}, n)
		if want := sha256.Sum256(append(bytes.Clone(block), stamp...)); b.Sum(stamp) != want {
			t.Errorf("stamp of %d bytes: sums differ", n)
		}
	}
}

func TestSearchFindsAStampThatMeetsTheCost(t *testing.T) {
	t.Parallel()
	b, err := workblock.Expand(t.Context(), []byte("material"), 25)
	if err != nil {
		t.Fatal(err)
	}
	for _, cost := range []int{-1, 0, 1, 8, 12} {
		stamp, err := b.Search(t.Context(), rand.Reader, cost, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !workblock.Meets(b.Sum(stamp[:]), cost) {
			t.Errorf("cost %d: found a stamp of value %d", cost, b.Value(stamp[:]))
		}
	}
}

func TestSearchAndExpansionEndWithTheirContext(t *testing.T) {
	t.Parallel()
	b, err := workblock.Expand(t.Context(), []byte("material"), 25)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.Search(ctx, rand.Reader, 200, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("search for the impossible: %v", err)
	}
	if _, err := workblock.Expand(ctx, []byte("material"), 1<<20); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("endless expansion: %v", err)
	}
	if _, err := b.Search(t.Context(), rand.Reader, 257, 1); err == nil {
		t.Error("a cost of 257 was searched for")
	}
}

//
func TestMeetsAllowsEqualityOnly(t *testing.T) {
	t.Parallel()
	sum := func(s string) (out [32]byte) {
		_, err := hex.Decode(out[:], []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	zeros := "0000000000000000000000000000000000000000000000000000000000000000"
	for _, c := range []struct {
		sum  string
		cost int
		want bool
	}{
		{zeros, 256, true},
		{zeros, 257, false},
		{zeros[:62] + "01", 256, true}, // 2^(256-256) = 1
		{zeros[:62] + "02", 256, false},
		{"02" + zeros[2:], 7, true},
		{"02" + zeros[2:62] + "01", 7, false},
		{"80" + zeros[2:], 1, true},
		{"80" + zeros[2:62] + "01", 1, false},
		{"ff" + zeros[2:], 0, true},
		{"ff" + zeros[2:], 1, false},
	} {
		if got := workblock.Meets(sum(c.sum), c.cost); got != c.want {
			t.Errorf("%s at cost %d: %v", c.sum, c.cost, got)
		}
	}
}

func BenchmarkExpandMessage(b *testing.B) {
	material := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := workblock.Expand(b.Context(), material, 3000); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAttempt(b *testing.B) {
	block, err := workblock.Expand(b.Context(), make([]byte, 32), 25)
	if err != nil {
		b.Fatal(err)
	}
	stamp := make([]byte, workblock.StampLength)
	b.ReportAllocs()
	for b.Loop() {
		block.Sum(stamp)
	}
}
