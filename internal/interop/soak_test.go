//go:build soak

package interop

import "testing"

// The same as TestPowerCutKeepsWhatWasProved, at 100 random points.
func TestSoakPowerCuts(t *testing.T) { powerCuts(t, 10, 100) }
