package rns

import (
	"errors"
	"io"
	"sync"
)

// errSinkEnded means that a worker came with data when the resource had ended.
var errSinkEnded = errors.New("resource has ended")

// resourceSink stands between workers, which write to the application's sink, and the link's goroutine, which may end the
// resource meanwhile and must not wait for a disk: who comes last closes it. A nil one does nothing.
type resourceSink struct {
	mu      sync.Mutex // leaf
	sink    io.WriteCloser
	taken   bool // a resource was accepted with it
	writing bool
	ended   bool // closed, to be closed by the writer, or handed over
}

// newResourceSink wraps the sink of a decision, which may have been wrapped already, and takes it.
func newResourceSink(w io.WriteCloser) *resourceSink {
	if s, ok := w.(*resourceSink); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken = true
		return s
	}
	return &resourceSink{sink: w}
}

// Write implements [io.Writer].
func (s *resourceSink) Write(b []byte) (int, error) { return len(b), s.write(b) }

// Close implements [io.Closer].
func (s *resourceSink) Close() error {
	s.end()
	return nil
}

// write gives data to the sink.
func (s *resourceSink) write(b []byte) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return errSinkEnded
	}
	s.writing = true
	s.mu.Unlock()
	n, err := s.sink.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.mu.Lock()
	s.writing = false
	ended := s.ended
	s.mu.Unlock()
	if ended {
		_ = s.sink.Close()
		return errSinkEnded
	}
	return err
}

// end closes the sink of a resource that has failed.
func (s *resourceSink) end() {
	if s == nil {
		return
	}
	s.mu.Lock()
	first, writing := !s.ended, s.writing
	s.ended = true
	s.mu.Unlock()
	if first && !writing {
		_ = s.sink.Close()
	}
}

// unused closes the sink when no resource was accepted with it.
func (s *resourceSink) unused() {
	if s == nil {
		return
	}
	s.mu.Lock()
	taken := s.taken
	s.mu.Unlock()
	if !taken {
		s.end()
	}
}

// hand gives the sink of a resource that has arrived to the application; without one it closes it.
func (s *resourceSink) hand(wanted bool) io.WriteCloser {
	if !wanted {
		s.end()
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return s.sink
}

// closeSink ends the sink of a resource that nobody takes.
func (r *ReceivedResource) closeSink() {
	if r.Sink != nil {
		_ = r.Sink.Close()
	}
}
