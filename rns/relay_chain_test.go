package rns_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// chain is two end points with transport nodes in a row between them.
type chain struct {
	media  []*ifacetest.Medium
	a, b   *rnstest.Node
	relays []*rnstest.Node
}

func startChain(t *testing.T, relays int, o ifacetest.Options) *chain {
	t.Helper()
	c := &chain{}
	for range relays + 1 {
		c.media = append(c.media, ifacetest.NewMedium(o))
	}
	for i := range relays {
		c.relays = append(c.relays, rnstest.Start(t, rns.Config{TransportEnabled: true},
			c.media[i].Port(fmt.Sprintf("relay %d left", i)), c.media[i+1].Port(fmt.Sprintf("relay %d right", i))))
	}
	c.a = rnstest.Start(t, rns.Config{}, c.media[0].Port("a"))
	c.b = rnstest.Start(t, rns.Config{}, c.media[relays].Port("b"))
	return c
}

// links makes the destination "test.links" of a node, which answers /echo and takes resources.
func links(t *testing.T, n *rnstest.Node, id *rns.Identity) (*rns.Destination, <-chan *rns.ReceivedResource) {
	t.Helper()
	got := make(chan *rns.ReceivedResource, 10)
	d, err := n.NewDestination(rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"links"},
		OnPacket: func(p *rns.ReceivedPacket) { _ = p.Prove() },
		OnLink: func(l *rns.Link) {
			l.SetHandlers(rns.LinkHandlers{
				OnResource: func(rns.ResourceOffer) rns.ResourceDecision {
					return rns.ResourceDecision{Accept: true, MaxSize: 4 << 20}
				},
				OnResourceDone: func(r *rns.ReceivedResource) { _ = r.Prove(); got <- r },
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
	return d, got
}

// TestEverythingCrossesTransportNodes: C-097, C-098, C-102, C-104, C-107, C-109, C-113, C-114, C-144, L-141 to L-144 as
// those at the ends see them.
func TestEverythingCrossesTransportNodes(t *testing.T) {
	for _, relays := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(relays), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startChain(t, relays, ifacetest.Options{Latency: 10 * time.Millisecond, MTU: 8192, Bitrate: 10_000_000})
				id := rnstest.Identity(t, 1)
				d, resources := links(t, c.b, id)
				announce(t, d)
				time.Sleep(time.Duration(relays) * time.Second)
				if hops := c.a.Hops(d.Hash()); hops != relays+1 {
					t.Fatalf("the announce came over %d hops", hops)
				}

				// Who was away asks for the path; and somebody at the other end for one that was never announced.
				c.a.ForgetPath(d.Hash())
				if err := c.a.AwaitPath(t.Context(), d.Hash()); err != nil {
					t.Fatal(err)
				}
				if hops := c.a.Hops(d.Hash()); hops != relays+1 {
					t.Errorf("the answer came over %d hops", hops)
				}

				remote := c.a.NewRemote(id.Public(), "test", "links")
				r := send(t, remote, "over all of them")
				<-r.Done()
				if r.Status() != rns.ReceiptDelivered {
					t.Fatalf("packet: %v %v", r.Status(), r.Err())
				}
				l, err := c.a.OpenLink(t.Context(), remote)
				if err != nil {
					t.Fatal(err)
				}
				if l.MTU() != 8192 || l.Hops() != relays+1 {
					t.Errorf("link MTU %d over %d hops", l.MTU(), l.Hops())
				}
				answer, err := l.Request(t.Context(), "/echo", msgpack.Str("hello"), rns.RequestOptions{})
				if err != nil || !bytes.Equal(answer.Data, msgpack.Str("hello")) {
					t.Fatalf("request: %v %v", answer, err)
				}
				data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
				for i := range data {
					data[i] ^= byte(i * 7 >> 3)
				}
				if err := l.SendResource(t.Context(), rns.ResourceBytes(data), rns.ResourceOptions{}); err != nil {
					t.Fatal(err)
				}
				if got := next(t, resources); got.Err != nil || !bytes.Equal(got.Data, data) {
					t.Errorf("resource of %d bytes: %v", len(got.Data), got.Err)
				}
				_ = l.Close()
				for i, n := range c.relays {
					s := n.Stats()
					if s.RelayedLinks != 1 || s.RelayedPackets == 0 || s.Links != 0 {
						t.Errorf("relay %d: %+v", i, s)
					}
				}
			})
		})
	}
}

