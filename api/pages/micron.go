package pages

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groupd/moderation"
)

// Bounds of a page.
const (
	// MaxPage is the largest page in bytes, before compression.
	MaxPage = 2048
	// Columns is how wide a page is at most, in characters of the ordinary width.
	Columns = 60
)

// page is one page being written. Everything that is written goes to the end of the current line, and to the next one where it does not fit
// Columns. Whatever text is given to its methods is shown as that text and does nothing: no method writes markup that it got.
type page struct {
	b      []byte
	col    int    // columns of the current line in use
	start  int    // those in front of its first word
	indent int    // columns in front of lines that go on; at least 2 for what people wrote, so that nobody can write another's line
	space  bool   // a space is due before the next word of this line
	foot   []byte // what comes at the end
}

// newPage begins a page that programs may keep for so many seconds; 0: it must be asked for each time. NomadNet keeps a page without this
// line for 12 hours, and shows it again whatever stood in the fields of the form that asked for it (spec 4 §7.12).
func newPage(cache int) *page {
	return &page{b: append(strconv.AppendInt([]byte("#!c="), int64(cache), 10), '\n')}
}

// room is how many bytes are left.
func (p *page) room() int { return MaxPage - len(p.foot) - len(p.b) }

// nl ends the current line; an empty one stays empty.
func (p *page) nl() *page {
	p.b, p.col, p.start, p.space = append(p.b, '\n'), 0, 0, false
	return p
}

// end ends the current line unless nothing is on it.
func (p *page) end() *page {
	if p.col > p.start {
		p.nl()
	}
	return p
}

// in begins a line where lines that go on begin.
func (p *page) in() *page {
	for range p.indent {
		p.b = append(p.b, ' ')
	}
	p.col, p.start = p.indent, p.indent
	return p
}

