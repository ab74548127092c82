package rns

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"groupd/rns/internal/bz2"
	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// forgedResource is a segment made by hand, to be told lies about.
type forgedResource struct {
	sim *resourceSim
	adv *resourceAdv
	seg *resourceSegment
}

// forge makes an honest one; end a of the simulation does not know of it.
func (s *resourceSim) forge(body []byte) *forgedResource {
	s.tb.Helper()
	sender, err := newResourceSender(s.a, ResourceBytes(body), resourceSendOptions{noCompress: true})
	if err != nil {
		s.tb.Fatal(err)
	}
	sender.begin()
	j, ok := sender.job()
	if !ok {
		s.tb.Fatal("nothing to build")
	}
	s.a.closed = true // its own advertisement does not go out
	j.run()(s.now)
	s.a.closed = false
	return &forgedResource{sim: s, adv: sender.adv(), seg: sender.current}
}

// forgeStream makes one whose stream holds packed, which need not be what was announced.
func (s *resourceSim) forgeStream(packed, body []byte, compressed bool) *forgedResource {
	s.tb.Helper()
	seg := &resourceSegment{index: 1, sdu: s.a.part, random: [4]byte{1, 2, 3, 4}, compressed: compressed}
	seg.stream = s.a.seal(append([]byte{9, 9, 9, 9}, packed...))
	seg.parts = (len(seg.stream) + seg.sdu - 1) / seg.sdu
	if !seg.makeHashes(seg.random) {
		s.tb.Fatal("map hashes collide")
	}
	var err error
	if seg.hash, seg.proof, err = hashResourceBody(body, seg.random); err != nil {
		s.tb.Fatal(err)
	}
	adv := &resourceAdv{
		transfer: int64(len(seg.stream)), size: int64(len(body)), parts: int64(seg.parts), hash: seg.hash,
		random: seg.random, origin: seg.hash, index: 1, segments: 1, flags: resourceEncrypted,
		hashes: seg.mapHashes(0, min(seg.parts, ResourceMapHashesPerUpdate)),
	}
	if compressed {
		adv.flags |= resourceCompressed
	}
	return &forgedResource{sim: s, adv: adv, seg: seg}
}

func (f *forgedResource) tell(ctx Context, plain []byte) {
	f.sim.b.table.handle(f.sim.now, ctx, plain, PacketHash{})
	f.sim.b.run()
}

func (f *forgedResource) advertise() { f.tell(ContextResourceAdv, f.adv.append(nil)) }

func (f *forgedResource) part(i int) { f.tell(ContextResource, f.seg.part(i)) }

// settle lets jobs and what was sent finish, without timeouts.
func (s *resourceSim) settle() {
	for len(s.events) > 0 {
		s.step()
	}
}

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

// TestJunkAndReplayedPartsChangeNothing holds L-107.
func TestJunkAndReplayedPartsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 22)
	f := s.forge(resourceRandomData(10_000, 1))
	f.advertise()
	r := s.b.table.incoming[0].receiver
	f.part(0)
	before := r.lastActivity
	s.now = s.now.Add(100 * time.Millisecond)
	for _, junk := range [][]byte{{}, {1}, make([]byte, 464), make([]byte, 465), make([]byte, 5000), f.seg.part(1)[:463]} {
		f.tell(ContextResource, junk)
	}
	if r.count != 1 || r.lastActivity != before || s.b.budget.counters.Stray.Load() != 6 {
		t.Errorf("%d parts, %d stray", r.count, s.b.budget.counters.Stray.Load())
	}
	r.retries = 3
	f.part(0)
	if r.count != 1 || r.retries != 3 || r.lastActivity == before {
		t.Error("a replayed part counts as progress")
	}
	f.part(9)
	if r.count != 2 || r.next != 1 || r.retries != resourceRetries {
		t.Error("a part ahead of the window was not taken")
	}
}

