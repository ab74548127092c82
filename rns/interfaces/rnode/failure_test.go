package rnode_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
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