// TestPathHealsWhenRelayDies: two ways lead to b; the one in use dies.
func TestPathHealsWhenRelayDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, right := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		var relays []*rnstest.Node
		for i := range 2 {
			relays = append(relays, rnstest.Start(t, rns.Config{TransportEnabled: true},
				left.Port(fmt.Sprint("left ", i)), right.Port(fmt.Sprint("right ", i))))
		}
		a, b := rnstest.Start(t, rns.Config{}, left.Port("a")), rnstest.Start(t, rns.Config{}, right.Port("b"))
		id := rnstest.Identity(t, 1)
		d, _ := links(t, b, id)
		announce(t, d)
		time.Sleep(10 * time.Second)
		remote := a.NewRemote(id.Public(), "test", "links")
		if _, err := a.OpenLink(t.Context(), remote); err != nil {
			t.Fatal(err)
		}
		before, _ := a.PathInfo(d.Hash())
		for _, r := range relays {
			if rns.TruncatedHash(r.Identity().Hash()) == before.NextHop {
				r.Stop()
			}
		}
		began := time.Now()
		var l *rns.Link
		for {
			var err error
			if l, err = a.OpenLink(t.Context(), remote); err == nil {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("no way round")
			}
		}
		after, _ := a.PathInfo(d.Hash())
		if after.NextHop == before.NextHop {
			t.Error("the same way")
		}
		if _, err := l.Request(t.Context(), "/echo", msgpack.Str("x"), rns.RequestOptions{}); err != nil {
			t.Error(err)
		}
		t.Logf("healed in %v", time.Since(began))
	})
}

// TestAnnounceCapIsKept: C-134 on a slow radio between two nodes that hear many announces.
func TestAnnounceCapIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bitrate = 5000
		fast, radio := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{Bitrate: bitrate, HalfDuplex: true})
		var sent atomic.Int64
		began := time.Now()
		radio.Tap(func(_ string, frame []byte) { sent.Add(int64(len(frame))) })
		rnstest.StartWith(t, rns.Config{TransportEnabled: true}, rns.InterfaceOptions{NoIngressControl: true}, fast.Port("relay"), radio.Port("relay's radio"))
		far := rnstest.Start(t, rns.Config{}, radio.Port("far"))
		source := rnstest.Start(t, rns.Config{}, fast.Port("source"))
		const count = 50
		for i := range count {
			d, _ := inbox(t, source, rnstest.Identity(t, byte(i)))
			announce(t, d)
		}
		time.Sleep(time.Hour)
		share := float64(sent.Load()*8) / bitrate / time.Since(began).Seconds()
		if paths := far.Stats().Paths; paths != count {
			t.Errorf("%d of %d announces came through", paths, count)
		}
		if share > 0.02 {
			t.Errorf("announces took %.1f %% of the radio", share*100)
		}
		t.Logf("announces took %.2f %% of the radio", share*100)
	})
}

