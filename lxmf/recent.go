package lxmf

// recentIDs remembers the last ids that were decided, so that a retransmission does not reach storage. It is a ring: the
// oldest is forgotten. It is not safe for use by several goroutines.
type recentIDs struct {
	ids  map[MessageID]struct{}
	ring []MessageID // grows up to size
	size int
	next int
}

func newRecentIDs(size int) recentIDs {
	return recentIDs{ids: make(map[MessageID]struct{}), size: size}
}

func (r *recentIDs) has(id MessageID) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *recentIDs) add(id MessageID) {
	if r.has(id) {
		return
	}
	r.ids[id] = struct{}{}
	if len(r.ring) < r.size {
		r.ring = append(r.ring, id)
		return
	}
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % len(r.ring)
}
