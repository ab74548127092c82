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

// linkPair is two nodes on one medium: a knows the way to a destination at b.
type linkPair struct {
	medium *ifacetest.Medium
	a, b   *rnstest.Node
	at     *rns.Destination       // of b
	to     *rns.RemoteDestination // the same, at a
	links  chan *rns.Link         // b's ends, as OnLink got them
}

// newLinkPair makes a pair; change adjusts the destination.
func newLinkPair(t *testing.T, o ifacetest.Options, change ...func(*rns.DestinationConfig)) *linkPair {
	t.Helper()
	p := &linkPair{medium: ifacetest.NewMedium(o), links: make(chan *rns.Link, 100)}
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
func (p *linkPair) open(t *testing.T) (a, b *rns.Link) {
	t.Helper()
	a, err := p.a.OpenLink(t.Context(), p.to)
	if err != nil {
		t.Fatal(err)
	}
	return a, next(t, p.links)
}

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

func TestIdleLinkStaysAliveForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 30 * time.Millisecond})
		a, b := p.open(t)
		time.Sleep(time.Hour)
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Errorf("states %v and %v", a.State(), b.State())
		}
	})
}

func TestLinkGoesStaleAndEndsWhenThePeerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
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

// contextOf returns the context byte of a link packet without transport id.
func contextOf(frame []byte) rns.Context { return rns.Context(frame[rns.HeaderMinSize-1]) }

// loseFirst lets the medium lose the first n packets of a context.
func loseFirst(m *ifacetest.Medium, context rns.Context, n int32) {
	var lost atomic.Int32
	m.Drop(func(_, _ string, frame []byte) bool {
		return len(frame) >= rns.HeaderMinSize && frame[0]&0x0c == 0x0c && contextOf(frame) == context && lost.Add(1) <= n
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

// TestEitherEndCanClose holds L-048, L-049.
func TestEitherEndCanClose(t *testing.T) {
	for _, byInitiator := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
			a, b := p.open(t)
			ended := make(chan struct{}, 10)
			for _, l := range []*rns.Link{a, b} {
				l.SetHandlers(rns.LinkHandlers{OnClosed: func(*rns.Link) { ended <- struct{}{} }})
			}
			want := rns.CloseInitiator
			if byInitiator {
				a.Close()
			} else {
				b.Close()
				want = rns.CloseDestination
			}
			<-a.Done()
			<-b.Done()
			for _, l := range []*rns.Link{a, b} {
				var reason *rns.LinkClosedError
				if !errors.As(l.Err(), &reason) || reason.Reason != want {
					t.Errorf("ended with %v", l.Err())
				}
				if err := l.Close(); err != nil {
					t.Errorf("closing again: %v", err)
				}
				if _, err := l.Send(t.Context(), nil); !errors.Is(err, rns.ErrLinkClosed) {
					t.Errorf("sending: %v", err)
				}
				<-ended
			}
			time.Sleep(time.Minute)
			if len(ended) != 0 {
				t.Error("OnClosed was called too often")
			}
			if p.a.LinkStats().Links != 0 || p.b.LinkStats().Links != 0 {
				t.Error("links are still counted")
			}
		})
	}
}

// TestNodeThatStopsClosesItsLinks holds L-050.
func TestNodeThatStopsClosesItsLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, b := p.open(t)
		p.b.Stop()
		select {
		case <-a.Done():
		case <-time.After(time.Second):
			t.Fatal("the other end was not told")
		}
		if b.State() != rns.LinkClosed {
			t.Errorf("state %v", b.State())
		}
		if _, err := p.b.OpenLink(t.Context(), p.to); !errors.Is(err, rns.ErrClosed) && !errors.Is(err, rns.ErrNoPath) {
			t.Errorf("a stopped node opened a link: %v", err)
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

// noise makes bytes that look random.
type noise struct{ state uint64 }

func (n *noise) bytes(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		n.state = n.state*6364136223846793005 + 1442695040888963407
		b[i] = byte(n.state >> 56)
	}
	return b
}

func TestProofDelayLengthensTheMeasuredRTT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) { c.LinkProofDelay = 50 * time.Millisecond })
		if a, _ := p.open(t); a.RTT() != 50*time.Millisecond {
			t.Errorf("rtt %v", a.RTT())
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

func TestProofsAreNotFasterThanAStockPeerCanTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) {
			c.AnswerDelay, c.LinkProofDelay = 25*time.Millisecond, 50*time.Millisecond
		})
		a, b := p.open(t)
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

func TestLinkThatOnlyReceivesIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond, Loss: 0.02, Seed: 5})
		a, b := p.openLossy(t)
		for range 3600 / 2 {
			if _, err := b.Send(t.Context(), []byte("news")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		if a.State() != rns.LinkActive || b.State() != rns.LinkActive {
			t.Errorf("states %v and %v", a.State(), b.State())
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
