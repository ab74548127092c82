package micron

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	fieldWidth    = 24  // of a text field that names none
	maxFieldWidth = 256 // more is taken as this
	dividerGlyph  = '─' // of a divider that names none

	// lostNames are names that a field loses in MeshChat, whose sanitizer takes away what would hide a property of the document or of a
	// form (seen with DOMPurify 3.4.18).
	lostNames = " action after anchors append applets attributes before blur body charset children clear click close closest constructor" +
		" contains cookie dataset dir doctype draggable elements embeds enctype evaluate focus forms head hidden id images implementation" +
		" lang length links location matches method name nonce normalize open plugins prefix prepend referrer remove reset role scripts" +
		" slot style submit target title translate write writeln "
)

// Parse reads page as dialect's client does. It never fails: what is no tag is text, or is left out as that client leaves
// it out.
func Parse(page []byte, dialect Dialect) Document {
	p := parser{dialect: dialect}
	lines := strings.Split(string(page), "\n")
	for _, line := range p.headers(lines) {
		p.line(line)
	}
	p.endTable()
	return p.doc
}

// parser holds what persists from line to line.
type parser struct {
	dialect Dialect
	doc     Document
	style   Style
	align   Align
	depth   int
	literal bool
	table   *Line // that is open (NomadNet)
}

// headers takes the header lines off the top: the cache header counts only as the very first characters of the page.
func (p *parser) headers(lines []string) []string {
	for n := 0; len(lines) > 0; n++ {
		first := strings.TrimSuffix(lines[0], "\r")
		switch {
		case n == 0 && strings.HasPrefix(first, "#!c="):
			seconds, err := strconv.Atoi(strings.TrimSpace(first[len("#!c="):]))
			p.doc.HasCache, p.doc.Cache = err == nil, max(seconds, 0)
		case strings.HasPrefix(first, "#!bg="):
			p.doc.Background = strings.TrimSpace(first[len("#!bg="):])
		case strings.HasPrefix(first, "#!fg="):
			p.doc.Foreground = strings.TrimSpace(first[len("#!fg="):])
		default:
			return lines
		}
		lines = lines[1:]
	}
	return lines
}

func (p *parser) add(l Line) { p.doc.Lines = append(p.doc.Lines, l) }

// line reads one line: first what its first characters say, then its tags.
func (p *parser) line(line string) {
	if line == "`=" {
		p.literal = !p.literal
		return
	}
	if p.literal {
		if line == "\\`=" {
			line = "`="
		}
		p.add(Line{Kind: Literal, Depth: p.depth, Align: p.align, Runs: []Run{{Text: line, Style: p.style}}})
		return
	}
	if p.dialect == NomadNet {
		if p.tableLine(line) || p.partialLine(line) || p.imageLine(line) {
			return
		}
		if tag := strings.TrimPrefix(line, "\\"); strings.HasPrefix(tag, "`{") || strings.HasPrefix(tag, "`(") {
			return // one that is not right shows nothing, with a backslash before it as well
		}
		if strings.HasPrefix(line, "`+>") || strings.HasPrefix(line, "`->") { // a heading that folds
			p.heading(line[2:])
			return
		}
	}
	escaped := false
	switch {
	case line == "":
	case line[0] == '<':
		p.depth = 0
		p.line(line[1:])
		return
	case line[0] == '\\':
		line, escaped = line[1:], true
	case line[0] == '#':
		return
	case line[0] == '>':
		p.heading(line)
		return
	case line[0] == '-':
		glyph := dividerGlyph
		if n := utf8.RuneCountInString(line); n == 2 || n > 2 && p.dialect == MeshChat {
			glyph, _ = utf8.DecodeRuneInString(line[1:])
		}
		p.add(Line{Kind: Divider, Depth: p.depth, Glyph: glyph})
		return
	}
	empty := line == ""
	if l := p.runs(line, escaped); empty || len(l.Runs) > 0 {
		p.add(l)
	}
}

