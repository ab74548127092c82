package rns

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"groupd/rns/msgpack"
)

// TestRefusedResourceEndsAtTheSender holds L-120, L-122.
func TestRefusedResourceEndsAtTheSender(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 1)
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{} }
	x, r := s.carryOnly([]byte("no thanks"), resourceSendOptions{})
	if !errors.Is(x.err, ErrRejected) || r != nil {
		t.Errorf("got %v, %v", x.err, r)
	}
	if s.b.packets[ContextResourceRCL] != 1 || s.b.packets[ContextResourceReq] != 0 {
		t.Error(s)
	}
	s.mustBeIdle()
}

func TestResourceLargerThanTheReceiverWantsIsRefused(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 1)
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true, MaxSize: 99} }
	if x, _ := s.carryOnly(make([]byte, 100), resourceSendOptions{}); !errors.Is(x.err, ErrRejected) {
		t.Errorf("100 bytes: %v", x.err)
	}
	s.mustCarry(make([]byte, 99), resourceSendOptions{})
}

// TestUnansweredAdvertisementIsSentFiveTimes then the sender gives up and says so.
//
// It holds L-111, L-120.
func TestUnansweredAdvertisementIsSentFiveTimes(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 1)
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{Ignore: true} }
	x, _ := s.carryOnly([]byte("hello?"), resourceSendOptions{})
	if !errors.Is(x.err, ErrTimeout) || s.a.packets[ContextResourceAdv] != 5 || s.a.packets[ContextResourceICL] != 1 {
		t.Errorf("%v; %s", x.err, s)
	}
	// 6 × rtt + 1 s after each.
	if got, want := s.now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), 5*(6*20*time.Millisecond+time.Second); got != want {
		t.Errorf("gave up after %s, want %s", got, want)
	}
	if s.b.octets != 0 {
		t.Errorf("the other end answered: %s", s)
	}
	s.mustBeIdle()
}

// TestSenderCancelsWhileQueuedRunningAndProved holds L-122.
func TestSenderCancelsWhileQueuedRunningAndProved(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 2)
	running := s.a.send(ResourceBytes(resourceRandomData(100_000, 1)), resourceSendOptions{})
	queued := s.a.send(ResourceBytes([]byte("never")), resourceSendOptions{})
	s.until(time.Minute, func() bool { return s.a.packets[ContextResource] > 20 })
	s.a.table.cancel(s.now, queued.sender, nil)
	if !errors.Is(queued.err, ErrCancelled) || s.a.packets[ContextResourceICL] != 0 {
		t.Errorf("queued: %v; %s", queued.err, s)
	}
	mine := errors.New("my own reason")
	s.a.table.cancel(s.now, running.sender, mine)
	if !errors.Is(running.err, mine) || s.a.packets[ContextResourceICL] != 1 {
		t.Errorf("running: %v; %s", running.err, s)
	}
	s.a.table.cancel(s.now, running.sender, nil)
	s.until(time.Minute, func() bool { return false })
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCancelled) || s.b.received[0].Data != nil {
		t.Errorf("received %v", s.b.received)
	}
	if running.done != 1 || queued.done != 1 || s.a.packets[ContextResourceAdv] != 1 {
		t.Errorf("%d, %d; %s", running.done, queued.done, s)
	}
	s.mustBeIdle()
}

// TestResourcesOfALinkGoOneAfterTheOther in each direction, and both directions at once.
//
// It holds L-124.
func TestResourcesOfALinkGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 3)
	var order []Context
	s.tap = func(from *resourceEnd, p resourcePacket) bool {
		if from == s.a && p.context == ContextResourceAdv || from == s.b && p.context == ContextResourceProof {
			order = append(order, p.context)
		}
		return true
	}
	var all []*resourceTransfer
	for i := range 3 {
		all = append(all, s.a.send(ResourceBytes(resourceRandomData(5000, uint64(i))), resourceSendOptions{}))
	}
	back := s.b.send(ResourceBytes(resourceRandomData(50_000, 9)), resourceSendOptions{})
	s.until(time.Hour, func() bool { return all[2].done > 0 && back.done > 0 })
	for _, x := range append(all, back) {
		if x.done != 1 || x.err != nil {
			t.Fatalf("%d, %v", x.done, x.err)
		}
	}
	adv, prf := ContextResourceAdv, ContextResourceProof
	if !slices.Equal(order, []Context{adv, prf, adv, prf, adv, prf}) {
		t.Errorf("order %v", order)
	}
	s.until(time.Minute, func() bool { return false })
	s.mustBeIdle()
}

