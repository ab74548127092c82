package lxm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// firstWord takes the first word, or what stands in quotation marks, off a text.
func firstWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	for _, q := range []struct{ open, shut string }{{`"`, `"`}, {"“", "”"}, {"„", "“"}} {
		if body, ok := strings.CutPrefix(s, q.open); ok {
			if word, rest, ok := strings.Cut(body, q.shut); ok {
				return strings.TrimSpace(word), strings.TrimSpace(rest)
			}
		}
	}
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}

// quoted reports whether a text begins with a name in quotation marks.
func quoted(s string) bool {
	word, rest := firstWord(s)
	return len(word)+len(rest) < len(strings.TrimSpace(s)) && !strings.HasPrefix(strings.TrimSpace(s), word)
}

// parseNumber reads a number from 1 to 999,999,999.
func parseNumber(s string) (n int, ok bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n > 0
}

// distance is the number of letters to add, drop, change or swap with the next one to make b of a; at most limit+1 is
// computed.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || !utf8.ValidString(a) {
		return limit + 1
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
