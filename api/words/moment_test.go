package words_test

import (
	"testing"
	"time"

	"groupd/api/words"
)

func TestTimesAreReadAsPeopleTypeThem(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 30, 0, time.UTC)
	for typed, want := range map[string]string{
		"2027-05-31 18:00":       "2027-05-31 18:00 UTC",
		" 2027-05-31 18:00 UTC ": "2027-05-31 18:00 UTC",
		"2027-05-31T18:00":       "2027-05-31 18:00 UTC",
		"2027-05-31":             "2027-06-01 00:00 UTC", // all day
		"3d":                     "2026-11-23 08:01 UTC", // up to the minute that is shown
		"1d 12h":                 "2026-11-21 20:01 UTC",
		"":                       "", "tomorrow": "", "2027-13-01": "", "1969-12-30": "", "18:00": "", "-3d": "",
	} {
		m, ok := words.Moment(typed, now)
		if ok != (want != "") || ok && words.ShowMoment(m) != want {
			t.Errorf("%q: %s %v, want %q", typed, words.ShowMoment(m), ok, want)
		}
		if again, ok := words.Date(words.ShowMoment(m)); ok && again != m {
			t.Errorf("%q is shown as %s, which is another time", typed, words.ShowMoment(m))
		}
	}
	if m, ok := words.Moment("3d", time.Time{}); ok {
		t.Errorf("counted from nobody knows when: %v", m)
	}
	if _, ok := words.Moment("2027-05-31", time.Time{}); !ok {
		t.Error("a date is one, whatever day it is")
	}
	for at, how := range map[time.Time]string{now: words.HowMoment, {}: words.HowDate} {
		if got := words.How(at); got != how {
			t.Errorf("%v: %s", at, got)
		}
	}
	if m, ok := words.Date("3d"); ok {
		t.Errorf("a date that depends on the day: %v", m)
	}
}
