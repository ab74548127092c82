// Package ifacetest is an in-memory carrier for tests: a cable between two nodes, a switch between many, or a radio
// channel with airtime, carrier sense, hidden nodes and collisions.
//
// It runs in a testing/synctest bubble, where a virtual week of radio takes seconds, and in real time: make the Medium
// inside the bubble; goroutines exist only while Run runs; no lock is held while anything waits. All chances are
// drawn from generators seeded per pair of ports, so what happens to the n-th frame from a to b does not depend on
// how goroutines are scheduled.
package ifacetest

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"groupd/rns/interfaces"
)

// Defaults of Options.
const (
	DefaultQueueFrames   = 1024
	DefaultReceiveFrames = 8192
	DefaultReorderDelay  = 50 * time.Millisecond
	// DefaultBitrate is what Properties say where Options.Bitrate is 0.
	DefaultBitrate = 10_000_000
)

// Options say what a Medium is like. The zero Options are a perfect, infinitely fast switch with packets of 500 bytes.
type Options struct {
	// Latency is the time from the end of a transmission to its arrival.
	Latency time.Duration
	// Bitrate in bit/s makes a frame of n bytes take 8n/Bitrate seconds to transmit. 0: no time at all.
	Bitrate int64
	// Airtime is how long a frame of n bytes takes where that is not what Bitrate makes it: on a LoRa radio. It must be pure. nil: by Bitrate.
	Airtime func(n int) time.Duration
	// MTU is the hardware MTU in bytes offered to links. 0: none, links get 500.
	MTU int
	// FrameLimit in bytes. 0: MTU (or 500) + 64, the longest access code.
	FrameLimit int
	// IFACSize in bytes. 0: 16.
	IFACSize int
	// Mode of all ports. Zero: full.
	Mode interfaces.Mode

	// Loss is the chance, 0 to 1, that a frame does not arrive; per receiver.
	Loss float64
	// Duplicate is the chance that a frame arrives twice.
	Duplicate float64
	// Reorder is the chance that a frame arrives up to ReorderDelay late (0: 50 ms), so that others overtake it.
	Reorder      float64
	ReorderDelay time.Duration
	// Seed for all chances.
	Seed uint64

	// HalfDuplex makes the medium one radio channel: a port waits until it hears nobody, and a random moment more,
	// before it transmits; it hears nothing while it transmits; of frames which overlap at a receiver none is received.
	// Ports that do not hear each other (see Medium.Cut) are hidden nodes. Needs a Bitrate to mean anything.
	HalfDuplex bool

	// QueueFrames bounds each port's send queue (0: 1024): when full, Send answers ErrQueueFull.
	// ReceiveFrames bounds frames on the way to a port (0: 8192): when full, the newest is lost and counted.
	QueueFrames, ReceiveFrames int
}

// Stats count what happened on a Medium.
type Stats struct {
	// Frames and Bytes transmitted; Airtime is how long the medium was transmitting, added up over all ports.
	Frames, Bytes uint64
	Airtime       time.Duration
	// Per receiver: Arrived frames (given to deliver), Lost by chance, Filtered by a Drop function, Collided,
	// Overflowed at a full receive queue, Cut off (cut, taken down, or not running), Duplicated, Reordered.
	Arrived, Lost, Filtered, Collided, Overflowed, CutOff, Duplicated, Reordered uint64
}

// Medium connects ports. Every frame sent by one port reaches all others; with two ports it is a cable.
// All methods may be called from any goroutine, at any time.
type Medium struct {
	opts Options

	mu    sync.Mutex // never held while waiting or while calling out
	ports []*Port
	cuts  map[[2]string]bool // from, to
	alone map[string]bool
	rngs  map[[2]string]*rand.Rand
	taps  []func(from string, frame []byte)
	drops []func(from, to string, frame []byte) bool
	seq   uint64
	stats Stats
}

