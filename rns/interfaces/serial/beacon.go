package serial

import "time"

// Beacon says when a station has to identify itself: Interval after its first transmission since it last did so.
// A zero Interval is never. It is a plain value, used by one goroutine.
type Beacon struct {
	Interval time.Duration
	armed    time.Time
}

// Traffic tells that something was transmitted.
func (b *Beacon) Traffic(now time.Time) {
	if b.Interval > 0 && b.armed.IsZero() {
		b.armed = now
	}
}

// At is when the beacon is due, the zero time when it is not armed.
func (b *Beacon) At() time.Time {
	if b.armed.IsZero() {
		return time.Time{}
	}
	return b.armed.Add(b.Interval)
}

// Due says whether the beacon has to be sent now.
func (b *Beacon) Due(now time.Time) bool { return !b.armed.IsZero() && !now.Before(b.At()) }

// Sent disarms until there is other traffic.
func (b *Beacon) Sent() { b.armed = time.Time{} }
