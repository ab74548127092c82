package rns_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// plugged is a port whose carrier is gone for good when it is unplugged, as the interface of a listener's peer.
type plugged struct {
	*ifacetest.Port
	unplug chan struct{}
}

func (p plugged) Run(ctx context.Context, deliver func([]byte)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.unplug:
			cancel()
		case <-ctx.Done():
		}
	}()
	return errors.Join(p.Port.Run(ctx, deliver), errors.New("connection reset"))
}

func TestLinkEndsAtOnceWhenItsInterfaceIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
		a := rnstest.Start(t, rns.Config{}, medium.Port("a"))
		tr, err := rns.New(rns.Config{})
		if err != nil {
			t.Fatal(err)
		}
		port := plugged{medium.Port("b"), make(chan struct{})}
		if err := tr.AddInterface(port, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		b := rnstest.Run(t, tr)
		links := make(chan *rns.Link, 1)
		id := rnstest.Identity(t, 1)
		d, err := b.NewDestination(rns.DestinationConfig{Identity: id, App: "test", OnLink: func(l *rns.Link) { links <- l }})
		if err != nil {
			t.Fatal(err)
		}
		announce(t, d)
		far, err := a.OpenLink(t.Context(), a.NewRemote(id.Public(), "test"))
		if err != nil {
			t.Fatal(err)
		}
		l := next(t, links)
		asked := make(chan error, 1)
		go func() {
			_, err := l.Request(t.Context(), "/nobody", msgpack.Nil(), rns.RequestOptions{})
			asked <- err
		}()
		synctest.Wait()
		began := time.Now()
		close(port.unplug)
		<-l.Done()
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("the link ended after %v", waited)
		}
		var closed *rns.LinkClosedError
		if err := l.Err(); !errors.As(err, &closed) || closed.Reason != rns.CloseInterface || errors.Is(err, rns.ErrTimeout) {
			t.Errorf("it ended with %v", err)
		}
		if err := <-asked; !errors.Is(err, rns.ErrLinkClosed) {
			t.Errorf("the request ended with %v", err)
		}
		if b.Stats().Links != 0 {
			t.Error("the link is still registered")
		}
		<-far.Done() // by silence
	})
}

// TestLinkEndsWhenItsConnectionIsMadeAnew: the far side has made a new interface of the new connection, and its end of the
// link is bound to the old one.
func TestLinkEndsWhenItsConnectionIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tunnel := range []bool{true, false} {
			medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
			port := medium.Port("a")
			a := rnstest.StartWith(t, rns.Config{}, rns.InterfaceOptions{Tunnel: tunnel}, port)
			b := rnstest.Start(t, rns.Config{}, medium.Port("b"))
			id := rnstest.Identity(t, 1)
			d, err := b.NewDestination(rns.DestinationConfig{Identity: id, App: "test"})
			if err != nil {
				t.Fatal(err)
			}
			announce(t, d)
			l, err := a.OpenLink(t.Context(), a.NewRemote(id.Public(), "test"))
			if err != nil {
				t.Fatal(err)
			}
			port.SetDown(true)
			time.Sleep(time.Second)
			if l.State() != rns.LinkActive {
				t.Error("the link ended though its connection may come back")
			}
			port.SetDown(false)
			time.Sleep(time.Second)
			if ended := l.State() == rns.LinkClosed; ended != tunnel {
				t.Errorf("tunnel %v: ended %v (%v)", tunnel, ended, l.Err())
			}
			a.Stop()
			b.Stop()
		}
	})
}

// TestPathIsAskedForAsSoonAsAnInterfaceComesUp: who starts before the network is there need not wait for the next request
// in 20 s.
func TestPathIsAskedForAsSoonAsAnInterfaceComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, plug := range map[string]func(t *testing.T, medium *ifacetest.Medium) (*rnstest.Node, func()){
			"a carrier that tells": func(t *testing.T, m *ifacetest.Medium) (*rnstest.Node, func()) {
				port := m.Port("a")
				port.SetDown(true)
				return rnstest.Start(t, rns.Config{}, port), func() { port.SetDown(false) }
			},
			"one of two": func(t *testing.T, m *ifacetest.Medium) (*rnstest.Node, func()) {
				port := m.Port("a")
				port.SetDown(true)
				elsewhere := ifacetest.NewMedium(ifacetest.Options{})
				return rnstest.Start(t, rns.Config{}, port, elsewhere.Port("elsewhere")), func() { port.SetDown(false) }
			},
			"a new interface": func(t *testing.T, m *ifacetest.Medium) (*rnstest.Node, func()) {
				n := rnstest.Start(t, rns.Config{})
				return n, func() {
					if err := n.AddInterface(struct{ interfaces.Interface }{m.Port("a")}, rns.InterfaceOptions{}); err != nil {
						t.Error(err)
					}
				}
			},
			"a carrier that does not tell": func(t *testing.T, m *ifacetest.Medium) (*rnstest.Node, func()) {
				port := m.Port("a")
				port.SetDown(true)
				n := rnstest.Start(t, rns.Config{})
				if err := n.AddInterface(struct{ interfaces.Interface }{port}, rns.InterfaceOptions{}); err != nil {
					t.Error(err)
				}
				return n, func() { port.SetDown(false) }
			},
		} {
			medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
			b := rnstest.Start(t, rns.Config{}, medium.Port("b"))
			d, _ := inbox(t, b, rnstest.Identity(t, 1))
			a, up := plug(t, medium)
			found := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				found <- a.AwaitPath(ctx, d.Hash())
			}()
			time.Sleep(5 * time.Second)
			began := time.Now()
			up()
			if err := <-found; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if waited := time.Since(began); waited > 2*time.Second {
				t.Errorf("%s: the path came after %v", name, waited)
			}
			a.Stop()
			b.Stop()
		}
	})
}

