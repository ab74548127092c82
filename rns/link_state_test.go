package rns

import (
	"math"
	"testing"
	"time"
)

func TestStatesFollowTheDiagram(t *testing.T) {
	all := []LinkState{LinkPending, LinkHandshake, LinkActive, LinkStale, LinkClosed}
	moves := map[linkEvent]map[LinkState]LinkState{
		linkKeysAgreed: {LinkPending: LinkHandshake},
		linkProved:     {LinkPending: LinkActive},
		linkRTTKnown:   {LinkHandshake: LinkActive},
		linkSilent:     {LinkActive: LinkStale},
		linkHeard:      {LinkStale: LinkActive},
		linkEnded: {LinkPending: LinkClosed, LinkHandshake: LinkClosed, LinkActive: LinkClosed, LinkStale: LinkClosed,
			LinkClosed: LinkClosed},
	}
	for e, table := range moves {
		for _, s := range all {
			want, ok := table[s]
			if !ok {
				want = s
			}
			if got := s.next(e); got != want {
				t.Errorf("event %d leads from %v to %v, want %v", e, s, got, want)
			}
		}
	}
}

// TestTimingOfLinks holds L-023, L-024, L-042.
func TestTimingOfLinks(t *testing.T) {
	for rtt, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 24 * time.Millisecond: 5 * time.Second, 875 * time.Millisecond: 180 * time.Second,
		1750 * time.Millisecond: 360 * time.Second, time.Minute: 360 * time.Second,
	} {
		if got := keepaliveInterval(rtt); got.Round(time.Millisecond) != want {
			t.Errorf("keepalive for %v is %v", rtt, got)
		}
	}
	if got := initiatorTimeout(3, 0); got != 24*time.Second {
		t.Errorf("initiator, 3 hops: %v", got)
	}
	if got := initiatorTimeout(0, 1000); got != 16*time.Second {
		t.Errorf("initiator, slow carrier: %v", got)
	}
	if got := initiatorTimeout(MaxHops, 0); got != 774*time.Second {
		t.Errorf("initiator, unknown path: %v", got)
	}
	if got := responderTimeout(2); got != 372*time.Second {
		t.Errorf("responder: %v", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 3601} {
		if _, ok := claimedRTT(bad); ok {
			t.Errorf("a round trip of %v s was believed", bad)
		}
	}
	for _, c := range [][3]time.Duration{
		{time.Second, 2 * time.Second, 2 * time.Second},
		{2 * time.Second, time.Second, 2 * time.Second},
		{20 * time.Second, time.Second, time.Second}, // the LRRTT was sent again
	} {
		if got := responderRTT(c[0], c[1]); got != c[2] {
			t.Errorf("measured %v, claimed %v: %v", c[0], c[1], got)
		}
	}
}

// TestLinkSaysGoodbyeOnlyToWhomItKnows holds L-047, L-049.
func TestLinkSaysGoodbyeOnlyToWhomItKnows(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
	b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
	if _, ok := b.agree(); !ok {
		t.Fatal("no keys")
	}
	a.close(a.now, CloseInitiator, true)
	if len(a.take()) != 0 || a.failed != 1 || a.unregistered != 1 {
		t.Error("a pending link said goodbye, or its path was not doubted")
	}
	b.close(b.now, CloseDestination, true)
	if sent := b.take(); len(sent) != 1 || len(sent[0]) != 99 || b.failed != 0 {
		t.Errorf("a link in handshake sent %d packets", len(sent))
	}
	b.close(b.now, CloseTimeout, true)
	if len(b.take()) != 0 || b.Link.now.reason != CloseDestination || b.key != nil || b.keys.exchange != nil {
		t.Error("closing again did something, or keys are left")
	}
}

// TestWatchdogOfAnInitiator holds L-043, L-044, L-045.
func TestWatchdogOfAnInitiator(t *testing.T) {
	a := activeInitiator(t) // rtt 100 ms: keepalive every 20.57 s
	k := a.watch.keepalive
	a.watch.outbound = a.now
	step := func(at time.Duration) int {
		a.tick(a.activatedAt.Add(at))
		return len(a.take())
	}
	if n := step(k); n != 0 {
		t.Errorf("%d packets after one interval", n)
	}
	if n := step(k + a.RTT()); n != 1 {
		t.Errorf("%d keepalives", n)
	}
	if n := step(k + a.RTT() + time.Second); n != 1 { // no answer came, and nothing ever did: once more the LRRTT
		t.Errorf("%d packets after the first unanswered keepalive", n)
	}
	if n := step(k + a.RTT() + 2*time.Second); n != 0 {
		t.Errorf("%d packets more", n)
	}
	step(2 * k)
	if a.State() != LinkStale {
		t.Errorf("state %v", a.State())
	}
	a.now = a.activatedAt.Add(2*k + time.Second)
	a.handleRaw(t, appendLinkHeader(nil, a.id, PacketData, ContextKeepalive), a.Link.now.on) // empty: no sign of life
	if a.State() != LinkStale {
		t.Errorf("state %v", a.State())
	}
	a.handleRaw(t, append(appendLinkHeader(nil, a.id, PacketData, ContextKeepalive), 0xfe), a.Link.now.on)
	if a.State() != LinkActive {
		t.Errorf("state %v", a.State())
	}
	a.take()
	a.tick(a.now.Add(2 * k))
	if n := len(a.take()); a.State() != LinkStale || n != 1 {
		t.Errorf("state %v, %d packets", a.State(), n)
	}
	a.tick(a.now.Add(2*k + 3*time.Second))
	if n := len(a.take()); n != 1 {
		t.Errorf("%d last tries", n)
	}
	a.tick(a.now.Add(2*k + 5*time.Second + 400*time.Millisecond))
	if sent := a.take(); a.State() != LinkClosed || a.Link.now.reason != CloseTimeout || len(sent) != 1 || len(sent[0]) != 99 {
		t.Errorf("state %v, %d packets", a.State(), len(sent))
	}
}
