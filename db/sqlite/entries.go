package sqlite

import "groupd/group"

const entryColumns = `seq, rev, kind, author, target, ref, created_at, author_time, message_id, codec, title, content, fields, signed,
	salt, digest, hash, deleted, deleted_at, deleted_by, written, edited_by, pinned, reactions, emergency, restored, attachments`

func scanEntry(g group.GroupID) func(row) (group.Entry, error) {
	e := group.Entry{Group: g} // each row goes through it: lists are long
	columns := []any{&e.Seq, &e.Rev, &e.Kind, fixed{e.Author[:]}, fixed{e.Target[:]}, &e.Ref, moment{&e.Time}, moment{&e.AuthorTime},
		fixed{e.MessageID[:]}, &e.Codec, raw{&e.Title}, raw{&e.Text}, raw{&e.Fields}, &e.Signed, raw{&e.Salt}, fixed{e.Digest[:]}, fixed{e.Hash[:]},
		&e.Deleted, moment{&e.DeletedAt}, fixed{e.DeletedBy[:]}, &e.Written, &e.EditedBy, &e.Pinned, &e.Reactions, &e.Emergency, &e.Restored, &e.Attachments}
	return func(r row) (group.Entry, error) {
		err := r.Scan(columns...)
		return e, err
	}
}

func (t tx) Entry(g group.GroupID, seq group.Seq) (group.Entry, error) {
	return find(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+" AND seq = ?2", g, seq)
}

func (t tx) Entries(g group.GroupID, after, before group.Seq, newest bool, limit int) ([]group.Entry, error) {
	query := "SELECT " + entryColumns + " FROM group_messages WHERE group_no = " + groupNo + " AND seq > ?2 AND seq < ?3 ORDER BY seq LIMIT ?4"
	if newest {
		query = "SELECT " + entryColumns + " FROM group_messages WHERE group_no = " + groupNo + " AND seq > ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4"
	}
	return list(t.conn, scanEntry(g), query, g, after, beforeOrEnd(before), limit)
}

func (t tx) EntriesByRev(g group.GroupID, after group.Rev, limit int) ([]group.Entry, error) {
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND rev > ?2 ORDER BY rev LIMIT ?3", g, after, limit)
}

func (t tx) EntriesByWritten(g group.GroupID, after group.Rev, limit int) ([]group.Entry, error) {
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND written > ?2 ORDER BY written LIMIT ?3", g, after, limit)
}

func (t tx) EntriesByAuthor(g group.GroupID, author group.IdentityHash, after group.Seq, limit int) ([]group.Entry, error) {
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND author = ?2 AND seq > ?3 AND deleted = 0 AND kind <= 3 ORDER BY seq LIMIT ?4", g, author[:], after, limit)
}

func (t tx) EntryByMessageID(g group.GroupID, id group.MessageID) (group.Entry, error) {
	return find(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND message_id = ?2 AND deleted = 0 ORDER BY seq LIMIT 1", g, id[:])
}

func (t tx) Original(g group.GroupID, seq group.Seq) ([]byte, error) {
	return find(t.conn, func(r row) (b []byte, err error) { err = r.Scan(raw{&b}); return b, err },
		"SELECT original FROM group_message_originals WHERE group_no = "+groupNo+" AND seq = ?2", g, seq)
}

func (t tx) AppendEntry(e group.Entry, original []byte) error {
	if err := t.exec(`INSERT INTO group_messages (group_no, `+entryColumns+`)
		VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28)`, entryArgs(e)...); err != nil {
		return err
	}
	if err := t.index(e); err != nil {
		return err
	}
	if len(original) == 0 {
		return nil
	}
	return t.exec("INSERT INTO group_message_originals (group_no, seq, original) VALUES ("+groupNo+",?2,?3)", e.Group, e.Seq, original)
}

func (t tx) PutTombstone(e group.Entry) error {
	t.erased = true
	return t.bury(e)
}

// bury is PutTombstone for what need not be gone from the log at once.
func (t tx) bury(e group.Entry) error {
	if err := t.unindex(e.Group, e.Seq, e.Seq); err != nil {
		return err
	}
	for _, table := range []string{"group_message_originals", "reactions", "reports"} {
		if err := t.exec("DELETE FROM "+table+" WHERE group_no = "+groupNo+" AND seq = ?2", e.Group, e.Seq); err != nil {
			return err
		}
	}
	if err := t.exec("DELETE FROM attachments WHERE group_no = "+groupNo+" AND seq = ?2 AND held = 0", e.Group, e.Seq); err != nil {
		return err
	}
	return t.changeOne(`UPDATE group_messages SET rev=?3, kind=?4, author=?5, target=?6, ref=?7, created_at=?8, author_time=?9, message_id=?10,
		codec=?11, title=?12, content=?13, fields=?14, signed=?15, salt=?16, digest=?17, hash=?18, deleted=?19, deleted_at=?20, deleted_by=?21,
		written=?22, edited_by=?23, pinned=?24, reactions=?25, emergency=?26, restored=?27, attachments=?28
		WHERE group_no = `+groupNo+` AND seq = ?2`, entryArgs(e)...)
}

func entryArgs(e group.Entry) []any {
	return []any{e.Group, e.Seq, e.Rev, e.Kind, fixed{e.Author[:]}, fixed{e.Target[:]}, e.Ref, micros(e.Time), micros(e.AuthorTime),
		fixed{e.MessageID[:]}, e.Codec, bytes(e.Title), bytes(e.Text), bytes(e.Fields), e.Signed, bytes(e.Salt), e.Digest[:], e.Hash[:],
		e.Deleted, micros(e.DeletedAt), fixed{e.DeletedBy[:]}, e.Written, e.EditedBy, e.Pinned, e.Reactions, e.Emergency, e.Restored, e.Attachments}
}

func (t tx) Seen(g group.GroupID, id group.SeenID) (bool, error) {
	n, err := t.count("SELECT count(*) FROM seen_ids WHERE group_no = "+groupNo+" AND id = ?2", g, id[:])
	return n > 0, err
}

func (t tx) AddSeen(g group.GroupID, id group.SeenID) error {
	return t.exec("INSERT INTO seen_ids (group_no, id) VALUES ("+groupNo+",?2) ON CONFLICT DO NOTHING", g, id[:])
}
