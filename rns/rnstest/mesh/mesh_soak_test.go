//go:build soak

package mesh_test

import (
	"testing"
	"time"

	"groupd/rns/rnstest/mesh"
)

// TestSoakTwentyCellsForADay: 200 nodes. The figures are in docs/simulations.md.
func TestSoakTwentyCellsForADay(t *testing.T) {
	p := mesh.Day(1)
	began := time.Now()
	r := mesh.Run(t, p)
	check(t, p, r)
	t.Logf("in %v", time.Since(began).Round(time.Second))
	if again := mesh.Run(t, p); again != r {
		t.Errorf("the same seed gave another result:\n%v", again)
	}
}

// TestSoakTwoThousandNodes also prints what a node takes.
func TestSoakTwoThousandNodes(t *testing.T) {
	p := mesh.Large(1)
	began := time.Now()
	r, m := mesh.RunForMemory(t, p)
	check(t, p, r)
	t.Logf("in %v; %d kB of heap and %d kB of stacks per node, its part of the media included", time.Since(began).Round(time.Second), m.Heap>>10, m.Stacks>>10)
	if perNode := m.Heap + m.Stacks; perNode > maxMemory {
		t.Errorf("%d bytes per node", perNode)
	}
}

// maxMemory is what a node of a network of 2,000 may take on the average, gateways and their 1,800 paths included.
const maxMemory = 2 << 20
