package rnodesim

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Signal is how one radio hears another.
type Signal struct {
	// RSSI in dBm, SNR in dB.
	RSSI int
	SNR  float64
}

// ChannelOptions say what the air is like. The zero options are good air: all hear all, nothing is lost by chance.
type ChannelOptions struct {
	// Loss is the chance, 0 to 1, that an air frame is not received; per receiver.
	Loss float64
	// Seed for all chances.
	Seed uint64
	// Signal says how a radio hears another. nil: −80 dBm and 7 dB always. It must not block.
	Signal func(from, to string) Signal
	// DetectSymbols is how many symbols of a preamble a radio needs to notice that somebody transmits. 0: 4.
	DetectSymbols int
	// Capture in dB: of two frames that overlap, one that is so much stronger is received. 0: 6.
	Capture int
}

// ChannelStats count what happened on the air.
type ChannelStats struct {
	// Frames and Airtime of all transmissions, Aborted ones included.
	Frames  uint64
	Aborted uint64
	Airtime time.Duration
	// Per receiver tuned to the frame: Received, Lost by chance, Collided with another, Deaf because it transmitted itself,
	// CutOff (cut).
	Received, Lost, Collided, Deaf, CutOff uint64
}

// Channel is the air that devices share. Devices hear each other when frequency, bandwidth and spreading factor are the
// same. All methods may be called from any goroutine.
type Channel struct {
	opts ChannelOptions

	mu     sync.Mutex // never held while waiting or calling out
	radios []*radio
	airs   []*air
	cuts   map[[2]string]bool
	rngs   map[[2]string]*rand.Rand
	taps   []func(from string, frame []byte)
	change chan struct{} // closed and replaced when a carrier comes or goes
	stats  ChannelStats
}

// radio is one transceiver on the channel. Fields are guarded by channel.mu.
type radio struct {
	name       string
	receive    func(frame []byte, s Signal)
	on         bool
	mod        Modulation
	generation int // counts on, off and tuning
	sending    *air
	load       loadMeter
}

// air is a frame on the air.
type air struct {
	from       *radio
	mod        Modulation
	frame      []byte
	start, end time.Time
	noticed    bool // others had time to detect it
	listening  map[*radio]int
	collided   map[*radio]bool
	deaf       map[*radio]bool
}

// NewChannel makes empty air.
func NewChannel(o ChannelOptions) *Channel {
	if o.Signal == nil {
		o.Signal = func(string, string) Signal { return Signal{RSSI: -80, SNR: 7} }
	}
	if o.DetectSymbols == 0 {
		o.DetectSymbols = 4
	}
	if o.Capture == 0 {
		o.Capture = 6
	}
	return &Channel{opts: o, cuts: make(map[[2]string]bool), rngs: make(map[[2]string]*rand.Rand), change: make(chan struct{})}
}

// Cut makes devices not hear each other, each pair of those named, in both directions: hidden nodes, or out of range.
func (c *Channel) Cut(names ...string) { c.setCut(true, names) }

// Heal undoes Cut with the same names. Without names it undoes all cuts.
func (c *Channel) Heal(names ...string) { c.setCut(false, names) }

func (c *Channel) setCut(cut bool, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(names) == 0 && !cut {
		clear(c.cuts)
	}
	for _, a := range names {
		for _, b := range names {
			if a != b {
				c.cuts[[2]string{a, b}] = cut
			}
		}
	}
	c.changed()
}

// Tap has f called with every air frame, header byte included, when its transmission begins. f must not block.
func (c *Channel) Tap(f func(from string, frame []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taps = append(c.taps, f)
}

// Stats is a snapshot.
func (c *Channel) Stats() ChannelStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// changed wakes who waits for the channel. With mu held.
func (c *Channel) changed() {
	close(c.change)
	c.change = make(chan struct{})
}

func (c *Channel) add(name string, receive func([]byte, Signal)) *radio {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &radio{name: name, receive: receive}
	c.radios = append(c.radios, r)
	return r
}

// tune switches a radio. What it is receiving it does not hear to the end.
func (c *Channel) tune(r *radio, on bool, m Modulation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.on == on && r.mod == m {
		return
	}
	r.on, r.mod = on, m
	r.generation++
	c.changed()
}

// same says whether two modulations are heard by each other.
func same(a, b Modulation) bool {
	return a.Frequency == b.Frequency && a.Bandwidth == b.Bandwidth && a.SF == b.SF
}

// hears says whether a radio is in range and tuned to a frame. With mu held.
func (c *Channel) hears(r *radio, a *air) bool {
	return r != a.from && r.on && same(r.mod, a.mod) && !c.cuts[[2]string{a.from.name, r.name}]
}

// carrier says whether a radio notices somebody else's carrier, and gives what is closed when that may have changed.
func (c *Channel) carrier(r *radio) (busy bool, change <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.airs {
		if a.noticed && c.hears(r, a) {
			return true, c.change
		}
	}
	return false, c.change
}

// load is what share of the last 7.5 s a radio heard a carrier.
func (c *Channel) load(r *radio, now time.Time) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.load.share(now)
}

