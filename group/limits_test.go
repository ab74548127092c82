package group_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

func TestPostsThatAreNotTaken(t *testing.T) {
	h := newHouse(t, func(_ *group.NewGroup, c *group.Config) { c.Limits.PostBytes = 1000 })
	ann := h.joined("Ann", moderation.RoleMember)
	for what, c := range map[string]struct {
		in   group.PostInput
		kind group.Kind
	}{
		"too large":                       {group.PostInput{Text: make([]byte, 1001)}, group.KindTooLarge},
		"too large with its fields":       {group.PostInput{Text: make([]byte, 500), Fields: make([]byte, 501)}, group.KindTooLarge},
		"with a huge original":            {group.PostInput{Text: []byte("x"), Original: make([]byte, 1000+1024+1)}, group.KindTooLarge},
		"empty":                           {group.PostInput{Text: []byte(" \n")}, group.KindInvalid},
		"an event":                        {group.PostInput{Kind: group.EntryBan, Text: []byte("x")}, group.KindInvalid},
		"an edit":                         {group.PostInput{Kind: group.EntryEdit, Text: []byte("x")}, group.KindInvalid},
		"relayed by a group":              {group.PostInput{Text: []byte("x"), Marked: true}, group.KindDenied},
		"the server's own words":          {group.PostInput{Text: []byte(" ※ Ann was banned")}, group.KindInvalid},
		"with something invisible before": {group.PostInput{Text: []byte("\u200b\u2800※ Ann was banned")}, group.KindInvalid},
		"the server's title":              {group.PostInput{Text: []byte("x"), Title: []byte("※")}, group.KindInvalid},
		"in answer to what is not":        {group.PostInput{Text: []byte("x"), Ref: 99}, group.KindInvalid},
		"in an unknown content code":      {group.PostInput{Text: []byte("x"), Codec: 1}, group.KindUnsupported},
	} {
		_, err := h.hub.Post(t.Context(), ann, valley, c.in)
		e := refused(t, what, err, c.kind)
		if c.kind == group.KindTooLarge && (e.Limit != 1000 || e.Needed != 1001) {
			t.Errorf("%s: limit %d, needed %d", what, e.Limit, e.Needed)
		}
	}
	h.post(ann, string(bytes.Repeat([]byte{'x'}, 1000)))
	if r := must(h.hub.Post(t.Context(), ann, valley, group.PostInput{Fields: []byte{0x81, 0x0f, 0x00}, AuthorTime: time.UnixMilli(1 << 60)}))(t); r.Seq != 3 {
		t.Errorf("only fields: %+v", r)
	}
}

func TestPostsAreTakenAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config) {
			c.Limits.MemberRate = moderation.Rate{Burst: 3, Every: time.Minute}
			c.Limits.GroupRate = moderation.Rate{Burst: 5, Every: time.Minute}
		})
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		post := func(c group.Caller, text string) error {
			_, err := h.hub.Post(t.Context(), c, valley, message(text))
			return err
		}
		for i := range 3 {
			if err := post(ann, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if e := refused(t, "the fourth", post(ann, "3"), group.KindRateLimited); e.RetryAfter != time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		if err := post(ann, "0"); err != nil {
			t.Errorf("a duplicate costs nothing: %v", err)
		}
		for i := range 2 {
			if err := post(bob, fmt.Sprint("b", i)); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, "the group's sixth", post(bob, "b2"), group.KindRateLimited)
		must(h.hub.Post(t.Context(), operator(), valley, group.PostInput{Text: []byte("the operator waits for nobody")}))(t)
		time.Sleep(time.Minute)
		if err := post(ann, "3"); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestRateBucketsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(n *group.NewGroup, c *group.Config) {
			n.Policy.CostCeiling = 1
			c.Limits.JoinRate, c.Limits.GroupJoinRate = moderation.Rate{Burst: 1, Every: 1000 * time.Hour}, moderation.Rate{Burst: -1}
		})
		for i := range group.MaxBuckets + 10 {
			must(h.hub.Join(t.Context(), person(fmt.Sprint(i)), valley, group.JoinInput{}))(t)
			if i%100 == 0 {
				time.Sleep(time.Second)
			}
		}
		if n := h.hub.Buckets(); n != group.MaxBuckets {
			t.Errorf("%d buckets", n)
		}
		if n := h.hub.Stats().BucketsEvicted; n != 10 {
			t.Errorf("%d evicted", n)
		}
	})
}

func TestAskingOverAndOverIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		commits := 0
		h.store.OnCommit(func() error { commits++; return nil })
		ask := func(greeting string) error {
			_, err := h.hub.Join(t.Context(), person("Mal"), valley, group.JoinInput{Name: "Mal", Greeting: greeting})
			return err
		}
		for i := range 5 {
			if err := ask(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		before := commits
		e := refused(t, "a sixth greeting", ask("6"), group.KindRateLimited)
		if e.RetryAfter != 10*time.Minute || commits != before {
			t.Errorf("retry after %v, %d writes", e.RetryAfter, commits-before)
		}
		if err := ask("4"); err != nil {
			t.Errorf("asking the same again: %v", err)
		}
	})
}

func TestAllTogetherJoinAtThePaceOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(_ *group.NewGroup, c *group.Config) {
			c.Limits.GroupJoinRate = moderation.Rate{Burst: 3, Every: time.Minute}
		})
		join := func(name string) error {
			_, err := h.hub.Join(t.Context(), person(name), valley, group.JoinInput{Name: name})
			return err
		}
		for i := range 3 {
			if err := join(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		commits := 0
		h.store.OnCommit(func() error { commits++; return nil })
		e := refused(t, "a fourth identity", join("3"), group.KindRateLimited)
		if e.RetryAfter != time.Minute || e.Msg != "many people are joining just now, wait a little" || commits != 0 {
			t.Errorf("%+v, %d commits", e, commits)
		}
		time.Sleep(time.Minute)
		if err := join("3"); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestOneWhoAsksAgainWithNewClientIDsCausesNoWrites(t *testing.T) {
	h := newHouse(t)
	mal, ann := person("Mal"), h.joined("Ann", moderation.RoleMember)
	must(h.hub.Join(t.Context(), with(mal, "first"), valley, group.JoinInput{Name: "Mal"}))(t)
	commits := 0
	h.store.OnCommit(func() error { commits++; return nil })
	for i := range 50 {
		for _, c := range []group.Caller{mal, ann} {
			if r := must(h.hub.Join(t.Context(), with(c, fmt.Sprint(i)), valley, group.JoinInput{Name: "Mal"}))(t); !r.Already {
				t.Errorf("%+v", r)
			}
		}
	}
	if commits != 0 {
		t.Errorf("%d commits", commits)
	}
}

func TestRowsOfFormerMembersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(_ *group.NewGroup, c *group.Config) { c.Limits.Departed = 3 })
		ann := h.joined("Ann", moderation.RoleMember)
		for i := range 10 {
			c := h.joined(fmt.Sprint("guest", i), moderation.RoleMember)
			time.Sleep(time.Minute)
			must(h.hub.Leave(t.Context(), c, valley))(t)
		}
		if st := must(h.hub.Standing(t.Context(), person("guest6"), valley))(t); st.Member != nil {
			t.Error("the row of one gone long ago is kept above the bound")
		}
		for _, name := range []string{"guest7", "guest8", "guest9"} {
			if st := must(h.hub.Standing(t.Context(), person(name), valley))(t); st.Member == nil || st.Member.Present {
				t.Errorf("%s: %+v", name, st.Member)
			}
		}
		r := h.reader(ann) // the timeline still tells everything
		if n := len(r.fetch()); n != 21 {
			t.Errorf("%d entries", n)
		}
		must(h.hub.Join(t.Context(), person("guest0"), valley, group.JoinInput{Name: "guest0"}))(t)
		if bad, err := h.hub.VerifyChain(t.Context(), valley); bad != 0 || err != nil {
			t.Errorf("%d, %v", bad, err)
		}
	})
}

func TestARequestMadeBeforeTheClockWasSetIsNotOldBecauseOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		started := func(off time.Duration) *group.Hub { // the server starts with a clock that is so far off
			return must(group.New(group.Config{
				Store: h.store, Limits: group.Limits{Requests: 1}, Now: func() time.Time { return time.Now().Add(off) },
			}))(t)
		}
		// A Pi without network is years behind.
		must(started(-3*365*24*time.Hour).Join(t.Context(), person("Bob"), valley, group.JoinInput{Name: "Bob"}))(t)
		_, err := started(0).Join(t.Context(), person("Eve"), valley, group.JoinInput{Name: "Eve"})
		refused(t, "one more while the table is full of a fresh request", err, group.KindFull)
	})
}

func TestTablesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config) {
			c.Limits.Members, c.Limits.Requests, c.Limits.Bans, c.Limits.Audit = 3, 2, 2, 4
		})
		ask := func(i int) error {
			_, err := h.hub.Join(t.Context(), person(fmt.Sprint("asks", i)), valley, group.JoinInput{Name: fmt.Sprint("asks", i)})
			return err
		}
		for i := range 2 {
			if err := ask(i); err != nil {
				t.Fatal(err)
			}
		}
		if e := refused(t, "a third one waiting", ask(2), group.KindFull); e.Limit != 2 {
			t.Errorf("limit %d", e.Limit)
		}
		if err := ask(1); err != nil {
			t.Errorf("one who waits asks again: %v", err)
		}
		time.Sleep(91 * 24 * time.Hour)
		if err := ask(2); err != nil {
			t.Errorf("when the oldest request is three months old: %v", err)
		}
		for i := range 3 {
			c := person(fmt.Sprint("m", i))
			must(h.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Joining: ptr(moderation.JoiningOpen)}))(t)
			must(h.hub.Join(t.Context(), c, valley, group.JoinInput{}))(t)
		}
		_, err := h.hub.Join(t.Context(), person("m3"), valley, group.JoinInput{})
		refused(t, "a fourth member", err, group.KindFull)

		ban := func(i byte, d time.Duration) error {
			_, err := h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: group.AnyHash{i}, Duration: d})
			return err
		}
		if err := ban(1, 0); err != nil {
			t.Fatal(err)
		}
		if err := ban(2, time.Hour); err != nil {
			t.Fatal(err)
		}
		refused(t, "a third ban", ban(3, 0), group.KindFull)
		if err := ban(2, time.Hour); err != nil {
			t.Errorf("the same ban again: %v", err)
		}
		time.Sleep(time.Hour)
		if err := ban(3, 0); err != nil {
			t.Errorf("after one has ended: %v", err)
		}
		if log := must(h.hub.AuditLog(t.Context(), operator(), valley, group.AuditQuery{Limit: 100}))(t).Lines; len(log) != 4 {
			t.Errorf("%d lines in the log", len(log))
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestStrangersGetFewAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		mal := person("Mal").Identity
		count := func(who group.IdentityHash, hint bool, tries int) (n int) {
			for range tries {
				if h.hub.StrangerAnswer(valley, who, "radio", hint) {
					n++
				}
			}
			return n
		}
		if n := count(mal, false, 30); n != 10 {
			t.Errorf("%d answers in a day", n)
		}
		if n := count(mal, true, 30); n != 1 {
			t.Errorf("%d hints in a day", n)
		}
		time.Sleep(24 * time.Hour)
		if n := count(mal, false, 30) + count(mal, true, 30); n != 11 {
			t.Errorf("%d answers the next day", n)
		}
		time.Sleep(time.Hour)
		total := 0
		for i := range 100 {
			total += count(person(fmt.Sprint(i)).Identity, true, 1)
		}
		if total != 60 {
			t.Errorf("%d answers in an hour to all", total)
		}
		if !h.hub.StrangerAnswer(valley, person("far away").Identity, "tcp", true) {
			t.Error("who floods one interface silences another")
		}
	})
}

func TestStrangersAreRememberedWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config) { c.Limits.StrangersPerHour = 1 << 30 })
		who := func(i int) (id group.IdentityHash) {
			binary.BigEndian.PutUint32(id[:], uint32(i))
			return id
		}
		for i := range group.MaxStrangers {
			if !h.hub.StrangerAnswer(valley, who(i), "radio", true) {
				t.Fatalf("stranger %d got none", i)
			}
			time.Sleep(time.Millisecond)
		}
		if !h.hub.StrangerAnswer(valley, who(group.MaxStrangers), "radio", true) {
			t.Error("one who comes when many came before gets no answer")
		}
		if !h.hub.StrangerAnswer(valley, who(0), "radio", true) {
			t.Error("the one first heard was not forgotten")
		}
		if h.hub.StrangerAnswer(valley, who(3), "radio", true) {
			t.Error("a known one got two hints")
		}
		if st := h.hub.Stats(); st.StrangersRefused != 1 || st.StrangersForgot != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestInterfacesThatComeAndGoShareOneCapInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		answers := func(from, to int) (n int) {
			for i := from; i < to; i++ {
				if h.hub.StrangerAnswer(valley, person(fmt.Sprint(i)).Identity, fmt.Sprint("tcp ", i), true) {
					n++
				}
			}
			return n
		}
		if n := answers(0, 500); n != group.MaxCarriers+60 {
			t.Errorf("%d answers", n)
		}
		time.Sleep(time.Hour)
		if n := answers(500, 700); n != group.MaxCarriers+60 {
			t.Errorf("%d answers in the next hour", n)
		}
	})
}

func TestALongQueueOfEventsKeepsTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(n *group.NewGroup, c *group.Config) {
			c.Limits.MemberRate, n.Policy.Flood = moderation.Rate{Burst: -1}, moderation.Quota{Count: 10_000, Per: 60}
		})
		ann := h.joined("Ann", moderation.RoleMember)
		sub, left := h.hub.Subscribe(300), h.hub.Subscribe(300)
		for range 400 {
			h.post(ann, "x")
		}
		synctest.Wait()
		left.Close()
		var seqs []group.Seq
		for {
			synctest.Wait()
			if len(sub.Events()) == 0 {
				break
			}
			seqs = append(seqs, (<-sub.Events()).Head.Seq)
		}
		if len(seqs) != 300 || !slices.IsSorted(seqs) || sub.Dropped() != 100 {
			t.Errorf("%d events, %d dropped, in order: %v", len(seqs), sub.Dropped(), slices.IsSorted(seqs))
		}
		sub.Close()
		if _, ok := <-sub.Events(); ok {
			t.Error("an event after the end")
		}
		n := 0
		for range left.Events() { // ends: it was closed while events waited
			n++
		}
		if n > 300 {
			t.Errorf("%d events after Close", n)
		}
	})
}

func TestASlowSubscriberLosesEventsAndNobodyWaits(t *testing.T) {
	h := newHouse(t)
	slow, fast := h.hub.Subscribe(2), h.hub.Subscribe(100)
	ann := h.joined("Ann", moderation.RoleMember)
	for range 10 {
		h.post(ann, "x")
	}
	if n := len(slow.Events()); n != 2 || slow.Dropped() == 0 {
		t.Errorf("%d wait, %d dropped", n, slow.Dropped())
	}
	if uint64(len(fast.Events())) != slow.Dropped()+2 || fast.Dropped() != 0 {
		t.Errorf("the other has %d, dropped %d", len(fast.Events()), fast.Dropped())
	}
	var last group.Event
	for len(fast.Events()) > 0 {
		last = <-fast.Events()
	}
	if last.Kind != group.EventChanged || last.Group != valley || last.Head != h.head() || string(last.Entry.Text) != "x" {
		t.Errorf("%+v", last)
	}
	slow.Close()
	slow.Close()
	for range slow.Events() {
	}
	fast.Close()
	var subs []*group.Subscription
	for range group.MaxSubscribers {
		subs = append(subs, h.hub.Subscribe(1))
	}
	if _, ok := <-h.hub.Subscribe(1).Events(); ok {
		t.Error("a subscription above the bound is open")
	}
	for _, s := range subs {
		s.Close()
	}
}

func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		head := h.head()
		commits := 0
		h.store.OnCommit(func() error { commits++; return nil })
		heard := func(c group.Caller, want int) {
			t.Helper()
			before := commits
			if err := h.hub.Heard(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if commits-before != want {
				t.Errorf("%d writes, want %d", commits-before, want)
			}
		}
		heard(ann, 0) // he joined this minute
		time.Sleep(time.Minute)
		heard(ann, 1)
		heard(ann, 0)
		ann.Ratchet = bytes.Repeat([]byte{7}, group.RatchetSize)
		heard(ann, 1)
		heard(ann, 0)
		heard(person("stranger"), 0)
		heard(group.Caller{}, 0)
		m := must(h.hub.Standing(t.Context(), ann, valley))(t).Member
		if !bytes.Equal(m.Ratchet, ann.Ratchet) || !m.LastHeard.Equal(time.Now().UTC()) {
			t.Errorf("%+v", m)
		}
		if h.head() != head {
			t.Error("a sign of life raised the rev")
		}
	})
}

