package mesh

import (
	"time"

	"groupd/rns/interfaces"
)

// WireOptions say what a wire is like.
type WireOptions struct {
	// Latency from the end of a transmission to its arrival.
	Latency time.Duration
	// Bitrate in bit/s. 0: 10 Mbit/s.
	Bitrate int64
}

// wire joins two ports as a TCP connection does: both ways at once, in order, without loss.
type wire struct {
	world   *World
	options WireOptions
	ends    [2]*Port
}

// wirePort is what a wire keeps in a port.
type wirePort struct{ freeAt time.Time }

// Wire joins two nodes, and returns their ports. Before anything runs.
func (w *World) Wire(o WireOptions, name string, a, b int) (*Port, *Port) {
	if o.Bitrate == 0 {
		o.Bitrate = 10_000_000
	}
	m := &wire{world: w, options: o}
	props := interfaces.Properties{Bitrate: o.Bitrate, MTU: 8192, FrameLimit: 8192 + interfaces.MaxIFACSize, IFACSize: 16}
	m.ends = [2]*Port{w.newPort(name+" a", a, m, props), w.newPort(name+" b", b, m, props)}
	return m.ends[0], m.ends[1]
}

func (m *wire) queued(p *Port, now time.Time) {
	to := m.ends[0]
	if to == p {
		to = m.ends[1]
	}
	for {
		frame, ok := p.next()
		if !ok {
			return
		}
		if p.wire.freeAt.Before(now) {
			p.wire.freeAt = now
		}
		m.world.transmitted(Transmission{Port: p, At: p.wire.freeAt, Frame: frame})
		p.wire.freeAt = p.wire.freeAt.Add(time.Duration(len(frame)) * 8 * time.Second / time.Duration(m.options.Bitrate))
		m.world.after(p.wire.freeAt.Add(m.options.Latency), to.node, func() { to.receive(frame) })
	}
}