// heading reads a line that begins with brackets. One with a field is no heading for NomadNet, which reads what follows them as a line.
func (p *parser) heading(line string) {
	text := strings.TrimLeft(line, ">")
	if p.dialect == NomadNet && strings.Contains(text, "`<") {
		p.line(text)
		return
	}
	p.depth = len(line) - len(text)
	if text == "" {
		return
	}
	kept := p.style
	p.style = Style{} // it has its own
	l := p.runs(text, false)
	p.style = kept
	l.Kind = Heading
	p.add(l)
}

// tableLine takes a line that opens, closes or belongs to a table.
func (p *parser) tableLine(line string) bool {
	line = strings.TrimPrefix(line, "\\")
	if strings.HasPrefix(line, "`t") && strings.Trim(line[2:], "lcr0123456789") == "" {
		if p.table != nil {
			p.endTable()
		} else {
			p.table = &Line{Kind: Table, Depth: p.depth}
		}
		return true
	}
	if p.table == nil {
		return false
	}
	var cells []string
	for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	p.table.Cells = append(p.table.Cells, cells)
	return true
}

func (p *parser) endTable() {
	if p.table != nil {
		p.add(*p.table)
		p.table = nil
	}
}

// partialLine takes a line that is a partial and nothing else.
func (p *parser) partialLine(line string) bool {
	line = strings.TrimPrefix(strings.TrimRight(line, " "), "\\")
	if !strings.HasPrefix(line, "`{") || !strings.HasSuffix(line, "}") {
		return false
	}
	parts := strings.Split(line[2:len(line)-1], "`")
	if parts[0] == "" || len(parts) > 3 {
		return false
	}
	partial := PartialPage{URL: parts[0]}
	if len(parts) > 1 {
		partial.Seconds = parts[1]
	}
	if len(parts) > 2 {
		partial.Data = parts[2]
	}
	p.add(Line{Kind: Partial, Depth: p.depth, Partial: &partial})
	return true
}

// imageLine takes a line that is an image and nothing else; the client fetches it with the page.
func (p *parser) imageLine(line string) bool {
	line = strings.TrimPrefix(line, "\\")
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "`("), ")"), "`")
	if !strings.HasPrefix(line, "`(") || !strings.HasSuffix(line, ")") || len(parts) < 2 {
		return false
	}
	url := parts[len(parts)-1]
	p.add(Line{Kind: Image, Depth: p.depth, Runs: []Run{{Text: parts[0], Link: &Link{Label: parts[0], URL: url}}}})
	return true
}

// runs reads the tags of a line. escaped says that its first character was escaped.
func (p *parser) runs(line string, escaped bool) Line {
	var out []Run
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, Run{Text: text.String(), Style: p.style})
			text.Reset()
		}
	}
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case escaped:
			text.WriteByte(c)
			escaped = false
			i++
		case c == '\\':
			escaped = true
			i++
		case c == '`':
			flush()
			run, n := p.tag(line[i+1:])
			if run != nil {
				out = append(out, *run)
			}
			i += 1 + n
		case c == '[' && p.dialect == MeshChat: // a link without its backtick; its last bracket stays
			if l, n := link(line[i:]); l != nil {
				flush()
				out = append(out, Run{Text: l.Label, Style: p.style, Link: l})
				i += n - 1
				continue
			}
			text.WriteByte(c)
			i++
		default:
			text.WriteByte(c)
			i++
		}
	}
	flush()
	if p.dialect == NomadNet {
		out = joined(out)
	}
	return Line{Kind: Text, Depth: p.depth, Align: p.align, Runs: out}
}

// joined makes one link of links that have nothing between them, which leads where the last one does: so NomadNet does, but on lines with
// fields.
func joined(runs []Run) []Run {
	if slices.ContainsFunc(runs, func(r Run) bool { return r.Field != nil }) {
		return runs
	}
	var out []Run
	for _, r := range runs {
		if last := len(out) - 1; r.Link != nil && last >= 0 && out[last].Link != nil && out[last].Style == r.Style {
			r.Text = out[last].Text + r.Text
			r.Link.Label = r.Text
			out = out[:last]
		}
		out = append(out, r)
	}
	return out
}

