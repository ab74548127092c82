package pages

import (
	"errors"
	"strconv"
	"strings"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// settings says how the group behaves, for members: what is not as usual, and the ways to all settings, part by part. Who may change them
// gets links to each.
func (s *Server) settings(v *visit) *page {
	const title = "Settings"
	set, err := s.hub.Settings(v.ctx, v.caller, s.group)
	if err != nil {
		return s.problem(v, title, err)
	}
	part := v.variable("part")
	var all []words.Setting
	for _, k := range words.Settings() {
		if part == "" && !words.IsDefault(set.Policy, k.Key) || part != "" && part == words.PartOf(k.Key).Name {
			all = append(all, k)
		}
	}
	from := int(min(v.number("from"), uint64(len(all))))
	list := all[from:]
	p := s.page(v, title)
	switch {
	case part != "":
		p.line(part + ":")
	case from == 0:
		s.aboutSettings(v, p, set)
	}
	changes := s.can(v, moderation.ActionSettings)
	p.list(len(list), func(p *page, i int) {
		k := list[i]
		p.indent = 2
		if changes {
			p.link(k.Key, "/page/setting.mu", "key", k.Key)
		} else {
			p.text(k.Key)
		}
		p.text(": " + cut(words.ShowSetting(set, k.Key), 36) + " (" + k.What + ")")
		p.indent = 0
	}, func(p *page, shown int) {
		p.nl()
		if shown < len(list) {
			vars := []string{"from", strconv.Itoa(from + shown)}
			if part != "" {
				vars = append(vars, "part", part)
			}
			p.link("More", "/page/settings.mu", vars...).nl()
			return
		}
		if part == "" {
			p.line("All else is as usual. Every setting:")
		} else {
			p.link("What is not as usual", "/page/settings.mu").text(" | ")
		}
		for _, other := range words.Parts() {
			if other.Name != part {
				p.link(other.Name, "/page/settings.mu", "part", other.Name).text(" ")
			}
		}
	})
	return p
}

// aboutSettings begins the first page of them.
func (s *Server) aboutSettings(v *visit, p *page, set group.Settings) {
	if set.Preset != "" {
		p.text("Made as: "+set.Preset+". ").link("What that is", "/page/kinds.mu").nl()
	}
	if s.can(v, moderation.ActionName) || s.can(v, moderation.ActionTopic) {
		p.link("Names and topic", "/page/names.mu").nl()
	}
	p.nl()
}

// setting is one of them: what it is, what it can be, and for who may, the form.
func (s *Server) setting(v *visit) *page {
	const title, form = "Setting", "setting"
	set, err := s.hub.Settings(v.ctx, v.caller, s.group)
	if err != nil {
		return s.problem(v, title, err)
	}
	k, ok := words.SettingNamed(v.value("key"))
	if !ok {
		return s.problem(v, title, &group.Error{Kind: group.KindNotFound, Op: "settings", Msg: "there is no such setting"})
	}
	var note string
	var failed error
	if s.taken(v, form) {
		if failed = s.set(v, k); failed == nil {
			note = "Saved."
			v.clear()
			s.reload(v)
			if set, err = s.hub.Settings(v.ctx, v.caller, s.group); err != nil {
				return s.problem(v, title, err)
			}
		}
	}
	p := s.tried(v, title, note, failed)
	value := words.ShowSetting(set, k.Key)
	p.indent = 2
	p.bold(k.Key).text(": " + fit(value, 300)).nl()
	p.indent = 0
	p.line(words.Sentence(k.What))
	p.line("Can be: " + k.How).nl()
	if s.can(v, moderation.ActionSettings) {
		if k.IsSwitch() {
			value = v.typed("value", value)
			p.radio("value", "on", "on", value == "on").text(" ").radio("value", "off", "off", value == "off").nl()
		} else {
			refill(p, "value", 40, v.typed("value", value))
		}
		s.form(v, p, form, "Save", "key", k.Key)
		p.nl().nl()
	}
	p.link("More like this", "/page/settings.mu", "part", words.PartOf(k.Key).Name).text(" | ").link("All settings", "/page/settings.mu").nl()
	return p
}

// set changes a setting to what was sent.
func (s *Server) set(v *visit, k words.Setting) error {
	now := s.hub.SureNow()
	in, err := words.SettingInput(k, strings.TrimSpace(v.field("value")), now)
	if err != nil {
		return invalid("settings", "this can not be; it can be: "+k.HowAt(now))
	}
	_, err = s.hub.UpdateSettings(v.ctx, v.acting(0), s.group, in)
	var e *group.Error
	if errors.As(err, &e) && e.Kind == group.KindInvalid && e.Field != "" {
		return &group.Error{Kind: e.Kind, Op: e.Op, Msg: e.Field + ": " + e.Msg} // the key as it is shown
	}
	return err
}

// names changes what the group is called and its topic.
func (s *Server) names(v *visit) *page {
	const title, form = "Names and topic", "names"
	if !v.member() {
		return s.problem(v, title, s.outside(v))
	}
	names, topic := s.can(v, moderation.ActionName), s.can(v, moderation.ActionTopic)
	if !names && !topic {
		return s.problem(v, title, s.denied(v))
	}
	var note string
	var failed error
	if s.taken(v, form) {
		if note, failed = s.rename(v); failed == nil {
			v.clear()
		}
		s.reload(v)
	}
	p := s.tried(v, title, note, failed)
	var vars []string
	if names {
		vars = shownAs("public", v.info.PublicName, "private", v.info.PrivateName)
		p.line("The public name is what strangers see, and what is announced. With a private name members see that instead.")
		boxes(p, 800, box{"Public name:", "public", 32, v.typed("public", v.info.PublicName)}, box{"Private name:", "private", 32, v.typed("private", v.info.PrivateName)})
	}
	if topic {
		vars = append(vars, shownAs("topic", v.info.Topic)...)
		p.line("Topic:")
		refill(p, "topic", 50, v.typed("topic", v.info.Topic))
	}
	p.nl()
	s.form(v, p, form, "Save", vars...)
	p.nl()
	return p
}

// rename sets what was changed, and says what of it is saved. The topic goes first: the whole form counts as done when its last part is.
func (s *Server) rename(v *visit) (saved string, err error) {
	in := group.NamesInput{Public: v.changed("public"), Private: v.changed("private")}
	named := in.Public != nil || in.Private != nil
	if topic := v.changed("topic"); topic != nil {
		part := 0
		if named {
			part = 1
		}
		if _, err := s.hub.UpdateTopic(v.ctx, v.acting(part), s.group, *topic); err != nil {
			return "", err
		}
		saved = "The topic is saved; the names are not."
	}
	if named {
		if _, err := s.hub.UpdateDisplayName(v.ctx, v.acting(0), s.group, in); err != nil {
			return saved, err
		}
	}
	return "Saved.", nil
}
