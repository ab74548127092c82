package sqlite

import "groupd/group"

const banColumns = `target, banned_identity_hash, banned_destination_hash, display_name, banned_by, reason, kick, created_at, expires_at`

func scanBan(g group.GroupID) func(row) (group.Ban, error) {
	return func(r row) (b group.Ban, err error) {
		b.Group = g
		err = r.Scan(fixed{b.Target[:]}, fixed{b.Identity[:]}, fixed{b.Address[:]}, &b.DisplayName, fixed{b.By[:]}, &b.Reason, &b.Kick,
			moment{&b.Created}, moment{&b.Expires})
		return b, err
	}
}

func (t tx) BansMatching(g group.GroupID, h, other group.AnyHash) ([]group.Ban, error) {
	// Three indexed look-ups; one condition with ORs would read the whole table.
	return list(t.conn, scanBan(g), `WITH g (no) AS (SELECT no FROM groups WHERE id = ?1)
		SELECT `+banColumns+` FROM g CROSS JOIN group_banned_identities ON group_no = no WHERE target IN (?2, ?3)
		UNION SELECT `+banColumns+` FROM g CROSS JOIN group_banned_identities ON group_no = no WHERE banned_identity_hash IN (?2, ?3)
		UNION SELECT `+banColumns+` FROM g CROSS JOIN group_banned_identities ON group_no = no WHERE banned_destination_hash IN (?2, ?3)
		ORDER BY target`, g, h[:], other[:])
}

func (t tx) Bans(g group.GroupID, after group.AnyHash, limit int) ([]group.Ban, error) {
	return list(t.conn, scanBan(g), "SELECT "+banColumns+" FROM group_banned_identities WHERE group_no = "+groupNo+
		" AND target > ?2 ORDER BY target LIMIT ?3", g, after[:], limit)
}

func (t tx) CountBans(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM group_banned_identities WHERE group_no = "+groupNo, g)
}

func (t tx) PutBan(b group.Ban) error {
	return t.exec(`INSERT INTO group_banned_identities (group_no, `+banColumns+`) VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9,?10)
		ON CONFLICT (group_no, target) DO UPDATE SET banned_identity_hash=?3, banned_destination_hash=?4, display_name=?5, banned_by=?6,
		reason=?7, kick=?8, created_at=?9, expires_at=?10`,
		b.Group, b.Target[:], fixed{b.Identity[:]}, fixed{b.Address[:]}, b.DisplayName, fixed{b.By[:]}, b.Reason, b.Kick,
		micros(b.Created), micros(b.Expires))
}

func (t tx) DeleteBan(g group.GroupID, target group.AnyHash) error {
	return t.exec("DELETE FROM group_banned_identities WHERE group_no = "+groupNo+" AND target = ?2", g, target[:])
}
