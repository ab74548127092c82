package lxm

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// whom finds out whom the beginning of a text names: the name in quotation marks, else as many words as make a name or
// address of somebody, the longest first. Scopes are tried in turn.
func (t *turn) whom(args string, scopes ...group.Scope) (target group.AnyHash, rest string, err error) {
	find := func(text string) error {
		err = &group.Error{Kind: group.KindNotFound, Op: "resolve", Field: "target", Msg: textNobodyAmong(text, scopes[0])}
		for _, scope := range scopes {
			h, e := t.s.hub.Resolve(t.ctx, t.caller, t.s.group, text, scope)
			switch kind := group.KindOf(e); {
			case e == nil:
				target, err = h, nil
				return nil
			case kind == group.KindNotFound, kind == group.KindDenied && scope != scopes[0]:
			default:
				return e
			}
		}
		return err
	}
	first, after := firstWord(args)
	if first == "" {
		return target, "", &group.Error{Kind: group.KindInvalid, Op: "resolve", Field: "target", Msg: "say who: a name, or the first digits of an address"}
	}
	if _, isHash := group.ParseAnyHash(first); isHash || quoted(args) {
		return target, after, find(first)
	}
	words := strings.Fields(args)
	for n := min(len(words), maxNameWords); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		if n > 1 && utf8.RuneCountInString(name) > group.MaxNameRunes+1 {
			continue
		}
		if err := find(name); err == nil || group.KindOf(err) != group.KindNotFound {
			return target, strings.Join(words[n:], " "), err
		}
	}
	return target, "", err
}

// maxNameWords bounds the words that are tried as one name.
const maxNameWords = 6

// forHowLong takes a duration, "2h" or "2 h", off the beginning of a reason; 0 when there is none.
func forHowLong(rest string) (time.Duration, string) {
	word, after := firstWord(strings.TrimPrefix(rest, "for "))
	if d, ok := words.Duration(word); ok {
		return d, after
	}
	if _, ok := parseNumber(word); ok {
		unit, after := firstWord(after)
		if d, ok := words.Duration(word + unit); ok {
			return d, after
		}
	}
	return 0, rest
}

// span is forHowLong for a reason that people will read: a number alone is none, and is no duration either.
func span(rest string) (d time.Duration, reason string, err error) {
	d, reason = forHowLong(rest)
	if _, bare := parseNumber(reason); bare && d == 0 {
		err = &group.Error{Kind: group.KindInvalid, Op: "resolve", Msg: "say how long with its unit: 30m, 2h, 7d"}
	}
	return d, reason, err
}

