package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestRelayedLink: C-104 to C-107, C-109, L-141 to L-145.
func TestRelayedLink(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull, func(a *attached) { a.properties.Bitrate, a.properties.MTU = 1000, 8192 })
	out, outWire := n.attachWire("out", interfaces.ModeFull, func(a *attached) { a.properties.MTU = 2048 })
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 2, IdentityHash{7}))
	request, id, proof := s.linkRequest(t, n, 8192)
	n.hear(in, request)
	sent := outWire.take()
	if len(sent) != 1 {
		t.Fatal("not passed on")
	}
	if mtu, _, _ := ParseSignalling(sent[0].Data[64:]); mtu != 2048 || len(sent[0].Data) != 67 {
		t.Errorf("MTU %d", mtu)
	}
	if got, _ := sent[0].LinkID(); got != id {
		t.Error("the link id changed")
	}
	l := n.relayedLinks.lookup(id, n.now)
	if l == nil || l.remaining != 3 || l.taken != 1 || l.in != in || l.out != out || l.destination != s.destination ||
		l.proofBy.Sub(n.now) != 3*6*time.Second+4*time.Second {
		t.Fatalf("%+v, proof within %v", l, l.proofBy.Sub(n.now))
	}

	// Heard early, on the way to somebody else: it must not be taken for a copy later.
	data := Packet{DestinationType: DestinationLink, Destination: id, Hops: 5, Data: []byte("early")}
	n.hear(in, data.Append(nil))
	data.Hops = 0
	n.hear(in, data.Append(nil))
	if sent := outWire.take(); len(sent) != 1 || sent[0].Hops != 1 || string(sent[0].Data) != "early" || sent[0].HeaderType != Header1 {
		t.Errorf("link data: %+v", sent)
	}
	n.hear(in, data.Append(nil))
	if len(outWire.take()) != 0 {
		t.Error("a copy is passed on")
	}
	keepalive := Packet{DestinationType: DestinationLink, Destination: id, Context: ContextKeepalive, Data: []byte{0xff}}
	n.hear(in, keepalive.Append(nil))
	n.hear(in, keepalive.Append(nil))
	if len(outWire.take()) != 2 {
		t.Error("L-145: keepalives are taken for copies")
	}

	proof[offsetHops] = 2
	n.hear(out, proof)
	n.hear(out, proof)
	if back := inWire.take(); len(back) != 2 || back[0].Hops != 3 || !l.validated {
		t.Fatalf("proof: %d passed on", len(back))
	}
	n.now = n.now.Add(800 * time.Second)
	data.Hops, data.Data = 2, []byte("answer")
	n.hear(out, data.Append(nil))
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 3 || !l.used.Equal(n.now) {
		t.Errorf("answer: %+v", back)
	}
}

// TestForgedLinkProof: C-110, C-111, L-143.
func TestLinkProofsAreChecked(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 2, IdentityHash{7}))
	request, id, proof := s.linkRequest(t, n, 500)
	n.hear(in, request)
	outWire.take()
	l := n.relayedLinks.lookup(id, n.now)
	proof[offsetHops] = 2

	bad := bytes.Clone(proof)
	bad[HeaderMinSize]++
	n.hear(out, bad)
	n.hear(out, proof[:len(proof)-1])
	n.hear(in, proof)
	bad = bytes.Clone(proof)
	bad[offsetHops] = 4
	bad[HeaderMinSize]++
	n.hear(out, bad)
	if len(inWire.take()) != 0 || l.validated || l.remaining != 3 {
		t.Fatal("C-110: a bad proof is passed on")
	}
	proof[offsetHops] = 4
	n.hear(out, proof)
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 5 || l.remaining != 5 || n.paths.lookup(s.destination, n.now).hops != 5 || !l.validated {
		t.Fatalf("C-111: %+v, %+v", back, l)
	}
	proof[offsetHops] = 6
	n.hear(out, proof)
	if len(inWire.take()) != 0 || l.remaining != 5 {
		t.Error("C-111: re-balanced again")
	}
}

// TestFailedLinkOfOthers: C-152, L-147.
func TestFailedLinkOfOthersIsRepaired(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	boundary, boundaryWire := n.attachWire("boundary", interfaces.ModeBoundary)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	n.pass(time.Minute)
	clearAll := func() { inWire.take(); outWire.take(); boundaryWire.take() }
	clearAll()
	try := func(on *attached) {
		request, _, _ := s.linkRequest(t, n, 500)
		n.hear(on, request)
		outWire.take()
		n.pass(8 * time.Second)
	}
	try(boundary)
	path := n.paths.lookup(s.destination, n.now)
	if path.state != pathUnknown || len(outWire.take()) != 1 || len(inWire.take()) != 1 || len(boundaryWire.take()) != 0 {
		t.Error("a boundary interface marks the path, or we asked on the wrong interfaces")
	}
	try(in)
	if path.state != pathUnknown || len(outWire.take()) != 0 {
		t.Error("asked twice within 20 s")
	}
	n.pass(20 * time.Second)
	try(in)
	if path.state != pathUnresponsive || len(outWire.take()) != 1 || len(boundaryWire.take()) != 1 || len(inWire.take()) != 0 {
		t.Error("C-152: the path is not marked, or not asked for")
	}
	n.paths.expire(s.destination)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(s.destination, n.now).state != pathUnknown {
		t.Error("still unresponsive")
	}
}

// TestLinkDataFromAnotherInterfaceIsForgotten: C-090, C-091.
func TestLinkDataFromAnotherInterfaceIsForgotten(t *testing.T) {
	n := newRelayNode(t, Config{})
	on, _ := n.attachWire("on", interfaces.ModeFull)
	other, _ := n.attachWire("other", interfaces.ModeFull)
	end, _ := benchInitiator(t, nil, DestinationHash{5}, newStation(t, 1).identity.PublicIdentity, linkRoute{hops: 1, on: on})
	l := end.Link
	l.now.on, l.now.state = on, LinkActive
	l.publish()
	n.links[l.ID()] = l
	p := Packet{DestinationType: DestinationLink, Destination: l.ID(), Data: []byte("data")}
	n.hear(other, p.Append(nil))
	if len(l.inbox.waiting) != 0 || n.duplicates.seen(p.Hash()) || other.drops.snapshot()[DropLinkQueue] != 1 {
		t.Error("delivered, or remembered")
	}
	n.hear(on, p.Append(nil))
	n.hear(on, p.Append(nil))
	if len(l.inbox.waiting) != 1 || !n.duplicates.seen(p.Hash()) {
		t.Errorf("%d delivered", len(l.inbox.waiting))
	}
	proof := Packet{DestinationType: DestinationLink, PacketType: PacketProof, Context: ContextLinkReqProof, Destination: l.ID(), Data: make([]byte, 99)}
	n.hear(on, proof.Append(nil))
	if n.duplicates.seen(proof.Hash()) {
		t.Error("a proof of a link request is remembered")
	}
}
