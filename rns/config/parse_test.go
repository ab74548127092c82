package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"groupd/rns/config"
)

// first is the value of key "a" in a file with one entry in section [s].
func first(t *testing.T, line string) (config.Value, error) {
	t.Helper()
	root, err := config.Parse([]byte("[s]\nb = other\n" + line + "\n"))
	if err != nil {
		return config.Value{}, err
	}
	e := root.Section("s").Entry("a")
	if e == nil {
		t.Fatalf("%q: no entry a", line)
	}
	return e.Value()
}

// I-120, I-121.
func TestValuesReadAsTheReferenceReadsThem(t *testing.T) {
	for line, want := range map[string][]string{
		"a = b c  d   ":                    {"b c  d"},
		"  a=b":                            {"b"},
		"a = b # note":                     {"b"},
		"a = b#note":                       {"b"},
		"a = #x":                           {""},
		"a =":                              {""},
		"a = 'b # c'":                      {"b # c"},
		"a = 'b # c' # d":                  {"b # c"},
		`a = "x, y"`:                       {"x, y"},
		`a = ""`:                           {""},
		"a = it's":                         {"it's"},
		"a = 'it's'":                       {"it's"},
		"a = x;y":                          {"x;y"},
		`a = c:\dir`:                       {`c:\dir`},
		"a = $x":                           {"$x"},
		"a = pass%word":                    {"pass%word"},
		"a = 100%(":                        {"100%("},
		"a = b = c":                        {"b = c"},
		"a = %(b)s/%(b)s":                  {"other/other"},
		"'a' = x":                          {"x"},
		`"a"= x`:                           {"x"},
		"a = '''x  \n  y'''":               {"x  \n  y"},
		"a = '''''''":                      {"'"},
		"a = '''one line'''":               {"one line"},
		"a = '''x\ny # z\n'''":             {"x\ny # z\n"},
		"a = \"\"\"x\r\n'''y\"\"\" # note": {"x\n'''y"},
	} {
		v, err := first(t, line)
		if err != nil || v.IsList || !reflect.DeepEqual(v.Items, want) {
			t.Errorf("%q: %q, list %v, %v", line, v.Items, v.IsList, err)
		}
	}
	for line, want := range map[string][]string{
		"a = 1, 2,3":         {"1", "2", "3"},
		"a = 1,":             {"1"},
		"a = 1, # note":      {"1"},
		"a = ,":              {},
		"a = , # note":       {},
		`a = a,'b,c', "d"`:   {"a", "b,c", "d"},
		"a = '', x":          {"", "x"},
		"a = %(b)s, x%(b)s#": {"other", "xother"},
	} {
		v, err := first(t, line)
		if err != nil || !v.IsList || len(v.Items) != len(want) || len(want) > 0 && !reflect.DeepEqual(v.Items, want) {
			t.Errorf("%q: %q, list %v, %v", line, v.Items, v.IsList, err)
		}
	}
}

// I-122.
func TestLinesWithoutMeaningAreErrors(t *testing.T) {
	for _, line := range []string{
		"a = 'open", `a = "q"x`, "a = ,,", "a = x,,y", "a = ,x", "a = 'x', 'y", "just words", "a : b", "= x", "; comment",
		"a = '''never closed", "a = '''x''' y", "[[[deep]]]", "[x", "[s", "[s]]", "[[s]", "[]", "a = 1\na = 2", "[s]", "[[x]]\n[[x]]",
		"[[x]]\n[s]\nx", `"a = x`, "['x]", "[[b]]", "\xff = x",
	} {
		_, err := config.Parse([]byte("[s]\nb = other\n" + line + "\n"))
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%q was accepted", line)
			continue
		}
		if n := e.Problems[0].Line; n < 3 || n > 3+strings.Count(line, "\n") {
			t.Errorf("%q: said to be in line %d: %v", line, n, err)
		}
	}
	if _, err := config.Parse([]byte("[[x]]")); err == nil {
		t.Error("a section of depth 2 at the beginning was accepted")
	}
	for _, quote := range []string{"", `"`, "'''", "'''\n"} {
		if _, err := config.Parse([]byte("a = " + quote + strings.Repeat("%(", 40_000) + quote)); err == nil {
			t.Errorf("a huge value in %q was accepted", quote)
		}
	}
	if _, err := config.Parse([]byte(strings.Repeat("#", config.MaxSize+1))); err == nil {
		t.Error("a huge file was accepted")
	}
}

