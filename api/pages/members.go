package pages

import (
	"strconv"
	"strings"

	"groupd/group"
	"groupd/moderation"
)

// listed bounds what a list reads for one page; what fits it is less.
const listed = 60

// members lists who is here, and finds one.
func (s *Server) members(v *visit) *page {
	const title = "Members"
	after := group.Rev(v.number("after"))
	list, err := s.hub.Members(v.ctx, v.caller, s.group, group.MembersQuery{AfterRev: after, Limit: listed})
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.page(v, title)
	p.text(count(list.Total, "member") + ". ")
	findField(p, "")
	p.nl()
	p.list(len(list.Members), func(p *page, i int) {
		m := list.Members[i]
		p.link(cut(m.DisplayName, 30), "/page/member.mu", "who", m.Identity.String())
		if m.Role > moderation.RoleMember {
			p.text(" " + m.Role.String())
		}
		if m.Status != "" {
			p.italic(" " + cut(m.Status, 20))
		}
	}, func(p *page, shown int) {
		p.nl()
		if after > 0 {
			p.link("First", "/page/members.mu").text(" ")
		}
		if shown > 0 && (shown < len(list.Members) || list.More) {
			p.link("More", "/page/members.mu", "after", strconv.FormatInt(int64(list.Members[shown-1].Rev), 10))
		}
	})
	return p
}

// findField is where people type whom they look for.
func findField(p *page, typed string) {
	p.text("Find one: ").input("who", 16, fit(typed, 100)).text(" ").submit("Find", "/page/member.mu").nl()
}

// whom is the person whom a page is about: by the hash that a link gives along, or what was typed, a name or the first digits of an address.
// A whole hash or address that nobody is known by stands for itself.
func (s *Server) whom(v *visit) (group.AnyHash, error) {
	text := strings.TrimSpace(v.value("who"))
	if text == "" {
		return group.AnyHash{}, invalid("resolve", "say who: a name, or the first digits of an address")
	}
	return s.resolve(v, text, group.AmongMembers, group.AmongDeparted, group.AmongRequests, group.AmongBans)
}

// resolve finds whom a text names, in one scope after the other.
func (s *Server) resolve(v *visit, text string, first group.Scope, others ...group.Scope) (group.AnyHash, error) {
	if h, ok := group.ParseAnyHash(text); ok && !h.IsZero() {
		return h, nil
	}
	h, err := s.hub.Resolve(v.ctx, v.caller, s.group, text, first)
	for _, scope := range others {
		if err == nil || group.KindOf(err) != group.KindNotFound {
			break
		}
		// A caller who may not look there has still not found anybody.
		if other, err2 := s.hub.Resolve(v.ctx, v.caller, s.group, text, scope); err2 == nil || group.KindOf(err2) == group.KindConflict {
			h, err = other, err2
		}
	}
	if group.KindOf(err) == group.KindNotFound && err != nil {
		err = &group.Error{Kind: group.KindNotFound, Op: "resolve", Msg: "nobody here is called " + strconv.Quote(cut(moderation.CleanLine(text), 30))}
	}
	return h, err
}

// personOf is the person whom a page is about.
func (s *Server) personOf(v *visit) (group.Person, error) {
	h, err := s.whom(v)
	if err != nil {
		return group.Person{}, err
	}
	return s.hub.Person(v.ctx, v.caller, s.group, h)
}

// name is how a person is called on pages.
func (s *Server) name(m group.Member) string {
	if m.DisplayName != "" {
		return cut(m.DisplayName, 40)
	}
	if !m.Address.IsZero() {
		return m.Address.Short()
	}
	return m.Identity.Short()
}

// member is the page of one person: who he is, and what the caller may do about him.
func (s *Server) member(v *visit) *page {
	const title, form, erase = "Member", "member", "erase"
	sent := s.which(v, form, erase)
	who, err := s.personOf(v)
	if err != nil {
		p := s.problem(v, title, err)
		if v.member() && v.id == "" && !v.again {
			findField(p, v.value("who"))
			p.link("All members", "/page/members.mu").nl()
		}
		return p
	}
	target := group.AnyHash(who.Identity)
	var note string
	var failed error
	if sent == form {
		done := ""
		if done, failed = s.doTo(v, who); failed == nil {
			note = done
			v.clear()
			s.reload(v)
			after, err := s.hub.Person(v.ctx, v.caller, s.group, target)
			if group.KindOf(err) == group.KindNotFound && err != nil { // who was turned away
				p := s.done(v, title, note)
				p.link("Who waits to join", "/page/waiting.mu").nl()
				return p
			} else if err != nil {
				return s.problem(v, title, err)
			}
			who = after
		}
	}
	if v.variable("do") == "erase" && who.Allows(moderation.ActionDelete) {
		if sent == erase {
			if note, failed = s.erasePosts(v, target); failed == nil {
				v.clear()
			}
		} else if !v.again {
			p := s.sure(v, title, "Delete everything that "+s.name(who.Member)+" wrote?")
			p.line("All the posts are erased for everybody, with their files. This can not be undone; a ban can hide them for a day instead.")
			s.yesNo(v, p, erase, "Yes, delete it all", "/page/member.mu", []string{"who", target.String()}, "who", target.String(), "do", "erase")
			return p
		}
	}
	p := s.tried(v, title, note, failed)
	s.portrait(p, who)
	p.nl()
	if who.Self {
		p.link("This is you", "/page/me.mu").nl()
	}
	s.actions(v, p, form, who)
	return p
}

