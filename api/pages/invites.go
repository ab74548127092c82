package pages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// invites lists the caller's invites, or everybody's for who may see them, takes one back, and makes new ones.
func (s *Server) invites(v *visit) *page {
	const title, form, revoke = "Invites", "invite", "revoke"
	if !v.member() {
		return s.problem(v, title, s.outside(v))
	}
	var note string
	var failed error
	switch {
	case s.taken(v, form):
		var p *page
		if p, failed = s.invited(v, title); failed == nil {
			return p
		}
	case s.taken(v, revoke):
		id := int64(v.number("id"))
		if _, failed = s.hub.RevokeInvite(v.ctx, v.acting(0), s.group, id); failed == nil {
			note = fmt.Sprintf("Invite %d is taken back.", id)
			v.clear()
		}
	}
	all := s.can(v, moderation.ActionInvites) // not only one's own
	after := int64(v.number("after"))
	list, err := s.hub.Invites(v.ctx, v.caller, s.group, group.InvitesQuery{All: all, After: after, Limit: listed})
	if err != nil {
		return s.problem(v, title, err)
	}
	names := namesOf(list.Members)
	p := s.tried(v, title, note, failed)
	if s.can(v, moderation.ActionInvite) {
		s.inviteForm(v, p, form)
	} else {
		p.line("You can invite nobody to this group.").nl()
	}
	if len(list.Invites) == 0 && after == 0 {
		p.line("There are no invites that still hold.")
	}
	p.list(len(list.Invites), func(p *page, i int) {
		inv := list.Invites[i]
		p.indent = 2
		p.text(inviteText(inv, list.Shown[inv.For]) + s.ends(",", inv.Expires))
		if all {
			p.text(", by " + cut(nameOr(names[group.AnyHash(inv.By)], group.AnyHash(inv.By)), 24))
		}
		p.text(" ")
		s.form(v, p, revoke, "Take back", "id", strconv.FormatInt(inv.ID, 10))
		p.indent = 0
	}, func(p *page, shown int) {
		if shown > 0 && (shown < len(list.Invites) || list.More) {
			p.nl().link("More", "/page/invites.mu", "after", strconv.FormatInt(list.Invites[shown-1].ID, 10)).nl()
		}
	})
	return p
}

// inviteForm asks for whom, as what, how often and how long.
func (s *Server) inviteForm(v *visit, p *page, form string) {
	codes := v.info.Policy.InviteTo == moderation.InviteAnyone
	if codes {
		p.line("For people, by name or address with commas between, who are told; or empty: for whoever has the code.")
	} else {
		p.line("For people, by name or address with commas between, who are told.")
	}
	boxes(p, 1000, box{"For:", "who", 50, v.typed("who", "")})
	p.text("As ")
	role := v.typed("role", moderation.RoleMember.String())
	for r := moderation.RoleMember; r <= v.info.You.Role; r++ {
		if r == moderation.RoleMember || s.can(v, moderation.ActionGrant) && v.may(moderation.PermGrant) {
			p.radio("role", r.String(), r.String(), role == r.String()).text(" ")
		}
	}
	p.end()
	if codes {
		p.text("Uses ").input("uses", 4, brief(v.typed("uses", "1")))
	}
	p.text(" Holds for, as 7d ").input("for", 5, brief(v.typed("for", ""))).nl()
	s.form(v, p, form, "Make an invite")
	p.nl().nl()
}

