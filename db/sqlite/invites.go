package sqlite

import (
	"time"

	"groupd/group"
)

const inviteColumns = "id, code, by, target, role, uses, used, created_at, expires_at, untold"

func scanInvite(g group.GroupID) func(row) (group.Invite, error) {
	return func(r row) (i group.Invite, err error) {
		i.Group = g
		err = r.Scan(&i.ID, fixed{i.Code[:]}, fixed{i.By[:]}, fixed{i.For[:]}, &i.Role, &i.Uses, &i.Used, moment{&i.Created}, moment{&i.Expires}, &i.Telling)
		return i, err
	}
}

const fromInvites = "SELECT " + inviteColumns + " FROM invites WHERE group_no = " + groupNo

func (t tx) Invite(g group.GroupID, id int64) (group.Invite, error) {
	return find(t.conn, scanInvite(g), fromInvites+" AND id = ?2", g, id)
}

func (t tx) InviteByCode(g group.GroupID, code group.Hash) (group.Invite, error) {
	return find(t.conn, scanInvite(g), fromInvites+" AND code = ?2", g, code[:])
}

func (t tx) InvitesFor(g group.GroupID, h, other group.AnyHash) ([]group.Invite, error) {
	return list(t.conn, scanInvite(g), fromInvites+" AND target IN (?2, ?3) ORDER BY id", g, h[:], other[:])
}

func (t tx) Invites(g group.GroupID, after int64, limit int) ([]group.Invite, error) {
	return list(t.conn, scanInvite(g), fromInvites+" AND id > ?2 ORDER BY id LIMIT ?3", g, after, limit)
}

func (t tx) InvitesBy(g group.GroupID, by group.IdentityHash, after int64, limit int) ([]group.Invite, error) {
	return list(t.conn, scanInvite(g), fromInvites+" AND by IS ?2 AND id > ?3 ORDER BY id LIMIT ?4", g, fixed{by[:]}, after, limit)
}

func (t tx) CountInvites(g group.GroupID) (int, error) {
	return t.count("SELECT count(*) FROM invites WHERE group_no = "+groupNo, g)
}

func (t tx) CountInvitesBy(g group.GroupID, by group.IdentityHash) (int, error) {
	return t.count("SELECT count(*) FROM invites WHERE group_no = "+groupNo+" AND by IS ?2", g, fixed{by[:]})
}

func (t tx) PutInvite(i group.Invite) (int64, error) {
	args := []any{i.Group, nil, i.Code[:], fixed{i.By[:]}, fixed{i.For[:]}, i.Role, i.Uses, i.Used, micros(i.Created), micros(i.Expires), i.Telling}
	if i.ID != 0 {
		args[1] = i.ID
	}
	if err := t.exec(`INSERT INTO invites (group_no, `+inviteColumns+`) VALUES (`+groupNo+`,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
		ON CONFLICT (id) DO UPDATE SET code=?3, by=?4, target=?5, role=?6, uses=?7, used=?8, created_at=?9, expires_at=?10, untold=?11`, args...); err != nil {
		return 0, err
	}
	found, err := t.InviteByCode(i.Group, i.Code)
	return found.ID, err
}

func (t tx) DeleteInvite(g group.GroupID, id int64) error {
	return t.exec("DELETE FROM invites WHERE group_no = "+groupNo+" AND id = ?2", g, id)
}

func (t tx) DeleteInvitesBy(g group.GroupID, by group.IdentityHash) (int, error) {
	return t.changed("DELETE FROM invites WHERE group_no = "+groupNo+" AND by IS ?2", g, fixed{by[:]})
}

func (t tx) DeleteInvitesUntil(g group.GroupID, until time.Time) (int, error) {
	return t.changed("DELETE FROM invites WHERE group_no = "+groupNo+" AND expires_at <= ?2", g, micros(until))
}

func (t tx) MoveInvites(g group.GroupID, from, to group.IdentityHash) error {
	return t.exec("UPDATE invites SET by = ?3 WHERE group_no = "+groupNo+" AND by IS ?2", g, fixed{from[:]}, fixed{to[:]})
}

func (t tx) CountDirectTo(h, other group.AnyHash, after time.Time) (int, error) {
	return t.count("SELECT count(*) FROM direct_invites WHERE (target IN (?1, ?2) OR address = ?1) AND created_at > ?3", h[:], other[:], micros(after))
}

func (t tx) CountDirectBy(by group.IdentityHash, after time.Time) (int, error) {
	return t.count("SELECT count(*) FROM direct_invites WHERE by IS ?1 AND created_at > ?2", fixed{by[:]}, micros(after))
}

func (t tx) CountDirect() (int, error) { return t.count("SELECT count(*) FROM direct_invites") }

func (t tx) AddDirectInvite(d group.DirectInvite) error {
	return t.exec("INSERT INTO direct_invites (target, address, by, created_at) VALUES (?1,?2,?3,?4)", d.Target[:], d.Address[:], fixed{d.By[:]}, micros(d.Created))
}

func (t tx) PruneDirectInvites(until time.Time) (int, error) {
	return t.changed("DELETE FROM direct_invites WHERE created_at <= ?1", micros(until))
}

func (t tx) InvitesBlocked(h group.AnyHash) (bool, error) {
	n, err := t.count("SELECT count(*) FROM invite_blocks WHERE identity_hash = ?1 OR destination_hash = ?1", h[:])
	return n > 0, err
}

func (t tx) CountInviteBlocks() (int, error) { return t.count("SELECT count(*) FROM invite_blocks") }

func (t tx) PutInviteBlock(b group.InviteBlock) error {
	return t.exec("INSERT OR REPLACE INTO invite_blocks (identity_hash, destination_hash, created_at) VALUES (?1,?2,?3)", b.Identity[:], b.Address[:], micros(b.Created))
}

func (t tx) DeleteInviteBlock(id group.IdentityHash) error {
	return t.exec("DELETE FROM invite_blocks WHERE identity_hash = ?1", id[:])
}

func (t tx) DropOldestInviteBlock() error {
	return t.exec("DELETE FROM invite_blocks WHERE identity_hash = (SELECT identity_hash FROM invite_blocks ORDER BY created_at, identity_hash LIMIT 1)")
}
