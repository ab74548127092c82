package lxm

import (
	"slices"
	"strings"

	"groupd/api/signed"
	"groupd/group"
	"groupd/moderation"
)

// command is one line of the table: what can be typed, and what it does. Who may do it is decided by the Hub; needs and may only
// say whom /help shows it to.
type command struct {
	name    string
	section string // of /help
	aliases []string
	args    string // as shown: "WHO [duration] [reason]"
	short   string // for lists, lower case
	long    string // for /help NAME; "" is short
	anyone  bool   // strangers may have it answered
	text    bool   // args are a post, with all its lines
	hidden  func(group.Standing) bool
	only    func(moderation.Policy) bool // the kind of group that has it
	needs   moderation.Permission
	may     func(group.Standing, moderation.Policy) bool // instead of needs, where the policy has a say
	who     string                                       // for docs, where needs does not say it
	run     func(t *turn, args string) ([]string, error)
}

// commandTable lists the commands in the order of /help.
func commandTable() (table []command) {
	for _, s := range []struct {
		title string
		list  []command
	}{
		{"Here", hereCommands()}, {"Read", readingCommands()}, {"Write", writingCommands()}, {"You", yourCommands()}, {"Posts", deliveryCommands()},
		{"Invites", append(inviteCommands(), circleCommands()...)}, {"Members", memberCommands()}, {"Order", orderCommands()}, {"Group", groupCommands()},
	} {
		for _, c := range s.list {
			c.section = s.title
			table = append(table, c)
		}
	}
	return table
}

// Commands lists the words of all commands in the order of /help, without their other spellings.
func Commands() []string {
	var names []string
	for _, c := range commandTable() {
		names = append(names, c.name)
	}
	return names
}

// hereCommands are about the group and how to get in.
func hereCommands() []command {
	member := func(st group.Standing) bool { return st.Role != moderation.RoleNone }
	owner := func(st group.Standing) bool { return st.Role == moderation.RoleOwner }
	return []command{
		{name: "join", aliases: []string{"subscribe"}, args: "[code] [name] [greeting]", short: "become a member", anyone: true, hidden: member,
			long: `Become a member, or ask to, or by an invite's code. A name of several words goes in quotes: /join "Ann Lee" hello. The greeting is shown to those who decide, and answers the group's question.`,
			run:  (*turn).join},
		{name: "help", aliases: []string{"?", "commands"}, args: "[command or page]", short: "what you can do here", anyone: true, run: (*turn).help},
		{name: "info", aliases: []string{"version"}, short: "what this group is", anyone: true, run: (*turn).info},
		{name: "about", aliases: []string{"privacy"}, short: "who sees and keeps what you write", anyone: true, run: (*turn).disclosed},
		{name: "who", aliases: []string{"users", "members", "member", "names"}, args: "[name or page]", short: "who is here",
			long: "Lists the members, or tells one's address, role and status.", run: (*turn).who},
		{name: "topic", aliases: []string{"description"}, args: "[text]", short: "the topic; with a text: change it",
			long: "Shows the topic. With the permission name, or the rank of the setting topic_role: /topic TEXT changes it, /topic - removes it.", run: (*turn).topic},
		{name: "claim", args: "CODE", short: "become the owner", anyone: true, hidden: owner, may: hasStaff, who: "everybody, in groups that can be owned",
			long: "Become the owner with the code that the server shows at its first start, or after `groupd claim`.", run: (*turn).claim},
	}
}

// yourCommands are about the caller himself.
func yourCommands() []command {
	stranger := func(st group.Standing) bool { return st.Member == nil && st.Standing != moderation.StandingPending }
	return []command{
		{name: "nick", aliases: []string{"name", "setname"}, args: "NEW", short: "change your name", run: (*turn).nick},
		{name: "status", args: "[text]", short: "what you are here; with a text: set your status text",
			long: "What you are here and may do. /status TEXT shows the text to the others, /status - removes it.", run: (*turn).status},
		{name: "leave", aliases: []string{"part", "unsubscribe"}, args: "yes", short: "leave the group", anyone: true, who: "members, and those who wait to join",
			hidden: func(st group.Standing) bool {
				return st.Role == moderation.RoleNone && st.Standing != moderation.StandingPending
			}, run: (*turn).leave},
		{name: "forget", aliases: []string{"forgetme", "eraseme"}, args: "yes", short: "erase what is yours here", anyone: true, who: "everybody who was here and is not banned", hidden: stranger,
			long: "Erases your posts, reactions, name and keys here, and ends your membership. What others were sent, and what propagation nodes hold, stays there.", run: (*turn).forget},
	}
}

