package pages

import (
	"slices"
	"strconv"
	"strings"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
	"groupd/rns"
)

// groups lists the groups of this server that the caller may see, each with a link to its own pages, and leads to the forms about groups.
func (s *Server) groups(v *visit) *page {
	const title = "Groups here"
	list, err := s.hub.Groups(v.ctx, v.caller)
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.page(v, title)
	if err := s.hub.MayCreate(v.ctx, v.caller); err == nil || group.KindOf(err) == group.KindRateLimited || group.KindOf(err) == group.KindFull { // the form's page says until when
		p.link("Make a group of your own", "/page/create.mu").nl()
	}
	if s.can(v, moderation.ActionCloneGroup) {
		p.link("Make one like this, without some members", "/page/clone.mu").nl()
	}
	if s.can(v, moderation.ActionDeleteGroup) {
		p.link("Delete this group", "/page/delete.mu").nl()
	}
	p.nl()
	if after := group.GroupID(v.variable("after")); after != "" { // they are by id
		list = slices.DeleteFunc(list, func(i group.Info) bool { return i.Group <= after })
	}
	p.list(len(list), func(p *page, i int) { s.groupLine(p, list[i]) }, func(p *page, shown int) {
		if shown < len(list) {
			p.nl().link("More", "/page/groups.mu", "after", string(list[shown-1].Group)).nl()
		}
	})
	return p
}

// groupLine is one group of a list.
func (s *Server) groupLine(p *page, i group.Info) {
	p.indent = 2
	defer func() { p.indent = 0 }()
	name := i.PublicName
	if i.PrivateName != "" {
		name = i.PrivateName
	}
	if i.Group == s.group {
		p.bold(cut(name, 40)).text(" (this one)")
	} else {
		p.anchor(cut(name, 40), siteOf(i.Identity)+":/page/index.mu", "", nil)
	}
	p.text(", " + standingText(i))
	if i.Inside {
		p.text(", " + count(i.Members, "member"))
		if i.Topic != "" {
			p.text(": " + fit(i.Topic, 80))
		}
	}
}

// standingText is what the caller is in a group of a list, or could be.
func standingText(i group.Info) string {
	switch i.You.Standing {
	case moderation.StandingMember, moderation.StandingMuted:
		return "you are in it"
	case moderation.StandingPending:
		return "you asked to join"
	case moderation.StandingInvited:
		return "you are invited"
	case moderation.StandingBanned:
		return "you are banned"
	}
	return joiningWord(i.Door())
}

// joiningWord is who may join, where there is room for a word.
func joiningWord(j moderation.Joining) string {
	switch j {
	case moderation.JoiningOpen:
		return "open"
	case moderation.JoiningApprove:
		return "on request"
	case moderation.JoiningInvite:
		return "by invite"
	}
	return "closed"
}

// siteOf is where a group's pages are.
func siteOf(id group.IdentityHash) string {
	owner := rns.IdentityHash(id)
	return rns.HashDestinationName(&owner, rns.HashName(App, Aspect)).String()
}

// create makes a group of the caller's own.
func (s *Server) create(v *visit) *page {
	const title, form = "A new group", "create"
	var failed error
	if s.taken(v, form) {
		in, err := s.newGroup(v)
		if err == nil {
			g, err2 := s.hub.CreateGroup(v.ctx, v.acting(0), in)
			if err = err2; err == nil {
				return s.made(v, title, g)
			}
		}
		failed = err
	} else if err := s.hub.MayCreate(v.ctx, v.caller); err != nil {
		return s.problem(v, title, err)
	}
	p := s.tried(v, title, "", failed)
	kind := v.typed("kind", "public")
	for _, k := range moderation.Presets() {
		p.end().radio("kind", k.Word, k.Word, kind == k.Word)
	}
	p.text(" ").link("What these are", "/page/kinds.mu").nl()
	boxes(p, 200,
		box{"Public name:", "title", 32, v.typed("title", "")},
		box{"Private name, for members:", "private", 32, v.typed("private", "")},
		box{"Topic:", "topic", 40, v.typed("topic", "")},
		box{"Your name there:", "name", 24, v.typed("name", v.ownName())},
		box{"An event ends on, as 2027-05-31:", "end", 16, brief(v.typed("end", ""))},
		box{"Invited (addresses, or names of those you wrote with here):", "invite", 40, v.typed("invite", "")},
	)
	p.nl()
	s.form(v, p, form, "Make it")
	p.nl()
	return p
}

