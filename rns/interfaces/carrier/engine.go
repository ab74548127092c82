package carrier

import (
	"sync"
	"sync/atomic"

	"groupd/rns/interfaces"
)

// Face is the part of an Interface that is the same for all carriers: Name, Properties, Send and Stats. Make it with New.
type Face struct{ e *Engine }

// Name is the name string of spec 3 §6.1.
func (f Face) Name() string { return f.e.name }

// Properties do not change.
func (f Face) Properties() interfaces.Properties { return f.e.props }

// Send queues a copy of frame for the writer.
func (f Face) Send(frame []byte) error { return f.e.send(frame) }

// Stats is a snapshot. Where the carrier has a framing, TxBytes and QueuedBytes count it, and RxBytes does not.
func (f Face) Stats() interfaces.Stats { return f.e.Stats() }

// Engine is the inner side of a Face: its queue and counters.
type Engine struct {
	name    string
	props   interfaces.Properties
	framing Framing // nil: frames are datagrams
	frames  int     // bounds of the queue
	bytes   int
	wake    chan struct{} // capacity 1: there is something to write

	rxFrames, rxBytes atomic.Uint64

	mu      sync.Mutex // never held while waiting
	running bool
	online  bool     // Send takes frames
	queue   [][]byte // as written; those being written are still in it
	queued  int      // bytes in queue
	free    [][]byte // buffers of frames that were written, at most maxFree
	stats   interfaces.Stats

	notifyUp      func()
	notifyFailure func(error)
}

// New makes the two sides of an interface that is down. The queue is bounded in frames and bytes as written. framing is nil
// for datagrams.
func New(name string, props interfaces.Properties, frames, bytes int, framing Framing) (Face, *Engine) {
	e := &Engine{name: name, props: props, frames: frames, bytes: bytes, framing: framing, wake: make(chan struct{}, 1)}
	return Face{e}, e
}

func (e *Engine) send(frame []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(frame) > e.props.FrameLimit:
		e.stats.TxDropped.TooLarge++
		return interfaces.ErrTooLarge
	case !e.online:
		e.stats.TxDropped.Down++
		return interfaces.ErrDown
	}
	n := len(frame)
	if e.framing != nil {
		n = e.framing.FrameLen(frame)
	}
	if len(e.queue) >= e.frames || e.queued+n > e.bytes {
		e.stats.TxDropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	copied := e.buffer(n)
	if e.framing != nil {
		copied = e.framing.AppendFrame(copied, frame)
	} else {
		copied = append(copied, frame...)
	}
	e.queue = append(e.queue, copied)
	e.queued += n
	Poke(e.wake)
	return nil
}

// Buffers that were used are used again, so that a busy node does not collect garbage all the time.
const (
	maxFree       = 64   // buffers kept by an interface
	maxFreeLength = 1100 // bytes; a packet of 500 bytes with framing takes at most as much
)

// buffer returns an empty slice with room for n bytes.
func (e *Engine) buffer(n int) []byte {
	if n > maxFreeLength {
		return make([]byte, 0, n)
	}
	if last := len(e.free) - 1; last >= 0 && cap(e.free[last]) >= n {
		b := e.free[last]
		e.free[last] = nil
		e.free = e.free[:last]
		return b[:0]
	}
	return make([]byte, 0, n)
}

// Stats is a snapshot.
func (e *Engine) Stats() interfaces.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Online = e.online
	s.RxFrames, s.RxBytes = e.rxFrames.Load(), e.rxBytes.Load()
	s.QueuedFrames, s.QueuedBytes = len(e.queue), e.queued
	return s
}

// Begin is false while an earlier Run has not ended; then Run returns ErrRunning.
func (e *Engine) Begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return false
	}
	e.running = true
	return true
}

// End ends what Begin began.
func (e *Engine) End() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = false
}

// OnUp has f called by Up, as interfaces.UpNotifier wants it.
func (e *Engine) OnUp(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notifyUp = f
}

// OnFailure has f called by Failed, as interfaces.FailureNotifier wants it.
func (e *Engine) OnFailure(f func(why error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notifyFailure = f
}

// Up lets Send take frames, and tells those who wait for it.
func (e *Engine) Up() {
	e.mu.Lock()
	e.online = true
	e.stats.Connects++
	notify := e.notifyUp
	e.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// Failed tells those who want to know that the carrier has failed and will try again.
func (e *Engine) Failed(why error) {
	e.mu.Lock()
	notify := e.notifyFailure
	e.mu.Unlock()
	if notify != nil {
		notify(why)
	}
}

// Down drops what is queued. why is nil when nothing went wrong.
func (e *Engine) Down(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.online = false
	e.stats.TxDropped.Lost += uint64(len(e.queue))
	e.queue, e.queued = nil, 0
	if why != nil {
		e.stats.LastError = why.Error()
	}
}

// Received counts a frame that is delivered, and its length.
func (e *Engine) Received(bytes int) {
	e.rxFrames.Add(1)
	e.rxBytes.Add(uint64(bytes))
}

// Heard is how many frames were received so far.
func (e *Engine) Heard() uint64 { return e.rxFrames.Load() }

// Drop counts received frames that are not delivered.
func (e *Engine) Drop(d interfaces.RxDrops) {
	if d.Sum() == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.RxDropped.TooShort += d.TooShort
	e.stats.RxDropped.TooLong += d.TooLong
	e.stats.RxDropped.Unfinished += d.Unfinished
	e.stats.RxDropped.Overflow += d.Overflow
}

// Wake tells that there may be something to write, or that Look was called.
func (e *Engine) Wake() <-chan struct{} { return e.wake }

// Look has the writer look again.
func (e *Engine) Look() { Poke(e.wake) }

// Poke puts a token into a channel of capacity 1, unless there is one.
func Poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Next is the first frame of the queue. It stays there until Wrote or Lost is called, by the same goroutine.
func (e *Engine) Next() (frame []byte, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return nil, false
	}
	return e.queue[0], true
}

// Wrote removes the first frames from the queue, and counts them and bytes.
func (e *Engine) Wrote(frames, bytes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.TxBytes += uint64(bytes)
	e.stats.TxFrames += uint64(e.remove(frames))
}

// Lost removes the first frame, which could not be written.
func (e *Engine) Lost(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.TxDropped.Lost += uint64(e.remove(1))
	e.stats.LastError = why.Error()
}

// remove takes the first frames off the queue; Down may have emptied it meanwhile.
func (e *Engine) remove(frames int) int {
	frames = min(frames, len(e.queue))
	for _, f := range e.queue[:frames] {
		e.queued -= len(f)
		if len(e.free) < maxFree && cap(f) <= maxFreeLength {
			e.free = append(e.free, f)
		}
	}
	clear(e.queue[:frames])
	if e.queue = e.queue[frames:]; len(e.queue) == 0 {
		e.queue = nil
	}
	return frames
}
