package words

import (
	"strings"
	"time"

	"groupd/moderation"
)

// momentForms are how people type a time, in UTC.
func momentForms() []string { return []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} }

// HowMoment says how a time is typed.
const HowMoment = "2027-05-31, 2027-05-31 18:00 (UTC), 3d (from now)"

// Moment reads a date, a date and time of day, or how long from now, rounded up to a minute.
func Moment(text string, now time.Time) (moderation.Moment, bool) {
	if d, ok := parseSeconds(text); ok {
		return moderation.MomentOf(now.Add(d.Duration() + time.Minute - 1).Truncate(time.Minute)), true
	}
	return Date(text)
}

// Date reads a date, or a date and time of day.
func Date(text string) (moderation.Moment, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "UTC"))
	for _, form := range momentForms() {
		if t, err := time.Parse(form, text); err == nil {
			m := moderation.MomentOf(t)
			return m, m > 0
		}
	}
	return 0, false
}

// ShowMoment is a time as it can be typed.
func ShowMoment(m moderation.Moment) string { return m.Time().Format(momentForms()[0]) + " UTC" }