// NewMedium makes a medium without ports.
func NewMedium(o Options) *Medium {
	if o.FrameLimit == 0 {
		o.FrameLimit = max(o.MTU, interfaces.BaseMTU) + interfaces.MaxIFACSize
	}
	if o.IFACSize == 0 {
		o.IFACSize = 16
	}
	if o.ReorderDelay == 0 {
		o.ReorderDelay = DefaultReorderDelay
	}
	if o.QueueFrames == 0 {
		o.QueueFrames = DefaultQueueFrames
	}
	if o.ReceiveFrames == 0 {
		o.ReceiveFrames = DefaultReceiveFrames
	}
	return &Medium{
		opts:  o,
		cuts:  make(map[[2]string]bool),
		alone: make(map[string]bool),
		rngs:  make(map[[2]string]*rand.Rand),
	}
}

// Port is the port of that name, made at the first call. The name is also the interface's name.
// Each change is applied to the properties of a new port, for example to set its mode.
func (m *Medium) Port(name string, changes ...func(*interfaces.Properties)) *Port {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.ports {
		if p.name == name {
			return p
		}
	}
	p := &Port{
		medium: m,
		name:   name,
		props: interfaces.Properties{
			Mode:       m.opts.Mode.Or(interfaces.ModeFull),
			Bitrate:    m.opts.Bitrate,
			MTU:        m.opts.MTU,
			FrameLimit: m.opts.FrameLimit,
			IFACSize:   m.opts.IFACSize,
			Outgoing:   true,
		},
		wakeSend: make(chan struct{}, 1),
		wakeRecv: make(chan struct{}, 1),
	}
	if p.props.Bitrate == 0 {
		p.props.Bitrate = DefaultBitrate
	}
	for _, f := range changes {
		f(&p.props)
	}
	m.ports = append(m.ports, p)
	return p
}

// Cut with one name takes that port off the medium, with more it cuts each pair of them, in both directions. Frames are
// then lost silently, as on a radio that went out of range; what is already on its way arrives.
func (m *Medium) Cut(names ...string) { m.setCut(true, names) }

// Heal undoes Cut with the same names. Without names it undoes all cuts.
func (m *Medium) Heal(names ...string) { m.setCut(false, names) }

func (m *Medium) setCut(cut bool, names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(names) == 0 {
		if !cut {
			clear(m.cuts)
			clear(m.alone)
		}
		return
	}
	if len(names) == 1 {
		m.alone[names[0]] = cut
		return
	}
	for _, a := range names {
		for _, b := range names {
			if a != b {
				m.cuts[[2]string{a, b}] = cut
			}
		}
	}
}

// CutOneWay stops frames from one port to another, but not back. Heal(from, to) undoes it.
func (m *Medium) CutOneWay(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cuts[[2]string{from, to}] = true
}

