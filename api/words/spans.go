package words

import (
	"strings"
	"time"
)

// MaxDuration is the longest that can be typed; what is longer is meant for good.
const MaxDuration = 100 * 365 * 24 * time.Hour

// Duration reads "30s", "30m", "2h", "7d", "1w", "1d12h" and the like; a number without a unit is none.
func Duration(s string) (d time.Duration, ok bool) {
	s = strings.ToLower(s)
	for s != "" {
		n, digits := int64(0), 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			if digits > 6 {
				return 0, false
			}
			n, digits = n*10+int64(s[digits]-'0'), digits+1
		}
		end := digits
		for end < len(s) && s[end] >= 'a' && s[end] <= 'z' {
			end++
		}
		var unit time.Duration
		switch s[digits:end] {
		case "s", "sec", "secs", "second", "seconds":
			unit = time.Second
		case "m", "min", "mins", "minute", "minutes":
			unit = time.Minute
		case "h", "hour", "hours":
			unit = time.Hour
		case "d", "day", "days":
			unit = 24 * time.Hour
		case "w", "week", "weeks":
			unit = 7 * 24 * time.Hour
		}
		if digits == 0 || unit == 0 || n > int64((MaxDuration-d)/unit) {
			return 0, false
		}
		d, s = d+time.Duration(n)*unit, s[end:]
	}
	return d, d > 0
}

// Switch reads on or off.
func Switch(s string) (on, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "on", "yes", "true":
		return true, true
	case "off", "no", "false":
		return false, true
	}
	return false, false
}
