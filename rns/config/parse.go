package config

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// MaxSize is the longest file in bytes that is read, and maxValue the longest value.
const (
	MaxSize  = 1 << 20
	maxValue = 1 << 16
)

const blanks = " \t\v\f"

// Parse reads the text form of a file. It returns the root section, or an *Error with every line that has no meaning.
func Parse(text []byte) (*Section, error) {
	if len(text) > MaxSize {
		return nil, &Error{Problems: []Problem{{Text: "the file is larger than 1 MiB"}}}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if at := invalidUTF8(text); at >= 0 {
		return nil, &Error{Problems: []Problem{{Line: 1 + bytes.Count(text[:at], []byte("\n")), Text: "is not UTF-8 text"}}}
	}
	plain := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	p := &parser{lines: strings.Split(plain, "\n"), root: newSection(nil, "", 0, 0)}
	p.at = p.root
	for p.next < len(p.lines) {
		p.line()
	}
	if len(p.problems) > 0 {
		return nil, &Error{Problems: p.problems}
	}
	return p.root, nil
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

type parser struct {
	lines    []string
	next     int // index of the line to read next, which is the number of the one just read
	root     *Section
	at       *Section // where entries go
	problems []Problem
}

func (p *parser) fail(line int, text string) {
	p.problems = append(p.problems, Problem{Line: line, Where: p.at.Path(), Text: text, Hint: hintFor("", text)})
}

// line reads one line, or an entry of several.
func (p *parser) line() {
	text := strings.TrimLeft(p.lines[p.next], blanks)
	p.next++
	switch {
	case text == "" || text[0] == '#':
		return
	case text[0] == '[':
		if depth, closing, name, ok := header(text); ok {
			p.section(depth, closing, name)
			return
		}
	}
	key, value, ok := splitEntry(text)
	if !ok {
		p.fail(p.next, "this line is neither a [section] nor key = value")
		return
	}
	p.entry(key, value)
}

// header reads a section header: opening brackets, a name, closing brackets, and perhaps a comment.
func header(text string) (opening, closing int, name string, ok bool) {
	for text != "" && (text[0] == '[' || strings.IndexByte(blanks, text[0]) >= 0) {
		if text[0] == '[' {
			opening++
		}
		text = text[1:]
	}
	var quote byte
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		quote = text[0]
	}
	for i := 0; i < len(text); {
		// A run of closing brackets and blanks ends the name if nothing but a comment follows.
		end, brackets := i, 0
		for end < len(text) && (text[end] == ']' || strings.IndexByte(blanks, text[end]) >= 0) {
			if text[end] == ']' {
				brackets++
			}
			end++
		}
		if brackets > 0 && (end == len(text) || text[end] == '#') {
			name = text[:i]
			if quote != 0 {
				if len(name) < 2 || name[len(name)-1] != quote {
					if end == len(text) {
						return 0, 0, "", false
					}
					i = end
					continue
				}
				name = strings.Trim(name[1:len(name)-1], blanks)
			}
			return opening, brackets, name, name != ""
		}
		i = max(end, i+1)
	}
	return 0, 0, "", false
}

// section begins a section. The entries of one that is in error go to it all the same, but it is not part of the file.
func (p *parser) section(depth, closing int, name string) {
	parent, wrong := p.at, ""
	switch {
	case depth != closing:
		wrong = "opening and closing brackets differ in number"
	case depth > p.at.Depth+1:
		wrong = "is too deep: one bracket more than the section around it is the most"
	default:
		for parent.Depth >= depth {
			parent = parent.parent
		}
		if parent.has(name) {
			wrong = "there is already something of this name"
		}
	}
	p.at = newSection(parent, name, parent.Depth+1, p.next)
	if wrong != "" {
		p.fail(p.next, wrong)
		return
	}
	parent.Sections = append(parent.Sections, p.at)
	parent.inner[name] = p.at
}

// splitEntry divides a line at the first = outside of a quoted key.
func splitEntry(text string) (key, value string, ok bool) {
	if q := text[0]; q == '"' || q == '\'' {
		for i := 1; i < len(text); i++ {
			if text[i] != q {
				continue
			}
			if rest := strings.TrimLeft(text[i+1:], blanks); strings.HasPrefix(rest, "=") {
				return text[1:i], strings.TrimLeft(rest[1:], blanks), true
			}
		}
		return "", "", false
	}
	key, value, ok = strings.Cut(text, "=")
	key = strings.TrimRight(key, blanks)
	return key, strings.TrimLeft(value, blanks), ok && key != ""
}

func (p *parser) entry(key, value string) {
	e := &Entry{Key: key, Line: p.next, section: p.at}
	if len(value) > maxValue {
		p.fail(e.Line, "the value is longer than 64 KiB")
		return
	}
	if quote := tripleQuote(value); quote != "" {
		text, ok := p.multiline(quote, value[len(quote):])
		if !ok {
			p.fail(e.Line, key+": the value in triple quotes does not end within 64 KiB, or something follows it")
			return
		}
		e.raw = []string{text}
	} else {
		items, list, ok := splitValue(value)
		if !ok {
			p.fail(e.Line, key+": the value has a quote that is not closed, something after it, or commas with nothing between")
			return
		}
		e.raw, e.list = items, list
	}
	if p.at.has(key) {
		p.fail(e.Line, key+": there is already something of this name")
		return
	}
	p.at.Entries = append(p.at.Entries, e)
	p.at.index[key] = e
}

func tripleQuote(value string) string {
	for _, q := range []string{`"""`, `'''`} {
		if strings.HasPrefix(value, q) {
			return q
		}
	}
	return ""
}

// multiline reads a value in triple quotes, whose first line begins with rest.
func (p *parser) multiline(quote, rest string) (text string, ok bool) {
	var out strings.Builder
	for {
		if out.Len()+len(rest) > maxValue {
			return "", false
		}
		for i := strings.Index(rest, quote); i >= 0; i++ {
			// Like other quotes, these close where nothing but a comment follows.
			if !strings.HasPrefix(rest[i:], quote) {
				if i+len(quote) >= len(rest) {
					return "", false
				}
				continue
			}
			if after := strings.TrimLeft(rest[i+len(quote):], blanks); after == "" || after[0] == '#' {
				out.WriteString(rest[:i])
				return out.String(), true
			}
		}
		if p.next == len(p.lines) {
			return "", false
		}
		out.WriteString(rest)
		out.WriteByte('\n')
		rest = p.lines[p.next]
		p.next++
	}
}

// splitValue reads a text or a list, and the comment behind it.
func splitValue(s string) (items []string, list, ok bool) {
	for {
		s = strings.TrimLeft(s, blanks)
		if s == "" || s[0] == '#' {
			if !list {
				items = []string{""}
			}
			return items, list, true
		}
		var item string
		switch s[0] {
		case ',':
			// Only the empty list begins so.
			rest := strings.TrimLeft(s[1:], blanks)
			return nil, true, !list && (rest == "" || rest[0] == '#')
		case '"', '\'':
			if item, s, ok = quoted(s); !ok {
				return nil, false, false
			}
		default:
			end := strings.IndexAny(s, ",#")
			if end < 0 {
				end = len(s)
			}
			item, s = strings.TrimRight(s[:end], blanks), s[end:]
		}
		items = append(items, item)
		if s == "" || s[0] == '#' {
			return items, list, true
		}
		list, s = true, s[1:] // the comma
	}
}

// quoted takes the text in quotes from the beginning of s. The closing quote is the first which is followed by a comma, a
// comment or nothing.
func quoted(s string) (text, rest string, ok bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			continue
		}
		rest = strings.TrimLeft(s[i+1:], blanks)
		if rest == "" || rest[0] == ',' || rest[0] == '#' {
			return s[1:i], rest, true
		}
	}
	return "", "", false
}
