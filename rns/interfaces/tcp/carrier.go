package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/hdlc"
)

const (
	readSize  = 32 << 10 // bytes per read
	batchSize = 16 << 10 // bytes per write, unless one frame is longer
)

// carrier is what Client and spawned connections have in common: the write queue, the counters, and carrying frames
// over one connection after another.
type carrier struct {
	name  string
	opts  Options
	props interfaces.Properties
	wake  chan struct{} // capacity 1: there is something to write

	rxFrames, rxBytes atomic.Uint64

	mu      sync.Mutex // never held while waiting
	running bool
	online  bool     // Send takes frames
	queue   [][]byte // framed; those being written are still in it
	queued  int      // bytes in queue
	stats   interfaces.Stats
}

func newCarrier(name string, o Options) *carrier {
	return &carrier{name: name, opts: o, props: o.properties(), wake: make(chan struct{}, 1)}
}

// Name is the name string of spec 3 §6.1.
func (c *carrier) Name() string { return c.name }

// Properties do not change.
func (c *carrier) Properties() interfaces.Properties { return c.props }

// Send queues a copy of frame for the writer.
func (c *carrier) Send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(frame) > c.props.FrameLimit:
		c.stats.TxDropped.TooLarge++
		return interfaces.ErrTooLarge
	case !c.online:
		c.stats.TxDropped.Down++
		return interfaces.ErrDown
	}
	n := hdlc.FrameLen(frame)
	if len(c.queue) >= c.opts.QueueFrames || c.queued+n > c.opts.QueueBytes {
		c.stats.TxDropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	c.queue = append(c.queue, hdlc.AppendFrame(make([]byte, 0, n), frame))
	c.queued += n
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// Stats is a snapshot. TxBytes and QueuedBytes count flags and escapes, RxBytes does not.
func (c *carrier) Stats() interfaces.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Online = c.online
	s.RxFrames, s.RxBytes = c.rxFrames.Load(), c.rxBytes.Load()
	s.QueuedFrames, s.QueuedBytes = len(c.queue), c.queued
	return s
}

// begin and end frame Run.
func (c *carrier) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return false
	}
	c.running = true
	return true
}

func (c *carrier) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// up lets Send take frames.
func (c *carrier) up() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = true
	c.stats.Connects++
}

// down drops what is queued.
func (c *carrier) down(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = false
	c.stats.TxDropped.Lost += uint64(len(c.queue))
	c.queue, c.queued = nil, 0
	if why != nil {
		c.stats.LastError = why.Error()
	}
}

// carry reads and writes frames until ctx ends or the connection breaks, closes it, and says why. The goroutines that it
// starts have ended when it returns.
func (c *carrier) carry(ctx context.Context, conn net.Conn, deliver func([]byte)) error {
	broken, breakUp := context.WithCancelCause(ctx)
	written := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(written)
		if err := c.write(ctx, broken, conn); err != nil {
			breakUp(err)
		}
	})
	wg.Go(func() { // closes
		<-broken.Done()
		if ctx.Err() != nil {
			conn.SetReadDeadline(time.Unix(1, 0))
			linger := time.NewTimer(interfaces.Linger)
			defer linger.Stop()
			select {
			case <-written:
			case <-linger.C:
			}
		}
		conn.Close()
	})
	breakUp(c.read(conn, deliver))
	wg.Wait()
	if ctx.Err() != nil {
		c.down(nil)
		return ctx.Err()
	}
	err := context.Cause(broken)
	c.down(err)
	return err
}

// read delivers frames until the connection breaks.
func (c *carrier) read(conn net.Conn, deliver func([]byte)) error {
	d := hdlc.NewDecoder(hdlc.MinPacket, c.props.FrameLimit)
	buf := make([]byte, readSize)
	var shortBefore, longBefore uint64
	for {
		n, err := conn.Read(buf)
		d.Feed(buf[:n], func(frame []byte) {
			c.rxFrames.Add(1)
			c.rxBytes.Add(uint64(len(frame)))
			deliver(frame)
		})
		short, long := d.Dropped()
		if short != shortBefore || long != longBefore || err != nil && d.Partial() {
			c.mu.Lock()
			c.stats.RxDropped.TooShort += short - shortBefore
			c.stats.RxDropped.TooLong += long - longBefore
			if err != nil && d.Partial() {
				c.stats.RxDropped.Unfinished++
			}
			c.mu.Unlock()
			shortBefore, longBefore = short, long
		}
		if err == io.EOF {
			return errClosedByPeer
		}
		if err != nil {
			return err
		}
	}
}

var errClosedByPeer = errors.New("connection closed by the other side")

// write writes what is queued until the connection is broken. When ctx has ended it still writes what there is.
func (c *carrier) write(ctx, broken context.Context, conn net.Conn) error {
	var buf []byte
	for {
		frames := 0
		buf, frames = c.batch(buf[:0])
		if frames == 0 {
			select {
			case <-c.wake:
				continue
			case <-broken.Done():
			}
			// The last words may have come at the same time.
			if buf, frames = c.batch(buf[:0]); frames == 0 {
				return nil
			}
		}
		if broken.Err() != nil && ctx.Err() == nil {
			return nil
		}
		n, err := c.writeAll(conn, buf)
		c.wrote(frames, n, err == nil)
		if err != nil {
			return err
		}
	}
}

// batch copies the first frames of the queue, up to batchSize bytes or one frame.
func (c *carrier) batch(buf []byte) ([]byte, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, f := range c.queue {
		if n > 0 && len(buf)+len(f) > batchSize {
			break
		}
		buf = append(buf, f...)
		n++
	}
	return buf, n
}

// wrote removes a batch from the queue, if it was written, and counts.
func (c *carrier) wrote(frames, bytes int, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.TxBytes += uint64(bytes)
	if !all {
		return // down drops and counts them
	}
	c.stats.TxFrames += uint64(frames)
	for _, f := range c.queue[:frames] {
		c.queued -= len(f)
	}
	clear(c.queue[:frames])
	if c.queue = c.queue[frames:]; len(c.queue) == 0 {
		c.queue = nil
	}
}

// writeAll writes, and goes on as long as there is some progress within each WriteTimeout.
func (c *carrier) writeAll(conn net.Conn, buf []byte) (written int, err error) {
	for len(buf) > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(c.opts.WriteTimeout)); err != nil {
			return written, err
		}
		n, err := conn.Write(buf)
		written += n
		buf = buf[n:]
		if err != nil && !(n > 0 && errors.Is(err, os.ErrDeadlineExceeded)) {
			return written, err
		}
	}
	return written, nil
}
