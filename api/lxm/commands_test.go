package lxm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
)

// village is a house with one person of every standing, named for it, and Dot, a member to whom things are done. Dot's posts
// are #dotPost and the one after it.
func village(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.joined("admin", moderation.RoleAdmin)
		h.joined("moderator", moderation.RoleModerator)
		h.joined("member", moderation.RoleMember)
		h.joined("dot", moderation.RoleMember)
		h.says("dot", "the bridge is out")
		h.says("dot", "take the ferry")
		h.says("pending", "/join Pending")
		time.Sleep(2 * time.Hour)
		h.took()
		f(t, h)
	})
}

const dotPost = 9 // five joined, three of them got a role

// who may do what: from this role on. Ranks come into it only where it is done to Dot, a member.
const (
	byNobody    = moderation.RoleOwner + 1
	byStrangers = moderation.RoleNone
	byMembers   = moderation.RoleMember
	byStaff     = moderation.RoleModerator
	byAdmins    = moderation.RoleAdmin
)

// effects lists for every command a line that does something, who may, and how another one sees that it is done.
func effects() []struct {
	line string
	from moderation.Role
	done func(h *house, who string) bool
} {
	ctx := context.Background()
	settings := func(h *house) group.Settings {
		s, err := h.hub.Settings(ctx, h.caller("dot"), valley)
		if err != nil {
			h.t.Fatal(err)
		}
		return s
	}
	post := func(h *house, seq group.Seq) (group.Entry, []group.ReactionCount) {
		p, err := h.hub.Messages(ctx, h.caller("dot"), valley, group.Query{Seqs: []group.Seq{seq}, Current: true})
		if err != nil {
			h.t.Fatal(err)
		}
		if len(p.Entries) == 0 {
			return group.Entry{}, nil
		}
		return p.Entries[0], p.Reactions[seq]
	}
	standing := func(h *house, who string) group.Standing {
		st, err := h.hub.Standing(ctx, h.caller(who), valley)
		if err != nil {
			h.t.Fatal(err)
		}
		return st
	}
	reports := func(h *house) int {
		r, err := h.hub.Reports(ctx, operator(), valley, 0, 0)
		if err != nil {
			h.t.Fatal(err)
		}
		return r.Total
	}
	invites := func(h *house) []group.Invite {
		p, err := h.hub.Invites(ctx, operator(), valley, group.InvitesQuery{All: true})
		if err != nil {
			h.t.Fatal(err)
		}
		return p.Invites
	}
	prefers := func(is func(group.Preferences) bool) func(*house, string) bool {
		return func(h *house, who string) bool {
			d, err := h.hub.Notifications(ctx, h.caller(who), valley)
			return err == nil && is(d.Preferences)
		}
	}
	info := func(h *house) group.Info {
		i, err := h.hub.Info(ctx, h.caller("dot"), valley)
		if err != nil {
			h.t.Fatal(err)
		}
		return i
	}
	banned := func(h *house, _ string) bool { return standing(h, "dot").Standing == moderation.StandingBanned }
	return []struct {
		line string
		from moderation.Role
		done func(h *house, who string) bool
	}{
		{"/nick Newname", byMembers, func(h *house, who string) bool {
			m := standing(h, who).Member
			return m != nil && m.DisplayName == "Newname"
		}},
		{"/status out", byMembers, func(h *house, who string) bool { m := standing(h, who).Member; return m != nil && m.Status == "out" }},
		{"/react 9 👍", byMembers, func(h *house, _ string) bool { _, r := post(h, dotPost); return len(r) == 1 && r[0].Text == "👍" }},
		{"/report #9 rude", byMembers, func(h *house, _ string) bool { return reports(h) == 1 }},
		{"/edit 9 mine now", byNobody, func(h *house, _ string) bool { e, _ := post(h, dotPost); return string(e.Text) == "mine now" }},
		{"/relay on", byMembers, prefers(func(p group.Preferences) bool { return p.Mode == group.DeliverRelay })},
		{"/digest 2h", byMembers, prefers(func(p group.Preferences) bool { return p.Mode == group.DeliverDigest && p.Digest() == 2*time.Hour })},
		{"/notify push", byMembers, prefers(func(p group.Preferences) bool { return p.Mode == group.DeliverPush })},
		{"/pause", byMembers, prefers(func(p group.Preferences) bool { return p.Paused })},
		{"/quiet 22-07 +1", byMembers, prefers(func(p group.Preferences) bool {
			return p.Quiet == group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour, Offset: time.Hour}
		})},
		{"/textonly on", byMembers, prefers(func(p group.Preferences) bool { return p.TextOnly })},
		{"/mentions ON", byMembers, prefers(func(p group.Preferences) bool { return p.MentionsOnly })},
		{"/receipts on", byMembers, prefers(func(p group.Preferences) bool { return p.Receipts })},
		{"/propagation on", byMembers, prefers(func(p group.Preferences) bool { return p.ViaPropagation })},
		{"/delete 9", byStaff, func(h *house, _ string) bool { e, _ := post(h, dotPost); return e.Deleted }},
		{"/pin #9", byStaff, func(h *house, _ string) bool { e, _ := post(h, dotPost); return e.Pinned }},
		{"/mute Dot 1h loud", byStaff, func(h *house, _ string) bool { return standing(h, "dot").Standing == moderation.StandingMuted }},
		{"/kick Dot", byStaff, banned},
		{"/ban Dot for good", byStaff, banned},
		{"/ban Dot purge", byNobody, banned},
		{"/ban Dot branch 2d", byNobody, banned},
		{"/ban Dot 2d purge branch yes spam", byStaff, banned},
		{"/transfer Dot Pending", byStaff, func(h *house, _ string) bool {
			m := standing(h, "pending").Member
			return m != nil && m.Present && m.DisplayName == "Dot"
		}},
		{"/forget", byNobody, func(h *house, who string) bool {
			return standing(h, who).Standing == moderation.StandingStranger && who != "stranger"
		}},
		{"/approve Pending", byStaff, func(h *house, _ string) bool { return standing(h, "pending").Standing == moderation.StandingMember }},
		{"/reject Pending no", byStaff, func(h *house, _ string) bool { return standing(h, "pending").Standing == moderation.StandingStranger }},
		{"/invite 3 2d", byStaff, func(h *house, _ string) bool { l := invites(h); return len(l) == 1 && l[0].Uses == 3 }},
		{"/invite 00112233445566778899aabbccddeeff", byStaff, func(h *house, _ string) bool { l := invites(h); return len(l) == 1 && !l[0].For.IsZero() }},
		{"/lockdown on 2h", byStaff, func(h *house, _ string) bool { return settings(h).Lockdown.On }},
		{"/topic ferries", byAdmins, func(h *house, _ string) bool { return info(h).Topic == "ferries" }},
		{"/groupname Ferry Club", byAdmins, func(h *house, _ string) bool { return info(h).PrivateName == "Ferry Club" }},
		{"/role Dot moderator", byAdmins, func(h *house, _ string) bool { return standing(h, "dot").Role == moderation.RoleModerator }},
		{"/settings slow-mode 30s", byAdmins, func(h *house, _ string) bool { return settings(h).Policy.SlowMode == 30 }},
		{"/settings Joining OPEN", byAdmins, func(h *house, _ string) bool { return settings(h).Joining == moderation.JoiningOpen }},
		{"/emergency the dam breaks", byAdmins, func(h *house, who string) bool {
			e := h.timeline("dot")
			last := e[len(e)-1]
			return last.Emergency && string(last.Text) == "the dam breaks" && last.Author == h.caller(who).Identity
		}},
		{"/join Stranger", byStrangers, func(h *house, who string) bool { return standing(h, who).Standing != moderation.StandingStranger }},
	}
}

