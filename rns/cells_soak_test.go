//go:build soak

package rns_test

import (
	"testing"
	"time"
)

// TestSoakTwentyCellsForADay: 200 nodes in 20 cells for a virtual day, 5 % loss, moving nodes. The numbers are in
// docs/simulations.md.
func TestSoakTwentyCellsForADay(t *testing.T) {
	began := time.Now()
	result := runCells(t, cellPlan{cells: 20, perCell: 10, movers: 18, lasts: 24 * time.Hour, announces: 6 * time.Hour,
		messages: 2 * time.Hour, moves: 6 * time.Hour, loss: 0.05, seed: 1})
	result.check(t, 180)
	t.Logf("in %v", time.Since(began).Round(time.Second))
}
