package lxmf

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"groupd/rns"
)

// Tunables of the table of nodes.
const (
	// nodeStale is how long a node must have been silent before a new one may take its place in a full table, so that those
	// who announce many nodes push out none that are in use.
	nodeStale = 7 * 24 * time.Hour
	// nodeRetryFirst and nodeRetryMost are how long a node that failed comes after all others; it doubles with each failure,
	// and its next announce ends it.
	nodeRetryFirst = time.Minute
	nodeRetryMost  = 6 * time.Hour
)

// PropagationNode is what is known of a propagation node.
type PropagationNode struct {
	// Address is that of its lxmf.propagation destination.
	Address rns.DestinationHash
	// Pinned says that it is configured; Heard that its announce data is known.
	Pinned, Heard bool
	// Data is what it announces about itself, if it was heard.
	Data PropagationData
	// FirstHeard is when it was heard first, LastHeard when last since the start; zero: not. Wall clock.
	FirstHeard, LastHeard time.Time
	// Hops is the distance, [rns.MaxHops] when no path is known.
	Hops int
	// Failures is how often in a row it has failed.
	Failures int
}

// nodeEntry is a node in the table.
type nodeEntry struct {
	PropagationNode
	order    int       // in which they were heard first
	since    time.Time // of the last announce, or of the start: monotonic
	retry    time.Time // not before others until then
	rejected bool      // it refused an upload: none until retry, unless it asks for another cost meanwhile
}

// nodeTable is the nodes that were heard, and the pinned ones. Bounds: the pinned nodes, and as many heard ones as its capacity;
// a further one replaces one that is switched off or has been silent for nodeStale, else it is dropped and counted.
type nodeTable struct {
	mu      sync.Mutex // leaf
	max     int
	order   int
	entries map[rns.DestinationHash]*nodeEntry
	dropped uint64
}

func newNodeTable(limit int, pinned []rns.DestinationHash) *nodeTable {
	t := &nodeTable{max: limit, entries: make(map[rns.DestinationHash]*nodeEntry)}
	for _, a := range pinned {
		t.order++
		t.entries[a] = &nodeEntry{PropagationNode: PropagationNode{Address: a, Pinned: true}, order: t.order}
	}
	return t
}

// heard takes note of announce data. fresh is set when the node has to be stored, with what it replaces. A path response tells
// costs and limits, but not that the node works.
func (t *nodeTable) heard(a rns.DestinationHash, data PropagationData, pathResponse bool, now time.Time) (fresh *KnownNode, evict []rns.DestinationHash, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[a]
	if e == nil {
		if !data.Active {
			return nil, nil, false // any stock client answers for this name, too
		}
		if evict, known = t.room(now); !known {
			t.dropped++
			return nil, nil, false
		}
		e = t.add(a)
	}
	if e.FirstHeard.IsZero() {
		e.FirstHeard = now.Round(0)
		fresh = &KnownNode{Address: a, FirstHeard: e.FirstHeard}
	}
	e.rejected = e.rejected && e.Data.StampCost == data.StampCost
	e.Data, e.Heard, e.LastHeard, e.since = data, true, now.Round(0), now
	if !pathResponse {
		e.retry, e.rejected, e.Failures = time.Time{}, false, 0
	}
	return fresh, evict, true
}

func (t *nodeTable) add(a rns.DestinationHash) *nodeEntry {
	t.order++
	e := &nodeEntry{PropagationNode: PropagationNode{Address: a}, order: t.order}
	t.entries[a] = e
	return e
}

// room makes room for one more node, if it may.
func (t *nodeTable) room(now time.Time) (evict []rns.DestinationHash, ok bool) {
	heard := 0
	var oldest *nodeEntry
	for _, e := range t.entries {
		if e.Pinned {
			continue
		}
		heard++
		stale := now.Sub(e.since) >= nodeStale || e.Heard && !e.Data.Active
		if stale && (oldest == nil || e.since.Before(oldest.since)) {
			oldest = e
		}
	}
	if heard < t.max {
		return nil, true
	}
	if oldest == nil {
		return nil, false
	}
	delete(t.entries, oldest.Address)
	return []rns.DestinationHash{oldest.Address}, true
}

// load takes in what was stored. data is what the transport still knows of a node's announce.
func (t *nodeTable) load(nodes []KnownNode, data func(rns.DestinationHash) (PropagationData, bool), now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	heard := 0
	for _, n := range nodes {
		e := t.entries[n.Address]
		if e == nil {
			if heard++; heard > t.max {
				continue // the bound was lowered
			}
			e = t.add(n.Address)
		}
		if e.FirstHeard.IsZero() {
			e.FirstHeard = n.FirstHeard
		}
		e.since = now
		if !e.Heard {
			e.Data, e.Heard = data(n.Address)
		}
	}
}

