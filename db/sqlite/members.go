package sqlite

import (
	"encoding/hex"
	"strings"
	"time"

	"groupd/group"
	"groupd/moderation"
)

const memberColumns = `member_identity_hash, member_destination_hash, public_key, ratchet, present, role, permissions, display_name,
	skeleton, status, rev, created_at, left_at, updated_at, last_command,
	muted, muted_until, mute_reason, joined_seq, invited_by, successor`

// scanMember is a scan function for rows of one group.
func scanMember(g group.GroupID) func(row) (group.Member, error) {
	m := group.Member{Group: g} // each row goes through it: lists are long
	columns := []any{fixed{m.Identity[:]}, fixed{m.Address[:]}, raw{&m.PublicKey}, raw{&m.Ratchet}, &m.Present, &m.Role, &m.Permissions,
		&m.DisplayName, &m.Skeleton, &m.Status, &m.Rev, moment{&m.Joined}, moment{&m.Left}, moment{&m.LastHeard}, moment{&m.LastCommand},
		&m.Mute.On, moment{&m.Mute.Until}, &m.Mute.Reason, &m.JoinSeq, fixed{m.InvitedBy[:]}, fixed{m.Successor[:]}}
	return func(r row) (group.Member, error) {
		err := r.Scan(columns...)
		return m, err
	}
}

