package micron

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Dialect says whose reading of micron is meant.
type Dialect uint8

const (
	NomadNet Dialect = iota
	MeshChat
)

// Dialects returns both of them, for tests that hold in each.
func Dialects() []Dialect { return []Dialect{NomadNet, MeshChat} }

func (d Dialect) String() string {
	switch d {
	case NomadNet:
		return "NomadNet"
	case MeshChat:
		return "MeshChat"
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// Document is a page as its reader understands it.
type Document struct {
	HasCache   bool // the page begins with a cache header
	Cache      int  // its seconds; 0 means never
	Foreground string
	Background string
	Lines      []Line // comments and tags that show nothing are left out
}

// LineKind says what a line of a page is.
type LineKind uint8

const (
	Text LineKind = iota
	Heading
	Divider
	Literal // of a literal block: one run, no tags
	Table   // Cells
	Partial // Runs is empty, Partial is set
	Image   // one run, a link to the image
)

func (k LineKind) String() string {
	names := [...]string{"text", "heading", "divider", "literal", "table", "partial", "image"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("LineKind(%d)", uint8(k))
}

// Align is how a line stands in its row.
type Align uint8

const (
	Default Align = iota
	Left
	Center
	Right
)

// Line is one line of a page.
type Line struct {
	Kind    LineKind
	Depth   int // of the section it stands in, 0 outside; of a heading its own
	Align   Align
	Glyph   rune // of a divider
	Runs    []Run
	Cells   [][]string   // of a table, its rows
	Partial *PartialPage // of a partial
}

// Style is how a run looks.
type Style struct {
	Bold, Underline, Italic bool
	Foreground, Background  string // as written, empty for the page's own
}

// Run is a piece of a line in one style: text, a link or a field.
type Run struct {
	Text  string // of a link its label; empty for a field
	Style Style
	Link  *Link
	Field *Field
}

// Link is what a visitor can follow.
type Link struct {
	Label string
	URL   string // as written
	Data  string // as written: parts separated by '|'
}

// FieldKind says what a field takes.
type FieldKind uint8

const (
	TextField FieldKind = iota
	Checkbox
	Radio
)

func (k FieldKind) String() string { return [...]string{"text", "checkbox", "radio"}[k%3] }

// Field is what a visitor can fill or tick.
type Field struct {
	Kind    FieldKind
	Name    string
	Width   int    // columns of a text field
	Masked  bool   // of a text field
	Value   string // initial text, or what a ticked choice sends
	Label   string // of a choice
	Checked bool   // of a choice
}

// PartialPage is a part of a page that the client fetches by itself.
type PartialPage struct {
	URL     string
	Seconds string // as written
	Data    string
}

// Links returns the document's links in their order.
func (d Document) Links() []Link {
	var links []Link
	for _, l := range d.Lines {
		for _, r := range l.Runs {
			if r.Link != nil {
				links = append(links, *r.Link)
			}
		}
	}
	return links
}

// Fields returns the document's fields in their order.
func (d Document) Fields() []Field {
	var fields []Field
	for _, l := range d.Lines {
		for _, r := range l.Runs {
			if r.Field != nil {
				fields = append(fields, *r.Field)
			}
		}
	}
	return fields
}

// String returns the line as plain text without colour, as wide as it shows: a section's indent, labels of links, fields as
// wide as they are.
func (l Line) String() string {
	indent := strings.Repeat("  ", max(l.Depth-1, 0))
	switch l.Kind {
	case Divider:
		return indent + strings.Repeat(string(l.Glyph), 10)
	case Table:
		var rows []string
		for _, cells := range l.Cells {
			rows = append(rows, indent+strings.Join(cells, " | "))
		}
		return strings.Join(rows, "\n")
	case Partial:
		return indent + "{" + l.Partial.URL + "}"
	}
	var b strings.Builder
	b.WriteString(indent)
	for _, r := range l.Runs {
		if r.Field != nil {
			b.WriteString(r.Field.String())
		} else {
			b.WriteString(r.Text)
		}
	}
	return b.String()
}

// String returns how a field shows without colour.
func (f Field) String() string {
	mark := " "
	if f.Checked {
		mark = "X"
	}
	switch f.Kind {
	case Checkbox:
		return "[" + mark + "] " + f.Label
	case Radio:
		return "(" + mark + ") " + f.Label
	}
	shown := f.Value
	if f.Masked {
		shown = strings.Repeat("*", utf8.RuneCountInString(shown))
	}
	if n := utf8.RuneCountInString(shown); n < f.Width {
		return shown + strings.Repeat("_", f.Width-n)
	}
	return string([]rune(shown)[:f.Width])
}

// Plain returns the document's lines as plain text.
func (d Document) Plain() []string {
	var out []string
	for _, l := range d.Lines {
		out = append(out, strings.Split(l.String(), "\n")...)
	}
	return out
}

// Width returns the columns of the document's widest line.
func (d Document) Width() int {
	widest := 0
	for _, line := range d.Plain() {
		widest = max(widest, utf8.RuneCountInString(line))
	}
	return widest
}

// Shape returns everything of the document but its texts: kinds and depths of lines, styles, targets of links, names of
// fields. Two pages that differ only in what people wrote have the same shape, or what somebody wrote was not inert.
func (d Document) Shape() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cache %v %d %q %q\n", d.HasCache, d.Cache, d.Foreground, d.Background)
	for _, l := range d.Lines {
		fmt.Fprintf(&b, "%s %d %d %q", l.Kind, l.Depth, l.Align, l.Glyph)
		for _, r := range l.Runs {
			switch {
			case r.Link != nil:
				fmt.Fprintf(&b, " link %+v %q %q", r.Style, r.Link.URL, r.Link.Data)
			case r.Field != nil:
				fmt.Fprintf(&b, " %s %q %d %v %v", r.Field.Kind, r.Field.Name, r.Field.Width, r.Field.Masked, r.Field.Checked)
				if r.Field.Kind != TextField {
					fmt.Fprintf(&b, " %q", r.Field.Value)
				}
			default:
				fmt.Fprintf(&b, " %+v", r.Style)
			}
		}
		if l.Partial != nil {
			fmt.Fprintf(&b, " %+v", *l.Partial)
		}
		for _, row := range l.Cells {
			fmt.Fprintf(&b, " %d", len(row))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