func TestGroupsAreMadeByTheOperator(t *testing.T) {
	hub := must(group.New(group.Config{Store: memory.New()}))(t)
	good := group.NewGroup{ID: "a-1_b", PublicKey: person("a").PublicKey, PrivateKey: []byte("k"), PublicName: "A"}
	_, err := hub.CreateGroup(t.Context(), person("Mal"), good)
	refused(t, "a stranger", err, group.KindDenied)
	for what, change := range map[string]func(*group.NewGroup){
		"capitals":   func(n *group.NewGroup) { n.ID = "Main" },
		"a long id":  func(n *group.NewGroup) { n.ID = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		"no public":  func(n *group.NewGroup) { n.PublicKey = nil },
		"no private": func(n *group.NewGroup) { n.PrivateKey = nil },
		"no name":    func(n *group.NewGroup) { n.PublicName = "\u202e" },
		"no policy":  func(n *group.NewGroup) { n.Joining = 9 },
	} {
		n := good
		change(&n)
		_, err := hub.CreateGroup(t.Context(), operator(), n)
		refused(t, what, err, group.KindInvalid)
	}
	if g := must(hub.CreateGroup(t.Context(), operator(), good))(t); g.Joining != moderation.JoiningApprove || g.Rev != 1 {
		t.Errorf("%+v", g)
	}
	_, err = hub.CreateGroup(t.Context(), operator(), good)
	refused(t, "the same again", err, group.KindConflict)
	other := good
	other.ID, other.PublicKey, other.Public = "b", person("b").PublicKey, true
	if g := must(hub.CreateGroup(t.Context(), operator(), other))(t); g.Joining != moderation.JoiningOpen {
		t.Errorf("%+v", g)
	}
	a, b := must(hub.Info(t.Context(), operator(), "a-1_b"))(t), must(hub.Info(t.Context(), operator(), "b"))(t)
	if a.Generation == 0 || a.Generation != b.Generation {
		t.Errorf("generations %d and %d", a.Generation, b.Generation)
	}
	renewed := must(hub.RenewGeneration(t.Context()))(t)
	if renewed == a.Generation || must(hub.Info(t.Context(), operator(), "b"))(t).Generation != renewed {
		t.Error("the generation did not change")
	}
	if key := must(hub.PrivateKey(t.Context(), operator(), "b"))(t); string(key) != "k" {
		t.Errorf("%q", key)
	}
}

func TestManyPostsNamedAtOnceAreDeletedInParts(t *testing.T) {
	h := newHouse(t, func(n *group.NewGroup, c *group.Config) {
		c.Limits.MemberRate, n.Policy.Flood = moderation.Rate{Burst: -1}, moderation.Quota{Count: 10_000, Per: 60}
	})
	ann, mod := h.joined("Ann", moderation.RoleMember), h.joined("Mod", moderation.RoleModerator)
	in := group.DeleteInput{Seqs: []group.Seq{9999}}
	for range 150 {
		in.Seqs = append(in.Seqs, h.post(ann, "x").Seq)
	}
	for call, want := range []struct {
		deleted, missing int
		more             bool
	}{{64, 1, true}, {64, 65, true}, {22, 129, false}, {0, 151, false}} {
		r := must(h.hub.Delete(t.Context(), mod, valley, in))(t)
		if r.Deleted != want.deleted || len(r.Missing) != want.missing || r.More != want.more {
			t.Errorf("call %d: %d deleted, %d missing, more: %v", call, r.Deleted, len(r.Missing), r.More)
		}
	}
	if n := h.head().Deletions; n != 150 {
		t.Errorf("%d deletions", n)
	}
}

func TestWhoSearchesAllTheTimeHasToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, mod := h.joined("Ann", moderation.RoleMember), h.joined("Mod", moderation.RoleAdmin)
		search := func(c group.Caller) error {
			_, err := h.hub.Search(t.Context(), c, valley, group.SearchInput{Author: hash(ann)})
			return err
		}
		for i := range 120 {
			if err := search(ann); err != nil {
				t.Fatal(i, err)
			}
		}
		if e := refused(t, "one more", search(ann), group.KindRateLimited); e.RetryAfter <= 0 || e.RetryAfter > time.Second {
			t.Errorf("wait %v", e.RetryAfter)
		}
		refused(t, "a stranger", search(person("Eve")), group.KindNotMember) // who may not is told so
		for range 120 {
			if err := search(mod); err != nil {
				t.Fatal(err)
			}
		}
		_, err := h.hub.AuditLog(t.Context(), mod, valley, group.AuditQuery{})
		refused(t, "the log", err, group.KindRateLimited)
		time.Sleep(time.Second)
		if _, err := h.hub.AuditLog(t.Context(), mod, valley, group.AuditQuery{}); err != nil {
			t.Error(err)
		}
		for range 300 {
			if err := search(operator()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
