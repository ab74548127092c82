package moderation

import (
	"math"
	"math/bits"
	"time"
)

const (
	pressureHalf  = 30 * time.Minute // in which it falls by half
	pressureCalm  = 100              // up to here strangers are as many as people are
	pressureFirst = 8                // bits of work that are the least to keep a program busy
)

// Pressure is how much strangers asked of a group lately: what they did, each thing counting half after half an hour. The zero
// Pressure is none.
type Pressure struct {
	Level float64
	At    time.Time
}

// Now is the level as of now. A clock that went back lets nothing decay.
func (p Pressure) Now(now time.Time) float64 {
	passed := max(0, now.Sub(p.At))
	return p.Level * math.Exp2(-float64(passed)/float64(pressureHalf))
}

// Add counts one more thing that a stranger did.
func (p Pressure) Add(now time.Time) Pressure { return Pressure{Level: p.Now(now) + 1, At: now} }

// JoinStamp is the cost of joining, in bits of work, under this much pressure.
func (p Policy) JoinStamp(level float64) int { return p.stamp(int(p.JoinCost), level) }

// PostStamp is the cost of a message from somebody without a ticket, in bits of work, under this much pressure.
func (p Policy) PostStamp(level float64) int { return p.stamp(int(p.PostCost), level) }

// stamp rises by one bit each time the pressure doubles beyond what is calm, from pressureFirst on at least, up to the ceiling.
func (p Policy) stamp(base int, level float64) int {
	ceiling := p.costCeiling()
	if level <= pressureCalm || ceiling < pressureFirst {
		return base
	}
	doublings := bits.Len(uint(min(level, 1<<30) / pressureCalm)) // 1 up to twice as much, 2 up to four times …
	return max(base, min(max(base, pressureFirst-1)+doublings, ceiling))
}

// costCeiling is the highest cost under pressure.
func (p Policy) costCeiling() int {
	if p.CostCeiling > 0 {
		return int(p.CostCeiling)
	}
	return min(MaxStampCost, max(16, 8+int(max(p.JoinCost, p.PostCost))))
}
