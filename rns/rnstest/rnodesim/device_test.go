package rnodesim_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/serial"
	"groupd/rns/rnstest/rnodesim"
)

// frame is what a device said, or transmitted.
type frame struct {
	at      time.Time
	command byte
	payload []byte
}

// host is a bare program at a device: it writes bytes and notes what comes.
type host struct {
	t    *testing.T
	port serial.Port

	mu  sync.Mutex
	got []frame
}

// connect opens a device, and closes it when the test ends.
func connect(t *testing.T, d *rnodesim.Device) *host {
	t.Helper()
	port, err := d.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, port: port}
	done := make(chan struct{})
	go func() {
		defer close(done)
		decoder := kiss.NewDecoder(2000, kiss.MaskNone)
		buf := make([]byte, 4096)
		for {
			n, err := port.Read(buf)
			h.mu.Lock()
			decoder.Feed(buf[:n], func(command byte, p []byte) {
				h.got = append(h.got, frame{time.Now(), command, bytes.Clone(p)})
			})
			h.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { port.Close(); <-done })
	return h
}

func (h *host) say(command byte, payload ...byte) {
	h.t.Helper()
	if _, err := h.port.Write(kiss.AppendFrame(nil, command, payload)); err != nil {
		h.t.Fatal(err)
	}
}

// heard are the payloads that came with a command.
func (h *host) heard(command byte) (all []frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.got {
		if f.command == command {
			all = append(all, f)
		}
	}
	return all
}

func (h *host) commands() (all []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.got {
		all = append(all, f.command)
	}
	return all
}

func (h *host) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = nil
}

// configure sets SF8 (or another) at 125 kHz and switches the radio on.
func (h *host) configure(sf byte) {
	h.t.Helper()
	h.say(0x01, 0x33, 0xbc, 0xa1, 0x00)
	h.say(0x02, 0x00, 0x01, 0xe8, 0x48)
	h.say(0x03, 7)
	h.say(0x04, sf)
	h.say(0x05, 5)
	h.say(0x06, 1)
	synctest.Wait()
}

// run runs a device until the test ends.
func run(t *testing.T, d *rnodesim.Device) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// devices makes running, configured and quiet devices with hosts.
func devices(t *testing.T, c *rnodesim.Channel, sf byte, names ...string) (all []*host, ds []*rnodesim.Device) {
	for _, name := range names {
		d := c.NewDevice(name, rnodesim.DeviceOptions{Quiet: true})
		run(t, d)
		h := connect(t, d)
		h.configure(sf)
		h.forget()
		all, ds = append(all, h), append(ds, d)
	}
	return all, ds
}

func TestDeviceAnswersAsTheSpecificationSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := rnodesim.NewChannel(rnodesim.ChannelOptions{}).NewDevice("a", rnodesim.DeviceOptions{BatteryState: 2, Battery: 77})
		run(t, d)
		h := connect(t, d)
		began := time.Now()
		h.port.Write([]byte{0xc0, 0x08, 0x73, 0xc0, 0x50, 0, 0xc0, 0x48, 0, 0xc0, 0x49, 0, 0xc0})
		h.say(0x06, 1) // nothing is set yet
		h.configure(8)
		if time.Since(began) != 0 { // I-084: at once
			t.Errorf("took %v", time.Since(began))
		}
		for _, want := range []frame{
			{command: 0x08, payload: []byte{0x46}}, {command: 0x50, payload: []byte{1, 86}}, {command: 0x48, payload: []byte{0x80}},
			{command: 0x49, payload: []byte{0x81}}, {command: 0x01, payload: []byte{0x33, 0xbc, 0xa1, 0}},
			{command: 0x02, payload: []byte{0, 1, 0xe8, 0x48}}, {command: 0x03, payload: []byte{7}}, {command: 0x04, payload: []byte{8}},
			{command: 0x26, payload: []byte{8, 0, 1, 0xe8, 0, 18, 0, 37, 0, 24, 0, 48}},
		} {
			if got := h.heard(want.command); len(got) == 0 || !bytes.Equal(got[0].payload, want.payload) {
				t.Errorf("%02x: %v, want %x", want.command, got, want.payload)
			}
		}
		states := h.heard(0x06)
		if len(states) != 4 || states[1].payload[0] != 0 || states[2].payload[0] != 1 || states[3].payload[0] != 1 || !d.Stats().On {
			t.Errorf("states %v", states)
		}
		h.forget()
		h.say(0x03, 37)               // clamped
		h.say(0x04, 4)                // clamped
		h.say(0x02, 0, 0, 0xc3, 0x50) // 50 kHz becomes 62.5 kHz
		h.say(0x0b, 0x27, 0x10)       // 100 % is none
		h.say(0x01, 0, 0, 0, 0)       // asks
		h.say(0x06, 0xff)             // asks
		h.say(0x0f, 0)                // ready?
		h.say(0x08, 0x73, 0x73, 0x11) // once per byte
		h.say(0x42, 1)
		h.say(0x66, 1)
		synctest.Wait()
		for command, want := range map[byte][]byte{0x03: {22}, 0x04: {5}, 0x02: {0, 0, 0xf4, 0x24}, 0x0b: {0, 0}, 0x01: {0x33, 0xbc, 0xa1, 0}, 0x06: {1}, 0x0f: {1}} {
			if got := h.heard(command); len(got) != 1 || !bytes.Equal(got[0].payload, want) {
				t.Errorf("%02x: %v, want %x", command, got, want)
			}
		}
		if len(h.heard(0x08)) != 2 || len(h.heard(0x42)[0].payload) != 512 || len(h.heard(0x66)[0].payload) != 1024 {
			t.Error("detection, framebuffer or display")
		}
		h.forget()
		time.Sleep(10 * time.Second)
		if n := len(h.heard(0x25)); n != 10 || len(h.heard(0x27)) != 2 || !bytes.Equal(h.heard(0x27)[0].payload, []byte{2, 77}) || len(h.heard(0x29)) != 2 {
			t.Errorf("%d statistics in 10 s", n)
		}
		if slices.Contains(h.commands(), 0x21) || slices.Contains(h.commands(), 0x22) { // I-085
			t.Error("counters without being asked")
		}
		h.say(0x55, 0xf8)
		synctest.Wait()
		if len(h.heard(0x55)) != 1 || d.Stats().On {
			t.Error("no reboot")
		}
		h.forget()
		h.say(kiss.CommandData, 1, 2, 3)
		synctest.Wait()
		if e := h.heard(0x90); len(e) != 1 || e[0].payload[0] != 2 {
			t.Errorf("transmitting with the radio off: %v", e)
		}
	})
}

