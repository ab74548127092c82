package sqlite

import "groupd/group"

func (t tx) Edits(g group.GroupID, of group.Seq, limit int) ([]group.Entry, error) {
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages WHERE group_no = "+groupNo+
		" AND ref = ?2 AND kind = 3 AND deleted = 0 ORDER BY seq LIMIT ?3", g, of, limit)
}

func (t tx) MarkEntry(e group.Entry) error {
	if e.EditedBy != 0 {
		if err := t.unindex(e.Group, e.Seq, e.Seq); err != nil {
			return err
		}
	}
	return t.changeOne("UPDATE group_messages SET rev=?3, edited_by=?4, pinned=?5, reactions=?6 WHERE group_no = "+groupNo+" AND seq = ?2",
		e.Group, e.Seq, e.Rev, e.EditedBy, e.Pinned, e.Reactions)
}

func (t tx) ReactionsTo(g group.GroupID, seq group.Seq, who group.IdentityHash) ([]group.ReactionCount, error) {
	return list(t.conn, func(r row) (c group.ReactionCount, err error) {
		err = r.Scan(&c.Text, &c.Count, &c.Mine)
		return c, err
	}, "SELECT text, count(*), max(identity_hash = ?3) FROM reactions WHERE group_no = "+groupNo+
		" AND seq = ?2 GROUP BY text ORDER BY count(*) DESC, min(created_at), text", g, seq, who[:])
}

func (t tx) Reactions(g group.GroupID, seq group.Seq, limit int) ([]group.Reaction, error) {
	return list(t.conn, func(r row) (group.Reaction, error) {
		out := group.Reaction{Group: g, Seq: seq}
		err := r.Scan(fixed{out.Who[:]}, &out.Text, moment{&out.Created})
		return out, err
	}, "SELECT identity_hash, text, created_at FROM reactions WHERE group_no = "+groupNo+
		" AND seq = ?2 ORDER BY created_at, identity_hash, text LIMIT ?3", g, seq, limit)
}

func (t tx) AddReaction(r group.Reaction) (bool, error) {
	n, err := t.changed("INSERT INTO reactions (group_no, seq, identity_hash, text, created_at) VALUES ("+groupNo+",?2,?3,?4,?5) ON CONFLICT DO NOTHING",
		r.Group, r.Seq, r.Who[:], r.Text, micros(r.Created))
	return n > 0, err
}

func (t tx) DeleteReaction(g group.GroupID, seq group.Seq, who group.IdentityHash, text string) (bool, error) {
	n, err := t.changed("DELETE FROM reactions WHERE group_no = "+groupNo+" AND seq = ?2 AND identity_hash = ?3 AND text = ?4", g, seq, who[:], text)
	return n > 0, err
}

func (t tx) Pins(g group.GroupID, limit int) ([]group.Seq, error) {
	return list(t.conn, func(r row) (s group.Seq, err error) { err = r.Scan(&s); return s, err },
		"SELECT seq FROM group_messages WHERE group_no = "+groupNo+" AND pinned = 1 ORDER BY seq DESC LIMIT ?2", g, limit)
}

func (t tx) ContentSize(g group.GroupID) (int64, error) {
	return find(t.conn, func(r row) (n int64, err error) { err = r.Scan(&n); return n, err },
		`SELECT coalesce(sum(coalesce(length(title), 0) + coalesce(length(content), 0) + coalesce(length(fields), 0)), 0)
		FROM group_messages WHERE group_no = `+groupNo, g)
}

func (t tx) DropEntries(g group.GroupID, before group.Seq, limit int) (int, error) {
	t.erased = true
	return t.dropEntries(g, before, limit)
}

func (t tx) dropEntries(g group.GroupID, before group.Seq, limit int) (int, error) {
	// The last one to go; below are at most limit - 1 others.
	last, err := find(t.conn, func(r row) (s group.Seq, err error) { err = r.Scan(&s); return s, err },
		"SELECT coalesce(max(seq), 0) FROM (SELECT seq FROM group_messages WHERE group_no = "+groupNo+" AND seq < ?2 ORDER BY seq LIMIT ?3)", g, before, limit)
	if err != nil || last == 0 {
		return 0, err
	}
	if err := t.unindex(g, 1, last); err != nil {
		return 0, err
	}
	for _, table := range []string{"group_message_originals", "reactions", "reports", "hidden_messages", "hidden_reactions", "attachments"} {
		if err := t.exec("DELETE FROM "+table+" WHERE group_no = "+groupNo+" AND seq <= ?2", g, last); err != nil {
			return 0, err
		}
	}
	return t.changed("DELETE FROM group_messages WHERE group_no = "+groupNo+" AND seq <= ?2", g, last)
}

func (t tx) Reports(g group.GroupID, after int64, limit int) ([]group.Report, error) {
	return list(t.conn, func(r row) (p group.Report, err error) {
		p.Group = g
		err = r.Scan(&p.ID, &p.Seq, fixed{p.By[:]}, &p.Reason, moment{&p.Created})
		return p, err
	}, "SELECT id, seq, identity_hash, reason, created_at FROM reports WHERE group_no = "+groupNo+" AND id > ?2 ORDER BY id LIMIT ?3", g, after, limit)
}

func (t tx) CountReports(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM reports WHERE group_no = "+groupNo, g)
}

func (t tx) CountReportsBy(g group.GroupID, who group.IdentityHash) (int, error) {
	return t.count("SELECT count(*) FROM reports WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, who[:])
}

func (t tx) PutReport(p group.Report) error {
	return t.exec(`INSERT INTO reports (group_no, seq, identity_hash, reason, created_at) VALUES (`+groupNo+`,?2,?3,?4,?5)
		ON CONFLICT (group_no, seq, identity_hash) DO UPDATE SET reason=?4, created_at=?5`, p.Group, p.Seq, p.By[:], p.Reason, micros(p.Created))
}

func (t tx) DeleteReports(g group.GroupID, seq group.Seq) (int, error) {
	return t.changed("DELETE FROM reports WHERE group_no = "+groupNo+" AND seq = ?2", g, seq)
}