// TestPoisonedPartMakesTheResourceCorruptAndLeavesTheLink holds L-116.
func TestPoisonedPartMakesTheResourceCorruptAndLeavesTheLink(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 23)
	f := s.forge(resourceRandomData(1000, 1))
	// A blind match of four bytes cannot be waited for, so the map hash is told to fit.
	evil := make([]byte, 464)
	copy(f.adv.hashes, appendMapHash(nil, hashResourcePart(evil, f.adv.random)))
	f.advertise()
	f.tell(ContextResource, evil)
	f.part(1)
	f.part(2)
	s.settle()
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCorrupt) || s.b.torn ||
		s.b.packets[ContextResourceProof]+s.b.packets[ContextResourceRCL] != 0 {
		t.Errorf("received %v; %s", s.b.received, s)
	}
	if s.b.budget.counters.Corrupt.Load() != 1 {
		t.Error("not counted")
	}
	s.mustBeIdle()
}

// TestBombsCloseTheLink: more than announced comes out, or the compressed stream ends early (L-117).
func TestBombsCloseTheLink(t *testing.T) {
	t.Parallel()
	bomb, err := bz2.Compress(make([]byte, 5<<20))
	if err != nil {
		t.Fatal(err)
	}
	text := resourceText(5000)
	packed, err := bz2.Compress(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		packed, body []byte
		torn         bool
	}{
		"bomb":                    {bomb, text, true},
		"cut off":                 {packed[:len(packed)-9], text, true},
		"honest":                  {packed, text, false},
		"no bzip2":                {make([]byte, 100), text, false},
		"one byte over announced": {packed, text[:4999], true},
	} {
		s := newResourceSim(t, MTU, 24)
		f := s.forgeStream(c.packed, c.body, true)
		f.advertise()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range f.seg.parts {
			f.part(i)
		}
		s.settle()
		runtime.ReadMemStats(&after)
		if s.b.torn != c.torn || (s.b.budget.counters.Bombs.Load() == 1) != c.torn {
			t.Errorf("%s: torn down %v", name, s.b.torn)
		}
		if err := s.b.received[0].Err; (err == nil) != (name == "honest") || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if c.torn && s.b.packets[ContextResourceProof] != 0 {
			t.Errorf("%s: proved", name)
		}
		s.settle()
		if len(s.b.table.incoming) != 0 || s.b.budget.used.Load() != 0 {
			t.Errorf("%s: memory still accounted for", name)
		}
	}
}

func TestBadMetadataIsCorrupt(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"too short":    {0, 0},
		"overlong":     {0, 0, 9, 0xc0},
		"not a value":  {0, 0, 1, 0xc1},
		"two values":   {0, 0, 2, 0xc0, 0xc0},
		"empty length": {0, 0, 0, 0xc0},
	} {
		s := newResourceSim(t, MTU, 25)
		f := s.forgeStream(body, body, false)
		f.adv.flags |= resourceHasMetadata
		f.advertise()
		f.part(0)
		s.settle()
		if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCorrupt) || s.b.packets[ContextResourceProof] != 0 {
			t.Errorf("%s: %v", name, s.b.received)
		}
		s.mustBeIdle()
	}
}

