package group_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// keeps sets what the group's policy keeps.
func (h *house) keeps(change func(*moderation.Policy)) {
	h.t.Helper()
	if err := h.store.Update(h.t.Context(), func(tx group.Tx) error {
		g, err := tx.Group(valley)
		if err != nil {
			return err
		}
		change(&g.Policy)
		return tx.PutGroup(g)
	}); err != nil {
		h.t.Fatal(err)
	}
}

// lives lets the hub run for a while.
func (h *house) lives(d time.Duration) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), d)
	defer cancel()
	if err := h.hub.Run(ctx); err != nil {
		h.t.Error(err)
	}
}

// kept are the seqs that are there.
func (h *house) kept() (first, last group.Seq, n int) {
	h.t.Helper()
	if err := h.store.View(h.t.Context(), func(tx group.ReadTx) error {
		all, err := tx.Entries(valley, 0, 0, false, 100_000)
		if len(all) > 0 {
			first, last, n = all[0].Seq, all[len(all)-1].Seq, len(all)
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return first, last, n
}

func TestOnlyTheNewestEntriesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann := h.joined("Ann", moderation.RoleMember)
		first := must(h.hub.Post(t.Context(), ann, valley, message("the first")))(t)
		h.react(ann, first.Seq, "👍", false)
		for i := range 700 {
			h.post(ann, fmt.Sprint("post ", i))
			time.Sleep(time.Second)
		}
		away, there := h.reader(ann), h.reader(ann)
		away.cursor = h.head().Rev - 100 // had all but the last hundred
		there.fetch()
		before := h.head()
		h.keeps(func(p *moderation.Policy) { p.RetainCount = 50 })
		h.lives(time.Minute)
		head := h.head()
		if from, to, n := h.kept(); n != 50 || from != head.Oldest || to != before.Seq || from != before.Seq-49 {
			t.Errorf("%d entries are kept, from %d to %d; oldest %d", n, from, to, head.Oldest)
		}
		if head.Rev != before.Rev || head.Seq != before.Seq || head.Chain != before.Chain || head.Deletions != before.Deletions {
			t.Errorf("the head went from %+v to %+v", before, head)
		}
		if got := h.hub.Stats().EntriesDropped; got != uint64(before.Seq)-50 {
			t.Errorf("%d entries counted as dropped", got)
		}
		if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 0 {
			t.Errorf("the chain breaks at %d", bad)
		}
		if r := must(h.hub.Post(t.Context(), ann, valley, message("the first")))(t); !r.Duplicate || r.Seq != 0 {
			t.Errorf("a message that was dropped is posted again: %+v", r)
		}
		// Whoever was in sync, or was not, learns the oldest entry with the next page.
		for _, r := range []*reader{away, there} {
			if p := must(h.hub.Messages(t.Context(), ann, valley, group.Query{AfterRev: r.cursor}))(t); p.Oldest != head.Oldest {
				t.Errorf("after rev %d the oldest is %d", r.cursor, p.Oldest)
			}
		}
		h.post(ann, "one more")
		p := must(h.hub.Messages(t.Context(), ann, valley, group.Query{AfterRev: there.cursor}))(t)
		if p.Oldest != head.Oldest {
			t.Error("who did not ask in between is not told")
		}
		if p = must(h.hub.Messages(t.Context(), ann, valley, group.Query{AfterRev: p.To}))(t); p.Oldest != 0 {
			t.Error("who knows is told again")
		}
		if p = must(h.hub.Messages(t.Context(), ann, valley, group.Query{Before: head.Oldest + 3}))(t); p.Oldest != head.Oldest || p.More || len(p.Entries) != 3 {
			t.Errorf("at the end of the history: %+v", p)
		}
		if p = must(h.hub.Messages(t.Context(), ann, valley, group.Query{Newest: true, Limit: 5}))(t); p.Oldest != 0 {
			t.Error("who looks at the newest is told of the oldest")
		}
		h.lives(11 * time.Minute)
		if _, _, n := h.kept(); n != 50 {
			t.Errorf("after ten minutes %d are kept", n)
		}
	})
}

func TestEntriesAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann := h.joined("Ann", moderation.RoleMember)
		h.keeps(func(p *moderation.Policy) { p.RetainAge = 24 * 3600 })
		var old, young group.Seq
		for i := range 10 {
			old = h.post(ann, fmt.Sprint("old ", i)).Seq
		}
		h.lives(20 * time.Hour)
		young = h.post(ann, "young").Seq
		if first, _, _ := h.kept(); first != 1 {
			t.Errorf("after 20 hours the oldest is %d", first)
		}
		h.lives(5 * time.Hour)
		if first, last, _ := h.kept(); first != old+1 || last != young {
			t.Errorf("after 25 hours %d to %d are kept", first, last)
		}
		h.lives(48 * time.Hour)
		if first, last, _ := h.kept(); first != young || last != young {
			t.Errorf("the newest goes too: %d to %d", first, last)
		}
		h.post(ann, "life goes on")
		if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 0 {
			t.Errorf("the chain breaks at %d", bad)
		}
	})
}

func TestTheContentIsKeptWithinASize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann := h.joined("Ann", moderation.RoleMember)
		for range 100 {
			h.post(ann, string(make([]byte, 999))+"x")
		}
		h.keeps(func(p *moderation.Policy) { p.RetainBytes = 10_500 })
		h.lives(time.Minute)
		if _, last, n := h.kept(); n != 10 || last != h.head().Seq {
			t.Errorf("%d posts of 1,000 bytes are kept", n)
		}
		h.post(ann, string(make([]byte, 99_999))+"x") // larger than all that may be
		h.lives(time.Minute)
		if _, last, n := h.kept(); n != 1 || last != h.head().Seq {
			t.Errorf("%d posts are kept beside a large one", n)
		}
	})
}

// A Pi without network starts in 1970, and when the network comes its clock jumps: nothing is dropped because of that.
func TestNothingIsDroppedBecauseAClockWasWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		h.keeps(func(p *moderation.Policy) { p.RetainAge = 24 * 3600 })
		h.post(ann, "before")
		year := 365 * 24 * time.Hour
		for _, at := range []struct {
			name string
			off  time.Duration
		}{{"in 1970", -30 * year}, {"in 2038", 38 * year}, {"as it was", 0}} {
			h.restarted(at.off)
			h.post(ann, "said "+at.name)
			h.lives(time.Hour)
			if first, _, _ := h.kept(); first != 1 {
				t.Errorf("with the clock %s the oldest kept is %d", at.name, first)
			}
		}
		// How old the entries of 1970 and 2038 are can not be told; they go with those around them.
		h.restarted(0)
		last := h.post(bob, "today")
		h.lives(26 * time.Hour)
		if first, _, n := h.kept(); first != last.Seq || n != 1 {
			t.Errorf("a day later %d entries from %d on are kept", n, first)
		}
	})
}

func TestManyEntriesOfAWrongTimeAreLookedPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann := h.joined("Ann", moderation.RoleMember)
		h.restarted(-30 * 365 * 24 * time.Hour)
		none := moderation.Rate{Burst: -1}
		hub, err := group.New(group.Config{Store: h.store, Now: func() time.Time { return time.Now().Add(-30 * 365 * 24 * time.Hour) }, Limits: group.Limits{MemberRate: none, GroupRate: none}})
		if err != nil {
			t.Fatal(err)
		}
		h.hub = hub
		for i := range 600 { // more than one transaction removes
			h.post(ann, fmt.Sprint("in 1970, ", i))
			time.Sleep(time.Second)
		}
		h.restarted(0)
		h.post(ann, "with the clock set")
		last := h.post(ann, "the newest")
		h.keeps(func(p *moderation.Policy) { p.RetainAge = 24 * 3600 })
		h.lives(time.Hour)
		if first, _, _ := h.kept(); first != 1 {
			t.Errorf("at once the oldest kept is %d", first)
		}
		h.lives(24 * time.Hour)
		if first, _, _ := h.kept(); first != last.Seq {
			t.Errorf("a day later the oldest kept is %d", first)
		}
	})
}
