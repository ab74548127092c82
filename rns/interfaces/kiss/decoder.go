package kiss

// Masks for NewDecoder.
const (
	// MaskTNC strips the port from the command byte, as readers of TNCs do: 0x10 is also CommandData.
	MaskTNC = 0x0F
	// MaskNone leaves the command byte as it is, as RNodes need it.
	MaskNone = 0xFF
)

// Decoder finds frames in a stream of bytes that arrives in chunks of any size. A FEND ends the frame that is open; it
// also opens the next one, except after a packet (CommandData): there the reference wants a FEND of its own, and so
// do we, since what follows a packet without one may be noise. Runs of FENDs are harmless. What stands outside of frames,
// frames longer than allowed, and frames without payload are dropped.
//
// It buffers at most one payload of the allowed length. It is used by one goroutine at a time. Make it with NewDecoder.
type Decoder struct {
	max     int
	mask    byte
	state   state
	escaped bool // the last byte was a FESC
	command byte
	buf     []byte

	tooLong uint64
}

// state of a Decoder: outside → opened → (inside | skipping) → opened, or outside after a packet.
type state uint8

const (
	outside  state = iota // no FEND was seen, or a packet was just ended
	opened                // after a FEND; the command comes next
	inside                // in the payload
	skipping              // in a payload that is too long
)

// NewDecoder makes a decoder that hands on payloads of 1 to max bytes. mask is MaskTNC or MaskNone.
func NewDecoder(max int, mask byte) *Decoder { return &Decoder{max: max, mask: mask} }

// Feed decodes the next chunk and calls deliver for every frame that is complete with it, in order, with its command,
// masked. The payload is valid only during the call. Feed does not keep chunk.
func (d *Decoder) Feed(chunk []byte, deliver func(command byte, payload []byte)) {
	for _, b := range chunk {
		if b == FEND {
			d.end(deliver)
			continue
		}
		switch d.state {
		case opened:
			d.command, d.buf, d.state = b&d.mask, d.buf[:0], inside
		case inside:
			d.put(b)
		}
	}
}

// end handles a FEND. An escape that was begun is forgotten with the frame.
func (d *Decoder) end(deliver func(byte, []byte)) {
	was := d.state
	d.state, d.escaped = opened, false
	if (was == inside || was == skipping) && d.command == CommandData {
		d.state = outside
	}
	if was == inside && len(d.buf) > 0 {
		deliver(d.command, d.buf)
	}
}

// put adds a byte to the payload. A FESC before any other byte than TFEND and TFESC is dropped, as in the reference.
func (d *Decoder) put(b byte) {
	if b == FESC {
		d.escaped = true
		return
	}
	if d.escaped {
		d.escaped = false
		switch b {
		case TFEND:
			b = FEND
		case TFESC:
			b = FESC
		}
	}
	if len(d.buf) == d.max {
		d.state = skipping
		d.tooLong++
		return
	}
	d.buf = append(d.buf, b)
}

// Reset forgets the frame that is being received, as after a reconnect or an idle time. The counters stay.
func (d *Decoder) Reset() { d.state, d.escaped, d.buf = outside, false, d.buf[:0] }

// Partial says whether a payload was begun and not ended.
func (d *Decoder) Partial() bool {
	return d.state == skipping || d.state == inside && (len(d.buf) > 0 || d.escaped)
}

// TooLong counts frames that were longer than allowed, each when it passes the limit.
func (d *Decoder) TooLong() uint64 { return d.tooLong }
