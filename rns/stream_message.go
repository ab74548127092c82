package rns

import (
	"encoding/binary"
	"fmt"

	"groupd/rns/internal/bz2"
)

// Wire constants of streams (spec 2 §4.5).
const (
	streamHeaderLength = 2
	streamMaxID        = 0x3fff
	streamEOF          = 0x8000
	streamCompressed   = 0x4000
	// streamMaxChunk is the largest chunk after decompression, and what a writer looks at at once.
	streamMaxChunk = 16384
	// streamChunk is what a writer puts into one message, whatever the link's MTU.
	streamChunk        = 431 - channelHeaderLength - streamHeaderLength
	streamCompressFrom = 32 // chunks up to this size are never compressed
	streamCompressTry  = 3  // the whole chunk, half, a third
)

// streamMessage is the content of a channel message of type 0xff00. id is that of the stream at its receiver.
type streamMessage struct {
	id   uint16
	eof  bool
	data []byte // decompressed when parsed
}

// appendStreamMessage appends a message whose data is compressed already if compressed is set. Ids above 16383 are
// [ErrTooLarge].
func appendStreamMessage(dst []byte, m streamMessage, compressed bool) ([]byte, error) {
	if m.id > streamMaxID {
		return nil, fmt.Errorf("stream id %d: %w", m.id, ErrTooLarge)
	}
	header := m.id
	if m.eof {
		header |= streamEOF
	}
	if compressed {
		header |= streamCompressed
	}
	return append(binary.BigEndian.AppendUint16(dst, header), m.data...), nil
}

// parseStreamMessage reads a message. Compressed data of more than 16384 bytes is [ErrTooLarge], without being
// decompressed further; uncompressed data is a span of b.
func parseStreamMessage(b []byte) (streamMessage, error) {
	if len(b) < streamHeaderLength {
		return streamMessage{}, fmt.Errorf("%w: stream message of %d bytes", ErrMalformed, len(b))
	}
	header := binary.BigEndian.Uint16(b)
	m := streamMessage{id: header & streamMaxID, eof: header&streamEOF != 0, data: b[streamHeaderLength:]}
	if header&streamCompressed == 0 {
		return m, nil
	}
	data, err := bz2.Decompress(m.data, streamMaxChunk)
	if err != nil {
		return streamMessage{}, fmt.Errorf("%w: stream chunk: %w", ErrMalformed, err)
	}
	m.data = data
	return m, nil
}

// streamChunker cuts what is written to a stream into messages. The zero value is ready.
type streamChunker struct {
	skip  int // bytes that still go uncompressed, since compression did not pay
	again int // how many the next time
}

// next returns the content of the next message to stream id, and how many bytes of data it carries: compressed when that
// is shorter and fits. Where compression does not pay it is not tried again for 16 KiB, then for twice as much, up to
// 64 KiB: it costs far more than sending.
func (c *streamChunker) next(id uint16, data []byte) (message []byte, consumed int, err error) {
	chunk := data[:min(len(data), streamMaxChunk)]
	if len(chunk) > streamCompressFrom && c.skip <= 0 {
		for try := 1; try <= streamCompressTry; try++ {
			part := chunk[:len(chunk)/try]
			packed, err := bz2.Compress(part)
			if err == nil && len(packed) < streamChunk && len(packed) < len(part) {
				c.again = 0
				message, err = appendStreamMessage(nil, streamMessage{id: id, data: packed}, true)
				return message, len(part), err
			}
		}
		c.again = min(max(2*c.again, streamMaxChunk), 4*streamMaxChunk)
		c.skip = c.again
	}
	chunk = chunk[:min(len(chunk), streamChunk)]
	c.skip -= len(chunk)
	message, err = appendStreamMessage(nil, streamMessage{id: id, data: chunk}, false)
	return message, len(chunk), err
}
