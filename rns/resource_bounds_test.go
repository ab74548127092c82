package rns

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"
)

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

// TestBytesBeingReceivedAreBounded per link, in all, and in number; at the bound the sender is refused.
//
// It holds X-163.
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
