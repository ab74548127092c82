package rns

// DefaultDuplicateMemory is how many packet hashes each of the two generations of the duplicate filter holds. The
// reference keeps 500 000; 32 768 cost about 4 MB for both when full, and on the fastest radio that is more than a
// day of traffic. A packet that comes back after two generations is delivered, or passed on, again.
const DefaultDuplicateMemory = 32768

// duplicateFilter remembers the packets seen, by hash, in two generations: when the current one is full it becomes the
// previous one and a new one starts (spec 1 §3.8). So it remembers between size and 2·size packets, the newest ones.
// It is owned by the loop.
type duplicateFilter struct {
	size              int
	current, previous map[PacketHash]struct{}
}

// newDuplicateFilter makes a filter with generations of size hashes.
func newDuplicateFilter(size int) duplicateFilter {
	return duplicateFilter{
		size:     size,
		current:  make(map[PacketHash]struct{}),
		previous: make(map[PacketHash]struct{}),
	}
}

// seen reports whether the packet was added within the last two generations.
func (d *duplicateFilter) seen(h PacketHash) bool {
	if _, ok := d.current[h]; ok {
		return true
	}
	_, ok := d.previous[h]
	return ok
}

// add remembers a packet.
func (d *duplicateFilter) add(h PacketHash) {
	if len(d.current) >= d.size {
		d.current, d.previous = d.previous, d.current
		clear(d.current)
	}
	d.current[h] = struct{}{}
}

// forget lets a packet be accepted again: it came at the wrong interface, or we had no room for it.
func (d *duplicateFilter) forget(h PacketHash) {
	delete(d.current, h)
	delete(d.previous, h)
}

// len is the number of hashes held.
func (d *duplicateFilter) len() int { return len(d.current) + len(d.previous) }

// truncated is the first half of the hash, which addresses proofs.
func (h PacketHash) truncated() TruncatedHash { return TruncatedHash(h[:TruncatedHashLength]) }
