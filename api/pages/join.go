package pages

import (
	"fmt"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// join is the door: what joining means, the form, and what came of it.
func (s *Server) join(v *visit) *page {
	const title, form, decline = "Join", "join", "decline"
	var failed error
	if s.taken(v, form) {
		in := group.JoinInput{Name: v.field("name"), Greeting: v.field("greeting"), Code: v.field("code"), Unsaid: v.emptied("greeting")}
		r, err := s.hub.Join(v.ctx, v.acting(0), s.group, in)
		if err == nil {
			return s.joined(v, title, r)
		}
		failed = err
	}
	if s.taken(v, decline) {
		if _, failed = s.hub.DeclineInvite(v.ctx, v.acting(0), s.group); failed == nil {
			return s.done(v, title, "You have declined the invite.")
		}
	}
	if v.member() {
		p := s.page(v, title)
		v.sentNote(p)
		p.line("You are a member already, as " + v.ownName() + ".")
		p.link("Your name and how you are told what is new", "/page/me.mu").nl()
		return p
	}
	if v.info.You.Standing == moderation.StandingBanned {
		return s.problem(v, title, s.banned(v))
	}
	p := s.tried(v, title, "", failed)
	s.door(v, p)
	p.nl()
	for _, text := range s.hub.Disclosure().Texts {
		p.text("- " + text).nl()
	}
	p.nl()
	if !v.identified() {
		p.line("To join, show this group first who you are, and come back to this page:")
		howToIdentify(v, p)
		return p
	}
	s.joinForm(v, p, form)
	if v.info.You.Standing == moderation.StandingInvited {
		s.form(v, p, decline, "Decline the invite")
		p.nl()
	}
	return p
}

// door tells who may join, and how the caller stands.
func (s *Server) door(v *visit, p *page) {
	switch i := v.info; {
	case i.You.Standing == moderation.StandingPending:
		p.line("You have asked to join; a moderator decides, and you are told by a message. You can change below what you said.")
		p.text("Your address, to hand to a moderator: " + group.AddressOf(v.caller.Identity).String()).nl()
		p.link("Take the request back", "/page/leave.mu").nl()
	case i.Over:
		p.line("This group has ended: nobody joins any more.")
	case i.You.Standing == moderation.StandingInvited:
		p.line("You are invited: choose a name and join.")
		if s.can(v, moderation.ActionCircle) && i.Policy.Establish {
			p.link("Who else is invited", "/page/circle.mu").nl()
		}
	case i.Door() == moderation.JoiningClosed:
		p.line("This group takes no new members now.")
	case i.Joining == moderation.JoiningInvite:
		p.line("Who is invited joins here: by the code of an invite, or without one, if the invite names you.")
	case i.Joining == moderation.JoiningApprove:
		p.line("Anybody may ask to join. A moderator decides, and you are told by a message.")
	case i.Lockdown:
		p.line("Anybody may ask to join. Many are joining just now: a moderator decides, and you are told by a message.")
	default:
		p.line("Anybody may join.")
	}
	asks := v.info.Door() == moderation.JoiningOpen || v.info.Door() == moderation.JoiningApprove // for nothing but that he wants
	if v.info.JoinCost > 0 && (!v.identified() || v.info.You.Standing == moderation.StandingStranger) && asks {
		p.line("Without an invite joining takes some work of your machine, which a page can not do. Send /join and your name to the group instead, your program does the work by itself:")
		p.write("open the chat", s.address).nl()
	}
	if !v.info.Owned {
		p.text("This group has no owner yet. ").link("Claim it with the code", "/page/claim.mu").nl()
	}
}

// joinForm asks for a name, what is said to the moderators, and a code where there can be one.
func (s *Server) joinForm(v *visit, p *page, form string) {
	i := v.info
	stranger := i.You.Standing == moderation.StandingStranger
	if i.Over || i.Door() == moderation.JoiningClosed && stranger {
		return
	}
	name, greeting := "", ""
	switch {
	case i.You.Asked != nil:
		name, greeting = i.You.Asked.DisplayName, i.You.Asked.Greeting
	case i.You.Member != nil:
		name = i.You.Member.DisplayName
	}
	var vars []string
	boxes(p, 1000, box{"Name:", "name", 24, v.typed("name", name)})
	if i.You.Standing != moderation.StandingInvited && (i.Joining == moderation.JoiningApprove || i.Policy.Question != "" || i.Lockdown) {
		if i.Policy.Question != "" {
			p.bold(i.Policy.Question).nl()
		} else {
			p.line("A word to the moderators, if you like:")
		}
		if _, fits := refillable(p, greeting); fits && greeting != "" {
			vars = shownAs("greeting", greeting)
		}
		refill(p, "greeting", 50, v.typed("greeting", greeting))
	}
	if i.You.Standing != moderation.StandingInvited {
		labelled(p, "Code of an invite, if you have one:", "code", 24, v.typed("code", ""))
	}
	p.nl()
	label := "Join"
	if i.You.Standing == moderation.StandingPending {
		label = "Change my request"
	}
	s.form(v, p, form, label, vars...)
	p.nl()
}

// named tells one who has another name than he gave why, and what he could do.
func named(n words.Naming) (text, choose string) {
	switch n {
	case words.NamedNot:
		return "You gave no name.", "Choose one"
	case words.NamedElse:
		return "That name, or one that looks like it, is taken.", "Choose another"
	}
	return "", ""
}

// joined says what came of it.
func (s *Server) joined(v *visit, title string, r group.JoinResult) *page {
	if r.Standing == moderation.StandingPending {
		p := s.done(v, title, fmt.Sprintf("You have asked to join as %s.", r.Name))
		p.line("A moderator decides, and you are told by a message. Your address, to hand to one:")
		p.line(group.AddressOf(v.caller.Identity).String())
		return p
	}
	p := s.done(v, title, fmt.Sprintf("Welcome! You are %s.", r.Name))
	if text, choose := named(words.NamingOf(v.field("name"), r)); text != "" {
		p.text(text + " ")
		if words.KeepsName(v.info, r.Member) {
			p.text("Members of this group keep the name they joined with.")
		} else {
			p.link(choose, "/page/me.mu")
		}
		p.nl().nl()
	}
	p.line("What you write here all members see. Nothing is sent to you until you say so:")
	p.link("How you are told what is new", "/page/delivery.mu").nl()
	return p
}

// ownName is the caller's name here, "" for who is none.
func (v *visit) ownName() string {
	if m := v.info.You.Member; m != nil {
		return m.DisplayName
	}
	return ""
}

// banned is the refusal of somebody who is.
func (s *Server) banned(v *visit) error {
	you := v.info.You
	d := moderation.Decide(moderation.Facts{Action: moderation.ActionJoin, Identified: true, Standing: you.Standing, BanExpires: you.Until, BanReason: you.Reason}, s.hub.Now())
	return &group.Error{Kind: group.KindBanned, Op: "join", Msg: d.Text, Reason: d.Reason}
}

// claim makes who knows the code an owner.
func (s *Server) claim(v *visit) *page {
	const title, form = "Become the owner", "claim"
	var failed error
	if s.taken(v, form) {
		r, err := s.hub.Claim(v.ctx, v.acting(0), s.group, group.ClaimInput{Code: v.field("code"), Name: v.field("name")})
		if err == nil {
			p := s.done(v, title, fmt.Sprintf("Welcome, %s: you own this group now.", r.Name))
			p.link("Your name", "/page/me.mu").text(" | ")
			ownersLinks(p)
			return p
		}
		failed = err
	}
	p := s.tried(v, title, "", failed)
	if !v.identified() {
		p.line("To become the owner, show this group first who you are, and come back to this page:")
		howToIdentify(v, p)
		return p
	}
	if v.member() && v.info.You.Role == moderation.RoleOwner {
		p.line("You own this group.")
		ownersLinks(p)
		return p
	}
	p.line("The operator of the server has a code for the owner: \"groupd claim\" makes one.")
	list := []box{{"Code:", "code", 36, v.typed("code", "")}}
	if !v.member() {
		list = append(list, box{"Your name here:", "name", 24, v.typed("name", "")})
	}
	boxes(p, 200, list...)
	p.nl()
	s.form(v, p, form, "Become the owner")
	p.nl()
	return p
}

// ownersLinks lead to what a new owner does first.
func ownersLinks(p *page) {
	p.link("Name and topic", "/page/names.mu").text(" | ").link("Settings", "/page/settings.mu").text(" | ").link("Invites", "/page/invites.mu").nl()
}
