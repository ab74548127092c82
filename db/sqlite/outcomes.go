package sqlite

import (
	"time"

	"groupd/group"
)

func (t tx) Outcome(g group.GroupID, id group.IdentityHash, clientID []byte) (group.Outcome, error) {
	return find(t.conn, func(r row) (o group.Outcome, err error) {
		o.Group, o.Identity, o.ClientID = g, id, append([]byte(nil), clientID...)
		err = r.Scan(&o.Op, raw{&o.Result}, moment{&o.Created})
		return o, err
	}, "SELECT op, result, created_at FROM outcomes WHERE group_id = ?1 AND identity_hash = ?2 AND client_id = ?3", g, id[:], blob(clientID))
}

func (t tx) CountOutcomes(id group.IdentityHash) (int, error) {
	return t.count("SELECT count(*) FROM outcomes WHERE identity_hash = ?1", id[:])
}

func (t tx) CountAllOutcomes() (int, error) { return t.count("SELECT count(*) FROM outcomes") }

func (t tx) PutOutcome(o group.Outcome) error {
	return t.exec(`INSERT INTO outcomes (group_id, identity_hash, client_id, op, result, created_at) VALUES (?1,?2,?3,?4,?5,?6)
		ON CONFLICT (group_id, identity_hash, client_id) DO UPDATE SET op=?4, result=?5, created_at=?6`,
		o.Group, o.Identity[:], blob(o.ClientID), o.Op, bytes(o.Result), micros(o.Created))
}

func (t tx) PruneOutcomes(before time.Time, limit int) (int, error) {
	return t.changed(`DELETE FROM outcomes WHERE (group_id, identity_hash, client_id) IN
		(SELECT group_id, identity_hash, client_id FROM outcomes WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)`, micros(before), limit)
}

func (t tx) DropOldestOutcome(id group.IdentityHash) error {
	return t.exec(`DELETE FROM outcomes WHERE (group_id, identity_hash, client_id) IN
		(SELECT group_id, identity_hash, client_id FROM outcomes WHERE identity_hash = ?1 ORDER BY created_at LIMIT 1)`, id[:])
}
