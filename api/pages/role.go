package pages

import (
	"fmt"
	"strconv"

	"groupd/group"
	"groupd/moderation"
)

// role changes somebody's role or single permissions. Making an owner, who can not be unmade by others, and stepping down ask first.
func (s *Server) role(v *visit) *page {
	const title, form, sure, bits = "Role", "role", "role sure", "permissions"
	sent := s.which(v, sure, form, bits)
	who, err := s.personOf(v)
	if err != nil {
		return s.problem(v, title, err)
	}
	if !who.Allows(moderation.ActionGrant) {
		return s.problem(v, title, s.denied(v))
	}
	target := group.AnyHash(who.Identity)
	in := group.PermissionsInput{Target: target}
	change := func(text string) *page {
		if _, err = s.hub.UpdatePermissions(v.ctx, v.acting(0), s.group, in); err != nil {
			return nil
		}
		p := s.done(v, title, text)
		p.link("See", "/page/member.mu", "who", target.String()).nl()
		return p
	}
	picked, ok := moderation.ParseRole(v.value("role"))
	switch {
	case sent == "":
	case sent == bits:
		in.Add, in.Remove = v.bits()
		if p := change(fmt.Sprintf("Saved the permissions of %s.", s.name(who.Member))); p != nil {
			return p
		}
	case !ok:
		err = invalid("role", "choose a role")
	case sent == sure || picked < moderation.RoleOwner && !who.Self:
		in.Role = picked
		if p := change(fmt.Sprintf("%s is %s now.", s.name(who.Member), picked)); p != nil {
			return p
		}
	default:
		s.undone(v)
		p := s.sure(v, title, fmt.Sprintf("Make %s %s?", s.name(who.Member), picked))
		s.portrait(p, who)
		if who.Self {
			p.nl().line("You can not raise yourself again.")
		} else {
			p.nl().line("An owner may do everything, and nobody but the operator can take that back.")
		}
		s.yesNo(v, p, sure, "Yes, do it", "/page/role.mu", []string{"who", target.String()}, "who", target.String(), "role", picked.String())
		return p
	}
	p := s.tried(v, title, "", err)
	s.portrait(p, who)
	p.nl()
	for _, r := range who.Roles {
		p.end().radio("role", r.String(), r.String()+": "+roleText(r), v.typed("role", "") == r.String())
	}
	p.end()
	has := strconv.FormatUint(uint64(who.Permissions), 10)
	s.form(v, p, form, "Change the role", "who", target.String(), hadVariable, has)
	p.nl().nl()
	if who.Self { // others for whom he may grant something are below him
		return p
	}
	p.line("What the person may do, the role aside:")
	for i, name := range permissionWords() {
		if i%4 == 0 {
			p.end()
		}
		p.checkbox("p_"+name, name, v.ticked("p_"+name, 1<<i, who.Permissions.Has(1<<i))).text(" ")
	}
	p.end()
	s.form(v, p, bits, "Save the permissions", "who", target.String(), hadVariable, has)
	p.nl()
	return p
}

// roleText says what a role is for.
func roleText(r moderation.Role) string {
	switch r {
	case moderation.RoleMember:
		return "reads and writes"
	case moderation.RoleModerator:
		return "keeps order among members and posts"
	case moderation.RoleAdmin:
		return "keeps order, and changes names, settings and roles"
	}
	return "everything, and for good"
}

// bits are the permissions that the boxes add to those somebody had, and those that they take.
func (v *visit) bits() (add, remove moderation.Permission) {
	for i, name := range permissionWords() {
		bit := moderation.Permission(1) << i
		switch {
		case !v.flipped("p_"+name, uint64(bit)):
		case v.field("p_"+name) != "":
			add |= bit
		default:
			remove |= bit
		}
	}
	return add, remove
}

// permissionWords are the words of the permissions, by bit.
func permissionWords() (list []string) {
	for bit := moderation.Permission(1); moderation.PermAll.Has(bit); bit <<= 1 {
		list = append(list, bit.String())
	}
	return list
}

// transfer gives a membership to another identity of the same person, after a second page.
func (s *Server) transfer(v *visit) *page {
	const title, form, sure = "Move a membership", "transfer", "transfer sure"
	sent := s.which(v, sure, form)
	who, err := s.personOf(v)
	if err != nil {
		return s.problem(v, title, err)
	}
	if !who.Allows(moderation.ActionTransfer) {
		return s.problem(v, title, s.denied(v))
	}
	from := group.AnyHash(who.Identity)
	to, typed := group.ParseAnyHash(v.value("to"))
	switch {
	case sent == "":
	case !typed:
		err = invalid("transfer", "write the new identity's address, 32 hex digits")
	case sent == sure:
		var m group.Member
		if m, err = s.hub.Transfer(v.ctx, v.acting(0), s.group, group.TransferInput{From: from, To: to}); err == nil {
			return s.done(v, title, fmt.Sprintf("The membership of %s belongs to %s now.", s.name(m), m.Address))
		}
	default:
		s.undone(v)
		p := s.sure(v, title, fmt.Sprintf("Give the membership of %s to %s?", s.name(who.Member), to))
		s.portrait(p, who)
		p.nl().line("The new identity gets name, role, permissions and posts; the old one is no member any more.")
		s.yesNo(v, p, sure, "Yes, move it", "/page/transfer.mu", []string{"who", from.String()}, "who", from.String(), "to", to.String())
		return p
	}
	p := s.tried(v, title, "", err)
	s.portrait(p, who)
	p.nl().line("For who has a new identity after a reinstall. It has to ask to join first, or to have left just now.")
	labelled(p, "Address of the new identity:", "to", 32, v.typed("to", ""))
	p.nl()
	s.form(v, p, form, "Go on", "who", from.String())
	p.nl()
	return p
}
