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

// moveEnd checks a change of the group's end, and has members told of the new one in time.
func (w *work) moveEnd(before moderation.Policy) error {
	after := w.group.Policy
	if after.ExpiresAt == before.ExpiresAt && after.ExpireKeep == before.ExpireKeep {
		return nil
	}
	if err := w.may(moderation.ActionSettings, func(f *moderation.Facts) { f.MovesEnd, f.Policy = true, before }); err != nil {
		return err
	}
	if after.ExpiresAt == before.ExpiresAt {
		return nil
	}
	if problem := badEnd(after.ExpiresAt, w.expiry); problem != "" {
		return w.refuse(KindInvalid, "expires_at", problem)
	}
	w.group.Ending = Ending{Told: stageAt(after.ExpiresAt, w.expiry)}
	return nil
}
