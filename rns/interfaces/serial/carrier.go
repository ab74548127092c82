package serial

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

const (
	// DefaultQueueFrames and DefaultQueueBytes bound the write queue: on a slow line, more would only be late.
	// A frame that does not fit is dropped with interfaces.ErrQueueFull.
	DefaultQueueFrames = 64
	DefaultQueueBytes  = 32 << 10
	// MaxCommands bounds the commands that wait beside the packets.
	MaxCommands = 256
	// ReopenWait is the wait before a port is opened again after a failure (spec 3 §2.7, §3.3: 5 s, for ever).
	ReopenWait = 5 * time.Second
)

// Options are common to the carriers over a line of bytes.
type Options struct {
	// Options of all carriers. Bitrate is that of the line or the radio unless set, the queue has 64 frames and 32 KiB.
	carrier.Options
	// ReopenWait before a port is opened again. 0: 5 s.
	ReopenWait time.Duration
}

// Carrier is what carriers over a line of bytes share beside what all carriers do: commands beside the packets, and going from
// one session with a device to the next. Package kiss and package rnode embed it. Make it with NewCarrier.
type Carrier struct {
	carrier.Face
	engine *carrier.Engine // its queue holds packets as given to Send
	opts   Options
	retry  chan struct{} // capacity 1

	mu       sync.Mutex // never held while waiting
	ready    bool       // commands are taken
	commands [][]byte   // framed
}

// NewCarrier checks the options. The kind has the bitrate of the line or the radio.
func NewCarrier(name string, kind carrier.Kind, o Options) (*Carrier, error) {
	if o.ReopenWait < 0 {
		return nil, errors.New("negative wait")
	}
	carrier.Default(&o.QueueFrames, DefaultQueueFrames)
	carrier.Default(&o.QueueBytes, DefaultQueueBytes)
	carrier.Default(&o.ReopenWait, ReopenWait)
	var err error
	if o.Options, err = o.Options.Complete(kind); err != nil {
		return nil, err
	}
	o.QueueBytes = max(o.QueueBytes, 2*kind.FrameLimit)
	c := &Carrier{opts: o, retry: make(chan struct{}, 1)}
	c.Face, c.engine = carrier.New(name, o.Properties(kind), o.QueueFrames, o.QueueBytes, nil)
	return c, nil
}

// Logger is the one of the options, or one that discards.
func (c *Carrier) Logger() *slog.Logger { return c.opts.Logger }

// NotifyUp has f called each time the device is ready, from a goroutine of Run.
func (c *Carrier) NotifyUp(f func()) { c.engine.OnUp(f) }

// NotifyFailure has f called each time the device is lost, or cannot be opened or made ready, from a goroutine of Run.
func (c *Carrier) NotifyFailure(f func(why error)) { c.engine.OnFailure(f) }

// Retry ends the wait before the port is opened again, if there is one.
func (c *Carrier) Retry() { carrier.Poke(c.retry) }

// Wake has the writer look again: a gate was opened, or a deadline moved.
func (c *Carrier) Wake() { c.engine.Look() }

// Command queues bytes that are no packet, framed, to be written before all packets. The bytes are not copied.
func (c *Carrier) Command(framed []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ready {
		return interfaces.ErrDown
	}
	if len(c.commands) >= MaxCommands {
		return interfaces.ErrQueueFull
	}
	c.commands = append(c.commands, framed)
	c.Wake()
	return nil
}

// Received counts a packet that is delivered.
func (c *Carrier) Received(bytes int) { c.engine.Received(bytes) }

// Drop counts received packets that were dropped.
func (c *Carrier) Drop(d interfaces.RxDrops) { c.engine.Drop(d) }

// Run opens the port, has begin make a session of it, and runs that; again and again, until ctx ends. fail is called with
// what ended or prevented a session, before the wait; it may be nil.
func (c *Carrier) Run(ctx context.Context, open OpenFunc, begin func(Port) Session, fail func(error)) error {
	if !c.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer c.engine.End()
	failedBefore := false
	for {
		port, err := open(ctx)
		online := false
		if err == nil {
			online, err = c.session(ctx, port, begin(port))
		}
		if ctx.Err() != nil {
			c.down(nil)
			return nil
		}
		c.down(err)
		if fail != nil {
			fail(err)
		}
		c.engine.Failed(err)
		level := slog.LevelDebug // what fails again and again is told once
		if online || !failedBefore {
			level = slog.LevelWarn
		}
		failedBefore = true
		c.opts.Logger.Log(ctx, level, "device is down", "iface", c.Name(), "err", err, "wait", c.opts.ReopenWait)
		if !carrier.Pause(ctx, c.opts.ReopenWait, c.retry) {
			return nil
		}
	}
}

// up lets packets and commands be taken.
func (c *Carrier) up() {
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	c.engine.Up()
}

// down drops what is queued.
func (c *Carrier) down(why error) {
	c.mu.Lock()
	c.ready, c.commands = false, nil
	c.mu.Unlock()
	c.engine.Down(why)
}

// nextCommand takes the first command off the queue.
func (c *Carrier) nextCommand() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.commands) == 0 {
		return nil
	}
	b := c.commands[0]
	c.commands = c.commands[1:]
	return b
}