// TestLyingHashmapUpdatesEndTheTransfer: the sender gets an RCL, nothing breaks (spec 2 §7, D17).
//
// It holds L-104, L-149.
func TestLyingHashmapUpdatesEndTheTransfer(t *testing.T) {
	t.Parallel()
	const parts = 160 // 74 + 74 + 12
	update := func(f *forgedResource, block, n int64) hashmapUpdate {
		return hashmapUpdate{hash: f.adv.hash, block: block, hashes: bytes.Repeat([]byte{1, 2, 3, 4}, int(n))}
	}
	raw := func(f *forgedResource, rest []byte) []byte { return append(bytes.Clone(f.adv.hash[:]), rest...) }
	for name, c := range map[string]struct {
		plain func(f *forgedResource) []byte
		ends  bool
	}{
		"no hashes":      {func(f *forgedResource) []byte { return update(f, 1, 0).append(nil) }, true},
		"negative block": {func(f *forgedResource) []byte { return update(f, -1, 3).append(nil) }, true},
		"smallest block": {func(f *forgedResource) []byte { return update(f, math.MinInt64, 3).append(nil) }, true},
		"largest block":  {func(f *forgedResource) []byte { return update(f, math.MaxInt64, 3).append(nil) }, true},
		"block left out": {func(f *forgedResource) []byte { return update(f, 2, 3).append(nil) }, true},
		"too many":       {func(f *forgedResource) []byte { return update(f, 1, 75).append(nil) }, true},
		"changed block":  {func(f *forgedResource) []byte { return update(f, 0, 74).append(nil) }, true},
		"not msgpack":    {func(f *forgedResource) []byte { return raw(f, []byte{0xc1}) }, true},
		"nothing":        {func(f *forgedResource) []byte { return raw(f, nil) }, true},
		"half a hash": {func(f *forgedResource) []byte {
			return raw(f, msgpack.Array(msgpack.Int(1), msgpack.Bin([]byte{1, 2, 3})))
		}, true},
		"shorter than a hash": {func(f *forgedResource) []byte { return f.adv.hash[:31] }, false},
		"of another resource": {func(f *forgedResource) []byte { u := update(f, 1, 3); u.hash[0]++; return u.append(nil) }, false},
		"what is known": {func(f *forgedResource) []byte {
			return hashmapUpdate{hash: f.adv.hash, block: 0, hashes: f.seg.mapHashes(0, 74)}.append(nil)
		}, false},
	} {
		s := newResourceSim(t, MTU, 26)
		f := s.forge(resourceRandomData(parts*464-100, 1))
		f.advertise()
		r := s.b.table.incoming[0].receiver
		f.tell(ContextResourceHMU, c.plain(f)) // nobody waits for one: ignored
		if r.state != resourceReceiving || r.height != 74 {
			t.Errorf("%s: an update that was not asked for had an effect", name)
		}
		for i := 0; !r.waitingHMU; i++ {
			f.part(i)
		}
		f.tell(ContextResourceHMU, c.plain(f))
		if ended := len(s.b.received) == 1 && errors.Is(s.b.received[0].Err, ErrCorrupt); ended != c.ends ||
			(s.b.packets[ContextResourceRCL] == 1) != c.ends || s.b.torn {
			t.Errorf("%s: ended %v; %s", name, ended, s)
		}
		if !c.ends {
			f.tell(ContextResourceHMU, hashmapUpdate{hash: f.adv.hash, block: 1, hashes: f.seg.mapHashes(74, 148)}.append(nil))
			if r.height != 148 || r.waitingHMU {
				t.Errorf("%s: the right update was not taken after it", name)
			}
		}
	}
}

// TestPartRequestsOutOfBoundsAreServedWithinBounds covers what a receiver may ask of our sender (spec 2 §3.9, §7).
//
// It holds L-105, L-106, L-149.
func TestPartRequestsOutOfBoundsAreServedWithinBounds(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 27)
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{Ignore: true} }
	x := s.a.send(ResourceBytes(resourceRandomData(300*464, 1)), resourceSendOptions{noCompress: true})
	s.until(time.Second, func() bool { return x.sender.state == resourceAdvertised })
	seg := x.sender.current
	n := byte(0)
	ask := func(r partRequest) int {
		n++
		before := s.a.packets[ContextResource]
		r.hash = seg.hash
		s.a.table.handle(s.now, ContextResourceReq, r.append(nil), PacketHash{n})
		return s.a.packets[ContextResource] - before
	}
	if got := ask(partRequest{wanted: seg.mapHashes(0, 300)}); got != 75 {
		t.Errorf("all at once: %d parts served", got)
	}
	n--
	if got := ask(partRequest{wanted: seg.mapHashes(0, 300)}); got != 0 {
		t.Errorf("same packet again: %d parts served", got)
	}
	if got := ask(partRequest{wanted: seg.mapHashes(223, 225)}); got != 1 {
		t.Errorf("at the end of the scope: %d parts served", got)
	}
	if got := ask(partRequest{wanted: bytes.Repeat(seg.mapHashes(5, 6), 60)}); got != 1 {
		t.Errorf("one part sixty times: %d parts served", got)
	}
	if got := ask(partRequest{}); got != 0 {
		t.Errorf("nothing: %d parts served", got)
	}
	for name, junk := range map[string][]byte{
		"empty": {}, "kind only": {0}, "exhausted only": {0xff}, "kind 7": append([]byte{7}, make([]byte, 36)...),
		"short": make([]byte, 32), "odd": make([]byte, 35), "exhausted short": append([]byte{0xff}, make([]byte, 35)...),
	} {
		s.a.table.handle(s.now, ContextResourceReq, junk, PacketHash{200})
		if x.sender.state == resourceEnded {
			t.Errorf("%s: ended the transfer", name)
		}
	}
	if got := s.a.budget.counters.Malformed.Load(); got != 7 {
		t.Errorf("%d malformed", got)
	}
	// In sequence: block 1, and the scope moves on.
	if ask(partRequest{exhausted: true, last: seg.hashes[73]}); s.a.packets[ContextResourceHMU] != 1 || x.sender.floor != 0 {
		t.Errorf("floor %d; %s", x.sender.floor, s)
	}
	if ask(partRequest{exhausted: true, last: seg.hashes[147]}); s.a.packets[ContextResourceHMU] != 2 || x.sender.floor != 148-76 {
		t.Errorf("floor %d; %s", x.sender.floor, s)
	}
	if got := ask(partRequest{wanted: seg.mapHashes(71, 73)}); got != 1 {
		t.Errorf("below the floor: %d parts served", got)
	}
	// Out of sequence: cancelled (L-103).
	if ask(partRequest{exhausted: true, last: seg.hashes[100]}); !errors.Is(x.err, ErrCancelled) || s.a.packets[ContextResourceICL] != 1 {
		t.Errorf("out of sequence: %v", x.err)
	}
	s.mustBeIdle()
}

