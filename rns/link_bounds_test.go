package rns_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestHalfOpenLinksAreBounded holds L-150.
func TestHalfOpenLinksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: time.Millisecond})
		a, _ := p.open(t)
		rand := new(noise)
		for range 100 {
			request := rns.Packet{PacketType: rns.PacketLinkRequest, Destination: p.at.Hash(), Data: rand.bytes(67)}
			copy(request.Data[64:], []byte{0x20, 0x01, 0xf4})
			p.medium.Inject(request.Append(nil))
			p.medium.Inject(request.Append(nil))
			request.Data[66]++ // the same link with another MTU
			p.medium.Inject(request.Append(nil))
			time.Sleep(10 * time.Millisecond)
		}
		s := p.b.LinkStats()
		if s.HalfOpen != 64 || s.Evicted != 36 || s.Repeated != 100 || s.Links != 65 {
			t.Errorf("%+v", s)
		}
		p.open(t) // an honest initiator still gets through
		time.Sleep(10 * time.Minute)
		if s := p.b.LinkStats(); s.HalfOpen != 0 || s.Links != 2 || a.State() != rns.LinkActive {
			t.Errorf("later %+v", s)
		}
	})
}

// TestLinksThatLeadNowhereAreLimited: 256 at once and 50 a second, per interface; those that come to be do not count.
func TestLinksThatLeadNowhereAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: time.Millisecond})
		rand := new(noise)
		flood := func(n int) {
			for range n {
				request := rns.Packet{PacketType: rns.PacketLinkRequest, Destination: p.at.Hash(), Data: rand.bytes(64)}
				p.medium.Inject(request.Append(nil))
				synctest.Wait()
			}
			time.Sleep(2 * time.Millisecond)
		}
		flood(256)
		if s := p.b.LinkStats(); s.TooFast != 0 || s.HalfOpen != 64 {
			t.Errorf("%+v", s)
		}
		flood(100)
		if s := p.b.LinkStats(); s.TooFast != 100 || s.Evicted != 192 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second)
		flood(100)
		if s := p.b.LinkStats(); s.TooFast != 150 {
			t.Errorf("a second later %+v", s)
		}
		time.Sleep(10 * time.Minute)
		for range 300 {
			a, _ := p.open(t)
			_ = a.Close()
		}
		if s := p.b.LinkStats(); s.TooFast != 150 {
			t.Errorf("links that came to be were counted: %+v", s)
		}
	})
}

func TestSlowHandlerLosesPacketsButNotTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: time.Millisecond})
		a, b := p.open(t)
		release, count := make(chan struct{}), new(atomic.Int32)
		b.SetHandlers(rns.LinkHandlers{OnPacket: func(*rns.ReceivedPacket) {
			<-release
			count.Add(1)
		}})
		for range 300 {
			if _, err := a.Send(t.Context(), []byte("x")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		close(release)
		time.Sleep(time.Second)
		// One is in the handler's hands, 256 wait.
		if s := p.b.LinkStats(); count.Load() != 257 || s.EventsFull != 43 || b.State() != rns.LinkActive {
			t.Errorf("%d handled, %d dropped", count.Load(), s.EventsFull)
		}
	})
}

func TestLinksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: time.Millisecond})
		a := rnstest.Start(t, rns.Config{MaxLinks: 3}, medium.Port("a"))
		b := rnstest.Start(t, rns.Config{MaxLinks: 2}, medium.Port("b"))
		id := rnstest.Identity(t, 1)
		d, err := b.NewDestination(rns.DestinationConfig{Identity: id, App: "test", Aspects: []string{"link"}})
		if err != nil {
			t.Fatal(err)
		}
		announce(t, d)
		time.Sleep(time.Second)
		to := a.NewRemote(id.Public(), "test", "link")
		open := func() (*rns.Link, error) { return a.OpenLink(t.Context(), to) }
		first, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(); err != nil {
			t.Fatal(err)
		}
		if _, err := open(); !errors.Is(err, rns.ErrTimeout) { // b has two, and is silent
			t.Errorf("third link: %v", err)
		}
		if s := b.LinkStats(); s.Refused != 1 || s.Links != 2 {
			t.Errorf("%+v", s)
		}
		if err := d.Announce(t.Context()); err != nil { // the failure made a forget the path
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		waiting := make(chan error, 1)
		go func() {
			_, err := open()
			waiting <- err
		}()
		synctest.Wait()
		if _, err := open(); !errors.Is(err, rns.ErrTooMany) { // a has two, and one that waits
			t.Errorf("fourth link: %v", err)
		}
		<-waiting
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := open(); err != nil {
			t.Errorf("after one was closed: %v", err)
		}
	})
}
