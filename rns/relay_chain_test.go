package rns_test

import (
	"bytes"
	"context"
	"fmt"
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
