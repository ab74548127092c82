package sqlite

import "groupd/group"

// Values of groups.removed_at beside 0, of a group that is there.
const (
	beingErased   = 1
	beingImported = 2
)

func (t tx) ReactionRows(g group.GroupID, after group.Reaction, limit int) ([]group.Reaction, error) {
	return list(t.conn, func(r row) (group.Reaction, error) {
		out := group.Reaction{Group: g}
		err := r.Scan(&out.Seq, fixed{out.Who[:]}, &out.Text, moment{&out.Created})
		return out, err
	}, "SELECT seq, identity_hash, text, created_at FROM reactions WHERE group_no = "+groupNo+
		" AND (seq, identity_hash, text) > (?2, ?3, ?4) ORDER BY seq, identity_hash, text LIMIT ?5", g, after.Seq, after.Who[:], after.Text, limit)
}

func (t tx) AuditAfter(g group.GroupID, after int64, limit int) ([]group.Audit, error) {
	return list(t.conn, scanAudit(g), "SELECT "+auditColumns+" FROM audit_log WHERE group_no = "+groupNo+" AND id > ?2 ORDER BY id LIMIT ?3", g, after, limit)
}

func (t tx) SeenIDs(g group.GroupID, after group.SeenID, limit int) ([]group.SeenID, error) {
	return list(t.conn, func(r row) (id group.SeenID, err error) { err = r.Scan(fixed{id[:]}); return id, err },
		"SELECT id FROM seen_ids WHERE group_no = "+groupNo+" AND id > ?2 ORDER BY id LIMIT ?3", g, after[:], limit)
}

func (t tx) AttachedBlobs(g group.GroupID, after group.Hash, limit int) ([]group.Blob, error) {
	return list(t.conn, func(r row) (b group.Blob, err error) { err = r.Scan(fixed{b.Hash[:]}, &b.Lost, &b.Size); return b, err },
		// With min(lost) the size is that of the row in which it was found.
		"SELECT hash, min(lost), size FROM attachments WHERE group_no = "+groupNo+" AND hash > ?2 AND held = 0 GROUP BY hash ORDER BY hash LIMIT ?3", g, after[:], limit)
}

func (t tx) Leaving(id group.IdentityHash) (bool, error) {
	n, err := t.count("SELECT count(*) FROM groups WHERE identity_hash = ?1 AND removed_at <> 0", id[:])
	return n > 0, err
}

func (t tx) BeginImport(g group.Group) error {
	if err := t.PutGroup(g); err != nil {
		return err
	}
	return t.exec("UPDATE groups SET removed_at = ?2 WHERE id = ?1", g.ID, beingImported)
}

func (t tx) FinishImport(filled group.GroupID, g group.Group) error {
	if err := t.changeOne("UPDATE groups SET id = ?2, removed_at = 0 WHERE id = ?1 AND removed_at = ?3", filled, g.ID, beingImported); err != nil {
		return err
	}
	return t.PutGroup(g)
}

func (t tx) AbandonImports() error {
	return t.exec(`UPDATE groups SET removed_at = ?1, public_display_name = '', private_display_name = '', topic = '', owner = NULL, seen_key = x'',
		policy = NULL WHERE removed_at = ?2`, beingErased, beingImported)
}

// freeID is a row's ID, or null where a row of the table has it, or where it would come before a row of its group that was there first.
func (t tx) freeID(table string, g group.GroupID, id int64) (any, error) {
	n, err := t.count("SELECT EXISTS (SELECT 1 FROM "+table+" WHERE id = ?2) OR EXISTS (SELECT 1 FROM "+table+" WHERE group_no = "+groupNo+" AND id > ?2)", g, id)
	if n > 0 || id <= 0 {
		return nil, err
	}
	return id, err
}

func (t tx) KeepInvite(i group.Invite) error {
	id, err := t.freeID("invites", i.Group, i.ID)
	if err != nil {
		return err
	}
	if id == nil {
		i.ID = 0
	}
	_, err = t.PutInvite(i)
	return err
}

func (t tx) KeepReport(p group.Report) error {
	id, err := t.freeID("reports", p.Group, p.ID)
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO reports (group_no, id, seq, identity_hash, reason, created_at) VALUES ("+groupNo+",?2,?3,?4,?5,?6)",
		p.Group, id, p.Seq, p.By[:], p.Reason, micros(p.Created))
}

func (t tx) KeepAudit(a group.Audit) error {
	id, err := t.freeID("audit_log", a.Group, a.ID)
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO audit_log (group_no, id, created_at, by, action, target, detail) VALUES ("+groupNo+",?2,?3,?4,?5,?6,?7)",
		a.Group, id, micros(a.Time), fixed{a.By[:]}, a.Action, fixed{a.Target[:]}, a.Detail)
}