func (t tx) Member(g group.GroupID, id group.IdentityHash) (group.Member, error) {
	return find(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND member_identity_hash = ?2", g, id[:])
}

func (t tx) MemberByHash(g group.GroupID, h group.AnyHash) (group.Member, error) {
	// Two indexed look-ups; one condition with OR would read the whole table.
	const from = "SELECT " + memberColumns + " FROM group_members WHERE group_no = " + groupNo
	return find(t.conn, scanMember(g), from+" AND member_identity_hash = ?2 UNION ALL "+from+" AND member_destination_hash = ?2 LIMIT 1", g, h[:])
}

func (t tx) MembersByPrefix(g group.GroupID, prefix string, limit int) ([]group.Member, error) {
	low, high, ok := prefixRange(prefix)
	if !ok {
		return nil, nil
	}
	const from = "SELECT no FROM group_members WHERE group_no = " + groupNo
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE present = 1 AND no IN ("+
		from+" AND member_identity_hash BETWEEN ?2 AND ?3 UNION "+from+" AND member_destination_hash BETWEEN ?2 AND ?3) ORDER BY member_identity_hash LIMIT ?4",
		g, low, high, limit)
}

// prefixRange is the first and last 16-byte hash whose hex form begins with prefix.
func prefixRange(prefix string) (low, high []byte, ok bool) {
	const digits = 2 * 16
	if len(prefix) > digits {
		return nil, nil, false
	}
	low, err := hex.DecodeString(prefix + strings.Repeat("0", digits-len(prefix)))
	if err != nil {
		return nil, nil, false
	}
	high, err = hex.DecodeString(prefix + strings.Repeat("f", digits-len(prefix)))
	return low, high, err == nil
}

func (t tx) MembersBySkeleton(g group.GroupID, skeleton string, limit int) ([]group.Member, error) {
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND skeleton = ?2 ORDER BY member_identity_hash LIMIT ?3", g, skeleton, limit)
}

func (t tx) MembersByRev(g group.GroupID, after group.Rev, presentOnly bool, limit int) ([]group.Member, error) {
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND rev > ?2 AND present >= ?3 ORDER BY rev LIMIT ?4", g, after, presentOnly, limit)
}

func (t tx) CountMembers(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM group_members WHERE group_no = "+groupNo+" AND present = 1", g)
}

func (t tx) CountDeparted(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM group_members WHERE group_no = "+groupNo+" AND present = 0", g)
}

func (t tx) DropOldestDeparted(g group.GroupID) error {
	return t.exec(`DELETE FROM group_members WHERE no = (SELECT no FROM group_members WHERE group_no = `+groupNo+` AND present = 0
		ORDER BY left_at, member_identity_hash LIMIT 1)`, g)
}

func (t tx) CountRole(g group.GroupID, r moderation.Role) (int, error) {
	return t.count("SELECT count(*) FROM group_members WHERE group_no = "+groupNo+" AND present = 1 AND role = ?2", g, r)
}

func (t tx) PutMember(m group.Member) error {
	return t.exec(`INSERT INTO group_members (group_no, `+memberColumns+`) VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)
		ON CONFLICT (group_no, member_identity_hash) DO UPDATE SET member_destination_hash=?3, public_key=?4, ratchet=?5, present=?6,
		role=?7, permissions=?8, display_name=?9, skeleton=?10, status=?11, rev=?12, created_at=?13, left_at=?14, updated_at=?15,
		last_command=?16, muted=?17, muted_until=?18, mute_reason=?19, joined_seq=?20, invited_by=?21, successor=?22`,
		m.Group, m.Identity[:], m.Address[:], bytes(m.PublicKey), bytes(m.Ratchet), m.Present, m.Role, m.Permissions, m.DisplayName,
		m.Skeleton, m.Status, m.Rev, micros(m.Joined), micros(m.Left), micros(m.LastHeard), micros(m.LastCommand),
		m.Mute.On, micros(m.Mute.Until), m.Mute.Reason, m.JoinSeq, fixed{m.InvitedBy[:]}, fixed{m.Successor[:]})
}

func (t tx) TouchMember(g group.GroupID, id group.IdentityHash, heard, command time.Time, publicKey, ratchet []byte) error {
	return t.changeOne(`UPDATE group_members SET
		updated_at = CASE WHEN ?3 = 0 THEN updated_at ELSE ?3 END,
		last_command = CASE WHEN ?4 = 0 THEN last_command ELSE ?4 END,
		public_key = coalesce(?5, public_key), ratchet = coalesce(?6, ratchet)
		WHERE group_no = `+groupNo+` AND member_identity_hash = ?2`,
		g, id[:], micros(heard), micros(command), bytes(publicKey), bytes(ratchet))
}

const requestColumns = "identity_hash, destination_hash, public_key, ratchet, display_name, greeting, created_at, last_command"

func scanRequest(g group.GroupID) func(row) (group.Request, error) {
	return func(r row) (q group.Request, err error) {
		q.Group = g
		err = r.Scan(fixed{q.Identity[:]}, fixed{q.Address[:]}, raw{&q.PublicKey}, raw{&q.Ratchet}, &q.DisplayName, &q.Greeting,
			moment{&q.Created}, moment{&q.LastCommand})
		return q, err
	}
}

func (t tx) Request(g group.GroupID, id group.IdentityHash) (group.Request, error) {
	return find(t.conn, scanRequest(g), "SELECT "+requestColumns+" FROM join_requests WHERE group_no = "+groupNo+
		" AND identity_hash = ?2", g, id[:])
}

func (t tx) RequestByHash(g group.GroupID, h group.AnyHash) (group.Request, error) {
	const from = "SELECT " + requestColumns + " FROM join_requests WHERE group_no = " + groupNo
	return find(t.conn, scanRequest(g), from+" AND identity_hash = ?2 UNION ALL "+from+" AND destination_hash = ?2 LIMIT 1", g, h[:])
}

func (t tx) Requests(g group.GroupID, limit int) ([]group.Request, error) {
	return list(t.conn, scanRequest(g), "SELECT "+requestColumns+" FROM join_requests WHERE group_no = "+groupNo+
		" ORDER BY created_at, identity_hash LIMIT ?2", g, limit)
}

func (t tx) CountRequests(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM join_requests WHERE group_no = "+groupNo, g)
}

func (t tx) PutRequest(q group.Request) error {
	return t.exec(`INSERT INTO join_requests (group_no, `+requestColumns+`) VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9)
		ON CONFLICT (group_no, identity_hash) DO UPDATE SET destination_hash=?3, public_key=?4, ratchet=?5, display_name=?6, greeting=?7,
		created_at=?8, last_command=?9`,
		q.Group, q.Identity[:], q.Address[:], bytes(q.PublicKey), bytes(q.Ratchet), q.DisplayName, q.Greeting, micros(q.Created),
		micros(q.LastCommand))
}

func (t tx) DeleteRequest(g group.GroupID, id group.IdentityHash) error {
	return t.exec("DELETE FROM join_requests WHERE group_no = "+groupNo+" AND identity_hash = ?2", g, id[:])
}
