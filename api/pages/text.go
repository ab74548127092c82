package pages

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	eastasian "golang.org/x/text/width"

	"groupd/moderation"
)

// width is how many columns a text takes on a screen with characters of one width (UAX 11; ambiguous ones are narrow).
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch eastasian.LookupRune(r).Kind() {
	case eastasian.EastAsianWide, eastasian.EastAsianFullwidth:
		return 2
	}
	return 1
}

// narrow is the beginning of a text that takes at most so many columns; marks stay with their letter.
func narrow(s string, columns int) string {
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n > columns {
			return s[:i]
		}
	}
	return s
}

// cut is a text that takes at most so many columns, with three dots where something was left out.
func cut(s string, columns int) string {
	if width(s) <= columns {
		return s
	}
	return strings.TrimRight(narrow(s, columns-3), " ") + "..."
}

// fit is a text that takes at most so many bytes of a page, with three dots where something was left out. White space becomes one space.
func fit(s string, bytes int) string {
	const dots = "..."
	s = moderation.CleanLine(s)
	n, cutAt := 0, 0
	for i, r := range s {
		if n+len(dots) <= bytes {
			cutAt = i
		}
		if n += escapedLen(r); n > bytes {
			return strings.TrimRight(s[:cutAt], " ") + dots
		}
	}
	return s
}

// escapedLen is how many bytes page.escape makes of a character inside a line.
func escapedLen(r rune) int {
	switch r {
	case '`':
		return 4
	case '<', '&':
		return 3
	case '\\', '[':
		return 2
	}
	return utf8.RuneLen(r)
}

// plain replaces what would end a label or a field, or change what stands around it, by what looks similar. It is for places in which
// nothing can be escaped.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '`':
			return '\''
		case '\\':
			return '/'
		case '<', '[':
			return '('
		case '>', ']':
			return ')'
		}
		return r
	}, s)
}

const hexDigits = "0123456789ABCDEF"

// encode percent-encodes all but what no parser takes for anything else.
func encode(s string) string { return encodeBut(s, "") }

// encodeURL leaves, besides, what paths and addresses are made of.
func encodeURL(s string) string { return encodeBut(s, ":/@") }

func encodeBut(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// decode is the reverse of encode; a percent sign that begins no encoding stands for itself.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high >= 0 && low >= 0 {
				b = append(b, byte(high<<4|low))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "")
}

func unhex(c byte) int {
	if c >= 'a' && c <= 'f' {
		c -= 'a' - 'A'
	}
	return strings.IndexByte(hexDigits, c)
}

// size is a number of bytes in words.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1<<20:
		return strconv.FormatInt((n+1<<9)>>10, 10) + " KB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
