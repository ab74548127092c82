package carrier

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/hdlc"
)

const (
	readSize  = 32 << 10 // bytes per read
	batchSize = 16 << 10 // bytes per write, unless one frame is longer
)

// ErrClosedByPeer is why Carry ended when the other side closed the stream.
var ErrClosedByPeer = errors.New("connection closed by the other side")

// Conn is a stream of bytes in both directions. A net.Conn is one.
type Conn interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Framing puts frames on a stream and finds them in it.
type Framing interface {
	// AppendFrame appends the framed packet to dst, FrameLen(packet) bytes.
	AppendFrame(dst, packet []byte) []byte
	FrameLen(packet []byte) int
	// NewDecoder is for packets of up to limit bytes.
	NewDecoder(limit int) Decoder
}

// Decoder finds frames in a stream that arrives in chunks; hdlc.Decoder is one.
type Decoder interface {
	// Feed calls deliver for every packet that is complete with the chunk, in order. The packet is valid only during the call.
	Feed(chunk []byte, deliver func(packet []byte))
	// Partial says whether a frame was begun and not ended.
	Partial() bool
	// Dropped counts frames that were too short and too long.
	Dropped() (tooShort, tooLong uint64)
}

// HDLC is the framing of package hdlc; packets shorter than Min bytes are dropped.
type HDLC struct{ Min int }

// AppendFrame is that of package hdlc.
func (HDLC) AppendFrame(dst, packet []byte) []byte { return hdlc.AppendFrame(dst, packet) }

// FrameLen is that of package hdlc.
func (HDLC) FrameLen(packet []byte) int { return hdlc.FrameLen(packet) }

// NewDecoder is that of package hdlc.
func (h HDLC) NewDecoder(limit int) Decoder { return hdlc.NewDecoder(h.Min, limit) }

// Carry reads and writes frames until ctx ends or the stream breaks, closes it, takes the interface down, and says why. It is
// called after Up. When ctx ends it still writes what is queued, for at most Linger. writeTimeout breaks a stream which
// takes not one byte for so long. The goroutines that it starts have ended when it returns.
func (e *Engine) Carry(ctx context.Context, conn Conn, writeTimeout time.Duration, deliver func([]byte)) error {
	broken, breakUp := context.WithCancelCause(ctx)
	written := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(written)
		if err := e.write(ctx, broken, conn, writeTimeout); err != nil {
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
	breakUp(e.read(conn, deliver))
	wg.Wait()
	if ctx.Err() != nil {
		e.Down(nil)
		return ctx.Err()
	}
	err := context.Cause(broken)
	e.Down(err)
	return err
}

// read delivers frames until the stream breaks.
func (e *Engine) read(conn Conn, deliver func([]byte)) error {
	d := e.framing.NewDecoder(e.props.FrameLimit)
	buf := make([]byte, readSize)
	var shortBefore, longBefore uint64
	for {
		n, err := conn.Read(buf)
		d.Feed(buf[:n], func(frame []byte) {
			e.Received(len(frame))
			deliver(frame)
		})
		short, long := d.Dropped()
		if unfinished := err != nil && d.Partial(); short != shortBefore || long != longBefore || unfinished {
			drops := interfaces.RxDrops{TooShort: short - shortBefore, TooLong: long - longBefore}
			if unfinished {
				drops.Unfinished = 1
			}
			e.Drop(drops)
			shortBefore, longBefore = short, long
		}
		if err == io.EOF {
			return ErrClosedByPeer
		}
		if err != nil {
			return err
		}
	}
}

// write writes what is queued until the stream is broken. When ctx has ended it still writes what there is.
func (e *Engine) write(ctx, broken context.Context, conn Conn, timeout time.Duration) error {
	var buf []byte
	for {
		frames := 0
		buf, frames = e.batch(buf[:0])
		if frames == 0 {
			select {
			case <-e.wake:
				continue
			case <-broken.Done():
			}
			// The last words may have come at the same time.
			if buf, frames = e.batch(buf[:0]); frames == 0 {
				return nil
			}
		}
		if broken.Err() != nil && ctx.Err() == nil {
			return nil
		}
		n, err := writeAll(conn, buf, timeout)
		if err != nil {
			frames = 0 // Down drops and counts them
		}
		e.Wrote(frames, n)
		if err != nil {
			return err
		}
	}
}

// batch copies the first frames of the queue, up to batchSize bytes or one frame.
func (e *Engine) batch(buf []byte) ([]byte, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, f := range e.queue {
		if n > 0 && len(buf)+len(f) > batchSize {
			break
		}
		buf = append(buf, f...)
		n++
	}
	return buf, n
}

// writeAll writes, and goes on as long as there is some progress within each timeout.
func writeAll(conn Conn, buf []byte, timeout time.Duration) (written int, err error) {
	for len(buf) > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
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
