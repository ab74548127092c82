package rnode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/interfaces/serial"
	"groupd/rns/rnstest/rnodesim"
)

// sf8 is the radio of most tests.
func sf8() rnode.Radio {
	return rnode.Radio{Frequency: 867_200_000, Bandwidth: 125_000, TXPower: 7, SpreadingFactor: 8, CodingRate: 5}
}

// bench is one of our interfaces at a simulated device.
type bench struct {
	*rnode.Interface
	device *rnodesim.Device
	stop   func()

	mu   sync.Mutex
	got  [][]byte
	line []byte // what the host wrote, when it is tapped
	at   []time.Time
}

// upAfter is how long a device that answers at once takes to come up.
const upAfter = rnode.SettleTime + 300*time.Millisecond

func start(t *testing.T, d *rnodesim.Device, change func(*rnode.Config)) *bench {
	t.Helper()
	b := &bench{device: d}
	c := rnode.Config{Name: d.Name(), Radio: sf8(), Open: func(ctx context.Context) (serial.Port, error) {
		p, err := d.Open(ctx)
		if err != nil {
			return nil, err
		}
		return &tap{p, b}, nil
	}}
	if change != nil {
		change(&c)
	}
	var err error
	if b.Interface, err = rnode.New(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- d.Run(ctx) }()
	running, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		done <- b.Run(running, func(f []byte) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.got = append(b.got, bytes.Clone(f))
		})
	}()
	b.stop = func() { stop(); <-stopped }
	t.Cleanup(func() {
		b.stop()
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	})
	return b
}

// tap notes what the host writes.
type tap struct {
	serial.Port
	b *bench
}

func (p *tap) Write(b []byte) (int, error) {
	p.b.mu.Lock()
	p.b.line, p.b.at = append(p.b.line, b...), append(p.b.at, time.Now())
	p.b.mu.Unlock()
	return p.Port.Write(b)
}

func (b *bench) received() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got
}

func (b *bench) wrote() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%x", b.line)
}

func (b *bench) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line, b.at, b.got = nil, nil, nil
}

func air(t *testing.T) *rnodesim.Channel { return rnodesim.NewChannel(rnodesim.ChannelOptions{}) }

// I-063, I-064, I-065, I-080.
func TestDeviceIsBroughtUpAndLeftCleanly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		b := start(t, d, func(c *rnode.Config) { c.ShortLimit, c.LongLimit = new(33.0), new(1.5) })
		if p := b.Properties(); b.Name() != "RNodeInterface[a]" || p.MTU != 0 || p.FrameLimit != 508 || p.IFACSize != 8 || p.Bitrate != 3125 {
			t.Errorf("%s %+v", b.Name(), p) // I-015, I-024, I-076
		}
		var ups atomic.Int32
		b.NotifyUp(func() { ups.Add(1) })
		time.Sleep(upAfter - time.Millisecond)
		if s := b.Status(); s.State != rnode.StateConfiguring || b.Stats().Online {
			t.Errorf("%v", s.State)
		}
		if err := b.Send([]byte{1}); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("before it is up: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		if s := b.Status(); s.State != rnode.StateOnline || *s.Reports.FirmwareMinor != 86 || *s.Reports.SymbolTime != 2.048 || ups.Load() != 1 || s.Failure != nil {
			t.Errorf("%+v", s)
		}
		want := "c00873c05000c04800c04900c0" + "c00133b06c00c0" + "c0020001e848c0" + "c00307c0" + "c00408c0" + "c00505c0" + "c00b0ce4c0" + "c00c0096c0" + "c00601c0"
		if b.wrote() != want {
			t.Errorf("wrote %s, want %s", b.wrote(), want)
		}
		b.forget()
		time.Sleep(10 * time.Second)
		if r := b.Radio(); r.State != "online" || *r.NoiseFloor != -112 || *r.Temperature != 25 || r.BatteryState != "" {
			t.Errorf("radio %+v", r)
		}
		b.stop()
		synctest.Wait()
		if b.wrote() != "c04100c0c00600c0c00affc0" || d.Stats().On || d.Stats().Leaves != 1 {
			t.Errorf("left with %s, %+v", b.wrote(), d.Stats())
		}
		if s := b.Status(); s.State != rnode.StateClosed {
			t.Errorf("%v", s.State)
		}
	})
}

func TestPacketsCrossTheRadioBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rnodesim.NewChannel(rnodesim.ChannelOptions{Signal: func(string, string) rnodesim.Signal { return rnodesim.Signal{RSSI: -97, SNR: 5} }})
		x, y := start(t, c.NewDevice("x", rnodesim.DeviceOptions{}), nil), start(t, c.NewDevice("y", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Millisecond)
		var want [][]byte
		for _, n := range []int{1, 19, 254, 255, 500, 508} {
			p := bytes.Repeat([]byte{kiss.FEND, byte(n), kiss.FESC}, n)[:n]
			want = append(want, p)
			if err := errors.Join(x.Send(p), y.Send(p)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if err := x.Send(make([]byte, 509)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("509 bytes: %v", err)
		}
		for _, b := range []*bench{x, y} {
			if got := b.received(); len(got) != len(want) || !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
				t.Errorf("%d of %d packets came", len(got), len(want))
			}
			s := b.Stats()
			if s.RxFrames != 6 || s.TxFrames != 6 || s.TxBytes != s.RxBytes || s.RxDropped.Sum() != 0 {
				t.Errorf("%+v", s)
			}
			if g := b.Signal(); *g.RSSI != -97 || *g.SNR != 5 || *g.Quality != 94.1 {
				t.Errorf("signal %v %v %v", *g.RSSI, *g.SNR, *g.Quality)
			}
		}
		if r := x.Radio(); r.AirtimeShort == 0 || r.ChannelLoadShort < r.AirtimeShort {
			t.Errorf("radio %+v", r)
		}
	})
}

// failing expects that a device does not come up, or goes down, with a reason, and comes back when it is repaired.
func failing(t *testing.T, b *bench, within time.Duration, reason error, text string) {
	t.Helper()
	time.Sleep(within)
	s, st := b.Status(), b.Stats()
	if s.Failure == nil || !errors.Is(s.Failure, reason) || !strings.Contains(st.LastError, text) || st.Online && s.State != rnode.StateOnline {
		t.Fatalf("after %v: %v, %v, %+v", within, s.State, s.Failure, st)
	}
}

func recovers(t *testing.T, b *bench, connects uint64) {
	t.Helper()
	b.device.SetFaults(rnodesim.Faults{})
	time.Sleep(serial.ReopenWait + upAfter + 10*time.Second)
	if s := b.Stats(); !s.Online || s.Connects != connects || !b.device.Stats().On {
		t.Fatalf("repaired, but %+v, %v", s, b.Status())
	}
}

// I-068, I-069: each of these is a device that answers wrongly while it is brought up.
func TestDeviceThatAnswersWronglyDoesNotComeUp(t *testing.T) {
	change := func(command byte, payload ...byte) func(byte, []byte) []byte {
		return func(c byte, p []byte) []byte {
			if c == command {
				return payload
			}
			return p
		}
	}
	for name, c := range map[string]struct {
		fault  rnodesim.Faults
		reason error
		text   string
	}{
		"dead":            {rnodesim.Faults{Dead: true}, rnode.ErrNotDetected, "no RNode"},
		"another device":  {rnodesim.Faults{Answer: change(0x08, 0x47)}, rnode.ErrNotDetected, "no RNode"},
		"old firmware":    {rnodesim.Faults{Answer: change(0x50, 1, 51)}, rnode.ErrFirmware, "it is 1.51, and 1.52 is needed"},
		"frequency":       {rnodesim.Faults{Answer: change(0x01, 0x33, 0xb0, 0x6c, 0x65)}, rnode.ErrMismatch, "frequency is 867200101 instead of 867200000"},
		"bandwidth":       {rnodesim.Faults{Answer: change(0x02, 0, 0, 0xf4, 0x24)}, rnode.ErrMismatch, "bandwidth is 62500 instead of 125000"},
		"no bandwidth":    {rnodesim.Faults{Answer: change(0x02)}, rnode.ErrMismatch, "bandwidth is not reported"},
		"power":           {rnodesim.Faults{Answer: change(0x03, 2)}, rnode.ErrMismatch, "txpower is 2 instead of 7"},
		"spreading":       {rnodesim.Faults{Answer: change(0x04, 7)}, rnode.ErrMismatch, "spreadingfactor"},
		"radio stays off": {rnodesim.Faults{Answer: change(0x06, 0)}, rnode.ErrMismatch, "radio state is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
				d.SetFaults(c.fault)
				b := start(t, d, nil)
				failing(t, b, rnode.SettleTime+2*time.Second, c.reason, c.text)
				if s := b.Status(); s.State != rnode.StateFailed {
					t.Errorf("%v", s.State)
				}
				recovers(t, b, 1)
			})
		})
	}
}

func TestRadioThatCannotBeStartedIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x06 {
				return nil
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(rnode.SettleTime + 100*time.Millisecond)
		d.Emit([]byte{0xc0, 0x90, 1, 0xc0})
		failing(t, b, time.Millisecond, rnode.ErrHardware, "the radio could not be started")
		recovers(t, b, 1)
	})
}

// I-067.
func TestFrequencyMayBeAHundredHertzOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x01 {
				return []byte{0x33, 0xb0, 0x6c, 0x64}
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(upAfter + time.Second)
		if !b.Stats().Online {
			t.Error(b.Status())
		}
	})
}

// I-066, and that a device which tells no version is tolerated, as the reference does.
func TestMinimalDeviceIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{Minimal: true})
		d.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == 0x50 || c == 0x48 || c == 0x49 {
				return nil
			}
			return p
		}})
		b := start(t, d, nil)
		time.Sleep(upAfter + time.Second)
		if !b.Stats().Online {
			t.Fatal(b.Status())
		}
		b.forget()
		time.Sleep(10 * time.Minute) // it says nothing by itself, but answers when it is asked
		if !b.Stats().Online || !strings.HasPrefix(b.wrote(), "c00873c0") {
			t.Errorf("%v, wrote %s", b.Status(), b.wrote())
		}
		b.forget()
		b.stop()
		if b.wrote() != "c00600c0c00affc0" {
			t.Errorf("left with %s", b.wrote())
		}
	})
}

// I-082: noise, diagnostics and reports that are unknown, short or long.
func TestNonsenseFromTheDeviceDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		b, y := start(t, c.NewDevice("a", rnodesim.DeviceOptions{}), nil), start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		var nonsense []byte
		for command := range 256 {
			switch command {
			case 0, 1, 2, 3, 4, 6, 0x55, 0x90, kiss.FEND:
				continue
			}
			nonsense = append(nonsense, kiss.AppendFrame(nil, byte(command), []byte{1})...)
			nonsense = append(nonsense, kiss.AppendFrame(nil, byte(command), bytes.Repeat([]byte{0xff}, 30))...)
			nonsense = append(nonsense, kiss.FEND, byte(command), kiss.FEND)
		}
		nonsense = append(nonsense, "\r\nGuru Meditation Error: Core 1 panic'ed\r\n"...)
		nonsense = append(nonsense, kiss.AppendFrame(nil, 0x21, make([]byte, 4))...)
		nonsense = append(nonsense, kiss.AppendFrame(nil, 0, make([]byte, 509))...) // too long
		nonsense = append(nonsense, kiss.AppendFrame(nil, 0x66, make([]byte, 5000))...)
		nonsense = append(nonsense, kiss.FEND, 0, 1, 2, 3) // half a packet
		b.device.Emit(nonsense)
		time.Sleep(time.Second)
		y.Send([]byte("still there"))
		time.Sleep(10 * time.Second)
		got := b.received()
		if s := b.Stats(); !s.Online || s.Connects != 1 || len(got) != 1 || string(got[0]) != "still there" || s.RxDropped.TooLong != 1 || s.RxDropped.Unfinished != 1 {
			t.Errorf("%+v, received %q", s, got)
		}
	})
}

