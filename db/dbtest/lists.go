package dbtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func testFindMembers(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	var all []group.Member
	for i := range 20 {
		m := newMember(main, fmt.Sprint("member", i), group.Rev(i+1))
		m.Skeleton = fmt.Sprint("skeleton", i%5)
		m.Role = moderation.RoleMember
		if i%4 == 3 {
			m.Present, m.Left = false, when(i)
		}
		if i == 0 {
			m.Role = moderation.RoleOwner
		}
		all = append(all, m)
	}
	update(t, s, func(tx group.Tx) error {
		for _, m := range all {
			if err := tx.PutMember(m); err != nil {
				return err
			}
		}
		return nil
	})
	byHash := slices.Clone(all)
	slices.SortFunc(byHash, func(a, b group.Member) int { return lower(a.Identity, b.Identity) })
	pick := func(limit int, want func(group.Member) bool) (out []group.Member) {
		for _, m := range byHash {
			if want(m) && len(out) < limit {
				out = append(out, m)
			}
		}
		return out
	}
	view(t, s, func(tx group.ReadTx) error {
		for _, m := range all {
			got(t, "by identity", m)(tx.MemberByHash(main, group.AnyHash(m.Identity)))
			got(t, "by address", m)(tx.MemberByHash(main, group.AnyHash(m.Address)))
		}
		for i := range 5 {
			sk := fmt.Sprint("skeleton", i)
			for _, limit := range []int{1, 2, 100} {
				got(t, sk, pick(limit, func(m group.Member) bool { return m.Skeleton == sk }))(tx.MembersBySkeleton(main, sk, limit))
			}
		}
		for _, m := range all {
			for _, prefix := range []string{m.Address.String()[:1], m.Identity.String()[:1], m.Address.String()[:7], m.Identity.String(), m.Address.String()} {
				want := pick(3, func(o group.Member) bool {
					return o.Present && (o.Address.String()[:len(prefix)] == prefix || o.Identity.String()[:len(prefix)] == prefix)
				})
				got(t, "prefix "+prefix, want)(tx.MembersByPrefix(main, prefix, 3))
			}
		}
		got(t, "present", 15)(tx.CountMembers(main))
		got(t, "owners", 1)(tx.CountRole(main, moderation.RoleOwner))
		got(t, "plain members", 14)(tx.CountRole(main, moderation.RoleMember))
		return nil
	})
}

func testDeparted(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	var gone []group.Member
	update(t, s, func(tx group.Tx) error {
		for i := range 6 {
			m := newMember(main, fmt.Sprint("gone", i), group.Rev(i+1))
			m.Present, m.Left = false, when((i*5)%6/2) // two at a time
			gone = append(gone, m)
			if err := tx.PutMember(m); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutMember(newMember(main, "here", 7)), tx.PutMember(newMember(other, "elsewhere", 1)), tx.DropOldestDeparted(other))
	})
	slices.SortFunc(gone, func(a, b group.Member) int {
		if c := a.Left.Compare(b.Left); c != 0 {
			return c
		}
		return lower(a.Identity, b.Identity)
	})
	for i := range gone {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "departed", len(gone)-i)(tx.CountDeparted(main))
			got(t, "present", 1)(tx.CountMembers(main))
			for n, m := range gone {
				if _, err := tx.Member(main, m.Identity); (err == nil) != (n >= i) {
					t.Errorf("after %d drops, number %d: %v", i, n, err)
				}
			}
			rows, err := tx.MembersByRev(main, 0, false, 100)
			if len(rows) != len(gone)-i+1 {
				t.Errorf("%d rows by rev after %d drops", len(rows), i)
			}
			return err
		})
		boom := errors.New("boom")
		if err := s.Update(t.Context(), func(tx group.Tx) error { return errors.Join(tx.DropOldestDeparted(main), boom) }); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		update(t, s, func(tx group.Tx) error { return tx.DropOldestDeparted(main) })
	}
	update(t, s, func(tx group.Tx) error { return tx.DropOldestDeparted(main) }) // nobody left to drop
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "departed", 0)(tx.CountDeparted(main))
		got(t, "elsewhere", 1)(tx.CountMembers(other))
		return nil
	})
}

