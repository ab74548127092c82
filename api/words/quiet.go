package words

import (
	"strings"
	"time"

	"groupd/group"
)

// Quiet reads "22-07", "22:30-6:15 +1", "22-7 -3:30" or "off"; offset is for when none is said.
func Quiet(s string, offset time.Duration) (q group.QuietHours, ok bool) {
	if on, ok := Switch(s); ok {
		return group.QuietHours{Offset: offset}, !on
	}
	hours, zone, _ := strings.Cut(strings.Join(strings.Fields(s), " "), " ")
	from, until, ok := strings.Cut(strings.ReplaceAll(hours, "–", "-"), "-")
	if !ok {
		return q, false
	}
	q.Offset = offset
	var a, b bool
	q.From, a = parseClock(from)
	q.Until, b = parseClock(until)
	if zone != "" {
		if q.Offset, ok = parseOffset(zone); !ok {
			return q, false
		}
	}
	day := 24 * time.Hour
	q.From, q.Until = q.From%day, q.Until%day // 24 is 0
	return q, a && b && !q.None()
}

// parseClock reads a time of day, "7", "07", "7:30" or "0730", up to 24:00.
func parseClock(s string) (time.Duration, bool) {
	hour, minute, colon := strings.Cut(s, ":")
	if !colon && len(s) == 4 {
		hour, minute = s[:2], s[2:]
	} else if colon && len(minute) != 2 {
		return 0, false
	}
	h, okH := parseDigits(hour)
	m, okM := parseDigits(minute)
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	return d, okH && (okM || minute == "") && m < 60 && d <= 24*time.Hour
}

// parseDigits reads one or two digits.
func parseDigits(s string) (n int, ok bool) {
	if len(s) == 0 || len(s) > 2 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	for _, c := range []byte(s) {
		n = n*10 + int(c-'0')
	}
	return n, true
}

// parseOffset reads a clock's difference to UTC: "+1", "-3:30", "UTC+2", "UTC".
func parseOffset(s string) (time.Duration, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(s), "UTC"), "GMT")
	sign := time.Duration(1)
	switch {
	case s == "":
		return 0, true
	case s[0] == '-':
		sign = -1
	case s[0] != '+':
		return 0, false
	}
	d, ok := parseClock(s[1:])
	d *= sign
	return d, ok && d >= group.MinUTCOffset && d <= group.MaxUTCOffset
}
