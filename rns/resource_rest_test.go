package rns_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
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
