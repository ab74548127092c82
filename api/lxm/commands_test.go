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
