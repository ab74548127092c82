package micron

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	fieldWidth    = 24  // of a text field that names none
	maxFieldWidth = 256 // more is taken as this
	dividerGlyph  = '─' // of a divider that names none
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
		if p.tableLine(line) || p.partialLine(line) {
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
	case line[0] == '\\' && p.dialect == NomadNet:
		line, escaped = line[1:], true
	case line[0] == '#':
		return
	case line[0] == '>':
		text := strings.TrimLeft(line, ">")
		p.depth = len(line) - len(text)
		if text == "" {
			return
		}
		kept := p.style
		l := p.runs(text, false)
		p.style = kept
		if !l.hasField() {
			l.Kind = Heading
		}
		p.add(l)
		return
	case line[0] == '-':
		glyph := dividerGlyph
		if utf8.RuneCountInString(line) == 2 {
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

func (l Line) hasField() bool {
	for _, r := range l.Runs {
		if r.Field != nil {
			return true
		}
	}
	return false
}

// tableLine takes a line that opens, closes or belongs to a table.
func (p *parser) tableLine(line string) bool {
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
	line = strings.TrimSpace(line)
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
		case c == '\\' && (p.dialect == NomadNet || strings.HasPrefix(line[i+1:], "`") || strings.HasPrefix(line[i+1:], "\\")):
			escaped = true
			i++
		case c == '`':
			flush()
			run, n := p.tag(line[i+1:])
			if run != nil {
				out = append(out, *run)
			}
			i += 1 + n
		default:
			text.WriteByte(c)
			i++
		}
	}
	flush()
	return Line{Kind: Text, Depth: p.depth, Align: p.align, Runs: out}
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
		p.stand(Center)
	case 'l':
		p.stand(Left)
	case 'r':
		p.stand(Right)
	case 'a':
		p.align = Default
	case '`':
		p.style, p.align = Style{}, Default
	case '[':
		if link, n := link(s); n > 0 {
			if link == nil {
				return nil, n
			}
			return &Run{Text: link.Label, Style: p.style, Link: link}, n
		}
	case '<':
		if field, n := field(s); n > 0 {
			return &Run{Style: p.style, Field: field}, n
		}
	}
	_, n := utf8.DecodeRuneInString(s)
	return nil, n
}

// stand sets how lines stand; in MeshChat the same tag again goes back.
func (p *parser) stand(a Align) {
	if p.dialect == MeshChat && p.align == a {
		a = Default
	}
	p.align = a
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
