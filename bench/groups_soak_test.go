//go:build soak

package bench

import (
	"testing"
	"time"
)

// What 50 groups may take.
const (
	startWithin = time.Second
	idleBytes   = 40 << 20
	leastBar    = 20 * time.Millisecond
	tries       = 3
	// hops is how often the processor changes hands from a question to its answer: the machine's own delays count so many times.
	hops = 4
)

// Members of other groups hardly notice that one group is flooded: the p95 of their requests is at most three times that of the quiet before
// it, or 20 ms, and what the machine is late by itself with all that runs on it. One of three tries has to show it, since the machine may be
// busy with something else.
func TestSoakOneGroupsFloodLeavesOthersAlone(t *testing.T) {
	s := buildServer(t)
	wall, cpu := s.starts(t)
	if wall[0] > startWithin {
		t.Errorf("the fastest start of %d took %v, %v of it computing", startsRun, wall[0], cpu[0])
	}
	s.start(t)
	time.Sleep(settled)
	if n := s.memory(t); n > idleBytes {
		t.Errorf("%.1f MiB when idle", float64(n)/(1<<20))
	}
	users := s.users(t)
	for _, kind := range floods() {
		t.Run(kind, func(t *testing.T) {
			for try := 1; ; try++ {
				r := s.flooded(t, users, kind)
				late := false
				for i, what := range []string{"reading", "posting"} {
					bar := max(3*r.quiet[i].p95(), leastBar) + hops*r.flood[echoing].p95()
					if p := r.flood[i].p95(); p > bar {
						late = true
						t.Logf("try %d: %s takes others %v, %v before; the machine %v; %s", try, what, p, r.quiet[i].p95(), r.flood[echoing].p95(), r.done)
					}
				}
				if !late {
					return
				}
				if try == tries || kind == "deletion" { // nothing is left to delete
					t.Fatal("one group's flood makes others wait")
				}
			}
		})
	}
	s.stop(t)
}