// TestAFailedResourceIgnoresWhatComesLate (L-123).
func TestAFailedResourceIgnoresWhatComesLate(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 28)
	x := s.a.send(ResourceBytes(make([]byte, 5000)), resourceSendOptions{noCompress: true})
	s.until(time.Second, func() bool { return x.sender.state == resourceAdvertised })
	seg := *x.sender.current
	s.a.table.cancel(s.now, x.sender, nil)
	before := s.a.octets
	s.a.table.handleProof(s.now, appendResourceProof(nil, seg.hash, seg.proof))
	s.a.table.handle(s.now, ContextResourceReq, partRequest{hash: seg.hash, wanted: seg.mapHashes(0, 4)}.append(nil), PacketHash{1})
	s.a.table.handle(s.now, ContextResourceRCL, seg.hash[:], PacketHash{2})
	if x.done != 1 || !errors.Is(x.err, ErrCancelled) || s.a.octets != before {
		t.Errorf("%v", x.err)
	}
	f := s.forge(resourceRandomData(5000, 1))
	f.advertise()
	f.tell(ContextResourceICL, f.adv.hash[:])
	sent := s.b.octets
	f.part(0)
	f.tell(ContextResourceHMU, hashmapUpdate{hash: f.adv.hash, block: 1, hashes: []byte{1, 2, 3, 4}}.append(nil))
	f.tell(ContextResourceICL, f.adv.hash[:20])
	f.tell(ContextResourceRCL, nil)
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCancelled) || s.b.octets != sent {
		t.Errorf("received %v", s.b.received)
	}
	s.mustBeIdle()
}

