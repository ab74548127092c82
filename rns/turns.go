package rns

import (
	"context"
	"runtime"
	"sync"

	"groupd/rns/internal/bz2"
)

// workTurns lets little work that takes a processor for long be done at once for one destination's links, the building and compressing of
// large resources above all, so that who asks one destination for much does not take the processors from the others. The zero value is
// ready.
type workTurns struct {
	mu sync.Mutex // leaf
	m  map[DestinationHash]*workTurn
}

type workTurn struct {
	slots chan *bz2.Compressor // those that nobody has; one for each that may work
	users int                  // that work or wait
}

// workAtOnce is how many may work: one processor is left for others, where there are several.
func workAtOnce() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// enter waits for a turn until ctx ends. Without an error call leave, once. Whoever has a turn does nothing but compute, and may use the
// compressor until then.
func (t *workTurns) enter(ctx context.Context, d DestinationHash) (c *bz2.Compressor, leave func(), err error) {
	of := t.join(d)
	select {
	case c = <-of.slots:
		return c, func() { of.slots <- c; t.part(d, of) }, nil
	case <-ctx.Done():
		t.part(d, of)
		return nil, nil, ctx.Err()
	}
}

// join counts one more that works or waits.
func (t *workTurns) join(d DestinationHash) *workTurn {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.m[d]
	if of == nil {
		of = &workTurn{slots: make(chan *bz2.Compressor, workAtOnce())}
		for range cap(of.slots) {
			of.slots <- new(bz2.Compressor)
		}
		if t.m == nil {
			t.m = make(map[DestinationHash]*workTurn)
		}
		t.m[d] = of
	}
	of.users++
	return of
}

// part counts one less; the last one takes what is remembered of the destination along.
func (t *workTurns) part(d DestinationHash, of *workTurn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of.users--; of.users == 0 {
		delete(t.m, d)
	}
}

// Turn waits, until ctx ends, for the caller's turn to do what takes a processor for long on behalf of the other end of this link. For the
// links of one destination at most one less than there are processors work at once, in the order in which they came; building a large
// resource, which a large answer is, takes a turn as well. Without an error call leave, once, and wait for nothing on this link before
// that. Any goroutine may call it; a link that was closed does not matter to it.
func (l *Link) Turn(ctx context.Context) (leave func(), err error) {
	_, leave, err = l.shared.work.enter(ctx, l.destination)
	return leave, err
}
