package serial

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"groupd/rns/interfaces"
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
	// Mode of the interface. Zero: full.
	Mode interfaces.Mode
	// Bitrate in bit/s that is assumed instead of that of the line or the radio (option "bitrate"). 0: that.
	Bitrate int64
	// ReceiveOnly: we must not transmit here (option "outgoing = no").
	ReceiveOnly bool
	// QueueFrames and QueueBytes bound the write queue. 0: 64 frames, 32 KiB.
	QueueFrames, QueueBytes int
	// ReopenWait before a port is opened again. 0: 5 s.
	ReopenWait time.Duration
	// Logger for openings and failures. nil: discard.
	Logger *slog.Logger
}

// Carrier is what carriers over a line of bytes share: the write queue, the counters, and going from one session with a
// device to the next. Package kiss and package rnode embed it. Make it with NewCarrier.
type Carrier struct {
	name  string
	props interfaces.Properties
	opts  Options
	wake  chan struct{} // capacity 1: the writer should look again
	retry chan struct{} // capacity 1

	mu       sync.Mutex // never held while waiting
	running  bool
	online   bool
	queue    [][]byte // packets as given to Send; the one being written is still in it
	queued   int      // bytes in queue
	commands [][]byte // framed
	stats    interfaces.Stats
	notifyUp func()
}

// NewCarrier checks the options. props hold what the kind of carrier fixes; Mode and Outgoing come from the options.
func NewCarrier(name string, props interfaces.Properties, o Options) (*Carrier, error) {
	if o.QueueFrames < 0 || o.QueueBytes < 0 || o.ReopenWait < 0 {
		return nil, errors.New("negative queue length or wait")
	}
	if o.QueueFrames == 0 {
		o.QueueFrames = DefaultQueueFrames
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	o.QueueBytes = max(o.QueueBytes, 2*props.FrameLimit)
	if o.ReopenWait == 0 {
		o.ReopenWait = ReopenWait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Bitrate > 0 {
		props.Bitrate = o.Bitrate
	}
	props.Mode = o.Mode.Or(interfaces.ModeFull)
	props.Outgoing = !o.ReceiveOnly
	return &Carrier{name: name, props: props, opts: o, wake: make(chan struct{}, 1), retry: make(chan struct{}, 1)}, nil
}

// Name is the name string of spec 3 §6.1.
func (c *Carrier) Name() string { return c.name }

// Properties do not change.
func (c *Carrier) Properties() interfaces.Properties { return c.props }

// Logger is the one of the options, or one that discards.
func (c *Carrier) Logger() *slog.Logger { return c.opts.Logger }

// NotifyUp has f called each time the device is ready, from a goroutine of Run.
func (c *Carrier) NotifyUp(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notifyUp = f
}

// Retry ends the wait before the port is opened again, if there is one.
func (c *Carrier) Retry() { poke(c.retry) }

// Wake has the writer look again: a gate was opened, or a deadline moved.
func (c *Carrier) Wake() { poke(c.wake) }

// Send queues a copy of frame for the writer.
func (c *Carrier) Send(frame []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(frame) > c.props.FrameLimit:
		c.stats.TxDropped.TooLarge++
		return interfaces.ErrTooLarge
	case !c.online:
		c.stats.TxDropped.Down++
		return interfaces.ErrDown
	case len(c.queue) >= c.opts.QueueFrames || c.queued+len(frame) > c.opts.QueueBytes:
		c.stats.TxDropped.QueueFull++
		return interfaces.ErrQueueFull
	}
	c.queue = append(c.queue, append([]byte(nil), frame...))
	c.queued += len(frame)
	c.Wake()
	return nil
}

// Command queues bytes that are no packet, framed, to be written before all packets. The bytes are not copied.
func (c *Carrier) Command(framed []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.online {
		return interfaces.ErrDown
	}
	if len(c.commands) >= MaxCommands {
		return interfaces.ErrQueueFull
	}
	c.commands = append(c.commands, framed)
	c.Wake()
	return nil
}

// Stats is a snapshot.
func (c *Carrier) Stats() interfaces.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Online = c.online
	s.QueuedFrames, s.QueuedBytes = len(c.queue), c.queued
	return s
}

// Received counts a packet that is delivered.
func (c *Carrier) Received(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.RxFrames++
	c.stats.RxBytes += uint64(bytes)
}

// Drop counts received packets that were dropped.
func (c *Carrier) Drop(d interfaces.RxDrops) {
	if d.Sum() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.RxDropped.TooShort += d.TooShort
	c.stats.RxDropped.TooLong += d.TooLong
	c.stats.RxDropped.Unfinished += d.Unfinished
	c.stats.RxDropped.Overflow += d.Overflow
}

// Run opens the port, has begin make a session of it, and runs that; again and again, until ctx ends. fail is called with
// what ended or prevented a session, before the wait; it may be nil.
func (c *Carrier) Run(ctx context.Context, open OpenFunc, begin func(Port) Session, fail func(error)) error {
	c.mu.Lock()
	busy := c.running
	c.running = true
	c.mu.Unlock()
	if busy {
		return interfaces.ErrRunning
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running = false
	}()
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
		level := slog.LevelDebug // what fails again and again is told once
		if online || !failedBefore {
			level = slog.LevelWarn
		}
		failedBefore = true
		c.opts.Logger.Log(ctx, level, "device is down", "iface", c.name, "err", err, "wait", c.opts.ReopenWait)
		if !c.pause(ctx) {
			return nil
		}
	}
}

// pause waits, and says whether to go on. What Retry said before the wait began is forgotten.
func (c *Carrier) pause(ctx context.Context) bool {
	select {
	case <-c.retry:
	default:
	}
	t := time.NewTimer(c.opts.ReopenWait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-c.retry:
	}
	return true
}

// up lets Send take packets, and tells those who wait for it.
func (c *Carrier) up() {
	c.mu.Lock()
	c.online = true
	c.stats.Connects++
	notify := c.notifyUp
	c.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// down drops what is queued.
func (c *Carrier) down(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.online = false
	c.stats.TxDropped.Lost += uint64(len(c.queue))
	c.queue, c.queued, c.commands = nil, 0, nil
	if why != nil {
		c.stats.LastError = why.Error()
	}
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

// nextPacket is the first packet in the queue.
func (c *Carrier) nextPacket() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	return c.queue[0]
}

// wrote removes the first packet from the queue and counts it.
func (c *Carrier) wrote(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.TxFrames++
	c.stats.TxBytes += uint64(bytes)
	c.queued -= len(c.queue[0])
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
}

// poke puts a token into a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
