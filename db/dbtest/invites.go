package dbtest

import (
	"errors"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func testInvites(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann, bob, sue := fill16[group.IdentityHash]("ann"), fill16[group.IdentityHash]("bob"), fill16[group.IdentityHash]("sue")
	newInvite := func(g group.GroupID, by group.IdentityHash, tag string, expires int) group.Invite {
		i := group.Invite{
			Group: g, Code: fill32[group.Hash](tag), By: by, Role: moderation.RoleMember, Uses: 3, Used: 2, Created: when(1), Expires: when(expires),
		}
		update(t, s, func(tx group.Tx) (err error) { i.ID, err = tx.PutInvite(i); return err })
		if i.ID == 0 {
			t.Fatal("no ID")
		}
		return i
	}
	a, b, c := newInvite(main, ann, "a", 10), newInvite(main, bob, "b", 20), newInvite(main, ann, "c", 30)
	elsewhere, local := newInvite(other, ann, "a", 10), newInvite(main, group.IdentityHash{}, "local", 40)
	b.For, b.Role, b.Uses = group.AnyHash(sue), moderation.RoleAdmin, 1
	update(t, s, func(tx group.Tx) error {
		id, err := tx.PutInvite(b)
		if id != b.ID {
			t.Errorf("the ID became %d", id)
		}
		if _, err := tx.PutInvite(group.Invite{Group: "nowhere", Code: fill32[group.Hash]("x"), Uses: 1}); err == nil {
			t.Error("an invite to no group was taken")
		}
		return err
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "by ID", b)(tx.Invite(main, b.ID))
		got(t, "by code", a)(tx.InviteByCode(main, a.Code))
		got(t, "in its own group", elsewhere)(tx.InviteByCode(other, a.Code))
		for _, h := range []group.AnyHash{group.AnyHash(sue), group.AnyHash(group.AddressOf(sue))} {
			got(t, "for one", []group.Invite{b})(tx.InvitesFor(main, h, group.AnyHash(sue)))
		}
		got(t, "for nobody", []group.Invite(nil))(tx.InvitesFor(main, group.AnyHash{}, group.AnyHash(bob)))
		got(t, "all", []group.Invite{a, b, c, local})(tx.Invites(main, 0, 10))
		got(t, "a page", []group.Invite{b})(tx.Invites(main, a.ID, 1))
		got(t, "of one", []group.Invite{a, c})(tx.InvitesBy(main, ann, 0, 10))
		got(t, "of the operator", []group.Invite{local})(tx.InvitesBy(main, group.IdentityHash{}, 0, 10))
		got(t, "count", 4)(tx.CountInvites(main))
		got(t, "count of one", 2)(tx.CountInvitesBy(main, ann))
		for _, err := range []error{second(tx.Invite(main, 999)), second(tx.Invite(other, a.ID)), second(tx.InviteByCode(main, group.Hash{}))} {
			if !errors.Is(err, group.ErrNoRow) {
				t.Errorf("no row: %v", err)
			}
		}
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		got(t, "ended", 1)(tx.DeleteInvitesUntil(main, when(10)))
		return errors.Join(tx.MoveInvites(main, ann, bob), tx.DeleteInvite(main, local.ID), tx.DeleteInvite(main, 999))
	})
	c.By = bob
	update(t, s, func(tx group.Tx) error {
		got(t, "moved", []group.Invite{b, c})(tx.InvitesBy(main, bob, 0, 10))
		got(t, "not moved elsewhere", []group.Invite{elsewhere})(tx.InvitesBy(other, ann, 0, 10))
		got(t, "deleted", 2)(tx.DeleteInvitesBy(main, bob))
		got(t, "none left", 0)(tx.CountInvites(main))
		return nil
	})
}

// second is the error of a read.
func second[T any](_ T, err error) error { return err }

func testDirectInvites(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann, sue, dan := fill16[group.IdentityHash]("ann"), fill16[group.IdentityHash]("sue"), fill16[group.IdentityHash]("dan")
	address := func(h group.IdentityHash) group.AnyHash { return group.AnyHash(group.AddressOf(h)) }
	update(t, s, func(tx group.Tx) error {
		return errors.Join(
			tx.AddDirectInvite(group.DirectInvite{Target: group.AnyHash(sue), Address: group.AddressOf(sue), By: ann, Created: when(10)}),
			tx.AddDirectInvite(group.DirectInvite{Target: address(dan), Address: group.AddressOf(group.IdentityHash(address(dan))), Created: when(20)}))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		for _, h := range []group.IdentityHash{sue, dan} { // whichever form was named then, and is now
			for _, form := range []group.AnyHash{group.AnyHash(h), address(h)} {
				got(t, "sent", 1)(tx.CountDirectTo(form, group.AnyHash(group.AddressOf(group.IdentityHash(form))), when(5)))
				got(t, "sent since", 0)(tx.CountDirectTo(form, group.AnyHash(group.AddressOf(group.IdentityHash(form))), when(20)))
			}
		}
		got(t, "to nobody", 0)(tx.CountDirectTo(group.AnyHash(ann), address(ann), when(0)))
		got(t, "by one", 1)(tx.CountDirectBy(ann, when(9)))
		got(t, "by one since", 0)(tx.CountDirectBy(ann, when(10)))
		got(t, "by the operator", 1)(tx.CountDirectBy(group.IdentityHash{}, when(0)))
		got(t, "all", 2)(tx.CountDirect())
		return nil
	})
	update(t, s, func(tx group.Tx) error { got(t, "pruned", 1)(tx.PruneDirectInvites(when(10))); return nil })

	for i, h := range []group.IdentityHash{sue, dan} {
		update(t, s, func(tx group.Tx) error {
			return tx.PutInviteBlock(group.InviteBlock{Identity: h, Address: group.AddressOf(h), Created: when(10 - i)})
		})
	}
	s = reopen()
	update(t, s, func(tx group.Tx) error {
		got(t, "left", 1)(tx.CountDirect())
		for _, form := range []group.AnyHash{group.AnyHash(sue), address(sue), group.AnyHash(dan), address(dan)} {
			got(t, "blocked", true)(tx.InvitesBlocked(form))
		}
		got(t, "not blocked", false)(tx.InvitesBlocked(group.AnyHash(ann)))
		got(t, "blocks", 2)(tx.CountInviteBlocks())
		return tx.DropOldestInviteBlock()
	})
	update(t, s, func(tx group.Tx) error {
		got(t, "the first went", false)(tx.InvitesBlocked(group.AnyHash(dan)))
		return errors.Join(tx.DeleteInviteBlock(sue), tx.DeleteInviteBlock(sue), tx.DropOldestInviteBlock())
	})
	view(t, s, func(tx group.ReadTx) error { got(t, "no blocks", 0)(tx.CountInviteBlocks()); return nil })
}
