package dbtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func newRequest(g group.GroupID, name string, created time.Time) group.Request {
	m := newMember(g, name, 0)
	return group.Request{
		Group: g, Identity: m.Identity, Address: m.Address, PublicKey: m.PublicKey, Ratchet: m.Ratchet,
		DisplayName: name, Greeting: "may I?", Created: created, LastCommand: when(9),
	}
}

func newBan(g group.GroupID, tag string) group.Ban {
	return group.Ban{
		Group: g, Target: fill16[group.AnyHash](tag), Identity: fill16[group.IdentityHash](tag), Address: fill16[group.Address](tag + " address"),
		DisplayName: "Mal", By: fill16[group.IdentityHash]("moderator"), Reason: "spam", Kick: true, Created: when(10), Expires: when(3610),
	}
}

func newOutcome(g group.GroupID, id group.IdentityHash, client string, created time.Time) group.Outcome {
	return group.Outcome{Group: g, Identity: id, ClientID: []byte(client), Op: "post", Result: []byte(`{"seq":3}`), Created: created}
}

func newClaim(g group.GroupID) group.ClaimCode {
	return group.ClaimCode{Group: g, Salt: fill16[[16]byte]("salt"), Hash: fill32[group.Hash]("claim"), Created: when(0), Expires: when(86400)}
}

func newAudit(g group.GroupID, n int) group.Audit {
	return group.Audit{
		Group: g, Time: when(n), By: fill16[group.IdentityHash]("moderator"), Action: "kick",
		Target: fill16[group.AnyHash](fmt.Sprint("target", n)), Detail: "spam",
	}
}

func testRows(t *testing.T, open Open) {
	s, reopen := open(t)
	g, m, e := newGroup(main), newMember(main, "Ann", 3), newEntry(main, 1, 4)
	head := group.Head{Seq: 1, Rev: 9, Deletions: 2, Chain: e.Hash, Oldest: 1}
	r, b, c := newRequest(main, "Bob", when(3)), newBan(main, "mal"), newClaim(main)
	o, a := newOutcome(main, m.Identity, "x1", when(1)), newAudit(main, 1)
	seen := fill16[group.SeenID]("seen")
	gone := newMember(main, "Gil", 5)
	gone.Present, gone.Left, gone.Permissions, gone.Role = false, when(8), 0, moderation.RoleMember
	update(t, s, func(tx group.Tx) error {
		return errors.Join(
			tx.PutGroup(g), tx.PutHead(main, head), tx.PutMember(m), tx.PutMember(gone), tx.AppendEntry(e, []byte("signed original")), tx.PutRequest(r), tx.PutBan(b),
			tx.PutClaimCode(c), tx.PutOutcome(o), tx.AddAudit(a, 10), tx.AddSeen(main, seen), tx.SetMeta("generation", []byte{1, 2, 3}),
		)
	})
	check := func(s group.Store) {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "group", g)(tx.Group(main))
			got(t, "groups", []group.Group{g})(tx.Groups())
			got(t, "head", head)(tx.Head(main))
			got(t, "member", m)(tx.Member(main, m.Identity))
			got(t, "departed member", gone)(tx.Member(main, gone.Identity))
			got(t, "entry", e)(tx.Entry(main, 1))
			got(t, "entry by message id", e)(tx.EntryByMessageID(main, e.MessageID))
			got(t, "original", []byte("signed original"))(tx.Original(main, 1))
			got(t, "request", r)(tx.Request(main, r.Identity))
			got(t, "bans", []group.Ban{b})(tx.Bans(main, group.AnyHash{}, 10))
			got(t, "claim", c)(tx.ClaimCode(main))
			got(t, "outcome", o)(tx.Outcome(main, o.Identity, o.ClientID))
			got(t, "seen", true)(tx.Seen(main, seen))
			got(t, "meta", []byte{1, 2, 3})(tx.Meta("generation"))
			lines, err := tx.Audit(main, 0, 10)
			if err != nil || len(lines) != 1 || lines[0].ID <= 0 {
				t.Fatalf("audit: %+v, %v", lines, err)
			}
			a.ID = lines[0].ID
			same(t, "audit", lines[0], a)
			return nil
		})
	}
	check(s)
	check(reopen())
}

