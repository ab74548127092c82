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
