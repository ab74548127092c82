package hdlc

import "bytes"

// Decoder finds frames in a stream of bytes that arrives in chunks of any size. It takes every flag both as the end of
// a frame and as the beginning of the next, so that frames may share a flag and stray flags do no harm. What stands
// before the first flag, frames shorter or longer than allowed, and frames that are never ended are dropped, and
// only they: the next frame is found.
//
// It buffers at most one packet of the allowed length. It is used by one goroutine at a time. Make it with NewDecoder.
type Decoder struct {
	min, max int
	state    state
	escaped  bool   // the last byte was an Escape
	buf      []byte // the packet so far, unescaped

	tooShort, tooLong uint64
}

// state of a Decoder: outside → inside → (inside | skipping) → inside …
type state uint8

const (
	outside  state = iota // no flag was seen yet
	inside                // after a flag
	skipping              // inside of a frame that is too long
)

// NewDecoder makes a decoder that hands on packets of min to max bytes, both inclusive. An empty frame is not a packet,
// even if min is 0.
func NewDecoder(min, max int) *Decoder { return &Decoder{min: min, max: max} }

// Feed decodes the next chunk and calls deliver for every packet that is complete with it, in order.
// The packet is valid only during the call. Feed does not keep chunk.
func (d *Decoder) Feed(chunk []byte, deliver func(packet []byte)) {
	for len(chunk) > 0 {
		part, ended := chunk, false
		if i := bytes.IndexByte(chunk, Flag); i >= 0 {
			part, chunk, ended = chunk[:i], chunk[i+1:], true
		} else {
			chunk = nil
		}
		packet := d.add(part, ended)
		if !ended {
			return
		}
		if d.state == inside {
			switch n := len(packet); {
			case n == 0:
			case n < d.min:
				d.tooShort++
			default:
				deliver(packet)
			}
		}
		d.begin()
	}
}

// Reset forgets the frame that is being received, as after a reconnect or an idle time. The counters stay.
func (d *Decoder) Reset() {
	d.begin()
	d.state = outside
}

// Partial says whether a frame was begun and not ended.
func (d *Decoder) Partial() bool {
	return d.state == skipping || d.state == inside && (len(d.buf) > 0 || d.escaped)
}

// Dropped counts frames that were too short (but not empty) and too long. One that is too long is counted when it
// passes the limit.
func (d *Decoder) Dropped() (tooShort, tooLong uint64) { return d.tooShort, d.tooLong }

// begin starts a new frame. The buffer is kept, unless a rare long packet made it much larger than is usual.
func (d *Decoder) begin() {
	const usual = 16 << 10
	if cap(d.buf) > usual && len(d.buf) < usual/2 {
		d.buf = nil
	}
	d.state, d.escaped, d.buf = inside, false, d.buf[:0]
}

// add unescapes part of a frame. Part contains no flag. At the end of the frame the packet is returned, from the
// chunk itself where it lies there as it was sent.
func (d *Decoder) add(part []byte, ended bool) (packet []byte) {
	if d.state != inside {
		return nil
	}
	if ended && len(d.buf) == 0 && !d.escaped && bytes.IndexByte(part, Escape) < 0 {
		if len(part) > d.max {
			d.skip()
		}
		return part
	}
	for {
		if d.escaped && len(part) > 0 {
			d.escaped = false
			// After an Escape only a masked Flag or Escape is sent. Anything else is left as it came.
			if c := part[0] ^ Mask; c == Flag || c == Escape {
				d.put(c)
				part = part[1:]
			} else {
				d.put(Escape)
			}
		}
		i := bytes.IndexByte(part, Escape)
		if i < 0 {
			i = len(part)
		} else {
			d.escaped = true
		}
		d.put(part[:i]...)
		if d.state != inside {
			return nil
		}
		if i == len(part) {
			break
		}
		part = part[i+1:]
		if len(part) == 0 {
			break
		}
	}
	if ended && d.escaped {
		d.put(Escape) // the frame ended with one
	}
	return d.buf
}

// put appends to the packet, or gives it up where it becomes too long.
func (d *Decoder) put(b ...byte) {
	if d.state != inside {
		return
	}
	if len(d.buf)+len(b) > d.max {
		d.skip()
		return
	}
	d.buf = append(d.buf, b...)
}

func (d *Decoder) skip() {
	d.state = skipping
	d.tooLong++
}
