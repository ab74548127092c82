package rns_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// hidden is a node with a program, both behind LocalHopsDelta, and a far node behind a relay.
type hidden struct {
	node, program, relay, far *rnstest.Node

	mu   sync.Mutex
	sent []rns.Packet // by node to the network
}

func startHidden(t *testing.T, transport bool) *hidden {
	t.Helper()
	network, beyond := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
	socket := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1e9, MTU: 262144})
	h := new(hidden)
	network.Tap(func(from string, frame []byte) {
		if p, err := rns.ParsePacket(bytes.Clone(frame)); from == "node" && err == nil {
			h.mu.Lock()
			h.sent = append(h.sent, p)
			h.mu.Unlock()
		}
	})
	h.node = start(t, rns.Config{LocalHopsDelta: true, TransportEnabled: transport}, func(tr *rns.Transport) {
		add(t, tr, network.Port("node"), rns.LocalNone)
		add(t, tr, socket.Port("socket"), rns.LocalClient)
	})
	h.program = start(t, rns.Config{LocalHopsDelta: true}, func(tr *rns.Transport) { add(t, tr, socket.Port("program"), rns.LocalMaster) })
	h.relay = rnstest.Start(t, rns.Config{TransportEnabled: true}, network.Port("relay"), beyond.Port("relay beyond"))
	h.far = rnstest.Start(t, rns.Config{}, beyond.Port("far"))
	return h
}

// use sends a packet, a request and a resource to a destination made by links.
func use(t *testing.T, what string, from *rnstest.Node, to *rns.Identity, got <-chan *rns.ReceivedResource) {
	t.Helper()
	remote := from.NewRemote(to.Public(), "test", "links")
	r := send(t, remote, "hello")
	<-r.Done()
	if r.Status() != rns.ReceiptDelivered {
		t.Errorf("%s: packet %v", what, r.Status())
	}
	l, err := from.OpenLink(t.Context(), remote)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if _, err := l.Request(t.Context(), "/echo", msgpack.Str("x"), rns.RequestOptions{}); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	data := bytes.Repeat([]byte(what), 1000)
	if err := l.SendResource(t.Context(), rns.ResourceBytes(data), rns.ResourceOptions{}); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if r := next(t, got); !bytes.Equal(r.Data, data) {
		t.Errorf("%s: another resource", what)
	}
	_ = l.Close()
}

// With local_hops_delta nobody outside can tell what is on this machine: its node's destinations and its programs' seem to be two to
// seven hops further away, and everything works both ways.
func TestLocalDestinationsSeemFurtherAway(t *testing.T) {
	for _, transport := range []bool{false, true} {
		t.Run(fmt.Sprint("transport ", transport), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startHidden(t, transport)
				nodeID, programID, farID := rnstest.Identity(t, 1), rnstest.Identity(t, 2), rnstest.Identity(t, 3)
				dNode, nodeGot := links(t, h.node, nodeID)
				dProgram, programGot := links(t, h.program, programID)
				dFar, farGot := links(t, h.far, farID)
				time.Sleep(time.Second)
				for _, d := range []*rns.Destination{dNode, dProgram, dFar} {
					announce(t, d)
					time.Sleep(10 * time.Second)
				}
				seem := h.relay.Hops(dNode.Hash())
				if seem < 3 || seem > 8 || h.relay.Hops(dProgram.Hash()) != seem || h.far.Hops(dNode.Hash()) != seem+1 {
					t.Errorf("the relay sees the node's destination %d hops away, and the program's %d; the far node %d", seem, h.relay.Hops(dProgram.Hash()), h.far.Hops(dNode.Hash()))
				}
				for _, d := range []*rns.Destination{dNode, dProgram} {
					if i, _ := h.relay.PathInfo(d.Hash()); i.NextHop != rns.TruncatedHash(h.node.Identity().Hash()) {
						t.Errorf("packets for %v go to %v", d.Hash(), i.NextHop)
					}
				}
				if hops := h.program.Hops(dFar.Hash()); hops != 2 {
					t.Errorf("the program sees the far node %d hops away", hops)
				}
				use(t, "in to the node", h.far, nodeID, nodeGot)
				use(t, "in to the program", h.far, programID, programGot)
				use(t, "out from the node", h.node, farID, farGot)
				use(t, "out from the program", h.program, farID, farGot)
				use(t, "in from the neighbour", h.relay, programID, programGot)

				for _, d := range []*rns.Destination{dNode, dProgram} { // path answers hide it, too
					h.relay.ForgetPath(d.Hash())
					time.Sleep(30 * time.Second)
					if err := h.relay.AwaitPath(t.Context(), d.Hash()); err != nil {
						t.Error(err)
					} else if hops := h.relay.Hops(d.Hash()); hops != seem {
						t.Errorf("a path answer says %d hops", hops)
					}
				}
				h.mu.Lock()
				defer h.mu.Unlock()
				for _, p := range h.sent {
					switch plain := p.DestinationType == rns.DestinationPlain; {
					case plain && p.Hops != 0:
						t.Errorf("a packet for neighbours left with %d hops", p.Hops)
					case !plain && int(p.Hops)+1 < 3:
						t.Errorf("%+v left with %d hops", p.PacketType, p.Hops)
					}
				}
			})
		})
	}
}

// The number is drawn for each run, from 2 to 7, as the reference does.
func TestHiddenHopsAreDrawnPerRun(t *testing.T) {
	for first, want := range map[byte]int{0: 2, 5: 7, 6: 2, 255: 5} {
		synctest.Test(t, func(t *testing.T) {
			m := ifacetest.NewMedium(ifacetest.Options{})
			id := rnstest.Identity(t, 1)
			n := rnstest.Start(t, rns.Config{LocalHopsDelta: true, Identity: id, Rand: same(first)}, m.Port("node"))
			other := rnstest.Start(t, rns.Config{}, m.Port("other"))
			d, _ := links(t, n, rnstest.Identity(t, 2))
			announce(t, d)
			if hops := other.Hops(d.Hash()); hops != want+1 {
				t.Errorf("byte %d: %d hops, want %d", first, hops, want+1)
			}
		})
	}
}

// same is a source of one byte again and again.
type same byte

func (s same) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s)
	}
	return len(p), nil
}
