package group

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names reports whether an entry's title or text holds a member's display name as words of their own, in capitals or not, with or without an @
// before it. That an entry answers a member is another thing: then the author of its Ref is he.
func (e Entry) Names(m Member) bool {
	if !e.Kind.Authored() || e.Deleted {
		return false
	}
	name := strings.ToLower(m.DisplayName)
	return holdsWords(strings.ToLower(string(e.Text)), name) || holdsWords(strings.ToLower(string(e.Title)), name)
}

// holdsWords reports whether words stand in text, and not as a part of longer ones.
func holdsWords(text, words string) bool {
	if words == "" {
		return false
	}
	for {
		i := strings.Index(text, words)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(words):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		text = text[i+n:]
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
