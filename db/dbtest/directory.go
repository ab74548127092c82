package dbtest

import (
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func testListed(t *testing.T, open Open) {
	s, reopen := open(t)
	full := group.ListedGroup{
		Number: 7, Identity: fill16[group.IdentityHash]("far"), Name: "Far Away ⛰", Public: true, Joining: moderation.JoiningApprove, JoinCost: 8, PostCost: 12,
		Hops: 4, Interface: "LoRa", NextHop: fill16[[16]byte]("relay"), Emitted: when(1), First: when(2), Last: when(3), Named: when(4),
	}
	zero := group.ListedGroup{Number: 3, Identity: fill16[group.IdentityHash]("near")}
	update(t, s, func(tx group.Tx) error {
		if err := tx.PutListed(full); err != nil {
			return err
		}
		return tx.PutListed(zero)
	})
	if err := s.Update(t.Context(), func(tx group.Tx) error {
		return tx.PutListed(group.ListedGroup{Number: 7, Identity: fill16[group.IdentityHash]("twin")})
	}); err == nil {
		t.Error("two groups with one number")
	}
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "all", []group.ListedGroup{zero, full})(tx.Listed(10))
		got(t, "the first", []group.ListedGroup{zero})(tx.Listed(1))
		return nil
	})
	full.Name, full.Hops, full.Last, full.Named = "Farther", 5, when(9), when(8)
	update(t, s, func(tx group.Tx) error {
		if err := tx.PutListed(full); err != nil {
			return err
		}
		if err := tx.DeleteListed(fill16[group.IdentityHash]("nobody")); err != nil {
			return err
		}
		return tx.DeleteListed(zero.Identity)
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "changed", []group.ListedGroup{full})(tx.Listed(10))
		return nil
	})
}
