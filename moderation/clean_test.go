package moderation_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"groupd/moderation"
)

// TestNamesAreCleaned holds X-165 for names and, by the same function, for each line that is relayed.
func TestNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"Ann":                     "Ann",
		"  Ann \t\n of the Hill ": "Ann of the Hill",
		"Ann\x00\x1b[31m":         "Ann[31m",
		"\u202eevilnnA":           "evilnnA",
		"A\u200bn\u200dn\ufeff":   "Ann",
		"\u2066Ann\u2069":         "Ann",
		"/kick Bob":               "kick Bob",
		"// /※ ※Ann":              "Ann",
		"Bob: I quit":             "Bob I quit",
		"* Bob waves":             "Bob waves",
		"Bob:":                    "Bob",
		"KD7:home":                "KD7:home",
		"José":                    "José",
		"Zo\u0308\u0308\u0308\u0308\u0308\u0308e": "Zo\u0308\u0308\u0308e",
		"\u0308e":                                  "e",
		"Иван 王芳 🐐":                                "Иван 王芳 🐐",
		"\u3164\u2800":                             "",
		"\xff\xfeAnn":                              "Ann",
		"0123456789abcdefABCDEF0123456789":         "",
		"0123456789abcdefABCDEF012345678":          "0123456789abcdefABCDEF012345678",
		strings.Repeat("é", 40):                    strings.Repeat("é", 32),
		strings.Repeat("🐐", 40):                    strings.Repeat("🐐", 24),
		strings.Repeat("x", 31) + " y":             strings.Repeat("x", 31),
		"\U000e0041\U000e0042Ann\ue000":            "Ann",
		"\u2028two\u2029lines":                     "two lines",
		"a\u115fb\u1160c\u3164d\uffa0e\u2800f":     "a b c d e f",
		"a\u00a0b\u3000c\u2003d\u0085e":            "a b c d e",
		"a\u034fb\u17b4c\u17b5d\ufe0fe\U000e0101f": "abcdef",
		"a \u0308b":                                "a b",
		"abc\u0308 \u0308d":                        "abc\u0308 d",
		strings.Repeat("g", 32):                    strings.Repeat("g", 32),
	} {
		if got := moderation.CleanName(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestALineBeginsAndEndsWithoutRoom(t *testing.T) {
	if got := moderation.CleanLine(" \t a  b \n"); got != "a b" {
		t.Errorf("%q", got)
	}
}

func TestNobodySpeaksAsTheServer(t *testing.T) {
	for text, want := range map[string]bool{
		"※ Ann was banned": true, " \n※ x": true, "\u200b※ x": true, "\u2800\u200e \ufe0f※": true, "\u0308※": true, "\xff※": true, "\x00\x1b※": true,
		"": false, "see ※": false, "*": false, "\u200b": false,
	} {
		if got := moderation.Notice(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Ann", "\u202e/※: ", "a: : :", "\xff\x00", strings.Repeat("🐐 ", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := moderation.CleanName(s)
		if !utf8.ValidString(once) || len(once) > moderation.MaxNameBytes || utf8.RuneCountInString(once) > moderation.MaxNameRunes {
			t.Fatalf("%q became %q", s, once)
		}
		if again := moderation.CleanName(once); again != once {
			t.Fatalf("%q became %q, then %q", s, once, again)
		}
		if strings.ContainsAny(once, "\n\r\x00\u202e") || strings.HasPrefix(once, "/") || strings.HasPrefix(once, string(moderation.NoticeGlyph)) {
			t.Fatalf("%q became %q", s, once)
		}
	})
}
