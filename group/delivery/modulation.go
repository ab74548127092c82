package delivery

import (
	"math"
	"time"
)

// Modulation is how a LoRa radio transmits: explicit header, checksum on (spec 3 §3.11).
type Modulation struct {
	Bandwidth int64 // Hz
	SF        int   // spreading factor, 5 to 12
	CR        int   // the coding rate's denominator, 5 to 8
}

// framePayload is the most bytes of a packet in one air frame, beside its header byte.
const framePayload = 254

// Airtime is how long a packet of n bytes is on the air, in one or two frames.
func (m Modulation) Airtime(n int) time.Duration {
	if m.Bandwidth <= 0 || n <= 0 {
		return 0
	}
	sum := time.Duration(n/framePayload) * m.frame(framePayload+1)
	if rest := n % framePayload; rest > 0 {
		sum += m.frame(rest + 1)
	}
	return sum
}

// frame is how long an air frame of n bytes, its header byte included, is on the air.
func (m Modulation) frame(n int) time.Duration {
	symbol := math.Exp2(float64(m.SF)) / float64(m.Bandwidth)
	bitrate := float64(m.SF) * 4 / float64(m.CR) / symbol
	preamble := 0.024
	if math.Trunc(bitrate) > 30_000 {
		preamble = 0.006
	}
	symbols := math.Max(18, math.Ceil(preamble/symbol)) + 8
	bits, per := 44, m.SF
	switch {
	case m.SF < 7:
		symbols += 6.25
		bits = 36
	default:
		symbols += 4.25
		if khz := m.Bandwidth / 1000; khz > 0 && int64(1)<<m.SF/khz > 16 { // low data rate optimisation
			per -= 2
		}
	}
	blocks := math.Ceil(math.Max(float64(8*n-4*m.SF+bits), 0) / float64(4*per))
	return time.Duration((symbols + blocks*float64(m.CR)) * symbol * float64(time.Second))
}
