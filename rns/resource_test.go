package rns

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"groupd/rns/internal/bz2"
	"groupd/rns/msgpack"
)

// TestResourceOfAnySizeArrives holds L-127.
func TestResourceOfAnySizeArrives(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 411, 412, 463, 464, 465, 34268, 34269, 69000, 100 << 10}
	for _, mtu := range []int{500, 8192, 262144} {
		for _, n := range sizes {
			for name, data := range map[string][]byte{"noise": resourceRandomData(n, 1), "text": resourceText(n)} {
				s := newResourceSim(t, mtu, uint64(n))
				s.mustCarry(data, resourceSendOptions{noCompress: name == "noise" && n > 5000})
				s.mustBeIdle()
			}
		}
	}
}

// TestResourceOfSeveralSegmentsArrives holds L-093, L-126.
func TestResourceOfSeveralSegmentsArrives(t *testing.T) {
	t.Parallel()
	meta := msgpack.Map(msgpack.Entry{Key: msgpack.Str("name"), Value: msgpack.Bin([]byte("tide.txt"))})
	for _, n := range []int{ResourceSegmentSize - 1, ResourceSegmentSize, ResourceSegmentSize + 1, 2 * ResourceSegmentSize, 5 << 20} {
		for _, mtu := range []int{500, 8192, 262144} {
			t.Run(fmt.Sprintf("%d bytes at MTU %d", n, mtu), func(t *testing.T) {
				t.Parallel()
				s := newResourceSim(t, mtu, uint64(n))
				s.jobTime = 30 * time.Millisecond
				s.mustCarry(resourceRandomData(n, 2), resourceSendOptions{metadata: meta, noCompress: true})
				s.mustBeIdle()
			})
		}
	}
}

// TestCompressedSegmentsArrive holds L-092.
func TestCompressedSegmentsArrive(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 3)
	s.mustCarry(resourceText(ResourceSegmentSize+1), resourceSendOptions{})
	if n := s.a.packets[ContextResource]; n > 100 {
		t.Errorf("%d parts: not compressed", n)
	}
	s = newResourceSim(t, MTU, 3)
	s.mustCarry(resourceText(20_000), resourceSendOptions{compressLimit: 19_999})
	if n := s.a.packets[ContextResource]; n != 44 {
		t.Errorf("%d parts: compressed above the limit", n)
	}
}

// TestOnlyWhatShrinksIsCompressed holds L-092.
func TestOnlyWhatShrinksIsCompressed(t *testing.T) {
	t.Parallel()
	noise, text := resourceRandomData(300_000, 1), resourceText(300_000)
	for name, c := range map[string]struct {
		body    []byte
		shrinks bool
	}{
		"nothing": {nil, false}, "little text": {text[:20], false}, "text": {text[:3000], true}, "noise": {noise[:3000], false},
		"much text": {text, true}, "much noise": {noise, false},
		"noise between text": {slices.Concat(text[:40_000], noise, text[:40_000]), true},
		"noise twice":        {slices.Concat(noise, noise), true},
	} {
		got, err := compressResource(new(bz2.Compressor), c.body)
		if err != nil || (got != nil) != c.shrinks || len(got) > 0 && len(got) >= len(c.body) {
			t.Errorf("%s: %d bytes from %d, %v", name, len(got), len(c.body), err)
		}
	}
}
