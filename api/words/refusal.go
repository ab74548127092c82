package words

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupd/group"
)

// Reason makes a sentence of an error's words, with the field where the words need it.
func Reason(e *group.Error) string {
	text, field := e.Msg, strings.ReplaceAll(e.Field, "_", " ")
	if field == "expires at" {
		field = "end"
	}
	switch first, _, _ := strings.Cut(text, " "); {
	case field == "":
	case slices.Contains([]string{"who", "target", "to"}, field) && slices.Contains([]string{"is", "was", "wants", "has"}, first):
		text = "this person " + text
	case first == "must", first == "is", first == "has" && field == "text":
		text = "the " + field + " " + text
	case first == "longer":
		text = "the " + field + " is " + text
	}
	return Sentence(text)
}

// Sentence gives a text a capital and a full stop.
func Sentence(s string) string {
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
