package config

import (
	"errors"
	"fmt"
	"strings"
)

// Section is a part of the file: its entries and the sections inside of it. The file itself is the root section.
type Section struct {
	// Name as in the header, without brackets and quotes. The root has none.
	Name string
	// Depth is the number of brackets; the root has 0.
	Depth int
	// Line of the header.
	Line int
	// Entries and Sections in the order of the file.
	Entries  []*Entry
	Sections []*Section

	parent *Section
	index  map[string]*Entry
	inner  map[string]*Section
}

// Entry is one option.
type Entry struct {
	Key  string
	Line int
	// raw is the value before %(name)s is replaced.
	raw     []string
	list    bool
	section *Section
}

// Value is what stands behind the =: a text, or a list of texts.
type Value struct {
	// Items of the list; a text is its only item.
	Items []string
	// IsList: there was a comma.
	IsList bool
}

func newSection(parent *Section, name string, depth, line int) *Section {
	return &Section{
		Name: name, Depth: depth, Line: line, parent: parent,
		index: make(map[string]*Entry), inner: make(map[string]*Section),
	}
}

// Entry is the option of that name, or nil.
func (s *Section) Entry(key string) *Entry { return s.index[key] }

// Section is the section of that name in this one, or nil.
func (s *Section) Section(name string) *Section { return s.inner[name] }

// Path names the section as in the file, "[interfaces] [[Home]]". The root's is empty.
func (s *Section) Path() string {
	if s.parent == nil {
		return ""
	}
	own := strings.Repeat("[", s.Depth) + s.Name + strings.Repeat("]", s.Depth)
	if outer := s.parent.Path(); outer != "" {
		return outer + " " + own
	}
	return own
}

func (s *Section) has(name string) bool { return s.index[name] != nil || s.inner[name] != nil }

// Limits of replacing %(name)s.
const (
	maxInterpolationDepth = 10
	maxInterpolatedBytes  = 1 << 16
)

// Value is the value with each %(name)s replaced by the entry of that name, of this section or one around it
// (spec 3 §5.2). It is an error where there is no such entry, or where entries name each other in a circle.
func (e *Entry) Value() (Value, error) {
	v := Value{IsList: e.list, Items: make([]string, len(e.raw))}
	for i, text := range e.raw {
		budget := maxInterpolatedBytes
		replaced, err := e.section.interpolate(text, 0, &budget)
		if err != nil {
			return Value{}, err
		}
		v.Items[i] = replaced
	}
	return v, nil
}

func (s *Section) interpolate(text string, depth int, budget *int) (string, error) {
	if !strings.Contains(text, "%(") {
		return text, nil
	}
	if depth > maxInterpolationDepth {
		return "", errors.New("%(...)s refers to itself, or is too deep")
	}
	var out strings.Builder
	for {
		start := strings.Index(text, "%(")
		if start < 0 {
			break
		}
		end := strings.Index(text[start:], ")")
		if end < 0 {
			break
		}
		end += start
		if !strings.HasPrefix(text[end:], ")s") {
			out.WriteString(text[:start+2])
			text = text[start+2:]
			continue
		}
		name := text[start+2 : end]
		found, in := s.lookup(name)
		if found == nil || found.list {
			return "", fmt.Errorf("there is no text named %.100q to replace %%(...)s", name)
		}
		inner, err := in.interpolate(found.raw[0], depth+1, budget)
		if err != nil {
			return "", err
		}
		if *budget -= len(inner) + 1; *budget < 0 {
			return "", errors.New("too long when %(...)s is replaced")
		}
		out.WriteString(text[:start])
		out.WriteString(inner)
		text = text[end+2:]
	}
	out.WriteString(text)
	return out.String(), nil
}

// lookup finds an entry in the section, its DEFAULT section, and then in those around.
func (s *Section) lookup(name string) (*Entry, *Section) {
	for ; s != nil; s = s.parent {
		if e := s.index[name]; e != nil {
			return e, s
		}
		if d := s.inner["DEFAULT"]; d != nil {
			if e := d.index[name]; e != nil {
				return e, s
			}
		}
	}
	return nil, nil
}
