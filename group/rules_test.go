package group_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// policy starts a group with a policy.
func policy(p moderation.Policy) func(*group.NewGroup, *group.Config) {
	return func(n *group.NewGroup, _ *group.Config) { n.Policy = p }
}

// say posts a text and returns the error.
func (h *house) say(c group.Caller, text string) error {
	_, err := h.hub.Post(h.t.Context(), c, valley, group.PostInput{Text: []byte(text)})
	return err
}

func TestAMutedMemberReadsAndDoesNotWriteUntilTheTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		events := h.hub.Subscribe(50)
		defer events.Close()
		ann, mod, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
		other := h.reader(ann)
		other.fetch()
		post := h.post(bob, "hello")
		other.fetch()

		mute := group.MuteInput{Target: hash(bob), Reason: "noise", Duration: time.Hour}
		must(h.hub.Mute(ctx, mod, valley, mute))(t)
		other.sees("Mod mute Bob: noise")
		e := refused(t, "a muted member", h.say(bob, "but"), group.KindMuted)
		if e.RetryAfter != time.Hour || e.Msg != "you are muted here for another 1 h: noise" {
			t.Errorf("%q, retry after %v", e.Msg, e.RetryAfter)
		}
		name := "Loud"
		_, err := h.hub.UpdateProfile(ctx, bob, valley, group.ProfileInput{Name: &name})
		refused(t, "speaking by one's name", err, group.KindMuted)
		_, err = h.hub.Edit(ctx, bob, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("BUT")}})
		refused(t, "speaking by an edit", err, group.KindMuted)
		_, err = h.hub.React(ctx, bob, valley, group.ReactInput{Seq: post.Seq, Text: "!"})
		refused(t, "speaking by reactions", err, group.KindMuted)
		must(h.hub.Messages(ctx, bob, valley, group.Query{Newest: true}))(t)
		if st := must(h.hub.Standing(ctx, bob, valley))(t); st.Standing != moderation.StandingMuted || time.Until(st.Until) != time.Hour || st.Reason != "noise" {
			t.Errorf("he stands as %+v", st)
		}
		must(h.hub.Leave(ctx, bob, valley))(t)
		h.joined("Bob", moderation.RoleMember)
		refused(t, "who left and came back", h.say(bob, "but"), group.KindMuted)

		time.Sleep(time.Hour)
		if err := h.say(bob, "sorry"); err != nil {
			t.Errorf("an hour later: %v", err)
		}
		_, err = h.hub.Unmute(ctx, mod, valley, hash(bob))
		refused(t, "letting one speak who may", err, group.KindConflict)
		mute.Duration = 0
		must(h.hub.Mute(ctx, mod, valley, mute))(t)
		again := must(h.hub.Mute(ctx, mod, valley, mute))(t)
		if again.Seq != 0 {
			t.Error("the same mute twice is told twice")
		}
		time.Sleep(1000 * time.Hour)
		if e := refused(t, "muted for good", h.say(bob, "but"), group.KindMuted); e.RetryAfter != 0 || e.Msg != "you are muted here: noise" {
			t.Errorf("%q, retry after %v", e.Msg, e.RetryAfter)
		}
		must(h.hub.Unmute(ctx, mod, valley, hash(bob)))(t)
		if err := h.say(bob, "thanks"); err != nil {
			t.Error(err)
		}
		other.sees("Bob leave", "Bob join: Bob", "Bob post: sorry", "Mod mute Bob: noise", "Mod unmute Bob", "Bob post: thanks")

		for what, c := range map[string]struct {
			by   group.Caller
			in   group.MuteInput
			want group.Kind
		}{
			"a member mutes":         {bob, group.MuteInput{Target: hash(mod)}, group.KindDenied},
			"a moderator an owner":   {mod, group.MuteInput{Target: hash(ann)}, group.KindDenied},
			"a moderator himself":    {mod, group.MuteInput{Target: hash(mod)}, group.KindDenied},
			"nobody":                 {mod, group.MuteInput{}, group.KindInvalid},
			"a stranger":             {mod, group.MuteInput{Target: hash(person("Sue"))}, group.KindNotFound},
			"for less than nothing":  {mod, group.MuteInput{Target: hash(bob), Duration: -1}, group.KindInvalid},
			"with a reason too long": {mod, group.MuteInput{Target: hash(bob), Reason: strings.Repeat("x", 201)}, group.KindTooLarge},
		} {
			_, err := h.hub.Mute(ctx, c.by, valley, c.in)
			refused(t, what, err, c.want)
		}
		muted := 0
		for len(events.Events()) > 0 {
			if e := <-events.Events(); e.Kind == group.EventMuted && e.Who == bob.Identity && e.Text == "noise" {
				muted++
			}
		}
		if muted != 2 {
			t.Errorf("%d events", muted)
		}
	})
}

func TestWhoFloodsIsMutedByTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, policy(moderation.Policy{Flood: moderation.Quota{Count: 3, Per: 60}, FloodMute: 120}))
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
		other := h.reader(ann)
		other.fetch()
		id := group.MessageID{7}
		for i := range 3 {
			h.post(bob, fmt.Sprint(i))
		}
		flood := group.PostInput{Text: []byte("3"), MessageID: id}
		_, err := h.hub.Post(t.Context(), bob, valley, flood)
		if e := refused(t, "the fourth", err, group.KindMuted); e.RetryAfter != 2*time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		other.sees("Bob post: 0", "Bob post: 1", "Bob post: 2", "the operator mute Bob: too many posts at once")
		for i := range 20 {
			h.post(ann, fmt.Sprint(i)) // staff are never muted by the server
		}
		time.Sleep(2 * time.Minute)
		if r := must(h.hub.Post(t.Context(), bob, valley, flood))(t); r.Duplicate || r.Seq == 0 {
			t.Errorf("what was refused is taken for a duplicate: %+v", r)
		}
		log := must(h.hub.AuditLog(t.Context(), ann, valley, group.AuditQuery{Limit: 1}))(t).Lines
		if log[0].Action != "mute" || !log[0].By.IsZero() || log[0].Target != hash(bob) {
			t.Errorf("the log says %+v", log[0])
		}
	})
}

func TestSlowModeProbationAndReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, policy(moderation.Policy{SlowMode: 30, Probation: 3600, ProbationPosts: moderation.Quota{Count: 4, Per: 3600}}))
		ctx := t.Context()
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
		h.post(ann, "one")
		h.post(ann, "two")
		post := h.post(bob, "one")
		time.Sleep(10 * time.Second)
		if e := refused(t, "too soon", h.say(bob, "two"), group.KindRateLimited); e.RetryAfter != 20*time.Second {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		must(h.hub.Edit(ctx, bob, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("won")}}))(t)
		refused(t, "a newcomer's link", h.say(bob, "see https://example.org"), group.KindDenied)
		_, err := h.hub.Edit(ctx, bob, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("www.example.org")}})
		refused(t, "a newcomer's link by an edit", err, group.KindDenied)
		_, err = h.hub.Post(ctx, bob, valley, group.PostInput{Text: []byte("x"), Files: true})
		refused(t, "a newcomer's file", err, group.KindDenied)
		time.Sleep(20 * time.Second)
		h.post(bob, "three")
		time.Sleep(30 * time.Second)
		h.post(bob, "four")
		time.Sleep(30 * time.Second)
		if e := refused(t, "a newcomer's fifth", h.say(bob, "five"), group.KindRateLimited); e.RetryAfter < 10*time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		time.Sleep(time.Hour)
		if err := h.say(bob, "see https://example.org"); err != nil {
			t.Errorf("a newcomer no more: %v", err)
		}
		set(h, func(p *moderation.Policy) { *p = moderation.Policy{ReadOnly: true} })
		refused(t, "reading only", h.say(bob, "x"), group.KindDenied)
		h.post(ann, "news")
		must(h.hub.React(ctx, bob, valley, group.ReactInput{Seq: post.Seq, Text: "+1"}))(t)
	})
}

// set changes the policy, by the operator.
func set(h *house, change func(*moderation.Policy)) {
	h.t.Helper()
	if _, err := h.hub.UpdateSettings(h.t.Context(), operator(), valley, group.SettingsInput{Change: change}); err != nil {
		h.t.Fatal(err)
	}
}

func TestAirtimeIsABudgetToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(n *group.NewGroup, c *group.Config) {
			n.Policy = moderation.Policy{MemberAirtime: moderation.Quota{Count: 10, Per: 100}}
			c.Airtime = func(_ group.GroupID, bytes int) time.Duration { return time.Duration(bytes) * 10 * time.Millisecond }
		})
		bob := h.joined("Bob", moderation.RoleMember)
		h.post(bob, strings.Repeat("x", 600)) // 6 s
		e := refused(t, "more than the rest", h.say(bob, strings.Repeat("x", 600)), group.KindRateLimited)
		if e.RetryAfter != 20*time.Second || !strings.Contains(e.Msg, "airtime") {
			t.Errorf("%q, retry after %v", e.Msg, e.RetryAfter)
		}
		h.post(bob, strings.Repeat("x", 400))
		time.Sleep(100 * time.Second)
		h.post(bob, strings.Repeat("x", 5000)) // more than there ever is: when the bucket is full
		if e := refused(t, "then", h.say(bob, "x"), group.KindRateLimited); e.RetryAfter != 100*time.Millisecond {
			t.Errorf("retry after %v", e.RetryAfter)
		}
	})
}

func TestAnOpenGroupLocksItselfAndOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, policy(moderation.Policy{LockdownJoins: 3, LockdownBans: 2, LockdownFor: 1800}))
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		other := h.reader(ann)
		other.fetch()
		join := func(name string) moderation.Standing {
			t.Helper()
			return must(h.hub.Join(ctx, person(name), valley, group.JoinInput{Name: name}))(t).Standing
		}
		for _, name := range []string{"b", "c"} {
			if st := join(name); st != moderation.StandingMember {
				t.Errorf("%s is %s", name, st)
			}
		}
		if st := join("d"); st != moderation.StandingPending {
			t.Errorf("who came fourth in an hour is %s", st)
		}
		other.sees("b join: b", "c join: c", "the operator lockdown: for 30 min")
		if st := join("e"); st != moderation.StandingPending {
			t.Errorf("who came in the lockdown is %s", st)
		}
		info := must(h.hub.Info(ctx, person("f"), valley))(t)
		if !info.Lockdown || info.Joining != moderation.JoiningOpen {
			t.Errorf("strangers are told %+v", info)
		}
		run, stop := context.WithCancel(ctx)
		go h.hub.Run(run)
		time.Sleep(time.Hour)
		if st := join("f"); st != moderation.StandingMember {
			t.Errorf("who came later is %s", st)
		}
		other.sees("the operator lockdown: off", "f join: f")
		stop()

		// Bans do the same, and staff by hand.
		for _, name := range []string{"x", "y", "z"} {
			must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(person(name))}))(t)
		}
		if st := join("g"); st != moderation.StandingPending {
			t.Errorf("after three bans one who joins is %s", st)
		}
		must(h.hub.Lockdown(ctx, ann, valley, group.LockdownInput{}))(t)
		if st := join("h"); st != moderation.StandingMember {
			t.Errorf("after it was lifted one who joins is %s", st)
		}
		must(h.hub.Lockdown(ctx, ann, valley, group.LockdownInput{On: true}))(t)
		if r := must(h.hub.Lockdown(ctx, ann, valley, group.LockdownInput{On: true}))(t); r.Seq != 0 {
			t.Error("the same lockdown twice is told twice")
		}
		time.Sleep(1000 * time.Hour)
		if st := join("i"); st != moderation.StandingPending {
			t.Errorf("a lockdown until it is lifted ended: %s", st)
		}
		_, err := h.hub.Lockdown(ctx, person("h"), valley, group.LockdownInput{})
		refused(t, "a member lifts it", err, group.KindDenied)
		_, err = h.hub.Lockdown(ctx, ann, valley, group.LockdownInput{On: true, Duration: -1})
		refused(t, "for less than nothing", err, group.KindInvalid)
	})
}

func TestTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, policy(moderation.Policy{Question: "Which valley?", MaxMembers: 2, ReservedNames: []string{"Admin"}}))
		ctx := t.Context()
		join := func(name, greeting string) (group.JoinResult, error) {
			return h.hub.Join(ctx, person(name), valley, group.JoinInput{Name: name, Greeting: greeting})
		}
		_, err := join("Bob", " ")
		if e := refused(t, "without an answer", err, group.KindInvalid); e.Field != "greeting" || !strings.Contains(e.Msg, "Which valley?") {
			t.Errorf("%s: %s", e.Field, e.Msg)
		}
		bob := must(join("Аdmin", "the upper one"))(t) // a Cyrillic А
		if bob.Standing != moderation.StandingMember || bob.Name == "Аdmin" {
			t.Errorf("joined as %q, %s", bob.Name, bob.Standing)
		}
		set(h, func(p *moderation.Policy) { p.QuestionHold = true })
		if r := must(join("Cid", "the lower one"))(t); r.Standing != moderation.StandingPending {
			t.Errorf("whose answer is to be read is %s", r.Standing)
		}
		if q := must(h.hub.Requests(ctx, operator(), valley, 0))(t); len(q) != 1 || q[0].Greeting != "the lower one" {
			t.Errorf("moderators read %+v", q)
		}
		must(h.hub.Approve(ctx, operator(), valley, hash(person("Cid"))))(t)
		must(join("Dan", "the upper one"))(t)
		_, err = h.hub.Approve(ctx, operator(), valley, hash(person("Dan")))
		if e := refused(t, "a third member", err, group.KindFull); e.Limit != 2 {
			t.Errorf("limit %d", e.Limit)
		}
		invite := moderation.JoiningInvite
		must(h.hub.UpdateSettings(ctx, operator(), valley, group.SettingsInput{Joining: &invite}))(t)
		_, err = join("Eve", "hello")
		refused(t, "without an invite", err, group.KindDenied)
	})
}

