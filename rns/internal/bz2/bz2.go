// Package bz2 compresses and decompresses single bzip2 streams in memory, as resources and stream messages of Reticulum
// need them: exactly one stream, and a hard bound on what comes out (spec 2 §3.3, §4.5).
//
// Compressed bytes need not equal those of another implementation; only what comes out of decompression counts.
package bz2

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/dsnet/compress/bzip2"
)

// Errors of [Decompress].
var (
	// ErrTooLarge means that more than the limit came out.
	ErrTooLarge = errors.New("bzip2: more than the limit")
	// ErrTruncated means that the input ends before the stream does.
	ErrTruncated = errors.New("bzip2: stream ends early")
	// ErrCorrupt means that the input is not a bzip2 stream or fails its checksums.
	ErrCorrupt = errors.New("bzip2: corrupt")
)

const (
	blockUnit = 100_000 // bytes of a block per compression level
	maxLevel  = 9
)

// Compress returns src as one bzip2 stream. The block size is the smallest that takes src in one block, at most level 9,
// so that memory is in proportion to src.
func Compress(src []byte) ([]byte, error) { return new(Compressor).Compress(src) }

// Compressor compresses one source after the other, and keeps the memory that it needs for a small one: about 30 times the source,
// which would be garbage each time. The zero value is ready; only one goroutine at a time may use it.
type Compressor struct {
	small *bzip2.Writer // of level 1; nil before the first source
}

// Compress does as the function of that name.
func (c *Compressor) Compress(src []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(src)/2 + 64)
	w, err := c.writer(&out, min(len(src)/blockUnit+1, maxLevel))
	if err != nil {
		return nil, fmt.Errorf("bzip2: %w", err)
	}
	if _, err := w.Write(src); err != nil {
		return nil, fmt.Errorf("bzip2: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("bzip2: %w", err)
	}
	return out.Bytes(), nil
}

func (c *Compressor) writer(out io.Writer, level int) (*bzip2.Writer, error) {
	if level == 1 && c.small != nil {
		return c.small, c.small.Reset(out)
	}
	w, err := bzip2.NewWriter(out, &bzip2.WriterConfig{Level: level})
	if err == nil && level == 1 {
		c.small = w
	}
	return w, err
}

// Decompress returns what the first bzip2 stream in src holds; bytes after it are ignored. At most limit bytes come out,
// and little more than that is allocated beside the block buffer (up to 4 bytes × 900,000, by the level in the header).
// It fails with [ErrTooLarge], [ErrTruncated] or [ErrCorrupt].
func Decompress(src []byte, limit int) ([]byte, error) {
	r := stdbzip2.NewReader(&singleStream{src: src})
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, int64(limit)+1))
	var bad stdbzip2.StructuralError
	switch {
	case n > int64(limit):
		return nil, ErrTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, ErrTruncated
	case errors.As(err, &bad):
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	case err != nil:
		return nil, err
	}
	return out.Bytes(), nil
}

// End of a stream: 48 bits of magic number, 32 bits of checksum, up to seven bits of padding.
const (
	endMagic     = 0x177245385090
	endMagicBits = 48
	checksumBits = 32
)

// singleStream hands bytes to the standard library's reader, which takes one at a time and only when it needs it, and
// reports the end of the input where the first stream ends: that reader would go on with a second one, and fail at
// anything else. The end is where the bytes taken so far close with the end magic, a checksum and at most seven bits.
type singleStream struct {
	src    []byte
	hi, lo uint64 // the last 16 bytes taken
}

var _ io.ByteReader = (*singleStream)(nil)

// ReadByte implements [io.ByteReader].
func (s *singleStream) ReadByte() (byte, error) {
	if len(s.src) == 0 || s.atEnd() {
		return 0, io.EOF
	}
	b := s.src[0]
	s.src = s.src[1:]
	s.hi = s.hi<<8 | s.lo>>56
	s.lo = s.lo<<8 | uint64(b)
	return b, nil
}

// Read implements [io.Reader]; the standard library's reader prefers ReadByte.
func (s *singleStream) Read(p []byte) (int, error) {
	for i := range p {
		b, err := s.ReadByte()
		if err != nil {
			if i > 0 {
				return i, nil
			}
			return 0, err
		}
		p[i] = b
	}
	return len(p), nil
}

func (s *singleStream) atEnd() bool {
	for pad := range 8 {
		shift := checksumBits + pad
		if (s.lo>>shift|s.hi<<(64-shift))&(1<<endMagicBits-1) == endMagic {
			return true
		}
	}
	return false
}
