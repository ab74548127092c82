package sqlite

import "groupd/group"

// place is where somebody has a row: in some group.
type place struct {
	group group.GroupID
	who   group.IdentityHash
}

// places finds in which groups somebody has rows, by the columns that hold his hashes.
func (t tx) places(table, identity, address string, h group.AnyHash, limit int) ([]place, error) {
	identity, address = table+"."+identity, table+"."+address
	from := "SELECT id, " + identity + " FROM " + table + " JOIN groups ON groups.no = group_no WHERE removed_at = 0 AND "
	return list(t.conn, func(r row) (p place, err error) {
		err = r.Scan(&p.group, fixed{p.who[:]})
		return p, err
	}, from+identity+" = ?1 UNION "+from+address+" = ?1 ORDER BY id LIMIT ?2", h[:], limit)
}

// at reads the row of each place.
func at[T any](places []place, err error, read func(group.GroupID, group.IdentityHash) (T, error)) ([]T, error) {
	var rows []T
	for _, p := range places {
		if err != nil {
			break
		}
		var v T
		v, err = read(p.group, p.who)
		rows = append(rows, v)
	}
	return rows, err
}

func (t tx) Memberships(h group.AnyHash, limit int) ([]group.Member, error) {
	places, err := t.places("group_members", "member_identity_hash", "member_destination_hash", h, limit)
	return at(places, err, t.Member)
}

func (t tx) RequestsOf(h group.AnyHash, limit int) ([]group.Request, error) {
	places, err := t.places("join_requests", "identity_hash", "destination_hash", h, limit)
	return at(places, err, t.Request)
}

func (t tx) InvitesTo(h, other group.AnyHash, limit int) ([]group.Invite, error) {
	type place struct {
		group group.GroupID
		id    int64
	}
	places, err := list(t.conn, func(r row) (p place, err error) {
		err = r.Scan(&p.group, &p.id)
		return p, err
	}, `SELECT groups.id, invites.id FROM invites JOIN groups ON groups.no = group_no
		WHERE removed_at = 0 AND target IN (?1, ?2) ORDER BY invites.id LIMIT ?3`, h[:], other[:], limit)
	var rows []group.Invite
	for _, p := range places {
		if err != nil {
			break
		}
		var i group.Invite
		i, err = t.Invite(p.group, p.id)
		rows = append(rows, i)
	}
	return rows, err
}

func (t tx) UntoldInvites(g group.GroupID, limit int) ([]group.Invite, error) {
	return list(t.conn, scanInvite(g), fromInvites+" AND untold > 0 ORDER BY id LIMIT ?2", g, limit)
}

func (t tx) CountGroups() (int, error) {
	return t.count("SELECT count(*) FROM groups WHERE removed_at = 0")
}

func (t tx) CountGroupsOf(creator group.IdentityHash) (int, error) {
	return t.count("SELECT count(*) FROM groups WHERE creator = ?1 AND removed_at = 0", creator[:])
}
