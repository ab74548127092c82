//go:build soak

package rns

import "testing"

// TestSoakTablesOfARelayStayBounded: C-177.
func TestSoakTablesOfARelayStayBounded(t *testing.T) { floodRelay(t, 1_000_000) }
