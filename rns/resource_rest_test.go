package rns_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

// A stock peer that has proved a resource still takes the parts of the next one for parts of that, until it has put it away, and
// then its application is told that the first one failed: of fifty messages in a row, all proved, one was lost.
func TestFileAfterAFileWaitsUntilAStockPeerHasPutTheFirstOneAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		var mu sync.Mutex
		var proved, offered []time.Time
		b.SetHandlers(rns.LinkHandlers{
			OnResource: func(rns.ResourceOffer) rns.ResourceDecision {
				mu.Lock()
				defer mu.Unlock()
				offered = append(offered, time.Now())
				return rns.ResourceDecision{Accept: true}
			},
			OnResourceDone: func(r *rns.ReceivedResource) {
				mu.Lock()
				defer mu.Unlock()
				proved = append(proved, time.Now())
				if err := r.Prove(); err != nil {
					t.Error(err)
				}
			},
		})
		var sending sync.WaitGroup
		for range 3 { // those that wait together, and one that comes when nothing waits
			sending.Go(func() {
				if err := a.SendResource(t.Context(), rns.ResourceBytes(new(noise).bytes(5000)), rns.ResourceOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
		if err := a.SendResource(t.Context(), rns.ResourceBytes([]byte("small")), rns.ResourceOptions{}); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(offered) != 4 || len(proved) != 4 {
			t.Fatalf("%d offered, %d arrived", len(offered), len(proved))
		}
		for i := range 3 {
			if gap := offered[i+1].Sub(proved[i]); gap < 50*time.Millisecond || gap > 100*time.Millisecond {
				t.Errorf("resource %d was offered %v after the one before had been proved", i+2, gap)
			}
		}
	})
}

func TestFileAfterARefusedFileDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		var offered []time.Time
		b.SetHandlers(rns.LinkHandlers{OnResource: func(rns.ResourceOffer) rns.ResourceDecision {
			offered = append(offered, time.Now())
			return rns.ResourceDecision{}
		}})
		for range 2 {
			if err := a.SendResource(t.Context(), rns.ResourceBytes([]byte("small")), rns.ResourceOptions{}); !errors.Is(err, rns.ErrRejected) {
				t.Error(err)
			}
		}
		if gap := offered[1].Sub(offered[0]); gap >= 50*time.Millisecond {
			t.Errorf("offered %v later", gap)
		}
	})
}

// Who asks again has put away what he was sent, and is not kept waiting; an answer that waits meanwhile is not forgotten.
func TestWhoAsksAgainDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		p.at.HandleRequest("/large", func(context.Context, *rns.Request) (msgpack.Raw, bool) {
			return msgpack.Bin(new(noise).bytes(5000)), true
		})
		p.at.HandleRequest("/silent", func(context.Context, *rns.Request) (msgpack.Raw, bool) { return nil, false })
		a, _ := p.open(t)
		ask := func() {
			if _, err := a.Request(t.Context(), "/large", nil, rns.RequestOptions{}); err != nil {
				t.Error(err)
			}
		}
		began := time.Now()
		for range 10 {
			ask()
		}
		if took := time.Since(began); took >= 50*time.Millisecond {
			t.Errorf("ten answers took %v", took)
		}
		var asking sync.WaitGroup
		asking.Go(ask)
		asking.Go(ask)
		asking.Go(func() {
			time.Sleep(20 * time.Millisecond) // the second answer waits by then
			_, _ = a.Request(t.Context(), "/silent", nil, rns.RequestOptions{Timeout: time.Second})
		})
		asking.Wait()
	})
}
