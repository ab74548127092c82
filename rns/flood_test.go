package rns

import (
	"slices"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// I-147: the fourth unknown destination within a second is held on its own interface only: another peer of the same listener is as
// free as before, and what is known passes. Three hours later more is allowed.
func TestFloodOfOnePeerDoesNotSlowTheOthersDown(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	peer := func(a *attached) { a.parent = "listener" }
	loud, _ := n.attachWire("loud", interfaces.ModeFull, peer)
	quiet, _ := n.attachWire("quiet", interfaces.ModeFull, peer)
	known := newStation(t, 100)
	n.hear(loud, known.announce(t, 0, IdentityHash{}))
	n.pass(20 * time.Second)
	for i := range 10 { // 5 per second
		n.hear(loud, newStation(t, byte(i)).announce(t, 0, IdentityHash{}))
		n.pass(200 * time.Millisecond)
	}
	if held := len(loud.traffic.held); held < 5 || !loud.traffic.announces.active {
		t.Fatalf("%d held", held)
	}
	passes := func(on *attached, s *station) bool {
		n.hear(on, s.announce(t, 0, IdentityHash{}))
		p := n.paths.lookup(s.destination, n.now)
		return p != nil && p.via == on && n.paths.time(p.learned).Equal(n.now)
	}
	if !passes(loud, known) {
		t.Error("a known destination is held")
	}
	if passes(loud, newStation(t, 50)) {
		t.Error("an unknown destination passes in a burst")
	}
	if !passes(quiet, newStation(t, 51)) || len(quiet.traffic.held) != 0 {
		t.Error("the other peer is held too")
	}

	n.now = n.now.Add(3 * time.Hour) // 5 per second are no burst for an interface of this age
	old, _ := n.attachWire("old", interfaces.ModeFull, peer)
	old.traffic.born = n.now.Add(-3 * time.Hour)
	for i := range 10 {
		if !passes(old, newStation(t, byte(60+i))) {
			t.Fatal("5 per second are too many for an old interface")
		}
		n.pass(200 * time.Millisecond)
	}
}

// I-148: held announces leave after 15 s at the earliest, one in 5 s, those of fewest hops first.
func TestHeldAnnouncesComeOutOneByOne(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, _ := n.attachWire("x", interfaces.ModeFull)
	var stations []*station
	for i := range 8 {
		s := newStation(t, byte(i))
		stations = append(stations, s)
		n.hear(x, s.announce(t, uint8(10-i), IdentityHash{7}))
		n.now = n.now.Add(10 * time.Millisecond)
	}
	began := x.traffic.announces.activated
	held := len(x.traffic.held)
	if held < 5 || began.IsZero() {
		t.Fatalf("%d held", held)
	}
	var order []int
	var last time.Time
	for range 6000 {
		n.pass(10 * time.Millisecond)
		for i, s := range stations {
			if n.paths.lookup(s.destination, n.now) == nil || slices.Contains(order, i) || i < len(stations)-held {
				continue
			}
			if since := n.now.Sub(began); since < 15*time.Second {
				t.Errorf("out %v after the burst began", since)
			}
			if gap := n.now.Sub(last); !last.IsZero() && gap < 5*time.Second {
				t.Errorf("out %v after the one before", gap)
			}
			order, last = append(order, i), n.now
		}
	}
	want := []int{7, 6, 5, 4, 3, 2, 1, 0}[:held]
	if !slices.Equal(order, want) {
		t.Errorf("out in the order %v, want %v", order, want)
	}
	if most := began.Add(15*time.Second + time.Duration(held+1)*5*time.Second); last.After(most) {
		t.Errorf("the last came %v after the burst began", last.Sub(began))
	}
}

// I-149: a flood of path requests stops the search for unknown destinations, and nothing else: what is known is answered.
func TestFloodOfPathRequestsStopsOnlyTheSearch(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	gate, gateWire := n.attachWire("gate", interfaces.ModeGateway)
	other, otherWire := n.attachWire("other", interfaces.ModeGateway)
	full, fullWire := n.attachWire("full", interfaces.ModeFull)
	known := newStation(t, 1)
	n.hear(full, known.announce(t, 0, IdentityHash{}))
	n.pass(30 * time.Second)
	ask := func(on *attached, d DestinationHash) {
		r := NewPathRequest(d, nil, []byte("tag"))
		n.hear(on, r.Append(nil))
	}
	for i := range 100 {
		ask(gate, DestinationHash{1, byte(i)})
		n.pass(20 * time.Millisecond)
	}
	gateWire.take()
	otherWire.take()
	fullWire.take()
	if !gate.traffic.requests.active {
		t.Fatal("50 requests a second are no burst")
	}
	ask(gate, DestinationHash{2})
	if len(fullWire.take()) != 0 {
		t.Error("searched in a burst")
	}
	ask(gate, known.destination)
	n.pass(time.Second)
	if sent := gateWire.take(); len(sent) != 1 || sent[0].Context != ContextPathResponse || sent[0].Destination != known.destination {
		t.Errorf("a known destination: %d answers", len(sent))
	}
	n.hear(gate, newStation(t, 2).announce(t, 0, IdentityHash{}))
	n.pass(time.Second)
	if len(fullWire.take()) == 0 {
		t.Error("an announce is not passed on")
	}
	ask(other, DestinationHash{3})
	if len(fullWire.take()) != 1 {
		t.Error("no search for another interface")
	}
}
