package rns

import "sync"

// verifiedMemory is how many announces each of two generations remembers as rightly signed.
const verifiedMemory = 2048

// verifiedKey is an announce whose signature was checked. The packet hash does not cover the flag that says where the
// signature is.
type verifiedKey struct {
	hash    PacketHash
	ratchet bool
}

// verifiedAnnounces remembers announces whose signature is right: each is heard again from every neighbour that passes it
// on, twice. It is asked by all verify workers. The zero value is ready.
type verifiedAnnounces struct {
	mu                sync.Mutex // leaf
	current, previous map[verifiedKey]struct{}
}

func (v *verifiedAnnounces) has(k verifiedKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.current[k]; ok {
		return true
	}
	_, ok := v.previous[k]
	return ok
}

func (v *verifiedAnnounces) add(k verifiedKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current == nil || len(v.current) >= verifiedMemory {
		v.previous, v.current = v.current, make(map[verifiedKey]struct{})
	}
	v.current[k] = struct{}{}
}
