package lxm

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"groupd/group"
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
	text := reason(e)
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

// reason makes a sentence of an error's words, with the field where the words need it.
func reason(e *group.Error) string {
	text, field := e.Msg, strings.ReplaceAll(e.Field, "_", " ")
	switch first, _, _ := strings.Cut(text, " "); {
	case field == "":
	case (field == "who" || field == "target") && (first == "is" || first == "was" || first == "wants"):
		text = "this person " + text
	case first == "must", first == "is":
		text = "the " + field + " " + text
	case first == "longer":
		text = "the " + field + " is " + text
	}
	return sentence(text)
}

// sentence gives a text a capital and a full stop.
func sentence(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	s = string(unicode.ToUpper(r)) + s[size:]
	if strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// seconds rounds a wait up to what people read.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