func TestStampsCostMoreWhileManyStrangersComeAndLessAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, policy(moderation.Policy{JoinCost: 4}))
		ctx := t.Context()
		cost := func() int { t.Helper(); return must(h.hub.Info(ctx, person("me"), valley))(t).JoinCost }
		if cost() != 4 {
			t.Fatalf("costs %d", cost())
		}
		_, err := h.hub.Join(ctx, person("me"), valley, group.JoinInput{})
		if e := refused(t, "without work", err, group.KindStampRequired); e.Limit != 4 {
			t.Errorf("asks for %d", e.Limit)
		}
		for i := range 250 {
			h.hub.StrangerAnswer(valley, person(fmt.Sprint(i)).Identity, "radio", true)
		}
		if cost() != 9 {
			t.Errorf("under a flood it costs %d", cost())
		}
		c := person("me")
		c.Work = 8
		_, err = h.hub.Join(ctx, c, valley, group.JoinInput{})
		refused(t, "with too little work", err, group.KindStampRequired)
		time.Sleep(45 * time.Minute)
		if cost() != 4 {
			t.Errorf("later it costs %d", cost())
		}
		if r := must(h.hub.Join(ctx, c, valley, group.JoinInput{}))(t); r.Standing != moderation.StandingMember {
			t.Errorf("he is %s", r.Standing)
		}
	})
}

func TestSilentMembersLeaveWhenTheServerHasListenedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const days = 24 * time.Hour
		h := newHouse(t, policy(moderation.Policy{SilentAfter: 30 * 86400}))
		ctx := t.Context()
		mod, bob, cid := h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember), h.joined("Cid", moderation.RoleMember)
		other := h.reader(mod)
		other.fetch()
		run, stop := context.WithCancel(ctx)
		defer stop()
		go h.hub.Run(run)
		time.Sleep(29 * days)
		if err := h.hub.Heard(ctx, cid); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * days)
		other.sees("Bob leave: not heard for 30 d")
		if st := must(h.hub.Standing(ctx, cid, valley))(t); st.Standing != moderation.StandingMember {
			t.Errorf("who was heard is a %s", st.Standing)
		}
		h.joined("Bob", moderation.RoleMember)
		if err := h.say(bob, "here again"); err != nil {
			t.Error(err)
		}
	})
}

func TestMembersSeeWhatThePolicyShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, policy(moderation.Policy{History: moderation.HistoryStay}))
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		secret := h.post(ann, "the key is under the goat")
		must(h.hub.Pin(ctx, ann, valley, secret.Seq, false))(t)
		for i := range 600 {
			must(h.hub.Post(ctx, operator(), valley, group.PostInput{Text: fmt.Appendf(nil, "old %d", i)}))(t)
		}
		bob := h.joined("Bob", moderation.RoleMember)
		h.post(ann, "welcome")
		shows := func(what string, c group.Caller, q group.Query, want int) {
			t.Helper()
			p := must(h.hub.Messages(ctx, c, valley, q))(t)
			if len(p.Entries) != want {
				t.Errorf("%s: %d entries, not %d", what, len(p.Entries), want)
			}
		}
		check := func(want int) {
			t.Helper()
			shows("newest", bob, group.Query{Newest: true}, want)
			shows("before", bob, group.Query{Before: secret.Seq + 1}, 0)
			shows("after", bob, group.Query{BySeq: true}, want)
			shows("by seqs", bob, group.Query{Seqs: []group.Seq{secret.Seq}}, 0)
			shows("by rev", bob, group.Query{}, want)
		}
		check(2)
		if info := must(h.hub.Info(ctx, bob, valley))(t); info.Head.Oldest != info.Head.Seq-1 {
			t.Errorf("the oldest of %d is %d", info.Head.Seq, info.Head.Oldest)
		}
		shows("the owner", ann, group.Query{BySeq: true, Limit: group.MaxPage}, group.MaxPage)
		_, err := h.hub.Proof(ctx, bob, valley, secret.Seq)
		refused(t, "a proof", err, group.KindNotFound)
		_, err = h.hub.React(ctx, bob, valley, group.ReactInput{Seq: secret.Seq, Text: "+1"})
		refused(t, "a reaction", err, group.KindNotFound)
		_, err = h.hub.Report(ctx, bob, valley, group.ReportInput{Seq: secret.Seq})
		refused(t, "a report", err, group.KindNotFound)
		if pins := must(h.hub.Pins(ctx, bob, valley))(t); len(pins.Pinned) != 0 {
			t.Errorf("pins show %v", pins.Pinned)
		}
		found, err := h.hub.Search(ctx, bob, valley, group.SearchInput{Author: hash(ann)})
		if err != nil || len(found.Entries) != 1 || string(found.Entries[0].Text) != "welcome" {
			t.Errorf("search finds %d entries, %v", len(found.Entries), err)
		}
		set(h, func(p *moderation.Policy) { p.History, p.HistoryCount = moderation.HistoryLast, 5 })
		check(5)
		set(h, func(p *moderation.Policy) { p.History = moderation.HistoryAll })
		shows("all again", bob, group.Query{Seqs: []group.Seq{secret.Seq}}, 1)
	})
}

func TestSettingsAreChangedWholeOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
		before := must(h.hub.Settings(ctx, bob, valley))(t)
		public := true
		_, err := h.hub.UpdateSettings(ctx, ann, valley, group.SettingsInput{Public: &public, Change: func(p *moderation.Policy) { p.SlowMode, p.PinRole = 5, 9 }})
		if e := refused(t, "a role that does not exist", err, group.KindInvalid); e.Field != "pin_role" {
			t.Errorf("the field is %q", e.Field)
		}
		if after := must(h.hub.Settings(ctx, bob, valley))(t); after.Public || after.Policy.SlowMode != 0 || after.Rev != before.Rev {
			t.Errorf("something was changed: %+v", after)
		}
		change := func(p *moderation.Policy) { p.SlowMode, p.ReadOnly = 5, true }
		must(h.hub.UpdateSettings(ctx, ann, valley, group.SettingsInput{Change: change}))(t)
		after := must(h.hub.Settings(ctx, bob, valley))(t)
		if after.Policy.SlowMode != 5 || !after.Policy.ReadOnly || after.Rev <= before.Rev {
			t.Errorf("settings are %+v", after)
		}
		if r := must(h.hub.UpdateSettings(ctx, ann, valley, group.SettingsInput{Change: change}))(t); r.Rev != after.Rev {
			t.Error("the same again is a change")
		}
		if log := must(h.hub.AuditLog(ctx, ann, valley, group.AuditQuery{Limit: 1}))(t).Lines; log[0].Detail != "read_only true, slow_mode 5" {
			t.Errorf("the log says %q", log[0].Detail)
		}
		_, err = h.hub.UpdateSettings(ctx, bob, valley, group.SettingsInput{Change: change})
		refused(t, "a member", err, group.KindDenied)
		_, err = h.hub.Settings(ctx, person("Sue"), valley)
		refused(t, "a stranger asking", err, group.KindNotMember)
		var e *group.Error
		if _, err := h.hub.CreateGroup(ctx, operator(), group.NewGroup{ID: "other", PublicKey: person("o").PublicKey, PrivateKey: []byte("x"), PublicName: "O",
			Policy: moderation.Policy{History: 7}}); !errors.As(err, &e) || e.Field != "history" {
			t.Errorf("a new group: %v", err)
		}
	})
}

func TestMembersCanNotPushOthersLinesOutOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		set(h, func(p *moderation.Policy) { p.PinRole, p.InviteRole = moderation.RoleMember, moderation.RoleMember })
		ann := h.joined("Ann", moderation.RoleMember)
		post := h.post(ann, "look at this")
		lines := func() int {
			return len(must(h.hub.AuditLog(t.Context(), operator(), valley, group.AuditQuery{Limit: group.MaxPage}))(t).Lines)
		}
		for name, f := range map[string]func(i int) error{
			"pins": func(i int) error {
				_, err := h.hub.Pin(t.Context(), ann, valley, post.Seq, i%2 == 1)
				return err
			},
			"invites": func(int) error {
				r, err := h.hub.CreateInvite(t.Context(), ann, valley, group.InviteInput{})
				if err == nil {
					_, err = h.hub.RevokeInvite(t.Context(), ann, valley, r.Invite.ID)
				}
				return err
			},
		} {
			before := lines()
			var err error
			for i := range 1000 {
				if err = f(i); err != nil {
					break
				}
			}
			if e := refused(t, name, err, group.KindRateLimited); e.RetryAfter <= 0 {
				t.Errorf("%s: %+v", name, e)
			}
			if n := lines() - before; n > 120 {
				t.Errorf("%s made %d lines at once", name, n)
			}
		}
	})
}
