package rns

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// streamBuffer is how many received bytes wait for a reader. What comes beyond is not taken (nor proved), so the other
// end sends it again, a few times.
const streamBuffer = 1 << 20

// errStreamClosed is [ErrClosed] for streams. It also is net.ErrClosed, which this package cannot name.
type errStreamClosed struct{}

func (errStreamClosed) Error() string { return "use of closed stream" }

func (errStreamClosed) Is(target error) bool {
	return target == ErrClosed || target.Error() == "use of closed network connection"
}

// Stream is a stream of bytes in each direction over a channel (upstream: Buffer). Reading and writing work as with a
// [net.Conn], deadlines included: an operation that passes its deadline fails with [ErrTimeout], one on a closed
// stream with [ErrClosed], one on a closed link with [*LinkClosedError], reads after what had arrived before. One reader
// and one writer may work at the same time; several of a kind take turns.
//
// Read what comes: a mebibyte waits for the reader, more is not taken, and the other end sends it again. When it has done
// so five times, which takes five to twenty seconds on a fast link, it closes the link.
type Stream struct {
	channel  *Channel
	receives uint16
	sends    uint16

	writing chan struct{} // cap 1: held by the writer
	chunker streamChunker // the writer's
	read    streamDeadline
	write   streamDeadline
	closing chan struct{} // closed by Close

	mu       sync.Mutex // leaf
	buffer   []byte
	reserved int           // bytes of messages that wait for earlier ones
	changed  chan struct{} // closed and replaced when there is something new to read
	eof      bool          // the other end has ended its direction
	ended    bool          // we have ended ours
	closed   bool
}

// OpenStream opens a stream whose id is the same in both directions: 0 to 16383, else [ErrTooLarge]. A stream that is open
// already is returned again; one that we have closed and the other end has not ended yet is [ErrInUse]. The other end must
// open it too, before data comes. On a closed link there is no error before the stream is used.
func (c *Channel) OpenStream(id uint16) (*Stream, error) { return c.OpenStreamPair(id, id) }

// OpenStreamPair opens a stream that has one id for what we receive and another for what we send: each is chosen by its
// receiver. One that is open with another id to send by is [ErrInUse]; else it is as with [Channel.OpenStream].
func (c *Channel) OpenStreamPair(receives, sends uint16) (*Stream, error) {
	if receives > streamMaxID || sends > streamMaxID {
		return nil, fmt.Errorf("stream ids %d and %d: %w", receives, sends, ErrTooLarge)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[receives]; s != nil {
		if s.sends != sends || s.isClosed() {
			return nil, fmt.Errorf("stream %d: %w", receives, ErrInUse)
		}
		return s, nil
	}
	s := &Stream{
		channel: c, receives: receives, sends: sends,
		writing: make(chan struct{}, 1), closing: make(chan struct{}), changed: make(chan struct{}),
	}
	c.streams[receives] = s
	return s, nil
}

func (s *Stream) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// ID returns the id under which we receive.
func (s *Stream) ID() uint16 { return s.receives }

// Read reads what has arrived, waiting for at least one byte. It returns io.EOF when the other end has closed its
// direction and everything was read.
func (s *Stream) Read(p []byte) (int, error) {
	for {
		n, changed, err := s.take(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-changed:
		case <-s.channel.link.done:
		case <-s.read.wait():
			return 0, ErrTimeout
		}
	}
}

// take returns what can be had at once; nothing of anything means to wait for changed.
func (s *Stream) take(p []byte) (n int, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, nil, errStreamClosed{}
	case len(s.buffer) > 0 && !s.read.passed():
		n = copy(p, s.buffer)
		if s.buffer = s.buffer[n:]; len(s.buffer) == 0 {
			s.buffer = nil
		}
		return n, nil, nil
	case s.read.passed():
		return 0, nil, ErrTimeout
	case s.eof:
		return 0, nil, io.EOF
	}
	return 0, s.changed, s.channel.link.Err()
}

// Write sends p and returns when all of it went out. It waits while the channel's window is full.
func (s *Stream) Write(p []byte) (n int, err error) {
	if err := s.acquire(); err != nil {
		return 0, err
	}
	defer func() { <-s.writing }()
	ctx := streamContext{Context: context.Background(), stream: s}
	for n < len(p) {
		message, consumed, err := s.chunker.next(s.sends, p[n:])
		if err != nil {
			return n, err
		}
		if err := s.send(ctx, message); err != nil {
			return n, err
		}
		n += consumed
	}
	return n, nil
}

// acquire makes the caller the only writer.
func (s *Stream) acquire() error {
	select {
	case s.writing <- struct{}{}:
	case <-s.closing:
		return errStreamClosed{}
	case <-s.write.wait():
		return ErrTimeout
	}
	s.mu.Lock()
	ended := s.ended || s.closed
	s.mu.Unlock()
	err := s.channel.link.Err()
	switch {
	case ended:
		err = errStreamClosed{}
	case err == nil && s.write.passed():
		err = ErrTimeout
	}
	if err != nil {
		<-s.writing
	}
	return err
}

