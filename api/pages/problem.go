package pages

import (
	"errors"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// problem is a page that says why there is no other one, and what to do.
func (s *Server) problem(v *visit, title string, err error) *page {
	p := s.page(v, title)
	if v.again { // what he did may be the reason: he has left, or somebody is banned now
		v.sentNote(p)
		return p
	}
	s.refusal(v, p, err)
	return p
}

// refusal says in words why something was not done, on a page that may show the form again below.
func (s *Server) refusal(v *visit, p *page, err error) {
	s.undone(v)
	var e *group.Error
	if !errors.As(err, &e) || e.Kind == group.KindInternal || e.Kind == group.KindNotDurable {
		p.end().bold("Something went wrong on the server.").text(" Try again later, or tell the operator: " + s.note(v, err) + ".").nl().nl()
		return
	}
	text := words.Reason(e)
	if e.Reason == moderation.ReasonNotIdentified { // the rules' words are for programs
		text = "For this, the group has to know who you are."
	}
	p.end().bold(fit(text, 400)).nl()
	switch e.Kind {
	case group.KindNotIdentified:
		howToIdentify(v, p)
	case group.KindNotMember:
		if e.Reason != moderation.ReasonInvite {
			p.link("Join", "/page/join.mu").text(" to read and write here.").nl()
		}
	case group.KindPending:
		p.line("You need not do anything: you are told when a moderator has decided.")
	case group.KindRateLimited:
		if e.RetryAfter > 0 {
			p.line("Try again in " + remaining(e.RetryAfter) + ".")
		}
	case group.KindStampRequired:
		p.text("A page can not do that work. Write to the group instead, your program does it by itself: ").write("open the chat", s.address).nl()
	case group.KindConflict:
		const form = 1100 // bytes that are kept for what follows
		for _, m := range e.Choices {
			if p.room() < form {
				p.line("- and others")
				break
			}
			p.text("- " + cut(m.DisplayName, 30) + " ").text(m.Address.String()).nl()
		}
	}
	p.nl()
}

// note puts an error of ours into the log, and returns the id that it has there.
func (s *Server) note(v *visit, err error) string {
	return s.faults.Note(v.ctx, err, "path", v.path, "group", string(s.group))
}

// remaining is a wait in words.
func remaining(d time.Duration) string { return moderation.Remaining(d) }
