package pages

import (
	"fmt"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// kick removes a member for a while, after a second page.
func (s *Server) kick(v *visit) *page { return s.remove(v, "Kick", "kick", true) }

// ban keeps somebody out, member or not, known or not, after a second page.
func (s *Server) ban(v *visit) *page { return s.remove(v, "Ban", "ban", false) }

// removal is what a form says about keeping somebody out.
type removal struct {
	who           group.Person
	span          time.Duration
	reason        string
	purge, branch bool
}

// remove is kick and ban: the form, the question, and what came of it.
func (s *Server) remove(v *visit, title, form string, kick bool) *page {
	sure, action := form+" sure", moderation.ActionBan
	if kick {
		action = moderation.ActionKick
	}
	sent := s.which(v, sure, form)
	r, err := s.removal(v, kick)
	named := !r.who.Identity.IsZero()
	switch {
	case named && !s.allowed(v, r.who, action):
		return s.problem(v, title, s.denied(v))
	case !named && (kick || !s.can(v, action)):
		return s.problem(v, title, err)
	}
	switch {
	case sent == "" || err != nil:
	case sent == sure:
		var p *page
		if p, err = s.removed(v, title, kick, r); err == nil {
			return p
		}
	default:
		s.undone(v)
		return s.askRemoval(v, title, form, sure, kick, r)
	}
	p := s.page(v, title)
	if err != nil && (named || sent != "" || v.value("who") != "") {
		s.refusal(v, p, err)
	}
	v.sentNote(p)
	var list []box
	if !named {
		list = append(list, box{"Whom, by name or address:", "who", 32, v.typed("who", "")})
	} else {
		s.portrait(p, r.who)
		p.nl()
	}
	long, usual := "How long, as 30m, 2h or 7d (empty: for good)", ""
	if kick {
		long, usual = "How long, as 30m, 2h or 7d", "1h"
	}
	boxes(p, 500, append(list, box{long, "for", 6, brief(v.typed("for", usual))}, box{"Reason, which members see:", "reason", 40, v.typed("reason", "")})...)
	if !kick {
		p.checkbox("purge", "Hide all posts, for a day they can be brought back", v.value("purge") != "").nl()
		p.checkbox("branch", "Ban also whom he invited, and whom those did", v.value("branch") != "").nl()
	}
	p.nl()
	var vars []string
	if named {
		vars = []string{"who", r.who.Identity.String()}
	}
	s.form(v, p, form, "Go on", vars...)
	p.nl()
	return p
}

// removal reads the form, or the link of the second page.
func (s *Server) removal(v *visit, kick bool) (r removal, err error) {
	h, err := s.whom(v)
	if err != nil {
		return r, err
	}
	r.who, err = s.hub.Person(v.ctx, v.caller, s.group, h)
	if err != nil && (kick || group.KindOf(err) != group.KindNotFound) {
		return r, err
	}
	if err != nil { // nobody known: what was typed is kept out
		r.who = group.Person{Member: group.Member{Identity: group.IdentityHash(h)}}
	}
	r.reason, r.purge, r.branch = v.value("reason"), v.value("purge") != "" && !kick, v.value("branch") != "" && !kick
	if n := len(moderation.CleanLine(r.reason)); n > group.MaxReasonBytes { // a link would have to carry it
		return r, &group.Error{Kind: group.KindTooLarge, Op: "remove", Field: "reason", Msg: fmt.Sprintf("longer than %d bytes", group.MaxReasonBytes), Limit: group.MaxReasonBytes, Needed: int64(n)}
	}
	r.span, err = v.span("for")
	return r, err
}

// askRemoval is the second page.
func (s *Server) askRemoval(v *visit, title, form, sure string, kick bool, r removal) *page {
	p := s.sure(v, title, fmt.Sprintf("%s %s?", title, s.name(r.who.Member)))
	s.portrait(p, r.who)
	if kick && r.span == 0 {
		r.span = group.DefaultKick
	}
	p.nl().line("Stays out " + lasting(r.span, "for good") + ", and is told.")
	if r.reason != "" {
		p.indent = 2
		p.text("Reason: " + fit(r.reason, group.MaxReasonBytes)).nl()
		p.indent = 0
	}
	if r.purge {
		p.line("All the posts are hidden from everybody. For a day they can be brought back; then they are erased.")
	}
	if r.branch {
		p.line("Everybody who came by these invites, and by theirs, is banned too.")
	}
	who := r.who.Identity.String()
	vars := []string{"who", who, "for", words.Span(r.span), "reason", r.reason}
	if r.purge {
		vars = append(vars, "purge", "1")
	}
	if r.branch {
		vars = append(vars, "branch", "1")
	}
	back := vars
	if len(encode(r.reason)) > 250 {
		back = vars[:4] // both links would not fit
	}
	s.yesNo(v, p, sure, "Yes, "+form, "/page/"+form+".mu", back, vars...)
	return p
}

// removed does it, and says what came of it.
func (s *Server) removed(v *visit, title string, kick bool, r removal) (*page, error) {
	target := group.AnyHash(r.who.Identity)
	name := s.name(r.who.Member)
	if kick {
		if _, err := s.hub.Kick(v.ctx, v.acting(0), s.group, group.KickInput{Target: target, Reason: r.reason, Duration: r.span}); err != nil {
			return nil, err
		}
		p := s.done(v, title, name+" is removed.")
		p.link("See, undo", "/page/member.mu", "who", target.String()).nl()
		return p, nil
	}
	res, err := s.hub.Ban(v.ctx, v.acting(0), s.group, group.BanInput{Target: target, Reason: r.reason, Duration: r.span, Purge: r.purge, Branch: r.branch})
	if err != nil {
		return nil, err
	}
	p := s.done(v, title, name+" is banned.")
	if res.Purging {
		p.line("The posts are being hidden.")
	}
	if len(res.Branch) > 0 {
		p.line(count(len(res.Branch), "other") + " banned too.")
	}
	if res.More {
		p.line("There are more whom he brought: ban him once more.")
	}
	p.link("See, undo", "/page/member.mu", "who", target.String()).text(" | ").link("All bans", "/page/bans.mu").nl()
	return p, nil
}

// allowed reports whether the caller may do something to somebody, known or not.
func (s *Server) allowed(v *visit, who group.Person, a moderation.Action) bool {
	if who.Known || who.Waits != nil || who.Ban != nil {
		return who.Allows(a)
	}
	return s.can(v, a)
}

// denied refuses what the rules do not allow the caller.
func (s *Server) denied(v *visit) error {
	if !v.member() {
		return s.outside(v)
	}
	return &group.Error{Kind: group.KindDenied, Op: "page", Msg: "you may not do this here"}
}