func testZeroRows(t *testing.T, open Open) {
	s, _ := open(t)
	g := group.Group{ID: main, Identity: fill16[group.IdentityHash]("i"), Address: fill16[group.Address]("a")}
	m := group.Member{Group: main, Identity: fill16[group.IdentityHash]("m"), Address: fill16[group.Address]("ma")}
	e := group.Entry{Group: main, Seq: 1, Rev: 1, Kind: group.EntryJoin}
	r := group.Request{Group: main, Identity: fill16[group.IdentityHash]("r"), Address: fill16[group.Address]("ra")}
	b := group.Ban{Group: main, Target: fill16[group.AnyHash]("b")}
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutGroup(g), tx.PutHead(main, group.Head{}), tx.PutMember(m), tx.AppendEntry(e, nil), tx.PutRequest(r), tx.PutBan(b))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "group", g)(tx.Group(main))
		got(t, "head", group.Head{})(tx.Head(main))
		got(t, "member", m)(tx.Member(main, m.Identity))
		got(t, "entry", e)(tx.Entry(main, 1))
		got(t, "request", r)(tx.Request(main, r.Identity))
		got(t, "bans", []group.Ban{b})(tx.Bans(main, group.AnyHash{}, 1))
		if _, err := tx.EntryByMessageID(main, group.MessageID{}); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("an entry without message id was found by the zero id: %v", err)
		}
		got(t, "bans of nobody", []group.Ban(nil))(tx.BansMatching(main, group.AnyHash{}, group.AnyHash{}))
		return nil
	})
}

func testMissing(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	none := fill16[group.IdentityHash]("nobody")
	view(t, s, func(tx group.ReadTx) error {
		missing := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, group.ErrNoRow) {
				t.Errorf("%s: %v, want ErrNoRow", what, err)
			}
		}
		_, err := tx.Group("nope")
		missing("group", err)
		_, err = tx.Head("nope")
		missing("head", err)
		_, err = tx.Member(main, none)
		missing("member", err)
		_, err = tx.MemberByHash(main, group.AnyHash(none))
		missing("member by hash", err)
		_, err = tx.Entry(main, 1)
		missing("entry", err)
		_, err = tx.EntryByMessageID(main, fill32[group.MessageID]("x"))
		missing("entry by id", err)
		_, err = tx.Original(main, 1)
		missing("original", err)
		_, err = tx.Request(main, none)
		missing("request", err)
		_, err = tx.RequestByHash(main, group.AnyHash(none))
		missing("request by hash", err)
		_, err = tx.Outcome(main, none, []byte("x"))
		missing("outcome", err)
		_, err = tx.ClaimCode(main)
		missing("claim", err)
		got(t, "meta", []byte(nil))(tx.Meta("nope"))
		got(t, "entries", []group.Entry(nil))(tx.Entries(main, 0, 0, true, 10))
		got(t, "entries by rev", []group.Entry(nil))(tx.EntriesByRev(main, 0, 10))
		got(t, "entries by author", []group.Entry(nil))(tx.EntriesByAuthor(main, none, 0, 10))
		got(t, "members", []group.Member(nil))(tx.MembersByRev(main, 0, false, 10))
		got(t, "requests", []group.Request(nil))(tx.Requests(main, 10))
		got(t, "bans", []group.Ban(nil))(tx.Bans(main, group.AnyHash{}, 10))
		got(t, "audit", []group.Audit(nil))(tx.Audit(main, 0, 10))
		got(t, "seen", false)(tx.Seen(main, group.SeenID{1}))
		got(t, "members counted", 0)(tx.CountMembers(main))
		got(t, "bans counted", 0)(tx.CountBans("nope"))
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.DeleteBan(main, group.AnyHash{9}), tx.DeleteRequest(main, none), tx.DeleteClaimCode(main), tx.SetMeta("nope", nil), tx.DropOldestOutcome(none))
	})
}