// I-086, and that all sizes arrive.
func TestPacketsCrossTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{Signal: func(string, string) rnodesim.Signal { return rnodesim.Signal{RSSI: -90, SNR: -16} }})
		h, d := devices(t, c, 8, "a", "b", "far")
		c.Cut("a", "far")
		other := c.NewDevice("other", rnodesim.DeviceOptions{Quiet: true})
		run(t, other)
		o := connect(t, other)
		o.configure(9)
		for i, n := range []int{1, 254, 255, 500, 508} {
			h[1].forget()
			packet := bytes.Repeat([]byte{kiss.FEND, byte(i)}, n)[:n]
			began := time.Now()
			h[0].say(kiss.CommandData, packet...)
			time.Sleep(30 * time.Second)
			if got := h[1].commands(); !bytes.Equal(got, []byte{0x23, 0x24, 0}) {
				t.Fatalf("%d bytes: %x", n, got)
			}
			got := h[1].heard(0)[0]
			if !bytes.Equal(got.payload, packet) || h[1].heard(0x23)[0].payload[0] != 0x43 || h[1].heard(0x24)[0].payload[0] != 0xc0 {
				t.Errorf("%d bytes: %d came, signal %v", n, len(got.payload), h[1].heard(0x24))
			}
			m := rnodesim.Modulation{Bandwidth: 125000, SF: 8, CR: 5}
			took, least := got.at.Sub(began), m.PacketAirtime(min(n, 507))
			if took < least+m.DIFS() || took > least+m.DIFS()+15*m.Slot() {
				t.Errorf("%d bytes took %v, on the air %v", n, took, least)
			}
		}
		h[0].say(kiss.CommandData, make([]byte, 509)...)
		time.Sleep(time.Minute)
		if s := d[0].Stats(); s.TooLong != 1 || s.Sent != 5 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
		if len(h[2].heard(0)) != 0 || len(o.heard(0)) != 0 {
			t.Error("out of range, or tuned elsewhere, and yet heard")
		}
	})
}

func TestRadiosTakeTurnsUnlessTheyDoNotHearEachOther(t *testing.T) {
	deliver := func(t *testing.T, hidden bool) (int, rnodesim.ChannelStats) {
		var received int
		var stats rnodesim.ChannelStats
		synctest.Test(t, func(t *testing.T) {
			c := rnodesim.NewChannel(rnodesim.ChannelOptions{Seed: 1})
			h, _ := devices(t, c, 8, "a", "b", "middle")
			if hidden {
				c.Cut("a", "b")
			}
			for i := range 50 {
				h[0].say(kiss.CommandData, bytes.Repeat([]byte{byte(i)}, 100)...)
				h[1].say(kiss.CommandData, bytes.Repeat([]byte{byte(i)}, 100)...)
				time.Sleep(3 * time.Second)
			}
			received, stats = len(h[2].heard(0)), c.Stats()
		})
		return received, stats
	}
	if n, s := deliver(t, false); n < 80 {
		t.Errorf("%d of 100 arrived: %+v", n, s)
	}
	if n, s := deliver(t, true); n > 30 || s.Collided == 0 {
		t.Errorf("hidden from each other, and %d of 100 arrived: %+v", n, s)
	}
	// The same again: the same.
	a, b := fmt.Sprint(deliver(t, true)), fmt.Sprint(deliver(t, true))
	if a != b {
		t.Errorf("%s, then %s", a, b)
	}
}

