package rns

import "sync"

const (
	// linkInboxKeep is for how many packets an empty inbox keeps memory.
	linkInboxKeep = 16
	// linkInboxBatch is how many packets a link handles before it looks at its timers and calls again.
	linkInboxBatch = 16
)

// linkInbox is the packets that wait for a link's goroutine, oldest first, at most linkInboxSize. Most links hold none most of
// the time, so it takes memory only for what waits.
type linkInbox struct {
	wake chan struct{} // capacity 1: there is something to take

	mu      sync.Mutex // leaf
	waiting []linkPacket
	first   int // of waiting; those before are taken
}

func newLinkInbox() linkInbox { return linkInbox{wake: make(chan struct{}, 1)} }

// put never blocks. It returns false, and does not keep p, when the inbox is full.
func (q *linkInbox) put(p linkPacket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting)-q.first >= linkInboxSize {
		return false
	}
	if q.first > 0 && len(q.waiting) == cap(q.waiting) {
		n := copy(q.waiting, q.waiting[q.first:])
		clear(q.waiting[n:])
		q.waiting, q.first = q.waiting[:n], 0
	}
	q.waiting = append(q.waiting, p)
	q.signal()
	return true
}

// take returns the oldest packet. While there are more, wake says so again.
func (q *linkInbox) take() (p linkPacket, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first == len(q.waiting) {
		return p, false
	}
	p, q.waiting[q.first] = q.waiting[q.first], linkPacket{}
	q.first++
	switch {
	case q.first < len(q.waiting):
		q.signal()
	case cap(q.waiting) > linkInboxKeep:
		q.waiting, q.first = nil, 0
	default:
		q.waiting, q.first = q.waiting[:0], 0
	}
	return p, true
}

func (q *linkInbox) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
