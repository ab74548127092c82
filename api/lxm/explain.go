package lxm

import (
	"errors"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// explain is a refusal in words for the one who was refused.
func (t *turn) explain(err error) string {
	var e *group.Error
	if !errors.As(err, &e) {
		return textFailed()
	}
	switch {
	case len(e.Choices) > 0:
		return textChoices(e.Choices)
	case errors.Is(err, group.ErrHoldsInvite):
		return textHoldsInvite()
	case errors.Is(err, group.ErrHoldsCode):
		return textHoldsCode()
	}
	text := words.Reason(e)
	switch {
	case e.Reason == moderation.ReasonQuestion:
		text += " " + textAnswerHow()
	case e.Reason == moderation.ReasonInvite && e.Op == "join":
		text += " " + textByInvite(t.inform(), t.address())
	}
	if e.RetryAfter > 0 {
		text += " " + textTryIn(e.RetryAfter)
	}
	return text
}

// notPosted is explain for posts.
func (t *turn) notPosted(err error) string {
	var e *group.Error
	switch {
	case !errors.As(err, &e):
	case e.Kind == group.KindTooLarge:
		return textTooLarge(int(e.Needed), int(e.Limit))
	}
	return textNotPosted(t.explain(err))
}

// seconds rounds a wait up to what people read.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