// failed notes that a node did not do what it should, or refused an upload.
func (t *nodeTable) failed(a rns.DestinationHash, now time.Time, rejected bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[a]; e != nil {
		e.Failures++
		e.rejected = e.rejected || rejected
		wait := nodeRetryFirst << min(e.Failures-1, 16)
		e.retry = now.Add(min(wait, nodeRetryMost))
	}
}

// worked notes that a node did what it should.
func (t *nodeTable) worked(a rns.DestinationHash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[a]; e != nil {
		e.Failures, e.retry, e.rejected = 0, time.Time{}, false
	}
}

// list returns a copy of all entries.
func (t *nodeTable) list() []nodeEntry {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]nodeEntry, 0, len(t.entries))
	for _, e := range t.entries {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b nodeEntry) int { return a.order - b.order })
	return out
}

// nodeNeed is what a node is needed for.
type nodeNeed struct {
	auto    bool // those that are not pinned, too
	upload  bool
	size    int // of the upload, in bytes
	maxCost int // of its stamp
}

// Why no node can be used, beside that none is known.
type nodeLack struct{ dear, small bool }

// chooseNodes returns the nodes that can be used, best first. It is pure. A node whose announce is not known is taken only when
// it is pinned: it is asked for. Element 2 of the announce decides whether it is a node; a path or a link does not.
//
// Pinned nodes come in their order. The others: known longest, counted in days; then nearest; then who was heard first. Those
// that failed come last, the one that may be tried again soonest first.
func chooseNodes(nodes []nodeEntry, need nodeNeed, now time.Time) (out []nodeEntry, lack nodeLack) {
	for _, e := range nodes {
		switch {
		case !e.Pinned && !need.auto, e.Heard && !e.Data.Active, !e.Heard && !e.Pinned, need.upload && e.rejected && e.retry.After(now):
			continue
		case !need.upload || !e.Heard:
		case e.Data.StampCost > need.maxCost:
			lack.dear = true
			continue
		case float64(need.size) > 1000*min(e.Data.TransferLimit, e.Data.SyncLimit):
			lack.small = true
			continue
		}
		out = append(out, e)
	}
	day := func(e nodeEntry) int64 { return e.FirstHeard.Unix() / 86400 }
	slices.SortStableFunc(out, func(a, b nodeEntry) int {
		waitA, waitB := a.retry.After(now), b.retry.After(now)
		switch {
		case waitA != waitB:
			return cmp.Compare(truthNumber(waitA), truthNumber(waitB))
		case waitA:
			return a.retry.Compare(b.retry)
		case a.Pinned != b.Pinned:
			return cmp.Compare(truthNumber(b.Pinned), truthNumber(a.Pinned))
		case a.Pinned:
			return a.order - b.order
		}
		return cmp.Or(cmp.Compare(day(a), day(b)), a.Hops-b.Hops, a.order-b.order)
	})
	return out, lack
}

func truthNumber(v bool) int {
	if v {
		return 1
	}
	return 0
}

// nodeHeard is called by the transport's dispatcher for each announce of an lxmf.propagation destination.
func (p *Propagation) nodeHeard(a rns.Announced) {
	data, err := ParsePropagationData(a.AppData)
	if err != nil {
		p.count.malformed.Add(1)
		return
	}
	fresh, evict, known := p.nodes.heard(a.Destination, data, a.PathResponse, time.Now())
	if !known {
		return
	}
	if fresh != nil && data.Active {
		select {
		case p.store <- storeNode{*fresh, evict}:
		default: // it stays in memory, and is stored when it is heard after the next start
		}
	}
	if data.Active {
		if !a.PathResponse || fresh != nil { // one that fails answers path requests, too
			p.r.NodeHeard()
		}
		p.scheduleHeard(a.Destination, !a.PathResponse)
	}
}

// storeNode is a node to be stored, with what it replaces.
type storeNode struct {
	node  KnownNode
	evict []rns.DestinationHash
}

// keepNodes is the life of the goroutine that stores nodes.
func (p *Propagation) keepNodes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.store:
			if err := p.r.store.PutNode(ctx, s.node, s.evict...); err != nil {
				p.r.log.Debug("propagation node not stored", "node", s.node.Address, "err", err)
			}
		}
	}
}

// known returns the announce data that the transport has of a node.
func (p *Propagation) known(a rns.DestinationHash) (PropagationData, bool) {
	known, ok := p.r.transport.Recall(a)
	if !ok {
		return PropagationData{}, false
	}
	data, err := ParsePropagationData(known.AppData)
	return data, err == nil
}

// Nodes returns the nodes that are known, pinned ones first, then in the order in which they were heard.
func (p *Propagation) Nodes() []PropagationNode {
	entries := p.entries()
	out := make([]PropagationNode, len(entries))
	for i, e := range entries {
		out[i] = e.PropagationNode
	}
	return out
}

// entries returns all nodes with their distances.
func (p *Propagation) entries() []nodeEntry {
	list := p.nodes.list()
	for i := range list {
		list[i].Hops = p.r.transport.Hops(list[i].Address)
	}
	return list
}
