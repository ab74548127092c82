package rns

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLargeAnswersOfOneDestinationLeaveProcessorsForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns workTurns
		running, most := 0, 0
		build := func(d DestinationHash) {
			_, leave, err := turns.enter(t.Context(), d)
			if err != nil {
				t.Error(err)
				return
			}
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
		if most > workAtOnce()+1 {
			t.Errorf("%d at once", most)
		}
		if len(turns.m) != 0 {
			t.Errorf("%d destinations are remembered", len(turns.m))
		}
	})
}

func TestWhoGivesUpWaitingForATurnLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns workTurns
		var leaves []func()
		for range workAtOnce() {
			_, leave, err := turns.enter(t.Context(), DestinationHash{1})
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := turns.enter(soon, DestinationHash{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a turn beyond the bound: %v", err)
		}
		for _, leave := range leaves {
			leave()
		}
		if len(turns.m) != 0 {
			t.Errorf("%d destinations are remembered", len(turns.m))
		}
	})
}

// TestAnswersAndWhatMakesThemShareTheirTurns: who has one on a link keeps large resources of that destination waiting.
func TestAnswersAndWhatMakesThemShareTheirTurns(t *testing.T) {
	shared := new(linkShared)
	l := &Link{shared: shared, destination: DestinationHash{1}}
	var leaves []func()
	for range workAtOnce() {
		leave, err := l.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	closed, cancel := context.WithCancel(t.Context())
	cancel()
	l.ctx = closed
	plan := &segmentPlan{turn: linkOfResources{l: l}.turn, source: ResourceBytes([]byte("large"))}
	plan.length = 5
	if _, err := plan.build(); !errors.Is(err, ErrLinkClosed) {
		t.Errorf("a resource was built out of turn: %v", err)
	}
	for _, leave := range leaves {
		leave()
	}
}
