package rns_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestLinksSayGoodbyeWhenTheNodeStops holds L-050.
func TestLinksSayGoodbyeWhenTheNodeStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// LINKCLOSE takes most of a second on this radio.
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1000})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		links := make(chan *rns.Link, 10)
		d, err := b.NewDestination(rns.DestinationConfig{Identity: id, App: "test", OnLink: func(l *rns.Link) { links <- l }})
		if err != nil {
			t.Fatal(err)
		}
		announce(t, d)
		time.Sleep(10 * time.Second)
		l, err := a.OpenLink(t.Context(), a.NewRemote(id.Public(), "test"))
		if err != nil {
			t.Fatal(err)
		}
		other := next(t, links)
		if a.Stats().Links != 1 || b.Stats().Links != 1 {
			t.Errorf("%d and %d links", a.Stats().Links, b.Stats().Links)
		}
		began := time.Now()
		a.Stop()
		<-other.Done()
		if waited := time.Since(began); waited > 3*time.Second {
			t.Errorf("the other end noticed after %v", waited)
		}
		<-l.Done()
		if _, err := a.OpenLink(t.Context(), a.NewRemote(id.Public(), "test")); !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if b.Stats().Links != 0 {
			t.Error("the link is still registered")
		}
	})
}

// listener is a spawner whose peers come from a channel.
type listener struct {
	name  string
	peers chan interfaces.Interface
	gone  chan string
}

func (l *listener) Name() string { return l.name }

func (l *listener) Serve(ctx context.Context, attach func(interfaces.Interface) func()) error {
	var detach []func()
	defer func() {
		for _, f := range detach {
			f()
		}
		close(l.gone)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-l.peers:
			f := attach(p)
			if f == nil {
				l.gone <- p.Name()
				continue
			}
			detach = append(detach, f)
		}
	}
}

// peer is a port with another name.
type peer struct{ *ifacetest.Port }

func (peer) Name() string { return "peer" }

// TestListenerBringsInterfaces holds C-082.
func TestListenerBringsInterfaces(t *testing.T) {
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("added before Run %v", before), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := ifacetest.NewMedium(ifacetest.Options{})
				tr, err := rns.New(rns.Config{MaxInterfaces: 2})
				if err != nil {
					t.Fatal(err)
				}
				l := &listener{name: "listener", peers: make(chan interfaces.Interface), gone: make(chan string, 10)}
				o := rns.InterfaceOptions{NetworkName: "net", Mode: interfaces.ModeRoaming}
				if before {
					if err := tr.AddSpawner(l, o); err != nil {
						t.Fatal(err)
					}
				}
				n := rnstest.Run(t, tr)
				if !before {
					if err := tr.AddSpawner(l, o); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 3 {
					l.peers <- peer{m.Port(fmt.Sprint("p", i))} // all of one name, as the reference names them
					synctest.Wait()
				}
				if name := <-l.gone; name != "peer" {
					t.Errorf("refused %s", name)
				}
				s := n.Stats().Interfaces
				if len(s) == 0 || s[0].Mode != interfaces.ModeRoaming || !s[0].IFAC {
					t.Errorf("interfaces %+v", s)
				}
				b := rnstest.StartWith(t, rns.Config{}, o, m.Port("b"))
				d, _ := inbox(t, b, rnstest.Identity(t, 1))
				announce(t, d)
				if i, ok := n.PathInfo(d.Hash()); !ok || i.Interface != "peer" {
					t.Errorf("path %+v", i)
				}
				n.Stop()
				<-l.gone
			})
		})
	}
}

