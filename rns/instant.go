package rns

import (
	"math"
	"time"
)

// instant is a point in time in a table of many rows: nanoseconds since the table was made, by the monotonic clock. It takes a
// third of the room of a time.Time.
type instant int64

// never is before all others.
const never instant = math.MinInt64

// epoch translates the instants of a table.
type epoch struct{ time.Time }

func newEpoch() epoch { return epoch{time.Now()} }

func (e epoch) instant(t time.Time) instant { return instant(t.Sub(e.Time)) }

// time is the opposite; never is the zero time.
func (e epoch) time(i instant) time.Time {
	if i == never {
		return time.Time{}
	}
	return e.Time.Add(time.Duration(i))
}

// add returns the instant d later.
func (i instant) add(d time.Duration) instant { return i + instant(d) }
