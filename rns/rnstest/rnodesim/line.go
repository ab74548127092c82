package rnodesim

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"groupd/rns/interfaces/serial"
)

// HostSilence is after how long without a byte a device drops a host on TCP and stops its radio (spec 3 §3.1).
const HostSilence = 6500 * time.Millisecond

// Open connects a host in this process by a line in memory. It fits rnode.Config.Open. The line ends when either side closes
// it, or when another host connects.
func (d *Device) Open(ctx context.Context) (serial.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	host, device := serial.Pipe(4096, serial.Tick, time.Second)
	hangup := make(chan struct{})
	go d.serve(device, hangup)
	return &hostEnd{Port: host, hangup: hangup}, nil
}

// hostEnd tells the device when the host hangs up.
type hostEnd struct {
	serial.Port
	hangup chan struct{}
	once   sync.Once
}

func (e *hostEnd) Close() error {
	e.once.Do(func() { close(e.hangup) })
	return e.Port.Close()
}

// Unplug breaks the line to the host, as when the cable is pulled.
func (d *Device) Unplug() {
	d.mu.Lock()
	h := d.host
	d.mu.Unlock()
	if h != nil {
		poke(h.unstick)
		h.line.Close()
	}
}

// Serve lets hosts connect by TCP, one at a time, until ctx ends. Each is dropped, and the radio switched off, when it says
// nothing for HostSilence. It closes the listener.
func (d *Device) Serve(ctx context.Context, l net.Listener) error {
	var wg sync.WaitGroup
	serving, stop := context.WithCancel(ctx)
	wg.Go(func() {
		<-serving.Done()
		l.Close()
		d.Unplug()
	})
	defer wg.Wait()
	defer stop()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			return err
		}
		d.mu.Lock()
		busy := d.host != nil
		d.mu.Unlock()
		if busy {
			c.Close()
			continue
		}
		wg.Go(func() {
			d.serve(&wireless{c}, nil)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.switchRadio(false)
		})
		// The next one is looked at when this one is known.
		for d.Stats().Hosts == 0 && ctx.Err() == nil {
			if !pauseFor(serving, time.Millisecond) {
				break
			}
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	return sleepUntil(ctx, time.Now().Add(d)) == nil
}

// wireless is a TCP connection that ends when nothing comes for HostSilence.
type wireless struct{ net.Conn }

func (w *wireless) Read(b []byte) (int, error) {
	if err := w.SetReadDeadline(time.Now().Add(HostSilence)); err != nil {
		return 0, err
	}
	return w.Conn.Read(b)
}

func (w *wireless) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(time.Second)); err != nil && !errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return w.Conn.Write(b)
}
