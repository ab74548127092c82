package interop

import (
	"context"
	"crypto/rand"
	"net"
	"sync"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

// Node is one of our own nodes in this process, for tests of rns and lxmf against Python.
type Node struct {
	*rns.Transport
	t    *testing.T
	Addr *net.TCPAddr // of its TCP server, when it has one
	Stop func()
	opts rns.InterfaceOptions
}

// startNode starts a node. host is where it listens ("" for no server), dial the port it connects to on that host.
func startNode(t *testing.T, host string, dial int, config rns.Config, opts rns.InterfaceOptions) *Node {
	t.Helper()
	tr, err := rns.New(config)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Transport: tr, t: t, opts: opts}
	if dial != 0 {
		c, err := tcp.NewClient(tcp.ClientConfig{Name: "uplink", Host: host, Port: dial, ReconnectWait: 200 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(c, opts); err != nil {
			t.Fatal(err)
		}
	}
	listening := make(chan net.Addr, 1)
	if dial == 0 {
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "listener", Host: host, OnListen: func(a net.Addr) { listening <- a }})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddSpawner(s, opts); err != nil {
			t.Fatal(err)
		}
	}
	n.run()
	if dial == 0 {
		select {
		case a := <-listening:
			n.Addr = a.(*net.TCPAddr)
		case <-time.After(10 * time.Second):
			t.Fatal("our node does not listen")
		}
	}
	return n
}

// run runs the node until the test ends, or Stop is called.
func (n *Node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	var once sync.Once
	n.Stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					n.t.Errorf("our node ended with: %v", err)
				}
			case <-time.After(10 * time.Second):
				n.t.Error("our node did not end in 10 s")
			}
		})
	}
	n.t.Cleanup(n.Stop)
}

// startNodeWith starts a node with carriers that add gives it.
func startNodeWith(t *testing.T, add func(*rns.Transport) error) *Node {
	t.Helper()
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := add(tr); err != nil {
		t.Fatal(err)
	}
	n := &Node{Transport: tr, t: t}
	n.run()
	return n
}

// echoDestination makes a destination that proves packets, answers /echo and /blob, and collects what it gets.
func (n *Node) echoDestination(identity *rns.Identity, ratchets bool) (*rns.Destination, *Seen) {
	n.t.Helper()
	seen := &Seen{changed: make(chan struct{})}
	c := rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: identity, App: "groupd", Aspects: []string{"interop"},
		OnPacket: func(p *rns.ReceivedPacket) { seen.add("packet", p.Data); p.Prove() },
		OnLink: func(l *rns.Link) {
			seen.link(l)
			l.SetHandlers(handlers(seen))
		},
		AppData: func() []byte { return []byte("ours") },
		// Stock initiators give a proof six times the RTT of the handshake, which is next to nothing on loopback.
		LinkProofDelay: 100 * time.Millisecond,
		// And they lose answers that come before they have noted that they asked.
		AnswerDelay: 100 * time.Millisecond,
	}
	if ratchets {
		c.Ratchets = &rns.RatchetConfig{}
	}
	d, err := n.NewDestination(c)
	if err != nil {
		n.t.Fatal(err)
	}
	d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
	return d, seen
}

func handlers(seen *Seen) rns.LinkHandlers {
	return rns.LinkHandlers{
		OnPacket:     func(p *rns.ReceivedPacket) { seen.add("link packet", p.Data); p.Prove() },
		OnIdentified: func(_ *rns.Link, id *rns.PublicIdentity) { h := id.Hash(); seen.add("identified", h[:]) },
		OnResource: func(rns.ResourceOffer) rns.ResourceDecision {
			return rns.ResourceDecision{Accept: true, MaxSize: 16 << 20}
		},
		OnResourceDone: func(r *rns.ReceivedResource) {
			if r.Err != nil {
				seen.add("resource failed", []byte(r.Err.Error()))
				return
			}
			seen.add("resource", r.Data)
			r.Prove()
		},
		OnClosed: func(*rns.Link) { seen.add("closed", nil) },
	}
}

// Seen collects what one of our destinations got.
type Seen struct {
	mu      sync.Mutex
	items   []item
	links   []*rns.Link
	changed chan struct{}
}

type item struct {
	kind string
	data []byte
}

func (s *Seen) add(kind string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, item{kind, append([]byte(nil), data...)})
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Seen) link(l *rns.Link) {
	s.mu.Lock()
	s.links = append(s.links, l)
	s.mu.Unlock()
	s.add("link", nil)
}

// await waits for the n-th item (from 1) of a kind.
func (s *Seen) await(t *testing.T, kind string, n int, timeout time.Duration) []byte {
	t.Helper()
	deadline := time.After(timeout)
	for {
		s.mu.Lock()
		found, items, changed := 0, s.items, s.changed
		s.mu.Unlock()
		for _, it := range items {
			if it.kind == kind {
				if found++; found == n {
					return it.data
				}
			}
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("our node saw no %s number %d in %v", kind, n, timeout)
		}
	}
}

// awaitKnown waits until our node has heard the announce of a destination.
func (n *Node) awaitKnown(hash rns.DestinationHash) rns.Known {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 15*time.Second)
	defer cancel()
	if err := n.AwaitPath(ctx, hash); err != nil {
		n.t.Fatalf("our node knows no path to %s: %v", hash, err)
	}
	k, ok := n.Recall(hash)
	if !ok {
		n.t.Fatalf("our node does not know %s", hash)
	}
	return k
}

// awaitUp waits until our node's interface is connected: an announce made before goes nowhere.
func (n *Node) awaitUp() {
	n.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		for _, i := range n.Stats().Interfaces {
			if i.Carrier.Online {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	n.t.Fatal("our node is not connected")
}

func newIdentity(t *testing.T) *rns.Identity {
	t.Helper()
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hashOf(t *testing.T, v any) rns.DestinationHash {
	t.Helper()
	s, _ := v.(string)
	h, err := rns.ParseDestinationHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