// TestAnnounceHandlersHearWhatTheyAskedFor is C-071.
func TestAnnounceHandlersHearWhatTheyAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		heard := map[string]int{}
		counts := make(chan string, 10)
		for _, filter := range []string{"", "test.inbox", "test.inbo", "test", "other.inbox"} {
			cancel := p.a.HandleAnnounces(filter, rns.AnnounceHandlerOptions{}, func(rns.Announced) { counts <- filter })
			defer cancel()
		}
		announce(t, p.d)
		for len(counts) > 0 {
			heard[<-counts]++
		}
		if len(heard) != 2 || heard[""] != 1 || heard["test.inbox"] != 1 {
			t.Errorf("heard %v", heard)
		}
	})
}

// TestRequestMadeInVainIsMadeWhenAnInterfaceComesUp: by RequestPath, for which nobody waits.
func TestRequestMadeInVainIsMadeWhenAnInterfaceComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: 10 * time.Millisecond})
		b := rnstest.Start(t, rns.Config{}, medium.Port("b"))
		d, _ := inbox(t, b, rnstest.Identity(t, 1))
		port := medium.Port("a")
		port.SetDown(true)
		a := rnstest.Start(t, rns.Config{}, port)
		for i := range 200 { // some of them are forgotten
			wanted := rns.DestinationHash{byte(i)}
			if i == 0 {
				wanted = d.Hash()
			}
			if err := a.RequestPath(t.Context(), wanted); err == nil {
				t.Error("it went out")
			}
		}
		var asked atomic.Int32
		medium.Tap(func(from string, frame []byte) {
			if from == "a" {
				asked.Add(1)
			}
		})
		for range 3 { // what found no room the first time is asked for the next
			port.SetDown(false)
			time.Sleep(time.Second)
			port.SetDown(true)
		}
		if asked.Load() != 64 || !a.HasPath(d.Hash()) {
			t.Errorf("%d requests went out, path %v", asked.Load(), a.HasPath(d.Hash()))
		}
	})
}

func TestStrangersSendOneResourceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 10 kbit/s carry 150 kB in 2 minutes.
		p := newLinkPair(t, ifacetest.Options{Bitrate: 10000, Latency: time.Millisecond}, func(c *rns.DestinationConfig) {
			c.BoundStrangers, c.OnLink = true, func(l *rns.Link) {
				l.SetHandlers(rns.LinkHandlers{OnResource: func(o rns.ResourceOffer) rns.ResourceDecision {
					return rns.ResourceDecision{Accept: o.Link == l}
				}})
			}
		})
		open := func() *rns.Link {
			l, err := p.a.OpenLink(t.Context(), p.to)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		send := func(l *rns.Link, size int) chan error {
			sent := make(chan error, 1)
			go func() {
				sent <- l.SendResource(t.Context(), rns.ResourceBytes(make([]byte, size)), rns.ResourceOptions{NoCompress: true})
			}()
			return sent
		}
		one, two, member := open(), open(), open()
		if err := member.Identify(rnstest.Identity(t, 9)); err != nil {
			t.Fatal(err)
		}
		if err := <-send(one, 150001); !errors.Is(err, rns.ErrRejected) {
			t.Errorf("too large for two minutes: %v", err)
		}
		if err := <-send(member, 150001); err != nil {
			t.Errorf("of somebody known: %v", err)
		}
		first := send(one, 20000)
		time.Sleep(2 * time.Second)
		second := send(two, 1000)
		time.Sleep(3 * time.Second)
		if p.b.LinkStats().StrangerBusy == 0 || len(second) != 0 {
			t.Errorf("the second did not wait: %+v", p.b.LinkStats())
		}
		if err := <-first; err != nil {
			t.Errorf("first: %v", err)
		}
		if err := <-send(two, 1000); err != nil {
			t.Errorf("when the first was through: %v", err)
		}
		one.Close() // an end in the middle makes room, too
		time.Sleep(time.Second)
		three := open()
		third := send(three, 100000)
		time.Sleep(5 * time.Second)
		three.Close()
		<-third
		time.Sleep(5 * time.Second)
		if err := <-send(two, 2000); err != nil {
			t.Errorf("after one that broke off: %v", err)
		}
	})
}
