package moderation_test

import (
	"testing"
	"time"

	"groupd/moderation"
)

func TestDurationsAreSaidAsPeopleSayThem(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		d                 time.Duration
		passed, remaining string
	}{
		{-time.Hour, "1 min", "1 min"}, {0, "1 min", "1 min"}, {time.Second, "1 min", "1 min"}, {90 * time.Second, "1 min", "2 min"},
		{time.Hour - time.Second, "59 min", "1 h"}, {time.Hour, "1 h", "1 h"}, {time.Hour + time.Second, "1 h", "61 min"}, {day + time.Minute, "1 d", "25 h"},
		{90 * time.Minute, "90 min", "90 min"}, {2*time.Hour - time.Second, "119 min", "2 h"}, {2 * time.Hour, "2 h", "2 h"},
		{5*time.Hour + time.Minute, "5 h", "6 h"}, {day - time.Second, "23 h", "1 d"}, {day, "1 d", "1 d"}, {36 * time.Hour, "36 h", "36 h"},
		{2*day - time.Second, "47 h", "2 d"}, {7*day + time.Second, "7 d", "8 d"}, {100 * 365 * day, "36500 d", "36500 d"},
	} {
		if p, r := moderation.Passed(c.d), moderation.Remaining(c.d); p != c.passed || r != c.remaining {
			t.Errorf("%v: passed %q, remaining %q; want %q, %q", c.d, p, r, c.passed, c.remaining)
		}
	}
}