// invited makes an invite and shows its code, once.
func (s *Server) invited(v *visit, title string) (*page, error) {
	in := group.InviteInput{}
	var err error
	if in.Duration, err = v.span("for"); err != nil {
		return nil, err
	}
	if text := strings.TrimSpace(v.field("role")); text != "" {
		role, ok := moderation.ParseRole(text)
		if !ok {
			return nil, invalid("invite", "no such role")
		}
		in.Role = role
	}
	if text := strings.TrimSpace(v.field("uses")); text != "" {
		if in.Uses, err = strconv.Atoi(text); err != nil {
			return nil, invalid("invite", "write a number of uses")
		}
	}
	if strings.Trim(v.field("who"), " ,\n") != "" {
		return s.inviteThem(v, title, in)
	}
	r, err := s.hub.CreateInvite(v.ctx, v.acting(0), s.group, in)
	if err != nil {
		return nil, err
	}
	p := s.done(v, title, "Invite "+inviteText(r.Invite, r.Invite.For)+s.ends(",", r.Invite.Expires)+".")
	p.line("The code is shown only now:").nl()
	p.line(r.Code).nl()
	p.line("To join with it, send to the group's address")
	p.line(s.address)
	p.line("/join " + r.Code + " NAME")
	p.line("or type the code on the page Join.")
	p.nl().link("All invites", "/page/invites.mu").nl()
	return p, nil
}

// inviteThem sends an invite to each of those whom the field names, with commas between, and tells what came of each. It is refused where
// none could be made.
func (s *Server) inviteThem(v *visit, title string, in group.InviteInput) (*page, error) {
	const atOnce = 10
	list := strings.FieldsFunc(v.field("who"), func(r rune) bool { return r == ',' || r == '\n' })
	if len(list) > atOnce {
		return nil, invalid("invite", fmt.Sprintf("name at most %d at once", atOnce))
	}
	var told []string
	var refused error
	made := 0
	for i, text := range list {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		r, err := s.inviteOne(v, in, text, i)
		switch {
		case !group.Refused(err) && err != nil:
			return nil, err
		case err != nil:
			if refused == nil {
				refused = err
			}
			told = append(told, cut(text, 30)+": "+s.why(err))
		default:
			made++
			told = append(told, cut(text, 40)+": invite "+strconv.FormatInt(r.Invite.ID, 10)+asRole(r.Invite)+s.ends(",", r.Invite.Expires)+".")
		}
	}
	if made == 0 {
		return nil, refused
	}
	p := s.done(v, title, count(made, "invite")+" sent. Who is named joins without a code.")
	for _, line := range told {
		p.indent = 2
		p.text(fit(line, 150)).end()
		p.indent = 0
	}
	p.nl().link("All invites", "/page/invites.mu").nl()
	return p, nil
}

// inviteOne sends an invite to one who is named.
func (s *Server) inviteOne(v *visit, in group.InviteInput, text string, n int) (group.InviteIssued, error) {
	var err error
	if in.For, err = s.resolve(v, text, group.AmongDeparted, group.AmongRequests, group.AmongMembers, group.AmongAcquaintances); err != nil {
		return group.InviteIssued{}, stranger(err, text)
	}
	_, whole := group.ParseAnyHash(text)
	in.Send, in.Picked = true, !whole
	return s.hub.CreateInvite(v.ctx, v.acting(n), s.group, in)
}

// stranger says what to do about somebody who is not found by what he is called.
func stranger(err error, text string) error {
	if err == nil || group.KindOf(err) != group.KindNotFound {
		return err
	}
	return &group.Error{Kind: group.KindNotFound, Op: "resolve", Msg: "nobody whom you know here is called " + strconv.Quote(cut(moderation.CleanLine(text), 30)) + ": write the whole address"}
}

// why is a refusal in a sentence.
func (s *Server) why(err error) string {
	var e *group.Error
	if errors.As(err, &e) {
		return words.Reason(e)
	}
	return "it failed."
}

// inviteText is an invite in a line; whom it is for is shown by the hash that people know.
func inviteText(i group.Invite, who group.AnyHash) string {
	text := fmt.Sprintf("%d: for one", i.ID)
	switch {
	case !i.For.IsZero():
		text = fmt.Sprintf("%d: for %s", i.ID, who.String()[:12])
	case i.Uses > 1:
		text = fmt.Sprintf("%d: for %d", i.ID, i.Uses)
	}
	text += asRole(i)
	if i.Used > 0 {
		text += ", used " + count(i.Used, "time")
	}
	return text
}

// asRole is what one comes in as, where that is more than a member.
func asRole(i group.Invite) string {
	if i.Role > moderation.RoleMember {
		return " as " + i.Role.String()
	}
	return ""
}
