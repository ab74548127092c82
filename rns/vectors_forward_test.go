package rns

import (
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/interfaces"
)

// TestVectorsForwardedByANode gives each packet to a transport node with the path of the case: C-097, C-098, C-105, L-142.
func TestVectorsForwardedByANode(t *testing.T) {
	vectors.RunKinds(t, "packets", []string{"forward"}, func(t *testing.T, c vectors.Case) {
		n := newRelayNode(t, relayConfig())
		n.self = c.In.Hash16("transport_identity_hash")
		mtu := func(key string, none int) func(*attached) {
			return func(a *attached) {
				a.properties.MTU = none
				if c.In.Has(key) {
					a.properties.MTU = c.In.Int(key)
				}
			}
		}
		const withoutUpgrade = 508 // of the interface that such a case came in on
		in, _ := n.attachWire("in", interfaces.ModeFull, mtu("incoming_interface_mtu", withoutUpgrade))
		out, w := n.attachWire("out", interfaces.ModeFull, mtu("outgoing_interface_mtu", 0))
		p, err := ParsePacket(c.In.Bytes("raw"))
		if err != nil {
			t.Fatal(err)
		}
		path := n.paths.entry(p.Destination)
		path.via, path.hops = out, uint8(c.In.Int("path_hops"))
		path.store(c.In.Hash16("next_hop"), PacketHash{}, "", "")
		n.paths.touch(path, n.now)
		before := p.Hash()
		n.hear(in, c.In.Bytes("raw"))
		if len(w.sent) != 1 {
			t.Fatalf("%d sent", len(w.sent))
		}
		c.Out.CheckBytes("sent", w.sent[0])
		after, err := ParsePacket(w.sent[0])
		if err != nil || p.PacketType != PacketLinkRequest && after.Hash() != before {
			t.Error("the packet hash changed")
		}
	})
}
