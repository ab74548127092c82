package workblock_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"groupd/lxmf/internal/workblock"
)

func TestBlocksAreKeptUpToTheirBound(t *testing.T) {
	t.Parallel()
	const limit = 4096
	c := workblock.NewCache(limit)
	material := func(i int) []byte { return binary.BigEndian.AppendUint32(make([]byte, 28), uint32(i)) }
	first, err := c.Expand(t.Context(), material(0), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := c.Expand(t.Context(), material(i), 1); err != nil {
			t.Fatal(err)
		}
		again, err := c.Expand(t.Context(), material(0), 1) // in use: stays
		if err != nil || again != first {
			t.Fatalf("after %d others the first block was made again: %v", i, err)
		}
		if n, size := c.Size(); size > limit || n > limit/256 {
			t.Fatalf("%d blocks of %d bytes", n, size)
		}
	}
	if n, _ := c.Size(); n < 5 {
		t.Errorf("only %d blocks are kept", n)
	}
	if other, _ := c.Expand(t.Context(), material(0), 2); other.Sum(nil) == first.Sum(nil) {
		t.Error("the number of rounds is not minded")
	}
}

func TestACacheOfNothingStillExpands(t *testing.T) {
	t.Parallel()
	c := workblock.NewCache(0)
	b, err := c.Expand(t.Context(), []byte("material"), 2)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := workblock.Expand(t.Context(), []byte("material"), 2)
	if n, size := c.Size(); n != 0 || size != 0 || b.Sum(nil) != plain.Sum(nil) {
		t.Errorf("%d blocks of %d bytes", n, size)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Expand(ended, []byte("other"), 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("expansion after the end: %v", err)
	}
}
