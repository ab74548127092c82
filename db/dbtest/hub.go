package dbtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

// testHub lets many members act at once through the Hub, and checks what a synchronising reader and a restart make of it.
func testHub(t *testing.T, open Open) {
	s, reopen := open(t)
	operator := group.Caller{Local: true}
	newHub := func() *group.Hub {
		none := moderation.Rate{Burst: -1}
		h, err := group.New(group.Config{Store: s, Limits: group.Limits{MemberRate: none, GroupRate: none, JoinRate: none}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	hub := newHub()
	if _, err := hub.CreateGroup(t.Context(), operator, group.NewGroup{ID: main, PublicKey: fill("g", 64), PrivateKey: fill("p", 64), PublicName: "Valley Net", Public: true}); err != nil {
		t.Fatal(err)
	}
	const people, rounds = 6, 8
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			c := group.Caller{PublicKey: fill(fmt.Sprint("person", i), 64)}
			c.Identity, _ = group.IdentityOf(c.PublicKey)
			_, err := hub.Join(t.Context(), c, main, group.JoinInput{Name: "Ann"}) // all want the same name
			for n := 0; n < rounds && err == nil; n++ {
				var r group.PostResult
				text := fmt.Sprint("person ", i, ", post ", n)
				r, err = hub.Post(t.Context(), c, main, group.PostInput{Text: []byte(text), MessageID: fill32[group.MessageID](text), Original: []byte(text)})
				if err == nil && n%3 == 0 {
					_, err = hub.Delete(t.Context(), c, main, group.DeleteInput{Seqs: []group.Seq{r.Seq}})
				}
			}
			if err == nil && i == 0 {
				_, err = hub.Leave(t.Context(), c, main)
			}
			if err != nil {
				t.Errorf("person %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	check := func() {
		t.Helper()
		entries, names := make(map[group.Seq]group.Entry), make(map[string]int)
		var q group.Query
		var page group.Page
		for q.Limit, page.More = 7, true; page.More; q.AfterRev = page.To {
			var err error
			if page, err = hub.Messages(t.Context(), operator, main, q); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				entries[e.Seq] = e
			}
			for _, m := range page.Members {
				names[m.Skeleton]++
			}
		}
		if want := people*(rounds+1) + 1; len(entries) != want || page.Head.Seq != group.Seq(want) {
			t.Errorf("%d entries, head %d, want %d", len(entries), page.Head.Seq, want)
		}
		if len(names) != people {
			t.Errorf("%d different names for %d people", len(names), people)
		}
		if want := uint64(people * 3); page.Head.Deletions != want {
			t.Errorf("%d deletions, want %d", page.Head.Deletions, want)
		}
		bad, err := hub.VerifyChain(t.Context(), main)
		if err != nil || bad != 0 {
			t.Errorf("the chain breaks at %d (%v)", bad, err)
		}
		members, err := hub.Members(t.Context(), operator, main, group.MembersQuery{})
		if err != nil || members.Total != people-1 || len(members.Members) != people-1 {
			t.Errorf("%d members, %d listed (%v)", members.Total, len(members.Members), err)
		}
		c := members.Members[0]
		for n := range rounds {
			text := fmt.Sprint("person ", 1, ", post ", n)
			r, err := hub.Post(t.Context(), group.Caller{Identity: c.Identity}, main, group.PostInput{Text: []byte(text), MessageID: fill32[group.MessageID](text)})
			if err != nil || !r.Duplicate || (r.Seq == 0) != (n%3 == 0) {
				t.Errorf("post %d sent again: %+v, %v", n, r, err)
			}
		}
	}
	check()
	s = reopen()
	hub = newHub()
	check()
	if _, err := hub.RenewGeneration(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := hub.Info(t.Context(), group.Caller{}, "nope"); group.KindOf(err) != group.KindNotFound {
		t.Errorf("a group that is not there: %v", errors.Unwrap(err))
	}
}
