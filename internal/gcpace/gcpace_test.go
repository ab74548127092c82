package gcpace

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestSmallHeapsMayGrowByAFewMegabytesAndLargeOnesByAShare(t *testing.T) {
	p := Policy{Least: 8 << 20, Percent: 50}
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 200}, {1 << 20, 225}, {4 << 20, 200}, {8 << 20, 100}, {16 << 20, 50}, {1 << 30, 50},
	} {
		if got := p.percent(c.live); got != c.want {
			t.Errorf("%d bytes in use: GOGC %d, want %d", c.live, got, c.want)
		}
	}
}

func TestMemoryIsGivenBackOnceAfterEachBurst(t *testing.T) {
	var q quiet
	for i, c := range []struct {
		usage
		want bool
	}{
		{usage{allocated: 10 << 20, objects: 10 << 20}, false},                               // since the start: a burst
		{usage{allocated: 10<<20 + 1000, live: 2 << 20, objects: 10 << 20}, true},            // quiet, 8 MiB that nobody uses
		{usage{allocated: 10<<20 + 2000, live: 2 << 20, objects: 2 << 20}, false},            // given back
		{usage{allocated: 10<<20 + 3000, live: 2 << 20, objects: 4 << 20}, false},            // once
		{usage{allocated: 20 << 20, live: 2 << 20, objects: 8 << 20}, false},                 // a burst
		{usage{allocated: 20<<20 + 1, live: 2 << 20, objects: 2<<20 + 1000}, false},          // quiet, but nothing to give
		{usage{allocated: 20<<20 + 2, live: 2 << 20, objects: 2 << 20, free: 1 << 20}, true}, // no objects, but pages
	} {
		if got := q.over(c.usage); got != c.want {
			t.Errorf("look %d: %v, want %v", i, got, c.want)
		}
	}
}

func TestPaceFollowsTheHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	Start(Policy{Least: 8 << 20, Percent: 50})
	large := make([]byte, 64<<20)
	for range 200 {
		runtime.GC()
		percent := debug.SetGCPercent(-1)
		debug.SetGCPercent(percent)
		if percent == 50 {
			runtime.KeepAlive(large)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the pace did not follow")
}