func testOwnership(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	m, e := newMember(main, "Ann", 1), newEntry(main, 1, 2)
	wantKey, wantText := slices.Clone(m.PublicKey), slices.Clone(e.Text)
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.PutMember(m), tx.AppendEntry(e, nil)) })
	m.PublicKey[0]++
	e.Text[0]++
	for range 2 {
		view(t, s, func(tx group.ReadTx) error {
			m, err := tx.Member(main, m.Identity)
			e, err2 := tx.Entry(main, 1)
			same(t, "key", m.PublicKey, wantKey)
			same(t, "text", e.Text, wantText)
			m.PublicKey[1]++
			e.Text[1]++
			return errors.Join(err, err2)
		})
	}
}

func testReplace(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	m, b, r, c, o := newMember(main, "Ann", 1), newBan(main, "x"), newRequest(main, "Bob", when(1)), newClaim(main), newOutcome(main, group.IdentityHash{1}, "c", when(1))
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutMember(m), tx.PutBan(b), tx.PutRequest(r), tx.PutClaimCode(c), tx.PutOutcome(o), tx.SetMeta("k", []byte("old")))
	})
	m.DisplayName, m.Skeleton, m.Rev, m.Role = "Anna", "anna", 8, moderation.RoleOwner
	b.Reason, b.Kick, b.Expires = "again", false, time.Time{}
	r.Greeting, c.Hash, o.Result = "please", group.Hash{}, []byte("new")
	g := newGroup(main)
	g.Topic, g.Rev = "snow", 99
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutMember(m), tx.PutBan(b), tx.PutRequest(r), tx.PutClaimCode(c), tx.PutOutcome(o), tx.SetMeta("k", []byte("new")), tx.PutGroup(g))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "group", g)(tx.Group(main))
		got(t, "member", m)(tx.Member(main, m.Identity))
		got(t, "members by rev", []group.Member{m})(tx.MembersByRev(main, 0, false, 10))
		got(t, "ban", []group.Ban{b})(tx.Bans(main, group.AnyHash{}, 10))
		got(t, "request", r)(tx.Request(main, r.Identity))
		got(t, "claim", c)(tx.ClaimCode(main))
		got(t, "outcome", o)(tx.Outcome(main, o.Identity, o.ClientID))
		got(t, "meta", []byte("new"))(tx.Meta("k"))
		got(t, "members counted", 1)(tx.CountMembers(main))
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.DeleteBan(main, b.Target), tx.DeleteRequest(main, r.Identity), tx.DeleteClaimCode(main), tx.SetMeta("k", nil))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "bans left", 0)(tx.CountBans(main))
		got(t, "requests left", 0)(tx.CountRequests(main))
		got(t, "meta left", []byte(nil))(tx.Meta("k"))
		if _, err := tx.ClaimCode(main); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("claim left: %v", err)
		}
		return nil
	})
}

func testUnknownGroup(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	for what, f := range map[string]func(group.Tx) error{
		"member":  func(tx group.Tx) error { return tx.PutMember(newMember("nope", "Ann", 1)) },
		"entry":   func(tx group.Tx) error { return tx.AppendEntry(newEntry("nope", 1, 1), nil) },
		"ban":     func(tx group.Tx) error { return tx.PutBan(newBan("nope", "x")) },
		"request": func(tx group.Tx) error { return tx.PutRequest(newRequest("nope", "x", when(1))) },
	} {
		if err := s.Update(t.Context(), f); err == nil {
			t.Errorf("a %s of a group that does not exist was kept", what)
		}
	}
}

