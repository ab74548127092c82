package dbtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"groupd/group"
)

func newDelivery(g group.GroupID, name string) group.Delivery {
	return group.Delivery{
		Group: g, Identity: fill16[group.IdentityHash](name),
		Preferences: group.Preferences{
			Mode: group.DeliverDigest, DigestEvery: 90 * time.Minute, TextOnly: true, MentionsOnly: true, ViaPropagation: true, Receipts: true, Paused: true, PausedUntil: when(12),
			Quiet: group.QuietHours{From: 22 * time.Hour, Until: 7*time.Hour + 30*time.Minute, Offset: -210 * time.Minute},
		},
		Progress: group.Progress{
			Cursor: 1 << 40, State: group.DeliveryAtNode, Attempts: 3, Due: when(9), Proved: when(2), Spent: 1234567 * time.Microsecond, SpentAt: when(3), Moved: true,
		},
	}
}

func testDeliveries(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	full, zero := newDelivery(main, "ann"), group.Delivery{Group: other, Identity: fill16[group.IdentityHash]("ann")}
	update(t, s, func(tx group.Tx) error {
		if err := tx.PutDelivery(group.Delivery{Group: "nowhere", Identity: full.Identity}); err == nil {
			t.Error("a row in no group was taken")
		}
		return errors.Join(tx.PutDelivery(full), tx.PutDelivery(zero))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "row", full)(tx.Delivery(main, full.Identity))
		got(t, "zero row", zero)(tx.Delivery(other, full.Identity))
		if _, err := tx.Delivery(main, fill16[group.IdentityHash]("bob")); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("no row: %v", err)
		}
		return nil
	})
	changed := full
	changed.Progress = group.Progress{Cursor: 7, State: group.DeliveryWaits, Attempts: 1}
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutProgress(main, full.Identity, changed.Progress), tx.PutProgress(main, fill16[group.IdentityHash]("bob"), changed.Progress))
	})
	view(t, s, func(tx group.ReadTx) error {
		got(t, "progress", changed)(tx.Delivery(main, full.Identity))
		got(t, "all", []group.Delivery{changed})(tx.Deliveries(main, group.IdentityHash{}, 10))
		return nil
	})
	var all []group.Delivery
	update(t, s, func(tx group.Tx) error {
		for i := range 20 {
			if err := tx.PutDelivery(newDelivery(main, fmt.Sprint("member ", i))); err != nil {
				return err
			}
		}
		return tx.DeleteDelivery(main, full.Identity)
	})
	view(t, s, func(tx group.ReadTx) error {
		after := group.IdentityHash{}
		for {
			page, err := tx.Deliveries(main, after, 7)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, d := range page {
				if lower(after, d.Identity) >= 0 {
					t.Error("not by identity")
				}
				after = d.Identity
			}
			all = append(all, page...)
		}
	})
	if len(all) != 20 {
		t.Errorf("%d rows, not 20", len(all))
	}
}