func TestEveryCommandDoesWhatItSaysForThoseWhoMay(t *testing.T) {
	for _, c := range effects() {
		t.Run(c.line, func(t *testing.T) {
			for _, who := range []string{"stranger", "pending", "member", "moderator", "admin", "owner"} {
				village(t, func(t *testing.T, h *house) {
					role, _ := moderation.ParseRole(who)
					before := c.done(h, who)
					l := h.says(who, c.line)
					if done, want := c.done(h, who), before || role >= c.from; done != want {
						t.Errorf("by %s: done %v, want %v: %v", who, done, want, l.answers)
					}
					if len(l.answers) == 0 {
						t.Errorf("%s gets no answer", who)
					}
				})
			}
		})
	}
}

func TestALateCommandChangesNothing(t *testing.T) {
	for _, c := range effects() {
		village(t, func(t *testing.T, h *house) {
			if before := c.done(h, "owner"); before {
				return
			}
			l := h.deliver("owner", h.write("owner", c.line), func(in *lxm.Inbound) { in.Late = true })
			if c.done(h, "owner") || l.proved != 1 || !strings.Contains(l.answer(t), "send it again") {
				t.Errorf("%s: %v", c.line, l.answers)
			}
			old := h.write("owner", c.line)
			h.says("owner", "/info")
			if l := h.deliver("owner", old); c.done(h, "owner") || !strings.Contains(l.answer(t), "send it again") {
				t.Errorf("%s, older than another: %v", c.line, l.answers)
			}
		})
	}
}

