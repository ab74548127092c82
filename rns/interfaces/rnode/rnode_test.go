package rnode_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/rnstest/rnodesim"
)

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
