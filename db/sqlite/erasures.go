package sqlite

import "groupd/group"

const erasureColumns = "identity_hash, kind, before, by, created_at"

func scanErasure(g group.GroupID) func(row) (group.Erasure, error) {
	return func(r row) (e group.Erasure, err error) {
		e.Group = g
		err = r.Scan(fixed{e.Identity[:]}, &e.Kind, &e.Before, fixed{e.By[:]}, moment{&e.Created})
		return e, err
	}
}

func (t tx) Erasure(g group.GroupID, id group.IdentityHash) (group.Erasure, error) {
	return find(t.conn, scanErasure(g), "SELECT "+erasureColumns+" FROM erasures WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, id[:])
}

func (t tx) Erasures(g group.GroupID, limit int) ([]group.Erasure, error) {
	return list(t.conn, scanErasure(g), "SELECT "+erasureColumns+" FROM erasures WHERE group_no = "+groupNo+" ORDER BY identity_hash LIMIT ?2", g, limit)
}

func (t tx) CountErasures(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM erasures WHERE group_no = "+groupNo, g)
}

func (t tx) PutErasure(e group.Erasure) error {
	return t.exec("INSERT OR REPLACE INTO erasures (group_no, "+erasureColumns+") VALUES ("+groupNo+",?2,?3,?4,?5,?6)",
		e.Group, e.Identity[:], e.Kind, e.Before, fixed{e.By[:]}, micros(e.Created))
}

func (t tx) DeleteErasure(g group.GroupID, id group.IdentityHash) error {
	return t.exec("DELETE FROM erasures WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, id[:])
}

func (t tx) HiddenBy(g group.GroupID, author group.IdentityHash, limit int) ([]group.Seq, error) {
	return list(t.conn, func(r row) (s group.Seq, err error) { err = r.Scan(&s); return s, err },
		"SELECT seq FROM hidden_messages WHERE group_no = "+groupNo+" AND author = ?2 ORDER BY seq LIMIT ?3", g, author[:], limit)
}

func (t tx) PersonalEvents(g group.GroupID, author group.IdentityHash, limit int) ([]group.Entry, error) {
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND author = ?2 AND deleted = 0 AND kind IN (4, 9) ORDER BY seq LIMIT ?3", g, author[:], limit)
}

func (t tx) ReactionsBy(g group.GroupID, who group.IdentityHash, limit int) ([]group.Reaction, error) {
	return list(t.conn, func(r row) (c group.Reaction, err error) {
		c.Group, c.Who = g, who
		err = r.Scan(&c.Seq, &c.Text, moment{&c.Created})
		return c, err
	}, "SELECT seq, text, created_at FROM reactions WHERE group_no = "+groupNo+" AND identity_hash = ?2 ORDER BY seq, text LIMIT ?3", g, who[:], limit)
}

func (t tx) MembersInvitedBy(g group.GroupID, by group.IdentityHash, limit int) ([]group.Member, error) {
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND invited_by = ?2 ORDER BY member_identity_hash LIMIT ?3", g, by[:], limit)
}

func (t tx) MembersSucceededBy(g group.GroupID, id group.IdentityHash, limit int) ([]group.Member, error) {
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND successor = ?2 ORDER BY member_identity_hash LIMIT ?3", g, id[:], limit)
}

const (
	// asideColumns are what a tombstone erases of an entry.
	asideColumns    = "target, ref, author_time, message_id, codec, title, content, fields, signed, salt, edited_by, pinned, emergency"
	reactionColumns = "group_no, seq, identity_hash, text, created_at"
	ofEntry         = " WHERE group_no = " + groupNo + " AND seq = ?2"
)

func (t tx) HideEntry(tombstone group.Entry) error {
	for _, step := range []string{
		"INSERT OR IGNORE INTO hidden_messages (group_no, seq, author, " + asideColumns + ", original) SELECT m.group_no, m.seq, author, " + asideColumns +
			", original FROM group_messages m LEFT JOIN group_message_originals o ON o.group_no = m.group_no AND o.seq = m.seq WHERE m.group_no = " + groupNo + " AND m.seq = ?2",
		"INSERT OR IGNORE INTO hidden_reactions SELECT " + reactionColumns + " FROM reactions" + ofEntry,
		"UPDATE attachments SET held = 1" + ofEntry,
	} {
		if err := t.exec(step, tombstone.Group, tombstone.Seq); err != nil {
			return err
		}
	}
	return t.bury(tombstone)
}

func (t tx) RestoreEntry(g group.GroupID, seq group.Seq, rev group.Rev) error {
	n, err := t.count("SELECT count(*) FROM hidden_messages"+ofEntry, g, seq)
	if err != nil {
		return err
	}
	if n == 0 {
		return group.ErrNoRow
	}
	if err := t.changeOne("UPDATE group_messages SET ("+asideColumns+") = (SELECT "+asideColumns+" FROM hidden_messages"+ofEntry+
		"), reactions = (SELECT count(*) FROM hidden_reactions"+ofEntry+"), attachments = (SELECT count(*) FROM attachments"+ofEntry+
		"), rev = ?3, written = ?3, deleted = 0, deleted_at = 0, deleted_by = NULL, restored = 1"+ofEntry, g, seq, rev); err != nil {
		return err
	}
	for _, step := range []string{
		"INSERT INTO group_message_originals (group_no, seq, original) SELECT group_no, seq, original FROM hidden_messages" + ofEntry + " AND original IS NOT NULL",
		"INSERT INTO reactions SELECT " + reactionColumns + " FROM hidden_reactions" + ofEntry,
		"UPDATE attachments SET held = 0" + ofEntry,
		"DELETE FROM hidden_messages" + ofEntry,
		"DELETE FROM hidden_reactions" + ofEntry,
	} {
		if err := t.exec(step, g, seq); err != nil {
			return err
		}
	}
	if !t.words {
		return nil
	}
	return t.exec("INSERT INTO "+indexTable+"(rowid, words) SELECT no, "+words+" FROM group_messages"+ofEntry+" AND "+indexed, g, seq)
}

func (t tx) EraseHidden(g group.GroupID, author group.IdentityHash, limit int) (int, error) {
	t.erased = true
	const his = " WHERE group_no = " + groupNo + " AND seq IN (SELECT seq FROM hidden_messages WHERE group_no = " + groupNo + " AND author = ?2 ORDER BY seq LIMIT ?3)"
	for _, table := range []string{"hidden_reactions", "attachments"} {
		if err := t.exec("DELETE FROM "+table+his, g, author[:], limit); err != nil {
			return 0, err
		}
	}
	if err := t.exec("DELETE FROM hidden_reactions WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, author[:]); err != nil {
		return 0, err
	}
	return t.changed("DELETE FROM hidden_messages"+his, g, author[:], limit)
}

func (t tx) DeleteReportsBy(g group.GroupID, who group.IdentityHash) error {
	return t.exec("DELETE FROM reports WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, who[:])
}

func (t tx) DeleteOutcomesOf(g group.GroupID, who group.IdentityHash) error {
	t.erased = true
	return t.exec("DELETE FROM outcomes WHERE group_id = ?1 AND identity_hash = ?2", g, who[:])
}
