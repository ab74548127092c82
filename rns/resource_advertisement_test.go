package rns

import (
	"math"
	"testing"
	"time"

	"groupd/rns/msgpack"
)

func TestLyingAdvertisementsAreRefused(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*resourceAdv){
		"clear stream":               func(a *resourceAdv) { a.flags &^= resourceEncrypted },
		"request and response":       func(a *resourceAdv) { a.flags |= resourceIsRequest | resourceIsResponse },
		"negative size":              func(a *resourceAdv) { a.size = -1 },
		"smallest size":              func(a *resourceAdv) { a.size = math.MinInt64 },
		"size understated":           func(a *resourceAdv) { a.size = 100 },
		"negative transfer":          func(a *resourceAdv) { a.transfer = -16 },
		"no transfer":                func(a *resourceAdv) { a.transfer = 0 },
		"transfer one byte over":     func(a *resourceAdv) { a.transfer++ },
		"transfer overstated":        func(a *resourceAdv) { a.transfer += 1600 },
		"segment 0":                  func(a *resourceAdv) { a.index = 0 },
		"segment 2 of 1":             func(a *resourceAdv) { a.index = 2 },
		"segment -1":                 func(a *resourceAdv) { a.index, a.segments = -1, -1 },
		"more segments than bytes":   func(a *resourceAdv) { a.segments = a.size + 1 },
		"most segments":              func(a *resourceAdv) { a.segments = math.MaxInt64 },
		"second segment of nothing":  func(a *resourceAdv) { a.index, a.segments, a.origin = 2, 2, ResourceHash{1} },
		"other origin":               func(a *resourceAdv) { a.origin[0] ^= 1 },
		"no map hashes":              func(a *resourceAdv) { a.hashes = nil },
		"half a map hash":            func(a *resourceAdv) { a.hashes = a.hashes[:6] },
		"more map hashes than parts": func(a *resourceAdv) { a.hashes = append(a.hashes, 1, 2, 3, 4) },
	} {
		s := newResourceSim(t, MTU, 20)
		s.b.decide = func(ResourceOffer) ResourceDecision {
			t.Errorf("%s: offered to the application", name)
			return ResourceDecision{}
		}
		f := s.forge(resourceRandomData(1000, 1))
		lie(f.adv)
		f.advertise()
		if s.b.packets[ContextResourceRCL] != 1 || s.b.budget.counters.Lies.Load() != 1 || s.b.torn {
			t.Errorf("%s: not refused; %s", name, s)
		}
		s.mustBeIdle()
	}
}

// TestAdvertisementsThatCannotBeReadCloseTheLink holds L-118.
func TestAdvertisementsThatCannotBeReadCloseTheLink(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 20)
	good := s.forge(resourceRandomData(1000, 1))
	for name, plain := range map[string][]byte{
		"empty":             {},
		"a number":          msgpack.Int(1),
		"empty map":         msgpack.Map(),
		"cut off":           good.adv.append(nil)[:50],
		"transfer too long": (&resourceAdv{transfer: ResourceMaxTransfer + 1}).append(nil),
	} {
		s := newResourceSim(t, MTU, 20)
		s.b.table.handle(s.now, ContextResourceAdv, plain, PacketHash{})
		if !s.b.torn || s.b.octets != 0 || s.b.budget.counters.Malformed.Load() != 1 {
			t.Errorf("%s: torn down %v", name, s.b.torn)
		}
	}
	// The largest transfer is taken (L-119), if its size matches; other keys are ignored.
	a := *good.adv
	a.transfer, a.size = ResourceMaxTransfer, ResourceMaxTransfer
	if err := a.check(464); err != nil {
		t.Error(err)
	}
	plain := append(msgpack.AppendMap(nil, 12), good.adv.append(nil)[1:]...)
	plain = append(append(plain, msgpack.Str("zz")...), msgpack.Array(msgpack.Int(1))...)
	if _, err := parseResourceAdv(plain); err != nil {
		t.Error(err)
	}
}

// TestAdvertisementRepeatedAfterAcceptanceChangesNothing (L-121), and one that comes after the end starts nothing new.
func TestAdvertisementRepeatedAfterAcceptanceChangesNothing(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 21)
	f := s.forge(resourceRandomData(1000, 1))
	for range 3 {
		f.advertise()
	}
	if len(s.b.table.incoming) != 1 || s.b.packets[ContextResourceReq] != 1 {
		t.Errorf("%d incoming; %s", len(s.b.table.incoming), s)
	}
	for i := range f.seg.parts {
		f.part(i)
		f.part(i)
	}
	s.settle()
	f.advertise()
	if len(s.b.received) != 1 || s.b.received[0].Err != nil || s.b.packets[ContextResourceProof] != 2 {
		t.Errorf("%d received; %s", len(s.b.received), s)
	}
	s.mustBeIdle()
}

// TestLostFirstRequestIsRepeatedWhenTheAdvertisementIs: else the sender's repeats would run out on slow links.
func TestLostFirstRequestIsRepeatedWhenTheAdvertisementIs(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, 8192, 21)
	s.a.roundTip, s.b.roundTip = 400*time.Millisecond, 400*time.Millisecond
	lost := false
	s.tap = func(_ *resourceEnd, p resourcePacket) bool {
		keep := p.context != ContextResourceReq || lost
		lost = lost || !keep
		return keep
	}
	start := s.now
	s.mustCarry(resourceRandomData(30_000, 1), resourceSendOptions{})
	if took := s.now.Sub(start); took > 4*time.Second {
		t.Errorf("took %s; %s", took, s)
	}
}

// TestRefusedAdvertisementsAllocateNothing, and accepted ones allocate the stream with the first part only.
func TestRefusedAdvertisementsAllocateNothing(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, 8192, 30)
	f := s.forge(resourceRandomData(1_000_000, 1))
	f.advertise()
	r := s.b.table.incoming[0].receiver
	if r.stream != nil {
		t.Error("the stream was allocated for an advertisement")
	}
	f.part(3)
	if len(r.stream) != int(f.adv.transfer) {
		t.Error("no stream")
	}
}
