package pages

import (
	"slices"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// Of the front page.
const (
	frontPosts = 5
	frontReads = 20 // entries that are read for them: deleted ones are no news
	frontPins  = 5
	pinsRoom   = 1400 // bytes that must be left for them
	frontText  = 120  // bytes of each
	topicShown = 420  // bytes; all of it, unless it is made of what has to be escaped
)

// front is the page that people see first: what the group is, what was said last, how to join. Strangers of a private group see what /info
// tells strangers.
func (s *Server) front(v *visit) *page {
	p := s.page(v, "")
	in := v.info
	s.about(v, p)
	below := fragment(func(p *page) {
		if !v.member() {
			s.howToJoin(v, p)
			p.nl()
		} else {
			p.nl().text("By message: ").write("open the chat", s.address).nl()
		}
		p.text("Other groups: ").link("on this server", "/page/groups.mu").link("heard around", "/page/directory.mu").nl()
	})
	var list group.Page
	var err error
	read := 0
	if in.Inside {
		list, err = s.hub.Messages(v.ctx, v.caller, s.group, group.Query{Newest: true, NoEvents: true, Current: true, Limit: frontReads})
		read = len(list.Entries)
		list.Entries = slices.DeleteFunc(list.Entries, func(e group.Entry) bool { return e.Deleted })
		list.Entries = list.Entries[max(0, len(list.Entries)-frontPosts):]
	}
	switch {
	case err != nil || !in.Inside:
		return p.raw(below)
	case len(list.Entries) == 0:
		s.nothingYet(v, p, read > 0)
		return p.raw(below)
	}
	s.pinned(v, p)
	p.nl()
	v.timeline(p, list, true, frontText, nil, func(p *page, _ []group.Entry) { p.raw(below) })
	return p
}

// nothingYet stands where the last posts would. deleted: there were some, and the last ones are deleted.
func (s *Server) nothingYet(v *visit, p *page, deleted bool) {
	text := "There are no posts yet."
	switch {
	case !v.reads():
		return
	case deleted:
		p.nl().text("The last posts were deleted. ").link("What there was before", "/page/history.mu").nl()
		return
	case v.info.Policy.History == moderation.HistoryStay && v.member():
		text = "There are no posts since you joined."
	case v.info.Policy.History != moderation.HistoryAll:
		text = "There are no posts that you can see."
	}
	p.nl().text(text)
	if v.writes(s) {
		p.text(" ").link("Write something", "/page/post.mu")
	}
	p.nl()
}

// pinned leads to the newest pinned posts, where there is room for that.
func (s *Server) pinned(v *visit, p *page) {
	pins, err := s.hub.Pins(v.ctx, v.caller, s.group)
	if err != nil || len(pins.Pinned) == 0 || p.room() < pinsRoom {
		return
	}
	p.text("Pinned: ")
	for i, seq := range pins.Pinned[:min(len(pins.Pinned), frontPins)] {
		if i > 0 {
			p.text(", ")
		}
		p.link("#"+seqText(seq), "/page/entry.mu", "seq", seqText(seq))
	}
	p.nl()
}

// about says what the group is, and what the visitor is in it.
func (s *Server) about(v *visit, p *page) {
	in := v.info
	if in.Inside && in.Topic != "" {
		p.line("Topic: " + fit(in.Topic, topicShown))
	}
	kind := "A private group"
	if in.Public {
		kind = "A public group"
	}
	p.text(kind + ". " + joiningText(in))
	if in.Inside {
		p.text(" " + count(in.Members, "member") + newestIs(in.Head.Seq) + ".")
	}
	p.nl()
	if preset, ok := moderation.PresetNamed(in.Preset); ok {
		p.line("Made as: " + preset.Word + ". " + preset.Text)
	}
	switch {
	case in.Over:
		p.line("This group has ended. It can be read until " + words.ShowMoment(in.Policy.KeptUntil()) + ", then it is deleted.")
	case in.Inside && in.Policy.ExpiresAt != 0:
		p.line("It ends on " + words.ShowMoment(in.Policy.ExpiresAt) + ".")
	case in.Policy.ReadOnly:
		p.line("Few write here, the others read.")
	}
	if in.Lockdown {
		p.line("Many are joining just now: who joins waits for a moderator.")
	}
	if in.Forming && v.member() {
		p.text("It is being formed: ").link("who has answered", "/page/circle.mu").nl()
	}
	you := in.You
	switch you.Standing {
	case moderation.StandingMember, moderation.StandingMuted:
		p.text("You are ").bold(you.Member.DisplayName).text(", " + you.Role.String() + ".")
		if you.Standing == moderation.StandingMuted {
			p.text(" You can read and not write" + s.until(you) + ".")
		}
		p.nl()
	case moderation.StandingPending:
		p.text("You asked to join. A moderator decides, and you are told. ").link("Your request", "/page/join.mu").nl()
	case moderation.StandingInvited:
		p.line("You are invited to join" + s.ends(", and the invite", in.AnswerUntil) + ".")
	case moderation.StandingBanned:
		p.line("You are banned from this group" + s.until(you) + ".")
	}
}

// until is how long a ban or mute still holds, and why.
func (s *Server) until(you group.Standing) string {
	text := ""
	if !you.Until.IsZero() {
		text = " for another " + remaining(you.Until.Sub(s.hub.Now()))
	}
	if you.Reason != "" {
		text += ": " + fit(you.Reason, listedReason)
	}
	return text
}

// joiningText says who may join.
func joiningText(in group.Info) string {
	switch in.Door() {
	case moderation.JoiningOpen:
		return "Anybody may join."
	case moderation.JoiningApprove:
		return "Anybody may ask to join; a moderator decides."
	case moderation.JoiningInvite:
		return "New members come by invite."
	}
	return "It takes no new members."
}

// howToJoin tells strangers what to do with the program they have.
func (s *Server) howToJoin(v *visit, p *page) {
	if st := v.info.You.Standing; st == moderation.StandingBanned || st == moderation.StandingPending {
		return
	}
	p.nl()
	if v.info.Door() != moderation.JoiningClosed {
		p.bold("How to join").text(" (").link("what to know first", "/page/disclosure.mu").text(")").nl()
		p.text("Here: ").link("Join", "/page/join.mu").nl()
		p.text("By message, with any LXMF program: ").write("send /join", s.address).nl()
	}
	p.line("Address: " + s.address)
	if !v.info.Owned {
		p.line("It has no owner yet: send /claim and the code to this address.")
	}
}

// newestIs names the newest number. How many posts that makes nobody counts: joins and the like have numbers, too, and old ones go.
func newestIs(newest group.Seq) string {
	if newest == 0 {
		return ", nothing written yet"
	}
	return ", newest #" + seqText(newest)
}
