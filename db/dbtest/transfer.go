package dbtest

import (
	"context"
	"errors"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

// filling is a group that is being imported.
const filling = group.GroupID(".import-1")

func testTransferReads(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	people := []group.IdentityHash{fill16[group.IdentityHash]("one"), fill16[group.IdentityHash]("two")}
	if lower(people[1], people[0]) < 0 {
		people[0], people[1] = people[1], people[0]
	}
	ids := []group.SeenID{{1}, {2}, {3}}
	files := []group.Attachment{{Kind: group.AttachFile, Name: "a", Size: 3, Hash: group.Hash{2}}, {Kind: group.AttachFile, Name: "b", Size: 4, Hash: group.Hash{1}}}
	var want []group.Reaction
	update(t, s, func(tx group.Tx) error {
		for seq := group.Seq(1); seq <= 3; seq++ {
			e := newEntry(main, seq, group.Rev(seq))
			e.Attachments = len(files)
			if err := errors.Join(tx.AppendEntry(e, nil), tx.AddAttachments(e, files)); err != nil {
				return err
			}
			for _, who := range people {
				for i, text := range []string{"+1", "goat"} {
					r := group.Reaction{Group: main, Seq: seq, Who: who, Text: text, Created: when(10 - i)}
					want = append(want, r)
					if _, err := tx.AddReaction(r); err != nil {
						return err
					}
				}
			}
		}
		e := newEntry(main, 4, 4)
		only := []group.Attachment{{Kind: group.AttachFile, Name: "aside", Size: 5, Hash: group.Hash{9}}}
		e.Attachments = 1
		err := errors.Join(tx.AppendEntry(e, nil), tx.AddAttachments(e, only), tx.HideEntry(e.Tombstone(5, when(0), group.IdentityHash{})))
		for i, id := range ids {
			err = errors.Join(err, tx.AddSeen(main, id), tx.AddAudit(group.Audit{Group: main, Time: when(i), Action: "kick"}, 100))
		}
		return err
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "reactions", want)(tx.ReactionRows(main, group.Reaction{}, 100))
		got(t, "reactions after one", want[5:7])(tx.ReactionRows(main, want[4], 2))
		got(t, "reactions after a seq", want[4:])(tx.ReactionRows(main, group.Reaction{Seq: 2}, 100))
		got(t, "reactions of another group", []group.Reaction(nil))(tx.ReactionRows(other, group.Reaction{}, 100))
		got(t, "seen ids", ids)(tx.SeenIDs(main, group.SeenID{}, 10))
		got(t, "seen ids after one", ids[1:2])(tx.SeenIDs(main, ids[0], 1))
		got(t, "contents", []group.Blob{{Hash: group.Hash{1}, Size: 4}, {Hash: group.Hash{2}, Size: 3}})(tx.AttachedBlobs(main, group.Hash{}, 10))
		got(t, "contents after one", []group.Blob{{Hash: group.Hash{2}, Size: 3}})(tx.AttachedBlobs(main, group.Hash{1}, 10))
		all, err := tx.AuditAfter(main, 0, 10)
		if err != nil || len(all) != 3 || !all[0].Time.Equal(when(0)) {
			t.Fatalf("the log: %+v, %v", all, err)
		}
		got(t, "the log after a line", all[1:2])(tx.AuditAfter(main, all[0].ID, 1))
		return nil
	})
}

// putFilling fills a group with one row of each kind.
func putFilling(tx group.Tx) error {
	e := newEntry(filling, 1, 1)
	d := group.Delivery{Group: filling, Identity: fill16[group.IdentityHash]("one"), Preferences: group.Preferences{Mode: group.DeliverRelay}}
	r := group.Reaction{Group: filling, Seq: 1, Who: fill16[group.IdentityHash]("one"), Text: "+1", Created: when(1)}
	_, err := tx.PutInvite(group.Invite{Group: main, Code: group.Hash{1}, Role: moderation.RoleMember, Uses: 1})
	if err := tx.AppendEntry(e, []byte("signed")); err != nil {
		return err
	}
	_, err2 := tx.AddReaction(r)
	return errors.Join(err, err2, tx.PutMember(newMember(filling, "Ann", 2)), tx.PutDelivery(d), tx.PutHead(filling, group.Head{Seq: 1, Rev: 2, Oldest: 1}),
		tx.AddSeen(filling, group.SeenID{1}), tx.PutExpected(group.Expected{Group: filling, Target: group.AnyHash{7}, Role: moderation.RoleMember, Created: when(3)}),
		tx.KeepInvite(group.Invite{Group: filling, ID: 1, Code: group.Hash{2}, Role: moderation.RoleMember, Uses: 2}), // that ID is taken
		tx.KeepInvite(group.Invite{Group: filling, ID: 70, Code: group.Hash{3}, Role: moderation.RoleMember, Uses: 3}),
		tx.KeepReport(group.Report{Group: filling, ID: 50, Seq: 1, By: fill16[group.IdentityHash]("one"), Reason: "goats", Created: when(4)}),
		tx.KeepAudit(group.Audit{Group: filling, ID: 60, Time: when(5), Action: "kick", Detail: "goats"}),
		tx.PutCircle(group.Circle{Group: filling, Until: when(6)}), tx.PutInvitee(filledInvitee(filling)), tx.PutEpoch(filledEpoch(filling)))
}