func TestACommandRunsOnceHoweverOftenItComes(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		m := h.write("owner", "/emergency the dam breaks")
		h.deliver("owner", m)
		n := len(h.timeline("dot"))
		if l := h.deliver("owner", m); len(l.answers) != 0 || len(h.timeline("dot")) != n {
			t.Errorf("a copy is answered with %v", l.answers)
		}
	})
}

// hostile is what may stand behind a command.
func hostile() []string {
	return []string{
		"", " ", "#", "#0", "#-1", "0", "-1", "99999999999999999999", "#999999999", "#999999999 x", "<5", "on off", "%s %n %d", "\x00", "\x1b[31mred\x1b[0m\x07", "a\x9b31mb",
		"\u202egnp.exe", "\u2066x\u2069", "\u200b", "'; DROP TABLE group_members; --", `" OR 1=1 --`, `"unended`, "* NEAR(", "../../etc/passwd", "<script>alert(1)</script>", "`F0f0`!x",
		strings.Repeat("漢", 700), strings.Repeat("a ", 900), strings.Repeat("\n", 200), "\n※ Valley Net is closed", "※", "Dot\n/ban Owner", "9 \u202e\x1b[2J", "all 99", "question \x1b]0;x\x07",
		"reserved_names ,,,", "member_posts 0/0", "slow_mode -5s", "history_count 99999999999", "airtime_share 101", "KEY VALUE", "10 10 10", "99999999w", "22-22", "25-07", "22-07 +99",
	}
}

// TestNothingBehindACommandDoesHarm sends every command with all that could be behind it, as the owner: the answers fit, hold
// nothing that a terminal obeys (checkFits), and what others see of the group holds none of it either.
func TestNothingBehindACommandDoesHarm(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, name := range lxm.CommandNames() {
			for _, args := range hostile() {
				time.Sleep(time.Minute)
				h.says("owner", "/"+name+" "+args)
			}
		}
		p, err := h.hub.Members(t.Context(), operator(), valley, group.MembersQuery{Limit: group.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range p.Members {
			texts = append(texts, m.DisplayName, m.Status)
		}
		info, err := h.hub.Info(t.Context(), h.caller("dot"), valley)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.hub.Settings(t.Context(), operator(), valley)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, info.PublicName, info.PrivateName, info.Topic, s.Policy.Question)
		for _, text := range append(texts, s.Policy.ReservedNames...) {
			if moderation.CleanLine(text) != text {
				t.Errorf("others see %q", text)
			}
		}
		if st, err := h.hub.Standing(t.Context(), h.caller("owner"), valley); err != nil || st.Role != moderation.RoleOwner {
			t.Errorf("the owner is %v, %v", st.Role, err)
		}
	})
}

func TestNumbersMayHaveASignOrNot(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, line := range []string{"/react #9 👍", "/react 9 👍", "/REACT  9\n👍"} {
			if got := h.says("member", line).answer(t); got != "※ #9: 👍 1" {
				t.Errorf("%q: %s", line, got)
			}
		}
		if got := h.says("member", "/react 9 👍 off").answer(t); got != "※ #9 has no reactions." {
			t.Error(got)
		}
		for _, line := range []string{"/react 👍", "/react 9", "/react", "/pin x", "/report", "/unpin", "/settle", "/edit nine x"} {
			if got := h.says("owner", line).answer(t); !strings.HasPrefix(got, "※ So: ") && got != "※ You have no posts here." {
				t.Errorf("%q: %s", line, got)
			}
		}
		if got := h.says("owner", "/pin 1").answer(t); got != "※ There is no such post." {
			t.Errorf("an event: %s", got)
		}
	})
}