// TestNodeRemembersItsTables: C-174, C-175, I-130: paths and seen packets survive a restart.
func TestNodeRemembersItsTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &rnstest.Store{}
		left, right := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		third := ifacetest.NewMedium(ifacetest.Options{})
		c := rns.Config{TransportEnabled: true, Store: store, Identity: rnstest.Identity(t, 9)}
		relay := rnstest.Start(t, c, left.Port("left"), right.Port("right"), third.Port("third"))
		a, b := rnstest.Start(t, rns.Config{}, left.Port("a")), rnstest.Start(t, rns.Config{}, right.Port("b"))
		id, other := rnstest.Identity(t, 1), rnstest.Identity(t, 2)
		d, _ := links(t, b, id)
		announce(t, d)
		gone, _ := links(t, rnstest.Start(t, rns.Config{}, third.Port("gone")), other)
		announce(t, gone)
		time.Sleep(10 * time.Second)
		<-send(t, a.NewRemote(id.Public(), "test", "links"), "x").Done()
		before, _ := relay.PathInfo(d.Hash())
		relay.Stop()
		a.ForgetPath(d.Hash())
		b.Stop() // cannot answer itself
		time.Sleep(time.Hour)

		relay = rnstest.Start(t, c, left.Port("left"), right.Port("right"))
		after, ok := relay.PathInfo(d.Hash())
		if !ok || after.Hops != before.Hops || after.NextHop != before.NextHop || after.Announce != before.Announce ||
			after.Interface != "right" || !after.Used.Equal(before.Used) {
			t.Errorf("before %+v\nafter %+v", before, after)
		}
		if relay.HasPath(gone.Hash()) {
			t.Error("C-175: a path over an interface that is not there")
		}
		if relay.Stats().Duplicates == 0 {
			t.Error("packets seen are forgotten")
		}
		if err := a.AwaitPath(t.Context(), d.Hash()); err != nil {
			t.Error("the restored path is not answered for:", err)
		}
	})
}

// TestProbesAreAnswered: C-162, C-164.
func TestProbesAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		id := rnstest.Identity(t, 1)
		relay := rnstest.Start(t, rns.Config{TransportEnabled: true, RespondToProbes: true, Identity: id, NetworkIdentity: rnstest.Identity(t, 9)}, m.Port("relay"))
		a := rnstest.Start(t, rns.Config{}, m.Port("a"))
		probe := a.NewRemote(id.Public(), "rnstransport", "probe")
		if probe.Hash() != relay.Stats().ProbeResponder {
			t.Error("another address")
		}
		announced := make(chan rns.Announced, 10)
		a.HandleAnnounces("rnstransport.probe", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { announced <- x })
		time.Sleep(14 * time.Second)
		none(t, announced)
		time.Sleep(2 * time.Second)
		next(t, announced)
		time.Sleep(2 * time.Hour)
		next(t, announced)
		r := send(t, probe, "0123456789abcdef")
		<-r.Done()
		if r.Status() != rns.ReceiptDelivered {
			t.Error("the probe is not proved")
		}
		if _, err := a.OpenLink(t.Context(), probe); err == nil {
			t.Error("it takes links")
		}
	})
}

// TestRelayOnClosedInterfaces: C-083: what a transport node passes on, queues and holds back leaves with an access code.
func TestRelayOnClosedInterfaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, right := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{Bitrate: 20000})
		closed := rns.InterfaceOptions{NetworkName: "testnet", Passphrase: "testpass"}
		right.Tap(func(from string, frame []byte) {
			if frame[0]&0x80 == 0 {
				t.Errorf("%s sent a frame without access code", from)
			}
		})
		relay := rnstest.StartWith(t, rns.Config{TransportEnabled: true}, closed, left.Port("relay left"), right.Port("relay right"))
		a := rnstest.StartWith(t, rns.Config{}, closed, left.Port("a"))
		b := rnstest.StartWith(t, rns.Config{}, closed, right.Port("b"))
		for i := range 30 { // more than the cap lets pass at once, and more than ingress control
			d, _ := inbox(t, a, rnstest.Identity(t, byte(i)), func(c *rns.DestinationConfig) {
				c.OnPacket = func(p *rns.ReceivedPacket) { _ = p.Prove() }
			})
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		s := relay.Stats()
		held, queued := 0, 0
		for _, i := range s.Interfaces {
			held, queued = held+i.Traffic.HeldAnnounces, queued+i.Traffic.AnnounceQueue
		}
		if held == 0 || queued == 0 {
			t.Errorf("%d held, %d queued", held, queued)
		}
		time.Sleep(time.Hour)
		if n := b.Stats().Paths; n != 30 {
			t.Errorf("%d of 30 came through", n)
		}
		r := send(t, b.NewRemote(rnstest.Identity(t, 7).Public(), "test", "inbox"), "x")
		<-r.Done()
		if r.Status() != rns.ReceiptDelivered {
			t.Error("no proof came back")
		}
	})
}