func testGroupsApart(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	update(t, s, func(tx group.Tx) error {
		for i, g := range []group.GroupID{main, other} {
			m := newMember(g, "Ann", group.Rev(i+1))
			if err := errors.Join(tx.PutMember(m), tx.AppendEntry(newEntry(g, 1, group.Rev(i+2)), nil), tx.AddSeen(g, group.SeenID{byte(i)}),
				tx.PutBan(newBan(g, fmt.Sprint(i))), tx.PutOutcome(newOutcome(g, m.Identity, "same", when(i)))); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "main's entries", []group.Entry{newEntry(main, 1, 2)})(tx.EntriesByRev(main, 0, 10))
		got(t, "other's members", []group.Member{newMember(other, "Ann", 2)})(tx.MembersByRev(other, 0, true, 10))
		got(t, "other's seen", false)(tx.Seen(other, group.SeenID{0}))
		got(t, "main's bans", 1)(tx.CountBans(main))
		got(t, "all outcomes of one identity", 2)(tx.CountOutcomes(newMember(main, "Ann", 1).Identity))
		return nil
	})
}

func testTombstone(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	e := newEntry(main, 1, 1)
	by := fill16[group.IdentityHash]("moderator")
	dead := e.Tombstone(2, when(50), by)
	update(t, s, func(tx group.Tx) error { return tx.AppendEntry(e, []byte("signed")) })
	update(t, s, func(tx group.Tx) error { return tx.PutTombstone(dead) })
	for range 2 {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "tombstone", dead)(tx.Entry(main, 1))
			got(t, "by rev", []group.Entry{dead})(tx.EntriesByRev(main, 1, 10))
			got(t, "by author", []group.Entry(nil))(tx.EntriesByAuthor(main, e.Author, 0, 10))
			if _, err := tx.Original(main, 1); !errors.Is(err, group.ErrNoRow) {
				t.Errorf("the original outlived the deletion: %v", err)
			}
			if _, err := tx.EntryByMessageID(main, e.MessageID); !errors.Is(err, group.ErrNoRow) {
				t.Errorf("a deleted entry was found by message id: %v", err)
			}
			return nil
		})
		s = reopen()
	}
	if err := s.Update(t.Context(), func(tx group.Tx) error { return tx.PutTombstone(newEntry(main, 77, 3)) }); !errors.Is(err, group.ErrNoRow) {
		t.Errorf("a tombstone for an entry that never was: %v", err)
	}
}

func testTouch(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	m := newMember(main, "Ann", 4)
	update(t, s, func(tx group.Tx) error { return tx.PutMember(m) })
	update(t, s, func(tx group.Tx) error { return tx.TouchMember(main, m.Identity, when(60), when(61), nil, nil) })
	m.LastHeard, m.LastCommand = when(60), when(61)
	view(t, s, func(tx group.ReadTx) error { got(t, "touched", m)(tx.Member(main, m.Identity)); return nil })
	m.PublicKey, m.Ratchet = fill("new key", 64), fill("new ratchet", 32)
	update(t, s, func(tx group.Tx) error {
		return tx.TouchMember(main, m.Identity, when(60), when(61), m.PublicKey, m.Ratchet)
	})
	view(t, s, func(tx group.ReadTx) error { got(t, "new keys", m)(tx.Member(main, m.Identity)); return nil })
	update(t, s, func(tx group.Tx) error {
		return tx.TouchMember(main, m.Identity, time.Time{}, time.Time{}, nil, nil)
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "zero leaves all as it is", m)(tx.Member(main, m.Identity))
		return nil
	})
	err := s.Update(t.Context(), func(tx group.Tx) error {
		return tx.TouchMember(main, fill16[group.IdentityHash]("nobody"), when(1), when(1), nil, nil)
	})
	if !errors.Is(err, group.ErrNoRow) {
		t.Errorf("touching nobody: %v", err)
	}
}
