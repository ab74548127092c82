package lxmf

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"groupd/lxmf/internal/workblock"
)

const (
	// stampsPerSource is how many stamps of one source wait to be checked; further ones are not taken.
	stampsPerSource = 8
	// stampReserve is how much checking can be saved up in quiet times: some hundred messages at once with SHA extensions.
	stampReserve = 2 * time.Second
	// blockCacheBytes bounds the work blocks that are kept: some hundred, so that one id with many stamps costs one
	// expansion, and a message that waits for a dearer stamp none.
	blockCacheBytes = 128 << 10
)

// Stamper makes and checks the stamps of one program; see [Router.Stamper]. All methods may be called from any goroutine.
//
// Checking is done by half of the cores, one stamp each at a time, in turns between the interfaces and senders that stamps
// come from, and altogether within a share of one core (RouterConfig.StampShare) once a reserve is used up: expanding a
// work block is the dearest thing that a stranger can ask of us. Making uses all cores for one stamp at a time. Both give
// way to other goroutines many times a second.
type Stamper struct {
	rand   io.Reader
	blocks *workblock.Cache
	making chan struct{} // one slot

	ready chan struct{} // a token for each job in the queue

	mu     sync.Mutex // leaf
	queue  stampQueue
	budget workBudget
	ended  bool

	made, checked, refused, busy atomic.Uint64
}

func newStamper(rand io.Reader, queue int, share float64) *Stamper {
	return &Stamper{
		rand:   rand,
		blocks: workblock.NewCache(blockCacheBytes),
		making: make(chan struct{}, 1),
		ready:  make(chan struct{}, queue),
		queue:  stampQueue{total: queue, perSource: min(stampsPerSource, queue)},
		budget: workBudget{share: share, reserve: stampReserve},
	}
}

// Make computes a stamp of the given cost, in its turn and then on all cores; see [MakeStamp]. It returns early with the
// context, whose error it returns. A cost over [MaxStampCost] is [ErrStampCost].
func (s *Stamper) Make(ctx context.Context, w StampWork, cost int) ([]byte, error) {
	if cost > MaxStampCost {
		return nil, fmt.Errorf("%w: %d", ErrStampCost, cost)
	}
	select {
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b, err := s.blocks.Expand(ctx, w.material[:], w.rounds)
	if err != nil {
		return nil, err
	}
	stamp, err := b.Search(ctx, s.rand, cost, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	s.made.Add(1)
	return stamp[:], nil
}

// Check reports whether a stamp satisfies a cost, and its value, like [CheckStamp], when its source has its turn. It waits
// as long as that takes, or until ctx ends. [ErrQueueFull]: too many stamps wait, of this source or in all; nothing is known
// of this one. [ErrClosed]: the router has ended.
func (s *Stamper) Check(ctx context.Context, from StampSource, w StampWork, stamp []byte, cost int) (value int, ok bool, err error) {
	type result struct {
		value int
		ok    bool
		err   error
	}
	results := make(chan result, 1)
	err = s.submit(&stampJob{ctx: ctx, source: from, work: w, stamp: stamp, cost: cost,
		done: func(value int, ok bool, err error) { results <- result{value, ok, err} }})
	if err != nil {
		return 0, false, err
	}
	select {
	case r := <-results:
		return r.value, r.ok, r.err
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// submit hands a job to the checkers. The error says that it was not taken; done is not called then.
func (s *Stamper) submit(j *stampJob) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return ErrClosed
	}
	out, ok := s.queue.push(j)
	if ok && out == nil {
		s.ready <- struct{}{} // has room: there is one for each job
	}
	s.mu.Unlock()
	if out != nil {
		s.busy.Add(1)
		out.done(0, false, ErrQueueFull)
	}
	if !ok {
		s.busy.Add(1)
		return ErrQueueFull
	}
	return nil
}

// checkers is how many goroutines run [Stamper.run].
func checkers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// run is the life of one checker.
func (s *Stamper) run(life context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-s.ready:
		case <-life.Done():
			s.end()
			return
		}
		for {
			s.mu.Lock()
			wait := s.budget.wait(time.Now())
			s.mu.Unlock()
			if wait == 0 {
				break
			}
			rest.Reset(wait)
			select {
			case <-rest.C:
			case <-life.Done():
				s.end()
				return
			}
		}
		s.mu.Lock()
		j := s.queue.pop()
		s.mu.Unlock()
		if j == nil {
			return // the others have ended, and with them what waited
		}
		s.check(life, j)
	}
}

// check does one job.
func (s *Stamper) check(life context.Context, j *stampJob) {
	if j.ctx != nil && j.ctx.Err() != nil {
		j.done(0, false, j.ctx.Err())
		return
	}
	began := time.Now()
	b, err := s.blocks.Expand(life, j.work.material[:], j.work.rounds)
	if err != nil { // the router ends
		j.done(0, false, ErrClosed)
		return
	}
	sum := b.Sum(j.stamp)
	ok := workblock.Meets(sum, j.cost)
	now := time.Now()
	s.mu.Lock()
	s.budget.spend(now, now.Sub(began))
	s.mu.Unlock()
	s.checked.Add(1)
	if !ok {
		s.refused.Add(1)
	}
	j.done(workblock.LeadingZeros(sum), ok, nil)
}

// end gives up what waits; nothing is taken any more.
func (s *Stamper) end() {
	s.mu.Lock()
	s.ended = true
	var left []*stampJob
	for j := s.queue.pop(); j != nil; j = s.queue.pop() {
		left = append(left, j)
	}
	s.mu.Unlock()
	for _, j := range left {
		j.done(0, false, ErrClosed)
	}
}

// waiting is the number of stamps that wait to be checked.
func (s *Stamper) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.n
}
