package serial

import (
	"context"
	"time"

	"groupd/rns/interfaces"
)

// Session is how one kind of carrier speaks over one opening of a port. Feed and Idle are called by the reading goroutine,
// all others by the writing one, which is also the only one to write to the port.
type Session interface {
	// Start prepares the device; packets are taken after it. Feed is called meanwhile. It returns early when ctx ends.
	Start(ctx context.Context) error
	// Feed takes what was read. An error ends the session.
	Feed(chunk []byte) error
	// Idle: nothing was read for a tick.
	Idle()
	// Timer says what is to be written now (nil: nothing), when it wants to be asked again (zero: after the next wake-up),
	// and whether the session has to end.
	Timer(now time.Time) (out []byte, next time.Time, err error)
	// Ready says whether a packet may be written now.
	Ready(now time.Time) bool
	// Append appends the framed packet to dst. It is written next, so a gate that Ready asks for has to be closed here:
	// the answer may come before Sent is called.
	Append(dst, packet []byte) []byte
	// Sent tells that a packet was written, and answers how many bytes of it are counted.
	Sent(now time.Time, packet []byte, framed int) (counted int)
	// Leave is what to write before the port is closed on purpose, and how long to wait before it, counted from the last
	// packet, so that a device gets to transmit what it has.
	Leave() (out []byte, wait time.Duration)
}

// session runs until ctx ends, the port breaks or s has enough, and says why. The goroutines that it starts have ended when
// it returns.
func (c *Carrier) session(ctx context.Context, port Port, s Session) (online bool, err error) {
	broken, breakUp := context.WithCancelCause(ctx)
	done := make(chan struct{})
	finished := make(chan struct{}, 2) // the reader, the closer
	go func() {
		breakUp(c.read(port, s))
		finished <- struct{}{}
	}()
	go func() {
		<-broken.Done()
		if ctx.Err() != nil { // on purpose: the writer has last words
			linger := time.NewTimer(2 * interfaces.Linger)
			defer linger.Stop()
			select {
			case <-done:
			case <-linger.C:
			}
		}
		port.Close()
		finished <- struct{}{}
	}()
	err = s.Start(broken)
	if err == nil {
		online = true
		c.up()
		c.opts.Logger.Debug("device is up", "iface", c.Name())
		err = c.write(ctx, broken, port, s)
	}
	if ctx.Err() != nil {
		if out, _ := s.Leave(); out != nil {
			port.Write(out)
		}
	}
	breakUp(err)
	close(done)
	<-finished
	<-finished
	if cause := context.Cause(broken); cause != nil {
		err = cause
	}
	return online, err
}

// read feeds the session until the port breaks.
func (c *Carrier) read(port Port, s Session) error {
	buf := make([]byte, 4096)
	for {
		n, err := port.Read(buf)
		if n > 0 {
			if err := s.Feed(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if n == 0 {
			s.Idle()
		}
	}
}

// write writes commands, what the session wants, and packets, until the session is broken. When ctx has ended it still
// writes what there is, for as long as carriers linger.
func (c *Carrier) write(ctx, broken context.Context, port Port, s Session) error {
	var buf []byte
	var lastPacket, leaving time.Time
	ended := broken.Done()
	for {
		now := time.Now()
		if broken.Err() != nil {
			if ctx.Err() == nil {
				return context.Cause(broken)
			}
			if leaving.IsZero() {
				leaving, ended = now.Add(interfaces.Linger), nil
			}
		}
		if b := c.nextCommand(); b != nil {
			if _, err := port.Write(b); err != nil {
				return err
			}
			continue
		}
		out, next, err := s.Timer(now)
		if err != nil {
			return err
		}
		if out != nil {
			if _, err := port.Write(out); err != nil {
				return err
			}
			continue
		}
		packet, waiting := c.engine.Next()
		if waiting && s.Ready(now) && (leaving.IsZero() || now.Before(leaving)) {
			buf = s.Append(buf[:0], packet)
			if _, err := port.Write(buf); err != nil {
				return err
			}
			lastPacket = time.Now()
			c.engine.Wrote(1, s.Sent(lastPacket, packet, len(buf)))
			continue
		}
		if !leaving.IsZero() {
			_, grace := s.Leave()
			until := leaving
			if !waiting {
				until = lastPacket.Add(min(grace, interfaces.Linger))
			}
			if until.After(leaving) {
				until = leaving
			}
			if !until.After(now) {
				return ctx.Err()
			}
			if next.IsZero() || until.Before(next) {
				next = until
			}
		}
		if !wait(ended, c.engine.Wake(), next) {
			continue // broken: the top of the loop decides
		}
	}
}

// wait waits for wake or until a time (zero: for ever), and says whether it was not ended before.
func wait(ended <-chan struct{}, wake <-chan struct{}, until time.Time) bool {
	var due <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ended:
		return false
	case <-wake:
	case <-due:
	}
	return true
}
