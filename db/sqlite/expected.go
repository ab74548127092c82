package sqlite

import "groupd/group"

const expectedColumns = "target, display_name, role, mode, text_only, paused, created_at"

func scanExpected(g group.GroupID) func(row) (group.Expected, error) {
	return func(r row) (e group.Expected, err error) {
		e.Group = g
		err = r.Scan(fixed{e.Target[:]}, &e.DisplayName, &e.Role, &e.Mode, &e.TextOnly, &e.Paused, moment{&e.Created})
		return e, err
	}
}

const fromExpected = "SELECT " + expectedColumns + " FROM expected_members WHERE group_no = " + groupNo

func (t tx) Expected(g group.GroupID, h, other group.AnyHash) ([]group.Expected, error) {
	return list(t.conn, scanExpected(g), fromExpected+" AND target IN (?2, ?3) ORDER BY target", g, h[:], other[:])
}

func (t tx) ExpectedList(g group.GroupID, after group.AnyHash, limit int) ([]group.Expected, error) {
	return list(t.conn, scanExpected(g), fromExpected+" AND target > ?2 ORDER BY target LIMIT ?3", g, after[:], limit)
}

func (t tx) CountExpected(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM expected_members WHERE group_no = "+groupNo, g)
}

func (t tx) ExpectedIn(h, other group.AnyHash) ([]group.GroupID, error) {
	return list(t.conn, func(r row) (g group.GroupID, err error) { err = r.Scan(&g); return g, err },
		"SELECT DISTINCT id FROM expected_members JOIN groups ON groups.no = group_no WHERE target IN (?1, ?2) AND removed_at = 0 ORDER BY id", h[:], other[:])
}

func (t tx) PutExpected(e group.Expected) error {
	return t.exec("INSERT OR REPLACE INTO expected_members (group_no, "+expectedColumns+") VALUES ("+groupNo+",?2,?3,?4,?5,?6,?7,?8)",
		e.Group, e.Target[:], e.DisplayName, e.Role, e.Mode, e.TextOnly, e.Paused, micros(e.Created))
}

func (t tx) DeleteExpected(g group.GroupID, target group.AnyHash) error {
	return t.exec("DELETE FROM expected_members WHERE group_no = "+groupNo+" AND target = ?2", g, target[:])
}
