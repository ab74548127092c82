package rns_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// pair is two nodes on one medium: a knows the way to a destination at b.
type pair struct {
	medium *ifacetest.Medium
	a, b   *rnstest.Node
	at     *rns.Destination       // of b
	to     *rns.RemoteDestination // the same, at a
	links  chan *rns.Link         // b's ends, as OnLink got them
}

// newPair makes a pair; change adjusts the destination.
func newPair(t *testing.T, o ifacetest.Options, change ...func(*rns.DestinationConfig)) *pair {
	t.Helper()
	p := &pair{medium: ifacetest.NewMedium(o), links: make(chan *rns.Link, 100)}
	p.a = rnstest.Start(t, rns.Config{}, p.medium.Port("a"))
	p.b = rnstest.Start(t, rns.Config{}, p.medium.Port("b"))
	id := rnstest.Identity(t, 1)
	c := rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"link"},
		OnLink: func(l *rns.Link) { p.links <- l },
	}
	for _, f := range change {
		f(&c)
	}
	d, err := p.b.NewDestination(c)
	if err != nil {
		t.Fatal(err)
	}
	p.at = d
	p.to = p.a.NewRemote(id.Public(), "test", "link")
	for range 20 { // a lossy medium may eat some
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if p.a.HasPath(d.Hash()) {
			return p
		}
	}
	t.Fatal("the announce never arrived")
	return nil
}

// open opens a link from a to b and returns both ends.
func (p *pair) open(t *testing.T) (a, b *rns.Link) {
	t.Helper()
	a, err := p.a.OpenLink(t.Context(), p.to)
	if err != nil {
		t.Fatal(err)
	}
	return a, next(t, p.links)
}

func TestLinkOpensIdentifiesAndCarriesPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets, identified := make(chan *rns.ReceivedPacket, 10), make(chan *rns.PublicIdentity, 10)
		p := newPair(t, ifacetest.Options{Latency: 50 * time.Millisecond}, func(c *rns.DestinationConfig) {
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

func TestRequestsOfAllSizesAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, ifacetest.Options{Latency: 20 * time.Millisecond, MTU: 500})
		p.at.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			if r.Path != "/echo" || r.Link == nil {
				t.Errorf("request %+v", r)
			}
			return r.Data, true
		})
		a, b := p.open(t)
		for _, size := range []int{0, 1, 400, 401, 431, 1000, 100 << 10} {
			data := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
			r, err := a.Request(t.Context(), "/echo", msgpack.Bin(data), rns.RequestOptions{})
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if got, ok := r.Data.Bin(); !ok || !bytes.Equal(got, data) {
				t.Errorf("%d bytes: got %d back", size, len(got))
			}
			if size <= 400 && r.RTT != 40*time.Millisecond {
				t.Errorf("%d bytes: answered in %v", size, r.RTT)
			}
		}
		// And the other way.
		a.HandleAnyRequest(func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			return msgpack.Str(r.Path), r.PathHash == rns.PathHash("/who")
		})
		if r, err := b.Request(t.Context(), "/who", nil, rns.RequestOptions{}); err != nil {
			t.Error(err)
		} else if got, ok := r.Data.Str(); !ok || got != "" {
			t.Errorf("the catch-all saw path %q", got)
		}
		if _, err := b.Request(t.Context(), "/nobody", nil, rns.RequestOptions{}); !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("an unanswered request ended with %v", err)
		}
	})
}

func TestIdleLinkStaysAliveForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, ifacetest.Options{Latency: 30 * time.Millisecond})
		a, b := p.open(t)
		time.Sleep(time.Hour)
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Errorf("states %v and %v", a.State(), b.State())
		}
	})
}

func TestLinkGoesStaleAndEndsWhenThePeerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, b := p.open(t)
		var closed atomic.Int32
		a.SetHandlers(rns.LinkHandlers{OnClosed: func(*rns.Link) { closed.Add(1) }})
		p.medium.Cut("b")
		time.Sleep(10*time.Second + 100*time.Millisecond)
		if a.State() != rns.LinkStale || b.State() != rns.LinkStale {
			t.Errorf("after 10 s the states are %v and %v", a.State(), b.State())
		}
		time.Sleep(6 * time.Second)
		var reason *rns.LinkClosedError
		if !errors.As(a.Err(), &reason) || reason.Reason != rns.CloseTimeout || !errors.Is(a.Err(), rns.ErrTimeout) {
			t.Errorf("ended with %v", a.Err())
		}
		synctest.Wait()
		if closed.Load() != 1 {
			t.Errorf("OnClosed was called %d times", closed.Load())
		}
	})
}
