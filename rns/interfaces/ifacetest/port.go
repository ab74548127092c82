package ifacetest

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"groupd/rns/interfaces"
)

// Port is one end of a Medium. It may be run again after Run has returned, as a node that restarts.
// Frames sent before the first Run are kept for it.
type Port struct {
	medium   *Medium
	name     string
	props    interfaces.Properties
	wakeSend chan struct{} // capacity 1
	wakeRecv chan struct{} // capacity 1

	// Guarded by medium.mu.
	running, ended, down bool
	queue                [][]byte // the first is on the air while sending
	queueBytes           int
	discards             int // how often the queue was emptied
	arrivals             arrivals
	noise                []time.Time // ends of transmissions heard but not understood
	sendingUntil         time.Time
	notifyUp             func()
	stats                interfaces.Stats
}

var (
	_ interfaces.Interface  = (*Port)(nil)
	_ interfaces.UpNotifier = (*Port)(nil)
)

// Name is the name given to Medium.Port.
func (p *Port) Name() string { return p.name }

// Properties are those of the medium.
func (p *Port) Properties() interfaces.Properties { return p.props }

// NotifyUp has f called when Run begins and when SetDown(false) brings the port up again.
func (p *Port) NotifyUp(f func()) {
	p.medium.mu.Lock()
	defer p.medium.mu.Unlock()
	p.notifyUp = f
}

// SetDown takes the carrier down, as when a plug is pulled, or up again. While it is down Send answers ErrDown, what
// was queued is lost, and nothing is received.
func (p *Port) SetDown(down bool) {
	m := p.medium
	m.mu.Lock()
	changed := p.down != down
	p.down = down
	if down {
		p.discard()
	}
	var up func()
	if changed && !down && p.running {
		p.stats.Connects++
		up = p.notifyUp
	}
	m.mu.Unlock()
	wake(p.wakeSend)
	if up != nil {
		up()
	}
}

// Run carries frames until ctx ends, and for at most interfaces.Linger more what is queued then. It returns nil, or
// ErrRunning.
func (p *Port) Run(ctx context.Context, deliver func(frame []byte)) error {
	m := p.medium
	m.mu.Lock()
	if p.running {
		m.mu.Unlock()
		return interfaces.ErrRunning
	}
	p.running, p.ended = true, false
	p.stats.Connects++
	up := p.notifyUp
	m.mu.Unlock()
	if up != nil {
		up()
	}

	// The sender outlives ctx a little, to send what is queued.
	lingering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { p.send(ctx, lingering) })
	p.receive(ctx, deliver)
	linger := time.AfterFunc(interfaces.Linger, cancel)
	defer linger.Stop()
	wg.Wait()

	m.mu.Lock()
	defer m.mu.Unlock()
	p.running, p.ended = false, true
	p.discard()
	p.arrivals, p.noise = nil, nil
	return nil
}

// Send queues a copy of frame.
func (p *Port) Send(frame []byte) error {
	m := p.medium
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case len(frame) > p.props.FrameLimit:
		p.stats.TxDropped.TooLarge++
		return interfaces.ErrTooLarge
	case p.ended || p.down:
		p.stats.TxDropped.Down++
		return interfaces.ErrDown
	case len(p.queue) >= m.opts.QueueFrames:
		p.stats.TxDropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	p.queue = append(p.queue, append([]byte(nil), frame...))
	p.queueBytes += len(frame)
	wake(p.wakeSend)
	return nil
}

// Stats is a snapshot. A port that was not run yet is online, since Send keeps frames for it.
func (p *Port) Stats() interfaces.Stats {
	p.medium.mu.Lock()
	defer p.medium.mu.Unlock()
	s := p.stats
	s.Online = !p.ended && !p.down
	s.QueuedFrames, s.QueuedBytes = len(p.queue), p.queueBytes
	return s
}

// listening says whether frames arrive at all. With medium.mu held.
func (p *Port) listening() bool { return !p.ended && !p.down }

// discard empties the send queue. With medium.mu held.
func (p *Port) discard() {
	p.stats.TxDropped.Lost += uint64(len(p.queue))
	p.queue, p.queueBytes = nil, 0
	p.discards++
}