func TestAllErrorsAreToldAtOnceWithTheirLines(t *testing.T) {
	_, err := config.Parse([]byte("[a]\nx = 'open\n\nwords\n[[b]]\n[[b]]\ny = 1\n[[[[c]]]]\n"))
	want := `line 2: [a]: x: the value has a quote that is not closed, something after it, or commas with nothing between
line 4: [a]: this line is neither a [section] nor key = value
line 6: [a] [[b]]: there is already something of this name
line 8: [a] [[b]] [[[c]]]: is too deep: one bracket more than the section around it is the most`
	if err == nil || err.Error() != want {
		t.Errorf("errors:\n%v\nwant:\n%s", err, want)
	}
}

func TestSectionsNest(t *testing.T) {
	text := "\xef\xbb\xbftop = 1\r\n[ one ] # note\r\nx = 1\r\n  [[two]]\r\nx = 2\r\n[[[ \"three # ]\" ]]]\r\nx = 3\r\n[[four]]\r\nx=4\r\n[five's]#note\r\n[ [six] ]\n"
	root, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	one := root.Section("one")
	three := one.Section("two").Section("three # ]")
	if root.Entry("top").Line != 1 || one.Line != 2 || three.Depth != 3 || three.Entry("x").Line != 7 || one.Section("four").Line != 8 {
		t.Errorf("%+v", root)
	}
	if root.Section("five's").Section("six") == nil {
		t.Error("no section six")
	}
	if got := three.Path(); got != "[one] [[two]] [[[three # ]]]]" {
		t.Errorf("path %q", got)
	}
}

func TestReplacementsLookOutwardAndEnd(t *testing.T) {
	root, err := config.Parse([]byte(`
a = top
l = 1, 2
[s]
b = %(a)s!
loop = %(loop)s
none = %(missing)s
list = %(l)s
d = %(e)s
d1 = %(b)s%(b)s
odd = %(a)s %(a) %s
[[DEFAULT]]
e = default
[[t]]
c = <%(b)s>
`))
	if err != nil {
		t.Fatal(err)
	}
	s := root.Section("s")
	for key, want := range map[string]string{"b": "top!", "d": "default", "d1": "top!top!", "odd": "top %(a) %s"} {
		if v, err := s.Entry(key).Value(); err != nil || v.Items[0] != want {
			t.Errorf("%s: %q, %v", key, v.Items, err)
		}
	}
	if v, err := s.Section("t").Entry("c").Value(); err != nil || v.Items[0] != "<top!>" {
		t.Errorf("c: %q, %v", v.Items, err)
	}
	for _, key := range []string{"loop", "none", "list"} {
		if v, err := s.Entry(key).Value(); err == nil {
			t.Errorf("%s: %q", key, v.Items)
		}
	}
}

func TestReplacementsCannotGrowWithoutLimit(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0 = 0123456789\n")
	for i := range 10 {
		text.WriteString("a" + string(rune('1'+i)) + " = " + strings.Repeat("%(a"+string(rune('0'+i))+")s", 100) + "\n")
	}
	root, err := config.Parse([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.Entry("a9").Value(); err == nil {
		t.Error("a value of 10^19 bytes was made")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(config.DefaultText))
	f.Add([]byte(example))
	f.Add([]byte("[a]\nx = 'q', \"w\" # c\n[[b]]\ny = '''m\nn'''\nz = %(x)s%(y)s\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Read(text)
		lines := strings.Count(strings.ReplaceAll(string(text), "\r", "\n"), "\n") + 1
		var problems []config.Problem
		var e *config.Error
		switch {
		case errors.As(err, &e):
			if problems = e.Problems; len(problems) == 0 {
				t.Fatal("an error without problems")
			}
		case err != nil:
			t.Fatalf("%T", err)
		default:
			problems = c.Warnings
			for _, i := range c.Interfaces {
				if i.TCPClient != nil && (i.TCPClient.TargetPort < 1 || i.TCPClient.TargetHost == "") {
					t.Fatalf("%+v", i.TCPClient)
				}
				if i.IFACSize < 0 || i.IFACSize > 64 || i.AnnounceCap <= 0 || i.AnnounceCap > 1 {
					t.Fatalf("%+v", i)
				}
			}
		}
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines {
				t.Fatalf("line %d of %d: %v", p.Line, lines, p)
			}
			if p.Text == "" {
				t.Fatal("a problem without text")
			}
		}
	})
}
