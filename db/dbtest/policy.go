package dbtest

import (
	"reflect"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func testSilent(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	add := func(name string, heard int, change func(*group.Member)) group.Member {
		m := newMember(main, name, group.Rev(100+heard))
		m.Role, m.LastHeard = moderation.RoleMember, when(heard)
		change(&m)
		update(t, s, func(tx group.Tx) error { return tx.PutMember(m) })
		return m
	}
	as := func(*group.Member) {}
	c, a, b := add("c", 30, as), add("a", 10, as), add("b", 20, as)
	add("staff", 1, func(m *group.Member) { m.Role = moderation.RoleModerator })
	add("gone", 2, func(m *group.Member) { m.Present = false })
	add("elsewhere", 3, func(m *group.Member) { m.Group = other })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "two silent", []group.Member{a, b})(tx.SilentMembers(main, moderation.RoleMember, when(30), 10))
		got(t, "three silent", []group.Member{a, b, c})(tx.SilentMembers(main, moderation.RoleMember, when(31), 10))
		got(t, "the longest silent", []group.Member{a})(tx.SilentMembers(main, moderation.RoleMember, when(31), 1))
		got(t, "nobody", []group.Member(nil))(tx.SilentMembers(main, moderation.RoleMember, when(10), 10))
		return nil
	})
}

// testPolicy sets rules through the Hub and finds them in force after a restart.
func testPolicy(t *testing.T, open Open) {
	s, reopen := open(t)
	operator := group.Caller{Local: true}
	ctx := t.Context()
	newHub := func() *group.Hub {
		h, err := group.New(group.Config{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	person := func(name string) group.Caller {
		c := group.Caller{PublicKey: fill(name, 64)}
		c.Identity, _ = group.IdentityOf(c.PublicKey)
		return c
	}
	ann, bob, cid := person("ann"), person("bob"), person("cid")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	hub := newHub()
	policy := moderation.Policy{SlowMode: 30, History: moderation.HistoryStay, ReservedNames: []string{"Root"}, Question: "⛰?"}
	_, err := hub.CreateGroup(ctx, operator, group.NewGroup{ID: main, PublicKey: fill("g", 64), PrivateKey: fill("p", 64), PublicName: "Valley Net", Public: true, Policy: policy})
	ok(err)
	for _, c := range []group.Caller{ann, bob} {
		_, err = hub.Join(ctx, c, main, group.JoinInput{Greeting: "the upper one"})
		ok(err)
	}
	_, err = hub.Mute(ctx, operator, main, group.MuteInput{Target: group.AnyHash(bob.Identity), Reason: "noise", Duration: time.Hour})
	ok(err)
	_, err = hub.UpdateSettings(ctx, operator, main, group.SettingsInput{Change: func(p *moderation.Policy) { p.SlowMode = 0 }})
	ok(err)
	_, err = hub.Lockdown(ctx, operator, main, group.LockdownInput{On: true})
	ok(err)

	s = reopen()
	hub = newHub()
	policy.SlowMode = 0
	settings, err := hub.Settings(ctx, ann, main)
	ok(err)
	if !reflect.DeepEqual(settings.Policy, policy) || !settings.Lockdown.On {
		t.Errorf("settings are %+v", settings)
	}
	if _, err := hub.Post(ctx, bob, main, group.PostInput{Text: []byte("x")}); group.KindOf(err) != group.KindMuted {
		t.Errorf("the muted one: %v", err)
	}
	if r, err := hub.Join(ctx, cid, main, group.JoinInput{Greeting: "hello"}); err != nil || r.Standing != moderation.StandingPending {
		t.Errorf("who joins in a lockdown is %s, %v", r.Standing, err)
	}
	page, err := hub.Messages(ctx, bob, main, group.Query{BySeq: true})
	ok(err)
	if len(page.Entries) == 0 || page.Entries[0].Kind != group.EntryJoin || page.Entries[0].Author != bob.Identity {
		t.Errorf("his history begins with %+v", page.Entries)
	}
}
