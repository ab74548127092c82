package rns_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// TestLinkOpensIdentifiesAndCarriesPackets holds L-033, L-052.
func TestLinkOpensIdentifiesAndCarriesPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets, identified := make(chan *rns.ReceivedPacket, 10), make(chan *rns.PublicIdentity, 10)
		p := newLinkPair(t, ifacetest.Options{Latency: 50 * time.Millisecond}, func(c *rns.DestinationConfig) {
			onLink := c.OnLink
			c.OnLink = func(l *rns.Link) {
				l.SetHandlers(rns.LinkHandlers{
					OnPacket:     func(r *rns.ReceivedPacket) { packets <- r },
					OnIdentified: func(_ *rns.Link, who *rns.PublicIdentity) { identified <- who },
				})
				onLink(l)
			}
		})
		a, b := p.open(t)
		if a.ID() != b.ID() || !a.Initiator() || b.Initiator() {
			t.Fatalf("ids %v and %v", a.ID(), b.ID())
		}
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Fatalf("states %v and %v", a.State(), b.State())
		}
		if a.RTT() != 100*time.Millisecond || b.RTT() != a.RTT() || a.Hops() != 1 || b.Hops() != 1 {
			t.Errorf("rtt %v and %v, hops %d and %d", a.RTT(), b.RTT(), a.Hops(), b.Hops())
		}
		if a.MTU() != 500 || b.MTU() != 500 || a.MDU() != 431 {
			t.Errorf("mtu %d and %d", a.MTU(), b.MTU())
		}
		if b.Remote() != nil || !a.Remote().Equal(p.at.Identity().Public()) {
			t.Error("remote identities are wrong")
		}
		who := rnstest.Identity(t, 9)
		if err := a.Identify(who); err != nil {
			t.Fatal(err)
		}
		if got := next(t, identified); !got.Equal(who.Public()) || !b.Remote().Equal(who.Public()) {
			t.Error("another identity came")
		}
		if err := b.Identify(who); !errors.Is(err, rns.ErrNotInitiator) {
			t.Errorf("the responder identified: %v", err)
		}

		receipt, err := a.Send(t.Context(), []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		got := next(t, packets)
		if string(got.Data) != "hello" || got.Link != b || got.Hash != receipt.Hash() || got.Destination != p.at {
			t.Errorf("got %+v", got)
		}
		if receipt.Status() != rns.ReceiptSent {
			t.Error("proved by nobody")
		}
		if err := got.Prove(); err != nil {
			t.Fatal(err)
		}
		<-receipt.Done()
		if receipt.Status() != rns.ReceiptDelivered {
			t.Errorf("receipt is %v: %v", receipt.Status(), receipt.Err())
		}
		if _, err := a.Send(t.Context(), make([]byte, 432)); !errors.Is(err, rns.ErrTooLarge) {
			t.Errorf("432 bytes went out: %v", err)
		}
		if _, err := a.Send(t.Context(), make([]byte, 431)); err != nil {
			t.Errorf("431 bytes did not: %v", err)
		}
		if next(t, packets); len(packets) != 0 {
			t.Error("too many packets")
		}
	})
}

func TestLostProofFailsTheAttemptAndTheNextOneWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		loseFirst(p.medium, rns.ContextLinkReqProof, 1)
		began := time.Now()
		if _, err := p.a.OpenLink(t.Context(), p.to); !errors.Is(err, rns.ErrTimeout) || !errors.Is(err, rns.ErrClosed) {
			t.Fatalf("opened without a proof: %v", err)
		}
		if took := time.Since(began); took < 12*time.Second || took > 13*time.Second {
			t.Errorf("gave up after %v", took)
		}
		p.open(t)
	})
}

func TestLostRTTIsMadeUpForByTheNextPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		p.at.HandleRequest("/x", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
		loseFirst(p.medium, rns.ContextLinkRTT, 100)
		a, err := p.a.OpenLink(t.Context(), p.to)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Identify(rnstest.Identity(t, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Request(t.Context(), "/x", msgpack.Int(1), rns.RequestOptions{}); err != nil {
			t.Error(err)
		}
		if b := next(t, p.links); b.State() != rns.LinkActive || b.Remote() == nil {
			t.Errorf("the responder is %v, identified %v", b.State(), b.Remote())
		}
		time.Sleep(10 * time.Minute)
		if a.State() != rns.LinkActive {
			t.Errorf("the link did not last: %v", a.Err())
		}
	})
}

func TestLostRTTIsSentAgainOnASilentLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		loseFirst(p.medium, rns.ContextLinkRTT, 1)
		a, err := p.a.OpenLink(t.Context(), p.to)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second)
		if b := next(t, p.links); b.State() != rns.LinkActive || b.RTT() != a.RTT() {
			t.Errorf("the responder is %v with rtt %v", b.State(), b.RTT())
		}
		time.Sleep(10 * time.Minute)
		if a.State() != rns.LinkActive {
			t.Errorf("the link did not last: %v", a.Err())
		}
	})
}

