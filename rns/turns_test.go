package rns

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLargeAnswersOfOneDestinationLeaveProcessorsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns buildTurns
		running, most := 0, 0
		build := func(d DestinationHash) {
			leave := turns.enter(d)
			turns.mu.Lock()
			running++
			most = max(most, running)
			turns.mu.Unlock()
			time.Sleep(time.Second)
			turns.mu.Lock()
			running--
			turns.mu.Unlock()
			leave()
		}
		for range 50 {
			go build(DestinationHash{1})
		}
		synctest.Wait()
		began := time.Now()
		build(DestinationHash{2})
		if d := time.Since(began); d > time.Second {
			t.Errorf("another destination waited %v", d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most > buildsAtOnce()+1 {
			t.Errorf("%d at once", most)
		}
		if len(turns.m) != 0 {
			t.Errorf("%d destinations are remembered", len(turns.m))
		}
	})
}
