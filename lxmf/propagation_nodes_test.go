package lxmf_test

import (
	"slices"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// the vectors of propagation_announce_data hold the bytes; here, what a table makes of them.
func TestAnAnnounceThatIsNotANodesIsIgnored(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		n := startNode(t, 90, m.Port("node"))
		a := live(t, alice(t), m.Port("a"), options{})
		p := a.propagate(t, onDemand())
		n.announce()
		if got := p.Nodes(); len(got) != 1 || !got[0].Data.Active || got[0].Data.StampCost != 4 || got[0].Hops != 1 || got[0].Pinned {
			t.Fatalf("%+v", got)
		}
		before := p.Nodes()
		for _, plain := range [][]byte{[]byte("text"), {0x93, 0xc2, 0x01, 0xc3}, {0x97, 0xc2, 1, 7, 1, 1, 0x93, 1, 1, 1, 0x80}} {
			n.set(func(n *fakeNode) { n.plain = plain })
			n.announce()
		}
		if got := p.Nodes(); got[0].LastHeard != before[0].LastHeard || p.Stats().Malformed != 3 {
			t.Errorf("%+v, %+v", got, p.Stats())
		}
		n.set(func(n *fakeNode) { n.plain, n.data.Active = nil, false })
		n.announce()
		if p.Ready() {
			t.Error("a node that is switched off is used")
		}
	})
}

// a path response tells costs, and nothing else follows from it; we peer with nobody.
func TestAPathResponseUpdatesWhatIsKnownOfANode(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		n := startNode(t, 90, m.Port("node"))
		a := live(t, alice(t), m.Port("a"), options{})
		p := a.propagate(t, onDemand())
		n.announce()
		n.set(func(n *fakeNode) { n.data.StampCost = 9 })
		a.node.ForgetPath(n.dest.Hash())
		if err := a.node.AwaitPath(t.Context(), n.dest.Hash()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := p.Nodes(); len(got) != 1 || got[0].Data.StampCost != 9 {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheNodeKnownLongestIsUsedAndRememberedAfterARestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		old, young := startNode(t, 91, m.Port("old")), startNode(t, 90, m.Port("young"))
		store, known := &lxmf.MemoryStore{}, &rnstest.Store{}
		node := rnstest.Start(t, rns.Config{Store: known}, m.Port("a"))
		a := liveOn(t, alice(t), node, options{store: store})
		p, stop := a.propagateUntil(t, onDemand())
		old.announce()
		time.Sleep(50 * time.Hour)
		young.announce()
		r, err := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{})
		if err != nil || len(r) != 1 || r[0].Node != old.dest.Hash() {
			t.Fatalf("%+v, %v", r, err)
		}
		stop()
		a.stop()
		node.Stop()
		node = rnstest.Start(t, rns.Config{Store: known}, m.Port("again"))
		a = liveOn(t, alice(t), node, options{store: store})
		p = a.propagate(t, onDemand())
		if got := p.Nodes(); len(got) != 2 || got[0].Address != old.dest.Hash() || !got[0].Heard || got[1].Address != young.dest.Hash() {
			t.Fatalf("%+v", got)
		}
		r, err = p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{})
		if err != nil || len(r) != 1 || r[0].Node != old.dest.Hash() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestMailIsCollectedFromAllPinnedNodes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		one, two, other := startNode(t, 90, m.Port("one")), startNode(t, 91, m.Port("two")), startNode(t, 92, m.Port("other"))
		a := live(t, alice(t), m.Port("a"), options{})
		if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
			t.Fatal(err)
		}
		p := a.propagate(t, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{two.dest.Hash(), one.dest.Hash()}, Interval: -1})
		for _, n := range []*fakeNode{one, two, other} {
			n.announce()
			n.leave(bob(t), alice(t).Public(), "at "+n.dest.Hash().Short())
		}
		reports, err := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{})
		if err != nil || len(reports) != 2 || reports[0].Node != two.dest.Hash() || reports[1].Node != one.dest.Hash() || one.holds()+two.holds() != 0 || len(other.saw()) != 0 {
			t.Errorf("%+v, %v", reports, err)
		}
		if s := p.Status(a.Delivery); s.Collected != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// The bound of the table and its drop rule.
