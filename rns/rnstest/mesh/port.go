package mesh

import (
	"context"
	"sync"
	"time"

	"groupd/rns/interfaces"
)

// portQueue bounds the frames that wait in a port; further ones are refused with ErrQueueFull.
const portQueue = 256

// medium is what a port is on.
type medium interface {
	// queued is called by the scheduler when frames were given to a port.
	queued(p *Port, now time.Time)
}

// Port is a node's interface to a medium. On a radio it can be moved to another one.
type Port struct {
	world *World
	index int
	name  string
	node  int
	props interfaces.Properties

	mu      sync.Mutex // leaf
	dirty   bool       // guarded by world.mu
	queue   [][]byte
	bytes   int
	running bool
	deliver func([]byte)
	calls   sync.WaitGroup // of deliver
	stats   interfaces.Stats

	// The scheduler's own.
	medium medium
	radio  radioPort
	wire   wirePort
}

var _ interfaces.Interface = (*Port)(nil)

// newPort makes a port of a node. Before anything runs, or by the scheduler.
func (w *World) newPort(name string, node int, m medium, props interfaces.Properties) *Port {
	props.Mode, props.Outgoing = interfaces.ModeFull, true
	p := &Port{world: w, index: len(w.ports), name: name, node: node, medium: m, props: props}
	w.ports = append(w.ports, p)
	return p
}

// Name is the name the port was made with.
func (p *Port) Name() string { return p.name }

// Node is the number of the node that it belongs to.
func (p *Port) Node() int { return p.node }

// Properties are those of the medium.
func (p *Port) Properties() interfaces.Properties { return p.props }

// Run carries frames until ctx ends. What is queued then is lost.
func (p *Port) Run(ctx context.Context, deliver func(frame []byte)) error {
	p.mu.Lock()
	if p.running {
		p.mu.Unlock()
		return interfaces.ErrRunning
	}
	p.running, p.deliver = true, deliver
	p.stats.Connects++
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.deliver = nil
	p.stats.TxDropped.Lost += uint64(len(p.queue))
	p.queue, p.bytes = nil, 0
	p.mu.Unlock()
	p.calls.Wait()
	p.mu.Lock()
	p.running = false
	p.mu.Unlock()
	return nil
}

// Send queues a copy of frame.
func (p *Port) Send(frame []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(frame) > p.props.FrameLimit:
		p.stats.TxDropped.TooLarge++
		return interfaces.ErrTooLarge
	case p.deliver == nil:
		p.stats.TxDropped.Down++
		return interfaces.ErrDown
	case len(p.queue) >= portQueue:
		p.stats.TxDropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	p.queue = append(p.queue, append([]byte(nil), frame...))
	p.bytes += len(frame)
	w := p.world
	w.mu.Lock()
	if !p.dirty {
		p.dirty = true
		w.dirty = append(w.dirty, p)
	}
	w.mu.Unlock()
	w.poke()
	return nil
}

// Stats is a snapshot.
func (p *Port) Stats() interfaces.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Online, s.QueuedFrames, s.QueuedBytes = p.deliver != nil, len(p.queue), p.bytes
	return s
}

// next takes the next frame to be sent. By the scheduler.
func (p *Port) next() ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil, false
	}
	frame := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.bytes -= len(frame)
	p.stats.TxFrames++
	p.stats.TxBytes += uint64(len(frame))
	return frame, true
}

// waiting reports whether there is a next frame.
func (p *Port) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) > 0
}

// receive gives a frame to the node. By the scheduler.
func (p *Port) receive(frame []byte) {
	p.mu.Lock()
	deliver := p.deliver
	if deliver != nil {
		p.calls.Add(1)
		p.stats.RxFrames++
		p.stats.RxBytes += uint64(len(frame))
	}
	p.mu.Unlock()
	if deliver != nil {
		deliver(frame) // the node's loop takes it; it never waits for us
		p.calls.Done()
	}
}