func TestTooManyQueuedResourcesAreRefused(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 3)
	for range resourceDefaultOutgoing {
		s.a.send(ResourceBytes([]byte("x")), resourceSendOptions{})
	}
	_, err := s.a.table.send(s.now, ResourceBytes([]byte("x")), resourceSendOptions{})
	if !errors.Is(err, ErrTooManyResources) || s.a.budget.counters.QueueFull.Load() != 1 {
		t.Errorf("got %v", err)
	}
}

func TestSilentReceiverAndSilentSender(t *testing.T) {
	t.Parallel()
	// The receiver vanishes in the middle: the sender gives up by itself.
	s := newResourceSim(t, MTU, 5)
	x := s.a.send(ResourceBytes(resourceRandomData(60_000, 5)), resourceSendOptions{})
	s.until(time.Minute, func() bool { return s.a.packets[ContextResource] > 30 })
	s.tap = func(*resourceEnd, resourcePacket) bool { return false }
	start := s.now
	s.until(24*time.Hour, func() bool { return x.done > 0 && len(s.b.received) > 0 })
	if !errors.Is(x.err, ErrTimeout) {
		t.Errorf("sender: %v", x.err)
	}
	r := s.b.received[0]
	if !errors.Is(r.Err, ErrTimeout) || r.Prove() == nil {
		t.Errorf("receiver: %v", r.Err)
	}
	if n := s.b.packets[ContextResourceRCL]; n != 1 {
		t.Errorf("%d RCL", n)
	}
	if took := s.now.Sub(start); took > 3*time.Minute {
		t.Errorf("took %s", took)
	}
	s.mustBeIdle()
}

// TestReceiverAsksSixteenTimesThenGivesUp when no part comes.
//
// It holds L-110.
func TestReceiverAsksSixteenTimesThenGivesUp(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 5)
	s.tap = func(_ *resourceEnd, p resourcePacket) bool { return p.context != ContextResource }
	x, r := s.carry(resourceRandomData(60_000, 5), resourceSendOptions{})
	if !errors.Is(x.err, ErrRejected) || !errors.Is(r.Err, ErrTimeout) || s.b.packets[ContextResourceReq] != 17 {
		t.Errorf("sender %v, receiver %v; %s", x.err, r.Err, s)
	}
	s.mustBeIdle()
}

// TestLostProofIsAskedFor holds L-114, L-115.
func TestLostProofIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 6)
	proofs := 0
	s.tap = func(_ *resourceEnd, p resourcePacket) bool {
		if p.context == ContextResourceProof {
			proofs++
			return proofs == 3
		}
		return true
	}
	s.mustCarry([]byte("did you get it?"), resourceSendOptions{})
	if s.a.packets[ContextCacheRequest] != 2 {
		t.Error(s)
	}
	if size := HeaderMinSize + FullHashLength; size != 51 {
		t.Errorf("cache query of %d bytes", size)
	}
	s.mustBeIdle()
}

// TestMissingProofEndsAfterThreeQueries holds L-114.
func TestMissingProofEndsAfterThreeQueries(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 6)
	s.tap = func(_ *resourceEnd, p resourcePacket) bool { return p.context != ContextResourceProof }
	x, r := s.carry([]byte("did you get it?"), resourceSendOptions{})
	if !errors.Is(x.err, ErrTimeout) || r.Err != nil || s.a.packets[ContextCacheRequest] != 3 || s.a.packets[ContextResourceICL] != 1 {
		t.Errorf("sender %v; %s", x.err, s)
	}
}

// TestAMessageMayBeProvedLate: for ResourceProofPatience the sender waits, whatever it asks meanwhile.
func TestAMessageMayBeProvedLate(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{0, time.Second, 15 * time.Second, ResourceProofPatience - time.Second} {
		s := newResourceSim(t, MTU, 7)
		s.b.take = func(r *ReceivedResource) {
			s.at(s.now.Add(late), func() {
				if err := r.Prove(); err != nil {
					t.Errorf("after %s: %v", late, err)
				}
				if err := r.Prove(); !errors.Is(err, ErrClosed) {
					t.Errorf("proved twice: %v", err)
				}
			})
		}
		s.mustCarry(resourceRandomData(3000, 7), resourceSendOptions{})
		s.until(time.Minute, func() bool { return false })
		if n := s.b.packets[ContextResourceProof]; n != 1 {
			t.Errorf("after %s: %d proofs", late, n)
		}
		s.mustBeIdle()
	}
	s := newResourceSim(t, MTU, 7)
	s.b.take = func(*ReceivedResource) {}
	x, r := s.carry(resourceRandomData(3000, 7), resourceSendOptions{})
	s.until(time.Minute, func() bool { return false })
	if !errors.Is(x.err, ErrTimeout) || !errors.Is(r.Prove(), ErrCancelled) {
		t.Errorf("never proved: sender %v, prove %v", x.err, r.Prove())
	}
	s.mustBeIdle()
}

