package kiss_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/serial"
)

// tnc is the device at the other end of a line in memory.
type tnc struct {
	mu   sync.Mutex
	port serial.Port
	wire []byte
	at   []time.Time // when each packet came
	data [][]byte
}

func (d *tnc) open(context.Context) (serial.Port, error) {
	host, device := serial.Pipe(4096, 100*time.Millisecond, time.Second)
	d.mu.Lock()
	d.port, d.wire = device, nil
	d.mu.Unlock()
	go func() {
		decoder := kiss.NewDecoder(1000, kiss.MaskTNC)
		buf := make([]byte, 1000)
		for {
			n, err := device.Read(buf)
			d.mu.Lock()
			d.wire = append(d.wire, buf[:n]...)
			decoder.Feed(buf[:n], func(command byte, p []byte) {
				if command == kiss.CommandData {
					d.data, d.at = append(d.data, bytes.Clone(p)), append(d.at, time.Now())
				}
			})
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return host, nil
}

func (d *tnc) write(b []byte) { d.port.Write(b) }

func (d *tnc) packets() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.data
}

// run runs an interface until the test ends.
func run(t *testing.T, i *kiss.Interface) (received *[][]byte, stop func()) {
	received = new([][]byte)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx, func(f []byte) { *received = append(*received, bytes.Clone(f)) }) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return received, stop
}

func newTNC(t *testing.T, d *tnc, change func(*kiss.Config)) *kiss.Interface {
	t.Helper()
	c := kiss.Config{Name: "Packet", TNC: kiss.DefaultTNC(), Open: d.open}
	if change != nil {
		change(&c)
	}
	i, err := kiss.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// I-056.
func TestTNCIsConfiguredAndCarriesPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tnc{}
		i := newTNC(t, d, nil)
		if p := i.Properties(); i.Name() != "KISSInterface[Packet]" || p.MTU != 0 || p.FrameLimit != 564 || p.IFACSize != 8 || p.Bitrate != 1200 {
			t.Errorf("%s %+v", i.Name(), p) // I-015, I-024
		}
		got, stop := run(t, i)
		time.Sleep(kiss.SettleTime - time.Millisecond)
		if err := i.Send([]byte{1}); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("before it is configured: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if w := hex.EncodeToString(d.wire); w != "c00123c0c00402c0c00240c0c00302c0c00f01c0" {
			t.Errorf("configured with %s", w)
		}
		for n := range 3 {
			if err := i.Send([]byte{kiss.FEND, kiss.FESC, byte(n)}); err != nil {
				t.Fatal(err)
			}
		}
		d.write(kiss.AppendFrame(nil, 0x10, []byte{7, 8}))
		d.write([]byte{kiss.FEND, 0, 1, 2, 3}) // half a packet
		time.Sleep(time.Second)
		d.write(kiss.AppendFrame(nil, 0, []byte{9}))
		synctest.Wait()
		if len(d.packets()) != 3 || len(*got) != 2 || !bytes.Equal((*got)[1], []byte{9}) {
			t.Errorf("sent %x, received %x", d.packets(), *got)
		}
		if s := i.Stats(); s.TxFrames != 3 || s.TxBytes != 9 || s.RxFrames != 2 || s.RxDropped.Unfinished != 1 || !s.Online {
			t.Errorf("stats %+v", s)
		}
		stop()
	})
}

// I-057.
func TestFlowControlWaitsForTheTNCButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tnc{}
		i := newTNC(t, d, func(c *kiss.Config) { c.FlowControl, c.QueueFrames = true, 3 })
		_, stop := run(t, i)
		time.Sleep(3 * time.Second)
		for n := range 3 {
			if err := i.Send([]byte{byte(n)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := len(d.packets()); n != 1 {
			t.Fatalf("%d packets without the TNC asking", n)
		}
		d.write(kiss.AppendFrame(nil, kiss.CommandReady, []byte{1}))
		synctest.Wait()
		if n := len(d.packets()); n != 2 {
			t.Fatalf("%d packets after the TNC asked once", n)
		}
		// The bound: what finds no room is dropped and counted.
		i.Send([]byte{4})
		i.Send([]byte{5})
		if err := i.Send([]byte{6}); !errors.Is(err, interfaces.ErrQueueFull) || i.Stats().TxDropped.QueueFull != 1 {
			t.Errorf("one too many: %v, %+v", err, i.Stats())
		}
		before := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(d.packets()); n != 5 || d.at[2].Sub(before) != kiss.FlowTimeout || d.at[4].Sub(before) != 3*kiss.FlowTimeout {
			t.Errorf("%d packets at %v", n, d.at)
		}
		stop()
	})
}

// I-058.
func TestBeaconIsPaddedAndFollowsTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tnc{}
		i := newTNC(t, d, func(c *kiss.Config) { c.Callsign, c.Interval = "N0CALL", 10*time.Minute })
		_, stop := run(t, i)
		time.Sleep(time.Hour)
		if n := len(d.packets()); n != 0 {
			t.Fatalf("%d beacons without traffic", n)
		}
		i.Send([]byte{1})
		sent := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		p := d.packets()
		if len(p) != 2 || string(p[1]) != "N0CALL\x00\x00\x00\x00\x00\x00\x00\x00\x00" || d.at[1].Sub(sent) != 10*time.Minute {
			t.Errorf("packets %q at %v", p, d.at)
		}
		stop()
	})
}

// I-157 for TNCs.
func TestUnpluggedTNCComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &tnc{}
		var missing atomic.Bool
		i := newTNC(t, d, func(c *kiss.Config) {
			c.Open = func(ctx context.Context) (serial.Port, error) {
				if missing.Load() {
					return nil, errors.New("no such device")
				}
				return d.open(ctx)
			}
		})
		var ups atomic.Int32
		i.NotifyUp(func() { ups.Add(1) })
		_, stop := run(t, i)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		missing.Store(true)
		d.port.Close()
		time.Sleep(time.Minute)
		if s := i.Stats(); s.Online || s.LastError != "no such device" || ups.Load() != 1 {
			t.Errorf("unplugged: %+v", s)
		}
		missing.Store(false)
		time.Sleep(serial.ReopenWait + kiss.SettleTime)
		synctest.Wait()
		if s := i.Stats(); !s.Online || s.Connects != 2 || ups.Load() != 2 {
			t.Errorf("plugged in again: %+v", s)
		}
		stop()
	})
}

func TestImpossibleConfigurationsAreRefused(t *testing.T) {
	for name, c := range map[string]kiss.Config{
		"no port":           {},
		"nine data bits":    {Line: serial.Line{Name: "x", DataBits: 9}},
		"negative interval": {Line: serial.Line{Name: "x"}, Callsign: "N0CALL", Interval: -1},
		"negative preamble": {Line: serial.Line{Name: "x"}, TNC: kiss.TNC{Preamble: -1}},
	} {
		if _, err := kiss.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