func TestAnAuthorEditsHisPostAndOthersSeeTheNewText(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		if got := h.says("dot", "/edit").answer(t); got != "※ So: /edit 35 the new text, or in reply to the post without number\n#10 Dot: take the ferry\n#9 Dot: the bridge is out" {
			t.Error(got)
		}
		if got := h.says("dot", "/edit #9 the bridge is open\nagain").answer(t); !strings.HasPrefix(got, "※ #9 has the new text") {
			t.Error(got)
		}
		if got := h.says("member", "/history").answer(t); got != "※ Dot: the bridge is open\n  again\nDot: take the ferry" {
			t.Error(got)
		}
		if got := h.says("member", "/edit 9 no").answer(t); got != "※ Only its author can edit a post." {
			t.Error(got)
		}
		if got := h.says("dot", "/edit 9 ※ closed").answer(t); !strings.HasPrefix(got, "※ Posts must not begin with ※") {
			t.Error(got)
		}
		time.Sleep(48 * time.Hour)
		if got := h.says("dot", "/edit 9 too late").answer(t); got != "※ A post can be edited for 1 d only." {
			t.Error(got)
		}
	})
}

func TestWhoTakesOverAMembershipEditsItsPosts(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("moderator", "/transfer Dot Pending")
		if got := h.says("pending", "/edit").answer(t); !strings.HasSuffix(got, "\n#10 Dot: take the ferry\n#9 Dot: the bridge is out") {
			t.Error(got)
		}
		if got := h.says("pending", "/edit 9 it is open").answer(t); !strings.HasPrefix(got, "※ #9 has the new text") {
			t.Error(got)
		}
		if got := h.says("pending", "/delete 9").answer(t); got != "※ 2 posts deleted." {
			t.Error(got)
		}
	})
}

func TestPinnedPostsAreListed(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("moderator", "/pin 9")
		h.says("moderator", "/pin #10")
		if got := h.says("member", "/pins").answer(t); got != "※ #10 Dot: take the ferry\n#9 Dot: the bridge is out" {
			t.Error(got)
		}
		h.says("moderator", "/unpin 10")
		h.says("moderator", "/delete 9")
		if got := h.says("member", "/pins").answer(t); got != "※ No posts are pinned." {
			t.Error(got)
		}
		h.says("owner", "/settings pin_role member")
		if got := h.says("member", "/help").answers; len(got) != 1 || !strings.Contains(got[0].content, "/pin ") {
			t.Errorf("who may pin by his rank is not shown it: %v", got)
		}
		if got := h.says("member", "/pin 10").answer(t); got != "※ #10 is pinned." {
			t.Error(got)
		}
	})
}

func TestModeratorsAreToldOfReportsOnceAnHour(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		told := func(l *letter) (who []string) {
			for _, a := range l.answers {
				if a.to != "member" {
					who = append(who, a.to+": "+a.content)
				}
			}
			return who
		}
		first := told(h.says("member", "/report 9 rude"))
		want := "moderator: ※ Member reports #9: Rude.\n/history #9 shows it, /delete 9 or /settle 9"
		if len(first) != 3 || !slices.Contains(first, want) {
			t.Errorf("%q", first)
		}
		if again := told(h.says("member", "/report 10 rude too")); len(again) != 0 {
			t.Errorf("again at once: %q", again)
		}
		time.Sleep(time.Hour)
		if later := h.took(); len(later) != 3 || later[0].content != "※ 2 reports wait: /reports" {
			t.Errorf("an hour later: %v", later)
		}
		if got := h.says("moderator", "/reports").answer(t); !strings.Contains(got, "#9 Dot: the bridge is out | Member, 1 h ago: rude") {
			t.Error(got)
		}
		if got := h.says("moderator", "/settle #9 all is well").answer(t); got != "※ The reports about #9 are settled." {
			t.Error(got)
		}
		h.says("moderator", "/delete 10")
		if got := h.says("moderator", "/reports").answer(t); got != "※ Nothing is reported." {
			t.Error(got)
		}
	})
}

