//go:build soak

package requests

import (
	"testing"
	"time"
)

// The figures are in docs/simulations.md.
func TestSoakAPostReachesTenThousandMembersOverARadio(t *testing.T) {
	began := time.Now()
	aPostReachesAll(t, 10_000)
	t.Logf("in %v", time.Since(began).Round(time.Second))
}

func TestSoakWhatAPostCostsDoesNotDependOnTenThousandMembers(t *testing.T) {
	began := time.Now()
	growsAlike(t, 100, 10_000, 2)
	t.Logf("in %v", time.Since(began).Round(time.Second))
}