func TestOptionsOfAListenerAreChecked(t *testing.T) {
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	bad := rns.InterfaceOptions{Passphrase: "x", IFACSize: 65}
	if err := tr.AddSpawner(&listener{name: "l"}, bad); err == nil {
		t.Error("an access code of 65 bytes is accepted")
	}
	if err := tr.AddInterface(ifacetest.NewMedium(ifacetest.Options{}).Port("p"), bad); err == nil {
		t.Error("an access code of 65 bytes is accepted")
	}
	for _, c := range []rns.Config{{MaxPaths: -1}, {MaxKnown: -1}, {PathTimeout: -1}, {VerifyWorkers: -1}, {MaxLinks: -1}} {
		if _, err := rns.New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestPathAnswerIsMadeOncePerTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		b := rnstest.Start(t, rns.Config{}, m.Port("b"))
		calls := 0
		d, _ := inbox(t, b, rnstest.Identity(t, 1), func(c *rns.DestinationConfig) {
			c.AppData = func() []byte { calls++; return nil }
		})
		ask := func(tag byte) {
			h := d.Hash()
			p := rns.Packet{
				DestinationType: rns.DestinationPlain,
				Destination:     rns.HashDestination(nil, "rnstransport", "path", "request"),
				Data:            append(h[:], tag),
			}
			m.Inject(p.Append(nil))
			synctest.Wait()
		}
		ask(1)
		ask(2)
		if calls != 1 {
			t.Errorf("made %d times", calls)
		}
		time.Sleep(10 * time.Second)
		ask(3)
		if calls != 2 {
			t.Errorf("made %d times", calls)
		}
		announce(t, d)
		ask(4)
		if calls != 4 {
			t.Errorf("after an announce the old answer is sent again: made %d times", calls)
		}
		if n := m.Stats().Frames; n != 4+4+1 {
			t.Errorf("%d frames", n)
		}
	})
}

// TestTablesStayInTheirBounds holds C-177.
func TestTablesStayInTheirBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		n := rnstest.Start(t, rns.Config{MaxPaths: 50, MaxKnown: 60, DuplicateMemory: 100}, m.Port("n"))
		synctest.Wait()
		id := rnstest.Identity(t, 1)
		for i := range 500 {
			random, err := rns.NewRandomField(zeros{}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName(fmt.Sprint(i)), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			m.Inject(p.Append(nil))
			x := rns.Packet{Destination: rns.DestinationHash{byte(i), byte(i >> 8)}}
			m.Inject(x.Append(nil))
			x.PacketType = rns.PacketLinkRequest
			x.Data = make([]byte, 64)
			m.Inject(x.Append(nil))
			x.PacketType = rns.PacketProof
			m.Inject(x.Append(nil))
			synctest.Wait()
		}
		s := n.Stats()
		if s.Paths != 50 || s.Known != 60 || s.Duplicates > 200 || s.PathsEvicted != 450 || s.KnownDropped != 440 || s.Links != 0 {
			t.Errorf("%+v", s)
		}
		if s.Drops[rns.DropNoDestination] != 1000 || s.Drops[rns.DropProof] != 500 {
			t.Errorf("drops %v", s.Drops)
		}
	})
}

func TestEverythingAtOnceThenStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Latency: time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, Seed: 7})
		var store rnstest.Store
		nodes := []*rnstest.Node{
			rnstest.Start(t, rns.Config{Store: &store}, m.Port("0")),
			rnstest.Start(t, rns.Config{}, m.Port("1")),
			rnstest.Start(t, rns.Config{}, m.Port("2")),
		}
		var wg sync.WaitGroup
		for i, n := range nodes {
			id := rnstest.Identity(t, byte(i))
			d, err := n.NewDestination(rns.DestinationConfig{
				Identity: id, App: "storm", Ratchets: &rns.RatchetConfig{Interval: time.Second},
				OnPacket: func(p *rns.ReceivedPacket) { _ = p.Prove() },
				AppData:  func() []byte { return []byte("x") },
			})
			if err != nil {
				t.Fatal(err)
			}
			for w := range 4 {
				wg.Go(func() {
					for k := range 50 {
						peer := rnstest.Identity(t, byte(k%3))
						out := n.NewRemote(peer.Public(), "storm")
						switch (k + w) % 6 {
						case 0:
							_ = d.Announce(t.Context())
						case 1:
							_, _ = out.Send(t.Context(), []byte("data"))
						case 2:
							ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
							_ = n.AwaitPath(ctx, out.Hash())
							cancel()
						case 3:
							n.Recall(out.Hash())
							n.ForgetPath(out.Hash())
						case 4:
							n.HandleAnnounces("storm", rns.AnnounceHandlerOptions{}, func(rns.Announced) {})()
							n.Stats()
						case 5:
							x, err := n.NewDestination(rns.DestinationConfig{App: "short", AppData: func() []byte { return nil }})
							if err == nil {
								_ = x.Close()
							}
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
		}
		time.Sleep(30 * time.Millisecond)
		nodes[2].Stop() // in the middle of it
		wg.Wait()
		for _, n := range nodes {
			n.Stop()
		}
		synctest.Wait()
	})
}

func BenchmarkPacketThroughTwoNodes(b *testing.B) {
	m := ifacetest.NewMedium(ifacetest.Options{})
	x, y := rnstest.Start(b, rns.Config{}, m.Port("x")), rnstest.Start(b, rns.Config{}, m.Port("y"))
	id := rnstest.Identity(b, 1)
	got := make(chan *rns.ReceivedPacket, 1)
	if _, err := y.NewDestination(rns.DestinationConfig{Identity: id, App: "bench", OnPacket: func(p *rns.ReceivedPacket) { got <- p }}); err != nil {
		b.Fatal(err)
	}
	out, data := x.NewRemote(id.Public(), "bench"), make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		r, err := out.Send(b.Context(), data)
		if err != nil {
			b.Fatal(err)
		}
		if err := (<-got).Prove(); err != nil {
			b.Fatal(err)
		}
		<-r.Done()
	}
}

func TestAnotherMachineWithOurKeysIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		id := rnstest.Identity(t, 1)
		noticed := make(chan rns.Announced, 10)
		var frames [][]byte
		m.Tap(func(from string, frame []byte) {
			if from == "ours" {
				frames = append(frames, append([]byte(nil), frame...))
			}
		})
		start := func() (*rnstest.Node, *rns.Destination) {
			n := rnstest.Start(t, rns.Config{Store: &store, OwnAnnounced: func(a rns.Announced) { noticed <- a }}, m.Port("ours"))
			d, _ := inbox(t, n, id)
			return n, d
		}
		n, d := start()
		for range 300 { // more than are remembered one by one
			announce(t, d)
		}
		synctest.Wait()
		for _, f := range frames {
			m.Inject(f) // echoes
		}
		time.Sleep(time.Second)
		n.Stop()
		_, d = start()
		synctest.Wait()
		announce(t, d)
		synctest.Wait()
		for _, f := range frames {
			m.Inject(f)
		}
		none(t, noticed)

		other := rnstest.Start(t, rns.Config{}, m.Port("theirs"))
		copied, _ := inbox(t, other, id)
		announce(t, copied)
		if a := next(t, noticed); a.Destination != d.Hash() || a.Interface != "ours" {
			t.Errorf("noticed %+v", a)
		}
		none(t, noticed)
	})
}

func TestTenNodesOnALossyRadioForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 3000, HalfDuplex: true, Loss: 0.05, Seed: 3})
		const count = 10
		var nodes [count]*rnstest.Node
		var delivered, sent atomic.Int64
		for i := range nodes {
			nodes[i] = rnstest.Start(t, rns.Config{}, m.Port(fmt.Sprint(i)))
			d, _ := inbox(t, nodes[i], rnstest.Identity(t, byte(i)), func(c *rns.DestinationConfig) {
				c.Ratchets = &rns.RatchetConfig{Interval: time.Hour}
				c.OnPacket = func(p *rns.ReceivedPacket) { _ = p.Prove() }
			})
			go func() {
				for k := range 24 {
					time.Sleep(time.Duration(i) * 5 * time.Minute)
					_ = d.Announce(t.Context())
					time.Sleep(time.Duration(count-i)*5*time.Minute + time.Minute)
					other := (i + 1 + k%(count-1)) % count
					r, err := nodes[i].NewRemote(rnstest.Identity(t, byte(other)).Public(), "test", "inbox").Send(t.Context(), []byte("news"))
					if err != nil {
						t.Error(err)
						return
					}
					sent.Add(1)
					<-r.Done()
					if r.Status() == rns.ReceiptDelivered {
						delivered.Add(1)
					}
				}
			}()
		}
		time.Sleep(26 * time.Hour)
		if n := sent.Load(); n != count*24 {
			t.Errorf("%d sent", n)
		}
		if n := delivered.Load(); n < count*24*75/100 {
			t.Errorf("%d of %d delivered", n, sent.Load())
		}
		for i, n := range nodes {
			if s := n.Stats(); s.Paths != count-1 || s.Receipts != 0 || s.Drops[rns.DropUndecryptable] != 0 {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}