func TestForgedProofDoesNotKeepTheGenuineOneOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 100 * time.Millisecond})
		p.medium.Tap(func(from string, frame []byte) {
			if from != "a" || rns.PacketType(frame[0]&3) != rns.PacketLinkRequest {
				return
			}
			request, err := rns.ParsePacket(bytes.Clone(frame))
			if err != nil {
				t.Error(err)
				return
			}
			id, _ := request.LinkID()
			for _, n := range []int{96, 99, 50, 99} {
				forged := rns.Packet{
					DestinationType: rns.DestinationLink, PacketType: rns.PacketProof, Context: rns.ContextLinkReqProof,
					Destination: id, Data: bytes.Repeat([]byte{byte(n)}, n),
				}
				p.medium.Inject(forged.Append(nil))
			}
		})
		a, b := p.open(t)
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Errorf("states %v and %v", a.State(), b.State())
		}
		if got := p.a.LinkStats().BadProof; got == 0 {
			t.Error("no forgery was counted")
		}
	})
}

func TestLargeMTUIsUsedWhereTheInterfaceHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: time.Millisecond, MTU: 8192})
		got := make(chan *rns.ReceivedPacket, 1)
		a, b := p.open(t)
		b.SetHandlers(rns.LinkHandlers{OnPacket: func(r *rns.ReceivedPacket) { got <- r }})
		if a.MTU() != 8192 || b.MTU() != 8192 || a.MDU() != 8111 {
			t.Errorf("mtu %d and %d, mdu %d", a.MTU(), b.MTU(), a.MDU())
		}
		if _, err := a.Send(t.Context(), make([]byte, 8111)); err != nil {
			t.Fatal(err)
		}
		if r := next(t, got); len(r.Data) != 8111 {
			t.Errorf("%d bytes came", len(r.Data))
		}
	})
}

func TestProofDelayLengthensTheMeasuredRTT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) { c.LinkProofDelay = 50 * time.Millisecond })
		if a, _ := p.open(t); a.RTT() != 50*time.Millisecond {
			t.Errorf("rtt %v", a.RTT())
		}
	})
}

func TestProofsAreNotFasterThanAStockPeerCanTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) {
			c.AnswerDelay, c.LinkProofDelay = 25*time.Millisecond, 50*time.Millisecond
		})
		a, b := p.open(t)
		rns.TakeForStock(b)
		after := time.Duration(0)
		b.SetHandlers(rns.LinkHandlers{OnPacket: func(r *rns.ReceivedPacket) { time.Sleep(after); r.Prove() }})
		for _, c := range []struct{ handling, want time.Duration }{{0, 25 * time.Millisecond}, {40 * time.Millisecond, 40 * time.Millisecond}} {
			after = c.handling
			receipt, err := a.Send(t.Context(), []byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			<-receipt.Done()
			if receipt.RTT() != c.want {
				t.Errorf("proved after %v, want %v", receipt.RTT(), c.want)
			}
		}
	})
}

func TestLinkOverASlowRadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Bitrate: 1200, HalfDuplex: true, Latency: 5 * time.Millisecond, Seed: 1})
		p.at.HandleAnyRequest(func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, r.Remote != nil })
		a, b := p.open(t)
		if a.RTT() < time.Second {
			t.Errorf("rtt %v", a.RTT())
		}
		if err := a.Identify(rnstest.Identity(t, 7)); err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{10, 400, 3000} {
			r, err := a.Request(t.Context(), "/echo", msgpack.Bin(new(noise).bytes(size)), rns.RequestOptions{})
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			t.Logf("%d bytes took %v", size, r.RTT)
		}
		before := p.medium.Stats().Bytes
		time.Sleep(time.Hour)
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Errorf("states %v and %v", a.State(), b.State())
		}
		if idle := p.medium.Stats().Bytes - before; idle > 1000 { // keepalives take their share of a radio
			t.Errorf("an idle hour took %d bytes", idle)
		}
	})
}

// BenchmarkRequest is a request and its answer over two nodes in one process.
func BenchmarkRequest(b *testing.B) {
	medium := ifacetest.NewMedium(ifacetest.Options{})
	client, server := rnstest.Start(b, rns.Config{}, medium.Port("a")), rnstest.Start(b, rns.Config{}, medium.Port("b"))
	id := rnstest.Identity(b, 1)
	d, err := server.NewDestination(rns.DestinationConfig{Identity: id, App: "test", Aspects: []string{"link"}})
	if err != nil {
		b.Fatal(err)
	}
	d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
	if err := d.Announce(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := client.AwaitPath(b.Context(), d.Hash()); err != nil {
		b.Fatal(err)
	}
	l, err := client.OpenLink(b.Context(), client.NewRemote(id.Public(), "test", "link"))
	if err != nil {
		b.Fatal(err)
	}
	data := msgpack.Bin(make([]byte, 300))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Request(b.Context(), "/echo", data, rns.RequestOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
