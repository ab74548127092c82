package lxm

import (
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// All that people read is here, except the words of refusals (moderation, group) and the short lines of /help.

// groupName is what those who see this info call the group.
func groupName(i group.Info) string {
	if i.PrivateName != "" {
		return i.PrivateName
	}
	return i.PublicName
}

// shortName is groupName where room is short.
func shortName(i group.Info) string { return brief(groupName(i), 40) }

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func size(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%d KB", (n+1<<9)>>10)
}

// --- strangers ---

func textHint(i group.Info, own group.Address) string {
	name := shortName(i)
	switch {
	case i.You.Standing == moderation.StandingPending:
		return fmt.Sprintf("Not posted: your request to join %s still waits for a moderator. Your address is %s. /leave takes the request back.", name, own)
	case i.Door() == moderation.JoiningClosed:
		return fmt.Sprintf("This is the group %s; only members write here, and it takes no new ones now. Your address, to hand to a moderator: %s. More: /info", name, own)
	case i.Joining == moderation.JoiningInvite && i.You.Standing != moderation.StandingInvited:
		return fmt.Sprintf("This is the group %s; only members write here, and you need an invite to join. %s More: /help", name, textByInvite(i, own))
	case i.Joining == moderation.JoiningApprove:
		return fmt.Sprintf("This is the group %s; only members write here. To ask to join, send /join and your name. Your address, to hand to a moderator: %s. More: /help", name, own)
	}
	return fmt.Sprintf("This is the group %s; only members write here. To join, send /join and your name. More: /help", name)
}

// textByInvite tells how one comes in where an invite is needed.
func textByInvite(i group.Info, own group.Address) string {
	with := ""
	if i.Policy.InviteTo == moderation.InviteAnyone {
		with = "With a code: /join CODE NAME. "
	}
	return fmt.Sprintf("%sYour address, to hand to a member: %s.", with, own)
}

func textAnswerHow() string { return "So: /join NAME ANSWER" }

func textWaiting(i group.Info, name string, own group.Address) string {
	return fmt.Sprintf("You asked to join %s as %s; a moderator decides, and you will be told. Your address: %s. /leave takes it back.", shortName(i), brief(name, 40), own)
}

func textStillWaiting(i group.Info, name string, own group.Address) string {
	return fmt.Sprintf("Your request to join %s as %s still waits for a moderator. Your address, to hand to one: %s. /leave takes it back.", shortName(i), brief(name, 40), own)
}

func textTookBack() string { return "Your request is taken back." }

func textTurnedAway(i group.Info, why string) string {
	return because(fmt.Sprintf("Your request to join %s was declined", shortName(i)), why)
}

// textInvited names who invites by his address alone: a name could say anything.
func textInvited(i group.Info, by group.IdentityHash, left time.Duration) string {
	who := ""
	if !by.IsZero() {
		who = " by " + group.AddressOf(by).String()
	}
	within := ""
	if i.Forming {
		within = " within " + moderation.Remaining(left)
	}
	return fmt.Sprintf("You are invited to the group %s%s. To join, send /join and your name to this address%s; to decline, /decline. For no invites from here: /invite block",
		shortName(i), who, within)
}

// --- joining and leaving ---

func textWelcome(i group.Info, name string, role moderation.Role) string {
	text := fmt.Sprintf("Welcome to %s! You are %s", shortName(i), name)
	if role > moderation.RoleMember {
		text += ", " + role.String()
	}
	if !i.Policy.Writes(role) {
		return text + ". Only its staff write here. Try /history, /who, /help."
	}
	return text + ". What you write here is posted to all. Try /history, /who, /help."
}

// textNamed tells one who has another name than he gave how to change it, where he can.
func textNamed(n words.Naming, keeps bool) string {
	switch {
	case n == words.NamedElse && keeps:
		return " That name is taken."
	case n == words.NamedElse:
		return " That name is taken, for another: /nick NAME"
	case n == words.NamedNot && !keeps:
		return " To have a name: /nick NAME"
	}
	return ""
}

// textHowTold is empty for who is told nothing by himself.
func textHowTold(p group.Preferences) string {
	switch p.Mode {
	case group.DeliverRelay:
		return "Posts come to you as messages. Fewer: /digest 6h. None: /relay off."
	case group.DeliverDigest:
		return fmt.Sprintf("Posts come to you in one message every %s. Other times: /digest 2h. Each at once: /relay on. None: /digest off.", moderation.Passed(p.Digest()))
	}
	return ""
}

func textOwner(i group.Info, name string) string {
	return fmt.Sprintf("Welcome, %s: you own %s now. What you write here is posted to all. Try /nick NAME, /groupname NAME, /help.", name, shortName(i))
}

func textAlreadyIn(name string) string {
	return fmt.Sprintf("You are a member already, as %s. /nick changes the name.", name)
}

func textClaimHow() string { return "Send the code with it: /claim CODE" }

func textLeaveSure(i group.Info) string {
	return fmt.Sprintf("Leave %s? Then send: /leave yes", shortName(i))
}

func textLeft(i group.Info) string {
	return fmt.Sprintf("You have left %s. Your posts stay.", shortName(i)) + textWayBack(i, " /join brings you back.", " An invite brings you back.")
}

// textWayBack is what is said to who is out about coming back; nothing where nobody comes in.
func textWayBack(i group.Info, join, invite string) string {
	switch i.Door() {
	case moderation.JoiningOpen, moderation.JoiningApprove:
		return join
	case moderation.JoiningInvite:
		return invite
	}
	return ""
}

func textRemoved(i group.Info, why string, until, now time.Time) string {
	if until.IsZero() {
		return because(fmt.Sprintf("You were banned from %s", shortName(i)), why)
	}
	text := because(fmt.Sprintf("You were removed from %s for %s", shortName(i), moderation.Remaining(until.Sub(now))), why)
	return text + textWayBack(i, " After that you can /join again.", " After that you can come back by an invite.")
}

func textFarewell(w group.Farewell) string {
	by := "one of its owners"
	if w.By.IsZero() {
		by = "the operator of its server"
	}
	return fmt.Sprintf("%s was deleted by %s, with all that was in it. What is sent to this address reaches nobody.", brief(w.Name, 40), by)
}

func textMuted(i group.Info, why string, until, now time.Time) string {
	text := fmt.Sprintf("You can read %s and not write there", shortName(i))
	if until.IsZero() {
		return because(text, why)
	}
	return because(text+" for "+moderation.Remaining(until.Sub(now)), why)
}

func textUnmuted(i group.Info) string { return fmt.Sprintf("You can write to %s again.", shortName(i)) }

func because(text, why string) string {
	if why == "" {
		return text + "."
	}
	return text + ": " + words.Sentence(why)
}

// --- names and status ---

func textYourName(name string) string {
	return fmt.Sprintf("You are %s. To change it: /nick NEW", name)
}

func textRenamed(name string) string { return fmt.Sprintf("You are %s now.", name) }

func textStatusSet(status string) string {
	if status == "" {
		return "Your status text is removed."
	}
	return "Your status text: " + status
}

func textStatus(i group.Info, m group.Member, st group.Standing, now time.Time) string {
	parts := []string{fmt.Sprintf("You are %s, %s of %s, joined %s ago", m.DisplayName, m.Role, shortName(i), moderation.Passed(now.Sub(m.Joined)))}
	if st.Standing == moderation.StandingMuted {
		parts = append(parts, "You are muted")
	}
	if st.Permissions != 0 {
		parts = append(parts, "You may: "+strings.ReplaceAll(st.Permissions.String(), ",", ", "))
	}
	if m.Status != "" {
		parts = append(parts, "Status text: "+m.Status)
	}
	return strings.Join(append(parts, fmt.Sprintf("Your address: %s", m.Address)), ".\n")
}

// --- reading ---

func textInfo(i group.Info, version string) string {
	kind := "private"
	if i.Public {
		kind = "public"
	}
	lines := []string{fmt.Sprintf("%s, a %s group", groupName(i), kind)}
	if i.Inside && i.Topic != "" {
		lines = append(lines, "Topic: "+i.Topic)
	}
	if i.Inside {
		lines = append(lines, count(i.Members, "member")+textNewest(i.Head.Seq))
	}
	if i.Preset != "" {
		lines = append(lines, textMadeAs(i.Preset))
	}
	if i.Forming {
		lines = append(lines, "It is being formed, by invites: /circle")
	}
	switch i.Door() {
	case moderation.JoiningOpen:
		lines = append(lines, "Joining: anybody, by /join NAME")
	case moderation.JoiningApprove:
		lines = append(lines, "Joining: by /join NAME, a moderator approves")
	case moderation.JoiningInvite:
		lines = append(lines, "Joining: by invite")
	default:
		lines = append(lines, "Joining: closed")
	}
	if i.Inside && i.Policy.ExpiresAt != 0 {
		lines = append(lines, textEnds(i))
	}
	if !i.Owned {
		lines = append(lines, "It has no owner yet: /claim CODE")
	}
	lines = append(lines, "Address: "+i.Address.String())
	if version != "" {
		lines = append(lines, "Server: groupd "+version)
	}
	return strings.Join(lines, "\n")
}

// textMadeAs tells the preset of a group.
func textMadeAs(preset string) string { return "Made as: " + preset }

func textEnds(i group.Info) string {
	if i.Over {
		return "It ended: " + words.ShowMoment(i.Policy.ExpiresAt) + ", and can be read until " + words.ShowMoment(i.Policy.KeptUntil())
	}
	return "It ends: " + words.ShowMoment(i.Policy.ExpiresAt)
}

// textNewest names the newest number. How many posts that makes nobody counts: joins and the like have numbers, too, and old ones go.
func textNewest(newest group.Seq) string {
	if newest == 0 {
		return ", nothing written yet"
	}
	return fmt.Sprintf(", newest #%d", newest)
}

func textMembers(n int) string     { return count(n, "member") + ":" }
func textMoreMembers(n int) string { return fmt.Sprintf("and %d more. About one: /who NAME", n) }

func textAbout(m group.Member, now time.Time) string {
	text := fmt.Sprintf("%s, %s, joined %s ago, last heard %s ago\nAddress: %s", m.DisplayName, m.Role, moderation.Passed(now.Sub(m.Joined)), moderation.Passed(now.Sub(m.LastHeard)), m.Address)
	if m.Status != "" {
		text += "\nStatus: " + m.Status
	}
	return text
}

func textNobody(who string) string { return words.Sentence(textNobodyCalled(who)) }

func textNobodyCalled(who string) string {
	return fmt.Sprintf("nobody here is called %q; /who lists all", brief(moderation.CleanLine(who), 40))
}

// textNobodyAmong is textNobodyCalled where he was looked for among these.
func textNobodyAmong(who string, scope group.Scope) string {
	who = brief(moderation.CleanLine(who), 40)
	switch scope {
	case group.AmongRequests:
		return fmt.Sprintf("nobody called %q waits to join; who waits: /requests", who)
	case group.AmongBans:
		return fmt.Sprintf("nobody called %q is banned; who is: /bans", who)
	}
	return textNobodyCalled(who)
}

func textChoices(choices []group.Member) string {
	lines := []string{"Several fit. Use more digits of the address, or the full name:"}
	for _, m := range choices {
		lines = append(lines, m.Address.String()[:12]+" "+m.DisplayName)
	}
	return strings.Join(lines, "\n")
}

func textOlder(text string, n int, before group.Seq) string {
	return fmt.Sprintf("%s\nOlder: /history %d <%d", text, n, before)
}

func textHistoryHow() string {
	return "So: /history, /history 20, /history 10 <35 (before number 35), /history #35 (all of it)"
}

func textNoPosts(older bool) string {
	if older {
		return "There are no older posts."
	}
	return "Nobody has posted yet. Write something!"
}

func textNoSuchPost(seq group.Seq) string { return fmt.Sprintf("There is no post #%d.", seq) }

func textNoSuchPage(pages int) string {
	if pages == 1 {
		return "There is one page only."
	}
	return fmt.Sprintf("There are %d pages only.", pages)
}

func textImage(n int) string { return "[image, " + size(n) + "]" }
func textAudio(n int) string { return "[voice, " + size(n) + "]" }
func textFile(name string, n int) string {
	return "[file " + name + ", " + size(n) + "]"
}

// --- help ---

func textHelpMore() string { return "One explained: /help history" }

func textHelpPosting() string {
	return "All else you write is posted; a text that begins with / as //."
}

func textUsage(c command, long string) string {
	text := c.usage() + "\n" + long
	if len(c.aliases) > 0 {
		text += "\nAlso: /" + strings.Join(c.aliases, ", /")
	}
	return text
}

func textMeant(typed, name string) string {
	return fmt.Sprintf("There is no /%s. Did you mean /%s? All commands: /help", typed, name)
}

func textNoSuchCommand(typed string) string {
	return fmt.Sprintf("There is no /%s. All commands: /help", typed) + textSlash()
}

// textSlash is for those who post.
func textSlash() string { return ". To post a text that begins with /, write //" }

func textOneCommand() string {
	return "There are several commands in this message, and none was run. Send each in a message of its own."
}

// --- refusals ---

func textHoldsCode() string {
	return "This holds the owner's code, and nobody saw it. To become the owner send: /claim CODE"
}

func textReceipt(n group.Seq, late bool) string {
	if late {
		return fmt.Sprintf("Posted as #%d, collected from a propagation node.", n)
	}
	return fmt.Sprintf("Posted as #%d.", n)
}

func textEmptyAction() string { return "Say what you do: /me waves" }
func textRepeated() string    { return "Not posted again: you have just posted the same." }
func textNotUTF8() string     { return "Not posted: the text is not UTF-8." }
func textStale() string {
	return "This command came late or out of turn and was not run. Please send it again."
}

func textTooManyCommands(wait time.Duration) string {
	return "Too many commands, this one was not run. " + textTryIn(wait)
}

func textTryIn(wait time.Duration) string {
	if wait > 2*time.Minute {
		return fmt.Sprintf("Try again in %s.", moderation.Remaining(wait))
	}
	return fmt.Sprintf("Try again in %d s.", seconds(wait))
}

func textTooLarge(n, limit int) string {
	return fmt.Sprintf("Not posted: it has %s, and up to %s can be posted.", size(n), size(limit))
}

func textNotPosted(why string) string { return "Not posted: " + strings.ToLower(why[:1]) + why[1:] }
func textFailed() string              { return "Something went wrong inside the server." }

// --- moderators ---

func textKicked(name, address string, d time.Duration) string {
	return fmt.Sprintf("%s is removed for %s. To undo: /unban %s", name, moderation.Passed(d), address)
}

func textBanned(name, address string, d time.Duration) string {
	if d == 0 {
		return fmt.Sprintf("%s is banned. To undo: /unban %s", name, address)
	}
	return fmt.Sprintf("%s is banned for %s. To undo: /unban %s", name, moderation.Passed(d), address)
}

func textBanSure(in group.BanInput) string {
	typed, text := "", "That"
	if in.Duration > 0 {
		typed = " " + words.Span(in.Duration)
	}
	if in.Purge {
		typed, text = typed+" purge", text+" hides all that they wrote"
	}
	if in.Branch {
		if in.Purge {
			text += " and"
		}
		typed, text = typed+" branch", text+" bans whom they invited, and whom those did"
	}
	return text + ". Sure? Then send it with yes: /ban WHO" + typed + " yes"
}

// textBannedMore says what else a ban did.
func textBannedMore(r group.BanResult, address string) (text string) {
	if len(r.Branch) > 0 {
		text += fmt.Sprintf("\nBanned too: %s.", count(len(r.Branch), "invited one"))
	}
	if r.More {
		text += " There are more: send it again."
	}
	if r.Purging {
		text += fmt.Sprintf("\nAll posts go. For a day they can be brought back: /unban %s undo", address)
	}
	return text
}

func textBanUndone() string { return "The ban is lifted, and the posts come back." }

func textTransferHow() string {
	return "So: /transfer OLD NEW, where OLD is a member, and NEW has asked to join: see /requests"
}

func textTransferred(m group.Member) string {
	return fmt.Sprintf("%s goes on as %s.", m.DisplayName, m.Address)
}

func textForgetSure() string {
	return "Erase your posts, reactions, name and keys here, and leave? Then send: /forget yes\nWhat members were sent, and what propagation nodes hold, stays there."
}

func textForgotten() string {
	return "You are being forgotten: your posts go now. Copies that members, their programs and propagation nodes have are out of reach."
}

func textUnbanned(name string) string { return fmt.Sprintf("%s may join again.", name) }

func textNoBans() string { return "Nobody is banned." }

func textBan(b group.Ban, now time.Time) string {
	who := b.Target.String()
	if !b.Address.IsZero() {
		who = b.Address.Short() + " " + b.DisplayName
	}
	kind := "for good"
	if !b.Expires.IsZero() {
		kind = "for another " + moderation.Remaining(b.Expires.Sub(now))
	}
	if b.Reason != "" {
		kind += ": " + b.Reason
	}
	return who + ", " + kind
}

func textNoRequests() string { return "Nobody waits to join." }

func textRequests(n int) string {
	if n == 1 {
		return "1 waits. /approve WHO or /reject WHO:"
	}
	return fmt.Sprintf("%d wait. /approve WHO or /reject WHO:", n)
}

func textRequest(r group.Request, now time.Time) string {
	text := fmt.Sprintf("%s %s, %s", r.Address.Short(), r.DisplayName, moderation.Passed(now.Sub(r.Created)))
	if r.Greeting != "" {
		text += ": " + r.Greeting
	}
	return text
}

func textAsks(r group.Request) string {
	text := fmt.Sprintf("%s (%s) asks to join", r.DisplayName, r.Address.Short())
	if r.Greeting != "" {
		text += `: "` + brief(r.Greeting, 80) + `"`
	}
	return text + fmt.Sprintf("\n/approve %s or /reject %[1]s", r.Address.Short())
}

func textManyAsk(n int) string { return fmt.Sprintf("%d people wait to join: /requests", n) }

func textApproved(name string) string { return fmt.Sprintf("%s is a member now, and was told.", name) }
func textRejected(name string) string { return fmt.Sprintf("%s was turned away, and told.", name) }

func textRoleHow() string {
	return "So: /role WHO moderator (or member, admin, owner), or /role WHO +kick -ban"
}

func textRole(m group.Member) string {
	if m.Permissions == 0 {
		return fmt.Sprintf("%s is %s now.", m.DisplayName, m.Role)
	}
	return fmt.Sprintf("%s is %s now and may: %s.", m.DisplayName, m.Role, strings.ReplaceAll(m.Permissions.String(), ",", ", "))
}

func textTopic(topic string) string {
	if topic == "" {
		return "There is no topic."
	}
	return "Topic: " + topic
}

func textTopicSet(removed bool) string {
	if removed {
		return "The topic is removed."
	}
	return "The topic is changed."
}

func textGroupNameHow(i group.Info) string {
	return fmt.Sprintf("This group is called %s. To change it: /groupname NAME", groupName(i))
}

func textGroupName(i group.Info) string {
	if i.PublicName != groupName(i) {
		return fmt.Sprintf("The group is called %s now, and %s for strangers.", groupName(i), i.PublicName)
	}
	return fmt.Sprintf("The group is called %s now.", groupName(i))
}

func textDeleteHow() string { return "Send the numbers: /delete 35 36" }

func textNothingToDelete() string { return "There are no posts that you could delete." }

func textDeleted(n int, missing []group.Seq) string {
	text := count(n, "post") + " deleted."
	if len(missing) > 0 {
		text += " Not there (any more): " + strings.Trim(fmt.Sprint(missing), "[]") + "."
	}
	return text
}
