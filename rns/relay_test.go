package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestTransit: C-045, C-097, C-098, C-101, C-102.
func TestTransit(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	_, otherWire := n.attachWire("other", interfaces.ModeFull)
	far, near := newStation(t, 1), newStation(t, 2)
	next := IdentityHash{7}
	n.hear(out, far.announce(t, 2, next))
	n.hear(out, near.announce(t, 0, IdentityHash{}))
	n.now = n.now.Add(time.Hour)

	raw := addressed(n, PacketData, far.destination, "far")
	n.hear(in, raw)
	sent := outWire.take()
	if len(sent) != 1 {
		t.Fatalf("%d sent", len(sent))
	}
	p := sent[0]
	if p.Hops != 5 || p.TransportID != next || p.Context != 0x42 || p.Flags() != raw[0] || string(p.Data) != "far" {
		t.Errorf("passed on as %x", p.Raw)
	}
	if path := n.paths.lookup(far.destination, n.now); !n.paths.time(path.used).Equal(n.now) {
		t.Error("the path is not used")
	}

	n.hear(in, addressed(n, PacketData, near.destination, "near"))
	sent = outWire.take()
	if len(sent) != 1 || sent[0].Flags() != 0 || sent[0].Hops != 5 || sent[0].Destination != near.destination || string(sent[0].Data) != "near" {
		t.Fatalf("last hop: %+v", sent)
	}

	// The proof goes back where the packet came from, if it comes from where the packet went.
	proof := Packet{PacketType: PacketProof, Destination: sent[0].TruncatedHash(), Data: make([]byte, 64)}
	n.hear(in, proof.Append(nil))
	if len(inWire.take()) != 0 {
		t.Error("a proof from the wrong side is passed on")
	}
	proof.Data[0] = 1 // another packet
	proof.Hops = 2
	n.hear(out, proof.Append(nil))
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 3 || back[0].PacketType != PacketProof {
		t.Errorf("proof: %+v", back)
	}
	if len(otherWire.take()) != 0 || n.relayed.packets != 3 {
		t.Error("something leaked to another interface")
	}

	foreign := addressed(n, PacketData, far.destination, "not for us")
	foreign[offsetTransportID]++
	n.now = n.now.Add(time.Hour)
	n.hear(in, foreign)
	if len(outWire.take()) != 0 || n.paths.time(n.paths.lookup(far.destination, n.now).used).Equal(n.now) {
		t.Error("C-101: a foreign packet is passed on, or used the path")
	}
	n.hear(in, raw)
	if len(outWire.take()) != 0 {
		t.Error("a copy is passed on")
	}
}

// TestTransitWithoutPath: C-099. TestTransit…Disabled: C-100, C-130.
func TestTransitWithoutPathLeavesNoTrace(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, _ := n.attachWire("in", interfaces.ModeFull)
	_, outWire := n.attachWire("out", interfaces.ModeFull)
	n.hear(in, addressed(n, PacketData, DestinationHash{9}, "x"))
	n.hear(in, addressed(n, PacketLinkRequest, DestinationHash{9}, string(make([]byte, 67))))
	if len(outWire.take()) != 0 || len(n.reverse.entries)+len(n.relayedLinks.entries) != 0 {
		t.Error("a trace")
	}
}

func TestPlainNodePassesNothingOn(t *testing.T) {
	n := newRelayNode(t, Config{})
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeGateway)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(s.destination, n.now) == nil {
		t.Fatal("no path learned")
	}
	n.hear(in, addressed(n, PacketData, s.destination, "x"))
	request := NewPathRequest(s.destination, nil, []byte("tag"))
	n.hear(in, request.Append(nil))
	unknown := NewPathRequest(DestinationHash{5}, nil, []byte("tag"))
	n.hear(out, unknown.Append(nil))
	n.pass(10 * time.Second)
	if len(inWire.take())+len(outWire.take()) != 0 || len(n.reverse.entries) != 0 {
		t.Error("it does") // C-146, too
	}
}