func TestMessageRefusedAfterItArrived(t *testing.T) {
	t.Parallel()
	for _, within := range []bool{true, false} {
		s := newResourceSim(t, MTU, 8)
		s.b.take = func(r *ReceivedResource) {
			refuse := func() {
				if err := r.Reject(); err != nil {
					t.Error(err)
				}
			}
			if within {
				refuse()
			} else {
				s.at(s.now.Add(time.Second), refuse)
			}
		}
		x, _ := s.carry([]byte("rubbish"), resourceSendOptions{})
		if !errors.Is(x.err, ErrRejected) || s.b.packets[ContextResourceProof] != 0 {
			t.Errorf("within %v: %v; %s", within, x.err, s)
		}
		s.until(time.Minute, func() bool { return false })
		s.mustBeIdle()
	}
}

// TestUndecidedDataIsGivenUpAfterTenMinutes frees the budget even if the sender waits for ever.
func TestUndecidedDataIsGivenUpAfterTenMinutes(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 8)
	s.b.take = func(*ReceivedResource) {}
	s.tap = func(_ *resourceEnd, p resourcePacket) bool { return p.context != ContextResourceICL }
	_, r := s.carry(make([]byte, 1000), resourceSendOptions{})
	if s.b.budget.used.Load() == 0 {
		t.Error("undecided data is not accounted for")
	}
	s.until(11*time.Minute, func() bool { return false })
	if err := r.Prove(); !errors.Is(err, ErrTimeout) {
		t.Errorf("prove: %v", err)
	}
	s.mustBeIdle()
}

func TestNobodyCaresMeansProvedAtOnce(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 8)
	s.b.table.hooks.received = nil
	x, _ := s.carryOnly([]byte("x"), resourceSendOptions{})
	if x.err != nil {
		t.Error(x.err)
	}
	s.mustBeIdle()
}

// TestLinkClosesUnderEverything: whatever is under way ends with the reason of the link.
func TestLinkClosesUnderEverything(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 9)
	s.b.take = func(*ReceivedResource) {}
	undecided := s.a.send(ResourceBytes([]byte("undecided")), resourceSendOptions{})
	running := s.a.send(ResourceBytes(resourceRandomData(90_000, 9)), resourceSendOptions{})
	s.until(time.Minute, func() bool { return len(s.b.received) == 1 })
	s.b.table.incoming[0].last = ResourceHash{} // b does not hear that a gives up the first, and holds it
	s.a.table.cancel(s.now, undecided.sender, nil)
	s.a.run()
	s.until(time.Minute, func() bool { return s.a.packets[ContextResource] > 20 })
	queued := s.a.send(ResourceBytes([]byte("queued")), resourceSendOptions{})
	sent, got := s.a.octets, s.b.octets
	s.a.close(ErrLinkClosed)
	s.b.close(ErrLinkClosed)
	s.b.close(ErrTimeout) // no effect
	if running.done != 1 || !errors.Is(running.err, ErrLinkClosed) || !errors.Is(queued.err, ErrLinkClosed) || undecided.done != 1 {
		t.Errorf("running %v, queued %v", running.err, queued.err)
	}
	if len(s.b.received) != 2 || !errors.Is(s.b.received[1].Err, ErrLinkClosed) ||
		!errors.Is(s.b.received[0].Prove(), ErrLinkClosed) {
		t.Errorf("received %v", s.b.received)
	}
	if s.a.octets != sent || s.b.octets != got {
		t.Error("packets were sent on a closed link")
	}
	if _, err := s.a.table.send(s.now, ResourceBytes(nil), resourceSendOptions{}); !errors.Is(err, ErrLinkClosed) {
		t.Errorf("send: %v", err)
	}
	for s.step() {
	}
	s.mustBeIdle()
}

