package pages

import (
	"bytes"
	"slices"
	"strings"

	"groupd/group"
	"groupd/moderation"
)

// maxAnswers is how many answers an entry's page names.
const maxAnswers = 6

// entry is the page of one post (seq): its whole text, from a line on (from) when it is long, its files, and what can be done with it.
func (s *Server) entry(v *visit) *page {
	seq := v.seq("seq")
	var note string
	var failed error
	switch {
	case v.variable("do") == "delete":
		return s.forMembers(v, "Delete", func() *page { return s.deletePost(v, seq) })
	case v.variable("do") == "report":
		return s.forMembers(v, "Report", func() *page { return s.reportPost(v, seq) })
	case s.taken(v, "react"):
		note = "Your reaction is there."
		if text := v.field("reaction"); strings.TrimSpace(text) == "" {
			failed = invalid("react", "write an emoji or a short word into the field, as +1")
		} else {
			_, failed = s.hub.React(v.ctx, v.acting(0), s.group, group.ReactInput{Seq: seq, Text: text})
		}
	case s.taken(v, "unreact"):
		failed = s.takeBack(v, seq)
		note = "Your reactions are taken back."
	case s.taken(v, "pin"):
		off := v.variable("off") != ""
		_, failed = s.hub.Pin(v.ctx, v.acting(0), s.group, seq, off)
		if note = "It is pinned."; off {
			note = "The pin is off."
		}
	}
	e, list, err := s.one(v, seq)
	if err != nil {
		return s.problem(v, "#"+seqText(seq), err)
	}
	p := s.page(v, "#"+seqText(e.Seq))
	switch {
	case failed != nil:
		s.refusal(v, p, failed)
	case note != "":
		p.line(note).nl()
	}
	v.sentNote(p)
	s.whole(v, p, e, list)
	return p
}

// forMembers is a page for those who are in the group; others learn what they have to do first.
func (s *Server) forMembers(v *visit, title string, page func() *page) *page {
	switch {
	case !v.identified():
		return s.problem(v, title, &group.Error{Kind: group.KindNotIdentified, Op: "page", Msg: "for this, you have to identify first"})
	case !v.member():
		return s.problem(v, title, notMember(v))
	}
	return page()
}

// notMember says why who is no member can not do what members do.
func notMember(v *visit) error {
	e := &group.Error{Kind: group.KindNotMember, Op: "page", Msg: "only members do this"}
	switch v.info.You.Standing {
	case moderation.StandingPending:
		e.Kind, e.Msg = group.KindPending, "your request to join is waiting for a moderator"
	case moderation.StandingBanned:
		e.Kind, e.Msg = group.KindBanned, "you are banned from this group"
	}
	return e
}

// one reads a single entry with its newest text.
func (s *Server) one(v *visit, seq group.Seq) (group.Entry, group.Page, error) {
	list, err := s.hub.Messages(v.ctx, v.caller, s.group, group.Query{Seqs: []group.Seq{seq}})
	if err == nil && len(list.Entries) == 1 && list.Entries[0].Kind == group.EntryEdit && !list.Entries[0].Deleted {
		seq = list.Entries[0].Ref // what is meant is the post that was edited
	}
	if err == nil {
		list, err = s.hub.Messages(v.ctx, v.caller, s.group, group.Query{Seqs: []group.Seq{seq}, Current: true})
	}
	if err != nil {
		return group.Entry{}, list, err
	}
	if len(list.Entries) == 0 {
		return group.Entry{}, list, &group.Error{Kind: group.KindNotFound, Op: "entry", Msg: "there is no entry with this number, or it is no longer kept"}
	}
	return list.Entries[0], list, nil
}

