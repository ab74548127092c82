package lxm

import (
	"slices"
	"strings"

	"groupd/api/signed"
	"groupd/group"
	"groupd/moderation"
)

// command is one line of the table: what can be typed, and what it does. Who may do it is decided by the Hub; needs only
// says whom /help shows it to.
type command struct {
	name    string
	aliases []string
	args    string // as shown: "WHO [duration] [reason]"
	short   string // for lists, lower case
	long    string // for /help NAME; "" is short
	anyone  bool   // strangers may have it answered
	hidden  func(group.Standing) bool
	needs   moderation.Permission
	run     func(t *turn, args string) ([]string, error)
}

// commandTable lists the commands in the order of /help.
func commandTable() []command {
	member := func(st group.Standing) bool { return st.Role != moderation.RoleNone }
	outside := func(st group.Standing) bool { return st.Role == moderation.RoleNone }
	pending := func(st group.Standing) bool { return st.Standing == moderation.StandingPending }
	owner := func(st group.Standing) bool { return st.Role == moderation.RoleOwner }
	return []command{
		{name: "join", aliases: []string{"subscribe"}, args: "[name] [greeting]", short: "become a member", anyone: true, hidden: member,
			long: `Become a member, or ask to. A name of several words goes in quotes: /join "Ann Lee" hello. The greeting is shown to those who decide.`, run: (*turn).join},
		{name: "help", aliases: []string{"?", "commands"}, args: "[command or page]", short: "what you can do here", anyone: true, run: (*turn).help},
		{name: "info", aliases: []string{"about", "version"}, short: "what this group is", anyone: true, run: (*turn).info},
		{name: "who", aliases: []string{"users", "members", "member", "names"}, args: "[name or page]", short: "who is here", hidden: outside,
			long: "Lists the members, or tells one's address, role and status.", run: (*turn).who},
		{name: "history", args: "[n] [<number]", short: "the last n posts", hidden: outside,
			long: "The last n posts, at most 100; /history 10 <35 those before number 35, /history #35 the whole of number 35.", run: (*turn).history},
		{name: "me", args: "TEXT", short: "say what you are doing", hidden: outside, run: (*turn).unreachable},
		{name: "nick", aliases: []string{"name", "setname"}, args: "NEW", short: "change your name", hidden: outside, run: (*turn).nick},
		{name: "status", args: "[text]", short: "what you are here; with a text: set your status text", hidden: outside,
			long: "What you are here and may do. /status TEXT shows the text to the others, /status - removes it.", run: (*turn).status},
		{name: "delete", aliases: []string{"del", "rm"}, args: "[number...]", short: "erase posts of yours", hidden: outside,
			long: "Erases posts for good; without a number it lists the latest that you may erase. Yours, or with the permission delete those of lower ranks.", run: (*turn).remove},
		{name: "leave", aliases: []string{"part", "unsubscribe"}, args: "yes", short: "leave the group", anyone: true,
			hidden: func(st group.Standing) bool { return outside(st) && !pending(st) }, run: (*turn).leave},
		{name: "requests", args: "[page]", short: "who waits to join", needs: moderation.PermApprove, run: (*turn).requests},
		{name: "approve", aliases: []string{"allow", "accept"}, args: "WHO", short: "let somebody in", needs: moderation.PermApprove, run: (*turn).approve},
		{name: "reject", aliases: []string{"deny"}, args: "WHO [reason]", short: "turn somebody away", needs: moderation.PermApprove, run: (*turn).reject},
		{name: "kick", args: "WHO [duration] [reason]", short: "remove a member, for 1 h unless said otherwise", needs: moderation.PermKick,
			long: "Removes a member and keeps him out for 1 h, or as long as you say: 30m, 2h, 7d, 1w. WHO is a name, the first digits of an address, or all 32.", run: (*turn).kick},
		{name: "ban", aliases: []string{"block"}, args: "WHO [duration] [reason]", short: "keep somebody out", needs: moderation.PermBan,
			long: "Keeps somebody out, for good or as long as you say: 30m, 2h, 7d, 1w. By address also one who never was here.", run: (*turn).ban},
		{name: "unban", aliases: []string{"unblock"}, args: "WHO", short: "lift a ban or kick", needs: moderation.PermBan,
			long: "Lets somebody in again who was banned or kicked. With the permission kick alone: who was kicked.", run: (*turn).unban},
		{name: "bans", args: "[page]", short: "who is banned", needs: moderation.PermBan, run: (*turn).bans},
		{name: "role", args: "WHO ROLE", short: "make somebody member, moderator, admin or owner", needs: moderation.PermGrant,
			long: "ROLE is member, moderator, admin or owner. Single permissions: /role WHO +kick -ban.", run: (*turn).role},
		{name: "topic", aliases: []string{"description"}, args: "[text]", short: "the topic; with a text: change it", hidden: outside,
			long: "Shows the topic. With the permission name: /topic TEXT changes it, /topic - removes it.", run: (*turn).topic},
		{name: "groupname", aliases: []string{"rename"}, args: "NAME", short: "rename the group", needs: moderation.PermName,
			long: "Changes the name that members see; in a public group everybody. /groupname public NAME changes what strangers see.", run: (*turn).groupName},
		{name: "claim", args: "CODE", short: "become the owner", anyone: true, hidden: owner,
			long: "Become the owner with the code that the server shows at its first start, or after `groupd claim`.", run: (*turn).claim},
	}
}

