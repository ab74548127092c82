package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// said returns an entry with this text.
func said(seq group.Seq, text string) group.Entry {
	e := newEntry(main, seq, group.Rev(seq))
	e.Written, e.Codec, e.Text, e.Title, e.Ref = e.Rev, 0, []byte(text), nil, 0
	return e
}

func appendAll(t testing.TB, s group.Store, entries ...group.Entry) {
	t.Helper()
	update(t, s, func(tx group.Tx) error {
		for _, e := range entries {
			if err := tx.AppendEntry(e, []byte("signed")); err != nil {
				return err
			}
		}
		return nil
	})
}

func testMarks(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	one, two, edit, again := said(1, "one"), said(2, "two"), said(3, "one, edited"), said(4, "one, edited again")
	edit.Kind, edit.Ref, again.Kind, again.Ref = group.EntryEdit, 1, group.EntryEdit, 1
	answer := said(5, "an answer")
	answer.Ref = 1
	appendAll(t, s, one, two, edit, again, answer)
	one.EditedBy, edit.EditedBy = 4, 4
	two.Pinned, two.Reactions, two.Rev = true, 7, 9
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.MarkEntry(one), tx.MarkEntry(edit), tx.MarkEntry(two)) })
	gone := again.Tombstone(10, when(60), again.Author)
	head := group.Head{Seq: 5, Rev: 10, Deletions: 1, Oldest: 2, OldestRev: 8}
	for range 2 {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "an edited one", one)(tx.Entry(main, 1))
			got(t, "by rev, after its old rev", []group.Entry{answer, two})(tx.EntriesByRev(main, 4, 10))
			got(t, "by what was written", []group.Entry{again, answer})(tx.EntriesByWritten(main, 3, 10))
			got(t, "by what was written, one", []group.Entry{two})(tx.EntriesByWritten(main, 1, 1))
			got(t, "edits", []group.Entry{edit, again})(tx.Edits(main, 1, 10))
			got(t, "the first edit", []group.Entry{edit})(tx.Edits(main, 1, 1))
			got(t, "edits of another", []group.Entry(nil))(tx.Edits(main, 2, 10))
			got(t, "pins", []group.Seq{2})(tx.Pins(main, 10))
			got(t, "pins elsewhere", []group.Seq(nil))(tx.Pins(other, 10))
			return nil
		})
		s = reopen()
	}
	boom := errors.New("boom")
	if err := s.Update(t.Context(), func(tx group.Tx) error {
		two.Pinned = false
		return errors.Join(tx.MarkEntry(two), tx.PutTombstone(gone), boom)
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	two.Pinned = true
	update(t, s, func(tx group.Tx) error {
		got(t, "undone", two)(tx.Entry(main, 2))
		return errors.Join(tx.PutTombstone(gone), tx.PutHead(main, head))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "edits that are left", []group.Entry{edit})(tx.Edits(main, 1, 10))
		got(t, "head", head)(tx.Head(main))
		return nil
	})
	if err := s.Update(t.Context(), func(tx group.Tx) error { return tx.MarkEntry(said(77, "")) }); !errors.Is(err, group.ErrNoRow) {
		t.Errorf("marking what is not there: %v", err)
	}
}

