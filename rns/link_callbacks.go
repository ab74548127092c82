package rns

import (
	"context"
	"sync"
	"time"
)

// linkMaxEvents is how many received packets may wait for an application's handlers, per link. More are dropped and
// counted. Other events are few and bounded where they arise, and always taken.
const linkMaxEvents = 256

// callbackQueue runs an application's handlers in order, one at a time, on a goroutine that exists only while there is
// something to call. The link's own goroutine never waits for it.
type callbackQueue struct {
	mu      sync.Mutex // never held while waiting or calling
	waiting []func()
	running bool
}

// push appends f. It returns false, and does not keep f, when f is bounded and the queue is full.
func (q *callbackQueue) push(l *Link, f func(), bounded bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if bounded && len(q.waiting) >= linkMaxEvents {
		return false
	}
	q.waiting = append(q.waiting, f)
	if !q.running {
		q.running = true
		l.children.Go(q.run)
	}
	return true
}

// full reports whether a bounded push would fail.
func (q *callbackQueue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) >= linkMaxEvents
}

func (q *callbackQueue) run() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.running = false
			q.waiting = nil
			q.mu.Unlock()
			return
		}
		f := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		f()
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
	}, false)
}