// rng is the generator for chances between two radios. With mu held.
func (c *Channel) rng(from, to string) *rand.Rand {
	k := [2]string{from, to}
	if c.rngs[k] == nil {
		h := fnv.New64a()
		h.Write([]byte(from + "\x00" + to))
		c.rngs[k] = rand.New(rand.NewPCG(c.opts.Seed, h.Sum64()))
	}
	return c.rngs[k]
}

// transmit puts one frame on the air and returns when it is over, or with an error when ctx ends before: then nobody
// receives it.
func (c *Channel) transmit(ctx context.Context, r *radio, m Modulation, frame []byte) error {
	c.mu.Lock()
	now := time.Now()
	a := &air{
		from: r, mod: m, frame: frame, start: now, end: now.Add(m.Airtime(len(frame))),
		listening: make(map[*radio]int), collided: make(map[*radio]bool), deaf: make(map[*radio]bool),
	}
	for _, to := range c.radios {
		if to != r && to.on && same(to.mod, m) {
			a.listening[to] = to.generation
			a.deaf[to] = to.sending != nil
		}
	}
	for _, other := range c.airs {
		c.collide(a, other)
		if _, ok := other.listening[r]; ok {
			other.deaf[r] = true
		}
	}
	c.airs = append(c.airs, a)
	r.sending = a
	taps := slices.Clone(c.taps)
	c.stats.Frames++
	c.mu.Unlock()
	for _, f := range taps {
		f(r.name, frame)
	}

	err := sleepUntil(ctx, a.start.Add(time.Duration(c.opts.DetectSymbols)*m.SymbolTime()))
	if err == nil {
		c.mu.Lock()
		a.noticed = true
		c.changed()
		c.mu.Unlock()
		err = sleepUntil(ctx, a.end)
	}
	c.finish(a, err != nil)
	return err
}

// collide spoils two frames for every radio that hears both, but a much stronger one for none. With mu held.
func (c *Channel) collide(a, b *air) {
	if !same(a.mod, b.mod) {
		return
	}
	for _, r := range c.radios {
		if !c.hears(r, a) || !c.hears(r, b) {
			continue
		}
		sa, sb := c.opts.Signal(a.from.name, r.name).RSSI, c.opts.Signal(b.from.name, r.name).RSSI
		if sa-sb < c.opts.Capture {
			a.collided[r] = true
		}
		if sb-sa < c.opts.Capture {
			b.collided[r] = true
		}
	}
}

// finish takes a frame off the air and hands it to those who received it.
func (c *Channel) finish(a *air, aborted bool) {
	type reception struct {
		to *radio
		s  Signal
	}
	var receivers []reception
	c.mu.Lock()
	now := time.Now()
	c.airs = slices.DeleteFunc(c.airs, func(x *air) bool { return x == a })
	a.from.sending = nil
	c.stats.Airtime += now.Sub(a.start)
	if aborted {
		c.stats.Aborted++
	}
	for _, to := range c.radios {
		generation, listened := a.listening[to]
		if !listened {
			continue
		}
		lost := c.rng(a.from.name, to.name).Float64() < c.opts.Loss
		if !c.hears(to, a) || to.generation != generation {
			c.stats.CutOff++
			continue
		}
		to.load.add(a.start, now)
		switch {
		case aborted:
		case a.deaf[to]:
			c.stats.Deaf++
		case a.collided[to]:
			c.stats.Collided++
		case lost:
			c.stats.Lost++
		default:
			c.stats.Received++
			receivers = append(receivers, reception{to, c.opts.Signal(a.from.name, to.name)})
		}
	}
	c.changed()
	c.mu.Unlock()
	for _, r := range receivers {
		r.to.receive(a.frame, r.s)
	}
}

// sleepUntil waits, unless ctx ends before.
func sleepUntil(ctx context.Context, until time.Time) error {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
