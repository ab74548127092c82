package group

import (
	_ "embed"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// confusables holds Unicode's confusable characters (UTS 39; see DATA.md): lines of a character, a tab and its prototype,
// sorted by character.
//
//go:embed confusables.txt
var confusables string

// Skeleton maps a name to what is left of it for the eye: names with equal skeletons can be taken for each other. It is
// UTS 39's skeleton, applied before and after lower case, without spaces and punctuation that only separates, and with
// i, l and 1 taken as one letter. Compare skeletons, never show them.
func Skeleton(name string) string {
	s := strings.ToLower(prototypes(strings.ToLower(prototypes(name))))
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsSpace(r), r == '-', r == '_', r == '.', r == '\'':
		case r == 'i', r == 'ı':
			b.WriteByte('l')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// prototypes is the skeleton of UTS 39: decompose, replace each character by its prototype, decompose.
func prototypes(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if p, ok := prototype(r); ok {
			b.WriteString(p)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFD.String(b.String())
}

// prototype looks a character up by binary search over the lines.
func prototype(r rune) (string, bool) {
	key := string(r)
	lineAt := func(pos int) (start int) { return strings.LastIndexByte(confusables[:pos], '\n') + 1 }
	field := func(start int) string {
		line, _, _ := strings.Cut(confusables[start:], "\n")
		return line
	}
	// The first position whose line is not below key; every position within a line compares alike.
	pos := sort.Search(len(confusables), func(i int) bool {
		c, _, _ := strings.Cut(field(lineAt(i)), "\t")
		return c >= key
	})
	if pos == len(confusables) {
		return "", false
	}
	c, p, _ := strings.Cut(field(lineAt(pos)), "\t")
	return p, c == key
}
