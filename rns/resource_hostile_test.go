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
//
// It holds X-162.
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