// kick removes a member for a while.
func (t *turn) kick(args string) ([]string, error) {
	target, rest, err := t.whom(args, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	d, reason, err := span(rest)
	if err != nil {
		return nil, err
	}
	r, err := t.s.hub.Kick(t.ctx, t.command(), t.s.group, group.KickInput{Target: target, Duration: d, Reason: reason})
	if err != nil {
		return nil, err
	}
	if d == 0 {
		d = group.DefaultKick
	}
	name, address := t.label(target, r.Seq)
	return whole(textKicked(name, address, d)), nil
}

// ban keeps somebody out, member or not. What can hardly be taken back, or hits many, asks for a second word.
func (t *turn) ban(args string) ([]string, error) {
	target, rest, err := t.whom(args, group.AmongMembers, group.AmongDeparted, group.AmongRequests)
	if err != nil {
		return nil, err
	}
	in := group.BanInput{Target: target}
	if in.Duration, rest, err = span(rest); err != nil {
		return nil, err
	}
	sure := false
flags:
	for {
		word, after := firstWord(rest)
		switch strings.ToLower(word) {
		case "purge":
			in.Purge = true
		case "branch":
			in.Branch = true
		case "yes":
			if !in.Purge && !in.Branch {
				break flags // a reason
			}
			sure = true
		default:
			d, reason := forHowLong(rest)
			if d == 0 || in.Duration > 0 || sure {
				break flags
			}
			in.Duration, after = d, reason
		}
		rest = after
	}
	if (in.Purge || in.Branch) && !sure {
		return whole(textBanSure(in)), nil
	}
	in.Reason = rest
	r, err := t.s.hub.Ban(t.ctx, t.command(), t.s.group, in)
	if err != nil {
		return nil, err
	}
	name, address := t.label(target, r.Seq)
	return whole(textBanned(name, address, in.Duration) + textBannedMore(r, address)), nil
}

// unban lifts bans and kicks, and with undo brings back the posts that went with a ban.
func (t *turn) unban(args string) ([]string, error) {
	target, rest, err := t.whom(args, group.AmongBans, group.AmongDeparted)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(rest, "undo") {
		if _, err := t.s.hub.UndoBan(t.ctx, t.command(), t.s.group, target); err != nil {
			return nil, err
		}
		return whole(textBanUndone()), nil
	}
	r, err := t.s.hub.Unban(t.ctx, t.command(), t.s.group, target)
	if err != nil {
		return nil, err
	}
	name, _ := t.label(target, r.Seq)
	return whole(textUnbanned(name)), nil
}

// transfer gives a membership to another identity of the same person.
func (t *turn) transfer(args string) ([]string, error) {
	from, rest, err := t.whom(args, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	among := []group.Scope{group.AmongDeparted}
	if t.st.Permissions.Has(moderation.PermApprove) {
		among = []group.Scope{group.AmongRequests, group.AmongDeparted}
	}
	if rest == "" {
		return whole(textTransferHow()), nil
	}
	to, more, err := t.whom(rest, among...)
	if err != nil {
		return nil, err
	}
	if more != "" {
		return whole(textTransferHow()), nil
	}
	m, err := t.s.hub.Transfer(t.ctx, t.command(), t.s.group, group.TransferInput{From: from, To: to})
	if err != nil {
		return nil, err
	}
	return whole(textTransferred(m)), nil
}

// label is what one is called whom the entry with this number is about, and enough of his address to name him.
func (t *turn) label(target group.AnyHash, seq group.Seq) (name, address string) {
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Seqs: []group.Seq{seq}})
	if err == nil {
		for _, m := range p.Authors {
			if target == group.AnyHash(m.Identity) || target == group.AnyHash(m.Address) {
				return m.DisplayName, m.Address.Short()
			}
		}
	}
	// One who waited to join, or was never here. Bans are listed by target; one that waited is kept by his identity.
	for after, done := (group.AnyHash{}), 0; done < maxListed; {
		bans, more, err := t.s.hub.Bans(t.ctx, t.caller, t.s.group, after, group.MaxPage)
		for _, b := range bans {
			if after = b.Target; b.Target == target && b.DisplayName != "" {
				return b.DisplayName, b.Address.Short()
			}
		}
		if done += len(bans); err != nil || !more {
			break
		}
	}
	return target.String(), target.Short()
}

// bans lists who is banned.
func (t *turn) bans(args string) ([]string, error) {
	var lines []string
	for after := (group.AnyHash{}); ; {
		bans, more, err := t.s.hub.Bans(t.ctx, t.caller, t.s.group, after, group.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, b := range bans {
			lines = append(lines, textBan(b, t.s.hub.Now()))
			after = b.Target
		}
		if !more || len(lines) >= maxListed {
			break
		}
	}
	if len(lines) == 0 {
		return whole(textNoBans()), nil
	}
	page, _ := parseNumber(args)
	return paged(lines, page, "/bans"), nil
}

// maxListed bounds the lines of a list of bans.
const maxListed = 2000

// requests lists who waits to join.
func (t *turn) requests(args string) ([]string, error) {
	list, err := t.s.hub.Requests(t.ctx, t.caller, t.s.group, group.MaxPage)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return whole(textNoRequests()), nil
	}
	lines := []string{textRequests(len(list))}
	for _, r := range list {
		lines = append(lines, textRequest(r, t.s.hub.Now()))
	}
	page, _ := parseNumber(args)
	return paged(lines, page, "/requests"), nil
}

// approve lets somebody in, who is told.
func (t *turn) approve(args string) ([]string, error) {
	if args == "" {
		return t.requests("")
	}
	target, _, err := t.whom(args, group.AmongRequests)
	if err != nil {
		return nil, err
	}
	r, err := t.s.hub.Approve(t.ctx, t.command(), t.s.group, target)
	if err != nil {
		return nil, err
	}
	return whole(textApproved(r.Name)), nil
}