// I-078: it reboots while a packet is half transmitted, and while one is half received.
func TestDeviceThatRebootsInMidPacketIsSetUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		b, y := start(t, c.NewDevice("a", rnodesim.DeviceOptions{}), nil), start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		b.Send(make([]byte, 500))
		for c.Stats().Frames == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		b.device.Emit([]byte{kiss.FEND, 0, 1, 2, 3})
		time.Sleep(200 * time.Millisecond)
		b.device.Reboot()
		failing(t, b, time.Millisecond, rnode.ErrRebooted, "rebooted")
		recovers(t, b, 2)
		// So fast that its notice is taken for the rest of the packet: the radio that is off gives it away.
		b.device.Emit([]byte{kiss.FEND, 0, 1, 2, 3})
		b.device.Reboot()
		failing(t, b, rnode.ProbeAfter+time.Second, rnode.ErrMismatch, "radio state is 0")
		recovers(t, b, 3)
		b.forget()
		if c.Stats().Aborted != 1 || len(y.received()) != 0 {
			t.Errorf("%+v", c.Stats())
		}
		y.Send([]byte{1, 2, 3})
		time.Sleep(5 * time.Second)
		if got := b.received(); len(got) != 1 || !bytes.Equal(got[0], []byte{1, 2, 3}) {
			t.Errorf("received %x", got)
		}
	})
}

// I-077.
func TestErrorsOfTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		b.device.Emit([]byte{0xc0, 0x90, 5, 0xc0, 0xc0, 0x90, 6, 0xc0})
		synctest.Wait()
		if s := b.Status(); s.State != rnode.StateOnline || len(s.Reports.Notices) != 2 {
			t.Errorf("%+v", s)
		}
		b.device.Emit([]byte{0xc0, 0x90, 2, 0xc0})
		failing(t, b, time.Millisecond, rnode.ErrHardware, "transmitting failed")
		recovers(t, b, 2)
		// The radio goes off, or to another frequency, by itself.
		b.device.Emit([]byte{0xc0, 0x06, 0, 0xc0})
		failing(t, b, time.Millisecond, rnode.ErrMismatch, "radio state is 0")
		recovers(t, b, 3)
		b.device.Emit([]byte{0xc0, 0x01, 0x19, 0, 0, 0, 0xc0})
		failing(t, b, time.Millisecond, rnode.ErrMismatch, "frequency is")
		recovers(t, b, 4)
	})
}

// A device that stops to answer, or to take bytes, is given up after a while, whatever it was doing.
func TestWedgedDeviceIsGivenUpAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		b.device.SetFaults(rnodesim.Faults{Dead: true})
		time.Sleep(time.Minute)
		if !b.Stats().Online {
			t.Error("given up too early")
		}
		failing(t, b, 30*time.Second, rnode.ErrSilent, "does not answer any more: not a byte for")
		recovers(t, b, 2)

		b.device.SetFaults(rnodesim.Faults{Stuck: true})
		for range 100 {
			b.Send(make([]byte, 500))
			time.Sleep(10 * time.Millisecond)
		}
		failing(t, b, 5*time.Second, os.ErrDeadlineExceeded, "timeout")
		if s := b.Stats(); s.TxDropped.Lost == 0 || s.TxDropped.QueueFull+s.TxDropped.Down == 0 {
			t.Errorf("%+v", s)
		}
		recovers(t, b, 3)
	})
}

func TestDeviceIsNotBlamedForOurOwnBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		d := c.NewDevice("slow", rnodesim.DeviceOptions{})
		i, err := rnode.New(rnode.Config{Name: "slow", Radio: sf8(), Open: d.Open})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var taken atomic.Int32
		wg.Go(func() { d.Run(ctx) })
		wg.Go(func() { i.Run(ctx, func([]byte) { time.Sleep(10 * time.Minute); taken.Add(1) }) })
		y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		y.Send([]byte{1})
		y.Send([]byte{2})
		time.Sleep(30 * time.Minute)
		if s := i.Stats(); !s.Online || s.Connects != 1 || taken.Load() != 2 {
			t.Errorf("%+v, %d taken", s, taken.Load())
		}
		cancel()
		wg.Wait()
	})
}

func TestFlowControlWithFirmwareThatAnswersWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		b := start(t, c.NewDevice("a", rnodesim.DeviceOptions{}), func(c *rnode.Config) { c.FlowControl = true })
		y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(upAfter + time.Second)
		sent := 0
		for range 60 {
			if b.Send(make([]byte, 500)) == nil {
				sent++
			}
		}
		time.Sleep(10 * time.Minute) // more than the device's queue holds, and yet nothing is lost
		if s := b.Stats(); sent != 60 || len(y.received()) != 60 || s.TxFrames != 60 || !s.Online || b.device.Stats().Overflowed != 0 {
			t.Errorf("%d sent, %d received, %+v", sent, len(y.received()), s)
		}
		// A device that says so by itself, as the reference wants it.
		z := start(t, c.NewDevice("z", rnodesim.DeviceOptions{ReadyAfterPacket: true}), func(c *rnode.Config) { c.FlowControl = true })
		time.Sleep(upAfter + time.Second)
		for range 5 {
			z.Send([]byte{1})
		}
		time.Sleep(time.Minute)
		if z.Stats().TxFrames != 5 {
			t.Errorf("%+v", z.Stats())
		}
	})
}

func TestFlowControlThatWedgesEndsInARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), func(c *rnode.Config) {
			c.FlowControl, c.QueueFrames = true, 10
		})
		time.Sleep(upAfter + time.Second)
		b.device.SetFaults(rnodesim.Faults{NotReady: true})
		for range 20 {
			b.Send([]byte{1})
			synctest.Wait()
		}
		if s := b.Stats(); s.TxDropped.QueueFull == 0 || s.QueuedFrames != 10 {
			t.Errorf("%+v", s)
		}
		failing(t, b, time.Minute, rnode.ErrFlowControl, "takes no packets any more: it does not answer")
		recovers(t, b, 2)
		// It says that it is full, for ever.
		b.device.SetFaults(rnodesim.Faults{Answer: func(c byte, p []byte) []byte {
			if c == kiss.CommandReady {
				return []byte{0}
			}
			return p
		}})
		b.Send([]byte{1})
		time.Sleep(time.Minute)
		if !b.Stats().Online {
			t.Error("given up too early")
		}
		failing(t, b, 3*time.Minute, rnode.ErrFlowControl, "it is full since")
		recovers(t, b, 3)
	})
}

// I-079.
func TestBeaconFollowsTrafficOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := air(t)
		b := start(t, c.NewDevice("a", rnodesim.DeviceOptions{}), func(c *rnode.Config) { c.Callsign, c.Interval = "N0CALL", 10*time.Minute })
		y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), nil)
		time.Sleep(time.Hour)
		if n := len(y.received()); n != 0 {
			t.Fatalf("%d beacons without traffic", n)
		}
		b.Send([]byte{1})
		b.Send([]byte{2})
		time.Sleep(10*time.Minute - time.Second)
		if n := len(y.received()); n != 2 {
			t.Fatalf("%d packets", n)
		}
		time.Sleep(time.Hour)
		if got := y.received(); len(got) != 3 || string(got[2]) != "N0CALL" {
			t.Errorf("received %q", got)
		}
	})
}

// I-157 for RNodes.
func TestUnpluggedDeviceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var missing atomic.Bool
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		b := start(t, d, func(c *rnode.Config) {
			open := c.Open
			c.Open = func(ctx context.Context) (serial.Port, error) {
				if missing.Load() {
					return nil, os.ErrNotExist
				}
				return open(ctx)
			}
		})
		time.Sleep(upAfter + time.Second)
		b.Send(make([]byte, 500))
		missing.Store(true)
		d.Unplug()
		failing(t, b, time.Hour, os.ErrNotExist, "not exist")
		missing.Store(false)
		recovers(t, b, 2)
	})
}

// Unplugged at any moment of the bring-up: it is never stuck.
func TestUnpluggedWhileItIsBroughtUp(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, rnode.SettleTime, rnode.SettleTime + 100*time.Millisecond, upAfter} {
		synctest.Test(t, func(t *testing.T) {
			d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
			b := start(t, d, nil)
			time.Sleep(after)
			synctest.Wait()
			d.Unplug()
			time.Sleep(time.Millisecond)
			if s := b.Status(); s.State != rnode.StateFailed || !errors.Is(s.Failure, io.EOF) {
				t.Errorf("after %v: %v", after, s)
			}
			time.Sleep(serial.ReopenWait + upAfter + time.Second)
			if !b.Stats().Online {
				t.Errorf("after %v: %v", after, b.Status())
			}
		})
	}
}

