package dbtest

import (
	"errors"
	"fmt"
	"testing"

	"groupd/group"
)

// testEverywhere: what somebody has in all groups is found by either hash, and not what removed groups hold.
func testEverywhere(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	const third = group.GroupID("third")
	m, n := newMember(main, "ann", 1), newMember(other, "ann", 2)
	n.Present = false
	q := group.Request{Group: third, Identity: m.Identity, Address: m.Address, PublicKey: m.PublicKey, DisplayName: "ann", Created: when(3)}
	var invites []group.Invite
	update(t, s, func(tx group.Tx) error {
		g := newGroup(third)
		g.Creator = m.Identity
		err := errors.Join(tx.PutGroup(g), tx.PutHead(third, group.Head{}), tx.PutMember(m), tx.PutMember(n), tx.PutMember(newMember(main, "bob", 3)), tx.PutRequest(q))
		for i, to := range []group.AnyHash{group.AnyHash(m.Identity), group.AnyHash(m.Address), group.AnyHash(fill16[group.AnyHash]("other"))} {
			in := group.Invite{
				Group: []group.GroupID{main, other, main}[i], Code: fill32[group.Hash](fmt.Sprint("code", i)), For: to, Role: 1, Uses: 1,
				Created: when(1), Expires: when(2), Telling: []group.Telling{group.TellNothing, group.TellDue, group.TellNothing}[i],
			}
			id, e := tx.PutInvite(in)
			in.ID = id
			invites, err = append(invites, in), errors.Join(err, e)
		}
		return err
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "the group that one made", m.Identity)(creatorOf(tx, third))
		for _, h := range []group.AnyHash{group.AnyHash(m.Identity), group.AnyHash(m.Address)} {
			got(t, "memberships", []group.Member{m, n})(tx.Memberships(h, 10))
			got(t, "one membership", []group.Member{m})(tx.Memberships(h, 1))
			got(t, "requests", []group.Request{q})(tx.RequestsOf(h, 10))
		}
		got(t, "invites", invites[:2])(tx.InvitesTo(group.AnyHash(m.Identity), group.AnyHash(m.Address), 10))
		got(t, "untold here", []group.Invite(nil))(tx.UntoldInvites(main, 10))
		got(t, "untold there", invites[1:2])(tx.UntoldInvites(other, 10))
		got(t, "nobody", []group.Member(nil))(tx.Memberships(fill16[group.AnyHash]("nobody"), 10))
		got(t, "groups", 3)(tx.CountGroups())
		got(t, "groups that one made", 1)(tx.CountGroupsOf(m.Identity))
		got(t, "groups of another", 0)(tx.CountGroupsOf(n.Successor))
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		invites[1].Telling = group.TellHanded
		_, err := tx.PutInvite(invites[1])
		return err
	})
	update(t, s, func(tx group.Tx) error {
		got(t, "handed on there", invites[1:2])(tx.UntoldInvites(other, 10))
		invites[1].Telling = group.TellNothing
		_, err := tx.PutInvite(invites[1])
		got(t, "told there", []group.Invite(nil))(tx.UntoldInvites(other, 10))
		return errors.Join(err, tx.RemoveGroup(other), tx.RemoveGroup(third))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "memberships", []group.Member{m})(tx.Memberships(group.AnyHash(m.Identity), 10))
		got(t, "requests", []group.Request(nil))(tx.RequestsOf(group.AnyHash(m.Address), 10))
		got(t, "invites", invites[:1])(tx.InvitesTo(group.AnyHash(m.Identity), group.AnyHash(m.Address), 10))
		got(t, "groups", 1)(tx.CountGroups())
		got(t, "groups that one made", 0)(tx.CountGroupsOf(m.Identity))
		got(t, "what is to be erased", []group.GroupID{other, third})(tx.GroupsToErase())
		return nil
	})
}

func creatorOf(tx group.ReadTx, g group.GroupID) (group.IdentityHash, error) {
	row, err := tx.Group(g)
	return row.Creator, err
}