func filledInvitee(g group.GroupID) group.Invitee {
	return group.Invitee{Group: g, Who: group.AnyHash{9}, State: group.InviteeAsked, Invited: when(6), Expires: when(7)}
}

func filledEpoch(g group.GroupID) group.Epoch {
	return group.Epoch{Group: g, Number: 3, Key: group.EpochKey{1}, Reason: moderation.EpochRemoval, Created: when(6), Ends: when(8)}
}

func importedGroup(id group.GroupID) group.Group {
	g := newGroup("imported")
	g.ID = id
	return g
}

func testImportedGroup(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	g := importedGroup(filling)
	update(t, s, func(tx group.Tx) error { return tx.BeginImport(g) })
	update(t, s, putFilling)
	g.ID = "imported"
	hidden := func(what string) {
		t.Helper()
		view(t, s, func(tx group.ReadTx) error {
			for _, id := range []group.GroupID{filling, "imported"} {
				if _, err := tx.Group(id); !errors.Is(err, group.ErrNoRow) {
					t.Errorf("%s: %s is found: %v", what, id, err)
				}
			}
			all, err := tx.Groups()
			if len(all) != 2 {
				t.Errorf("%s: %d groups", what, len(all))
			}
			n, err2 := tx.CountGroups()
			places, err3 := tx.Memberships(group.AnyHash(newMember(main, "Ann", 1).Identity), 10)
			in, err4 := tx.ExpectedIn(group.AnyHash{7}, group.AnyHash{8})
			if n != 2 || len(places) != 0 || len(in) != 0 {
				t.Errorf("%s: counted %d groups, %d memberships, expected in %d", what, n, len(places), len(in))
			}
			return errors.Join(err, err2, err3, err4)
		})
	}
	hidden("before it is whole")
	view(t, s, func(tx group.ReadTx) error {
		got(t, "to erase", []group.GroupID(nil))(tx.GroupsToErase())
		return nil
	})
	update(t, s, func(tx group.Tx) error { return tx.FinishImport(filling, g) })
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "the group", g)(tx.Group("imported"))
		want := newEntry(filling, 1, 1)
		want.Group = "imported"
		got(t, "its entry", want)(tx.Entry("imported", 1))
		got(t, "its original", []byte("signed"))(tx.Original("imported", 1))
		m := newMember(filling, "Ann", 2)
		m.Group = "imported"
		got(t, "its member", m)(tx.Member("imported", m.Identity))
		invites, err := tx.Invites("imported", 0, 10)
		if len(invites) != 2 || invites[0].ID == 1 && invites[1].ID == 1 || invites[0].Uses+invites[1].Uses != 5 {
			t.Errorf("invites: %+v", invites)
		}
		for _, i := range invites {
			if i.Group != "imported" || i.Uses == 3 && i.ID != 70 {
				t.Errorf("an invite: %+v", i)
			}
		}
		mine, err2 := tx.Invites(main, 0, 10)
		if len(mine) != 1 || mine[0].ID != 1 || mine[0].Uses != 1 {
			t.Errorf("another group's invites: %+v", mine)
		}
		got(t, "its report", []group.Report{{Group: "imported", ID: 50, Seq: 1, By: fill16[group.IdentityHash]("one"), Reason: "goats", Created: when(4)}})(tx.Reports("imported", 0, 10))
		got(t, "its log", []group.Audit{{Group: "imported", ID: 60, Time: when(5), Action: "kick", Detail: "goats"}})(tx.AuditAfter("imported", 0, 10))
		got(t, "who is expected", []group.Expected{{Group: "imported", Target: group.AnyHash{7}, Role: moderation.RoleMember, Created: when(3)}})(tx.ExpectedList("imported", group.AnyHash{}, 10))
		got(t, "where he is expected", []group.GroupID{"imported"})(tx.ExpectedIn(group.AnyHash{8}, group.AnyHash{7}))
		got(t, "seen", true)(tx.Seen("imported", group.SeenID{1}))
		got(t, "its reaction", []group.Reaction{{Group: "imported", Seq: 1, Who: fill16[group.IdentityHash]("one"), Text: "+1", Created: when(1)}})(tx.ReactionRows("imported", group.Reaction{}, 10))
		got(t, "its circle", group.Circle{Group: "imported", Until: when(6)})(tx.Circle("imported"))
		got(t, "who is invited to it", []group.Invitee{filledInvitee("imported")})(tx.Invitees("imported"))
		got(t, "its epoch", []group.Epoch{filledEpoch("imported")})(tx.Epochs("imported", 0, 10))
		got(t, "its epoch that is due", []group.Epoch{filledEpoch("imported")})(tx.EpochsDue(when(8), 10))
		return errors.Join(err, err2)
	})
	update(t, s, func(tx group.Tx) error { // later rows get later IDs
		id, err := tx.PutInvite(group.Invite{Group: main, Code: group.Hash{4}, Role: moderation.RoleMember, Uses: 1})
		if id <= 70 {
			t.Errorf("a new invite has the ID %d", id)
		}
		return err
	})
}

