package dbtest

import (
	"errors"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func testErasures(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	full := group.Erasure{Group: main, Identity: fill16[group.IdentityHash]("ann"), Kind: group.ErasureForget, Before: 1 << 40, By: fill16[group.IdentityHash]("mod"), Created: when(3)}
	zero := group.Erasure{Group: main, Identity: fill16[group.IdentityHash]("bob"), Kind: group.ErasureHide}
	update(t, s, func(tx group.Tx) error {
		if err := tx.PutErasure(group.Erasure{Group: "nowhere", Identity: zero.Identity}); err == nil {
			t.Error("a row in no group was taken")
		}
		return errors.Join(tx.PutErasure(zero), tx.PutErasure(full))
	})
	s = reopen()
	want := []group.Erasure{full, zero}
	if lower(full.Identity, zero.Identity) > 0 {
		want = []group.Erasure{zero, full}
	}
	view(t, s, func(tx group.ReadTx) error {
		got(t, "one", full)(tx.Erasure(main, full.Identity))
		got(t, "all", want)(tx.Erasures(main, 10))
		got(t, "first", want[:1])(tx.Erasures(main, 1))
		got(t, "count", 2)(tx.CountErasures(main))
		got(t, "other group", 0)(tx.CountErasures(other))
		return nil
	})
	update(t, s, func(tx group.Tx) error { return tx.DeleteErasure(main, full.Identity) })
	view(t, s, func(tx group.ReadTx) error {
		if _, err := tx.Erasure(main, full.Identity); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("deleted: %v", err)
		}
		return nil
	})
}

func testHidden(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	by, mod := fill16[group.IdentityHash]("author"), fill16[group.IdentityHash]("mod")
	ann := fill16[group.IdentityHash]("ann")
	var before []group.Entry
	reactions := []group.ReactionCount{{Text: "+1", Count: 2}, {Text: "ha", Count: 1}}
	for seq := group.Seq(1); seq <= 3; seq++ {
		e := newEntry(main, seq, group.Rev(seq))
		e.Codec = 0
		if seq == 3 {
			e.Author = ann
		}
		update(t, s, func(tx group.Tx) error {
			err := tx.AppendEntry(e, []byte("signed"))
			for i, who := range []group.IdentityHash{mod, ann} {
				_, err2 := tx.AddReaction(group.Reaction{Group: main, Seq: seq, Who: who, Text: "+1", Created: when(i)})
				err = errors.Join(err, err2)
			}
			_, err2 := tx.AddReaction(group.Reaction{Group: main, Seq: seq, Who: ann, Text: "ha", Created: when(9)})
			e.Reactions, e.Pinned = 3, true
			return errors.Join(err, err2, tx.MarkEntry(e))
		})
		before = append(before, e)
	}
	hide := func(e group.Entry, rev group.Rev) {
		update(t, s, func(tx group.Tx) error { return tx.HideEntry(e.Tombstone(rev, when(50), mod)) })
	}
	hide(before[0], 11)
	hide(before[1], 12)
	hide(before[2], 13)
	hide(before[0].Tombstone(11, when(50), mod), 14) // once more: what is aside stays
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "seen as deleted", before[0].Tombstone(14, when(50), mod))(tx.Entry(main, 1))
		got(t, "aside", []group.Seq{1, 2})(tx.HiddenBy(main, by, 10))
		got(t, "aside, the first", []group.Seq{1})(tx.HiddenBy(main, by, 1))
		got(t, "posts", []group.Entry(nil))(tx.EntriesByAuthor(main, by, 0, 10))
		got(t, "reactions", []group.ReactionCount(nil))(tx.ReactionsTo(main, 1, mod))
		got(t, "pins", []group.Seq(nil))(tx.Pins(main, 10))
		for what, err := range map[string]error{"original": second(tx.Original(main, 1)), "id": second(tx.EntryByMessageID(main, before[0].MessageID))} {
			if !errors.Is(err, group.ErrNoRow) {
				t.Errorf("%s of what was put aside: %v", what, err)
			}
		}
		if found, err := tx.Search(main, group.SearchRows{Words: []string{"hello"}, Limit: 10}); !errors.Is(err, group.ErrNoIndex) {
			got(t, "found by words", []group.Entry(nil))(found, err)
		}
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		if err := tx.RestoreEntry(main, 9, 20); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("putting back what is not aside: %v", err)
		}
		return tx.RestoreEntry(main, 1, 20)
	})
	s = reopen()
	back := before[0]
	back.Rev, back.Written, back.Restored = 20, 20, true
	view(t, s, func(tx group.ReadTx) error {
		got(t, "back", back)(tx.Entry(main, 1))
		got(t, "by rev", []group.Entry{back})(tx.EntriesByRev(main, 14, 10))
		got(t, "by its id", back)(tx.EntryByMessageID(main, back.MessageID))
		got(t, "original", []byte("signed"))(tx.Original(main, 1))
		got(t, "reactions", reactions)(tx.ReactionsTo(main, 1, group.IdentityHash{}))
		got(t, "pins", []group.Seq{1})(tx.Pins(main, 10))
		got(t, "still aside", []group.Seq{2})(tx.HiddenBy(main, by, 10))
		if found, err := tx.Search(main, group.SearchRows{Words: []string{"hello"}, Limit: 10}); !errors.Is(err, group.ErrNoIndex) {
			got(t, "found by words", []group.Entry{back})(found, err)
		}
		return nil
	})
	// Erasing what is aside of one takes his reactions to what is aside of others along.
	update(t, s, func(tx group.Tx) error { got(t, "erased", 1)(tx.EraseHidden(main, ann, 10)); return nil })
	update(t, s, func(tx group.Tx) error { return tx.RestoreEntry(main, 2, 21) })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "what is left", []group.ReactionCount{{Text: "+1", Count: 1}})(tx.ReactionsTo(main, 2, group.IdentityHash{}))
		e, err := tx.Entry(main, 2)
		if e.Reactions != 1 {
			t.Errorf("%d reactions counted", e.Reactions)
		}
		return err
	})
	update(t, s, func(tx group.Tx) error {
		if err := tx.RestoreEntry(main, 3, 22); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("putting back what was erased: %v", err)
		}
		got(t, "nothing left", 0)(tx.EraseHidden(main, ann, 10))
		return nil
	})
	// What retention drops is gone from aside as well.
	hide(back, 30)
	update(t, s, func(tx group.Tx) error { got(t, "dropped", 1)(tx.DropEntries(main, 2, 10)); return nil })
	view(t, s, func(tx group.ReadTx) error { got(t, "aside", []group.Seq(nil))(tx.HiddenBy(main, by, 10)); return nil })
}

