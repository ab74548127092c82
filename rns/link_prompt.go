package rns

import (
	"math"
	"time"
)

// Stock programs note what they have sent only after it went out, and lose proofs and answers that are faster than that, so
// [DestinationConfig].AnswerDelay holds ours back. Ours note it before, and say so where it costs nothing: in the last bits of the
// round trip time with which the initiator ends the handshake (LRRTT, a float64 of seconds that is used as a time and nothing
// else). The change is one part in 2^36. Stock programs subtract two clock readings of 2^30 seconds, which leaves the last bits
// zero; others hit the mark once in 65,536 links, and then must send again what was answered too fast.
const (
	promptMark = 0x6764
	promptMask = 0xffff
)

// promptRTT returns a round trip time in seconds that says that this end takes answers of any speed.
func promptRTT(rtt time.Duration) float64 {
	return math.Float64frombits(math.Float64bits(rtt.Seconds())&^promptMask | promptMark)
}

// isPrompt reports whether a round trip time says so.
func isPrompt(seconds float64) bool { return math.Float64bits(seconds)&promptMask == promptMark }

// answerDelay is how long what came over the link waits for its answer at least.
func (l *Link) answerDelay() time.Duration {
	if l.target == nil || l.prompt.Load() {
		return 0
	}
	return l.target.answerDelay()
}
