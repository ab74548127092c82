package rns

import (
	"sync"
	"testing"
)

// What waits for a slow application is bounded in bytes, too: of each link, and of all together.
func TestBytesThatWaitForHandlersAreBounded(t *testing.T) {
	const packet = 250_000
	shared, release := new(linkShared), make(chan struct{})
	var handled sync.Map
	fill := func(l *Link) (taken int) {
		for l.events.offer(l, func() { <-release; handled.Store(new(int), true) }, packet) {
			taken++
		}
		return taken
	}
	links := make([]*Link, 5)
	total := 0
	for i := range links {
		links[i] = &Link{shared: shared}
		n := fill(links[i])
		total += n
		if want := min(linkEventBytes/packet, linksEventBytes/packet-(total-n)); n != want {
			t.Errorf("link %d: %d packets were taken, want %d", i, n, want)
		}
	}
	if l := links[0]; !l.events.full(l, 1000_000) || l.events.offer(l, func() {}, 1000_000) {
		t.Error("there is room in a full queue")
	}
	links[0].events.push(links[0], func() {}, 0) // what must be told is told
	close(release)
	for _, l := range links {
		l.children.Wait()
		if l.events.bytes != 0 {
			t.Errorf("%d bytes still count", l.events.bytes)
		}
	}
	count := 0
	handled.Range(func(any, any) bool { count++; return true })
	if shared.waiting.Load() != 0 || count != total {
		t.Errorf("%d bytes still count, %d of %d handled", shared.waiting.Load(), count, total)
	}
}