func testAbandonedImport(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	g := importedGroup(filling)
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.BeginImport(g), putFilling(tx)) })
	s = reopen()
	update(t, s, func(tx group.Tx) error { return tx.AbandonImports() })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "to erase", []group.GroupID{filling})(tx.GroupsToErase())
		got(t, "leaving", true)(tx.Leaving(g.Identity))
		got(t, "another leaving", false)(tx.Leaving(newGroup(main).Identity))
		return nil
	})
	for more := true; more; {
		update(t, s, func(tx group.Tx) error {
			n, err := tx.EraseGroup(filling, 2)
			more = n > 0
			return err
		})
	}
	view(t, s, func(tx group.ReadTx) error {
		got(t, "to erase at the end", []group.GroupID(nil))(tx.GroupsToErase())
		got(t, "leaving at the end", false)(tx.Leaving(g.Identity))
		got(t, "invites of another group", 1)(tx.CountInvites(main))
		return nil
	})
	// And the same again.
	update(t, s, func(tx group.Tx) error { return tx.BeginImport(g) })
	g.ID = "imported"
	update(t, s, func(tx group.Tx) error { return tx.FinishImport(filling, g) })
	if err := s.Update(context.Background(), func(tx group.Tx) error { return tx.FinishImport(filling, g) }); err == nil {
		t.Error("an import was finished twice")
	}
}

func testExpected(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	one := group.Expected{Group: main, Target: group.AnyHash{1}, DisplayName: "Ann ⛰", Role: moderation.RoleAdmin, Mode: group.DeliverDigest, TextOnly: true, Paused: true, Created: when(1)}
	two := group.Expected{Group: main, Target: group.AnyHash{2}, Role: moderation.RoleMember}
	update(t, s, func(tx group.Tx) error {
		there := two
		there.Group = other
		return errors.Join(tx.PutExpected(one), tx.PutExpected(two), tx.PutExpected(there))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "either", []group.Expected{one})(tx.Expected(main, group.AnyHash{9}, one.Target))
		got(t, "nobody", []group.Expected(nil))(tx.Expected(main, group.AnyHash{9}, group.AnyHash{8}))
		got(t, "all", []group.Expected{one, two})(tx.ExpectedList(main, group.AnyHash{}, 10))
		got(t, "after one", []group.Expected{two})(tx.ExpectedList(main, one.Target, 1))
		got(t, "how many", 2)(tx.CountExpected(main))
		got(t, "where", []group.GroupID{main, other})(tx.ExpectedIn(two.Target, group.AnyHash{9}))
		return nil
	})
	one.DisplayName = "Anna"
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.PutExpected(one), tx.DeleteExpected(main, two.Target)) })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "at the end", []group.Expected{one})(tx.ExpectedList(main, group.AnyHash{}, 10))
		return nil
	})
}

// testImportedOrder: the log of an imported group is in its order, whatever IDs are taken.
func testImportedOrder(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	update(t, s, func(tx group.Tx) error { return tx.BeginImport(importedGroup(filling)) })
	other := importedGroup(".import-2")
	other.Identity, other.Address = group.IdentityHash{2}, group.Address{2}
	update(t, s, func(tx group.Tx) error { return tx.BeginImport(other) })
	update(t, s, func(tx group.Tx) error {
		var err error
		for _, id := range []int64{5, 90} {
			err = errors.Join(err, tx.KeepAudit(group.Audit{Group: other.ID, ID: id, Action: "kick"}))
		}
		for _, id := range []int64{5, 6, 100} {
			err = errors.Join(err, tx.KeepAudit(group.Audit{Group: filling, ID: id, Action: "ban", Detail: string(rune('a' + id))}))
		}
		return err
	})
	view(t, s, func(tx group.ReadTx) error {
		list, err := tx.AuditAfter(filling, 0, 10)
		text := ""
		for _, a := range list {
			text += a.Detail
		}
		if want := string([]rune{'a' + 5, 'a' + 6, 'a' + 100}); text != want {
			t.Errorf("the log reads %q, want %q: %+v", text, want, list)
		}
		return err
	})
}