func testPersonal(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	ann := fill16[group.IdentityHash]("ann")
	var events []group.Entry
	for i, k := range []group.EntryKind{group.EntryJoin, group.EntryPost, group.EntryName, group.EntryLeave, group.EntryJoin} {
		e := newEntry(main, group.Seq(i+1), group.Rev(i+1))
		e.Kind, e.Author = k, ann
		if i == 4 {
			e.Author = fill16[group.IdentityHash]("bob")
		}
		update(t, s, func(tx group.Tx) error { return tx.AppendEntry(e, nil) })
		events = append(events, e)
	}
	reaction := group.Reaction{Group: main, Seq: 2, Who: ann, Text: "+1", Created: when(1)}
	update(t, s, func(tx group.Tx) error {
		_, err := tx.AddReaction(reaction)
		for i, name := range []string{"cleo", "dan"} {
			m := newMember(main, name, group.Rev(10+i))
			m.InvitedBy, m.Successor, m.Present, m.Role = ann, fill16[group.IdentityHash]("bob"), i == 0, moderation.RoleMember
			err = errors.Join(err, tx.PutMember(m))
		}
		return errors.Join(err, tx.PutReport(group.Report{Group: main, Seq: 2, By: ann, Created: when(1)}), tx.PutOutcome(group.Outcome{Group: main, Identity: ann, ClientID: []byte("x"), Op: "post"}),
			tx.PutOutcome(group.Outcome{Group: other, Identity: ann, ClientID: []byte("x"), Op: "post"}))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "events that hold a name", []group.Entry{events[0], events[2]})(tx.PersonalEvents(main, ann, 10))
		got(t, "the first", events[:1])(tx.PersonalEvents(main, ann, 1))
		got(t, "reactions", []group.Reaction{reaction})(tx.ReactionsBy(main, ann, 10))
		for what, list := range map[string]func(group.GroupID, group.IdentityHash, int) ([]group.Member, error){"invited": tx.MembersInvitedBy, "succeeded": tx.MembersSucceededBy} {
			who := ann
			if what == "succeeded" {
				who = fill16[group.IdentityHash]("bob")
			}
			rows, err := list(main, who, 10)
			if err != nil || len(rows) != 2 || lower(rows[0].Identity, rows[1].Identity) > 0 {
				t.Errorf("%s: %d rows, %v", what, len(rows), err)
			}
			if none, err := list(main, group.IdentityHash{}, 10); err != nil || len(none) != 0 {
				t.Errorf("%s by nobody: %d rows, %v", what, len(none), err)
			}
		}
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.DeleteReportsBy(main, ann), tx.DeleteOutcomesOf(main, ann))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "reports", 0)(tx.CountReports(main))
		got(t, "answers elsewhere", 1)(tx.CountOutcomes(ann))
		return nil
	})
}