func TestWhoAnnouncesManyNodesPushesOutNone(t *testing.T) {
	t.Parallel()
	data := lxmf.PropagationData{Active: true}
	address := func(i int) rns.DestinationHash { return rns.DestinationHash{byte(i), byte(i >> 8), 1} }
	now := time.Unix(1_700_000_000, 0)
	table := lxmf.NewNodeTable(3, address(1000))
	for i := range 10 {
		fresh, _, ok := table.Heard(address(i), data, now)
		if ok != (i < 3) || fresh != ok {
			t.Errorf("node %d: %v, %v", i, fresh, ok)
		}
	}
	if _, _, ok := table.Heard(address(1000), data, now); !ok || table.Len() != 4 || table.Dropped() != 7 {
		t.Errorf("%d nodes, %d dropped", table.Len(), table.Dropped())
	}
	now = now.Add(8 * 24 * time.Hour)
	for _, i := range []int{0, 2} {
		table.Heard(address(i), data, now)
	}
	if _, evict, ok := table.Heard(address(20), data, now); !ok || !slices.Equal(evict, []rns.DestinationHash{address(1)}) || table.Len() != 4 {
		t.Errorf("the silent one stays: %v, %v", evict, ok)
	}
	if _, _, ok := table.Heard(address(21), data, now); ok {
		t.Error("taken, though all were heard")
	}
	off := data
	off.Active = false
	table.Heard(address(2), off, now)
	if _, evict, ok := table.Heard(address(21), data, now); !ok || !slices.Equal(evict, []rns.DestinationHash{address(2)}) {
		t.Errorf("the one that is switched off stays: %v, %v", evict, ok)
	}
	if _, _, ok := table.Heard(address(22), off, now); ok {
		t.Error("a client is no node")
	}
}

func TestWhichNodeIsBest(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	node := func(name byte, change ...func(*lxmf.PropagationNode)) lxmf.PropagationNode {
		n := lxmf.PropagationNode{Address: rns.DestinationHash{name}, Heard: true, FirstHeard: now, Hops: 3,
			Data: lxmf.PropagationData{Active: true, TransferLimit: 256, SyncLimit: 10240, StampCost: 16}}
		for _, f := range change {
			f(&n)
		}
		return n
	}
	type change = func(*lxmf.PropagationNode)
	first := func(days int) change {
		return func(n *lxmf.PropagationNode) { n.FirstHeard = now.Add(-time.Duration(days) * 24 * time.Hour) }
	}
	hops := func(h int) change { return func(n *lxmf.PropagationNode) { n.Hops = h } }
	pinned := func(n *lxmf.PropagationNode) { n.Pinned = true }
	silent := func(n *lxmf.PropagationNode) { n.Heard = false }
	off := func(n *lxmf.PropagationNode) { n.Data.Active = false }
	failed := func(n *lxmf.PropagationNode) { n.Failures = 1 }
	for name, c := range map[string]struct {
		nodes []lxmf.PropagationNode
		need  lxmf.NodeNeed
		want  string
	}{
		"known longest":              {[]lxmf.PropagationNode{node('a'), node('b', first(3)), node('c', first(9))}, lxmf.NodeNeed{Auto: true}, "cba"},
		"nearest of the same day":    {[]lxmf.PropagationNode{node('a', hops(5)), node('b', hops(2)), node('c', hops(2))}, lxmf.NodeNeed{Auto: true}, "bca"},
		"pinned first, in order":     {[]lxmf.PropagationNode{node('a', pinned), node('b', pinned, hops(1)), node('c', first(9))}, lxmf.NodeNeed{Auto: true}, "abc"},
		"only pinned ones":           {[]lxmf.PropagationNode{node('a'), node('b', pinned)}, lxmf.NodeNeed{}, "b"},
		"pinned and never heard":     {[]lxmf.PropagationNode{node('a', silent), node('b', silent, pinned)}, lxmf.NodeNeed{Auto: true}, "b"},
		"switched off":               {[]lxmf.PropagationNode{node('a', off), node('b', off, pinned), node('c')}, lxmf.NodeNeed{Auto: true}, "c"},
		"failed ones last":           {[]lxmf.PropagationNode{node('a', pinned, failed), node('b')}, lxmf.NodeNeed{Auto: true}, "ba"},
		"cost does not matter here":  {[]lxmf.PropagationNode{node('a')}, lxmf.NodeNeed{Auto: true, MaxCost: 3}, "a"},
		"too dear to upload to":      {[]lxmf.PropagationNode{node('a')}, lxmf.NodeNeed{Auto: true, Upload: true, MaxCost: 15}, ""},
		"paid":                       {[]lxmf.PropagationNode{node('a')}, lxmf.NodeNeed{Auto: true, Upload: true, MaxCost: 16, Size: 256_000}, "a"},
		"too small for this message": {[]lxmf.PropagationNode{node('a')}, lxmf.NodeNeed{Auto: true, Upload: true, MaxCost: 16, Size: 256_001}, ""},
	} {
		got := ""
		for _, n := range lxmf.ChooseNodes(c.nodes, c.need, now) {
			got += string(n.Address[:1])
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
