package pages

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// moderate is where those who keep order begin: what waits for them, and the ways to the lists.
func (s *Server) moderate(v *visit) *page {
	const title, form = "Moderate", "lockdown"
	if !v.member() {
		return s.problem(v, title, s.outside(v))
	}
	var note string
	var failed error
	if s.taken(v, form) {
		note, failed = s.lock(v)
		if failed == nil {
			v.clear()
			s.reload(v)
		}
	}
	p := s.tried(v, title, note, failed)
	shown := false
	entry := func(may moderation.Action, label, path, more string) {
		if s.can(v, may) {
			p.end().link(label, "/page/"+path+".mu").text(more).nl()
			shown = true
		}
	}
	entry(moderation.ActionRequests, "Who waits to join", "waiting", s.waitingCount(v))
	entry(moderation.ActionReports, "What was reported", "reports", s.reportCount(v))
	entry(moderation.ActionBans, "Who is banned", "bans", "")
	entry(moderation.ActionAudit, "The log", "audit", "")
	entry(moderation.ActionInvites, "Invites", "invites", "")
	entry(moderation.ActionTopic, "Names and topic", "names", "")
	entry(moderation.ActionSettings, "Settings", "settings", "")
	if s.can(v, moderation.ActionLockdown) {
		shown = true
		p.nl()
		s.lockForm(v, p, form)
	}
	if !shown {
		p.line("There is nothing here for you to decide.")
	}
	return p
}

func (s *Server) waitingCount(v *visit) string {
	if !s.can(v, moderation.ActionRequests) {
		return ""
	}
	list, err := s.hub.Requests(v.ctx, v.caller, s.group, group.MaxPage)
	switch {
	case err != nil:
		s.note(v, err)
		return ""
	case len(list) == group.MaxPage:
		return fmt.Sprintf(": %d and more", group.MaxPage)
	}
	return fmt.Sprintf(": %d", len(list))
}

func (s *Server) reportCount(v *visit) string {
	if !s.can(v, moderation.ActionReports) {
		return ""
	}
	list, err := s.hub.Reports(v.ctx, v.caller, s.group, 0, 1)
	if err != nil {
		s.note(v, err)
		return ""
	}
	return fmt.Sprintf(": %d", list.Total)
}

// lockForm begins a lockdown or ends it.
func (s *Server) lockForm(v *visit, p *page, form string) {
	if !v.info.Lockdown {
		p.line("Lockdown: who would join waits for a moderator.")
		p.text("For, as 2h (empty: until lifted) ").input("for", 6, brief(v.typed("for", ""))).text(" ")
		s.form(v, p, form, "Begin a lockdown", "lock", "on")
		p.nl()
		return
	}
	text := "There is a lockdown: who joins waits for a moderator"
	if set, err := s.hub.Settings(v.ctx, v.caller, s.group); err == nil && !set.Lockdown.Until.IsZero() {
		text += s.left(set.Lockdown.Until)
	}
	p.line(text + ".")
	s.form(v, p, form, "End the lockdown", "lock", "off")
	p.nl()
}

func (s *Server) lock(v *visit) (string, error) {
	in := group.LockdownInput{On: v.variable("lock") == "on"}
	var err error
	if in.On {
		if in.Duration, err = v.span("for"); err != nil {
			return "", err
		}
	}
	if _, err = s.hub.Lockdown(v.ctx, v.acting(0), s.group, in); err != nil {
		return "", err
	}
	return "Done.", nil
}

// waiting lists who waits to join.
func (s *Server) waiting(v *visit) *page {
	const title, form = "Who waits", "waiting"
	var note string
	var failed error
	if s.taken(v, form) {
		if h, ok := group.ParseAnyHash(v.variable("who")); ok {
			var r group.JoinResult
			if r, failed = s.hub.Approve(v.ctx, v.acting(0), s.group, h); failed == nil {
				note = r.Name + " is a member now, and was told."
			}
		}
		v.clear()
	}
	list, err := s.hub.Requests(v.ctx, v.caller, s.group, group.MaxPage)
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.tried(v, title, note, failed)
	if len(list) == 0 {
		p.line("Nobody waits.")
	}
	at := func(q group.Request) place { return placeOf(q.Created, group.AnyHash(q.Identity)) }
	list = behind(v, "after", list, at)
	p.list(len(list), func(p *page, i int) {
		q := list[i]
		p.indent = 2
		p.bold(cut(q.DisplayName, 30)).text(" " + q.Address.String()[:12] + ", " + s.ago(q.Created))
		if q.Greeting != "" {
			p.text(": " + fit(q.Greeting, 120))
		}
		p.end().in()
		s.form(v, p, form, "Approve", "who", q.Identity.String())
		p.text(" | ").link("See, reject", "/page/member.mu", "who", q.Identity.String())
		p.indent = 0
	}, func(p *page, shown int) {
		if shown < len(list) {
			p.nl().link("More", "/page/waiting.mu", "after", at(list[shown-1]).String()).nl()
		}
	})
	return p
}

