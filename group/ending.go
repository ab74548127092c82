package group

import (
	"context"
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
	EndGone   EndStage = 4 // nothing more to tell: it is deleted
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

// newEnd checks a new end: what is wrong with it, "" for nothing, and what members are taken to have been told of it. While the time is not known
// any date may be right, and has not come.
func (h *Hub) newEnd(end moderation.Moment, now time.Time) (problem string, told EndStage) {
	if h.ClockUnsure() {
		return "", EndUntold
	}
	return badEnd(end, now), stageAt(end, now)
}

// badEnd says what is wrong with a new end; "" when nothing is.
func badEnd(end moderation.Moment, now time.Time) string {
	switch {
	case end == 0:
		return ""
	case !now.Before(end.Time()):
		return "must be in the future"
	case end.Time().Sub(now) > moderation.MaxSpan:
		return "must be within ten years"
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
	if w.group.Ending.Told == EndGone {
		return w.refuse(KindConflict, "expires_at", "too late: the group is being deleted")
	}
	problem, told := w.hub.newEnd(after.ExpiresAt, w.expiry)
	if problem != "" {
		return w.refuse(KindInvalid, "expires_at", problem)
	}
	w.group.Ending = Ending{Told: told}
	return nil
}

// tellEnd has the group itself say that it ends, a day and an hour ahead, and when it is over.
func (w *work) tellEnd() error {
	end := w.group.Policy.ExpiresAt
	stage := stageAt(end, w.expiry)
	if stage <= w.group.Ending.Told {
		return nil
	}
	w.group.Ending.Told = stage
	text := "ends in " + moderation.Remaining(end.Time().Sub(w.expiry)) + ": on " + day(end.Time())
	if stage == EndOver {
		w.group.Ending.At = w.expiry
		text = "is over. It can be read until " + day(w.expiry.Add(w.group.Policy.KeptSpan())) + ", then it is deleted."
	}
	if err := w.putGroup(); err != nil {
		return err
	}
	_, err := w.add(Entry{Kind: EntryAction, Text: []byte(text)}, nil)
	return err
}

// day is a time in the group's own words.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// ended reports whether the group was over, and its members told, for as long as it is kept then.
func (g Group) ended(now time.Time) bool {
	return g.Ending.Told >= EndOver && g.Policy.Over(now) && !now.Before(g.Ending.At.Add(g.Policy.KeptSpan()))
}

// expire deletes a group that has ended; from then on nobody moves its end.
func (h *Hub) expire(ctx context.Context, g GroupID) error {
	operator := Caller{Local: true}
	gone := false
	err := h.change(ctx, "expire", operator, g, &struct{}{}, func(w *work) error {
		gone = w.group.ended(w.expiry)
		if !gone || w.group.Ending.Told == EndGone {
			return nil
		}
		w.group.Ending.Told = EndGone
		return w.putGroup()
	})
	if err != nil || !gone {
		return err
	}
	return h.DeleteGroupMoved(ctx, operator, g)
}
