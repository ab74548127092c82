package rns

import (
	"math"
	"testing"
	"time"
)

func TestTheMarkInTheRoundTripTimeChangesNothingElse(t *testing.T) {
	for _, rtt := range []time.Duration{0, 1, 17 * time.Microsecond, 123456789, 50 * time.Millisecond, 7 * time.Second, linkMaxRTT} {
		marked := promptRTT(rtt)
		if !isPrompt(marked) {
			t.Errorf("%v is not marked", rtt)
		}
		if math.Abs(marked-rtt.Seconds()) > rtt.Seconds()*1e-10+1e-300 {
			t.Errorf("%v became %v s", rtt, marked)
		}
		if got, ok := claimedRTT(marked); rtt < linkMaxRTT && (!ok || (got-rtt).Abs() > time.Nanosecond) {
			t.Errorf("%v is read as %v, %v", rtt, got, ok)
		}
		// Stock programs subtract two readings of a clock at about 2^30 seconds.
		if now := 1.8e9 + 0.123; isPrompt((now + rtt.Seconds()) - now) {
			t.Errorf("a stock program's %v is taken for the mark", rtt)
		}
	}
}
