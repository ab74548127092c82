package rnodesim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Bench is some devices on one channel, each on a pseudo-terminal, for programs outside: real hosts without hardware.
type Bench struct {
	// Dir is where the ports appear, as symbolic links named for the devices. It is made when it is missing.
	Dir string
	// Names of the devices.
	Names []string
	// Device and Channel say what they are like.
	Device  DeviceOptions
	Channel ChannelOptions
	// Hidden pairs of names do not hear each other.
	Hidden [][2]string
	// Ready is called with the paths of the ports, in the order of Names, when they can be opened. May be nil.
	Ready func(ports []string)
	// Report is called every ReportEvery (0: 10 s) with the counters. May be nil.
	Report      func(ChannelStats, map[string]DeviceStats)
	ReportEvery time.Duration
}

// Run makes the devices and runs them until ctx ends; then the ports are gone.
func (b Bench) Run(ctx context.Context) (err error) {
	if len(b.Names) == 0 {
		return errors.New("no devices are named")
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return err
	}
	air := NewChannel(b.Channel)
	devices := make(map[string]*Device)
	var ports []string
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	defer wg.Wait()
	defer stop()
	for _, name := range b.Names {
		if name == "" || name != filepath.Base(name) || devices[name] != nil {
			return fmt.Errorf("%q is no name for a device, or is there twice", name)
		}
		d := air.NewDevice(name, b.Device)
		devices[name] = d
		pty, err := d.OpenPTY(filepath.Join(b.Dir, name))
		if err != nil {
			return fmt.Errorf("device %s: %w", name, err)
		}
		defer pty.Close()
		ports = append(ports, pty.Path())
		wg.Go(func() { d.Run(running) })
	}
	for _, pair := range b.Hidden {
		if devices[pair[0]] == nil || devices[pair[1]] == nil {
			return fmt.Errorf("hidden pair %v: no such device", pair)
		}
		air.Cut(pair[0], pair[1])
	}
	if b.Ready != nil {
		b.Ready(ports)
	}
	if b.ReportEvery <= 0 {
		b.ReportEvery = 10 * time.Second
	}
	t := time.NewTicker(b.ReportEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if b.Report == nil {
				continue
			}
			all := make(map[string]DeviceStats)
			for name, d := range devices {
				all[name] = d.Stats()
			}
			b.Report(air.Stats(), all)
		}
	}
}
