package rns

import (
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// I-152: announces of others, of programs of this machine too, stay off an access point; who asks there gets an answer. Our own are
// in TestAnnounceStaysOffAccessPoints.
func TestAccessPointHearsOnlyAnswers(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	full, fullWire := n.attachWire("full", interfaces.ModeFull)
	ap, apWire := n.attachWire("ap", interfaces.ModeAccessPoint)
	client, _ := n.attachWire("client", interfaces.ModeFull, func(a *attached) { a.options.Local = LocalClient })
	far, near := newStation(t, 1), newStation(t, 2)
	n.hear(full, far.announce(t, 1, IdentityHash{7}))
	n.hear(client, near.announce(t, 0, IdentityHash{}))
	n.pass(time.Minute)
	if len(fullWire.take()) == 0 {
		t.Error("nothing is passed on at all")
	}
	if sent := apWire.take(); len(sent) != 0 {
		t.Fatalf("%d announces left on the access point", len(sent))
	}
	for i, s := range []*station{far, near} {
		r := NewPathRequest(s.destination, nil, []byte{byte(i)})
		n.hear(ap, r.Append(nil))
		n.pass(time.Second)
		sent := apWire.take()
		if len(sent) != 1 || sent[0].Destination != s.destination || sent[0].Context != ContextPathResponse {
			t.Errorf("destination %d: %d answers on the access point", i, len(sent))
		}
		if len(fullWire.take()) != 0 {
			t.Errorf("destination %d: answered elsewhere too", i)
		}
	}
}

// I-153: a path request from outside for the destination of a program. A node with transport answers itself, where it was asked; one
// without asks the program, and its answer leaves as ordinary announce on all interfaces.
func TestPathRequestsForPrograms(t *testing.T) {
	for _, transport := range []bool{true, false} {
		n := newRelayNode(t, Config{TransportEnabled: transport})
		x, xWire := n.attachWire("x", interfaces.ModeFull)
		_, yWire := n.attachWire("y", interfaces.ModeFull)
		_, apWire := n.attachWire("ap", interfaces.ModeAccessPoint)
		client, clientWire := n.attachWire("client", interfaces.ModeFull, func(a *attached) { a.options.Local = LocalClient })
		s := newStation(t, 1)
		n.hear(client, s.announce(t, 0, IdentityHash{}, asPathResponse)) // as a program registers
		n.pass(time.Minute)
		if len(xWire.take())+len(yWire.take())+len(apWire.take()) != 0 {
			t.Errorf("transport %v: the registration went out", transport)
		}
		clientWire.take()
		r := NewPathRequest(s.destination, nil, []byte("tag"))
		n.hear(x, r.Append(nil))
		n.pass(time.Second)
		asked := clientWire.take()
		if transport {
			sent := xWire.take()
			if len(sent) != 1 || sent[0].Context != ContextPathResponse || sent[0].HeaderType != Header2 || sent[0].Hops != 0 || sent[0].Destination != s.destination {
				t.Errorf("with transport: %d answers where it was asked", len(sent))
			}
			if len(asked)+len(yWire.take())+len(apWire.take()) != 0 {
				t.Error("with transport: the request, or the answer, went elsewhere too")
			}
			continue
		}
		if len(asked) != 1 || asked[0].Destination != pathRequestDestination() || len(xWire.take()) != 0 {
			t.Fatalf("without transport: the program got %d requests", len(asked))
		}
		n.hear(client, s.announce(t, 0, IdentityHash{}, asPathResponse))
		n.pass(10 * time.Second)
		for name, w := range map[string]*wire{"x": xWire, "y": yWire} {
			sent := w.take()
			if len(sent) != 1 || sent[0].Context != ContextNone || sent[0].Hops != 0 || sent[0].Destination != s.destination || sent[0].PacketType != PacketAnnounce {
				t.Errorf("without transport: %d announces on %s", len(sent), name)
			}
		}
		if len(apWire.take()) != 0 {
			t.Error("without transport: an announce on an access point")
		}
		n.hear(client, s.announce(t, 0, IdentityHash{}, asPathResponse)) // nobody waits for this one
		n.pass(10 * time.Second)
		if len(xWire.take())+len(yWire.take()) != 0 {
			t.Error("without transport: an answer that nobody waits for went out")
		}
	}
}
