// Package mesh runs whole networks of Reticulum nodes in one testing/synctest bubble, in virtual time: LoRa cells whose
// gateways are joined by wires, with nodes that announce, write to each other and move.
//
// A World is the media. One goroutine moves it on: it waits until every other goroutine of the bubble is idle, does the
// next thing that happens on a medium, and waits again. So a node handles one frame at a time, and the order of what
// happens does not depend on how goroutines are scheduled: the same seed gives the same run, frame by frame. It also
// makes the media cheap: a port has no goroutine but that of its Run, which only waits.
//
// A Plan is a network with its traffic, and Run what comes of it.
package mesh

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// World is a set of media and the time in which they work. Make it with NewWorld inside a bubble.
type World struct {
	mu    sync.Mutex // leaf
	dirty []*Port    // have frames to send that were not looked at
	added []*event
	wake  chan struct{} // capacity 1

	// The scheduler's own.
	events  events
	seq     uint64
	chance  *rand.Rand
	ports   []*Port
	taps    []func(Transmission)
	step    uint64
	touched map[int]uint64 // node → step in which it got something
}

// Transmission is a frame that leaves a port.
type Transmission struct {
	Port    *Port
	At      time.Time
	Airtime time.Duration // 0 on wires
	Frame   []byte        // valid during the call
}

// NewWorld makes an empty world and moves it on until the test ends. All chances are drawn from the seed.
func NewWorld(t testing.TB, seed uint64) *World {
	w := &World{
		wake:    make(chan struct{}, 1),
		chance:  rand.New(rand.NewPCG(seed, 0x6d657368)),
		touched: make(map[int]uint64),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// Tap has f called with each frame when its transmission begins, by the scheduler: f must not block. Call it before
// anything runs.
func (w *World) Tap(f func(Transmission)) { w.taps = append(w.taps, f) }

// At has f called at a time, by the scheduler, while everything else is idle. f may use ports and look at nodes, and must
// not wait for anything that takes time: start a goroutine for that. It may be called from any goroutine.
func (w *World) At(at time.Time, f func()) {
	w.mu.Lock()
	w.added = append(w.added, &event{at: at, node: -1, f: f})
	w.mu.Unlock()
	w.poke()
}

func (w *World) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run is the life of the scheduler.
func (w *World) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		synctest.Wait()
		if w.advance() {
			continue
		}
		if len(w.events) > 0 {
			timer.Reset(time.Until(w.events[0].at))
		}
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// advance does what is due, but no more than one thing per node, and reports whether there was anything.
func (w *World) advance() (did bool) {
	now := time.Now()
	w.mu.Lock()
	dirty, added := w.dirty, w.added
	w.dirty, w.added = nil, nil
	for _, p := range dirty {
		p.dirty = false
	}
	w.mu.Unlock()
	slices.SortFunc(dirty, func(a, b *Port) int { return a.index - b.index })
	for _, p := range dirty {
		p.medium.queued(p, now)
		did = true
	}
	// Goroutines that add at the same moment do so in any order, so what they add must not be for the same time.
	for _, e := range added {
		w.push(e)
	}
	w.step++
	for len(w.events) > 0 && !w.events[0].at.After(now) {
		e := w.events[0]
		if e.node >= 0 {
			if w.touched[e.node] == w.step {
				return true
			}
			w.touched[e.node] = w.step
		}
		w.events.pop()
		e.f()
		did = true
		if e.node < 0 {
			return true // it may have started something
		}
	}
	return did
}

// after has f called by the scheduler; node is the one it gives something to, or -1. The scheduler's own.
func (w *World) after(at time.Time, node int, f func()) { w.push(&event{at: at, node: node, f: f}) }

func (w *World) push(e *event) {
	w.seq++
	e.seq = w.seq
	w.events.push(e)
}

// transmitted tells the taps.
func (w *World) transmitted(t Transmission) {
	for _, f := range w.taps {
		f(t)
	}
}

// event is something that will happen.
type event struct {
	at   time.Time
	seq  uint64
	node int // that gets something; -1: none in particular
	f    func()
}

// events is a heap, earliest first, in the order of scheduling at the same time.
type events []*event

func (h events) before(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h *events) push(e *event) {
	*h = append(*h, e)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.before(i, up) {
			return
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *events) pop() {
	s := *h
	n := len(s) - 1
	s[0], s[n] = s[n], nil
	s = s[:n]
	*h = s
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < n && s.before(down, least) {
				least = down
			}
		}
		if least == i {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}
