package moderation

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// Passed is a duration for people, rounded down: "3 d", "5 h", "12 min". It is for what has gone by.
func Passed(d time.Duration) string {
	unit := time.Minute
	switch {
	case d >= 2*day:
		unit = day
	case d >= 2*time.Hour:
		unit = time.Hour
	}
	d = max(d/unit*unit, time.Minute)
	switch {
	case d%day == 0:
		return fmt.Sprintf("%d d", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// Remaining is a duration for people, rounded up: one hour of which a second has gone by is still "1 h". It is for what is
// to come.
func Remaining(d time.Duration) string {
	unit := time.Minute
	switch {
	case d > 2*day:
		unit = day
	case d > 2*time.Hour:
		unit = time.Hour
	}
	return Passed((d + unit - 1) / unit * unit)
}
