package rnodesim

import (
	"context"
	"math"
	"time"
)

const (
	noiseFloor = -112 // dBm
	// statistics come about every second, battery and temperature every fifth time.
	reportEvery = 999 * time.Millisecond
)

// transmitter is the goroutine that gets at the channel and transmits what is queued.
func (d *Device) transmitter(ctx context.Context) {
	target := time.Duration(-1) // of the window that was chosen, -1 none
	for ctx.Err() == nil {
		now := time.Now()
		d.mu.Lock()
		waiting := d.on && len(d.queue) > 0
		locked := d.set.short > 0 && d.meter.short(now) >= d.set.short || d.set.long > 0 && d.meter.long(now) >= d.set.long
		m := d.modulation()
		if waiting && !locked && target < 0 {
			d.updateWindow(now)
			target = time.Duration(d.window.min+d.rand.IntN(max(1, d.window.max-d.window.min))) * m.Slot()
		}
		d.mu.Unlock()
		switch {
		case !waiting:
			target = -1
			d.pause(ctx, time.Time{})
		case locked:
			d.pause(ctx, nextBin(now))
		case d.access(ctx, m, target):
			target = -1
			d.burst(ctx, m)
		}
	}
}

// pause waits until it is woken, or until a time.
func (d *Device) pause(ctx context.Context, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
	case <-d.wake:
	case <-due:
	}
}

// access waits for the channel: free for DIFS, and then for the window, whose time counts on when somebody else comes
// between. It answers false when the radio was switched or tuned meanwhile.
func (d *Device) access(ctx context.Context, m Modulation, target time.Duration) bool {
	var passed time.Duration
	for {
		d.mu.Lock()
		still := d.on && d.modulation() == m
		d.mu.Unlock()
		if !still || ctx.Err() != nil {
			return false
		}
		busy, change := d.channel.carrier(d.radio)
		if busy {
			select {
			case <-change:
			case <-ctx.Done():
			}
			continue
		}
		free, wait := time.Now(), m.DIFS()+target-passed
		if d.clear(ctx, free.Add(wait)) {
			return true
		}
		passed += max(0, time.Since(free)-m.DIFS())
	}
}

// clear waits until a time, and says whether no carrier came up before.
func (d *Device) clear(ctx context.Context, until time.Time) bool {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	for {
		busy, change := d.channel.carrier(d.radio)
		if busy {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-change:
		case <-t.C:
			return true
		}
	}
}

// burst transmits the queue, or one packet where the modulation is fast.
func (d *Device) burst(ctx context.Context, m Modulation) {
	for first := true; first || m.BurstsQueue(); first = false {
		d.mu.Lock()
		if !d.on || len(d.queue) == 0 || d.modulation() != m {
			d.mu.Unlock()
			break
		}
		packet := d.queue[0]
		d.queue[0] = nil
		d.queue = d.queue[1:]
		d.queued -= len(packet)
		frames := Split(packet, byte(d.rand.IntN(16)))
		if frames == nil {
			d.stats.TooLong++
		}
		sending, stop := context.WithCancel(ctx)
		d.stop = stop
		d.mu.Unlock()
		complete := len(frames) > 0
		for _, f := range frames {
			if d.channel.transmit(sending, d.radio, m, f) != nil {
				complete = false
				break
			}
			d.mu.Lock()
			d.meter.add(time.Now(), m.Accounted(len(f)))
			d.mu.Unlock()
		}
		stop()
		d.mu.Lock()
		d.stop = nil
		if complete {
			d.stats.Sent++
		}
		d.mu.Unlock()
	}
	if !d.opts.Minimal && !d.opts.Quiet {
		d.report(false)
	}
}

// updateWindow follows the own airtime. With mu held.
func (d *Device) updateWindow(now time.Time) {
	w := contentionFor(d.meter.short(now), d.window.band != 1 || d.window.max == 14)
	if w == d.window {
		return
	}
	moved := w.band != d.window.band
	d.window = w
	if moved && !d.opts.Minimal && !d.opts.Quiet {
		d.answer(commandCSMA, []byte{byte(w.band), byte(w.min), byte(w.max)})
	}
}

// reporter is the goroutine that sends statistics while the radio is on.
func (d *Device) reporter(ctx context.Context) {
	t := time.NewTicker(reportEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		d.mu.Lock()
		on := d.on
		d.mu.Unlock()
		if !on {
			select { // sleeps until the radio is switched
			case <-ctx.Done():
				return
			case <-d.tick:
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		d.report(n%5 == 0)
	}
}

// report sends channel statistics, and now and then battery and temperature, if the radio is on.
func (d *Device) report(all bool) {
	now := time.Now()
	load := d.channel.load(d.radio, now)
	busy, _ := d.channel.carrier(d.radio)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.on {
		return
	}
	d.updateWindow(now)
	short, long := d.meter.short(now), d.meter.long(now)
	load = min(1, load+short)
	current := noiseFloor
	if busy {
		current = -80
	}
	var p []byte
	for _, v := range []float64{short, long, load, d.meter.loadLong(now, load)} {
		p = append(p, be16(int(math.Round(v*10_000)))...)
	}
	d.answer(commandChannel, append(p, byte(current+157), byte(noiseFloor+157), 0xFF))
	if all {
		d.answer(commandBattery, []byte{d.opts.BatteryState, d.opts.Battery})
		d.answer(commandTemp, []byte{25 + 120})
	}
}
