package sqlite

import (
	"slices"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

// propagationStores are the engines, which must do the same.
func propagationStores(t *testing.T) map[string]lxmf.PropagationStore {
	return map[string]lxmf.PropagationStore{"sqlite": openTest(t, "").LXMFStore(), "memory": &lxmf.MemoryStore{}}
}

func TestPropagationNodesAreKeptInTheOrderInWhichTheyWereHeard(t *testing.T) {
	for name, s := range propagationStores(t) {
		at := time.Unix(1700000000, 0).UTC()
		node := func(i byte) lxmf.KnownNode {
			return lxmf.KnownNode{Address: rns.DestinationHash{i}, FirstHeard: at.Add(time.Duration(i) * time.Hour)}
		}
		again := node(9)
		again.FirstHeard = at
		for _, n := range []lxmf.KnownNode{node(9), node(3), node(5), again} { // putting twice changes nothing
			if err := s.PutNode(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutNode(t.Context(), node(1), node(3).Address, rns.DestinationHash{77}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Nodes(t.Context())
		if want := []lxmf.KnownNode{node(9), node(5), node(1)}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestOfCollectedMessagesTheNewestIDsAreKept(t *testing.T) {
	for name, s := range propagationStores(t) {
		var all []lxmf.TransientID
		for i := range byte(10) {
			all = append(all, lxmf.TransientID{i})
		}
		for i := 0; i < len(all); i += 2 {
			if err := s.PutCollected(t.Context(), 6, all[i], all[i+1], all[i]); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Collected(t.Context()); err != nil || !slices.Equal(got, all[4:]) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if err := s.PutCollected(t.Context(), 6); err != nil {
			t.Errorf("%s: nothing: %v", name, err)
		}
	}
}