// TestBytesBeingReceivedAreBounded per link, in all, and in number; at the bound the sender is refused.
func TestBytesBeingReceivedAreBounded(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, 8192, 29)
	table, budget := s.b.table, s.b.budget
	budget.total = 5 << 20
	table.limits.PerLink = 3 << 20
	fill := func(n int) {
		before := table.reserved
		for i := range n {
			s.forge(resourceRandomData(500_000, uint64(i))).advertise()
		}
		if got, want := table.reserved-before, int64(n)*(500_000+500_064); got != want && before == 0 {
			t.Errorf("%d bytes reserved, want %d", got, want)
		}
	}
	fill(3)
	if len(table.incoming) != 3 || budget.counters.OverBudget.Load() != 0 {
		t.Fatalf("%d incoming", len(table.incoming))
	}
	s.forge(resourceRandomData(500_000, 9)).advertise()
	if len(table.incoming) != 3 || budget.counters.OverBudget.Load() != 1 || s.b.packets[ContextResourceRCL] != 1 {
		t.Errorf("per link: %d incoming", len(table.incoming))
	}
	if !budget.reserve(budget.total-budget.used.Load()) || budget.reserve(1) || budget.reserve(-1) || budget.reserve(math.MaxInt64) {
		t.Error("the total bound")
	}
	s.forge([]byte("small")).advertise()
	if len(table.incoming) != 3 || budget.counters.OverBudget.Load() != 2 {
		t.Errorf("in all: %d incoming", len(table.incoming))
	}
	budget.total = 1 << 40
	table.limits.PerLink = 1 << 40
	for i := range 2 * resourceDefaultIncoming {
		s.forge(resourceRandomData(100, uint64(i))).advertise()
	}
	if len(table.incoming) != resourceDefaultIncoming {
		t.Errorf("%d incoming", len(table.incoming))
	}
	// Sizes that would overflow.
	f := s.forge([]byte("small"))
	f.adv.size, f.adv.segments = math.MaxInt64, 5
	f.advertise()
	if len(table.incoming) != resourceDefaultIncoming {
		t.Error("a resource of all bytes there can be was accepted")
	}
	s.b.close(ErrLinkClosed)
	if used := budget.used.Load(); used != 5<<20-3*(500_000+500_064) {
		t.Errorf("%d bytes still reserved", used)
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

// TestSegmentsMustFollowOneAnother: another count, size, id, or order is refused, and so are more bytes than announced.
func TestSegmentsMustFollowOneAnother(t *testing.T) {
	t.Parallel()
	body := resourceRandomData(2000, 1)
	for name, lie := range map[string]func(*resourceAdv){
		"same index again": func(a *resourceAdv) { a.index = 1; a.origin = a.hash },
		"third":            func(a *resourceAdv) { a.index = 3 },
		"more segments":    func(a *resourceAdv) { a.segments++ },
		"more bytes":       func(a *resourceAdv) { a.size++ },
		"an id":            func(a *resourceAdv) { a.hasID, a.id, a.flags = true, RequestID{1}, a.flags|resourceIsRequest },
		"metadata":         func(a *resourceAdv) { a.flags |= resourceHasMetadata },
		"honest":           func(*resourceAdv) {},
	} {
		s := newResourceSim(t, MTU, 31)
		first := s.forge(body)
		first.adv.segments, first.adv.size = 3, 6000
		first.adv.flags |= resourceSplit
		first.advertise()
		for i := range first.seg.parts {
			first.part(i)
		}
		s.settle()
		if s.b.packets[ContextResourceProof] != 1 || len(s.b.received) != 0 {
			t.Fatalf("%s: first segment; %s", name, s)
		}
		second := s.forge(resourceRandomData(2000, 2))
		a := second.adv
		a.segments, a.size, a.index, a.origin, a.flags = 3, 6000, 2, first.adv.hash, first.adv.flags
		lie(a)
		second.advertise()
		if name == "same index again" {
			continue // that is a resource of its own
		}
		if taken := s.b.table.incoming[0].receiver != nil; taken != (name == "honest") {
			t.Errorf("%s: taken %v", name, taken)
		}
		if name == "honest" {
			continue
		}
		// The next segment never comes: it is given up.
		s.until(time.Hour, func() bool { return len(s.b.received) > 0 })
		if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrTimeout) {
			t.Errorf("%s: %v", name, s.b.received)
		}
		s.mustBeIdle()
	}
	// Three segments that together hold more than was announced.
	s := newResourceSim(t, MTU, 31)
	origin := ResourceHash{}
	for i := range int64(3) {
		f := s.forge(resourceRandomData(2000, uint64(i)))
		a := f.adv
		if i == 0 {
			origin = a.hash
		}
		a.segments, a.size, a.index, a.origin = 3, 5000, i+1, origin
		f.advertise()
		for i := range f.seg.parts {
			f.part(i)
		}
		s.settle()
	}
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCorrupt) {
		t.Errorf("more than announced: %v", s.b.received)
	}
	s.mustBeIdle()
}