// memberCommands are for those who decide about members.
func memberCommands() []command {
	return []command{
		{name: "requests", args: "[page]", short: "who waits to join", needs: moderation.PermApprove, run: (*turn).requests},
		{name: "approve", aliases: []string{"allow", "accept"}, args: "WHO", short: "let somebody in", needs: moderation.PermApprove, run: (*turn).approve},
		{name: "reject", aliases: []string{"deny"}, args: "WHO [reason]", short: "turn somebody away", needs: moderation.PermApprove, run: (*turn).reject},
		{name: "kick", args: "WHO [duration] [reason]", short: "remove a member, for 1 h unless said otherwise", needs: moderation.PermKick,
			long: "Removes a member and keeps him out for 1 h, or as long as you say: 30m, 2h, 7d, 1w. WHO is a name, the first digits of an address, or all 32.", run: (*turn).kick},
		{name: "ban", aliases: []string{"block"}, args: "WHO [duration] [purge] [branch] [reason]", short: "keep somebody out", needs: moderation.PermBan,
			long: "Keeps somebody out, for good or for 30m, 2h, 7d, 1w; by address also one who never was here. purge hides all posts, branch bans whom he invited too.", run: (*turn).ban},
		{name: "unban", aliases: []string{"unblock"}, args: "WHO [undo]", short: "lift a ban or kick", needs: moderation.PermBan,
			long: "Lets somebody in again who was banned or kicked; undo brings purged posts back, for a day. With the permission kick alone: who was kicked.", run: (*turn).unban},
		{name: "bans", args: "[page]", short: "who is banned", needs: moderation.PermBan, run: (*turn).bans},
		{name: "transfer", args: "OLD NEW", short: "give a membership to a new address of the same person", needs: moderation.PermApprove,
			long: "After a reinstall: the member OLD goes on as NEW, who has asked to join or was here, with name, role and posts. Members can do it for themselves.",
			who:  "permission `approve`, or the member himself", run: (*turn).transfer},
		{name: "role", args: "WHO ROLE", short: "make somebody member, moderator, admin or owner", needs: moderation.PermGrant,
			long: "ROLE is member, moderator, admin or owner. Single permissions: /role WHO +kick -ban.", run: (*turn).role},
	}
}

// hasStaff is for commands that make no sense where nobody is in charge.
func hasStaff(_ group.Standing, p moderation.Policy) bool { return !p.NoStaff }

// usage is how the command is typed.
func (c command) usage() string {
	if c.args == "" {
		return "/" + c.name
	}
	return "/" + c.name + " " + c.args
}

// allowed reports whether one of this standing may do it, as far as that does not depend on whom it concerns.
func (c command) allowed(st group.Standing, p moderation.Policy) bool {
	switch {
	case st.Role == moderation.RoleOwner:
		return true
	case c.may != nil:
		return c.may(st, p)
	}
	return st.Permissions.Has(c.needs)
}

// shownTo reports whether /help lists the command for one of this standing.
func (c command) shownTo(st group.Standing, p moderation.Policy) bool {
	if st.Role == moderation.RoleNone && !c.anyone {
		return false
	}
	return (c.hidden == nil || !c.hidden(st)) && (c.only == nil || c.only(p)) && c.allowed(st, p)
}

// lookup finds a command by its name or another one, in the form that splitCommand gives it.
func (s *Server) lookup(word string) (command, bool) {
	i := slices.IndexFunc(s.commands, func(c command) bool { return c.name == word || slices.Contains(c.aliases, word) })
	if i < 0 {
		return command{}, false
	}
	return s.commands[i], true
}

// nearest finds the command that somebody may have meant, among those that he may use. Strangers are not sent to what they can not use.
func (s *Server) nearest(word string, st group.Standing, p moderation.Policy) (command, bool) {
	best, found := 3, command{}
	for _, c := range s.commands {
		if word == "" || !c.allowed(st, p) || (st.Role == moderation.RoleNone && !c.shownTo(st, p)) {
			continue
		}
		for _, name := range append([]string{c.name}, c.aliases...) {
			limit := min(best-1, max(1, len(name)/3+1))
			if d := distance(word, name, limit); d <= limit {
				best, found = d, c
			} else if best > 2 && len(word) >= 3 && strings.HasPrefix(name, word) {
				best, found = 2, c
			}
		}
	}
	return found, found.name != ""
}

// unknown answers what is no command.
func (t *turn) unknown(word string) string {
	c, ok := t.s.nearest(word, t.st, t.inform().Policy)
	if ok {
		return textMeant(brief(moderation.CleanLine(word), 20), c.name) + textSlash()
	}
	return textNoSuchCommand(brief(moderation.CleanLine(word), 20))
}

// unreachable stands for /me, which is a post and never runs as a command.
func (t *turn) unreachable(string) ([]string, error) { return whole(textEmptyAction()), nil }

// help lists what the caller may do, or explains one command. A list that fits one message has explanations.
func (t *turn) help(args string) ([]string, error) {
	word, _ := firstWord(args)
	page := 1
	if n, ok := parseNumber(word); ok {
		page = n
	} else if word != "" {
		word, _ = signed.Split("/" + strings.TrimLeft(word, "/"))
		c, ok := t.s.lookup(word)
		if !ok {
			return whole(t.unknown(word)), nil
		}
		long := c.long
		if long == "" {
			long = strings.ToUpper(c.short[:1]) + c.short[1:] + "."
		}
		return whole(textUsage(c, long)), nil
	}
	policy := t.inform().Policy
	var explained, sections []string
	last := ""
	for _, c := range t.s.commands {
		if !c.shownTo(t.st, policy) {
			continue
		}
		explained = append(explained, c.usage()+": "+c.short)
		if c.section != last {
			sections, last = append(sections, c.section+":"), c.section
		}
		sections[len(sections)-1] += " /" + c.name
	}
	if list := whole(strings.Join(explained, "\n")); len(list) == 1 && page == 1 {
		return list, nil
	}
	sections = append(sections, textHelpMore())
	if t.member() && policy.Writes(t.st.Role) {
		sections = append(sections, textHelpPosting())
	}
	return paged(sections, page, "/help"), nil
}
