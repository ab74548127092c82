package rnode_test

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"groupd/rns/interfaces/rnode"
	"groupd/rns/rnstest/rnodesim"
)

// eventually waits in real time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("not in 20 s: " + what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// fast is a radio that does not make real time long.
func fast(c *rnode.Config) {
	c.Radio = rnode.Radio{Frequency: 867_200_000, Bandwidth: 500_000, TXPower: 7, SpreadingFactor: 6, CodingRate: 5}
	c.SettleTime = 50 * time.Millisecond
	c.ReopenWait = 100 * time.Millisecond
}

func TestRealSerialPortIsUnpluggedAndPluggedInAgain(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "usb-RNode")
	c := air(t)
	d := c.NewDevice("a", rnodesim.DeviceOptions{})
	pty, err := d.OpenPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, d, func(c *rnode.Config) { fast(c); c.Open, c.Port = nil, link })
	y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), fast)
	for round := range uint64(3) {
		eventually(t, "online", func() bool { return b.Stats().Online && y.Stats().Online })
		for _, n := range []int{20, 255, 500} {
			p := bytes.Repeat([]byte{0xC0, 0xDB, 0x0A, 0x0D, 0x11, 0x13, 0x04, 0x7F}, 64)[:n]
			b.forget()
			y.forget()
			if err := b.Send(p); err != nil {
				t.Fatal(err)
			}
			eventually(t, "received by memory", func() bool { return len(y.received()) == 1 })
			if err := y.Send(p); err != nil {
				t.Fatal(err)
			}
			eventually(t, "received by the port", func() bool { return len(b.received()) == 1 })
			if !bytes.Equal(b.received()[0], p) || !bytes.Equal(y.received()[0], p) {
				t.Fatalf("%d bytes did not come as they were sent", n)
			}
		}
		if s := b.Stats(); s.Connects != round+1 {
			t.Errorf("%+v", s)
		}
		if err := pty.Close(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "unplugged is noticed", func() bool { return !b.Stats().Online && b.Stats().LastError != "" })
		if pty, err = d.OpenPTY(link); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "online at the end", func() bool { return b.Stats().Online })
	b.stop()
	eventually(t, "left", func() bool { return d.Stats().Leaves == 1 && !d.Stats().On })
	pty.Close()
}

func TestRealPortOfAWedgedDeviceDoesNotHang(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "usb-RNode")
	d := air(t).NewDevice("a", rnodesim.DeviceOptions{})
	pty, err := d.OpenPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	defer pty.Close()
	b := start(t, d, func(c *rnode.Config) { fast(c); c.Open, c.Port = nil, link })
	eventually(t, "online", func() bool { return b.Stats().Online })
	d.SetFaults(rnodesim.Faults{Stuck: true})
	eventually(t, "given up", func() bool {
		b.Send(make([]byte, 500))
		return !b.Stats().Online
	})
	began := time.Now()
	b.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
	d.SetFaults(rnodesim.Faults{})
}

// I-081, over a socket.
func TestRealTCPForm(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := air(t)
	d := c.NewDevice("a", rnodesim.DeviceOptions{})
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	go func() { served <- d.Serve(ctx, l) }()
	b := start(t, d, func(c *rnode.Config) {
		fast(c)
		c.Open, c.Port = nil, "tcp://192.0.2.1"
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != "192.0.2.1:7633" {
				t.Errorf("dialled %s", address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		}
	})
	y := start(t, c.NewDevice("b", rnodesim.DeviceOptions{}), fast)
	eventually(t, "online", func() bool { return b.Stats().Online && y.Stats().Online })
	y.Send([]byte("to the host on the network"))
	eventually(t, "received", func() bool { return len(b.received()) == 1 })
	d.Unplug()
	eventually(t, "back", func() bool { s := b.Stats(); return s.Online && s.Connects == 2 })
	b.Send([]byte("and back"))
	eventually(t, "received", func() bool { return len(y.received()) == 1 })
	b.stop()
	eventually(t, "the radio is off", func() bool { return !d.Stats().On })
}
