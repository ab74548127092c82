package rns

import (
	"context"
	"sync"
	"time"
)

// linkMaxEvents is how many received packets, channel messages and resources may wait for an application's handlers, per link,
// linkEventBytes how many bytes of packets and messages, and linksEventBytes how many for all links of a transport. More are dropped and
// counted. Other events are few and bounded where they arise, and always taken.
const (
	linkMaxEvents   = 256
	linkEventBytes  = 16 << 20
	linksEventBytes = 64 << 20
)

// callbackQueue runs an application's handlers in order, one at a time, on a goroutine that exists only while there is
// something to call. The link's own goroutine never waits for it.
type callbackQueue struct {
	mu      sync.Mutex // never held while waiting or calling
	waiting []callback
	bytes   int // of those waiting and the one that runs
	running bool
}

type callback struct {
	f     func()
	bytes int // of received data that f holds
}

// push appends f, which holds so many bytes of received data, whether there is room or not.
func (q *callbackQueue) push(l *Link, f func(), bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(l, callback{f, bytes})
}

// offer is push, unless the queue is full: then it returns false.
func (q *callbackQueue) offer(l *Link, f func(), bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.room(l, bytes) {
		return false
	}
	q.add(l, callback{f, bytes})
	return true
}

// full reports whether an offer would fail.
func (q *callbackQueue) full(l *Link, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.room(l, bytes)
}

func (q *callbackQueue) room(l *Link, bytes int) bool {
	return len(q.waiting) < linkMaxEvents && q.bytes+bytes <= linkEventBytes && l.shared.waiting.Load()+int64(bytes) <= linksEventBytes
}

func (q *callbackQueue) add(l *Link, c callback) {
	q.waiting = append(q.waiting, c)
	q.count(l, c.bytes)
	if !q.running {
		q.running = true
		l.children.Go(func() { q.run(l) })
	}
}

// count notes that bytes came, or went. Links that do so at once may come over the bound of all by a packet each.
func (q *callbackQueue) count(l *Link, bytes int) {
	q.bytes += bytes
	l.shared.waiting.Add(int64(bytes))
}

func (q *callbackQueue) run(l *Link) {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.running = false
			q.waiting = nil
			q.mu.Unlock()
			return
		}
		c := q.waiting[0]
		q.waiting[0] = callback{}
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		c.f()
		q.mu.Lock()
		q.count(l, -c.bytes)
		q.mu.Unlock()
	}
}

// hold calls f on the callback goroutine and lets no packet be handled until it has returned. Operations of the
// application go on, so f may use the link.
func (l *Link) hold(f func()) {
	l.held++
	l.events.push(l, func() {
		f()
		// The link may be closed by now; then nobody waits any more.
		_ = l.submit(context.Background(), func(time.Time) { l.held-- })
	}, 0)
}