// portrait says who somebody is.
func (s *Server) portrait(p *page, who group.Person) {
	p.indent = 2
	defer func() { p.indent = 0 }()
	p.bold(s.name(who.Member))
	if who.Present {
		p.text(", " + who.Role.String())
		if who.Permissions != who.Role.Permissions() {
			p.text(" (may: " + strings.ReplaceAll(who.Permissions.String(), ",", ", ") + ")")
		}
	}
	p.nl()
	if who.Status != "" && who.Present {
		p.text("says: " + fit(who.Status, 160)).nl()
	}
	if !who.Address.IsZero() {
		p.text("Address "+who.Address.String()+" ").write("Write", who.Address.String()).nl()
	} else {
		p.text("Identity or address " + who.Identity.String()).nl()
	}
	switch {
	case who.Present:
		p.text("Joined " + s.ago(who.Joined))
		if who.Inviter != "" {
			p.text(", invited by " + cut(who.Inviter, 40))
		}
		p.text(". Last heard " + s.ago(who.LastHeard) + ".").nl()
	case who.Known:
		p.text("Left " + s.ago(who.Left) + ".").nl()
	}
	if m := who.Mute; m.InForce(s.hub.Now()) {
		p.text("Muted" + s.left(m.Until) + because(fit(m.Reason, group.MaxReasonBytes))).nl()
	}
	if q := who.Waits; q != nil {
		p.text("Asks to join since " + moderation.Passed(s.hub.Now().Sub(q.Created)) + " as " + cut(q.DisplayName, 40))
		if q.Greeting != "" {
			p.text(": " + fit(q.Greeting, 300))
		}
		p.nl()
	}
	if b := who.Ban; b != nil {
		word := "Banned "
		if b.Kick {
			word = "Kicked "
		}
		p.text(word + s.ago(b.Created) + s.left(b.Expires) + because(fit(b.Reason, group.MaxReasonBytes))).nl()
	}
}

// actions are what the caller may do about somebody: what is simple at once, what needs words or a second thought on a page of its own.
func (s *Server) actions(v *visit, p *page, form string, who group.Person) {
	target := group.AnyHash(who.Identity).String()
	if who.Allows(moderation.ActionApprove) || who.Allows(moderation.ActionReject) { // of who waits alone
		boxes(p, 800, box{"Reason, if you reject:", "reason", 30, v.typed("reason", "")})
		s.form(v, p, form, "Approve", "who", target, "do", "approve")
		p.text(" ")
		s.form(v, p, form, "Reject", "who", target, "do", "reject")
		p.nl()
	}
	if who.Allows(moderation.ActionUnmute) {
		s.form(v, p, form, "Let write again", "who", target, "do", "unmute")
		p.nl()
	}
	if who.Allows(moderation.ActionUnban) {
		s.form(v, p, form, "Lift the ban", "who", target, "do", "unban")
		p.nl()
	}
	if who.Hidden && s.can(v, moderation.ActionBans) {
		s.form(v, p, form, "Bring back the hidden posts", "who", target, "do", "undo")
		p.nl()
	}
	if who.Self {
		return // leaving and the like are on his own page
	}
	sep := ""
	for _, a := range []struct {
		action      moderation.Action
		label, path string
	}{
		{moderation.ActionMute, "Mute", "mute"}, {moderation.ActionKick, "Kick", "kick"}, {moderation.ActionBan, "Ban", "ban"},
		{moderation.ActionGrant, "Role and permissions", "role"}, {moderation.ActionTransfer, "Move to another identity", "transfer"},
	} {
		if who.Allows(a.action) && (who.Present || a.action == moderation.ActionBan) {
			p.text(sep).link(a.label, "/page/"+a.path+".mu", "who", target)
			sep = " | "
		}
	}
	if who.Allows(moderation.ActionDelete) {
		p.text(sep).link("Delete all posts", "/page/member.mu", "who", target, "do", "erase")
	}
	p.end()
}

// erasePosts erases what somebody wrote, as much as can be at once.
func (s *Server) erasePosts(v *visit, author group.AnyHash) (string, error) {
	const rounds = 20
	n := 0
	for i := range rounds {
		r, err := s.hub.Delete(v.ctx, v.acting(i), s.group, group.DeleteInput{Author: author})
		if err != nil {
			return "", err
		}
		if n += r.Deleted; !r.More {
			return count(n, "post") + " deleted.", nil
		}
	}
	return count(n, "post") + " deleted; there are more: do it again.", nil
}

// doTo does what a button on somebody's page says, and returns what was done, if there is no error.
func (s *Server) doTo(v *visit, who group.Person) (note string, err error) {
	c, target := v.acting(0), group.AnyHash(who.Identity)
	switch v.variable("do") {
	case "approve":
		r, err := s.hub.Approve(v.ctx, c, s.group, target)
		return r.Name + " is a member now, and was told.", err
	case "reject":
		_, err = s.hub.Reject(v.ctx, c, s.group, target, v.field("reason"))
		return s.name(who.Member) + " was turned away, and told.", err
	case "unmute":
		_, err = s.hub.Unmute(v.ctx, c, s.group, target)
		return s.name(who.Member) + " can write again.", err
	case "unban":
		_, err = s.hub.Unban(v.ctx, c, s.group, target)
		return s.name(who.Member) + " may join again.", err
	case "undo":
		if _, err = s.hub.UndoBan(v.ctx, c, s.group, target); who.Ban == nil {
			return "The posts come back.", err
		}
		return "The posts come back, and the ban is lifted.", err
	}
	return "", invalid("member", "say what to do")
}
