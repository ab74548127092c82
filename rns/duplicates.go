package rns

// DefaultDuplicateMemory is how many packet hashes each of the two generations of the duplicate filter holds. The
// reference keeps 500 000; 32 768 of 16 bytes cost about 3 MB for both, and on the fastest radio that is more than a
// day of traffic. A packet that comes back after two generations is delivered again.
const DefaultDuplicateMemory = 32768

// duplicateFilter remembers the packets seen, by hash, in two generations: when the current one is full it becomes the
// previous one and a new one starts (spec 1 §3.8). So it remembers between size and 2·size packets, the newest ones.
// 16 of the 32 bytes are kept, which nobody can find two packets for. It is owned by the loop.
type duplicateFilter struct {
	size              int
	current, previous map[TruncatedHash]struct{}
}

// newDuplicateFilter makes a filter with generations of size hashes.
func newDuplicateFilter(size int) duplicateFilter {
	return duplicateFilter{
		size:     size,
		current:  make(map[TruncatedHash]struct{}),
		previous: make(map[TruncatedHash]struct{}),
	}
}

// seen reports whether the packet was added within the last two generations.
func (d *duplicateFilter) seen(h PacketHash) bool {
	k := h.truncated()
	if _, ok := d.current[k]; ok {
		return true
	}
	_, ok := d.previous[k]
	return ok
}

// add remembers a packet.
func (d *duplicateFilter) add(h PacketHash) {
	if len(d.current) >= d.size {
		d.current, d.previous = d.previous, d.current
		clear(d.current)
	}
	d.current[h.truncated()] = struct{}{}
}

// forget lets a packet be accepted again: it came at the wrong interface, or we had no room for it.
func (d *duplicateFilter) forget(h PacketHash) {
	k := h.truncated()
	delete(d.current, k)
	delete(d.previous, k)
}

// len is the number of hashes held.
func (d *duplicateFilter) len() int { return len(d.current) + len(d.previous) }

// truncated is the first half of the hash, which addresses proofs.
func (h PacketHash) truncated() TruncatedHash { return TruncatedHash(h[:TruncatedHashLength]) }
