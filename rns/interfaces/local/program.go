package local

import (
	"context"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// program is the interface of one program on this machine. Frames to it are held back until some time after the last one that
// came from it: stock programs note what they asked for only after they have sent it, and lose answers that come before
// (ServerConfig.AnswerDelay).
type program struct {
	*carrier.Connection
	delay         time.Duration
	frames, bytes int // bounds of held

	mu        sync.Mutex // leaf, but for the locks of Connection
	heard     time.Time  // when the last frame came
	held      []heldFrame
	heldBytes int
	timer     *time.Timer // runs while something is held
	ended     bool        // nothing is held any more
	dropped   interfaces.TxDrops
}

// heldFrame is a copy of a frame, and when it may go.
type heldFrame struct {
	frame   []byte
	release time.Time
}

var _ interfaces.Interface = (*program)(nil)

// Run carries frames until ctx ends or the program leaves. It can be called once; after that it returns ErrDown.
func (p *program) Run(ctx context.Context, deliver func(frame []byte)) error {
	// When ctx ends, what is held goes out first: it is last words.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { p.end(true); cancel() })()
	err := p.Connection.Run(inner, func(frame []byte) {
		p.mu.Lock()
		p.heard = time.Now()
		p.mu.Unlock()
		deliver(frame)
	})
	p.end(false)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Send queues a copy of frame, in order, to go when the delay is over.
func (p *program) Send(frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	release := p.heard.Add(p.delay)
	if p.ended || len(frame) > p.Properties().FrameLimit || len(p.held) == 0 && !time.Now().Before(release) {
		return p.Connection.Send(frame)
	}
	if len(p.held) >= p.frames || p.heldBytes+len(frame) > p.bytes {
		p.dropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	p.held = append(p.held, heldFrame{frame: append([]byte(nil), frame...), release: release})
	p.heldBytes += len(frame)
	if len(p.held) == 1 {
		p.timer = time.AfterFunc(time.Until(release), p.letGo)
	}
	return nil
}

// letGo sends what has been held for long enough.
func (p *program) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	n := 0
	for n < len(p.held) && !now.Before(p.held[n].release) {
		p.heldBytes -= len(p.held[n].frame)
		_ = p.Connection.Send(p.held[n].frame) // counts what it does not take
		n++
	}
	clear(p.held[:n])
	if p.held = p.held[n:]; len(p.held) > 0 {
		p.timer.Reset(time.Until(p.held[0].release))
	} else {
		p.held = nil
	}
}

// end lets nothing be held any more, and sends or drops what is.
func (p *program) end(send bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, h := range p.held {
		if send {
			_ = p.Connection.Send(h.frame)
		} else {
			p.dropped.Lost++
		}
	}
	p.held, p.heldBytes = nil, 0
}

// Stats is a snapshot. Frames that are held count as queued.
func (p *program) Stats() interfaces.Stats {
	s := p.Connection.Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	s.QueuedFrames += len(p.held)
	s.QueuedBytes += p.heldBytes
	s.TxDropped.QueueFull += p.dropped.QueueFull
	s.TxDropped.Lost += p.dropped.Lost
	return s
}