// send is the goroutine which transmits what is queued: until ctx ends and the queue is empty, or lingering ends.
func (p *Port) send(ctx, lingering context.Context) {
	m := p.medium
	m.mu.Lock()
	backoff := rand.New(rand.NewPCG(m.opts.Seed, m.rng(p.name, p.name).Uint64()))
	m.mu.Unlock()
	for {
		m.mu.Lock()
		var frame []byte
		if len(p.queue) > 0 && !p.down {
			frame = p.queue[0]
		}
		airtime := m.Airtime(len(frame))
		now, discards := time.Now(), p.discards
		var busy time.Time
		if frame != nil && m.opts.HalfDuplex {
			if busy = m.busy(p, now); busy.IsZero() {
				p.sendingUntil = now.Add(airtime) // the channel is ours
			}
		}
		m.mu.Unlock()
		if frame == nil {
			select {
			case <-p.wakeSend:
				continue
			case <-ctx.Done():
			}
			m.mu.Lock()
			done := len(p.queue) == 0 || p.down
			m.mu.Unlock()
			if done {
				return
			}
			continue
		}
		if !busy.IsZero() {
			// Carrier sense: wait until the channel is free, and one of 16 slots of 8 bytes more.
			if !sleep(lingering, time.Until(busy)+time.Duration(backoff.IntN(16))*m.byBitrate(8)) {
				return
			}
			continue
		}

		m.transmit(p, frame, airtime)
		if !sleep(lingering, airtime) {
			return
		}
		m.mu.Lock()
		if p.discards == discards { // else SetDown emptied the queue
			p.queue = p.queue[1:]
			p.queueBytes -= len(frame)
			p.stats.TxFrames++
			p.stats.TxBytes += uint64(len(frame))
		}
		m.mu.Unlock()
	}
}

// receive delivers what arrives, when it does.
func (p *Port) receive(ctx context.Context, deliver func([]byte)) {
	m := p.medium
	for {
		var next *arrival
		wait := time.Duration(-1)
		m.mu.Lock()
		if len(p.arrivals) > 0 {
			wait = time.Until(p.arrivals[0].at)
			if wait <= 0 {
				next = heap.Pop(&p.arrivals).(*arrival)
				switch {
				case p.down:
					m.stats.CutOff++
					next.frame = nil
				case next.garbled:
					m.stats.Collided++
					next.frame = nil
				default:
					m.stats.Arrived++
					p.stats.RxFrames++
					p.stats.RxBytes += uint64(len(next.frame))
				}
			}
		}
		m.mu.Unlock()
		if next != nil {
			if ctx.Err() != nil {
				return
			}
			if next.frame != nil {
				frame := append([]byte(nil), next.frame...)
				deliver(frame)
				for i := range frame {
					frame[i] = 0xA5 // whoever kept it will notice
				}
			}
			continue
		}
		var timer *time.Timer
		var due <-chan time.Time
		if wait > 0 {
			timer = time.NewTimer(wait)
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wakeRecv:
		case <-due:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// garble spoils everything that the port is receiving at this moment, and says whether there was anything.
// With medium.mu held.
func (p *Port) garble(now time.Time) bool {
	heard := false
	for _, a := range p.arrivals {
		if a.end.After(now) {
			a.garbled = true
			heard = true
		}
	}
	kept := p.noise[:0]
	for _, end := range p.noise {
		if end.After(now) {
			kept = append(kept, end)
			heard = true
		}
	}
	p.noise = kept
	return heard
}

func (p *Port) push(a *arrival) { heap.Push(&p.arrivals, a) }

// arrival is a frame on its way to a port.
type arrival struct {
	at      time.Time // when it is delivered
	end     time.Time // when its transmission ends
	seq     uint64
	garbled bool
	frame   []byte
}

// arrivals is a heap, earliest first, and in order of transmission at the same time.
type arrivals []*arrival

func (h arrivals) Len() int { return len(h) }
func (h arrivals) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h arrivals) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *arrivals) Push(x any)   { *h = append(*h, x.(*arrival)) }
func (h *arrivals) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}

// sleep waits, and says whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
