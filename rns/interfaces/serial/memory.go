package serial

import (
	"io"
	"os"
	"sync"
	"time"
)

// Pipe is a line in memory, for tests and simulated devices: what is written at one end is read at the other.
// Both ends are Ports; they work in testing/synctest bubbles. An end buffers up to limit bytes that the other has not
// read; a write that finds no room for timeout fails with os.ErrDeadlineExceeded. tick is as described at Port.Read: an idle
// line ticks once, and then not again before more bytes came.
func Pipe(limit int, tick, timeout time.Duration) (a, b Port) {
	ab, ba := newHalf(limit), newHalf(limit)
	x := &pipeEnd{in: ba, out: ab, tick: tick, timeout: timeout}
	y := &pipeEnd{in: ab, out: ba, tick: tick, timeout: timeout}
	return x, y
}

// half is one direction of a line.
type half struct {
	limit  int
	mu     sync.Mutex
	buf    []byte
	closed bool
	change chan struct{} // closed and replaced at every change
}

func newHalf(limit int) *half { return &half{limit: limit, change: make(chan struct{})} }

// changed wakes all who wait. With mu held.
func (h *half) changed() {
	close(h.change)
	h.change = make(chan struct{})
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		h.changed()
	}
}

type pipeEnd struct {
	in, out       *half
	tick, timeout time.Duration
	fresh         bool // bytes came since the last tick; the reader's
}

func (p *pipeEnd) Read(b []byte) (int, error) {
	var due <-chan time.Time
	if p.fresh {
		t := time.NewTimer(p.tick)
		defer t.Stop()
		due = t.C
	}
	for {
		p.in.mu.Lock()
		if n := copy(b, p.in.buf); n > 0 {
			p.in.buf = p.in.buf[n:]
			p.in.changed()
			p.in.mu.Unlock()
			p.fresh = true
			return n, nil
		}
		closed, change := p.in.closed, p.in.change
		p.in.mu.Unlock()
		if closed {
			return 0, io.EOF
		}
		select {
		case <-change:
		case <-due:
			p.fresh = false
			return 0, nil
		}
	}
}

func (p *pipeEnd) Write(b []byte) (written int, err error) {
	var due <-chan time.Time
	for {
		p.out.mu.Lock()
		if p.out.closed {
			p.out.mu.Unlock()
			return written, io.ErrClosedPipe
		}
		if n := min(len(b), p.out.limit-len(p.out.buf)); n > 0 {
			p.out.buf = append(p.out.buf, b[:n]...)
			p.out.changed()
			b = b[n:]
			written += n
		}
		change := p.out.change
		p.out.mu.Unlock()
		if len(b) == 0 {
			return written, nil
		}
		if due == nil {
			t := time.NewTimer(p.timeout)
			defer t.Stop()
			due = t.C
		}
		select {
		case <-change:
		case <-due:
			return written, os.ErrDeadlineExceeded
		}
	}
}

func (p *pipeEnd) Close() error {
	p.in.close()
	p.out.close()
	return nil
}