// reject turns somebody away, who is told.
func (t *turn) reject(args string) ([]string, error) {
	if args == "" {
		return t.requests("")
	}
	target, reason, err := t.whom(args, group.AmongRequests)
	if err != nil {
		return nil, err
	}
	name := target.String()
	list, err := t.s.hub.Requests(t.ctx, t.caller, t.s.group, group.MaxPage)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(list, func(r group.Request) bool { return group.AnyHash(r.Identity) == target }); i >= 0 {
		name = list[i].DisplayName
	}
	if _, err := t.s.hub.Reject(t.ctx, t.command(), t.s.group, target, reason); err != nil {
		return nil, err
	}
	return whole(textRejected(name)), nil
}

// role gives somebody a role, or single permissions.
func (t *turn) role(args string) ([]string, error) {
	in := group.PermissionsInput{}
	words := strings.Fields(args)
	for len(words) > 1 {
		last := words[len(words)-1]
		p, isBit := moderation.ParsePermission(strings.TrimLeft(last, "+-"))
		r, isRole := moderation.ParseRole(last)
		switch {
		case isBit && last[0] == '+':
			in.Add |= p
		case isBit && last[0] == '-':
			in.Remove |= p
		case isRole && in.Role == moderation.RoleNone:
			in.Role = r
		default:
			isBit, isRole = false, false
		}
		if !isRole && (!isBit || (last[0] != '+' && last[0] != '-')) {
			break
		}
		words = words[:len(words)-1]
	}
	if in == (group.PermissionsInput{}) {
		return whole(textRoleHow()), nil
	}
	target, rest, err := t.whom(strings.Join(words, " "), group.AmongMembers)
	if err != nil {
		return nil, err
	}
	if rest != "" {
		return whole(textRoleHow()), nil
	}
	in.Target = target
	m, err := t.s.hub.UpdatePermissions(t.ctx, t.command(), t.s.group, in)
	if err != nil {
		return nil, err
	}
	return whole(textRole(m)), nil
}

// topic shows the topic, or changes it.
func (t *turn) topic(args string) ([]string, error) {
	if args == "" {
		info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		return whole(textTopic(info.Topic)), nil
	}
	if args == "-" {
		args = ""
	}
	if _, err := t.s.hub.UpdateTopic(t.ctx, t.command(), t.s.group, args); err != nil {
		return nil, err
	}
	return whole(textTopicSet(args == "")), nil
}

// groupName renames the group: in a public group for everybody, in a private one for the members, unless it is said.
func (t *turn) groupName(args string) ([]string, error) {
	info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	word, rest := firstWord(args)
	in := group.NamesInput{Private: &args}
	none := ""
	switch {
	case args == "":
		return whole(textGroupNameHow(info)), nil
	case strings.EqualFold(word, "public") && rest != "":
		in = group.NamesInput{Public: &rest}
	case info.Public:
		in = group.NamesInput{Public: &args, Private: &none}
	}
	if _, err := t.s.hub.UpdateDisplayName(t.ctx, t.command(), t.s.group, in); err != nil {
		return nil, err
	}
	return whole(textGroupName(t.inform())), nil
}

// remove erases posts by their numbers, or lists the latest that could be erased.
func (t *turn) remove(args string) ([]string, error) {
	var seqs []group.Seq
	for _, w := range strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		n, ok := parseNumber(strings.TrimPrefix(w, "#"))
		if !ok || len(seqs) >= maxDelete {
			return whole(textDeleteHow()), nil
		}
		seqs = append(seqs, group.Seq(n))
	}
	if answered, _, ok := t.aboutPost(""); ok && len(seqs) == 0 {
		seqs = append(seqs, answered)
	}
	if len(seqs) == 0 {
		return t.deletable()
	}
	r, err := t.s.hub.Delete(t.ctx, t.command(), t.s.group, group.DeleteInput{Seqs: seqs})
	if err != nil {
		return nil, err
	}
	return whole(textDeleted(r.Deleted, r.Missing)), nil
}

// deletable lists the latest posts that the caller may erase, as far as can be told without asking the Hub for each.
func (t *turn) deletable() ([]string, error) {
	return t.latest(textDeleteHow(), textNothingToDelete(), t.st.Permissions.Has(moderation.PermDelete))
}
