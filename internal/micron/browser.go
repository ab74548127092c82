package micron

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DefaultCache is how long NomadNet keeps a page that has no cache header.
const DefaultCache = 12 * time.Hour

// ErrNoAnswer says that the node answered nothing, so that the client would have waited until its time was over.
var ErrNoAnswer = errors.New("no answer")

// Browser visits the pages of one node as a person with one of the clients does. It is used from one goroutine. The zero
// value with a Get is NomadNet on its empty page.
type Browser struct {
	Dialect Dialect
	// Get asks for path with data; a nil answer is none at all. Data is nil when NomadNet has none to send and an empty map
	// when MeshChat has none.
	Get func(path string, data map[string]string) []byte
	// Node is the node's hash in hex, for links that name it; links to other nodes are an error.
	Node string
	// Now is the clock of NomadNet's cache; nil means that nothing is kept.
	Now func() time.Time

	Path string   // of the page shown
	Page Document // as shown, without what was filled in
	Raw  []byte

	filled map[string]string          // text fields
	ticked map[string]map[string]bool // choices: name, value
	cache  map[string]kept
}

type kept struct {
	raw   []byte
	until time.Time
}

// Open goes to url as typed into the address line: ":/page/x.mu", "<node>:/page/x.mu", "<node>", each with an optional
// suffix "`a=1|b=2" of variables.
func (b *Browser) Open(url string) error { return b.visit(url, "") }

// Follow follows the first link with this label; a link with data sends what the client would.
func (b *Browser) Follow(label string) error {
	for _, l := range b.Page.Links() {
		if l.Label == label {
			return b.visit(l.URL, l.Data)
		}
	}
	return fmt.Errorf("%s: no link %q among %q", b.Path, label, b.Labels())
}

// Labels returns the labels of all links of the page.
func (b *Browser) Labels() []string {
	var out []string
	for _, l := range b.Page.Links() {
		out = append(out, l.Label)
	}
	return out
}

// Lines returns the page as plain text lines.
func (b *Browser) Lines() []string { return b.Page.Plain() }

// Text returns the page as plain text.
func (b *Browser) Text() string { return strings.Join(b.Lines(), "\n") }

// Fill types value into the text field called name. NomadNet's fields take several lines, MeshChat's take one: there new
// lines are lost.
func (b *Browser) Fill(name, value string) error {
	for _, f := range b.Page.Fields() {
		if f.Name == name && f.Kind == TextField {
			if b.Dialect == MeshChat {
				value = strings.NewReplacer("\n", "", "\r", "").Replace(value)
			}
			b.filled[name] = value
			return nil
		}
	}
	return fmt.Errorf("%s: no text field %q", b.Path, name)
}

// Tick ticks the choice of this name and value, or takes the tick away; ticking a radio button releases the others.
func (b *Browser) Tick(name, value string, on bool) error {
	for _, f := range b.Page.Fields() {
		if f.Name != name || f.Value != value || f.Kind == TextField {
			continue
		}
		if f.Kind == Radio && on {
			clear(b.ticked[name])
		}
		b.ticked[name][value] = on
		return nil
	}
	return fmt.Errorf("%s: no choice %q of %q", b.Path, value, name)
}

// Value returns what stands in the text field called name, or the ticked choices joined by commas.
func (b *Browser) Value(name string) string {
	if v, ok := b.filled[name]; ok {
		return v
	}
	return strings.Join(b.choices(name), ",")
}

// choices returns the ticked values of name in the page's order.
func (b *Browser) choices(name string) []string {
	var out []string
	for _, f := range b.Page.Fields() {
		if f.Name == name && f.Kind != TextField && b.ticked[name][f.Value] {
			out = append(out, f.Value)
		}
	}
	return out
}

