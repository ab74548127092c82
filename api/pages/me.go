package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// me is the caller's own page: name, status, invites, and the way out.
func (s *Server) me(v *visit) *page {
	const title, form, block = "Me", "me", "block"
	if !v.member() {
		return s.problem(v, title, s.outside(v))
	}
	self := group.AnyHash(v.caller.Identity)
	was, err := s.hub.Person(v.ctx, v.caller, s.group, self)
	if err != nil {
		return s.problem(v, title, err)
	}
	var note string
	var failed error
	switch {
	case s.taken(v, form):
		in := group.ProfileInput{Name: v.changed("name"), Status: v.changed("status")}
		if _, failed = s.hub.UpdateProfile(v.ctx, v.acting(0), s.group, in); failed == nil {
			note = "Saved."
		}
	case s.taken(v, block):
		if _, failed = s.hub.BlockInvites(v.ctx, v.acting(0), s.group, v.variable("invites") == "on"); failed == nil {
			note = "Saved."
		}
	}
	if note != "" {
		s.reload(v)
		if was, err = s.hub.Person(v.ctx, v.caller, s.group, self); err != nil {
			return s.problem(v, title, err)
		}
		v.clear()
	}
	p := s.tried(v, title, note, failed)
	p.text("You are " + cut(was.DisplayName, 40) + ", " + was.Role.String() + ". Your address: " + was.Address.String()).nl()
	if v.info.You.Standing == moderation.StandingMuted {
		p.text("You can read and not write" + s.left(v.info.You.Until) + because(fit(v.info.You.Reason, group.MaxReasonBytes))).nl()
	}
	p.nl()
	boxes(p, 1000, box{"Name:", "name", 24, v.typed("name", was.DisplayName)}, box{"Status:", "status", 40, v.typed("status", was.Status)})
	s.form(v, p, form, "Save", shownAs("name", was.DisplayName, "status", was.Status)...)
	p.nl().nl()
	p.link("How I am told what is new", "/page/delivery.mu").nl()
	if s.can(v, moderation.ActionInvite) || s.can(v, moderation.ActionInvites) {
		p.link("Invites", "/page/invites.mu").nl()
	}
	if v.info.Policy.Establish {
		p.link("How this group is formed", "/page/circle.mu").nl()
	}
	p.link("How this group behaves", "/page/settings.mu").text(" | ").link("Groups here", "/page/groups.mu").nl()
	if was.Blocking {
		p.text("No group here sends you invites. ")
		s.form(v, p, block, "Allow them", "invites", "on")
	} else {
		p.text("Groups here may send you invites. ")
		s.form(v, p, block, "Want none", "invites", "off")
	}
	p.nl().nl()
	p.link("Move to another identity", "/page/transfer.mu", "who", self.String()).nl()
	if len(was.Roles) > 0 {
		p.link("Give up my role", "/page/role.mu", "who", self.String()).nl()
	}
	p.link("Leave", "/page/leave.mu").text(" | ").link("Erase what is mine", "/page/forget.mu").nl()
	return p
}

// because adds a reason.
func because(reason string) string {
	if reason == "" {
		return "."
	}
	return ": " + words.Sentence(reason)
}

// delivery is how the caller is told what is new.
func (s *Server) delivery(v *visit) *page {
	const title, form = "How I am told", "delivery"
	if !v.member() {
		return s.problem(v, title, s.outside(v))
	}
	d, err := s.hub.Notifications(v.ctx, v.caller, s.group)
	if err != nil {
		return s.problem(v, title, err)
	}
	var note string
	var failed error
	if s.taken(v, form) {
		in, err := s.deliveryInput(v, d)
		if err == nil {
			d2, err2 := s.hub.UpdateNotifications(v.ctx, v.acting(0), s.group, in)
			if err = err2; err == nil {
				d, note = d2, "Saved."
				v.clear()
			}
		}
		failed = err
	}
	p := s.tried(v, title, note, failed)
	mode := v.typed("mode", d.Mode.String())
	choice := func(m group.DeliveryMode, text string) {
		p.end().radio("mode", m.String(), text, mode == m.String())
	}
	vars := shownAs("mode", d.Mode.String(), "digest", words.Span(d.Digest()), "quiet", quietText(d.Quiet), "pause", s.pauseText(d.Preferences))
	p.line("What is new:")
	choice(group.DeliverFetch, "Nothing is sent, I look here")
	choice(group.DeliverRelay, "Each post as a message")
	choice(group.DeliverDigest, "All in one message, every:")
	p.text(" ").input("digest", 6, brief(v.typed("digest", words.Span(d.Digest())))).nl()
	p.line("With a program made for these groups (not NomadNet, MeshChat or Sideband):")
	choice(group.DeliverNotify, "It is told that there is news")
	choice(group.DeliverPush, "It is sent new posts")
	p.nl().nl()
	boxes(p, 650,
		box{"Quiet hours, as 22-7 +1 (at UTC+1), or off:", "quiet", 16, v.typed("quiet", quietText(d.Quiet))},
		box{"Pause: on, off, or how long, as 3d:", "pause", 8, v.typed("pause", s.pauseText(d.Preferences))},
	)
	had := uint64(0)
	for i, b := range deliveryBoxes(d, &group.NotificationsInput{}) {
		if b.on {
			had |= 1 << i
		}
		p.end().checkbox(b.name, b.label, v.ticked(b.name, 1<<i, b.on))
	}
	p.nl().nl()
	s.form(v, p, form, "Save", append(vars, hadVariable, strconv.FormatUint(had, 10))...)
	p.nl()
	return p
}

