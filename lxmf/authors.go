package lxmf

import (
	"sync"
	"time"

	"groupd/rns"
)

const (
	// authorsKept is how many authors each of two generations remembers.
	authorsKept = 256
	// authorsAge is how long they are remembered: they are looked up again sometimes, so that they count as used.
	authorsAge = 10 * time.Minute
)

// authors remembers whose keys were looked up for a message just now, so that the next one of the same author does not have to ask
// the transport's loop. An address is made of the key, so what is remembered does not become wrong.
type authors struct {
	keep int

	mu                sync.Mutex // leaf
	since             time.Time  // of current
	current, previous map[rns.DestinationHash]*rns.PublicIdentity
}

// find returns the owner of an address, by asking look where it is not remembered; nil when nobody knows.
func (a *authors) find(address rns.DestinationHash, look func(rns.DestinationHash) *rns.PublicIdentity) *rns.PublicIdentity {
	now := time.Now()
	a.mu.Lock()
	if now.Sub(a.since) >= authorsAge {
		a.current, a.previous, a.since = nil, nil, now
	}
	id := a.current[address]
	if id == nil {
		id = a.previous[address]
	}
	a.mu.Unlock()
	if id != nil {
		return id
	}
	if id = look(address); id == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil || len(a.current) >= a.keep {
		a.previous, a.current = a.current, make(map[rns.DestinationHash]*rns.PublicIdentity)
	}
	a.current[address] = id
	return id
}
