package pages

import (
	"strconv"

	"groupd/group"
	"groupd/moderation"
)

const (
	heardAtOnce = 20 // more would not fit on a page
	heardName   = 60 // bytes of a name
)

// directory lists groups of other servers that are heard on the network, each with links to its pages and its address; those that have
// words (q) in their names, where there are any.
func (s *Server) directory(v *visit) *page {
	const title = "Groups heard around"
	text := v.value("q")
	found, err := s.hub.Directory(v.ctx, v.caller, group.DirectoryQuery{After: v.number("after"), Text: text, Limit: heardAtOnce})
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.page(v, title)
	p.input("q", 24, fit(text, group.MaxNameBytes)).text(" ").submit("Search", "/page/directory.mu").nl().nl()
	list := found.Groups
	switch {
	case len(list) > 0:
	case text != "":
		return p.line("No group of that name is heard.")
	default:
		return p.line("No group of another server was heard yet. One is listed when it was heard twice.").link("Groups on this server", "/page/groups.mu").nl()
	}
	p.list(len(list), func(p *page, i int) { s.heardLine(p, list[i], found) }, func(p *page, shown int) {
		p.nl()
		if shown < len(list) || found.More {
			p.submit("More", "/page/directory.mu", "after", strconv.FormatUint(list[shown-1].Number, 10)).text(" of " + count(found.Total, "group")).nl()
		}
	})
	return p
}

// heardLine is one group of another server. What it says of itself is shown and does nothing.
func (s *Server) heardLine(p *page, e group.DirectoryEntry, found group.DirectoryPage) {
	p.indent = 2
	defer func() { p.indent = 0 }()
	name := fit(e.Name, heardName)
	if name == "" {
		name = e.Address.String()
	}
	p.anchor(name, siteOf(e.Identity)+":/page/index.mu", "", nil)
	kind := ", private, "
	if e.Public {
		kind = ", public, "
	}
	p.text(kind + joiningWord(e.Joining) + ", " + count(e.Hops, "hop") + ", heard " + moderation.Passed(found.Now.Sub(e.Last)) + " ago, ")
	p.write("write to it", e.Address.String())
	if !e.Alike.IsZero() {
		p.text(". ").bold("The name looks like that of an older group.")
	}
}