func TestLossCaptureAndHalfDuplex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{Loss: 0.3})
		h, _ := devices(t, c, 7, "a", "b")
		for range 500 {
			h[0].say(kiss.CommandData, make([]byte, 50)...)
			time.Sleep(2 * time.Second)
		}
		if n := len(h[1].heard(0)); n < 300 || n > 400 {
			t.Errorf("%d of 500 arrived with 30 %% loss", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// One is much nearer: it is received though the other transmits at the same time.
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{Signal: func(from, _ string) rnodesim.Signal {
			return rnodesim.Signal{RSSI: map[string]int{"near": -60}[from] - 40, SNR: 5}
		}})
		h, _ := devices(t, c, 8, "near", "far", "middle")
		c.Cut("near", "far")
		for range 20 {
			h[0].say(kiss.CommandData, 1)
			h[1].say(kiss.CommandData, 2)
			time.Sleep(5 * time.Second)
		}
		ones := 0
		for _, f := range h[2].heard(0) {
			if f.payload[0] == 2 {
				ones++
			}
		}
		if ones != 20 {
			t.Errorf("the strong one arrived %d times of 20", ones)
		}
	})
}

// I-097.
func TestAirtimeLimitHoldsPacketsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{})
		h, d := devices(t, c, 7, "a", "b")
		h[0].say(0x0b, 0x03, 0xe8) // 10 % of 15 s
		for range 4 {              // in one access of the channel, so all get out: about 3.2 s
			h[0].say(kiss.CommandData, make([]byte, 500)...)
		}
		time.Sleep(5 * time.Second)
		if s := d[0].Stats(); s.Sent != 4 {
			t.Fatalf("%+v", s)
		}
		h[0].say(kiss.CommandData, 1)
		began := time.Now()
		h[1].say(kiss.CommandData, 2) // the locked device still receives
		for d[0].Stats().Sent == 4 && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
		}
		if waited := time.Since(began); waited < 5*time.Second || waited > 16*time.Second || len(h[0].heard(0)) != 1 {
			t.Errorf("held back for %v, received %d", waited, len(h[0].heard(0)))
		}
		h[0].say(0x0b, 0, 0)
		h[0].say(0x0c, 0, 0x32) // half a percent of an hour is 18 s
		for range 40 {
			h[0].say(kiss.CommandData, make([]byte, 500)...)
			time.Sleep(2 * time.Second)
		}
		sent := d[0].Stats().Sent
		if sent < 20 || sent > 35 {
			t.Errorf("%d packets of 0.8 s with 18 s in the hour", sent-5)
		}
		time.Sleep(40 * time.Minute)
		if n := d[0].Stats().Sent; n != sent {
			t.Errorf("%d more", n-sent)
		}
		time.Sleep(25 * time.Minute)
		if n := d[0].Stats(); n.Sent == sent {
			t.Errorf("the hour has passed: %+v", n)
		}
	})
}

func TestQueueOfADeviceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := devices(t, rnodesim.NewChannel(rnodesim.ChannelOptions{}), 12, "a")
		for range 20 {
			h[0].say(kiss.CommandData, make([]byte, 500)...)
			synctest.Wait()
		}
		if s := d[0].Stats(); s.Queued != 12 || s.Overflowed != 8 {
			t.Errorf("%+v", s)
		}
		h[0].say(0x0f, 1)
		synctest.Wait()
		if r := h[0].heard(0x0f); len(r) != 1 || r[0].payload[0] != 0 {
			t.Errorf("ready: %v", r)
		}
		h[0].say(0x06, 0) // and what is on the air stops
	})
}

func TestVirtualDayOfRadioIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{Loss: 0.05})
		h, d := devices(t, c, 8, "a", "b", "c")
		for range 24 * 60 {
			for _, x := range h {
				x.say(kiss.CommandData, make([]byte, 100)...)
			}
			time.Sleep(time.Minute)
		}
		sent := d[0].Stats().Sent + d[1].Stats().Sent + d[2].Stats().Sent
		if s := c.Stats(); sent != 3*24*60 || s.Frames != sent || s.Received < sent {
			t.Errorf("%d sent, %+v", sent, s)
		}
	})
}
