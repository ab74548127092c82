package rnodesim

import (
	"math"
	"time"
)

// Chip is the kind of radio, which decides about preambles.
type Chip uint8

// The chips.
const (
	SX126x Chip = iota
	SX127x
	SX1280
)

// Sizes of the air interface (spec 3 §3.11).
const (
	// FramePayload is the most bytes of a packet in one air frame, beside its header byte.
	FramePayload = 254
	// MaxPacket is the longest packet in bytes that a device transmits, in two (or three) air frames.
	MaxPacket = 2 * FramePayload
)

// Modulation is how a radio transmits: explicit header, CRC on (spec 3 §3.11).
type Modulation struct {
	// Frequency and Bandwidth in Hz.
	Frequency, Bandwidth uint32
	// SF is the spreading factor 5 to 12, CR the coding rate's denominator 5 to 8.
	SF, CR int
	Chip   Chip
}

// symbol is the length of a symbol in seconds.
func (m Modulation) symbol() float64 {
	if m.Bandwidth == 0 {
		return 0
	}
	return math.Exp2(float64(m.SF)) / float64(m.Bandwidth)
}

// SymbolTime is the length of one symbol.
func (m Modulation) SymbolTime() time.Duration { return seconds(m.symbol()) }

// Bitrate in bit/s (spec 3 §3.9); 0 when something is not set.
func (m Modulation) Bitrate() float64 {
	if m.Bandwidth == 0 || m.SF == 0 || m.CR == 0 {
		return 0
	}
	return float64(m.SF) * (4 / float64(m.CR)) / (math.Exp2(float64(m.SF)) / (float64(m.Bandwidth) / 1000)) * 1000
}

// fast modulations have shorter preambles and slots.
func (m Modulation) fast() bool { return math.Trunc(m.Bitrate()) > 30_000 }

// BurstsQueue says whether the whole queue is sent in one access of the channel; else one packet is.
func (m Modulation) BurstsQueue() bool { return math.Trunc(m.Bitrate()) <= 14_000 }

// PreambleSymbols is the length of the preamble that the firmware asks for.
func (m Modulation) PreambleSymbols() int {
	target := 0.024
	if m.fast() {
		target = 0.006
	}
	if m.symbol() == 0 {
		return 18
	}
	return max(18, int(math.Ceil(target/m.symbol())))
}

// programmedPreamble is what the chip is given.
func (m Modulation) programmedPreamble() int {
	symbols := m.PreambleSymbols()
	switch m.Chip {
	case SX127x:
		return symbols - 4
	case SX1280: // mantissa · 2^exponent
		for n := symbols - 4; ; n++ {
			for exponent := 1; exponent <= 15; exponent++ {
				if mantissa := n >> exponent; mantissa >= 1 && mantissa <= 15 && mantissa<<exponent == n {
					return n
				}
			}
		}
	}
	return symbols
}

// LDRO says whether low data rate optimisation is on. The firmware decides in whole numbers.
func (m Modulation) LDRO() bool {
	if m.Chip == SX1280 {
		return m.SF > 10
	}
	khz := int(m.Bandwidth / 1000)
	return khz > 0 && (1<<m.SF)/khz > 16
}

// Slot is the unit of channel access.
func (m Modulation) Slot() time.Duration {
	ms := math.Trunc(12 * m.symbol() * 1000)
	least := 24.0
	if m.fast() {
		least = 6
	}
	return time.Duration(min(100, max(ms, least))) * time.Millisecond
}

// DIFS is how long the channel must be free before a window of slots begins.
func (m Modulation) DIFS() time.Duration { return 2 * m.Slot() }

// Airtime is how long an air frame of n bytes, its header byte included, is on the air.
func (m Modulation) Airtime(n int) time.Duration {
	ramp, bits, per := 4.25, 44, m.SF
	if m.SF < 7 {
		ramp, bits = 6.25, 36
	} else if m.LDRO() {
		per -= 2
	}
	blocks := math.Ceil(math.Max(float64(8*n-4*m.SF+bits), 0) / float64(4*per))
	return seconds((float64(m.programmedPreamble()) + ramp + 8 + blocks*float64(m.CR)) * m.symbol())
}

// Accounted is what the firmware books for such a frame against its airtime limits, which is a little less.
func (m Modulation) Accounted(n int) time.Duration {
	ramp, bits, per := 0.25, 44, m.SF
	if m.SF < 7 {
		ramp, bits = 2.25, 36
	} else if m.LDRO() {
		per -= 2
	}
	blocks := float64(8*n-4*m.SF+bits) / float64(4*per)
	return seconds((float64(m.PreambleSymbols()) + ramp + 8 + blocks*float64(m.CR)) * m.symbol())
}

// PacketAirtime is how long a packet of n bytes is on the air, all its frames together.
func (m Modulation) PacketAirtime(n int) (sum time.Duration) {
	for _, f := range Split(make([]byte, n), 0) {
		sum += m.Airtime(len(f))
	}
	return sum
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// Split makes the air frames of a packet: a header byte, with a sequence number of 0 to 15 in the high half and 1 in the
// lowest bit when the packet needs two frames, and up to 254 bytes (spec 3 §3.11). A packet of exactly 508 bytes has
// a third frame without payload. Longer packets have no frames: the device discards them.
func Split(packet []byte, sequence byte) [][]byte {
	header := sequence << 4
	switch n := len(packet); {
	case n > MaxPacket:
		return nil
	case n <= FramePayload:
		return [][]byte{append([]byte{header}, packet...)}
	default:
		header |= 1
		frames := [][]byte{
			append([]byte{header}, packet[:FramePayload]...),
			append([]byte{header}, packet[FramePayload:]...),
		}
		if n == MaxPacket {
			frames = append(frames, []byte{header})
		}
		return frames
	}
}

// Reassembler puts packets together from air frames, with the firmware's four rules (spec 3 §3.11); there is no time-out.
// The zero value is ready.
type Reassembler struct {
	pending  bool
	sequence byte
	buf      []byte
}

// Add takes an air frame and returns a packet when one is complete; valid until the next call.
func (r *Reassembler) Add(frame []byte) (packet []byte, complete bool) {
	if len(frame) == 0 {
		return nil, false
	}
	sequence, split := frame[0]>>4, frame[0]&1 == 1
	switch {
	case !split:
		r.pending = false
		r.buf = append(r.buf[:0], frame[1:]...)
		return r.buf, true
	case r.pending && r.sequence == sequence:
		r.pending = false
		r.buf = append(r.buf, frame[1:]...)
		return r.buf, true
	default:
		r.pending, r.sequence = true, sequence
		r.buf = append(r.buf[:0], frame[1:]...)
		return nil, false
	}
}