// reports lists what members reported.
func (s *Server) reports(v *visit) *page {
	const title, form = "Reported", "settle"
	var note string
	var failed error
	if s.taken(v, form) {
		seq := v.seq("post")
		if _, failed = s.hub.SettleReports(v.ctx, v.acting(0), s.group, seq, v.field("note")); failed == nil {
			note = fmt.Sprintf("The reports about #%d are settled.", seq)
			v.clear()
		}
	}
	after := int64(v.number("after"))
	list, err := s.hub.Reports(v.ctx, v.caller, s.group, after, listed)
	if err != nil {
		return s.problem(v, title, err)
	}
	names := namesOf(list.Authors)
	posts := s.posts(v, list.Reports)
	p := s.tried(v, title, note, failed)
	if len(list.Reports) == 0 {
		p.line("Nothing is reported.")
		return p
	}
	boxes(p, 900, box{"Note for the log:", "note", 30, v.typed("note", "")})
	p.list(len(list.Reports), func(p *page, i int) {
		r := list.Reports[i]
		p.indent = 2
		p.text(fmt.Sprintf("#%d %s", r.Seq, fit(posts[r.Seq], 100))).end().in()
		p.text(cut(nameOr(names[group.AnyHash(r.By)], group.AnyHash(group.AddressOf(r.By))), 24) + ", " + s.ago(r.Created) + because(fit(r.Reason, 100))).end().in()
		p.link("See, delete", "/page/entry.mu", "seq", seqText(r.Seq)).text(" | ")
		s.form(v, p, form, "Settle", "post", seqText(r.Seq))
		p.indent = 0
	}, func(p *page, shown int) {
		if shown > 0 && (shown < len(list.Reports) || list.More) {
			p.nl().link("More", "/page/reports.mu", "after", strconv.FormatInt(list.Reports[shown-1].ID, 10)).nl()
		}
	})
	return p
}

// posts are the beginnings of the posts that reports are about.
func (s *Server) posts(v *visit, list []group.Report) map[group.Seq]string {
	var seqs []group.Seq
	for _, r := range list {
		seqs = append(seqs, r.Seq)
	}
	out := make(map[group.Seq]string)
	if len(seqs) == 0 {
		return out
	}
	page, err := s.hub.Messages(v.ctx, v.caller, s.group, group.Query{Seqs: seqs, Current: true})
	if err != nil {
		s.note(v, err)
		return out
	}
	names := namesOf(page.Authors)
	for _, e := range page.Entries {
		if e.Deleted {
			out[e.Seq] = "deleted"
			continue
		}
		text, _, _ := strings.Cut(string(e.Text), "\n")
		out[e.Seq] = names[group.AnyHash(e.Author)] + ": " + text
	}
	return out
}

// namesOf is how people are called, by identity and by address.
func namesOf(list []group.Member) map[group.AnyHash]string {
	names := make(map[group.AnyHash]string)
	for _, m := range list {
		names[group.AnyHash(m.Identity)], names[group.AnyHash(m.Address)] = m.DisplayName, m.DisplayName
	}
	return names
}

// bans lists who is kept out, and leads to the form for one more.
func (s *Server) bans(v *visit) *page {
	const title = "Banned"
	after, _ := group.ParseAnyHash(v.variable("after"))
	list, more, err := s.hub.Bans(v.ctx, v.caller, s.group, after, listed)
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.page(v, title)
	p.link("Ban somebody by name or address", "/page/ban.mu").nl().nl()
	if len(list) == 0 {
		p.line("Nobody is banned.")
	}
	p.list(len(list), func(p *page, i int) {
		b := list[i]
		p.indent = 2
		shown := b.Target
		if !b.Address.IsZero() {
			shown = group.AnyHash(b.Address)
		}
		p.link(cut(nameOr(b.DisplayName, shown), 24), "/page/member.mu", "who", b.Target.String())
		if b.Kick {
			p.text(" kicked")
		}
		p.text(cmp.Or(s.left(b.Expires), " for good") + because(fit(b.Reason, 60)))
		p.indent = 0
	}, func(p *page, shown int) {
		if shown > 0 && (shown < len(list) || more) {
			p.nl().link("More", "/page/bans.mu", "after", list[shown-1].Target.String()).nl()
		}
	})
	return p
}

// audit is the log of moderation, the newest first.
func (s *Server) audit(v *visit) *page {
	const title = "The log"
	before := int64(v.number("before"))
	log, err := s.hub.AuditLog(v.ctx, v.caller, s.group, group.AuditQuery{Before: before, Limit: listed})
	if err != nil {
		return s.problem(v, title, err)
	}
	names := namesOf(log.Members)
	p := s.page(v, title)
	if len(log.Lines) == 0 {
		p.line("Nothing is in the log.")
	}
	p.list(len(log.Lines), func(p *page, i int) {
		p.indent = 2
		p.text(auditText(log.Lines[i], names, s.hub.Now()))
		p.indent = 0
	}, func(p *page, shown int) {
		if shown > 0 && (shown < len(log.Lines) || log.More) {
			p.nl().link("Older", "/page/audit.mu", "before", strconv.FormatInt(log.Lines[shown-1].ID, 10)).nl()
		}
	})
	return p
}

// auditText is a line of the log.
func auditText(a group.Audit, names map[group.AnyHash]string, now time.Time) string {
	by := "the operator"
	if !a.By.IsZero() {
		by = nameOr(names[group.AnyHash(a.By)], group.AnyHash(group.AddressOf(a.By)))
	}
	text := fmt.Sprintf("%s ago %s: %s", moderation.Passed(now.Sub(a.Time)), by, a.Action)
	if name := names[a.Target]; !a.Target.IsZero() && (name == "" || !strings.HasPrefix(a.Detail, name)) {
		text += " " + nameOr(name, a.Target)
	}
	if a.Detail != "" {
		text += ", " + fit(a.Detail, 160)
	}
	return text
}
