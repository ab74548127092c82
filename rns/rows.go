package rns

import (
	"hash/maphash"
	"iter"
)

const (
	// rowsPerChunk and the header of the heap fill sizes in which memory is taken.
	rowsPerChunk = 127
	// minRowSlots is the least size of the index, a power of two; it doubles when seven of eight slots are taken.
	minRowSlots = 16
)

// row is what each row of a table of rows begins with.
type row struct {
	destination DestinationHash
	number      uint32 // of the row, from 1
	prev, next  uint32 // in the rowList that it is in; 0: none
}

func (r *row) head() *row { return r }

// rowPointer is a pointer to a row type, which embeds row.
type rowPointer[V any] interface {
	*V
	head() *row
}

// rowTable maps destinations to rows of a fixed size. The rows lie side by side in chunks and stay where they are, and the index
// has 8 bytes per slot, so that a row costs little more than what is in it: a map of pointers and the elements of a list would
// cost 100 bytes more. What was taken for rows is used again for rows and not given back. It is not safe for concurrent use.
type rowTable[V any, P rowPointer[V]] struct {
	seed   maphash.Seed
	chunks []*[rowsPerChunk]V
	free   []uint32 // numbers of rows that were removed
	rows   uint32   // ever taken from the chunks
	slots  []uint64 // open addressing, linear: 32 bits of the hash, then the number of the row; 0: empty
	count  int
}

func newRowTable[V any, P rowPointer[V]]() rowTable[V, P] {
	return rowTable[V, P]{seed: maphash.MakeSeed()}
}

func (t *rowTable[V, P]) len() int { return t.count }

// at returns a row by its number, nil for 0.
func (t *rowTable[V, P]) at(number uint32) P {
	if number == 0 {
		return nil
	}
	return &t.chunks[(number-1)/rowsPerChunk][(number-1)%rowsPerChunk]
}

func (t *rowTable[V, P]) hash(d DestinationHash) uint32 { return uint32(maphash.Comparable(t.seed, d)) }

// slot returns where d is in the index, or where it belongs. The index must have an empty slot.
func (t *rowTable[V, P]) slot(d DestinationHash) (at uint32, taken bool) {
	hash, mask := t.hash(d), uint32(len(t.slots)-1)
	for at = hash & mask; ; at = (at + 1) & mask {
		s := t.slots[at]
		if s == 0 {
			return at, false
		}
		if uint32(s>>32) == hash && t.at(uint32(s)).head().destination == d {
			return at, true
		}
	}
}

// get returns the row of a destination, or nil. It belongs to the table and is valid until it is removed.
func (t *rowTable[V, P]) get(d DestinationHash) P {
	if t.count == 0 {
		return nil
	}
	at, taken := t.slot(d)
	if !taken {
		return nil
	}
	return t.at(uint32(t.slots[at]))
}

// add makes the row of a destination that has none.
func (t *rowTable[V, P]) add(d DestinationHash) P {
	if (t.count+1)*8 > len(t.slots)*7 {
		t.grow()
	}
	number := t.rows + 1
	if last := len(t.free) - 1; last >= 0 {
		number, t.free = t.free[last], t.free[:last]
	} else {
		if t.rows%rowsPerChunk == 0 {
			t.chunks = append(t.chunks, new([rowsPerChunk]V))
		}
		t.rows++
	}
	at, _ := t.slot(d)
	t.slots[at] = uint64(t.hash(d))<<32 | uint64(number)
	t.count++
	p := t.at(number)
	*p.head() = row{destination: d, number: number}
	return p
}

func (t *rowTable[V, P]) grow() {
	old := t.slots
	t.slots = make([]uint64, max(minRowSlots, 2*len(old)))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		at := uint32(s>>32) & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

// remove takes a row out, which must be in no list any more, and clears it.
func (t *rowTable[V, P]) remove(p P) {
	number := p.head().number
	hole, _ := t.slot(p.head().destination)
	mask := uint32(len(t.slots) - 1)
	// What follows moves up, unless it would come before its own place.
	for at := (hole + 1) & mask; t.slots[at] != 0; at = (at + 1) & mask {
		home := uint32(t.slots[at]>>32) & mask
		if (at-home)&mask >= (at-hole)&mask {
			t.slots[hole] = t.slots[at]
			hole = at
		}
	}
	t.slots[hole] = 0
	t.count--
	var none V
	*p = none
	t.free = append(t.free, number)
}

// rowList is an order of rows of one table; a row is in one list at most. The zero value is empty.
type rowList struct{ first, last uint32 }

// push puts a row that is in no list at the end.
func (t *rowTable[V, P]) push(l *rowList, p P) {
	h := p.head()
	h.prev, h.next = l.last, 0
	if l.last == 0 {
		l.first = h.number
	} else {
		t.at(l.last).head().next = h.number
	}
	l.last = h.number
}

// unlink takes a row out of its list.
func (t *rowTable[V, P]) unlink(l *rowList, p P) {
	h := p.head()
	if h.prev == 0 {
		l.first = h.next
	} else {
		t.at(h.prev).head().next = h.next
	}
	if h.next == 0 {
		l.last = h.prev
	} else {
		t.at(h.next).head().prev = h.prev
	}
	h.prev, h.next = 0, 0
}

// toEnd moves a row to the end of its list.
func (t *rowTable[V, P]) toEnd(l *rowList, p P) {
	if l.last != p.head().number {
		t.unlink(l, p)
		t.push(l, p)
	}
}

// forward gives the rows of a list, first to last. The row just given may be removed.
func (t *rowTable[V, P]) forward(l *rowList) iter.Seq[P] {
	return func(yield func(P) bool) {
		for p := t.at(l.first); p != nil; {
			next := p.head().next
			if !yield(p) {
				return
			}
			p = t.at(next)
		}
	}
}

// backward gives the rows of a list, last to first.
func (t *rowTable[V, P]) backward(l *rowList) iter.Seq[P] {
	return func(yield func(P) bool) {
		for p := t.at(l.last); p != nil; p = t.at(p.head().prev) {
			if !yield(p) {
				return
			}
		}
	}
}
