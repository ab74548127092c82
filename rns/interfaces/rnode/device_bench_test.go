package rnode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

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
