package pages

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"groupd/internal/micron"
	"groupd/moderation"
)

// hostile is what people write who want to write something else.
func hostile() []string {
	return []string{
		"", " ", "`", "\\", "``", "\\`", "`!bold`!", "`Ff00red`f", "`B00fblue", "`FTff0000x", "`[click`:/page/post.mu`n=1]", "[click`:/page/post.mu]", "[x]", "`[x", "`<24|name`value>",
		"`<?|a|b`c>", "`<", "`>", ">heading", ">>x", "<x", "-", "-~", "--", "#comment", "#!c=9", "#!bg=f00", "`=", "`t", "`t`", "`{:/page/x.mu`1}", "`(alt`w=1`a=c`http://x)",
		"`:anchor", "`+> fold", "`c", "`r", "`a", "`_x`*y", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a<b&amp;c&#60;", "'", "\"", "'+alert(1)+'", "a\n>b\n`=\n-", "a\r\nb",
		"\u202eevil\u202c", "\u2066x", "a\u0000b\x1b[31mc", "\xff\xfe", strings.Repeat("`", 200), strings.Repeat("<", 200), strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat("\\", 150),
		strings.Repeat("x", 400), strings.Repeat("雪", 100), strings.Repeat("é e\u0301 ", 60), "👩‍👩‍👧 👍🏽 🇩🇪", "שלום עולם", "=", "|", "a|b=c", "x]y", "x>y", "15:04 Ann: hello",
		"\\`f", "`f", "a`", "`a\\", "\\[x`y]", "]", "`]", ">`<x", "`\n`", "<`", "&`f", "x`=y", "==", ".`t", "  `{x}", "* x", "/me x", "%41%2g%", "\u2028x", "※ x",
	}
}

// spaceless is a text without white space.
func spaceless(s string) string { return strings.Join(strings.Fields(s), "") }

// inert fails unless a page of f's shows exactly this text and nothing else: no link, field, heading, style or colour.
func inert(t *testing.T, what string, f func(p *page), texts ...string) {
	t.Helper()
	text, want := strings.Join(texts, ""), ""
	for _, part := range texts {
		want += spaceless(moderation.CleanLine(part))
	}
	p := newPage(0)
	f(p)
	b := p.bytes()
	if !utf8.Valid(b) {
		t.Errorf("%s %q: not UTF-8: %q", what, text, b)
	}
	for _, d := range micron.Dialects() {
		doc := micron.Parse(b, d)
		if Widest(doc) > Columns {
			t.Errorf("%s %q: %d columns for %v: %q", what, text, Widest(doc), d, b)
		}
		if !doc.HasCache || doc.Cache != 0 || doc.Background != "" || doc.Foreground != "" || len(doc.Links()) != 0 || len(doc.Fields()) != 0 {
			t.Errorf("%s %q: there is more on the page for %v: %q", what, text, d, b)
		}
		for _, l := range doc.Lines {
			if l.Kind != micron.Text || l.Depth != 0 || l.Align != micron.Default {
				t.Errorf("%s %q: a line of kind %v for %v: %q", what, text, l.Kind, d, b)
			}
			for _, r := range l.Runs {
				if r.Style != (micron.Style{}) {
					t.Errorf("%s %q: a style for %v: %q", what, text, d, b)
				}
			}
		}
		if got := spaceless(strings.Join(doc.Plain(), " ")); got != want {
			t.Errorf("%s %q: %v shows %q: %q", what, text, d, got, b)
		}
	}
}

// everywhere puts a text wherever a page can have one.
func everywhere(t *testing.T, text string) {
	t.Helper()
	inert(t, "text", func(p *page) { p.text(text) }, text)
	inert(t, "a line", func(p *page) { p.line(text) }, text)
	inert(t, "text that is indented", func(p *page) {
		p.indent = 2
		p.in().text(text)
	}, text)
	for n := range Columns {
		if n > 2 && n < Columns-4 {
			continue
		}
		before := strings.Repeat("x", n)
		inert(t, fmt.Sprint("after ", n), func(p *page) { p.text(before).text(text) }, before, text)
		inert(t, fmt.Sprint("after a space and ", n), func(p *page) { p.text(before + " ").text(text) }, before, text)
	}
	inert(t, "two texts", func(p *page) { p.text(text).text(text) }, text, text)
	inert(t, "in front of others", func(p *page) { p.text(text).text("[script`>x") }, text, "[script`>x")

	clean := moderation.CleanLine(text)
	p := newPage(0)
	p.heading(text)
	p.indent = 2
	p.bold(text).text(" ").italic(text).nl()
	p.link(text, "/page/x.mu", "q", text).text(" ").submit("Send", "/page/y.mu", "n", text).nl()
	q := newPage(0)
	q.input("a", 24, text).nl().choice('?', "b", "v", text, true).nl()
	b := append(p.bytes(), q.bytes()[len("#!c=0\n"):]...)
	for _, d := range micron.Dialects() {
		doc := micron.Parse(b, d)
		if Widest(doc) > Columns {
			t.Errorf("%q: %d columns for %v: %q", text, Widest(doc), d, b)
		}
		var kinds []micron.LineKind
		for _, l := range doc.Lines {
			kinds = append(kinds, l.Kind)
		}
		if clean != "" {
			if len(kinds) == 0 || kinds[0] != micron.Heading || doc.Lines[0].Depth != 1 {
				t.Errorf("%q: no heading for %v: %q", text, d, b)
			}
			kinds = kinds[1:]
		}
		for _, k := range kinds {
			if k != micron.Text {
				t.Errorf("%q: lines %v for %v: %q", text, kinds, d, b)
			}
		}
		links, fields := doc.Links(), doc.Fields()
		if len(links) != 2 || len(fields) != 2 {
			t.Fatalf("%q: %d links and %d fields for %v: %q", text, len(links), len(fields), d, b)
		}
		send := links[len(links)-1]
		data := strings.TrimPrefix(send.Data, "*|n=")
		if send.URL != ":/page/y.mu" || send.Label != "Send" || data == send.Data || decode(data) != strings.ToValidUTF8(text, "") && utf8.ValidString(text) {
			t.Errorf("%q: the link %+v for %v: %q", text, send, d, b)
		}
		for _, l := range links {
			if strings.ContainsAny(l.URL+l.Data, "'\"\\<>`] \n") {
				t.Errorf("%q: the link %+v for %v: %q", text, l, d, b)
			}
		}
		if fields[0].Name != "g_a" || fields[0].Value != plain(clean) || fields[1].Name != "g_b" || fields[1].Value != "v" || !fields[1].Checked {
			t.Errorf("%q: fields %+v for %v: %q", text, fields, d, b)
		}
	}
}

