package group

import (
	"time"

	"groupd/moderation"
)

// EndStage is what members have been told of a group's end. The numbers are database values.
type EndStage uint8

const (
	EndUntold EndStage = 0
	EndDay    EndStage = 1 // a day ahead
	EndHour   EndStage = 2 // an hour ahead
	EndOver   EndStage = 3
)

// stageAt is what there is to be told of an end by now.
func stageAt(end moderation.Moment, now time.Time) EndStage {
	if end == 0 {
		return EndUntold
	}
	switch left := end.Time().Sub(now); {
	case left <= 0:
		return EndOver
	case left <= time.Hour:
		return EndHour
	case left <= 24*time.Hour:
		return EndDay
	}
	return EndUntold
}

// badEnd says what is wrong with a new end; "" when nothing is.
func badEnd(end moderation.Moment, now time.Time) string {
	switch {
	case end == 0:
		return ""
	case !now.Before(end.Time()):
		return "has to be in the future"
	case end.Time().Sub(now) > moderation.MaxSpan:
		return "further than ten years"
	}
	return ""
}

// over reports whether the group has ended. While the time is not known nothing ends.
func (s *scene) over() bool { return s.group.Policy.Over(s.expiry) && !s.hub.ClockUnsure() }

// moveEnd is what a new date of the end needs and does.
func (w *work) moveEnd(before moderation.Moment) error {
	end := w.group.Policy.ExpiresAt
	if end == before {
		return nil
	}
	if problem := badEnd(end, w.expiry); problem != "" {
		return w.refuse(KindInvalid, "expires_at", problem)
	}
	w.group.Ending = Ending{Told: stageAt(end, w.expiry)}
	return nil
}
