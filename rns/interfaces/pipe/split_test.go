package pipe_test

import (
	"slices"
	"strings"
	"testing"

	"groupd/rns/interfaces/pipe"
)

func TestCommandsAreSplitAsAShellDoes(t *testing.T) {
	for text, want := range map[string][]string{
		"":                          nil,
		"  \t\n":                    nil,
		"nc -l 4242":                {"nc", "-l", "4242"},
		"  a\tb\r\nc ":              {"a", "b", "c"},
		`'a b' "c d"`:               {"a b", "c d"},
		`a'b'"c"d`:                  {"abcd"},
		`'' ""`:                     {"", ""},
		`a\ b \'c\"`:                {"a b", `'c"`},
		`"a\"b\\c\d\'"`:             {`a"b\c\d\'`},
		`'a\'`:                      {`a\`},
		`sh -c 'echo "$HOME" # it'`: {"sh", "-c", `echo "$HOME" # it`},
		`a # b; c | d > e`:          {"a", "#", "b;", "c", "|", "d", ">", "e"},
	} {
		got, err := pipe.Split(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`'a`, `"a`, `"a\"`, `a\`, `'`} {
		if got, err := pipe.Split(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`nc -l 'a b' "c\"d" e\ f`)
	f.Add(`'' "" \`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := pipe.Split(text)
		if err != nil {
			return
		}
		// Quoting the words again gives them again.
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
		}
		again, err := pipe.Split(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, words) {
			t.Fatalf("%q: %q, then %q, %v", text, words, again, err)
		}
	})
}