func (s *Stream) send(ctx context.Context, message []byte) error {
	return s.channel.send(ctx, channelStreamType, message)
}

// CloseWrite ends our direction: the other end reads io.EOF after what was written. It waits while the channel's window
// is full. Reading goes on.
func (s *Stream) CloseWrite() error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer func() { <-s.writing }()
	return s.end(streamContext{Context: context.Background(), stream: s})
}

// end sends the end of the stream; the caller is the writer.
func (s *Stream) end(ctx context.Context) error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	message, err := appendStreamMessage(nil, streamMessage{id: s.sends, eof: true}, false)
	if err != nil {
		return err
	}
	return s.send(ctx, message)
}

// Close ends both directions: the other end is told as by CloseWrite, and what it still sends is thrown away. Reads and
// writes that wait end with [ErrClosed]. It waits until the end of our direction went out, at most until the channel
// gives the link up; [Channel.Flush] waits for it to arrive. On a closed link there is nobody to tell, which is no error.
// Closing again is [ErrClosed], as with a net.Conn.
func (s *Stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errStreamClosed{}
	}
	s.closed, s.buffer = true, nil
	s.wake()
	s.mu.Unlock()
	close(s.closing)
	s.read.end()
	s.write.end()
	s.writing <- struct{}{} // a writer gives it up at once
	defer func() { <-s.writing }()
	s.mu.Lock()
	ended, eof := s.ended, s.eof
	s.mu.Unlock()
	if eof {
		s.forget()
	}
	if ended || s.channel.link.Err() != nil {
		return nil
	}
	return s.end(context.Background())
}

// forget takes a stream that is over in both directions out of the channel.
func (s *Stream) forget() {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	if s.channel.streams[s.receives] == s {
		delete(s.channel.streams, s.receives)
	}
}

// SetDeadline sets the deadlines of reading and writing; the zero time means none.
func (s *Stream) SetDeadline(t time.Time) error {
	s.read.set(t)
	s.write.set(t)
	return nil
}

// SetReadDeadline sets the deadline of reads, waiting ones included.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.read.set(t)
	return nil
}

// SetWriteDeadline sets the deadline of writes, waiting ones included. A write that passes it may have sent a part.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.write.set(t)
	return nil
}

// wake tells readers that something changed. The caller holds mu.
func (s *Stream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// reserve makes room for n bytes. false: the reader is too slow.
func (s *Stream) reserve(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && len(s.buffer)+s.reserved+n > streamBuffer {
		return false
	}
	s.reserved += n
	return true
}

// received adds data for which room was made.
func (s *Stream) received(data []byte, eof bool) {
	s.mu.Lock()
	s.reserved -= len(data)
	if !s.closed && !s.eof {
		s.buffer = append(s.buffer, data...)
	}
	s.eof = s.eof || eof
	over := s.closed && s.eof
	s.wake()
	s.mu.Unlock()
	if over {
		s.forget()
	}
}

// streamContext ends when the stream is closed or the write deadline passes.
type streamContext struct {
	context.Context
	stream *Stream
}

// Done implements context.Context.
func (c streamContext) Done() <-chan struct{} { return c.stream.write.wait() }

// Err implements context.Context.
func (c streamContext) Err() error {
	select {
	case <-c.stream.closing:
		return errStreamClosed{}
	default:
	}
	if c.stream.write.passed() {
		return ErrTimeout
	}
	return nil
}

// streamDeadline is a deadline that can be moved while somebody waits for it.
type streamDeadline struct {
	mu    sync.Mutex // leaf
	turn  int        // of the last set: older timers mean nothing
	timer *time.Timer
	over  chan struct{} // closed when the deadline has passed
	final bool          // passed for good
}

// set moves the deadline; the zero time means none.
func (d *streamDeadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.final {
		return
	}
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	wait := time.Until(t)
	if t.IsZero() || wait > 0 {
		if d.passedLocked() {
			d.over = make(chan struct{})
		}
		if !t.IsZero() {
			turn := d.turn
			d.timer = time.AfterFunc(wait, func() { d.expire(turn) })
		}
		return
	}
	d.pass()
}

func (d *streamDeadline) expire(turn int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if turn == d.turn {
		d.pass()
	}
}

// end lets the deadline pass for good.
func (d *streamDeadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.final = true
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
	}
	d.pass()
}

func (d *streamDeadline) pass() {
	if !d.passedLocked() {
		close(d.wanted())
	}
}

func (d *streamDeadline) wanted() chan struct{} {
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

func (d *streamDeadline) passedLocked() bool {
	select {
	case <-d.wanted():
		return true
	default:
		return false
	}
}

// passed reports whether the deadline has passed.
func (d *streamDeadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passedLocked()
}

// wait returns a channel that is closed when the deadline passes, also one set later.
func (d *streamDeadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wanted()
}