// newGroup reads the form.
func (s *Server) newGroup(v *visit) (group.NewGroup, error) {
	in := group.NewGroup{Preset: v.field("kind"), Topic: v.field("topic"), CreatorName: v.field("name")}
	if in.PrivateName = v.field("private"); in.PrivateName == "" {
		in = in.Called(v.field("title"))
	} else {
		in.PublicName = v.field("title")
	}
	if in.CreatorName == "" {
		in.CreatorName = v.ownName()
	}
	if text := strings.TrimSpace(v.field("end")); text != "" {
		now := s.hub.SureNow()
		m, ok := words.Moment(text, now)
		if !ok {
			return in, invalid("create", "write the end as "+words.How(now))
		}
		in.Policy.ExpiresAt = m
	}
	var err error
	in.Invite, err = s.whoAll(v, "invite", group.AmongAcquaintances)
	return in, err
}

// whoAll are the people whom a field names, with commas between; between whole addresses blanks do.
func (s *Server) whoAll(v *visit, field string, among group.Scope) (list []group.AnyHash, err error) {
	for text := range strings.SplitSeq(v.value(field), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if typed := addresses(text); len(typed) > 0 {
			list = append(list, typed...)
			continue
		}
		h, err := s.resolve(v, text, among)
		if among == group.AmongAcquaintances {
			err = stranger(err, text)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// addresses are the hashes of a text that holds nothing else, with blanks between.
func addresses(text string) (list []group.AnyHash) {
	for word := range strings.FieldsSeq(text) {
		h, ok := group.ParseAnyHash(word)
		if !ok || h.IsZero() {
			return nil
		}
		list = append(list, h)
	}
	return list
}

// made tells of a new group.
func (s *Server) made(v *visit, title string, g group.Group) *page {
	p := s.done(v, title, "It is made, and yours.")
	p.line("Its address: " + g.Address.String())
	p.write("Write to it", g.Address.String()).text(" | ")
	p.anchor("Open its pages", siteOf(g.Identity)+":/page/index.mu", "", nil)
	p.nl()
	p.line("They do not know you before you have identified there, as you did here.")
	return p
}

// kinds tells what the kinds of groups are.
func (s *Server) kinds(v *visit) *page {
	p := s.static(v, "Kinds of groups")
	for _, k := range moderation.Presets() {
		p.indent = 2
		p.bold(k.Word).text(": " + k.Text).nl()
		p.indent = 0
	}
	p.nl().link("Make one", "/page/create.mu").nl()
	return p
}

// clone makes a group like this one without some members. Everybody else is sent an invite, so that a box has to be ticked for it.
func (s *Server) clone(v *visit) *page {
	const title, form = "A group like this", "clone"
	if !s.can(v, moderation.ActionCloneGroup) {
		return s.problem(v, title, s.denied(v))
	}
	var failed error
	if s.taken(v, form) {
		var p *page
		if p, failed = s.cloned(v, title); failed == nil {
			return p
		}
	}
	p := s.tried(v, title, "", failed)
	p.line("It has the settings and the topic of this one, and belongs to you. Posts stay here.")
	boxes(p, 350,
		box{"Public name (empty: as this):", "title", 32, v.typed("title", "")},
		box{"Private name, for members:", "private", 32, v.typed("private", "")},
		box{"Without (names or addresses, commas between):", "without", 50, v.typed("without", "")},
	)
	p.checkbox("sure", "Everybody else here is sent an invite", false).nl()
	s.form(v, p, form, "Make it")
	p.nl()
	return p
}

// cloned reads the form, makes the group, and tells of it.
func (s *Server) cloned(v *visit, title string) (*page, error) {
	in := group.CloneInput{Name: v.field("title"), PrivateName: v.field("private")}
	var err error
	if in.Without, err = s.whoAll(v, "without", group.AmongMembers); err != nil {
		return nil, err
	}
	if v.field("sure") == "" {
		return nil, invalid("clone", "everybody here but those left out is sent an invite: tick the box if you want that")
	}
	r, err := s.hub.CloneGroup(v.ctx, v.acting(0), s.group, in)
	if err != nil {
		return nil, err
	}
	p := s.made(v, title, r.Group)
	p.line(count(r.Invited, "member") + " invited, " + strconv.Itoa(r.LeftOut) + " left out.")
	if r.More {
		p.line("There are more members than are invited at once: invite the others yourself.")
	}
	return p, nil
}

// deleteGroup ends this group, after a second page that wants its name.
func (s *Server) deleteGroup(v *visit) *page {
	const title, form = "Delete this group", "delete group"
	if !s.can(v, moderation.ActionDeleteGroup) {
		return s.problem(v, title, s.denied(v))
	}
	var failed error
	if s.taken(v, form) {
		if plain(moderation.CleanLine(v.field("title"))) != plain(v.groupName()) {
			failed = invalid("delete group", "that is not the name of this group")
		} else if failed = s.hub.DeleteGroup(v.ctx, v.acting(0), s.group); failed == nil {
			p := newPage(0)
			p.line("The group is deleted. What it kept is being erased.")
			return p
		}
	}
	p := s.sure(v, title, "Delete this group for everybody?")
	if failed != nil {
		s.refusal(v, p, failed)
	}
	p.line("All members, posts, files and settings are erased, and nobody reaches the group again; its members are told. This can not be undone.")
	p.nl()
	labelled(p, "Write the name "+v.groupName()+" here:", "title", 32, "")
	s.yesNo(v, p, form, "Yes, delete the group", "/page/groups.mu", nil)
	return p
}

// circle tells how a group is being formed, and lets its creator establish it.
func (s *Server) circle(v *visit) *page {
	const title, form = "Forming", "establish"
	var note string
	var failed error
	if s.taken(v, form) {
		if _, failed = s.hub.Establish(v.ctx, v.acting(0), s.group); failed == nil {
			note = "The group is established. Nobody new comes."
			s.reload(v)
		}
	}
	st, err := s.hub.Circle(v.ctx, v.caller, s.group)
	if err != nil {
		return s.problem(v, title, err)
	}
	p := s.tried(v, title, note, failed)
	if st.Forming {
		p.line("This group is being formed: who is invited answers, then whoever made it establishes it.")
	} else if note == "" {
		p.line("This group is established: nobody new comes.")
	}
	p.nl()
	at := func(i group.CircleInvitee) place { return placeOf(i.Invited, i.Who) }
	list := behind(v, "after", st.Invitees, at)
	p.list(len(list), func(p *page, n int) {
		i := list[n]
		p.indent = 2
		p.text(cut(nameOr(i.Name, i.Shown), 30) + ": " + words.Answer(i.State))
		if i.State == group.InviteeAsked {
			p.text(", and can within " + moderation.Remaining(i.Expires.Sub(s.hub.Now())))
		}
		p.indent = 0
	}, func(p *page, shown int) {
		if shown < len(list) {
			p.nl().link("More", "/page/circle.mu", "after", at(list[shown-1]).String()).nl()
		}
		if st.MayEstablish {
			p.nl()
			s.form(v, p, form, "Establish the group")
		}
	})
	return p
}
