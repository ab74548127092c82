package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestPathAnswers: C-141, C-144, C-145.
func TestPathAnswers(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	y, yWire := n.attachWire("y", interfaces.ModeFull)
	roaming, roamingWire := n.attachWire("roaming", interfaces.ModeRoaming)
	s, mobile := newStation(t, 1), newStation(t, 2)
	raw := s.announce(t, 1, IdentityHash{7})
	n.hear(x, raw)
	n.hear(roaming, mobile.announce(t, 0, IdentityHash{}))
	n.pass(time.Minute)
	quiet := func() (all []Packet) {
		for _, w := range []*wire{xWire, yWire, roamingWire} {
			all = append(all, w.take()...)
		}
		return all
	}
	quiet()
	ask := func(on *attached, d DestinationHash, self *IdentityHash, tag string) {
		r := NewPathRequest(d, self, []byte(tag))
		n.hear(on, r.Append(nil))
	}
	ask(y, s.destination, nil, "one")
	n.pass(390 * time.Millisecond)
	if len(quiet()) != 0 {
		t.Error("answered before the owner had a chance")
	}
	n.pass(100 * time.Millisecond)
	sent := yWire.take()
	if len(sent) != 1 || len(quiet()) != 0 {
		t.Fatalf("%d answers", len(sent))
	}
	p, heard := sent[0], raw
	if p.Context != ContextPathResponse || p.HeaderType != Header2 || IdentityHash(p.TransportID) != n.self || p.Hops != 2 ||
		!bytes.Equal(p.Data, heard[HeaderMaxSize:]) {
		t.Errorf("answer %x", p.Raw)
	}
	ask(y, s.destination, nil, "one")
	n.pass(5 * time.Second)
	if len(quiet()) != 0 {
		t.Error("C-141: a copy is answered")
	}
	ask(y, s.destination, nil, "two")
	n.pass(time.Second)
	if len(quiet()) != 1 {
		t.Error("C-141: another tag is not answered")
	}
	ask(x, s.destination, &IdentityHash{7}, "next hop")
	ask(roaming, mobile.destination, nil, "same roaming medium")
	n.pass(5 * time.Second)
	if sent := quiet(); len(sent) != 0 {
		t.Errorf("C-145: answered %+v", sent)
	}
	ask(x, s.destination, &IdentityHash{8}, "not the next hop")
	ask(roaming, s.destination, nil, "roaming")
	n.pass(time.Second)
	if len(xWire.take()) != 1 || len(roamingWire.take()) != 0 {
		t.Error("C-144: on roaming interfaces it takes 1.9 s")
	}
	n.pass(time.Second)
	if len(quiet()) != 1 {
		t.Error("not answered on the roaming interface")
	}
}

// TestDiscovery: C-140, C-147, C-148, C-149.
func TestDiscovery(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	gate, gateWire := n.attachWire("gate", interfaces.ModeGateway)
	full, fullWire := n.attachWire("full", interfaces.ModeFull)
	_, downWire := n.attachWire("down", interfaces.ModeFull)
	downWire.down = true
	s := newStation(t, 1)
	r := NewPathRequest(s.destination, nil, []byte("0123456789abcdef"))
	n.hear(full, r.Append(nil))
	if len(gateWire.take())+len(fullWire.take()) != 0 {
		t.Fatal("looked for on behalf of a full interface")
	}
	r = NewPathRequest(s.destination, nil, []byte("fedcba9876543210"))
	n.hear(gate, r.Append(nil))
	sent := fullWire.take()
	if len(sent) != 1 || len(gateWire.take())+len(downWire.take()) != 0 {
		t.Fatalf("%d requests", len(sent))
	}
	if p := sent[0]; len(p.Raw) != 67 || p.Hops != 0 || string(p.Data[32:]) != "fedcba9876543210" || !bytes.Equal(p.Data[16:32], n.self[:]) {
		t.Errorf("asked with %x", p.Raw)
	}
	r = NewPathRequest(s.destination, nil, []byte("another tag"))
	n.now = n.now.Add(14 * time.Second)
	n.hear(gate, r.Append(nil))
	if len(fullWire.take()) != 0 {
		t.Error("C-148: asked twice")
	}
	n.hear(full, s.announce(t, 1, IdentityHash{7}, asPathResponse))
	answers := gateWire.take()
	if len(answers) != 1 || answers[0].Context != ContextPathResponse || answers[0].Hops != 2 || IdentityHash(answers[0].TransportID) != n.self {
		t.Fatalf("C-149: %+v", answers)
	}
	n.pass(10 * time.Second)
	if len(gateWire.take())+len(fullWire.take()) != 0 {
		t.Error("a path response is passed on to all")
	}
	if len(n.rates.entries) != 0 {
		t.Error("C-132: a path response counts as announce")
	}
}

// TestRecursionStopsInAFlood: C-150 at the node.
func TestRecursionStopsInAFloodOfRequests(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	gate, _ := n.attachWire("gate", interfaces.ModeGateway)
	_, fullWire := n.attachWire("full", interfaces.ModeFull)
	for i := range 500 {
		n.now = n.now.Add(20 * time.Millisecond)
		r := NewPathRequest(DestinationHash{1, byte(i), byte(i >> 8)}, nil, []byte("t"))
		n.hear(gate, r.Append(nil))
	}
	if sent := len(fullWire.take()); sent == 0 || sent > 10 || gate.drops.snapshot()[DropDiscovery] < 490 {
		t.Errorf("%d requests passed on", sent)
	}
	n.pass(2 * time.Minute)
	r := NewPathRequest(DestinationHash{2}, nil, []byte("t"))
	n.hear(gate, r.Append(nil))
	if len(fullWire.take()) != 1 {
		t.Error("no search long after the flood")
	}
}