func TestStoppingIsPromptWhateverTheDeviceDoes(t *testing.T) {
	for name, f := range map[string]rnodesim.Faults{"well": {}, "dead": {Dead: true}, "stuck": {Stuck: true}} {
		for _, after := range []time.Duration{time.Second, rnode.SettleTime + 100*time.Millisecond, upAfter + time.Second} {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), nil)
				time.Sleep(after)
				b.device.SetFaults(f)
				for range 20 {
					b.Send(make([]byte, 500))
				}
				synctest.Wait()
				before := time.Now()
				b.stop()
				if d := time.Since(before); d > 3*interfaces.Linger {
					t.Errorf("%s, after %v: stopping took %v", name, after, d)
				}
				if err := b.Send([]byte{1}); !errors.Is(err, interfaces.ErrDown) {
					t.Errorf("after run: %v", err)
				}
			})
		}
	}
}

func TestDisplayOfTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, air(t).NewDevice("a", rnodesim.DeviceOptions{}), nil)
		if err := b.ExternalFramebuffer(true); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("before it is up: %v", err)
		}
		time.Sleep(upAfter + time.Second)
		if err := errors.Join(b.ExternalFramebuffer(true), b.WriteFramebuffer(63, [8]byte{kiss.FEND, kiss.FESC, 3, 4, 5, 6, 7, 8})); err != nil {
			t.Fatal(err)
		}
		if b.WriteFramebuffer(64, [8]byte{}) == nil {
			t.Error("line 64 is accepted")
		}
		fb, err := b.ReadFramebuffer(t.Context())
		if err != nil || len(fb) != 512 || !bytes.Equal(fb[504:], []byte{kiss.FEND, kiss.FESC, 3, 4, 5, 6, 7, 8}) {
			t.Errorf("framebuffer of %d bytes, %v", len(fb), err)
		}
		if all, err := b.ReadDisplay(t.Context()); err != nil || len(all) != 1024 {
			t.Errorf("display of %d bytes, %v", len(all), err)
		}
		b.device.SetFaults(rnodesim.Faults{Dead: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.ReadDisplay(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a dead device: %v", err)
		}
		b.device.SetFaults(rnodesim.Faults{Stuck: true}) // takes nothing, so that the queue fills however fast its writer is
		full := 0
		for range 1000 {
			if errors.Is(b.WriteFramebuffer(1, [8]byte{}), interfaces.ErrQueueFull) {
				full++
			}
		}
		if full == 0 {
			t.Error("commands queue without a bound")
		}
		b.device.SetFaults(rnodesim.Faults{})
		if err := b.HardReset(); err != nil && !errors.Is(err, interfaces.ErrQueueFull) {
			t.Error(err)
		}
		time.Sleep(time.Second)
		b.HardReset()
		failing(t, b, time.Second, rnode.ErrRebooted, "rebooted")
		recovers(t, b, 2)
	})
}

// I-081.
func TestTCPFormKeepsTheDeviceAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
		var asked string
		b := start(t, d, func(c *rnode.Config) {
			memory := c.Open
			c.Port = "TCP://radio.local"
			c.Open = memory
		})
		time.Sleep(upAfter + time.Second)
		b.forget()
		time.Sleep(3500 * time.Millisecond)
		if b.wrote() != "c00873c05000c04800c04900c0" {
			t.Errorf("after 3.5 s: %s", b.wrote())
		}
		// The address and the timing of a connection.
		i, err := rnode.New(rnode.Config{Name: "t", Port: "tcp://radio.local", Radio: sf8(), Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			asked = network + " " + address
			return nil, errors.New("unreachable")
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		i.Run(ctx, nil)
		if asked != "tcp radio.local:7633" || !strings.Contains(i.Stats().LastError, "unreachable") {
			t.Errorf("dialled %q, %v", asked, i.Status())
		}
	})
}

func TestImpossibleConfigurationsAreRefusedWithAllReasons(t *testing.T) {
	_, err := rnode.New(rnode.Config{Port: "ble://", Callsign: strings.Repeat("x", 33), Radio: rnode.Radio{ShortLimit: new(101.0)}})
	for _, word := range []string{"Bluetooth", "id_callsign", "frequency", "bandwidth", "spreadingfactor", "codingrate", "airtime_limit_short"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %s", err, word)
		}
	}
	for _, port := range []string{"", "tcp://", "BLE://00:11:22:33:44:55"} {
		if _, err := rnode.New(rnode.Config{Port: port, Radio: sf8()}); err == nil {
			t.Errorf("port %q is accepted", port)
		}
	}
}
