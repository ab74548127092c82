package lxm

import (
	"context"
	"strings"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// join makes the caller a member, or lets him wait. After the code of an invite, where there is one, the first word, what stands in quotation marks, or the first of several
// lines is the name, the rest a greeting.
func (t *turn) join(args string) ([]string, error) {
	code, args := group.CutInviteCode(args)
	name, greeting := firstWord(args)
	if first, rest, lines := strings.Cut(args, "\n"); lines && !quoted(args) {
		name, greeting = strings.TrimSpace(first), strings.TrimSpace(rest)
	}
	r, err := t.s.hub.Join(t.ctx, t.command(), t.s.group, group.JoinInput{Name: name, Greeting: greeting, Code: code, Mode: t.s.modeFor(t.in.Via)})
	if err != nil {
		return nil, err
	}
	info := t.inform()
	switch {
	case r.Standing == moderation.StandingPending && r.Already:
		return whole(textStillWaiting(info, r.Name, t.address())), nil
	case r.Standing == moderation.StandingPending:
		return whole(textWaiting(info, r.Name, t.address()) + "\n" + t.s.disclosure()), nil
	case r.Already:
		return whole(textAlreadyIn(r.Name)), nil
	}
	t.joined = true
	return whole(textWelcome(info, r.Name, r.Member.Role) + textNamed(words.NamingOf(name, r), words.KeepsName(info, r.Member)) + t.s.howTold(t.ctx, t.caller.Identity) + "\n" + t.s.disclosure()), nil
}

// modeFor is how one begins to be told what is new.
func (s *Server) modeFor(iface string) group.DeliveryMode {
	if s.config.ModeFor == nil {
		return group.DeliverFetch
	}
	return s.config.ModeFor(iface)
}

// howTold tells a new member how he will be told what is new, and how to change it; nothing where he asks himself.
func (s *Server) howTold(ctx context.Context, id group.IdentityHash) string {
	d, err := s.hub.Notifications(ctx, group.Caller{Identity: id}, s.group)
	if err != nil {
		s.log.Warn("no preferences for a welcome", "err", err)
	}
	if text := textHowTold(d.Preferences); text != "" {
		return "\n" + text
	}
	return ""
}

// inform is the group as the caller sees it after what he did. It is for words only: when it fails, the names are missing
// and the effect stands.
func (t *turn) inform() group.Info {
	info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
	if err != nil {
		t.s.log.Warn("no info for an answer", "err", err)
		info.PublicName = string(t.s.group)
	}
	return info
}

// disclosure is what people are told when they join.
func (s *Server) disclosure() string { return strings.Join(s.hub.Disclosure().Texts, "\n") }

// disclosed tells again what people are told when they join.
func (t *turn) disclosed(string) ([]string, error) { return whole(t.s.disclosure()), nil }

// claim makes the caller an owner.
func (t *turn) claim(args string) ([]string, error) {
	if args == "" {
		return whole(textClaimHow()), nil
	}
	r, err := t.s.hub.Claim(t.ctx, t.command(), t.s.group, group.ClaimInput{Code: args, Mode: t.s.modeFor(t.in.Via)})
	if err != nil {
		return nil, err
	}
	info := t.inform()
	t.joined = true
	return whole(textOwner(info, r.Name) + t.s.howTold(t.ctx, t.caller.Identity) + "\n" + t.s.disclosure()), nil
}

// leave ends the caller's membership after a second word, or takes back his request.
func (t *turn) leave(args string) ([]string, error) {
	info := t.inform()
	if t.st.Standing == moderation.StandingPending {
		if _, err := t.s.hub.Leave(t.ctx, t.command(), t.s.group); err != nil {
			return nil, err
		}
		return whole(textTookBack()), nil
	}
	if word, _ := firstWord(args); t.member() && !strings.EqualFold(word, "yes") {
		return whole(textLeaveSure(info)), nil
	}
	if _, err := t.s.hub.Leave(t.ctx, t.command(), t.s.group); err != nil {
		return nil, err
	}
	return whole(textLeft(info)), nil
}

// forget erases what is the caller's, after a second word.
func (t *turn) forget(args string) ([]string, error) {
	if word, _ := firstWord(args); !strings.EqualFold(word, "yes") {
		return whole(textForgetSure()), nil
	}
	if _, err := t.s.hub.Forget(t.ctx, t.command(), t.s.group); err != nil {
		return nil, err
	}
	return whole(textForgotten()), nil
}

// nick changes the caller's name.
func (t *turn) nick(args string) ([]string, error) {
	if args == "" {
		return whole(textYourName(t.st.Member.DisplayName)), nil
	}
	name := args
	if quoted(args) {
		name, _ = firstWord(args)
	}
	m, err := t.s.hub.UpdateProfile(t.ctx, t.command(), t.s.group, group.ProfileInput{Name: &name})
	if err != nil {
		return nil, err
	}
	return whole(textRenamed(m.DisplayName)), nil
}

// status tells the caller what he is here, or sets his status text.
func (t *turn) status(args string) ([]string, error) {
	if args == "" {
		info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
		if err != nil || t.st.Member == nil {
			return nil, err
		}
		text := textStatus(info, *t.st.Member, t.st, t.s.hub.Now())
		d, err := t.s.hub.Notifications(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		if d.Mode != group.DeliverFetch {
			text += "\n" + textMode(d.Preferences, t.s.config.Now()) + textProgress(d, t.s.config.Now())
		}
		return whole(text), nil
	}
	if args == "-" {
		args = ""
	}
	m, err := t.s.hub.UpdateProfile(t.ctx, t.command(), t.s.group, group.ProfileInput{Status: &args})
	if err != nil {
		return nil, err
	}
	return whole(textStatusSet(m.Status)), nil
}