// fields returns what the page's fields send under their own names: text as it is, empty too; of choices only what is
// ticked, joined by commas in NomadNet, the last one in MeshChat.
func (b *Browser) fields() map[string]string {
	out := maps.Clone(b.filled)
	for name := range b.ticked {
		on := b.choices(name)
		if len(on) == 0 {
			continue
		}
		if b.Dialect == NomadNet {
			out[name] = strings.Join(on, ",")
		} else {
			out[name] = on[len(on)-1]
		}
	}
	return out
}

// data returns what a link's data part sends, as request data.
func (b *Browser) data(part string) (map[string]string, error) {
	data := make(map[string]string)
	if part == "" {
		return data, nil
	}
	parts := strings.Split(part, "|")
	fields := b.fields()
	for name, value := range fields {
		if slices.Contains(parts, "*") || slices.Contains(parts, name) {
			data["field_"+name] = value
		}
	}
	for _, p := range parts {
		switch strings.Count(p, "=") {
		case 0: // a field, sent above
		case 1:
			name, value, _ := strings.Cut(p, "=")
			data["var_"+name] = value
		default:
			if b.Dialect == MeshChat {
				return nil, fmt.Errorf("MeshChat cannot read the variable %q", p)
			}
		}
	}
	return data, nil
}

// visit asks for a page and shows it.
func (b *Browser) visit(url, part string) error {
	path, suffix, err := b.target(url)
	if err != nil {
		return err
	}
	if part != "" && suffix != "" {
		part += "|"
	}
	data, err := b.data(part + suffix)
	if err != nil {
		return err
	}
	if b.Now != nil && b.Dialect == NomadNet && len(data) == 0 {
		if k, ok := b.cache[path]; ok && b.Now().Before(k.until) {
			b.show(path, k.raw)
			return nil
		}
	}
	if len(data) == 0 && b.Dialect == NomadNet {
		data = nil
	}
	raw := b.Get(path, data)
	if raw == nil {
		return fmt.Errorf("%s: %w", path, ErrNoAnswer)
	}
	b.show(path, raw)
	b.keep(path, raw)
	return nil
}

// keep stores what NomadNet stores: under the bare path, whatever data was sent.
func (b *Browser) keep(path string, raw []byte) {
	if b.Now == nil || b.Dialect != NomadNet {
		return
	}
	lasts := DefaultCache
	if b.Page.HasCache {
		lasts = time.Duration(b.Page.Cache) * time.Second
	}
	if b.cache == nil {
		b.cache = make(map[string]kept)
	}
	b.cache[path] = kept{raw: raw, until: b.Now().Add(lasts)}
}

// target splits a link's URL into path and variables.
func (b *Browser) target(url string) (path, variables string, err error) {
	if b.Dialect == MeshChat && strings.ContainsAny(url, `'"\<>`) {
		return "", "", fmt.Errorf("MeshChat cannot follow %q", url)
	}
	node, path, found := strings.Cut(url, ":")
	path, variables, _ = strings.Cut(path, "`")
	switch {
	case node != "" && (len(node) != 32 || strings.Trim(node, "0123456789abcdef") != ""):
		return "", "", fmt.Errorf("%q is no page", url)
	case node != "" && node != b.Node:
		return "", "", fmt.Errorf("%q is a page of another node", url)
	case node != "" && (!found || path == ""):
		path = "/page/index.mu"
	case !strings.HasPrefix(path, "/page/"):
		return "", "", fmt.Errorf("%q is no page", url)
	}
	return path, variables, nil
}

// show reads a page and sets its fields to what the page says.
func (b *Browser) show(path string, raw []byte) {
	b.Path, b.Raw, b.Page = path, raw, Parse(raw, b.Dialect)
	b.filled, b.ticked = make(map[string]string), make(map[string]map[string]bool)
	for _, f := range b.Page.Fields() {
		if f.Kind == TextField {
			b.filled[f.Name] = f.Value
			continue
		}
		if b.ticked[f.Name] == nil {
			b.ticked[f.Name] = make(map[string]bool)
		}
		if f.Checked {
			if f.Kind == Radio {
				clear(b.ticked[f.Name])
			}
			b.ticked[f.Name][f.Value] = true
		}
	}
}