func TestRequestAndResponseCarryTheirID(t *testing.T) {
	t.Parallel()
	id := RequestID{7}
	for _, response := range []bool{false, true} {
		s := newResourceSim(t, MTU, 10)
		var offer ResourceOffer
		s.b.decide = func(o ResourceOffer) ResourceDecision { offer = o; return ResourceDecision{Accept: true} }
		r := s.mustCarry(resourceRandomData(700, 1), resourceSendOptions{id: &id, request: !response, response: response})
		if offer.ID != id || offer.Request == response || offer.Response != response || offer.Size != 700 || offer.Segments != 1 ||
			r.ID != id || r.Request == response || r.Response != response {
			t.Errorf("offer %+v", offer)
		}
	}
}

func TestRequestNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	id := RequestID{7}
	s := newResourceSim(t, MTU, 10)
	x := s.a.send(ResourceBytes(resourceRandomData(50_000, 1)), resourceSendOptions{id: &id, response: true})
	s.until(time.Minute, func() bool { return s.a.packets[ContextResource] > 20 })
	s.b.table.cancelRequest(s.now, id)
	s.until(time.Minute, func() bool { return x.done > 0 })
	if !errors.Is(x.err, ErrRejected) || len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCancelled) {
		t.Errorf("sender %v, received %v", x.err, s.b.received)
	}
	x = s.a.send(ResourceBytes(resourceRandomData(50_000, 1)), resourceSendOptions{id: &id, request: true})
	s.a.table.cancelRequest(s.now, id)
	if !errors.Is(x.err, ErrCancelled) {
		t.Errorf("sender %v", x.err)
	}
	s.until(time.Minute, func() bool { return false })
	s.mustBeIdle()
}

// TestProgressGrowsToOne holds L-125.
func TestProgressGrowsToOne(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, 8192, 11)
	x, _ := s.carry(resourceRandomData(ResourceSegmentSize+300_000, 1), resourceSendOptions{noCompress: true})
	for name, p := range map[string][]float64{"sender": x.progress, "receiver": s.b.progress} {
		if len(p) < 10 || p[len(p)-1] != 1 || !slices.IsSorted(p) || slices.Index(p, 1) != len(p)-1 {
			t.Errorf("%s: %d values, %v", name, len(p), p)
		}
	}
}

// TestSourceIsReadSegmentBySegment: a large transfer does not need the whole file in memory.
func TestSourceIsReadSegmentBySegment(t *testing.T) {
	t.Parallel()
	data := resourceRandomData(3*ResourceSegmentSize, 12)
	src := &resourceReads{r: bytes.NewReader(data)}
	s := newResourceSim(t, 262144, 12)
	x := s.a.send(ResourceReader(src, int64(len(data))), resourceSendOptions{noCompress: true})
	s.until(time.Hour, func() bool { return x.done > 0 })
	if x.err != nil || !bytes.Equal(s.b.received[0].Data, data) {
		t.Fatalf("%v", x.err)
	}
	if src.reads != 3 || src.most > ResourceSegmentSize {
		t.Errorf("%d reads, up to %d bytes", src.reads, src.most)
	}
	// A source that ends early ends the transfer, and the receiver hears of it.
	s = newResourceSim(t, 262144, 12)
	x = s.a.send(ResourceReader(bytes.NewReader(data), int64(len(data))+1), resourceSendOptions{noCompress: true})
	s.until(time.Hour, func() bool { return x.done > 0 && len(s.b.received) > 0 })
	if x.err == nil || len(s.b.received) != 1 || s.b.received[0].Err == nil {
		t.Errorf("short source: %v, %v", x.err, s.b.received)
	}
	s.mustBeIdle()
}

type resourceReads struct {
	r     *bytes.Reader
	reads int
	most  int
}

func (r *resourceReads) ReadAt(p []byte, off int64) (int, error) {
	r.reads++
	r.most = max(r.most, len(p))
	return r.r.ReadAt(p, off)
}

func TestWhatCannotBeSentIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 13)
	for _, o := range []resourceSendOptions{
		{metadata: msgpack.Raw{0xc1}},
		{metadata: msgpack.Bin(make([]byte, ResourceSegmentSize))},
	} {
		if _, err := s.a.table.send(s.now, ResourceBytes(nil), o); err == nil {
			t.Error("bad metadata was taken")
		}
	}
	if _, err := s.a.table.send(s.now, ResourceReader(nil, -1), resourceSendOptions{}); err == nil {
		t.Error("negative size was taken")
	}
}

func TestMetadataWithoutDataArrives(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 13)
	s.mustCarry(nil, resourceSendOptions{metadata: msgpack.Map()})
}