func TestInvitedPeopleComeInByTheirCode(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("owner", "/settings joining invite")
		made := h.says("moderator", "/invite").answer(t)
		line := strings.Split(made, "\n")[1]
		code := strings.Fields(line)[1]
		if got := h.says("stranger", "/join Nan").answer(t); got != "※ This group takes new members by invite only." {
			t.Error(got)
		}
		for _, text := range []string{"the code is " + code, "/nick " + code, "/topic " + code, "/report 9 " + code, "/edit 9 " + code, "/status " + code, "/emergency " + code, "/settings question " + code} {
			if got := h.says("owner", text).answer(t); !strings.Contains(got, "his holds the code of an invite") && !strings.Contains(got, "Only its author") {
				t.Errorf("%s: %s", text, got)
			}
		}
		wrong := strings.TrimRight(code, "0123456789") + "00000"
		if got := h.says("stranger", "/join "+wrong+" Nan").answer(t); got != "※ The code is wrong, used up or too old." {
			t.Error(got)
		}
		if l := h.says("stranger", "/JOIN "+strings.ToUpper(code)+" Nan"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "You are Nan") {
			t.Errorf("%v", l.answers)
		}
		if got := h.says("member", "/who Nan").answer(t); !strings.HasPrefix(got, "※ Nan, member") {
			t.Error(got)
		}
		if got := h.says("late guest", "/join "+code+" Gus").answer(t); got != "※ The code is wrong, used up or too old." {
			t.Error(got)
		}
		h.says("moderator", "/invite 5 1d")
		if got := h.says("moderator", "/invite list").answer(t); got != "※ 2: for 5, ends in 1 d" {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite revoke 2").answer(t); got != "※ Invite 2 is taken back." {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite list").answer(t); got != "※ There are no invites. To make one: /invite" {
			t.Error(got)
		}
		several := h.says("moderator", "/invite 00112233445566778899aabbccddee01, Dot,00112233445566778899aabbccddee02").answers[0].content
		if several != "※ 00112233 is invited: 3.\nDot is not invited: This person is a member already.\n00112233 is invited: 4." {
			t.Errorf("%q", several)
		}
		if got := h.says("member", "/invite 00112233445566778899aabbccddee03, 00112233445566778899aabbccddee04").answer(t); strings.Count(got, "is not invited: This needs the permission") != 2 {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite list").answer(t); strings.Count(got, "\n") != 1 {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite Dot").answer(t); got != "※ Is a member already." && got != "※ This person is a member already." {
			t.Error(got)
		}
	})
}

func TestTheQuestionAtTheDoorIsAnsweredInTheGreeting(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings question Which valley is this?")
		if got := h.says("nan", "/join Nan").answer(t); !strings.Contains(got, "Which valley is this?") {
			t.Error(got)
		}
		if l := h.says("nan", "/join Nan the hidden one"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "Welcome") {
			t.Errorf("%v", l.answers)
		}
	}, open)
}

func TestListsComeInPagesThatFit(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for i := range 40 {
			time.Sleep(10 * time.Second)
			h.says("dot", fmt.Sprintf("boat number %d goes at %d", i, i))
			if i < 20 {
				h.says("moderator", fmt.Sprintf("/pin %d", 11+i))
				h.says("moderator", fmt.Sprintf("/report %d a long story about what is wrong with it", 11+i))
				h.says("admin", "/invite 2")
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(2 * time.Hour)
		h.took() // reminders of the reports
		for _, list := range []string{"/pins", "/reports", "/invite list", "/settings all", "/help"} {
			seen := make(map[string]bool)
			next := list
			for range 30 {
				time.Sleep(time.Minute)
				got := h.says("admin", next).answer(t)
				if seen[got] {
					t.Errorf("%s comes again: %s", next, got)
				}
				seen[got] = true
				_, more, ok := strings.Cut(got, "\nMore: ")
				if next = more; !ok {
					break
				}
			}
			if len(seen) < 2 || next != "" {
				t.Errorf("%s: %d pages, then %q", list, len(seen), next)
			}
		}
	})
}