// usage is how the command is typed.
func (c command) usage() string {
	if c.args == "" {
		return "/" + c.name
	}
	return "/" + c.name + " " + c.args
}

// shownTo reports whether /help lists the command for one of this standing.
func (c command) shownTo(st group.Standing) bool {
	if st.Role == moderation.RoleNone && !c.anyone {
		return false
	}
	if c.hidden != nil && c.hidden(st) {
		return false
	}
	return st.Role == moderation.RoleOwner || st.Permissions.Has(c.needs)
}

// lookup finds a command by its name or another one, in the form that splitCommand gives it.
func (s *Server) lookup(word string) (command, bool) {
	i := slices.IndexFunc(s.commands, func(c command) bool { return c.name == word || slices.Contains(c.aliases, word) })
	if i < 0 {
		return command{}, false
	}
	return s.commands[i], true
}

// nearest finds the command that somebody may have meant, among those that he may use.
func (s *Server) nearest(word string, st group.Standing) (command, bool) {
	best, found := 3, command{}
	for _, c := range s.commands {
		if word == "" || st.Role != moderation.RoleOwner && !st.Permissions.Has(c.needs) {
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
func (s *Server) unknown(word string, st group.Standing) string {
	c, ok := s.nearest(word, st)
	if ok {
		return textMeant(brief(moderation.CleanLine(word), 20), c.name)
	}
	return textNoSuchCommand(brief(moderation.CleanLine(word), 20))
}

// unreachable stands for /me, which is a post and never runs as a command.
func (t *turn) unreachable(string) ([]string, error) { return whole(textEmptyAction()), nil }

// help lists what the caller may do, or explains one command.
func (t *turn) help(args string) ([]string, error) {
	word, _ := firstWord(args)
	page := 1
	if n, ok := parseNumber(word); ok {
		page = n
	} else if word != "" {
		word, _ = signed.Split("/" + strings.TrimLeft(word, "/"))
		c, ok := t.s.lookup(word)
		if !ok {
			return whole(t.s.unknown(word, t.st)), nil
		}
		long := c.long
		if long == "" {
			long = strings.ToUpper(c.short[:1]) + c.short[1:] + "."
		}
		return whole(textUsage(c, long)), nil
	}
	var lines []string
	for _, c := range t.s.commands {
		if c.shownTo(t.st) {
			lines = append(lines, c.usage()+": "+c.short)
		}
	}
	if t.member() {
		lines = append(lines, textHelpPosting())
	}
	return paged(lines, page, "/help"), nil
}
