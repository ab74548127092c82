package words

import (
	"strings"
	"time"

	"groupd/moderation"
)

// shownMoment is how a time is shown, in UTC; it is typed so as well.
const shownMoment = "2006-01-02 15:04"

// HowMoment says how a time is typed.
const HowMoment = "2027-05-31 (all day), 2027-05-31 18:00 (UTC), 3d (from now)"

// HowDate says how a time is typed where nobody knows what time it is now.
const HowDate = "2027-05-31 (all day), 2027-05-31 18:00 (UTC); not from now: this server does not know what time it is"

// How is HowMoment, or HowDate where now is the zero time.
func How(now time.Time) string {
	if now.IsZero() {
		return HowDate
	}
	return HowMoment
}

// Moment reads a date, a date and time of day, or how long from now, rounded up to a minute; the zero now is not known, and nothing is counted
// from it (group.Hub.SureNow).
func Moment(text string, now time.Time) (moderation.Moment, bool) {
	if d, ok := parseSeconds(text); ok && now.IsZero() {
		return 0, false
	} else if ok {
		return moderation.MomentOf(now.Add(d.Duration() + time.Minute - 1).Truncate(time.Minute)), true
	}
	return Date(text)
}

// Date reads a date and time of day, or a date, which is the end of that day.
func Date(text string) (moderation.Moment, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "UTC"))
	for form, more := range map[string]time.Duration{shownMoment: 0, "2006-01-02T15:04": 0, time.DateOnly: 24 * time.Hour} {
		if t, err := time.Parse(form, text); err == nil {
			m := moderation.MomentOf(t.Add(more))
			return m, m > 0
		}
	}
	return 0, false
}

// ShowMoment is a time as it can be typed.
func ShowMoment(m moderation.Moment) string { return m.Time().Format(shownMoment) + " UTC" }