func testReactions(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	appendAll(t, s, said(1, "one"), said(2, "two"))
	who := func(i int) group.IdentityHash { return fill16[group.IdentityHash](fmt.Sprint("who", i)) }
	react := func(seq group.Seq, i int, text string, at int) group.Reaction {
		return group.Reaction{Group: main, Seq: seq, Who: who(i), Text: text, Created: when(at)}
	}
	update(t, s, func(tx group.Tx) error {
		for i, text := range []string{"👍", "late", "❤", "👍", "❤", "early"} {
			got(t, "added", true)(tx.AddReaction(react(1, i, text, 10-i)))
		}
		got(t, "again", false)(tx.AddReaction(react(1, 0, "👍", 50)))
		got(t, "another of his", true)(tx.AddReaction(react(1, 0, "🎉", 50)))
		got(t, "to another", true)(tx.AddReaction(react(2, 0, "👍", 50)))
		return nil
	})
	if err := s.Update(t.Context(), func(tx group.Tx) error { _, err := tx.AddReaction(react(3, 0, "x", 1)); return err }); err == nil {
		t.Error("a reaction to what is not there was stored")
	}
	want := []group.ReactionCount{{Text: "❤", Count: 2}, {Text: "👍", Count: 2, Mine: true}, {Text: "early", Count: 1}, {Text: "late", Count: 1}, {Text: "🎉", Count: 1, Mine: true}}
	view(t, s, func(tx group.ReadTx) error {
		got(t, "counts", want)(tx.ReactionsTo(main, 1, who(0)))
		got(t, "none", []group.ReactionCount(nil))(tx.ReactionsTo(main, 3, who(0)))
		got(t, "who gave them", []group.Reaction{react(1, 5, "early", 5), react(1, 4, "❤", 6), react(1, 3, "👍", 7)})(tx.Reactions(main, 1, 3))
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		got(t, "taken back", true)(tx.DeleteReaction(main, 1, who(0), "👍"))
		got(t, "taken back twice", false)(tx.DeleteReaction(main, 1, who(0), "👍"))
		got(t, "somebody else's", false)(tx.DeleteReaction(main, 1, who(9), "late"))
		return tx.PutTombstone(said(2, "two").Tombstone(9, when(60), who(0)))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "without his", []group.ReactionCount{{Text: "❤", Count: 2}, {Text: "early", Count: 1}, {Text: "👍", Count: 1}, {Text: "late", Count: 1}, {Text: "🎉", Count: 1}})(
			tx.ReactionsTo(main, 1, group.IdentityHash{}))
		got(t, "to what was deleted", []group.ReactionCount(nil))(tx.ReactionsTo(main, 2, who(0)))
		return nil
	})
}

func testReports(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	appendAll(t, s, said(1, "one"), said(2, "two"), said(3, "three"))
	who := func(i int) group.IdentityHash { return fill16[group.IdentityHash](fmt.Sprint("who", i)) }
	report := func(seq group.Seq, i int, reason string) group.Report {
		return group.Report{Group: main, Seq: seq, By: who(i), Reason: reason, Created: when(i)}
	}
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutReport(report(1, 1, "spam")), tx.PutReport(report(2, 1, "rude")), tx.PutReport(report(1, 2, "spam too")), tx.PutReport(report(3, 2, "x")),
			tx.PutReport(report(2, 1, "very rude")))
	})
	s = reopen()
	var all []group.Report
	view(t, s, func(tx group.ReadTx) error {
		var err error
		if all, err = tx.Reports(main, 0, 10); err != nil {
			return err
		}
		got(t, "two after the first", all[1:3])(tx.Reports(main, all[0].ID, 2))
		got(t, "counted", 4)(tx.CountReports(main))
		got(t, "of one", 2)(tx.CountReportsBy(main, who(1)))
		got(t, "elsewhere", 0)(tx.CountReports(other))
		return nil
	})
	want := []group.Report{report(1, 1, "spam"), report(2, 1, "very rude"), report(1, 2, "spam too"), report(3, 2, "x")}
	for i := range all {
		want[i].ID = all[i].ID
		if i > 0 && all[i].ID <= all[i-1].ID {
			t.Errorf("ids do not rise: %+v", all)
		}
	}
	same(t, "reports", all, want)
	update(t, s, func(tx group.Tx) error {
		got(t, "settled", 2)(tx.DeleteReports(main, 1))
		got(t, "settled twice", 0)(tx.DeleteReports(main, 1))
		return tx.PutTombstone(said(3, "three").Tombstone(9, when(60), who(0)))
	})
	view(t, s, func(tx group.ReadTx) error { got(t, "left", want[1:2])(tx.Reports(main, 0, 10)); return nil })
}

