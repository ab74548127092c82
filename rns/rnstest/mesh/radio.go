package mesh

import (
	"math"
	"slices"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/rnstest/rnodesim"
)

// RadioOptions say what a radio channel is like.
type RadioOptions struct {
	// Modulation decides about airtime and slots.
	Modulation rnodesim.Modulation
	// Loss is the chance, 0 to 1, that an air frame is lost, per receiver. A packet over 254 bytes is two air frames, and
	// lost with either.
	Loss float64
}

// RadioStats count packets on a radio channel, Airtime of all added up.
type RadioStats struct {
	Packets uint64
	Airtime time.Duration
	// Per receiver in range: Received, Lost by chance, Collided with another, Deaf since it transmitted itself, Left since
	// sender or receiver went away meanwhile.
	Received, Lost, Collided, Deaf, Left uint64
}

// Radio is one LoRa channel in one place: a cell. A port listens for a carrier before it transmits, and hears nothing
// while it transmits; packets that overlap at a receiver are lost there. Ports hear each other when their zones differ by
// no more than one: those further apart are hidden nodes.
type Radio struct {
	world   *World
	options RadioOptions
	ports   []*Port
	airs    []*air
	stats   RadioStats
}

// radioPort is what a radio keeps in a port.
type radioPort struct {
	on   *Radio // nil: out of everybody's range
	zone int
	busy bool // waits for the channel, or transmits
	air  *air // being transmitted
}

// air is a packet on the air.
type air struct {
	from          *Port
	frame         []byte
	noticed, ends time.Time
	heard         []*reception
	aborted       bool
}

// reception is a packet as one receiver hears it.
type reception struct {
	to             *Port
	collided, deaf bool
}

// Radio makes a channel.
func (w *World) Radio(o RadioOptions) *Radio { return &Radio{world: w, options: o} }

// Port makes a port of a node in a zone of the cell. Before anything runs.
func (r *Radio) Port(name string, node, zone int) *Port {
	p := r.world.newPort(name, node, r, interfaces.Properties{
		Bitrate: int64(math.Round(r.options.Modulation.Bitrate())), FrameLimit: rnodesim.MaxPacket, IFACSize: 8,
	})
	p.radio.zone = zone
	r.join(p)
	return p
}

// Stats is a snapshot. By the scheduler, or when nothing runs.
func (r *Radio) Stats() RadioStats { return r.stats }

func (r *Radio) join(p *Port) {
	p.radio.on, p.medium = r, r
	r.ports = append(r.ports, p)
}

// Move takes a port away from its cell, into a zone of another; to nil: out of everybody's range, where it transmits to
// nobody. The node does not notice. By the scheduler: in World.At.
func (p *Port) Move(to *Radio, zone int) {
	if r := p.radio.on; r != nil {
		r.ports = slices.DeleteFunc(r.ports, func(o *Port) bool { return o == p })
		if p.radio.air != nil {
			p.radio.air.aborted = true
		}
		p.radio.on = nil
	}
	p.radio.zone = zone
	if to != nil {
		to.join(p)
	}
}

// hears reports whether two ports of the cell are in range of each other.
func (p *Port) hears(o *Port) bool {
	d := p.radio.zone - o.radio.zone
	return -1 <= d && d <= 1
}

func (r *Radio) queued(p *Port, now time.Time) {
	if !p.radio.busy && p.waiting() {
		p.radio.busy = true
		r.contend(p, now)
	}
}

// contend has the port try to transmit, once the channel was free for two slots and up to 14 more, drawn by chance, as an
// RNode that transmits little does (spec 3 §3.11).
func (r *Radio) contend(p *Port, from time.Time) {
	m := r.options.Modulation
	at := from.Add(m.DIFS() + time.Duration(r.world.chance.Int64N(int64(15*m.Slot()))))
	r.world.after(at, -1, func() { r.world.try(p, at) })
}

// try transmits, unless the channel is busy.
func (w *World) try(p *Port, now time.Time) {
	r := p.radio.on
	if r == nil { // transmits to nobody
		p.next()
		p.radio.busy = false
		if p.waiting() {
			p.radio.busy = true
			w.after(now.Add(time.Second), -1, func() { w.try(p, now.Add(time.Second)) })
		}
		return
	}
	var free time.Time
	for _, a := range r.airs {
		if !a.aborted && a.from.hears(p) && !a.noticed.After(now) && a.ends.After(free) {
			free = a.ends
		}
	}
	if !free.IsZero() {
		r.contend(p, free)
		return
	}
	frame, ok := p.next()
	if !ok {
		p.radio.busy = false
		return
	}
	r.transmit(p, frame, now)
}

func (r *Radio) transmit(p *Port, frame []byte, now time.Time) {
	m := r.options.Modulation
	airtime := m.PacketAirtime(len(frame))
	a := &air{from: p, frame: frame, noticed: now.Add(4 * m.SymbolTime()), ends: now.Add(airtime)}
	for _, to := range r.ports {
		if to != p && to.hears(p) {
			a.heard = append(a.heard, &reception{to: to, deaf: to.radio.air != nil})
		}
	}
	for _, other := range r.airs {
		for _, h := range other.heard {
			if h.to == p {
				h.deaf = true
				continue
			}
			for _, mine := range a.heard {
				if mine.to == h.to {
					mine.collided, h.collided = true, true
				}
			}
		}
	}
	r.airs = append(r.airs, a)
	p.radio.air = a
	r.stats.Packets++
	r.stats.Airtime += airtime
	r.world.transmitted(Transmission{Port: p, At: now, Airtime: airtime, Frame: frame})
	r.world.after(a.ends, -1, func() { r.finish(a, a.ends) })
}

// finish takes a packet off the air, and gives it to those who received it.
func (r *Radio) finish(a *air, now time.Time) {
	r.airs = slices.DeleteFunc(r.airs, func(o *air) bool { return o == a })
	frames := 1.0
	if len(a.frame) > rnodesim.FramePayload {
		frames = 2
	}
	loss := 1 - math.Pow(1-r.options.Loss, frames)
	for _, h := range a.heard {
		lost := r.world.chance.Float64() < loss
		switch {
		case a.aborted || h.to.radio.on != r:
			r.stats.Left++
		case h.deaf:
			r.stats.Deaf++
		case h.collided:
			r.stats.Collided++
		case lost:
			r.stats.Lost++
		default:
			r.stats.Received++
			r.world.after(now, h.to.node, func() { h.to.receive(a.frame) })
		}
	}
	p := a.from
	p.radio.air = nil
	if p.waiting() {
		r.contend(p, now)
	} else {
		p.radio.busy = false
	}
}