// testRemovedGroup: a group that was removed is not there, is erased bit by bit also after a restart, and takes nothing of others along.
func testRemovedGroup(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	const posts = 20
	update(t, s, func(tx group.Tx) error {
		var errs []error
		for _, g := range []group.GroupID{main, other} {
			for i := range posts {
				e := newEntry(g, group.Seq(i+1), group.Rev(i+1))
				errs = append(errs, tx.AppendEntry(e, []byte("original")), tx.PutMember(newMember(g, fmt.Sprint("m", i), group.Rev(100+i))),
					tx.AddSeen(g, fill16[group.SeenID](fmt.Sprint(i))), tx.AddAudit(group.Audit{Group: g, Time: when(i), Action: "kick"}, 100))
				if i < 3 {
					errs = append(errs, tx.AddAttachments(e, []group.Attachment{{Kind: 1, Name: "a", Size: 10, Hash: fill32[group.Hash](fmt.Sprint(string(g), i/2))}}))
				}
			}
			ann := newMember(g, "m1", 1).Identity
			_, err := tx.AddReaction(group.Reaction{Group: g, Seq: 2, Who: ann, Text: "x", Created: when(1)})
			errs = append(errs, err, tx.PutReport(group.Report{Group: g, Seq: 3, By: ann, Reason: "y", Created: when(1)}),
				tx.HideEntry(newEntry(g, 5, 200).Tombstone(200, when(9), ann)), tx.PutErasure(group.Erasure{Group: g, Identity: ann, Kind: group.ErasureHide, Created: when(1)}),
				tx.PutBan(group.Ban{Group: g, Target: group.AnyHash(ann), Created: when(1)}), tx.PutClaimCode(group.ClaimCode{Group: g, Created: when(1), Expires: when(2)}),
				tx.PutRequest(group.Request{Group: g, Identity: fill16[group.IdentityHash]("waits"), Address: fill16[group.Address]("waits"), Created: when(1)}),
				tx.PutDelivery(group.Delivery{Group: g, Identity: ann}), tx.PutHead(g, group.Head{Seq: posts, Rev: 200}),
				tx.PutOutcome(group.Outcome{Group: g, Identity: ann, ClientID: []byte{1}, Op: "post", Result: []byte("{}"), Created: when(1)}))
			_, err = tx.PutInvite(group.Invite{Group: g, Code: fill32[group.Hash]("code"), Role: 1, Uses: 1, Created: when(1), Expires: when(2)})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	before := picture(t, s, other)
	update(t, s, func(tx group.Tx) error {
		if n, err := tx.EraseGroup(main, 100); n != 0 || err != nil {
			t.Errorf("a group that is there was erased: %d, %v", n, err)
		}
		return errors.Join(tx.RemoveGroup(main), tx.AddServerLine(group.ServerLine{Time: when(5), Action: "delete group", Group: main}, 2))
	})
	view(t, s, func(tx group.ReadTx) error {
		_, err := tx.Group(main)
		if all, e := tx.Groups(); !errors.Is(err, group.ErrNoRow) || e != nil || len(all) != 1 || all[0].ID != other {
			t.Errorf("%v, %v, %v", err, all, e)
		}
		return nil
	})
	rounds := 0
	for more := true; more; rounds++ {
		update(t, s, func(tx group.Tx) error {
			n, err := tx.EraseGroup(main, 7)
			if more = n > 0; n > 7 {
				t.Errorf("%d rows in one round", n)
			}
			return err
		})
		if rounds%4 == 1 {
			s = reopen()
		}
	}
	if rounds < posts/7 {
		t.Errorf("%d rounds", rounds)
	}
	same(t, "the other group", picture(t, s, other), before)
	view(t, s, func(tx group.ReadTx) error {
		got(t, "what is to be erased", []group.GroupID(nil))(tx.GroupsToErase())
		b, err := tx.Blobs(group.Hash{}, true, 10)
		if err != nil || len(b) != 2 {
			t.Errorf("%d contents are not used any more, %v", len(b), err)
		}
		return nil
	})
	// The id is free again, and nothing of the old group comes back.
	update(t, s, func(tx group.Tx) error {
		g := newGroup(main)
		return errors.Join(tx.PutGroup(g), tx.PutHead(main, group.Head{}))
	})
	for what, n := range picture(t, s, main) {
		if n != 0 {
			t.Errorf("%d of %s came back", n, what)
		}
	}
}

// picture counts the rows of a group.
func picture(t *testing.T, s group.Store, g group.GroupID) map[string]int {
	t.Helper()
	rows := map[string]int{}
	ann := newMember(g, "m1", 1).Identity
	count := func(what string, n int, err error) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		rows[what] = n
	}
	view(t, s, func(tx group.ReadTx) error {
		entries, err := tx.Entries(g, 0, 0, false, 100)
		count("entries", len(entries), err)
		members, err := tx.MembersByRev(g, 0, false, 100)
		count("members", len(members), err)
		requests, err := tx.Requests(g, 10)
		count("requests", len(requests), err)
		bans, err := tx.CountBans(g)
		count("bans", bans, err)
		audit, err := tx.Audit(g, 0, 100)
		count("audit", len(audit), err)
		invites, err := tx.CountInvites(g)
		count("invites", invites, err)
		erasures, err := tx.CountErasures(g)
		count("erasures", erasures, err)
		reports, err := tx.CountReports(g)
		count("reports", reports, err)
		reactions, err := tx.Reactions(g, 2, 10)
		count("reactions", len(reactions), err)
		hidden, err := tx.HiddenBy(g, fill16[group.IdentityHash]("author"), 10)
		count("hidden", len(hidden), err)
		deliveries, err := tx.Deliveries(g, group.IdentityHash{}, 10)
		count("deliveries", len(deliveries), err)
		bytes, err := tx.AttachedBytes(g, fill16[group.IdentityHash]("author"))
		count("attached bytes", int(bytes.Group+bytes.Member), err)
		seen, err := tx.Seen(g, fill16[group.SeenID]("3"))
		count("seen", map[bool]int{true: 1}[seen], err)
		if _, err := tx.Outcome(g, ann, []byte{1}); err == nil {
			rows["outcomes"]++
		}
		if _, err := tx.ClaimCode(g); err == nil {
			rows["claim codes"]++
		}
		if _, err := tx.Original(g, 1); err == nil {
			rows["originals"]++
		}
		return nil
	})
	return rows
}

// testServerLog: what was done with whole groups is kept, up to a bound.
func testServerLog(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann := fill16[group.IdentityHash]("ann")
	var lines []group.ServerLine
	update(t, s, func(tx group.Tx) error {
		for i := range 5 {
			l := group.ServerLine{Time: when(i), By: ann, Action: "create group", Group: group.GroupID(fmt.Sprint("g", i)), Detail: "d"}
			if i%2 == 0 {
				l.By = group.IdentityHash{}
			}
			if err := tx.AddServerLine(l, 3); err != nil {
				return err
			}
			lines = append([]group.ServerLine{l}, lines...)
		}
		return nil
	})
	r := func(id string, n int) group.RemovedGroup {
		return group.RemovedGroup{ID: group.GroupID(id), Address: fill16[group.Address](id), By: ann, Removed: when(n)}
	}
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutRemovedGroup(r("b", 1), 2), tx.PutRemovedGroup(r("a", 3), 2), tx.PutRemovedGroup(r("c", 2), 2), tx.PutRemovedGroup(r("c", 4), 2))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		have, err := tx.ServerLog(0, 10)
		if err != nil || len(have) != 3 {
			t.Fatalf("%d lines, %v", len(have), err)
		}
		older, err := tx.ServerLog(have[0].ID, 1)
		same(t, "the line before", older, have[1:2])
		for i := range have {
			if have[i].ID == 0 {
				t.Error("a line without a number")
			}
			have[i].ID = 0
		}
		same(t, "lines", have, lines[:3])
		got(t, "removed", []group.RemovedGroup{r("a", 3), r("c", 4)})(tx.RemovedGroups())
		got(t, "one", r("c", 4))(tx.RemovedGroup("c"))
		if _, e := tx.RemovedGroup("b"); !errors.Is(e, group.ErrNoRow) {
			t.Error(e)
		}
		return err
	})
	update(t, s, func(tx group.Tx) error { return tx.DeleteRemovedGroup("c") })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "removed", []group.RemovedGroup{r("a", 3)})(tx.RemovedGroups())
		return nil
	})
}
