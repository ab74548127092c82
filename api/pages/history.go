package pages

import (
	"cmp"

	"groupd/group"
)

// readAtOnce is how many entries are read for one page; more would hardly fit.
const readAtOnce = 32

// history is the timeline, page by page: the newest entries, those before or after a number, or those that hold some words (q).
func (s *Server) history(v *visit) *page {
	before, after, words := v.seq("before"), v.seq("after"), v.value("q")
	if words != "" {
		return s.search(v, words, before)
	}
	q := group.Query{Limit: readAtOnce, Current: true, Newest: true}
	if after != 0 {
		q.Newest, q.BySeq, q.After = false, true, after
	} else if before != 0 {
		q.Newest, q.Before = false, before
	}
	found, err := s.hub.Messages(v.ctx, v.caller, s.group, q)
	if err != nil {
		return s.problem(v, "History", err)
	}
	p := s.page(v, "History")
	searchField(p, "")
	if len(found.Entries) == 0 {
		switch {
		case found.More && after != 0: // nothing but what is not shown, among so many
			p.line("Nothing to show here.").link("Newer", "/page/history.mu", "after", seqText(after+group.MaxPage))
		case found.More:
			p.line("Nothing to show here.").link("Older", "/page/history.mu", "before", seqText(cmp.Or(before, found.Head.Seq+1)-group.MaxPage))
		case after != 0:
			p.line("Nothing is newer.").link("Newest", "/page/history.mu")
		default:
			p.line("Nothing was posted yet.")
		}
		return p
	}
	v.timeline(p, found, after == 0, listedText, func(p *page, shown []group.Entry) {
		if first := shown[0].Seq; len(shown) < len(found.Entries) && after == 0 || found.More && after == 0 || after != 0 && first > max(1, found.Head.Oldest) {
			p.link("Older", "/page/history.mu", "before", seqText(first)).nl()
		}
	}, func(p *page, shown []group.Entry) {
		if last := shown[len(shown)-1].Seq; last < found.Head.Seq && !(q.Newest) {
			p.link("Newer", "/page/history.mu", "after", seqText(last)).text(" | ").link("Newest", "/page/history.mu").nl()
		}
	})
	return p
}

// search is the posts that hold some words, the newest last.
func (s *Server) search(v *visit, words string, before group.Seq) *page {
	found, err := s.hub.Search(v.ctx, v.caller, s.group, group.SearchInput{Text: words, Before: before, Limit: readAtOnce})
	if err != nil {
		p := s.page(v, "Search")
		s.refusal(v, p, err)
		if v.reads() {
			searchField(p, words)
		}
		return p
	}
	p := s.page(v, "Search")
	searchField(p, words)
	if len(found.Entries) == 0 {
		return p.line("Nothing found.")
	}
	v.timeline(p, found, true, listedText, func(p *page, shown []group.Entry) {
		if len(shown) < len(found.Entries) || found.More {
			p.submit("Older", "/page/history.mu", "before", seqText(shown[0].Seq)).nl() // with what stands in the field
		}
	}, func(p *page, _ []group.Entry) {
		if before != 0 {
			p.submit("Newest", "/page/history.mu").nl()
		}
	})
	return p
}

// searchField is where people type what they look for.
func searchField(p *page, words string) {
	p.input("q", 24, fit(words, group.MaxSearchBytes)).text(" ").submit("Search", "/page/history.mu").nl().nl()
}