// whole writes an entry, as much of it as fits, and what can be done with it.
func (s *Server) whole(v *visit, p *page, e group.Entry, list group.Page) {
	o := v.people(list.Authors)
	if e.Deleted || !e.Kind.Authored() {
		o.entry(p, e, listedText)
		p.nl().nl().link("In the history", "/page/history.mu", "after", seqText(e.Seq-min(e.Seq, 4))).nl()
		return
	}
	if m, ok := o.rows[e.Author]; ok && v.member() {
		p.link(m.DisplayName, "/page/member.mu", "who", m.Identity.String())
	} else {
		p.bold(o.name(e.Author))
	}
	p.text(", " + e.ShownTime().UTC().Format("2006-01-02 15:04") + " UTC")
	for _, mark := range []struct {
		on   bool
		text string
	}{{e.Emergency, "emergency"}, {e.EditedBy != 0, "edited"}, {e.Pinned, "pinned"}, {e.Signed, "signed"}} {
		if mark.on {
			p.text(" (" + mark.text + ")")
		}
	}
	p.nl()
	if e.Ref != 0 {
		p.text("In answer to ").link("#"+seqText(e.Ref), "/page/entry.mu", "seq", seqText(e.Ref)).nl()
	}
	p.nl()
	lines := textLines(e)
	from := int(min(v.number("from"), uint64(len(lines)+len(e.Files))))
	items := len(lines) + len(e.Files) - from
	foot := fragment(func(p *page) { s.under(v, p, e, list) })
	p.list(items, func(p *page, i int) {
		if i += from; i < len(lines) {
			p.raw(lines[i])
		} else {
			p.text("+ ")
			s.fileLink(p, e.Seq, i-len(lines), e.Files[i-len(lines)])
			p.nl()
		}
	}, func(p *page, shown int) {
		if from > 0 || shown < items {
			p.nl()
		}
		if from > 0 {
			p.link("From the beginning", "/page/entry.mu", "seq", seqText(e.Seq))
		}
		if shown < items {
			p.link("Go on", "/page/entry.mu", "seq", seqText(e.Seq), "from", seqText(group.Seq(from+shown)))
		}
		p.end().raw(foot)
	})
}

// textLines is the text of a post as lines of a page, each with its end: indented, so that they can not be taken for anything else.
func textLines(e group.Entry) [][]byte {
	if len(e.Title) == 0 && len(e.Text) == 0 {
		return nil
	}
	text := fragment(func(p *page) {
		p.indent = 2
		if len(e.Title) > 0 {
			p.in().text(string(e.Title)).nl().nl()
		}
		for line := range strings.Lines(string(e.Text)) {
			if line = strings.TrimSpace(line); line == "" {
				p.end().nl()
				continue
			}
			p.in()
			if e.Kind == group.EntryAction {
				p.text("* ")
			}
			p.text(line).nl()
		}
	})
	lines := bytes.SplitAfter(text, []byte{'\n'})
	return lines[:len(lines)-1] // the last one is empty
}

// under is what stands below the text of a post: reactions, answers, and what the visitor can do.
func (s *Server) under(v *visit, p *page, e group.Entry, list group.Page) {
	p.nl()
	given := list.Reactions[e.Seq]
	if len(given) > 0 {
		p.text("Reactions:")
		reactions(p, given, listedReactions)
		p.nl()
	}
	if answers := s.answers(v, e.Seq); len(answers) > 0 {
		p.text("Answers: ")
		for i, seq := range answers {
			if i > 0 {
				p.text(", ")
			}
			p.link("#"+seqText(seq), "/page/entry.mu", "seq", seqText(seq))
		}
		p.nl()
	}
	seq := seqText(e.Seq)
	p.link("In the history", "/page/history.mu", "after", seqText(e.Seq-min(e.Seq, 4)))
	if !v.member() {
		p.nl()
		return
	}
	own := e.Author == v.caller.Identity
	p.link("Answer", "/page/post.mu", "to", seq)
	if own {
		p.link("Edit", "/page/post.mu", "edit", seq)
	} else {
		p.link("Report", "/page/entry.mu", "seq", seq, "do", "report")
	}
	if own || v.may(moderation.PermDelete) && !e.Author.IsZero() { // what the group said is the operator's
		p.link("Delete", "/page/entry.mu", "seq", seq, "do", "delete")
	}
	if s.can(v, moderation.ActionPin) {
		if e.Pinned {
			s.form(v, p, "pin", "Take the pin off", "seq", seq, "off", "1")
		} else {
			s.form(v, p, "pin", "Pin", "seq", seq)
		}
	}
	p.nl()
	p.text("Reaction, an emoji or a word: ").input("reaction", 8, "").text(" ")
	s.form(v, p, "react", "React", "seq", seq)
	for _, r := range given {
		if r.Mine {
			s.form(v, p, "unreact", "Take mine back", "seq", seq)
			break
		}
	}
	p.nl()
}