// deliveryBox is a box of the form: what it stands for, and where a change of that goes.
type deliveryBox struct {
	name, label string
	on          bool
	to          **bool
}

func deliveryBoxes(d group.Delivery, in *group.NotificationsInput) []deliveryBox {
	return []deliveryBox{
		{"textonly", "No files, text only", d.TextOnly, &in.TextOnly},
		{"mentions", "Only posts that name or answer me", d.MentionsOnly, &in.MentionsOnly},
		{"propagation", "May be left at a propagation node", d.ViaPropagation, &in.ViaPropagation},
		{"receipts", "Confirm each post of mine with its number", d.Receipts, &in.Receipts},
	}
}

// deliveryInput reads what was changed in the form.
func (s *Server) deliveryInput(v *visit, d group.Delivery) (in group.NotificationsInput, err error) {
	mode, ok := group.ParseDeliveryMode(v.field("mode"))
	if !ok {
		return in, invalid("delivery", "choose how you are told")
	}
	if v.changed("mode") != nil {
		in.Mode = &mode
	}
	if v.changed("digest") != nil {
		every, err := v.span("digest")
		if err != nil {
			return in, invalid("delivery", "write how often you want all in one message as 2h, 6h or 1d")
		}
		in.DigestEvery = &every
	}
	if typed := v.changed("quiet"); typed != nil {
		quiet, ok := group.QuietHours{Offset: d.Quiet.Offset}, true
		if text := strings.TrimSpace(*typed); text != "" {
			quiet, ok = words.Quiet(text, d.Quiet.Offset)
		}
		if !ok {
			return in, invalid("delivery", "write quiet hours as 22-7 or 22:30-6:15 +1, or off")
		}
		in.Quiet = &quiet
	}
	for i, b := range deliveryBoxes(d, &in) {
		if v.flipped(b.name, 1<<i) {
			on := v.field(b.name) != ""
			*b.to = &on
		}
	}
	typed := v.changed("pause")
	if typed == nil {
		return in, nil // a pause that ends is not made longer
	}
	text := strings.TrimSpace(*typed)
	on, ok := words.Switch(text)
	if ok || text == "" {
		in.Paused = &on
		return in, nil
	}
	span, err := v.span("pause")
	if err != nil {
		return in, invalid("delivery", "write the pause as on, off, or a time as 12h, 3d or 1w")
	}
	in.PauseFor = &span
	return in, nil
}

// pauseText is a pause as it can be typed.
func (s *Server) pauseText(p group.Preferences) string {
	if left := p.PausedUntil.Sub(s.hub.Now()); !p.Paused && left > 0 {
		return strings.ReplaceAll(moderation.Remaining(left), " ", "")
	}
	return words.OnOff(p.Paused)
}

// quietText is quiet hours as they can be typed.
func quietText(q group.QuietHours) string {
	if q.None() {
		return "off"
	}
	clock := func(d time.Duration) string {
		return strings.TrimSuffix(fmt.Sprintf("%d:%02d", d/time.Hour, d%time.Hour/time.Minute), ":00")
	}
	sign, offset := "+", q.Offset
	if offset < 0 {
		sign, offset = "-", -offset
	}
	return clock(q.From) + "-" + clock(q.Until) + " " + sign + clock(offset)
}
