package rns_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

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