// TestCollidingMapHashesMakeANewRandomHash: within 224 parts they must be unique (L-088).
func TestCollidingMapHashesMakeANewRandomHash(t *testing.T) {
	t.Parallel()
	// Two equal parts collide whatever r is; a fake seal makes some at a distance.
	const sdu = 8
	seal := func(gap int) func([]byte) []byte {
		return func([]byte) []byte {
			stream := make([]byte, 0, sdu*300)
			for i := range 300 {
				k := byte(i)
				if i == gap {
					k = 0
				}
				stream = append(stream, k, byte(i>>8), 0, 0, 0, 0, 0, 1)
				if i == gap {
					copy(stream[len(stream)-sdu:], stream[:sdu])
				}
			}
			return stream
		}
	}
	for _, c := range []struct {
		gap  int
		want error
	}{{1, errNoRandomHash}, {resourceGuard, errNoRandomHash}, {resourceGuard + 1, nil}} {
		p := segmentPlan{index: 1, source: ResourceBytes([]byte("x")), length: 1, sdu: sdu, seal: seal(c.gap)}
		for i := range p.entropy.random {
			p.entropy.random[i][0] = byte(i + 1)
		}
		if _, err := p.build(); !errors.Is(err, c.want) {
			t.Errorf("gap %d: %v", c.gap, err)
		}
	}
	p := segmentPlan{index: 1, source: ResourceBytes([]byte("x")), length: 1, sdu: 464, seal: func(b []byte) []byte {
		return make([]byte, token.SealedSize(len(b)))
	}}
	p.entropy.random[1] = [4]byte{5}
	if s, err := p.build(); err != nil || s.random != [4]byte{5} {
		t.Errorf("a random hash equal to the prefix was used: %v", err)
	}
}

func TestBrokenRandomnessEndsTheTransfer(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 32)
	s.a.entropy = bytes.NewReader(nil)
	x, _ := s.carryOnly([]byte("x"), resourceSendOptions{})
	if x.err == nil || s.a.octets != 0 {
		t.Errorf("got %v", x.err)
	}
	s.mustBeIdle()
}

// TestProofsOfTheLastSegmentsAreKept: the oldest is forgotten at the bound.
func TestProofsOfTheLastSegmentsAreKept(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 33)
	var queries [][]byte
	s.tap = func(_ *resourceEnd, p resourcePacket) bool {
		if p.context == ContextResourceProof {
			h := resourceProofPacketHash(s.b.id(), ResourceHash(p.payload[:32]), resourceProof(p.payload[32:]))
			queries = append(queries, h[:])
		}
		return true
	}
	for i := range resourceRemembered + 1 {
		s.mustCarry([]byte{byte(i)}, resourceSendOptions{})
	}
	queries = queries[:resourceRemembered+1]
	if len(s.b.table.finished) != resourceRemembered || s.b.table.handleCacheRequest(queries[0]) {
		t.Errorf("%d proofs kept", len(s.b.table.finished))
	}
	for i, q := range queries[1:] {
		if !s.b.table.handleCacheRequest(q) {
			t.Errorf("proof %d of %d is gone", i+1, len(queries))
		}
	}
	if s.b.table.handleCacheRequest(queries[1][:31]) || s.b.table.handleCacheRequest(nil) {
		t.Error("a query of another length was answered")
	}
}

// TestRequestsSeenAreForgottenOldestFirst keeps what the sender remembers of part requests bounded.
func TestRequestsSeenAreForgottenOldestFirst(t *testing.T) {
	t.Parallel()
	var r recentHashes
	for i := range recentHashesLimit {
		if !r.add(PacketHash{byte(i), byte(i >> 8)}) {
			t.Fatalf("hash %d is not new", i)
		}
	}
	if r.add(PacketHash{}) {
		t.Error("the first was forgotten before the bound")
	}
	if !r.add(PacketHash{9, 9, 9}) || !r.add(PacketHash{}) || r.add(PacketHash{2}) || len(r.set) != recentHashesLimit || len(r.ring) != recentHashesLimit {
		t.Errorf("%d in the set, %d in the ring", len(r.set), len(r.ring))
	}
}