func testBans(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	id := fill16[group.IdentityHash]("mal")
	addr := group.AddressOf(id)
	typedIdentity := group.Ban{Group: main, Target: group.AnyHash(id), Created: when(1)}
	typedAddress := group.Ban{Group: main, Target: group.AnyHash(addr), Created: when(2)}
	known := group.Ban{Group: main, Target: fill16[group.AnyHash]("other"), Identity: fill16[group.IdentityHash]("other"), Address: addr, Created: when(3)}
	stranger := newBan(main, "somebody else")
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutBan(typedIdentity), tx.PutBan(typedAddress), tx.PutBan(known), tx.PutBan(stranger))
	})
	all := []group.Ban{typedIdentity, typedAddress, known, stranger}
	slices.SortFunc(all, func(a, b group.Ban) int { return lower(a.Target, b.Target) })
	without := slices.DeleteFunc(slices.Clone(all), func(b group.Ban) bool { return b == stranger })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "both forms", without)(tx.BansMatching(main, group.AnyHash(id), group.AnyHash(addr)))
		got(t, "identity only", []group.Ban{typedIdentity})(tx.BansMatching(main, group.AnyHash(id), group.AnyHash{}))
		got(t, "other group", []group.Ban(nil))(tx.BansMatching(other, group.AnyHash(id), group.AnyHash(addr)))
		var paged []group.Ban
		for after := (group.AnyHash{}); ; {
			page, err := tx.Bans(main, after, 2)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			paged = append(paged, page...)
			after = page[len(page)-1].Target
		}
		same(t, "paged", paged, all)
		got(t, "counted", 4)(tx.CountBans(main))
		return nil
	})
}

func testOutcomes(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann, bob := group.IdentityHash{1}, group.IdentityHash{2}
	update(t, s, func(tx group.Tx) error {
		for i := range 10 {
			if err := errors.Join(tx.PutOutcome(newOutcome(main, ann, fmt.Sprint("a", i), when(i))), tx.PutOutcome(newOutcome("", bob, fmt.Sprint("b", i), when(i))),
				tx.AddSeen(main, group.SeenID{byte(i + 1)})); err != nil {
				return err
			}
		}
		return tx.AddSeen(main, group.SeenID{1}) // again: no error
	})
	update(t, s, func(tx group.Tx) error {
		got(t, "pruned, bounded", 4)(tx.PruneOutcomes(when(3), 4))
		got(t, "pruned, the rest", 2)(tx.PruneOutcomes(when(3), 100))
		got(t, "ann's", 7)(tx.CountOutcomes(ann))
		got(t, "everybody's", 14)(tx.CountAllOutcomes())
		return tx.DropOldestOutcome(ann)
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "ann's", 6)(tx.CountOutcomes(ann))
		got(t, "bob's", 7)(tx.CountOutcomes(bob))
		if _, err := tx.Outcome(main, ann, []byte("a3")); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("the oldest was not dropped: %v", err)
		}
		got(t, "newest", newOutcome(main, ann, "a9", when(9)))(tx.Outcome(main, ann, []byte("a9")))
		got(t, "without group", newOutcome("", bob, "b9", when(9)))(tx.Outcome("", bob, []byte("b9")))
		for i := range 10 {
			got(t, "seen", true)(tx.Seen(main, group.SeenID{byte(i + 1)}))
		}
		got(t, "not seen", false)(tx.Seen(main, group.SeenID{99}))
		return nil
	})
}

func testRequests(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	var all []group.Request
	for i := range 9 {
		all = append(all, newRequest(main, fmt.Sprint("r", i), when((i*5)%7)))
	}
	update(t, s, func(tx group.Tx) error {
		for _, r := range all {
			if err := tx.PutRequest(r); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b group.Request) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return lower(a.Identity, b.Identity)
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "all", all)(tx.Requests(main, 100))
		got(t, "three", all[:3])(tx.Requests(main, 3))
		got(t, "counted", 9)(tx.CountRequests(main))
		got(t, "by address", all[4])(tx.RequestByHash(main, group.AnyHash(all[4].Address)))
		got(t, "by identity", all[4])(tx.RequestByHash(main, group.AnyHash(all[4].Identity)))
		return nil
	})
}

func testAudit(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	update(t, s, func(tx group.Tx) error {
		for i := range 25 {
			if err := tx.AddAudit(newAudit(main, i), 10); err != nil {
				return err
			}
		}
		return tx.AddAudit(newAudit(other, 99), 10)
	})
	view(t, s, func(tx group.ReadTx) error {
		all, err := tx.Audit(main, 0, 100)
		if err != nil || len(all) != 10 {
			t.Fatalf("kept %d lines, want 10 (%v)", len(all), err)
		}
		for i, a := range all {
			want := newAudit(main, 24-i)
			want.ID = a.ID
			same(t, "line", a, want)
			if i > 0 && a.ID >= all[i-1].ID {
				t.Errorf("ids are not falling: %d after %d", a.ID, all[i-1].ID)
			}
		}
		got(t, "paged", all[3:6])(tx.Audit(main, all[2].ID, 3))
		return nil
	})
}
