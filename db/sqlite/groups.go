package sqlite

import (
	"errors"

	"groupd/group"
)

// tx implements group.Tx on one connection inside a transaction. Queries name the group by its id in ?1.
type tx struct{ *conn }

var _ group.Tx = tx{}

// groupNo is the group's number, in queries.
const groupNo = "(SELECT no FROM groups WHERE id = ?1)"

func (t tx) Meta(key string) ([]byte, error) {
	var v []byte
	err := t.one(func(r row) error { return r.Scan(raw{&v}) }, "SELECT value FROM settings WHERE key = ?1", key)
	if errors.Is(err, group.ErrNoRow) {
		return nil, nil
	}
	return v, err
}

func (t tx) SetMeta(key string, value []byte) error {
	if len(value) == 0 {
		return t.exec("DELETE FROM settings WHERE key = ?1", key)
	}
	return t.exec("INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", key, value)
}

const groupColumns = `id, identity_hash, destination_hash, identity_public_key, identity_private_key, public, public_display_name,
	private_display_name, topic, joining, owner, rev, seen_key, created_at, updated_at, policy, lockdown, lockdown_until,
	preset, end_told, ended_at, creator`

func scanGroup(r row) (g group.Group, err error) {
	err = r.Scan(&g.ID, fixed{g.Identity[:]}, fixed{g.Address[:]}, raw{&g.PublicKey}, raw{&g.PrivateKey}, &g.Public, &g.PublicName,
		&g.PrivateName, &g.Topic, &g.Joining, fixed{g.Owner[:]}, &g.Rev, raw{&g.SeenKey}, moment{&g.Created}, moment{&g.Updated},
		policy{&g.Policy}, &g.Lockdown.On, moment{&g.Lockdown.Until}, &g.Preset, &g.Ending.Told, moment{&g.Ending.At}, fixed{g.Creator[:]})
	return g, err
}

func (t tx) Groups() ([]group.Group, error) {
	return list(t.conn, scanGroup, "SELECT "+groupColumns+" FROM groups WHERE removed_at = 0 ORDER BY id")
}

func (t tx) Group(id group.GroupID) (group.Group, error) {
	return find(t.conn, scanGroup, "SELECT "+groupColumns+" FROM groups WHERE id = ?1 AND removed_at = 0", id)
}

func (t tx) PutGroup(g group.Group) error {
	return t.exec(`INSERT INTO groups (`+groupColumns+`) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)
		ON CONFLICT (id) DO UPDATE SET identity_hash=?2, destination_hash=?3, identity_public_key=?4, identity_private_key=?5,
		public=?6, public_display_name=?7, private_display_name=?8, topic=?9, joining=?10, owner=?11, rev=?12, seen_key=?13,
		created_at=?14, updated_at=?15, policy=?16, lockdown=?17, lockdown_until=?18,
		preset=?19, end_told=?20, ended_at=?21, creator=?22`,
		g.ID, g.Identity[:], g.Address[:], blob(g.PublicKey), blob(g.PrivateKey), g.Public, g.PublicName,
		g.PrivateName, g.Topic, g.Joining, fixed{g.Owner[:]}, g.Rev, blob(g.SeenKey), micros(g.Created), micros(g.Updated),
		bytes(g.Policy.Stored()), g.Lockdown.On, micros(g.Lockdown.Until), g.Preset, g.Ending.Told, micros(g.Ending.At), fixed{g.Creator[:]})
}

func (t tx) Head(id group.GroupID) (group.Head, error) {
	return find(t.conn, func(r row) (h group.Head, err error) {
		err = r.Scan(&h.Seq, &h.Rev, &h.Deletions, fixed{h.Chain[:]}, &h.Oldest, &h.OldestRev)
		return h, err
	}, "SELECT head_seq, head_rev, head_deletions, head_chain, head_oldest, head_oldest_rev FROM groups WHERE id = ?1", id)
}

func (t tx) PutHead(id group.GroupID, h group.Head) error {
	return t.changeOne("UPDATE groups SET head_seq=?2, head_rev=?3, head_deletions=?4, head_chain=?5, head_oldest=?6, head_oldest_rev=?7 WHERE id = ?1",
		id, h.Seq, h.Rev, h.Deletions, fixed{h.Chain[:]}, h.Oldest, h.OldestRev)
}

func (t tx) ClaimCode(g group.GroupID) (group.ClaimCode, error) {
	return find(t.conn, func(r row) (c group.ClaimCode, err error) {
		c.Group = g
		err = r.Scan(fixed{c.Salt[:]}, fixed{c.Hash[:]}, moment{&c.Created}, moment{&c.Expires})
		return c, err
	}, "SELECT salt, hash, created_at, expires_at FROM claim_codes WHERE group_no = "+groupNo, g)
}

func (t tx) PutClaimCode(c group.ClaimCode) error {
	return t.exec(`INSERT INTO claim_codes (group_no, salt, hash, created_at, expires_at) VALUES (`+groupNo+`,?2,?3,?4,?5)
		ON CONFLICT (group_no) DO UPDATE SET salt=?2, hash=?3, created_at=?4, expires_at=?5`,
		c.Group, c.Salt[:], c.Hash[:], micros(c.Created), micros(c.Expires))
}

func (t tx) DeleteClaimCode(g group.GroupID) error {
	return t.exec("DELETE FROM claim_codes WHERE group_no = "+groupNo, g)
}

const auditColumns = "id, created_at, by, action, target, detail"

func scanAudit(g group.GroupID) func(row) (group.Audit, error) {
	return func(r row) (a group.Audit, err error) {
		a.Group = g
		err = r.Scan(&a.ID, moment{&a.Time}, fixed{a.By[:]}, &a.Action, fixed{a.Target[:]}, &a.Detail)
		return a, err
	}
}

func (t tx) Audit(g group.GroupID, before int64, limit int) ([]group.Audit, error) {
	return list(t.conn, scanAudit(g), "SELECT "+auditColumns+" FROM audit_log WHERE group_no = "+groupNo+" AND id < ?2 ORDER BY id DESC LIMIT ?3",
		g, beforeOrEnd(before), limit)
}

func (t tx) AddAudit(a group.Audit, keep int) error {
	if err := t.exec("INSERT INTO audit_log (group_no, created_at, by, action, target, detail) VALUES ("+groupNo+",?2,?3,?4,?5,?6)",
		a.Group, micros(a.Time), fixed{a.By[:]}, a.Action, fixed{a.Target[:]}, a.Detail); err != nil {
		return err
	}
	return t.exec(`DELETE FROM audit_log WHERE group_no = `+groupNo+` AND id <=
		(SELECT id FROM audit_log WHERE group_no = `+groupNo+` ORDER BY id DESC LIMIT 1 OFFSET ?2)`, a.Group, keep)
}
