package pages

import (
	"groupd/group"
	"groupd/moderation"
)

// mute keeps a member from writing.
func (s *Server) mute(v *visit) *page {
	const title, form = "Mute", "mute"
	who, err := s.personOf(v)
	if err != nil {
		return s.problem(v, title, err)
	}
	if !who.Allows(moderation.ActionMute) && !who.Allows(moderation.ActionUnmute) {
		return s.problem(v, title, s.denied(v))
	}
	target := group.AnyHash(who.Identity)
	if s.taken(v, form) {
		in := group.MuteInput{Target: target, Reason: v.field("reason")}
		if in.Duration, err = v.span("for"); err == nil {
			_, err = s.hub.Mute(v.ctx, v.acting(0), s.group, in)
		}
		if err == nil {
			p := s.done(v, title, s.name(who.Member)+" can not write "+lasting(in.Duration, "any more")+".")
			p.link("See, undo", "/page/member.mu", "who", target.String()).nl()
			return p
		}
	}
	p := s.tried(v, title, "", err)
	s.portrait(p, who)
	p.nl()
	boxes(p, 200,
		box{"How long, as 2h or 7d (empty: until you lift it)", "for", 6, brief(v.typed("for", ""))},
		box{"Reason, which members see:", "reason", 40, v.typed("reason", "")},
	)
	p.nl()
	s.form(v, p, form, "Mute", "who", target.String())
	p.nl()
	return p
}