// text writes a text on the current line, and further lines where needed. White space, line breaks included, becomes one space; control
// characters and what turns the direction of writing are left out.
func (p *page) text(s string) *page {
	if s == "" {
		return p
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	p.space = p.space || unicode.IsSpace(first)
	for i, word := range strings.Fields(moderation.CleanLine(s)) {
		p.space = p.space || i > 0
		p.word(word)
	}
	p.space = p.space || unicode.IsSpace(last)
	return p
}

// word writes what has no space in it, in pieces when it is wider than a line.
func (p *page) word(w string) {
	for w != "" {
		n := width(w)
		p.place(min(n, Columns-p.indent))
		head := w
		if n > Columns-p.col {
			head = narrow(w, Columns-p.col)
		}
		p.escape(head)
		p.col += width(head)
		w = w[len(head):]
	}
}

// place makes sure that something so wide fits the current line, after the space that is due.
func (p *page) place(columns int) {
	gap := 0
	if p.space && p.col > p.start {
		gap = 1
	}
	p.space = false
	switch {
	case p.col+gap+columns > Columns && p.col > p.start:
		p.nl().in()
	case gap == 1:
		p.b = append(p.b, ' ')
		p.col++
	}
}

// escape writes text so that no parser takes any of it for markup (spec 4 §7.13, and as measured: docs/pages.md). Backslash, backtick and
// bracket are escaped. Where an escape does not help, a tag that changes nothing stands between: before what begins a line with no letter or
// digit, and after backticks and what HTML would take for the beginning of a tag or an entity.
func (p *page) escape(s string) {
	const nothing = "`f" // the ordinary colour, which text always has
	first, _ := utf8.DecodeRuneInString(s)
	if last := p.b[len(p.b)-1]; s != "" && (last == '\n' || last == '>') && !unicode.IsLetter(first) && !unicode.IsDigit(first) {
		p.b = append(p.b, nothing...)
	}
	for _, r := range s {
		if r == '`' || r == '\\' || r == '[' {
			p.b = append(p.b, '\\')
		}
		p.b = utf8.AppendRune(p.b, r)
		if r == '`' || r == '<' || r == '&' {
			p.b = append(p.b, nothing...)
		}
	}
}

// bold is text that stands out.
func (p *page) bold(s string) *page { return p.tagged("`!", s, "`!") }

// italic is text that steps back.
func (p *page) italic(s string) *page { return p.tagged("`*", s, "`*") }

// tagged puts a tag before and after a text. The first word is what the tag stands at.
func (p *page) tagged(before, s, after string) *page {
	words := strings.Fields(moderation.CleanLine(s))
	if len(words) == 0 {
		return p
	}
	if strings.HasPrefix(s, " ") {
		p.space = true
	}
	p.place(min(width(words[0]), Columns-p.indent))
	p.b = append(p.b, before...)
	p.text(strings.Join(words, " "))
	p.b = append(p.b, after...)
	p.space = strings.HasSuffix(s, " ")
	return p
}

// heading is a line of its own, cut at Columns.
func (p *page) heading(s string) *page {
	if s = cut(moderation.CleanLine(s), Columns-1); s == "" {
		return p
	}
	p.end()
	p.b = append(p.b, '>')
	p.escape(s)
	return p.nl()
}

// line is text and the end of its line.
func (p *page) line(s string) *page { return p.end().text(s).nl() }

// link leads to a page of this node. vars are "name", "value", "name", "value"…; values are percent-encoded, and visit.variable
// decodes them.
func (p *page) link(label, path string, vars ...string) *page {
	p.anchor(label, ":"+path, "", vars)
	return p
}

// write leads to somebody's LXMF address.
func (p *page) write(label, address string) *page {
	p.anchor(label, "lxmf@"+address, "", nil)
	return p
}

// submit is a link that takes along what stands in the page's fields. The variables are as in link.
func (p *page) submit(label, path string, vars ...string) *page {
	p.anchor(label, ":"+path, "*", vars)
	return p
}

func (p *page) anchor(label, url, fields string, vars []string) {
	label = cut(plain(moderation.CleanLine(label)), Columns-p.indent)
	if label == "" {
		label = "..."
	}
	if p.b[len(p.b)-1] == ']' {
		p.text(" | ") // NomadNet makes one link of two that touch
	}
	p.place(width(label))
	p.b = append(append(append(append(p.b, "`["...), label...), '`'), encodeURL(url)...)
	sep := byte('`')
	if fields != "" {
		p.b = append(append(p.b, sep), fields...)
		sep = '|'
	}
	for i := 0; i+1 < len(vars); i += 2 {
		p.b = append(append(p.b, sep), encode(vars[i])...)
		p.b = append(append(p.b, '='), encode(vars[i+1])...)
		sep = '|'
	}
	p.b = append(p.b, ']')
	p.col += width(label)
}

// fieldPrefix stands before the names of fields on pages: what is called as a property of a web page, such as "name", would lose its name in
// MeshChat. visit takes it off.
const fieldPrefix = "g_"

// input is a field for text, so many columns wide, with what stands in it at first.
func (p *page) input(name string, columns int, value string) *page {
	const around = 300 // bytes that are kept for what follows
	p.place(min(columns, Columns-p.indent))
	value = plain(moderation.CleanLine(value))
	for n := max(0, p.room()-around); len(value) > n; { // no text that the Hub takes; see refill for those that can be so long
		_, last := utf8.DecodeLastRuneInString(value)
		value = value[:len(value)-last]
	}
	p.b = append(append(p.b, "`<"...), strconv.Itoa(columns)...)
	p.b = append(append(append(append(p.b, '|'), fieldPrefix...), encode(name)...), '`')
	p.b = append(append(p.b, value...), '>')
	p.col += columns
	return p
}

// checkbox is a box with a name of its own: of several boxes of one name MeshChat sends the last one only (spec 4 §7.13).
func (p *page) checkbox(name, label string, checked bool) *page {
	return p.choice('?', name, "1", label, checked)
}

// radio is one of the choices of a name, of which one is taken.
func (p *page) radio(name, value, label string, checked bool) *page {
	return p.choice('^', name, value, label, checked)
}

func (p *page) choice(kind byte, name, value, label string, checked bool) *page {
	const box = 4 // columns of "[X] "
	label = cut(plain(moderation.CleanLine(label)), Columns-box-p.indent)
	p.place(box + width(label))
	p.b = append(append(append(p.b, '`', '<', kind, '|'), fieldPrefix...), encode(name)...)
	p.b = append(append(p.b, '|'), encode(value)...)
	if checked {
		p.b = append(p.b, "|*"...)
	}
	p.b = append(append(append(p.b, '`'), label...), '>')
	p.col += box + width(label)
	return p
}

// fragment is what f writes at the beginning of a line, up to the end of a line.
func fragment(f func(p *page)) []byte {
	p := &page{b: []byte{'\n'}}
	f(p)
	return p.end().b[1:]
}

// list writes items 0 … n-1 from the first one on, as many as fit together with the foot, which is told how many there are. The first one is
// always written: it must fit. foot may be nil.
func (p *page) list(n int, item func(p *page, i int), foot func(p *page, shown int)) {
	p.fill(n, false, item, nil, foot)
}

// fill is list, or list from the last item on: as many of the last ones as fit, in their order, under the head and above the foot. It returns
// how many those are.
func (p *page) fill(n int, last bool, item func(p *page, i int), head, foot func(p *page, shown int)) int {
	p.end()
	around := func(f func(*page, int), shown int) []byte {
		if f == nil {
			return nil
		}
		return fragment(func(p *page) { f(p, shown) })
	}
	var items [][]byte
	size := 0
	for len(items) < n {
		i := len(items)
		if last {
			i = n - 1 - i
		}
		b := fragment(func(p *page) { item(p, i) })
		shown := len(items) + 1
		if size+len(b)+len(around(head, shown))+len(around(foot, shown)) > p.room() && len(items) > 0 {
			break
		}
		items, size = append(items, b), size+len(b)
	}
	if last {
		slices.Reverse(items)
	}
	p.b = append(p.b, around(head, len(items))...)
	for _, b := range items {
		p.b = append(p.b, b...)
	}
	p.b = append(p.b, around(foot, len(items))...)
	return len(items)
}

// raw writes lines that a fragment made.
func (p *page) raw(lines []byte) *page {
	p.end()
	p.b = append(p.b, lines...)
	return p
}

// bytes is the whole page. One empty line is enough before its foot.
func (p *page) bytes() []byte {
	p.end()
	if bytes.HasSuffix(p.b, []byte("\n\n")) {
		return append(p.b, bytes.TrimPrefix(p.foot, []byte{'\n'})...)
	}
	return append(p.b, p.foot...)
}