// Tap has f called with every frame at the moment its transmission begins. The frame is valid only during the call.
// f is called from goroutines of the ports, also at the same time, and must not block.
func (m *Medium) Tap(f func(from string, frame []byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taps = append(m.taps, f)
}

// Drop has f asked for every frame and receiver; where it answers true, that receiver does not get the frame.
// f is called as those of Tap are.
func (m *Medium) Drop(f func(from, to string, frame []byte) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drops = append(m.drops, f)
}

// Inject transmits a frame from nowhere: every port that is not cut off receives it, as if a stranger had sent it.
// It takes no airtime. The sender's name is "".
func (m *Medium) Inject(frame []byte) { m.transmit(nil, frame, 0) }

// Stats is a snapshot of the counters.
func (m *Medium) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Airtime is how long a frame of n bytes takes to transmit.
func (m *Medium) Airtime(n int) time.Duration {
	if m.opts.Airtime != nil && n > 0 {
		return m.opts.Airtime(n)
	}
	return m.byBitrate(n)
}

func (m *Medium) byBitrate(n int) time.Duration {
	if m.opts.Bitrate <= 0 {
		return 0
	}
	return time.Duration(float64(n) * 8 / float64(m.opts.Bitrate) * float64(time.Second))
}

// hears says whether frames from one port reach the other. With m.mu held.
func (m *Medium) hears(from, to string) bool {
	return !m.alone[from] && !m.alone[to] && !m.cuts[[2]string{from, to}]
}

// rng is the generator for chances between two ports. With m.mu held.
func (m *Medium) rng(from, to string) *rand.Rand {
	k := [2]string{from, to}
	r := m.rngs[k]
	if r == nil {
		h := fnv.New64a()
		h.Write([]byte(from + "\x00" + to))
		r = rand.New(rand.NewPCG(m.opts.Seed, h.Sum64()))
		m.rngs[k] = r
	}
	return r
}

// busy says until when a port hears the channel in use. With m.mu held. The zero time means that it is free.
func (m *Medium) busy(p *Port, now time.Time) time.Time {
	until := p.sendingUntil
	for _, o := range m.ports {
		if o != p && m.hears(o.name, p.name) && o.sendingUntil.After(until) {
			until = o.sendingUntil
		}
	}
	if !until.After(now) {
		return time.Time{}
	}
	return until
}

// transmit puts a frame on the air, from now for airtime, and into the receivers' queues.
func (m *Medium) transmit(from *Port, frame []byte, airtime time.Duration) {
	name := ""
	if from != nil {
		name = from.name
	}
	m.mu.Lock()
	taps, drops, ports := m.taps[:len(m.taps):len(m.taps)], m.drops[:len(m.drops):len(m.drops)], m.ports[:len(m.ports):len(m.ports)]
	m.mu.Unlock()

	for _, f := range taps {
		f(name, frame)
	}
	filtered := make([]bool, len(ports))
	for i, to := range ports {
		for _, f := range drops {
			if to != from && f(name, to.name, frame) {
				filtered[i] = true
			}
		}
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	end := now.Add(airtime)
	m.stats.Frames++
	m.stats.Bytes += uint64(len(frame))
	m.stats.Airtime += airtime
	if from != nil && m.opts.HalfDuplex {
		from.garble(now) // what it was receiving it does not hear to the end
	}
	data := append([]byte(nil), frame...)
	for i, to := range ports {
		if to == from {
			continue
		}
		if !m.hears(name, to.name) || !to.listening() {
			m.stats.CutOff++
			continue
		}
		r := m.rng(name, to.name)
		lost, twice, late := r.Float64() < m.opts.Loss, r.Float64() < m.opts.Duplicate, r.Float64() < m.opts.Reorder
		delay := time.Duration(r.Float64() * float64(m.opts.ReorderDelay))
		garbled := false
		if m.opts.HalfDuplex && airtime > 0 {
			garbled = to.garble(now) || to.sendingUntil.After(now)
		}
		switch {
		case filtered[i]:
			m.stats.Filtered++
		case lost:
			m.stats.Lost++
		default:
			a := &arrival{at: end.Add(m.opts.Latency), end: end, garbled: garbled, frame: data}
			if late {
				m.stats.Reordered++
				a.at = a.at.Add(delay)
			}
			m.arrive(to, a)
			if twice {
				m.stats.Duplicated++
				b := *a
				m.arrive(to, &b)
			}
			continue
		}
		if m.opts.HalfDuplex && airtime > 0 {
			// Not understood, but it still disturbs others.
			to.noise = append(to.noise, end)
		}
	}
}

// arrive puts a frame into a receiver's queue. With m.mu held.
func (m *Medium) arrive(to *Port, a *arrival) {
	if len(to.arrivals) >= m.opts.ReceiveFrames {
		m.stats.Overflowed++
		to.stats.RxDropped.Overflow++
		return
	}
	m.seq++
	a.seq = m.seq
	to.push(a)
	wake(to.wakeRecv)
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