func TestSinceAndSearchPageThroughEverything(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for i := range 30 {
			h.says("dot", fmt.Sprintf("boat number %d goes at noon", i))
			time.Sleep(time.Minute)
		}
		all := func(next, mark string) (found []string) {
			for range 40 {
				time.Sleep(time.Minute)
				got := h.says("member", next).answer(t)
				body, more, ok := strings.Cut(strings.TrimPrefix(got, "※ "), "\n"+mark)
				for line := range strings.SplitSeq(body, "\n") {
					if i := strings.Index(line, "boat number"); i >= 0 {
						found = append(found, line[i:])
					}
				}
				if next = more; !ok {
					return found
				}
			}
			t.Errorf("%s never ends", mark)
			return nil
		}
		since := all("/since #10", "More: ")
		if len(since) != 30 || since[0] != "boat number 0 goes at noon" || since[29] != "boat number 29 goes at noon" {
			t.Errorf("since: %d: %q", len(since), since)
		}
		if found := all("/search boat noon", "Older: "); len(found) != 30 {
			t.Errorf("search: %d: %q", len(found), found)
		}
		if got := h.says("member", "/since 100d").answer(t); !strings.HasPrefix(got, "※ Dot: the bridge is out\nDot: take the ferry\n") {
			t.Errorf("long ago: %s", got)
		}
		h.says("dot", "just now")
		if got := h.says("member", "/since 30s").answer(t); got != "※ Dot: just now" {
			t.Errorf("half a minute: %s", got)
		}
		if got := h.says("member", "/since #99").answer(t); got != "※ Nobody has posted since #99." {
			t.Error(got)
		}
		if got := h.says("member", "/search zeppelin").answer(t); got != "※ No posts have these words." {
			t.Error(got)
		}
	})
}

func TestAmbiguityListsTheChoicesAndTyposGetTheNearest(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for typed, want := range map[string]string{
			"/mtue Dot": "/mute", "/serach boat": "/search", "/reprot 9": "/report", "/quite 22-07": "/quiet", "/lockdwon on": "/lockdown", "/setings": "/settings", "/digset 6h": "/digest", "/recipts on": "/receipts",
		} {
			if got := h.says("owner", typed).answer(t); !strings.Contains(got, "Did you mean "+want+"?") {
				t.Errorf("%s: %s", typed, got)
			}
		}
		if got := h.says("member", "/mtue Dot").answer(t); strings.Contains(got, "/mute?") {
			t.Errorf("a member is pointed to what he may not: %s", got)
		}
		for typed, want := range map[string]string{"slowmod": "slow_mode", "join": "joining", "histroy": "history"} {
			if got := h.says("owner", "/settings "+typed).answer(t); !strings.Contains(got, "Did you mean "+want+"?") {
				t.Errorf("%s: %s", typed, got)
			}
		}
		// Identities of more people than there are first digits: some begin alike.
		for i := range 70 {
			h.joined(fmt.Sprintf("p%d", i), moderation.RoleMember)
		}
		p, err := h.hub.Members(t.Context(), operator(), valley, group.MembersQuery{Limit: group.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		first := make(map[string]int)
		for _, m := range p.Members {
			first[m.Address.String()[:3]]++
			first[m.Identity.String()[:3]]++
		}
		for digits, n := range first {
			if n < 2 {
				continue
			}
			if got := h.says("owner", "/mute "+digits+" 1h").answer(t); !strings.HasPrefix(got, "※ Several fit.") && !strings.Contains(got, "/unmute "+digits) {
				t.Errorf("%s, which fits %d: %s", digits, n, got)
			}
			return
		}
		t.Error("no two begin alike")
	})
}

func TestACommandInReplyToAPostMeansThatPost(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		own := h.says("member", "the well is dry").message.ID()
		reply := func(d *lxmf.Draft) { d.Fields.SetReplyTo(own) }
		for _, c := range [][3]string{
			{"dot", "/react 👍", "※ #11: 👍 1"}, {"dot", "/react 2nd", "※ #11: 👍 1, 2nd 1"}, {"dot", "/report not so", "※ The moderators are told about #11."},
			{"moderator", "/settle it is", "※ The reports about #11 are settled."}, {"moderator", "/pin", "※ #11 is pinned."}, {"moderator", "/unpin", "※ #11 is not pinned."},
			{"member", "/edit 2 wells are dry", "※ #11 has the new text (#12)."}, {"dot", "/react #9 👍", "※ #9: 👍 1"}, {"member", "/delete", "※ 2 posts deleted."},
		} {
			l := h.says(c[0], c[1], reply)
			l.answers = slices.DeleteFunc(l.answers, func(a sent) bool { return strings.Contains(a.content, " reports #") })
			if got := l.answer(t); got != c[2] {
				t.Errorf("%s: %s", c[1], got)
			}
		}
		if got := h.says("dot", "/react 👍", reply).answer(t); !strings.HasPrefix(got, "※ So: ") {
			t.Errorf("what is gone: %s", got)
		}
	})
}

