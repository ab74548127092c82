package lxmf

import (
	"time"

	"groupd/rns"
)

// NodeTable is the table of nodes, for tests.
type NodeTable struct{ t *nodeTable }

func NewNodeTable(limit int, pinned ...rns.DestinationHash) NodeTable {
	return NodeTable{newNodeTable(limit, pinned)}
}

func (n NodeTable) Heard(a rns.DestinationHash, d PropagationData, now time.Time) (fresh bool, evict []rns.DestinationHash, known bool) {
	f, evict, known := n.t.heard(a, d, false, now)
	return f != nil, evict, known
}

func (n NodeTable) Len() int        { return len(n.t.entries) }
func (n NodeTable) Dropped() uint64 { return n.t.dropped }

// NodeNeed is what a node is needed for, for tests.
type NodeNeed struct {
	Auto, Upload  bool
	Size, MaxCost int
}

// ChooseNodes chooses among nodes in the order in which they were heard first; those with failures wait.
func ChooseNodes(nodes []PropagationNode, n NodeNeed, now time.Time) (out []PropagationNode) {
	var entries []nodeEntry
	for i, node := range nodes {
		e := nodeEntry{PropagationNode: node, order: i}
		if node.Failures > 0 {
			e.retry = now.Add(time.Minute)
		}
		entries = append(entries, e)
	}
	chosen, _ := chooseNodes(entries, nodeNeed{auto: n.Auto, upload: n.Upload, size: n.Size, maxCost: n.MaxCost}, now)
	for _, e := range chosen {
		out = append(out, e.PropagationNode)
	}
	return out
}

// PropagationRemembering collects so many messages and returns a function that tells whether the ith is remembered.
func PropagationRemembering(n int) func(i int) bool {
	p := &Propagation{had: make(map[TransientID]struct{})}
	id := func(i int) TransientID { return TransientID{byte(i), byte(i >> 8)} }
	for i := range n {
		p.remember(id(i))
	}
	return func(i int) bool {
		_, ok := p.had[id(i)]
		return ok && len(p.had) == maxCollectedIDs && len(p.hadOrder) == maxCollectedIDs
	}
}