// TestTunnelAtANode: C-153, C-155.
func TestPathsComeBackWithTheirTunnel(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	first, _ := n.attachWire("first", interfaces.ModeFull)
	peer := newStation(t, 50)
	introduction := func() []byte {
		p, err := NewTunnelSynthesis(peer.identity, HashInterface("TCPInterface[x/y:1]"), n.engine.t.config.Rand)
		if err != nil {
			t.Fatal(err)
		}
		return p.Append(nil)
	}
	good := introduction()
	for _, raw := range [][]byte{good[:len(good)-1], append(bytes.Clone(good), 0)} {
		n.hear(first, raw)
	}
	bad := bytes.Clone(good)
	bad[len(bad)-1] ^= 1
	n.hear(first, bad)
	if len(n.tunnels.entries) != 0 || first.drops.snapshot()[DropTunnel] != 3 {
		t.Fatal("C-153: a bad introduction is taken")
	}
	n.hear(first, good)
	s := newStation(t, 1)
	n.hear(first, s.announce(t, 3, IdentityHash{7}))
	n.detach(first)
	if n.paths.lookup(s.destination, n.now) != nil {
		t.Fatal("C-129: a path over an interface that is gone")
	}
	n.now = n.now.Add(time.Hour)
	second, w := n.attachWire("second", interfaces.ModeFull)
	n.hear(second, introduction())
	p := n.paths.lookup(s.destination, n.now)
	if p == nil || p.via != second || p.hops != 4 || p.nextHop() != (TruncatedHash{7}) || !p.answers {
		t.Fatalf("C-155: %+v", p)
	}
	n.pass(time.Minute)
	w.take()
	r := NewPathRequest(s.destination, nil, []byte("x"))
	n.hear(second, r.Append(nil))
	n.pass(time.Second)
	if len(w.take()) != 1 {
		t.Error("the path is not answered for")
	}
	n.hear(second, s.announce(t, 0, IdentityHash{}))
	n.pass(time.Hour)
	n.hear(second, introduction())
	if p := n.paths.lookup(s.destination, n.now); p.hops != 1 {
		t.Error("C-155: an older path replaced a newer one")
	}
}

// TestContextsThatRepeat: C-087.
func TestContextsThatRepeat(t *testing.T) {
	for c := range 256 {
		switch c := Context(c); c {
		case 0x01, 0x03, 0x05, 0x08, 0x0e, 0xfa:
			if !exemptFromDuplicates(c) {
				t.Errorf("context %#x", byte(c))
			}
		default:
			if exemptFromDuplicates(c) {
				t.Errorf("context %#x", byte(c))
			}
		}
	}
}

// TestOwnPacketWithoutPathGoesEverywhere: C-096, C-085 for announces: those of any transport id are heard.
func TestOwnPacketWithoutPathGoesEverywhere(t *testing.T) {
	n := newRelayNode(t, Config{})
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	_, yWire := n.attachWire("y", interfaces.ModeRoaming)
	_, mute := n.attachWire("mute", interfaces.ModeFull, func(a *attached) { a.properties.Outgoing = false })
	s := newStation(t, 1)
	p := Packet{Destination: s.destination, Data: []byte("hello")}
	raw := p.Append(nil)
	if _, _, err := n.route(outFrame{raw: raw}); err != nil {
		t.Fatal(err)
	}
	if len(xWire.take()) != 1 || len(yWire.take()) != 1 || len(mute.take()) != 0 {
		t.Error("not sent on all interfaces that may send")
	}
	n.hear(x, s.announce(t, 2, IdentityHash{9}))
	if n.paths.lookup(s.destination, n.now) == nil {
		t.Fatal("an announce passed on by another node is not heard")
	}
	if _, _, err := n.route(outFrame{raw: raw}); err != nil {
		t.Fatal(err)
	}
	if sent := xWire.take(); len(sent) != 1 || IdentityHash(sent[0].TransportID) != (IdentityHash{9}) || len(yWire.take()) != 0 {
		t.Error("not sent by its path alone")
	}
}
