// Package filespool keeps large messages in files while they are received and until they are decided about.
package filespool

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"groupd/lxmf"
)

// Tunables, each also a field of [Config].
const (
	// DefaultMaxBytes is how much all files together may hold.
	DefaultMaxBytes = 256 << 20
	// DefaultKeepFree is how much of the file system is left to others.
	DefaultKeepFree = 64 << 20

	folderMode = 0o700
	prefix     = "spool-"
)

// Errors of [Spool.Create] and of writing.
var (
	// ErrFull means that the files hold as much as they may, or that the file system has too little room.
	ErrFull = errors.New("spool is full")
	// ErrTooLarge means that more was written than a file was made for.
	ErrTooLarge = errors.New("more than announced")
)

// Config says where files are and how much they may hold. Dir is needed.
type Config struct {
	// Dir is a directory for this spool alone; it is made with mode 0700 when it is not there.
	Dir string
	// MaxBytes is how much all files together may hold, by what they were made for. 0: [DefaultMaxBytes].
	MaxBytes int64
	// KeepFree is how many bytes of the file system stay free. 0: [DefaultKeepFree].
	KeepFree int64
	// Free says how many bytes the file system of a directory has for us. nil: what the system says.
	Free func(dir string) (int64, error)
}

// Spool is a [lxmf.Spool] of files of mode 0600 in one directory. Its methods may be called from several goroutines.
type Spool struct {
	config Config

	mu       sync.Mutex // leaf
	reserved int64
	unused   int64 // of reserved: not written yet
}

var _ lxmf.Spool = (*Spool)(nil)

// Open makes the directory and deletes the files that a process that ended has left: their messages were not proved, so their
// senders try again. Two processes must not share a directory.
func Open(c Config) (*Spool, error) {
	if c.Dir == "" || c.MaxBytes < 0 || c.KeepFree < 0 {
		return nil, errors.New("filespool: no directory, or a negative bound")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.KeepFree == 0 {
		c.KeepFree = DefaultKeepFree
	}
	if c.Free == nil {
		c.Free = free
	}
	if err := os.MkdirAll(c.Dir, folderMode); err != nil {
		return nil, fmt.Errorf("filespool: %w", err)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("filespool: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(c.Dir, e.Name())); err != nil {
			return nil, fmt.Errorf("filespool: leftover: %w", err)
		}
	}
	return &Spool{config: c}, nil
}

// Reserved returns how many bytes the files there are were made for.
func (s *Spool) Reserved() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserved
}

// Create takes room for size bytes; the file itself is made by the first write. Errors: [ErrFull], that of asking the file system.
func (s *Spool) Create(size int64) (lxmf.SpoolFile, error) {
	left, err := s.config.Free(s.config.Dir)
	if err != nil {
		return nil, fmt.Errorf("filespool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if size < 0 || size > s.config.MaxBytes-s.reserved || size > left-s.config.KeepFree-s.unused {
		return nil, fmt.Errorf("%w: %d bytes wanted, %d of %d taken, %d free", ErrFull, size, s.reserved, s.config.MaxBytes, left)
	}
	s.reserved += size
	s.unused += size
	return &file{spool: s, size: size}, nil
}

// file is one message.
type file struct {
	spool *Spool
	size  int64

	mu      sync.Mutex // held while writing and closing
	f       *os.File   // nil before the first write
	written int64
	closed  bool
}

// Write appends.
func (f *file) Write(b []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	if int64(len(b)) > f.size-f.written {
		return 0, ErrTooLarge
	}
	if f.f == nil {
		if f.f, err = os.CreateTemp(f.spool.config.Dir, prefix); err != nil { // mode 0600
			return 0, err
		}
	}
	n, err = f.f.Write(b)
	f.written += int64(n)
	f.spool.took(0, int64(n))
	return n, err
}

// ReadAt implements [io.ReaderAt].
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.mu.Lock()
	at := f.f
	f.mu.Unlock()
	if at == nil {
		return 0, os.ErrClosed
	}
	return at.ReadAt(b, off)
}

// Close deletes the file; a second call does nothing.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.spool.took(f.size, f.size-f.written)
	if f.f == nil {
		return nil
	}
	return errors.Join(os.Remove(f.f.Name()), f.f.Close())
}

// took gives back reserved bytes, and those that wait to be written.
func (s *Spool) took(reserved, unused int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved -= reserved
	s.unused -= unused
}

// clip turns blocks of a size into bytes.
func clip(blocks uint64, size int64) int64 {
	if size <= 0 || blocks > uint64(math.MaxInt64/size) {
		return math.MaxInt64
	}
	return int64(blocks) * size
}
