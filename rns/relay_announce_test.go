package rns

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestAnnounceIsPassedOn: C-113, C-114, C-039.
func TestAnnounceIsPassedOn(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	_, yWire := n.attachWire("y", interfaces.ModeFull)
	for i, ratchet := range [][]byte{nil, make([]byte, RatchetLength)} {
		s := newStation(t, byte(i))
		raw := s.announce(t, 3, IdentityHash{7}, func(c *AnnounceContent) { c.Ratchet = ratchet })
		n.hear(x, raw)
		n.pass(600 * time.Millisecond)
		heard, _ := ParsePacket(raw)
		for _, w := range []*wire{xWire, yWire} { // also where it came from: others there may not have heard it
			sent := w.take()
			if len(sent) != 1 {
				t.Fatalf("%d sent", len(sent))
			}
			p := sent[0]
			if p.Hops != 4 || IdentityHash(p.TransportID) != n.self || p.Flags() != []byte{0x51, 0x71}[i] ||
				p.Context != ContextNone || !bytes.Equal(p.Data, heard.Data) || p.Hash() != heard.Hash() {
				t.Errorf("passed on as %x", p.Raw)
			}
		}
		n.pass(5600 * time.Millisecond)
		if len(xWire.take()) != 1 || len(yWire.take()) != 1 {
			t.Error("not passed on a second time")
		}
		n.pass(time.Minute)
		if len(xWire.take())+len(yWire.take()) != 0 {
			t.Error("passed on a third time")
		}
	}
}

// TestAnnounceAtTheEndOfItsWay: C-126, E-72's neighbour: hops byte 127 is learned as 128 and re-emitted, and dropped there.
func TestAnnounceAtTheEndOfItsWay(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, w := n.attachWire("x", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(x, s.announce(t, 127, IdentityHash{7}))
	if p := n.paths.lookup(s.destination, n.now); p == nil || p.hops != 128 {
		t.Fatalf("%+v", p)
	}
	n.pass(time.Second)
	if len(w.sent) != 1 || w.sent[0][offsetHops] != 128 {
		t.Error("not re-emitted with 128")
	}
}

// TestLargeAnnounces: C-179.
func TestLargeAnnounceIsLearnedAndNotPassedOn(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	y, yWire := n.attachWire("y", interfaces.ModeFull)
	fits, large, other := newStation(t, 1), newStation(t, 2), newStation(t, 3)
	n.hear(x, fits.announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = make([]byte, 317) }))
	// NewAnnounce refuses more, so it is made by hand.
	raw := large.announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = nil })
	p, _ := ParsePacket(raw)
	a, _ := ParseAnnounce(&p)
	a.AppData = make([]byte, 318)
	copy(a.Signature, large.identity.Sign(a.appendSigned(nil)))
	raw = append(raw[:len(raw)-SignatureLength:len(raw)-SignatureLength], a.Signature...)
	raw = append(raw, a.AppData...)
	n.hear(x, raw)
	n.hear(x, other.announce(t, 0, IdentityHash{}))
	n.pass(time.Second)
	if sent := yWire.take(); len(sent) != 2 {
		t.Errorf("%d passed on, want 2", len(sent))
	}
	if n.paths.lookup(large.destination, n.now) == nil || x.drops.snapshot()[DropAnnounceLarge] != 1 {
		t.Error("not learned, or not counted")
	}
	request := NewPathRequest(large.destination, nil, []byte("t"))
	n.hear(y, request.Append(nil))
	n.pass(2 * time.Second)
	for _, p := range append(yWire.take(), xWire.take()...) {
		if p.Context == ContextPathResponse {
			t.Error("used as path answer")
		}
	}
}

// TestAnnouncesAreHeldInAFlood: C-136 at the node.
func TestAnnouncesAreHeldInAFlood(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, _ := n.attachWire("x", interfaces.ModeFull)
	known, wanted := newStation(t, 101), newStation(t, 102)
	n.hear(x, known.announce(t, 0, IdentityHash{}))
	for i := range 20 {
		n.now = n.now.Add(100 * time.Millisecond)
		n.hear(x, newStation(t, byte(i)).announce(t, 0, IdentityHash{}))
	}
	before := n.paths.len()
	if before > 6 || len(x.traffic.held) < 14 {
		t.Fatalf("%d paths, %d held", before, len(x.traffic.held))
	}
	n.hear(x, known.announce(t, 0, IdentityHash{}))
	if f := slices.Collect(n.paths.get(known.destination).fields().all); f[1] == f[0] {
		t.Error("a known destination is held")
	}
	n.requests.due(wanted.destination, n.now)
	n.hear(x, wanted.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(wanted.destination, n.now) == nil {
		t.Error("one that was asked for is held")
	}
	n.pass(3 * time.Minute)
	if len(x.traffic.held) != 0 || n.paths.len() != 22 {
		t.Errorf("%d still held, %d paths", len(x.traffic.held), n.paths.len())
	}
}

// TestRateBlockedAnnounce: C-131, C-132, C-133 at the node.
func TestRateBlockedAnnounceStillMakesThePath(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, w := n.attachWire("x", interfaces.ModeFull)
	if x.rate != DefaultAnnounceRate() {
		t.Errorf("rate %+v", x.rate)
	}
	x.rate = AnnounceRate{Target: time.Minute, Penalty: 2 * time.Minute}
	s := newStation(t, 1)
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.pass(10 * time.Second)
	if len(w.take()) != 2 {
		t.Fatal("the first is not passed on")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.pass(10 * time.Second)
	if len(w.take()) != 0 || len(slices.Collect(n.paths.get(s.destination).fields().all)) != 2 {
		t.Error("passed on, or not used")
	}
}

// TestVerifiedAnnounceIsNotTakenForAnother: the flag that says where the signature is can be changed by anybody, and does not
// enter the packet hash.
func TestVerifiedAnnounceIsNotTakenForAnother(t *testing.T) {
	var verified verifiedAnnounces
	raw := newStation(t, 1).announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = make([]byte, 60) })
	for i, flag := range []bool{false, true, false} {
		p, err := ParsePacket(raw)
		if err != nil {
			t.Fatal(err)
		}
		p.ContextFlag = flag
		if _, err := checkAnnounce(&p, nil, &verified); (err != nil) != flag {
			t.Errorf("%d: %v", i, err)
		}
	}
	bad := bytes.Clone(raw)
	bad[len(bad)-1] ^= 1
	p, _ := ParsePacket(bad)
	if _, err := checkAnnounce(&p, nil, &verified); err == nil {
		t.Error("a changed announce is taken")
	}
	for i := range 10000 {
		verified.add(verifiedKey{hash: PacketHash{byte(i), byte(i >> 8)}})
	}
	if n := len(verified.current) + len(verified.previous); n > 2*verifiedMemory {
		t.Errorf("%d remembered", n)
	}
}
