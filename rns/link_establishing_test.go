package rns

import (
	"bytes"
	"testing"
)

// TestProofOverAnotherNumberOfHopsCorrectsThePath holds L-019, C-112.
func TestProofOverAnotherNumberOfHopsCorrectsThePath(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 3, on: on})
	b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
	proof, ok := b.agree()
	if !ok {
		t.Fatal("no keys")
	}
	b.sendLinkProof(b.now, proof)
	good := b.take()[0]
	bad := bytes.Clone(good)
	bad[30] ^= 1
	a.handleRaw(t, bad, on)
	if len(a.rebalanced) != 0 || a.State() != LinkPending {
		t.Fatal("a forged proof changed something")
	}
	a.handleRaw(t, good, on)
	if a.State() != LinkActive || len(a.rebalanced) != 1 || a.rebalanced[0] != 1 || a.Hops() != 1 {
		t.Errorf("state %v, path corrected to %v, %d hops", a.State(), a.rebalanced, a.Hops())
	}
}

// TestProofThatConfirmsMoreThanWasAskedForIsIgnored holds L-030.
func TestProofThatConfirmsMoreThanWasAskedForIsIgnored(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	for mtu, taken := range map[int]bool{499: false, 500: true, 501: false} {
		a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
		b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
		b.Link.now.mtu = mtu
		proof, _ := b.agree()
		b.sendLinkProof(b.now, proof)
		a.handleRaw(t, b.take()[0], on)
		if (a.State() == LinkActive) != taken {
			t.Errorf("mtu %d confirmed: %v", mtu, a.State())
		}
	}
}

// TestRequestedMTUIsClampedToTheInterface holds L-031, L-151.
func TestRequestedMTUIsClampedToTheInterface(t *testing.T) {
	id := benchIdentity(t, 3)
	for _, c := range [][3]int{{8192, 1196, 1196}, {8192, 0, 500}, {500, 8192, 500}, {1064, 8192, 1064}} {
		_, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: benchInterface(c[0])})
		b, ok := benchResponder(t, nil, request, benchInterface(c[1]), &benchTarget{identity: id})
		if !ok || b.MTU() != c[2] {
			t.Errorf("asked for %d on an interface of %d: %d", c[0], c[1], b.MTU())
		}
	}
}

// TestNothingIsHandledBeforeTheApplicationKnowsTheLink holds L-028.
func TestNothingIsHandledBeforeTheApplicationKnowsTheLink(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	var order []string
	d := &benchTarget{identity: id}
	d.onLink = func(l *Link) {
		order = append(order, "link")
		l.SetHandlers(LinkHandlers{OnPacket: func(p *ReceivedPacket) { order = append(order, string(p.Data)) }})
	}
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
	b, _ := benchResponder(t, nil, request, on, d)
	proof, _ := b.agree()
	b.sendLinkProof(b.now, proof)
	a.handleRaw(t, b.take()[0], on)
	a.take() // the LRRTT is lost
	for _, word := range []string{"one", "two"} {
		if _, err := a.sendSealed(a.now, ContextNone, []byte(word)); err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range a.take() {
		b.handleRaw(t, raw, on)
	}
	if len(order) != 3 || order[0] != "link" || order[1] != "one" || order[2] != "two" {
		t.Errorf("the application heard %q", order)
	}
	// The LRRTT that comes after all gives the round trip time, and no second link.
	a.sendRTT(a.now)
	b.handleRaw(t, a.take()[0], on)
	if len(order) != 3 || b.rttGuessed || b.RTT() != a.RTT() {
		t.Errorf("then %q, rtt %v and %v", order, a.RTT(), b.RTT())
	}
}
