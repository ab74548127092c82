package mesh_test

import (
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/rnstest/mesh"
)

// check says what every run must show.
func check(t *testing.T, p mesh.Plan, r mesh.Result) {
	t.Helper()
	t.Log(r)
	onePacket := rns.MTU * 8 / p.Modulation.Bitrate() / p.Lasts.Seconds()
	if r.OverCap > 0 || r.ForwardedBytes > rns.DefaultAnnounceCap+onePacket {
		t.Errorf("forwarded announces take %.3f %% of a radio, and were over the cap %d times", 100*r.ForwardedBytes, r.OverCap)
	}
	stranded := 0.01
	if p.Announces >= p.Lasts {
		stranded = 2 * p.Loss // each announces once, and whom no neighbour heard nobody knows
	}
	if r.Sent == 0 || r.Lost > 0 || float64(r.Stranded) > stranded*float64(r.Sent) {
		t.Errorf("%d of %d messages delivered, %d lost, %d stranded", r.Delivered, r.Sent, r.Lost, r.Stranded)
	}
	if r.MaxPaths > p.Ends() || r.MaxKnown > p.Ends() || r.Evicted > 0 {
		t.Errorf("%d paths and %d known for %d destinations, %d evicted", r.MaxPaths, r.MaxKnown, p.Ends(), r.Evicted)
	}
}

// TestFourCellsForSixHours: `make soak` runs twenty for a day.
func TestFourCellsForSixHours(t *testing.T) {
	p := mesh.Small(1)
	began := time.Now()
	r := mesh.Run(t, p)
	check(t, p, r)
	t.Logf("in %v", time.Since(began).Round(time.Millisecond))
}

// TestTheSameSeedGivesTheSameRun: every frame at the same time, with the same bytes.
func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	p := mesh.Small(2)
	p.Lasts, p.Messages, p.Moves, p.Patience = 2*time.Hour, 20*time.Minute, 20*time.Minute, 20*time.Minute
	one, again := mesh.Run(t, p), mesh.Run(t, p)
	if one != again {
		t.Errorf("two runs of one seed differ:\n%v\n\n%v", one, again)
	}
	p.Seed = 3
	if other := mesh.Run(t, p); other.Digest == one.Digest {
		t.Error("another seed gave the same run")
	}
}