func testSearch(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	texts := []string{"The bridge is open", "the BRIDGE is closed again", "Über die Brücke", "goats, goats & more goats", "bridgehead", "an ébauche", "мост открыт", "no words: !?", "it's the ridge"}
	var all []group.Entry
	for i, text := range texts {
		all = append(all, said(group.Seq(i+1), text))
	}
	all[3].Author = fill16[group.IdentityHash]("goatherd")
	all[4].Title, all[4].Text = []byte("bridgehead"), []byte("see title")
	event := said(10, "bridge")
	event.Kind = group.EntryTopic
	coded := said(11, "bridge")
	coded.Codec = 5
	elsewhere := said(1, "bridge in another group")
	elsewhere.Group = other
	all = append(all, event, coded)
	appendAll(t, s, append(slices.Clone(all), elsewhere)...)
	words := true
	find := func(what string, q group.SearchRows, want ...group.Seq) {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 100
		}
		view(t, s, func(tx group.ReadTx) error {
			found, err := tx.Search(main, q)
			if errors.Is(err, group.ErrNoIndex) && len(q.Words) > 0 {
				words = false
				return nil
			}
			var seqs []group.Seq
			for _, e := range found {
				seqs = append(seqs, e.Seq)
				same(t, what, e, all[e.Seq-1])
			}
			same(t, what, seqs, want)
			return err
		})
	}
	word := func(w ...string) group.SearchRows { return group.SearchRows{Words: w} }
	check := func() {
		t.Helper()
		find("a word", word("bridge"), 5, 2, 1)
		find("its beginning", word("brid"), 5, 2, 1)
		find("its end", word("idge"))
		find("two words in any order", word("open", "bridge"), 1)
		find("accents", word("brucke"), 3)
		find("accents asked for", word("über"), 3)
		find("an accent made of two characters", word("ébauche"), 6)
		find("another alphabet", word("мост"), 7)
		find("the words of it's", word("it", "s"), 9)
		find("nothing", word("zebra"))
		find("an operator of the index", word("or"))
		find("the newest two", group.SearchRows{Words: []string{"bridge"}, Limit: 2}, 5, 2)
		find("before one", group.SearchRows{Words: []string{"bridge"}, Before: 5}, 2, 1)
		find("after one", group.SearchRows{Words: []string{"bridge"}, After: 1}, 5, 2)
		find("of somebody", group.SearchRows{Words: []string{"goats"}, Author: all[3].Author}, 4)
		find("of somebody else", group.SearchRows{Words: []string{"goats"}, Author: all[0].Author})
		find("in a time", group.SearchRows{Words: []string{"bridge"}, Since: when(2), Until: when(5)}, 2)
		find("an author alone", group.SearchRows{Author: all[3].Author}, 4)
		find("a time alone", group.SearchRows{Since: when(2), Until: when(5)}, 4, 3, 2)
		find("all", group.SearchRows{Limit: 3}, 9, 8, 7)
	}
	check()
	s = reopen()
	check()
	// Deleted and edited texts are not found any more.
	dead := all[1].Tombstone(50, when(60), all[1].Author)
	all[0].EditedBy = 12
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.PutTombstone(dead), tx.MarkEntry(all[0])) })
	find("a word", word("bridge"), 5)
	boom := errors.New("boom")
	if err := s.Update(t.Context(), func(tx group.Tx) error {
		return errors.Join(tx.PutTombstone(all[4].Tombstone(51, when(60), all[4].Author)), tx.AppendEntry(said(12, "bridge"), nil), boom)
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	find("after an update that failed", word("bridge"), 5)
	update(t, s, func(tx group.Tx) error { got(t, "dropped", 5)(tx.DropEntries(main, 6, 100)); return nil })
	find("after the oldest were dropped", word("bridge"))
	find("what is left", group.SearchRows{}, 9, 8, 7, 6)
	if !words {
		t.Log("this engine has no index of words")
	}
}

func testDropEntries(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	var all []group.Entry
	for i := range 10 {
		all = append(all, said(group.Seq(i+1), fmt.Sprint("text ", i)))
	}
	appendAll(t, s, all...)
	who := fill16[group.IdentityHash]("who")
	update(t, s, func(tx group.Tx) error {
		_, err := tx.AddReaction(group.Reaction{Group: main, Seq: 2, Who: who, Text: "x", Created: when(1)})
		return errors.Join(err, tx.PutReport(group.Report{Group: main, Seq: 2, By: who, Created: when(1)}), tx.AddSeen(main, group.SeenID{1}))
	})
	size := int64(0)
	for _, e := range all {
		size += int64(len(e.Title) + len(e.Text) + len(e.Fields))
	}
	view(t, s, func(tx group.ReadTx) error { got(t, "size", size)(tx.ContentSize(main)); return nil })
	boom := errors.New("boom")
	if err := s.Update(t.Context(), func(tx group.Tx) error { _, err := tx.DropEntries(main, 9, 100); return errors.Join(err, boom) }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	update(t, s, func(tx group.Tx) error {
		got(t, "bounded", 3)(tx.DropEntries(main, 6, 3))
		got(t, "the rest", 2)(tx.DropEntries(main, 6, 3))
		got(t, "no more", 0)(tx.DropEntries(main, 6, 3))
		got(t, "elsewhere", 0)(tx.DropEntries(other, 6, 3))
		return nil
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "kept", all[5:])(tx.Entries(main, 0, 0, false, 100))
		got(t, "kept, by rev", all[5:])(tx.EntriesByRev(main, 0, 100))
		got(t, "kept, newest first", all[9:])(tx.Entries(main, 0, 0, true, 1))
		got(t, "reactions", []group.ReactionCount(nil))(tx.ReactionsTo(main, 2, who))
		got(t, "reports", 0)(tx.CountReports(main))
		got(t, "what was seen", true)(tx.Seen(main, group.SeenID{1}))
		got(t, "empty", int64(0))(tx.ContentSize(other))
		for _, e := range all[:5] {
			if _, err := tx.Original(main, e.Seq); !errors.Is(err, group.ErrNoRow) {
				t.Errorf("original %d: %v", e.Seq, err)
			}
			if _, err := tx.EntryByMessageID(main, e.MessageID); !errors.Is(err, group.ErrNoRow) {
				t.Errorf("by message id %d: %v", e.Seq, err)
			}
		}
		return nil
	})
	appendAll(t, s, said(11, "goes on"))
}

func testRetention(t *testing.T, open Open) {
	s, reopen := open(t)
	none := moderation.Rate{Burst: -1}
	newHub := func() *group.Hub {
		h, err := group.New(group.Config{Store: s, Limits: group.Limits{MemberRate: none, GroupRate: none}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	hub, operator := newHub(), group.Caller{Local: true}
	if _, err := hub.CreateGroup(t.Context(), operator, group.NewGroup{ID: main, PublicKey: fill("g", 64), PrivateKey: fill("p", 64), PublicName: "Valley Net"}); err != nil {
		t.Fatal(err)
	}
	post := func(n int) {
		for i := range n {
			if _, err := hub.Post(t.Context(), operator, main, group.PostInput{Text: fmt.Appendf(nil, "goat number %d", i), MessageID: fill32[group.MessageID](fmt.Sprint(n, i))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	post(200)
	update(t, s, func(tx group.Tx) error {
		g, err := tx.Group(main)
		g.Policy.RetainCount = 20
		return errors.Join(err, tx.PutGroup(g))
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	post(50) // meanwhile
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); hub.Stats().EntriesDropped < 180; {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%d entries are gone", hub.Stats().EntriesDropped)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	gone := hub.Stats().EntriesDropped
	s = reopen()
	hub = newHub()
	p, err := hub.Messages(t.Context(), operator, main, group.Query{AfterRev: 0, Limit: group.MaxPage})
	if err != nil || uint64(p.Oldest) != gone+1 || uint64(len(p.Entries)) != 250-gone || p.Entries[0].Seq != p.Oldest {
		t.Errorf("%d entries from %d on, %d are gone (%v)", len(p.Entries), p.Oldest, gone, err)
	}
	if bad, err := hub.VerifyChain(t.Context(), main); bad != 0 || err != nil {
		t.Errorf("the chain breaks at %d (%v)", bad, err)
	}
	if found, err := hub.Search(t.Context(), operator, main, group.SearchInput{Text: "goat", Limit: group.MaxPage}); err == nil && len(found.Entries) != len(p.Entries) {
		t.Errorf("%d found of %d", len(found.Entries), len(p.Entries))
	} else if err != nil && group.KindOf(err) != group.KindUnsupported {
		t.Error(err)
	}
}
