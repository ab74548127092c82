package rns

import (
	"runtime"
	"sync"
)

// buildTurns lets few large resources of one destination's links be built at once, compressed above all, so that who asks one destination
// for much does not take the processors from the others. The zero value is ready.
type buildTurns struct {
	mu sync.Mutex // leaf
	m  map[DestinationHash]*buildTurn
}

type buildTurn struct {
	slots chan struct{}
	users int // that build or wait
}

// buildsAtOnce is how many that are: one processor is left for others, where there are several.
func buildsAtOnce() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// enter waits for a turn; call leave, once. Whoever has one does nothing but compute.
func (t *buildTurns) enter(d DestinationHash) (leave func()) {
	t.mu.Lock()
	of := t.m[d]
	if of == nil {
		of = &buildTurn{slots: make(chan struct{}, buildsAtOnce())}
		if t.m == nil {
			t.m = make(map[DestinationHash]*buildTurn)
		}
		t.m[d] = of
	}
	of.users++
	t.mu.Unlock()
	of.slots <- struct{}{}
	return func() {
		<-of.slots
		t.mu.Lock()
		defer t.mu.Unlock()
		if of.users--; of.users == 0 {
			delete(t.m, d)
		}
	}
}
