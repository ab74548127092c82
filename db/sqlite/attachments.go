package sqlite

import "groupd/group"

func (t tx) Attachments(g group.GroupID, seq group.Seq) ([]group.Attachment, error) {
	return list(t.conn, func(r row) (a group.Attachment, err error) {
		err = r.Scan(&a.Kind, &a.Name, &a.Mode, &a.Size, fixed{a.Hash[:]}, &a.At, &a.Lost)
		return a, err
	}, "SELECT kind, name, mode, size, hash, at, lost FROM attachments WHERE group_no = "+groupNo+" AND seq = ?2 AND held = 0 ORDER BY place", g, seq)
}

func (t tx) AttachedBytes(g group.GroupID, author group.IdentityHash) (b group.AttachedBytes, err error) {
	err = t.one(func(r row) error { return r.Scan(&b.Member, &b.Group, &b.Server) }, `SELECT
		coalesce((SELECT bytes FROM attachment_totals WHERE group_no = `+groupNo+` AND author = ?2), 0),
		coalesce((SELECT bytes FROM attachment_totals WHERE group_no = `+groupNo+` AND author = x''), 0),
		coalesce((SELECT bytes FROM attachment_totals WHERE group_no = 0 AND author = x''), 0)`, g, author[:])
	return b, err
}

func scanBlob(r row) (b group.Blob, err error) {
	err = r.Scan(fixed{b.Hash[:]}, &b.Size, &b.Refs)
	return b, err
}

func (t tx) Blob(h group.Hash) (group.Blob, error) {
	return find(t.conn, scanBlob, "SELECT hash, size, refs FROM attachment_blobs WHERE hash = ?1", h[:])
}

func (t tx) Blobs(after group.Hash, unused bool, limit int) ([]group.Blob, error) {
	if unused {
		return list(t.conn, scanBlob, "SELECT hash, size, refs FROM attachment_blobs WHERE hash > ?1 AND refs = 0 ORDER BY hash LIMIT ?2", after[:], limit)
	}
	return list(t.conn, scanBlob, "SELECT hash, size, refs FROM attachment_blobs WHERE hash > ?1 ORDER BY hash LIMIT ?2", after[:], limit)
}

func (t tx) AddAttachments(e group.Entry, list []group.Attachment) error {
	for i, a := range list {
		err := t.exec(`INSERT INTO attachments (group_no, seq, place, author, kind, name, mode, size, hash, at, lost)
			VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)`, e.Group, e.Seq, i, e.Author[:], a.Kind, a.Name, a.Mode, a.Size, a.Hash[:], a.At, a.Lost)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t tx) DropBlob(h group.Hash) error {
	return t.exec("DELETE FROM attachment_blobs WHERE hash = ?1 AND refs = 0", h[:])
}
