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
		who := rnstest.Identity(t, 2)
		id := rnstest.Identity(t, 1)
		d, err := b.NewDestination(rns.DestinationConfig{Identity: id, App: "test", Aspects: []string{"link"}})
		if err != nil {
			t.Fatal(err)
		}
		announce(t, d)
		time.Sleep(time.Second)
		to := a.NewRemote(id.Public(), "test", "link")
		open := func() (*rns.Link, error) { // and keep it
			l, err := a.OpenLink(t.Context(), to)
			if err == nil {
				err = l.Identify(who)
				time.Sleep(time.Second)
			}
			return l, err
		}
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

// Who opens links and does not say who he is takes half of the places at most, and old ones of those make room for new ones. Who has
// identified keeps his link, and some places are left for links of our own.
func TestStrangersLeavePlacesForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: time.Millisecond})
		a, b := rnstest.Start(t, rns.Config{}, medium.Port("a")), rnstest.Start(t, rns.Config{MaxLinks: 16}, medium.Port("b"))
		to, back := knowEachOther(t, a, b)
		var all []*rns.Link
		open := func() {
			t.Helper()
			l, err := a.OpenLink(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, l)
			time.Sleep(time.Second)
		}
		alive := func(links []*rns.Link) (n int) {
			for _, l := range links {
				if l.Err() == nil {
					n++
				}
			}
			return n
		}
		identify := func(links []*rns.Link) {
			t.Helper()
			for _, l := range links {
				if err := l.Identify(rnstest.Identity(t, 9)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		for range 9 {
			open()
		}
		var closed *rns.LinkClosedError
		if errors.As(all[0].Err(), &closed); closed == nil || closed.Reason != rns.CloseDestination || alive(all) != 8 {
			t.Errorf("%d of 9 strangers are there, the first: %v", alive(all), all[0].Err())
		}
		identify(all[1:])
		for range 10 { // six places are left to strangers
			open()
		}
		if s := b.LinkStats(); alive(all[1:9]) != 8 || alive(all[13:]) != 6 || s.Links != 14 || s.CrowdedOut != 5 || s.Refused != 0 {
			t.Errorf("%d with a name, %d of the last strangers, %+v", alive(all[1:9]), alive(all[13:]), s)
		}
		identify(all[13:])
		if _, err := a.OpenLink(t.Context(), to); !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("one more: %v", err)
		}
		if s := b.LinkStats(); s.Links != 14 || s.Refused != 1 {
			t.Errorf("%+v", s)
		}
		for i := range 3 {
			if _, err := b.OpenLink(t.Context(), back); (err == nil) != (i < 2) {
				t.Errorf("own link %d: %v", i, err)
			}
		}
	})
}

// Who floods us with links closes his own, not those that came in on other interfaces.
func TestStrangersOfACrowdedInterfaceGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowded, quiet := ifacetest.NewMedium(ifacetest.Options{Latency: time.Millisecond}), ifacetest.NewMedium(ifacetest.Options{Latency: time.Millisecond})
		b := rnstest.Start(t, rns.Config{MaxLinks: 16}, crowded.Port("b crowded"), quiet.Port("b quiet"))
		honest, flood := rnstest.Start(t, rns.Config{}, quiet.Port("honest")), rnstest.Start(t, rns.Config{}, crowded.Port("flood"))
		to, _ := knowEachOther(t, honest, b)
		l, err := honest.OpenLink(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		if err := flood.AwaitPath(t.Context(), to.Hash()); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if _, err := flood.OpenLink(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
		late, err := honest.OpenLink(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := b.LinkStats(); l.Err() != nil || late.Err() != nil || s.Links != 8 || s.CrowdedOut != 44 {
			t.Errorf("%v, %v, %+v", l.Err(), late.Err(), s)
		}
	})
}

// knowEachOther makes a destination at each of two nodes and announces it.
func knowEachOther(t *testing.T, a, b *rnstest.Node) (ofB, ofA *rns.RemoteDestination) {
	t.Helper()
	made := make([]*rns.RemoteDestination, 2)
	for i, n := range []*rnstest.Node{a, b} {
		other, id := []*rnstest.Node{b, a}[i], rnstest.Identity(t, byte(20+i))
		d, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "test", Aspects: []string{"link"}})
		if err != nil {
			t.Fatal(err)
		}
		announce(t, d)
		time.Sleep(time.Second)
		made[i] = other.NewRemote(id.Public(), "test", "link")
	}
	return made[1], made[0]
}
