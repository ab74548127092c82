package pages

import (
	"groupd/group"
	"groupd/moderation"
)

// leave asks whether the caller wants to leave, or to take his request back, and does it.
func (s *Server) leave(v *visit) *page {
	const title, form = "Leave", "leave"
	waits := v.info.You.Standing == moderation.StandingPending
	var failed error
	if s.taken(v, form) {
		_, err := s.hub.Leave(v.ctx, v.acting(0), s.group)
		switch {
		case err == nil && waits:
			return s.done(v, title, "Your request is taken back.")
		case err == nil:
			s.drafts.forget(v.caller.Identity)
			p := s.done(v, title, "You have left.")
			p.text("Your posts stay.")
			if v.info.Door() != moderation.JoiningClosed {
				p.text(" You can join again as anybody can.")
			}
			p.nl()
			p.link("Erase what I wrote, too", "/page/forget.mu").nl()
			return p
		}
		failed = err
	}
	switch {
	case failed != nil:
		return s.problem(v, title, failed)
	case waits:
		p := s.sure(v, title, "Take back your request to join?")
		s.yesNo(v, p, form, "Yes, take it back", "/page/join.mu", nil)
		return p
	case !v.member():
		return s.problem(v, title, s.outside(v))
	}
	p := s.sure(v, title, "Leave this group?")
	p.line("Your posts stay, and others see that you left. Nothing is sent to you any more.")
	s.yesNo(v, p, form, "Yes, leave", "/page/me.mu", nil)
	return p
}

// forget asks whether the caller wants everything of his erased, and does it.
func (s *Server) forget(v *visit) *page {
	const title, form = "Erase what is mine", "forget"
	if s.taken(v, form) {
		if _, err := s.hub.Forget(v.ctx, v.acting(0), s.group); err != nil {
			return s.problem(v, title, err)
		}
		s.drafts.forget(v.caller.Identity)
		p := s.done(v, title, "It is being erased.")
		p.line("You are no member any more. Others may still have copies of what you wrote.")
		return p
	}
	if !v.identified() || v.info.You.Standing == moderation.StandingBanned {
		return s.problem(v, title, s.outside(v))
	}
	p := s.sure(v, title, "Erase everything of yours here?")
	p.line("You leave the group. Your name, your posts with their files, your reactions and your settings are erased; this can not be undone.")
	p.line("What others have kept, and what waits at propagation nodes, nobody can take back. That something was removed stays visible.")
	s.yesNo(v, p, form, "Yes, erase it all", "/page/me.mu", nil)
	return p
}

// outside is the refusal of who is no member, in words that fit how he stands.
func (s *Server) outside(v *visit) error {
	switch {
	case !v.identified():
		return &group.Error{Kind: group.KindNotIdentified, Op: "page", Msg: "this page is about you: you have to identify first"}
	case v.info.You.Standing == moderation.StandingBanned:
		return s.banned(v)
	case v.info.You.Standing == moderation.StandingPending:
		return &group.Error{Kind: group.KindPending, Op: "page", Msg: "your request to join is waiting for a moderator"}
	}
	return &group.Error{Kind: group.KindNotMember, Op: "page", Msg: "you are not a member of this group"}
}