// answers finds the first answers to an entry among those that came soon after it.
func (s *Server) answers(v *visit, seq group.Seq) (found []group.Seq) {
	const among = 25
	list, err := s.hub.Messages(v.ctx, v.caller, s.group, group.Query{After: seq, BySeq: true, NoEvents: true, Current: true, Limit: among})
	if err != nil {
		return nil
	}
	for _, e := range list.Entries {
		if e.Ref == seq && !e.Deleted && len(found) < maxAnswers {
			found = append(found, e.Seq)
		}
	}
	return found
}

// takeBack takes the caller's reactions off a post.
func (s *Server) takeBack(v *visit, seq group.Seq) error {
	e, list, err := s.one(v, seq)
	if err != nil {
		return err
	}
	mine := slices.DeleteFunc(slices.Clone(list.Reactions[e.Seq]), func(r group.ReactionCount) bool { return !r.Mine })
	for i, r := range mine {
		left := len(mine) - 1 - i // so that each has the same number when the form is sent again after one was refused
		if _, err := s.hub.React(v.ctx, v.acting(left), s.group, group.ReactInput{Seq: seq, Text: r.Text, Off: true}); err != nil {
			return err
		}
	}
	return nil
}

// asked begins a page with a form about a post, which it shows. There is nothing to ask, and the page is whole, where ok is false.
func (s *Server) asked(v *visit, title string, seq group.Seq, failed error) (p *page, e group.Entry, ok bool) {
	e, list, err := s.one(v, seq)
	if err != nil {
		return s.problem(v, title, err), e, false
	}
	p = s.tried(v, title, "", failed)
	v.people(list.Authors).entry(p, e, listedText)
	p.nl().nl()
	return p, e, !e.Deleted
}

// deletePost asks whether a post shall be deleted, and deletes it.
func (s *Server) deletePost(v *visit, seq group.Seq) *page {
	const title = "Delete"
	var failed error
	if s.taken(v, "delete") {
		r, err := s.hub.Delete(v.ctx, v.acting(0), s.group, group.DeleteInput{Seqs: []group.Seq{seq}})
		if err == nil {
			p := s.page(v, title)
			if r.Deleted == 0 && !r.Repeated {
				return p.line("There is no such post any more.")
			}
			p.line("#" + seqText(seq) + " is deleted here. Who has read it may have kept it.")
			if s.can(v, moderation.ActionReports) {
				p.link("What was reported", "/page/reports.mu").nl()
			}
			return p
		}
		failed = err
	}
	p, e, ok := s.asked(v, title, seq, failed)
	if !ok {
		return p
	}
	p.line("Delete this post for everybody? It can not be undone.").nl()
	s.form(v, p, "delete", "Yes, delete it", "do", "delete", "seq", seqText(e.Seq))
	p.text(" | ").link("No", "/page/entry.mu", "seq", seqText(e.Seq)).nl()
	return p
}

// reportPost is the form that tells the moderators about a post.
func (s *Server) reportPost(v *visit, seq group.Seq) *page {
	const title = "Report"
	var failed error
	if s.taken(v, "report") {
		_, failed = s.hub.Report(v.ctx, v.acting(0), s.group, group.ReportInput{Seq: seq, Reason: v.field("reason")})
		if failed == nil {
			p := s.page(v, title)
			p.line("The moderators are told.").nl()
			p.link("Back to the history", "/page/history.mu").nl()
			return p
		}
	}
	p, e, ok := s.asked(v, title, seq, failed)
	if !ok {
		return p
	}
	p.line("What is wrong with it? The moderators see this and your name.")
	refill(p, "reason", 50, v.field("reason"))
	s.form(v, p, "report", "Report it", "do", "report", "seq", seqText(e.Seq))
	p.nl()
	return p
}
