package requests

import (
	"sync"

	"groupd/group"
)

// maxReaders bounds the members of whom a courier remembers anything; for one more, it forgets some other one, who is then sent a little more
// than he needs.
const maxReaders = 100_000

// reader is what a courier remembers of a member, until the program ends.
type reader struct {
	complete group.Rev // here he had everything; 0: not known
	// What changed in (from, to] was not sent to him, since there was nothing for him in it: the next page covers it, too. 0: nothing.
	from, to group.Rev
	unproved uint8 // packets without a proof since the last one
}

// readers is who was sent what.
type readers struct {
	mu        sync.Mutex // leaf
	known     map[group.IdentityHash]reader
	forgotten uint64
}

func newReaders() *readers { return &readers{known: make(map[group.IdentityHash]reader)} }

func (r *readers) of(id group.IdentityHash) reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[id]
}

// note changes what is remembered of a member.
func (r *readers) note(id group.IdentityHash, change func(*reader)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, known := r.known[id]
	if !known && len(r.known) >= maxReaders {
		for other := range r.known {
			delete(r.known, other)
			r.forgotten++
			break
		}
	}
	change(&one)
	r.known[id] = one
}
