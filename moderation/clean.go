package moderation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a display name.
const (
	MaxNameRunes = 32
	MaxNameBytes = 96
)

// NoticeGlyph begins what the server itself says in relayed text; no name and no post may begin with it.
const NoticeGlyph = '※'

// maxMarks is how many combining marks may follow one letter; more of them pile up over other people's lines.
const maxMarks = 3

// CleanName makes a display name fit to be shown beside others: one line, no control characters, no marks that change the
// direction of writing, nothing invisible, no beginning that is a command, an action or the server's own, no "Name: " of somebody
// else inside, at most MaxNameRunes characters. The result may be empty.
func CleanName(s string) string {
	for {
		t := strings.TrimLeft(CleanLine(s), "/*"+string(NoticeGlyph)+" ")
		t = strings.ReplaceAll(t, ": ", " ")
		t = strings.TrimRight(t, ": ")
		t = cut(t, MaxNameRunes, MaxNameBytes)
		if t == s {
			break
		}
		s = t
	}
	if len(s) == 32 && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		return "" // an address is nobody's name
	}
	return s
}

// CleanLine makes one line of text safe to show: white space collapsed, control characters, direction overrides,
// unassigned and invisible characters removed, no more than a few combining marks in a row.
func CleanLine(s string) string {
	var b strings.Builder
	marks, space := 0, false
	for _, r := range s {
		switch {
		case blank(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError || hidden(r):
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks || b.Len() == 0 || space {
				continue
			}
		default:
			marks = 0
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Notice reports whether a text would look as if the server itself had said it: it begins with NoticeGlyph, after whatever does
// not show.
func Notice(s string) bool {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r == utf8.RuneError || blank(r) || hidden(r) || unicode.Is(unicode.M, r) })
	return strings.HasPrefix(s, string(NoticeGlyph))
}

// blank reports whether a character shows as nothing but takes room.
func blank(r rune) bool {
	switch r {
	case '\u2800', '\u115f', '\u1160', '\u3164', '\uffa0': // braille blank, Hangul fillers
		return true
	}
	return unicode.IsSpace(r)
}

// hidden reports whether a character shows as nothing, or steers others: control and format characters (direction
// overrides among them), private use, unassigned, variation selectors.
func hidden(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r) || r == '\u034f' || r == '\u17b4' || r == '\u17b5'
}

// cut shortens s to so many characters and bytes, at a character's end.
func cut(s string, runes, bytes int) string {
	n := 0
	for i, r := range s {
		if n++; n > runes || i+utf8.RuneLen(r) > bytes {
			return strings.TrimRight(s[:i], " ")
		}
	}
	return s
}
