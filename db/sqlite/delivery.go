package sqlite

import (
	"database/sql"
	"fmt"
	"time"

	"groupd/group"
)

const deliveryColumns = `identity_hash, mode, digest_every, quiet_from, quiet_until, utc_offset, text_only, mentions_only, propagation, receipts,
	paused, cursor, state, attempts, due_at, proved_at, spent, spent_at, moved, paused_until`

func scanDelivery(g group.GroupID) func(row) (group.Delivery, error) {
	return func(r row) (d group.Delivery, err error) {
		d.Group = g
		q := &d.Quiet
		err = r.Scan(fixed{d.Identity[:]}, &d.Mode, count{&d.DigestEvery, time.Minute}, count{&q.From, time.Minute}, count{&q.Until, time.Minute},
			count{&q.Offset, time.Minute}, &d.TextOnly, &d.MentionsOnly, &d.ViaPropagation, &d.Receipts, &d.Paused, &d.Cursor, &d.State, &d.Attempts,
			moment{&d.Due}, moment{&d.Proved}, count{&d.Spent, time.Microsecond}, moment{&d.SpentAt}, &d.Moved, moment{&d.PausedUntil})
		return d, err
	}
}

// count scans a duration that is stored as a whole number of units.
type count struct {
	d    *time.Duration
	unit time.Duration
}

var _ sql.Scanner = count{}

// Scan implements sql.Scanner.
func (c count) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("sqlite: duration is a %T", v)
	}
	*c.d = time.Duration(n) * c.unit
	return nil
}

func (t tx) Delivery(g group.GroupID, id group.IdentityHash) (group.Delivery, error) {
	return find(t.conn, scanDelivery(g), "SELECT "+deliveryColumns+" FROM group_deliveries WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, id[:])
}

func (t tx) Deliveries(g group.GroupID, after group.IdentityHash, limit int) ([]group.Delivery, error) {
	return list(t.conn, scanDelivery(g), "SELECT "+deliveryColumns+" FROM group_deliveries WHERE group_no = "+groupNo+
		" AND identity_hash > ?2 ORDER BY identity_hash LIMIT ?3", g, after[:], limit)
}

func (t tx) PutDelivery(d group.Delivery) error {
	return t.exec("INSERT OR REPLACE INTO group_deliveries (group_no, "+deliveryColumns+") VALUES ("+groupNo+
		",?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)",
		d.Group, d.Identity[:], d.Mode, d.DigestEvery/time.Minute, d.Quiet.From/time.Minute, d.Quiet.Until/time.Minute, d.Quiet.Offset/time.Minute,
		d.TextOnly, d.MentionsOnly, d.ViaPropagation, d.Receipts, d.Paused, d.Cursor, d.State, d.Attempts, micros(d.Due), micros(d.Proved),
		d.Spent.Microseconds(), micros(d.SpentAt), d.Moved, micros(d.PausedUntil))
}

func (t tx) PutProgress(g group.GroupID, id group.IdentityHash, p group.Progress) error {
	return t.exec(`UPDATE group_deliveries SET cursor=?3, state=?4, attempts=?5, due_at=?6, proved_at=?7, spent=?8, spent_at=?9, moved=?10
		WHERE group_no = `+groupNo+` AND identity_hash = ?2`,
		g, id[:], p.Cursor, p.State, p.Attempts, micros(p.Due), micros(p.Proved), p.Spent.Microseconds(), micros(p.SpentAt), p.Moved)
}

func (t tx) DeleteDelivery(g group.GroupID, id group.IdentityHash) error {
	return t.exec("DELETE FROM group_deliveries WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, id[:])
}
