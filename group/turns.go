package group

import (
	"context"
	"sync"
)

// How much of one group may be under way in the store at once. What is beyond waits its turn before it reaches the store, so that members
// of other groups never find more than this before them.
const (
	readsOfGroup  = 3  // of the few that an engine does at once
	writesOfGroup = 64 // of those that may share a commit
)

// turns lets so many of each group go on at once, in the order in which they came.
type turns struct {
	most int

	mu sync.Mutex // leaf
	m  map[GroupID]*turn
}

type turn struct {
	slots chan struct{}
	users int // that hold one or wait
}

// enter waits for a turn until ctx ends. Without an error, leave must be called, once.
func (t *turns) enter(ctx context.Context, g GroupID) (leave func(), err error) {
	t.mu.Lock()
	of := t.m[g]
	if of == nil {
		of = &turn{slots: make(chan struct{}, t.most)}
		if t.m == nil {
			t.m = make(map[GroupID]*turn)
		}
		t.m[g] = of
	}
	of.users++
	t.mu.Unlock()
	left := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if of.users--; of.users == 0 {
			delete(t.m, g)
		}
	}
	select {
	case of.slots <- struct{}{}:
		return func() { <-of.slots; left() }, nil
	case <-ctx.Done():
		left()
		return nil, ctx.Err()
	}
}