//
func TestWhatPeopleWriteIsShownAndDoesNothing(t *testing.T) {
	for _, text := range hostile() {
		everywhere(t, text)
	}
}

func FuzzWhatPeopleWriteIsShownAndDoesNothing(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 500 {
			everywhere(t, text)
		}
	})
}

func TestTextFitsTheBytesItTakes(t *testing.T) {
	for _, text := range hostile() {
		for _, n := range []int{3, 4, 10, 50} {
			got := fit(text, n)
			p := &page{b: []byte{'x'}}
			p.escape(got)
			if len(p.b)-1 > n {
				t.Errorf("%q: %q takes %d bytes, not %d", text, got, len(p.b)-1, n)
			}
			if clean := moderation.CleanLine(text); len(clean)*4 <= n && got != clean {
				t.Errorf("%q became %q", text, got)
			}
		}
	}
}

func TestListsPageOnAtTheBytesOfAPage(t *testing.T) {
	for _, last := range []bool{false, true} {
		for _, size := range []int{2, 10, 100, 700, 1900} {
			p := newPage(0)
			p.foot = []byte("menu\n")
			item := func(p *page, i int) { p.text(fmt.Sprintf("item%d", i) + strings.Repeat(" x", size/2)) }
			around := func(p *page, n int) { p.text(fmt.Sprint("shown ", n)) }
			n := p.fill(100, last, item, around, around)
			b := p.bytes()
			if len(b) > MaxPage || n == 0 || (n < 100 && len(b)+size+60 < MaxPage) {
				t.Errorf("%d items of %d bytes on a page of %d", n, size, len(b))
			}
			first := 0
			if last {
				first = 100 - n
			}
			text := string(b)
			if !strings.Contains(text, fmt.Sprintf("item%d", first)) || !strings.Contains(text, fmt.Sprintf("item%d", first+n-1)) || strings.Count(text, fmt.Sprint("shown ", n)) != 2 ||
				!strings.HasSuffix(text, "menu\n") {
				t.Errorf("last %v, %d items: %s", last, n, text)
			}
		}
	}
}

// What HTML would take for a tag or an entity has a tag of micron's in it: the parser of our tests knows no HTML, MeshChat's page is made of it.
func TestNothingIsWrittenThatHTMLWouldRead(t *testing.T) {
	for text, want := range map[string]string{
		"a<b": "a<`fb", "a&lt;b": "a&`flt;b", "a&#60;": "a&`f#60;", "<x": "`f<`fx", "&": "`f&`f", "a`b": "a\\``fb", "a\\b": "a\\\\b", "a[b]": "a\\[b]", "x": "x", "-x": "`f-x",
	} {
		p := &page{b: []byte{'\n'}}
		p.text(text)
		if got := string(p.b[1:]); got != want {
			t.Errorf("%q is written as %q, not %q", text, got, want)
		}
	}
}

func TestWidthsAreThoseOfAScreen(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "é": 1, "e\u0301": 1, "e\u0301\u0302\u0303": 1, "雪": 2, "한": 2, "Ａ": 2, "ｱ": 1, "👍": 2, "א": 1, "\u200b": 0, "\u20d0": 0, "\U0001e8d0": 0, "й": 1, "※": 1, "€": 1,
	} {
		if got := width(text); got != want {
			t.Errorf("%q is %d columns wide, not %d", text, got, want)
		}
	}
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abcdef", 3, "abc"}, {"雪雪雪", 3, "雪"}, {"e\u0301e\u0301", 1, "e\u0301"}, {"ab", 5, "ab"}} {
		if got := narrow(c.text, c.n); got != c.want {
			t.Errorf("%q in %d columns is %q", c.text, c.n, got)
		}
	}
	if got := cut("雪雪雪雪雪", 8); got != "雪雪..." || width(got) > 8 {
		t.Errorf("cut to %q", got)
	}
}
