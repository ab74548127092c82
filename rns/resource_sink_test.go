package rns

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"runtime"
	"testing"
	"time"
)

// resourceFlow is a source of endless bytes that is nowhere in memory: blocks that begin with their number.
type resourceFlow struct{}

func (resourceFlow) ReadAt(p []byte, off int64) (int, error) {
	var block [4096]byte
	for n := 0; n < len(p); {
		at := off + int64(n)
		binary.BigEndian.PutUint64(block[:], uint64(at/int64(len(block))))
		n += copy(p[n:], block[at%int64(len(block)):])
	}
	return len(p), nil
}

// sinkProbe is a sink that keeps nothing but a hash, and looks at the heap.
type sinkProbe struct {
	hash   hash.Hash
	size   int64
	most   uint64 // bytes of live heap
	writes int
	closed int
	fail   error
	during func()
}

func newSinkProbe() *sinkProbe { return &sinkProbe{hash: sha256.New()} }

func (s *sinkProbe) Write(b []byte) (int, error) {
	s.writes++
	if s.during != nil {
		s.during()
	}
	if s.fail != nil {
		return 0, s.fail
	}
	s.most = max(s.most, liveHeap())
	s.size += int64(len(b))
	return s.hash.Write(b)
}

func (s *sinkProbe) Close() error {
	s.closed++
	return nil
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func intoSink(sink io.WriteCloser) func(ResourceOffer) ResourceDecision {
	return func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true, Sink: sink} }
}

// TestALargeResourceGoesToItsSinkAndNotToMemory: 20 MB over a link that may hold 4, of which both ends together hold a few.
//
// It does not run beside others, whose memory it would measure.
func TestALargeResourceGoesToItsSinkAndNotToMemory(t *testing.T) {
	const size = 20 << 20
	s := newResourceSim(t, 16384, 1)
	s.b.table.limits.PerLink = 4 << 20
	sink := newSinkProbe()
	s.b.decide = intoSink(sink)
	before := liveHeap()
	x := s.a.send(ResourceReader(resourceFlow{}, size), resourceSendOptions{noCompress: true, metadata: []byte{0xa1, 'm'}})
	s.until(time.Hour, func() bool { return x.done > 0 })
	if x.err != nil || len(s.b.received) != 1 {
		t.Fatalf("sent: %v; received %v", x.err, s.b.received)
	}
	r := s.b.received[0]
	if r.Err != nil || r.Data != nil || r.Size != size || r.Sink != io.WriteCloser(sink) || !bytes.Equal(r.Metadata, []byte{0xa1, 'm'}) {
		t.Errorf("received %d bytes, metadata %x, %v", r.Size, r.Metadata, r.Err)
	}
	want := sha256.New()
	_, _ = io.Copy(want, io.NewSectionReader(resourceFlow{}, 0, size))
	if sink.size != size || !bytes.Equal(sink.hash.Sum(nil), want.Sum(nil)) || sink.closed != 0 {
		t.Errorf("the sink got %d bytes in %d writes, closed %d times", sink.size, sink.writes, sink.closed)
	}
	most := int64(sink.most) - int64(before)
	t.Logf("%d writes; at most %d KiB more in memory, both ends", sink.writes, most>>10)
	if most > 8<<20 {
		t.Errorf("%d bytes were in memory", most)
	}
	s.until(time.Minute, func() bool { return false })
	s.mustBeIdle()
}

func TestASmallResourceMayGoToASinkToo(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 2)
	sink := newSinkProbe()
	s.b.decide = intoSink(sink)
	if _, r := s.carryOnly([]byte("few"), resourceSendOptions{}); r == nil || r.Size != 3 || sink.size != 3 || sink.closed != 0 {
		t.Errorf("got %v; %d bytes", r, sink.size)
	}
}

// TestASinkThatFailsEndsTheResourceUnproved: the sender is not told, or he would not try again.
func TestASinkThatFailsEndsTheResourceUnproved(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 3)
	sink := newSinkProbe()
	sink.fail = errors.New("disk full")
	s.b.decide = intoSink(sink)
	x, _ := s.carryOnly(resourceRandomData(5000, 1), resourceSendOptions{})
	if !errors.Is(x.err, ErrTimeout) && !errors.Is(x.err, ErrCancelled) {
		t.Errorf("the sender has %v", x.err)
	}
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, sink.fail) || sink.closed != 1 || s.b.torn ||
		s.b.packets[ContextResourceProof]+s.b.packets[ContextResourceRCL] != 0 {
		t.Errorf("received %v, closed %d times; %s", s.b.received, sink.closed, s)
	}
	if s.b.budget.counters.SinkFailed.Load() != 1 || s.b.budget.counters.Corrupt.Load() != 0 {
		t.Error("not counted")
	}
	s.mustBeIdle()
}

// TestTheSinkOfAFailedResourceIsClosedOnce: whatever ends it, and also while it is being written to.
func TestTheSinkOfAFailedResourceIsClosedOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *resourceSim, sink *sinkProbe){
		"link closed": func(s *resourceSim, _ *sinkProbe) { s.b.close(ErrLinkClosed) },
		"cancelled":   func(s *resourceSim, _ *sinkProbe) { s.a.table.cancel(s.now, s.a.table.outgoing[0], nil) },
		"while writing": func(s *resourceSim, sink *sinkProbe) {
			sink.during = func() {
				in := s.b.table.incoming[0]
				s.b.table.abort(s.now, in, ErrLinkClosed, false)
				if sink.closed != 0 {
					t.Error("closed under a write")
				}
			}
		},
	} {
		s := newResourceSim(t, 8192, 4)
		sink := newSinkProbe()
		s.b.decide = intoSink(sink)
		s.a.send(ResourceReader(resourceFlow{}, 2<<20), resourceSendOptions{noCompress: true})
		s.until(time.Minute, func() bool { return sink.writes > 0 })
		end(s, sink)
		s.until(time.Hour, func() bool { return sink.closed > 0 })
		s.until(time.Minute, func() bool { return false })
		if sink.closed != 1 || len(s.b.received) != 1 || s.b.received[0].Err == nil {
			t.Errorf("%s: closed %d times, received %v", name, sink.closed, s.b.received)
		}
	}
}

// TestASegmentForASinkIsBoundedToo: a compressed segment that holds all of a large resource is a bomb.
func TestASegmentForASinkIsBoundedToo(t *testing.T) {
	t.Parallel()
	for size, limit := range map[int64]int64{3 << 20: ResourceSegmentSize, 1000: 1000} {
		s := newResourceSim(t, MTU, 5)
		sink := newSinkProbe()
		s.b.decide = intoSink(sink)
		f := s.forge(resourceRandomData(1000, 1))
		f.adv.size, f.adv.segments = size, (size+ResourceSegmentSize-1)/ResourceSegmentSize
		f.advertise()
		if len(s.b.table.incoming) != 1 || s.b.table.incoming[0].inMemory != limit {
			t.Errorf("%d bytes: %d in memory", size, s.b.table.incoming[0].inMemory)
		}
	}
}
