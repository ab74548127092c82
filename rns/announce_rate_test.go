package rns

import (
	"testing"
	"time"
)

// TestAnnounceRateLimit: C-131.
func TestAnnounceRateLimit(t *testing.T) {
	now, table := time.Unix(1e9, 0), newAnnounceRateTable(10)
	limit := AnnounceRate{Target: 60 * time.Second, Penalty: 120 * time.Second}
	d := DestinationHash{1}
	if table.heard(d, limit, time.Time{}, now) {
		t.Error("the first is blocked")
	}
	if !table.heard(d, limit, now, now.Add(10*time.Second)) {
		t.Error("the second is not")
	}
	if until := table.entries[d].blockedUntil; !until.Equal(now.Add(180 * time.Second)) {
		t.Errorf("blocked for %v", until.Sub(now))
	}
	if !table.heard(d, limit, now, now.Add(180*time.Second)) || table.heard(d, limit, now, now.Add(181*time.Second)) {
		t.Error("blocked until 180 s is not")
	}
	if e := table.entries[d]; len(e.times) != 4 || table.blocked != 2 || e.violations != 0 {
		t.Errorf("%+v", e)
	}
}

// TestAnnounceRateGrace: C-133, as far as the limits of transport nodes go.
func TestAnnounceRateGrace(t *testing.T) {
	now, table, limit := time.Unix(1e9, 0), newAnnounceRateTable(10), DefaultAnnounceRate()
	if limit.Target != time.Hour || limit.Grace != 5 || limit.Penalty != 0 {
		t.Errorf("%+v", limit)
	}
	d := DestinationHash{1}
	var before time.Time
	for i := range 7 {
		if got := table.heard(d, limit, before, now.Add(time.Duration(i)*time.Minute)); got != (i == 6) {
			t.Errorf("announce %d blocked: %v", i, got)
		}
		before = now
	}
	for i := range 40 {
		table.heard(d, limit, now, now.Add(time.Duration(i)*time.Second))
	}
	if n := len(table.entries[d].times); n != maxRateTimes {
		t.Errorf("%d times kept", n)
	}
}

func TestAnnounceRatesAreBoundedAndForgotten(t *testing.T) {
	now, table, limit := time.Unix(1e9, 0), newAnnounceRateTable(100), AnnounceRate{Target: time.Hour}
	for i := range 1000 {
		table.heard(DestinationHash{byte(i), byte(i >> 8)}, limit, now.Add(-30*time.Minute), now.Add(time.Duration(i)))
	}
	if len(table.entries) != 100 || table.order.Len() != 100 || table.evicted != 900 {
		t.Errorf("%d entries, %d evicted", len(table.entries), table.evicted)
	}
	table.cull(now.Add(59 * time.Minute))
	if len(table.entries) != 100 {
		t.Error("forgotten too early")
	}
	table.cull(now.Add(30 * time.Hour))
	if len(table.entries) != 0 || table.order.Len() != 0 {
		t.Error("never forgotten")
	}
}