func TestAPurgeHidesAllPostsAndCanBeUndone(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.hub.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		if got := h.says("moderator", "/ban Dot purge").answer(t); !strings.HasSuffix(got, "/ban WHO purge yes") {
			t.Error(got)
		}
		h.says("moderator", "/ban Dot purge YES spam")
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 0 {
			t.Errorf("others still see %q", texts)
		}
		if got := h.says("moderator", "/unban Dot undo").answer(t); got != "※ The ban is lifted, and the posts come back." {
			t.Error(got)
		}
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 2 {
			t.Errorf("others see %q again", texts)
		}
		if got := h.says("moderator", "/unban Dot undo").answer(t); !strings.Contains(got, "no posts to bring back") {
			t.Error(got)
		}
		h.says("dot", "/join Dot")
		h.says("moderator", "/approve Dot")
		if got := h.says("dot", "/forget").answer(t); !strings.Contains(got, "/forget yes") || len(h.posts("member")) != 2 {
			t.Error(got)
		}
		h.says("dot", "/forget yes")
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 0 {
			t.Errorf("others still see %q", texts)
		}
		if got := h.says("stranger", "/forget yes").answer(t); got != "※ Nothing is known of you here." {
			t.Error(got)
		}
	})
}

func TestWhoWantsNoInvitesIsSentNone(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		own := group.AddressOf(group.IdentityHash(identity(t, "nan").Hash())).String()
		if got := h.says("nan", "/invite block").answer(t); !strings.HasPrefix(got, "※ No group here sends you invites") {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite "+own).answer(t); got != "※ This person wants no invites." {
			t.Error(got)
		}
		h.says("nan", "/invite unblock")
		l := h.says("moderator", "/invite "+own+" 2d")
		if len(l.answers) != 2 || !strings.Contains(l.answers[1].content+l.answers[0].content, "You are invited to the group") {
			t.Errorf("%v", l.answers)
		}
		if l := h.says("nan", "/join Nan"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "Welcome") {
			t.Errorf("who is invited: %v", l.answers)
		}
		if got := h.says("pending", "/invite 3").answer(t); strings.Contains(got, "/join ") {
			t.Errorf("one who waits makes an invite: %s", got)
		}
	})
}

func TestTheLogIsReadByWhoMay(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("moderator", "/mute Dot 1h loud")
		h.says("moderator", "/kick Member 2h rude")
		time.Sleep(time.Hour)
		for line, want := range map[string]string{
			"/audit kick": "※ 1 h ago Moderator: kick, Member, for 2 h, rude", "/audit Dot": "※ 1 h ago Moderator: mute, Dot, for 1 h, loud\n3 h ago the operator: approve, Dot", "/audit nothing": "※ The log has no such lines.",
		} {
			if got := h.says("admin", line).answer(t); got != want {
				t.Errorf("%s: %s", line, got)
			}
		}
		if got := h.says("moderator", "/audit").answer(t); got != `※ This needs the permission "audit".` {
			t.Error(got)
		}
		lines, next := 0, "/audit"
		for range 20 {
			got := h.says("admin", next).answer(t)
			body, older, more := strings.Cut(got, "\nOlder: ")
			lines += 1 + strings.Count(body, "\n")
			if next = older; !more {
				break
			}
			time.Sleep(time.Minute)
		}
		if all, err := h.hub.AuditLog(t.Context(), operator(), valley, group.AuditQuery{Limit: group.MaxPage}); err != nil || lines != len(all.Lines) {
			t.Errorf("%d lines of %d, %v", lines, len(all.Lines), err)
		}
	})
}