// tag reads one tag whose backtick has been taken, and says how many bytes belong to it. An unknown tag shows nothing.
func (p *parser) tag(s string) (*Run, int) {
	if s == "" {
		return nil, 0
	}
	switch s[0] {
	case '!':
		p.style.Bold = !p.style.Bold
	case '_':
		p.style.Underline = !p.style.Underline
	case '*':
		p.style.Italic = !p.style.Italic
	case 'F':
		return nil, p.colour(&p.style.Foreground, s)
	case 'B':
		return nil, p.colour(&p.style.Background, s)
	case 'f':
		p.style.Foreground = ""
	case 'b':
		p.style.Background = ""
	case 'c':
		p.align = Center
	case 'l':
		p.align = Left
	case 'r':
		p.align = Right
	case 'a':
		p.align = Default
	case ':':
		if p.dialect == NomadNet { // a place to jump to, which does not show
			rest := strings.TrimLeftFunc(s[1:], func(r rune) bool { return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) })
			return nil, len(s) - len(rest)
		}
	case '`':
		p.style, p.align = Style{}, Default
	case '[':
		if link, n := link(s); n > 0 && (link != nil || p.dialect == NomadNet) {
			if link == nil {
				return nil, n
			}
			return &Run{Text: link.Label, Style: p.style, Link: link}, n
		}
	case '<':
		if field, n := field(s); n > 0 {
			if p.dialect == MeshChat {
				if field.Name = strings.TrimSpace(field.Name); strings.Contains(lostNames, " "+field.Name+" ") {
					field.Name = ""
				}
			}
			return &Run{Style: p.style, Field: field}, n
		}
	}
	_, n := utf8.DecodeRuneInString(s)
	return nil, n
}

// colour reads three characters, or six after a T where the client knows that.
func (p *parser) colour(to *string, s string) int {
	if p.dialect == NomadNet && strings.HasPrefix(s[1:], "T") && len(s) >= 8 {
		*to = s[2:8]
		return 8
	}
	if len(s) < 4 {
		return 1
	}
	*to = s[1:4]
	return 4
}

// link reads `[label`url`data]: up to the first bracket, whatever it is. A link without a target shows nothing.
func link(s string) (*Link, int) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return nil, 0
	}
	var l Link
	switch parts := strings.Split(s[1:end], "`"); len(parts) {
	case 1:
		l.URL = parts[0]
	case 2:
		l.Label, l.URL = parts[0], parts[1]
	case 3:
		l.Label, l.URL, l.Data = parts[0], parts[1], parts[2]
	}
	if l.URL == "" {
		return nil, end + 1
	}
	if l.Label == "" {
		l.Label = l.URL
	}
	return &l, end + 1
}

// field reads `<flags|name|value|*`text>: the head up to the first backtick, the text up to the first bracket after it.
func field(s string) (*Field, int) {
	tick := strings.IndexByte(s, '`')
	if tick < 0 {
		return nil, 0
	}
	end := strings.IndexByte(s[tick:], '>')
	if end < 0 {
		return nil, 0
	}
	text := s[tick+1 : tick+end]
	f := Field{Width: fieldWidth, Value: text}
	parts := strings.Split(s[1:tick], "|")
	if len(parts) == 1 {
		f.Name = parts[0]
		return &f, tick + end + 1
	}
	flags := parts[0]
	f.Name = parts[1]
	switch {
	case strings.Contains(flags, "^"):
		f.Kind = Radio
	case strings.Contains(flags, "?"):
		f.Kind = Checkbox
	}
	f.Masked = strings.Contains(flags, "!")
	if width, err := strconv.Atoi(strings.Trim(flags, "!?^")); err == nil && width > 0 {
		f.Width = min(width, maxFieldWidth)
	}
	if f.Kind != TextField {
		f.Label, f.Value, f.Width, f.Masked = text, text, 0, false
		if len(parts) > 2 && parts[2] != "" {
			f.Value = parts[2]
		}
		f.Checked = len(parts) > 3 && parts[3] == "*"
	}
	return &f, tick + end + 1
}
