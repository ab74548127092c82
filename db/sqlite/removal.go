package sqlite

import (
	"context"
	"errors"

	"groupd/group"
	"groupd/rns"
)

func (t tx) GroupsToErase() ([]group.GroupID, error) {
	return list(t.conn, func(r row) (g group.GroupID, err error) { err = r.Scan(&g); return g, err },
		"SELECT id FROM groups WHERE removed_at = 1 ORDER BY id")
}

func (t tx) RemoveGroup(id group.GroupID) error {
	t.erased = true
	if err := t.exec("DELETE FROM epochs WHERE group_no = "+groupNo, id); err != nil {
		return err
	}
	return t.changeOne(`UPDATE groups SET removed_at = 1, identity_private_key = x'', public_display_name = '', private_display_name = '', topic = '',
		owner = NULL, seen_key = x'', policy = NULL, creator = NULL WHERE id = ?1 AND removed_at = 0`, id)
}

// ofGroup are the tables whose rows belong to a group and to no entry, each with what tells its rows apart.
func ofGroup() [][2]string {
	return [][2]string{
		{"group_members", "no"},
		{"join_requests", "identity_hash"},
		{"group_banned_identities", "target"},
		{"seen_ids", "id"},
		{"claim_codes", "group_no"},
		{"audit_log", "id"},
		{"group_deliveries", "identity_hash"},
		{"invites", "id"},
		{"epochs", "number"},
		{"circles", "group_no"},
		{"circle_invitees", "who"},
		{"expected_members", "target"},
		{"erasures", "identity_hash"},
		{"attachment_totals", "author"},
	}
}

func (t tx) EraseGroup(id group.GroupID, limit int) (int, error) {
	identity, err := find(t.conn, func(r row) (h group.IdentityHash, err error) { err = r.Scan(fixed{h[:]}); return h, err },
		"SELECT identity_hash FROM groups WHERE id = ?1 AND removed_at = 1", id)
	if errors.Is(err, group.ErrNoRow) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n, err := t.dropEntries(id, 1<<62, limit); n > 0 || err != nil {
		return n, err
	}
	for _, table := range ofGroup() {
		n, err := t.changed("DELETE FROM "+table[0]+" WHERE group_no = "+groupNo+" AND "+table[1]+" IN (SELECT "+table[1]+" FROM "+table[0]+
			" WHERE group_no = "+groupNo+" LIMIT ?2)", id, limit)
		if n > 0 || err != nil {
			return n, err
		}
	}
	n, err := t.changed(`DELETE FROM outcomes WHERE group_id = ?1 AND (identity_hash, client_id) IN
		(SELECT identity_hash, client_id FROM outcomes WHERE group_id = ?1 LIMIT ?2)`, id, limit)
	if n > 0 || err != nil {
		return n, err
	}
	if err := t.forgetDestinations(rns.IdentityHash(identity)); err != nil {
		return 0, err
	}
	t.erased = true // all of it: once, at the end
	return t.changed("DELETE FROM groups WHERE id = ?1 AND removed_at = 1", id)
}

// forgetDestinations erases what the network's layers keep of the destinations of a group.
func (t tx) forgetDestinations(identity rns.IdentityHash) error {
	for _, name := range [][]string{{"lxmf", "delivery"}, {"meshchat", "group"}, {"nomadnetwork", "node"}} {
		d := rns.HashDestination(&identity, name[0], name[1:]...)
		for _, query := range []string{
			"DELETE FROM rns_own_ratchets WHERE destination_hash = ?1",
			"DELETE FROM rns_last_announced WHERE destination_hash = ?1",
			"DELETE FROM lxmf_tickets WHERE delivery_hash = ?1",
			"DELETE FROM lxmf_queued WHERE source_hash = ?1",
			"DELETE FROM lxmf_held WHERE destination_hash = ?1",
		} {
			if err := t.exec(query, d[:]); err != nil {
				return err
			}
		}
	}
	return nil
}

func scanRemoved(r row) (g group.RemovedGroup, err error) {
	err = r.Scan(&g.ID, fixed{g.Address[:]}, fixed{g.By[:]}, moment{&g.Removed})
	return g, err
}

const fromRemoved = "SELECT id, destination_hash, by, removed_at FROM removed_groups"

func (t tx) RemovedGroup(id group.GroupID) (group.RemovedGroup, error) {
	return find(t.conn, scanRemoved, fromRemoved+" WHERE id = ?1", id)
}

func (t tx) RemovedGroups() ([]group.RemovedGroup, error) {
	return list(t.conn, scanRemoved, fromRemoved+" WHERE id > '' ORDER BY id")
}

func (t tx) PutRemovedGroup(r group.RemovedGroup, keep int) error {
	if err := t.exec("INSERT OR REPLACE INTO removed_groups (id, destination_hash, by, removed_at) VALUES (?1,?2,?3,?4)",
		r.ID, r.Address[:], fixed{r.By[:]}, micros(r.Removed)); err != nil {
		return err
	}
	return t.exec("DELETE FROM removed_groups WHERE id IN (SELECT id FROM removed_groups ORDER BY removed_at DESC, id LIMIT -1 OFFSET ?1)", keep)
}

func (t tx) DeleteRemovedGroup(id group.GroupID) error {
	return t.exec("DELETE FROM removed_groups WHERE id = ?1", id)
}

func (t tx) ServerLog(before int64, limit int) ([]group.ServerLine, error) {
	return list(t.conn, func(r row) (l group.ServerLine, err error) {
		err = r.Scan(&l.ID, moment{&l.Time}, fixed{l.By[:]}, &l.Action, &l.Group, &l.Detail)
		return l, err
	}, "SELECT id, created_at, by, action, group_id, detail FROM server_log WHERE id < ?1 ORDER BY id DESC LIMIT ?2", beforeOrEnd(before), limit)
}

func (t tx) AddServerLine(l group.ServerLine, keep int) error {
	if err := t.exec("INSERT INTO server_log (created_at, by, action, group_id, detail) VALUES (?1,?2,?3,?4,?5)",
		micros(l.Time), fixed{l.By[:]}, l.Action, l.Group, l.Detail); err != nil {
		return err
	}
	return t.exec("DELETE FROM server_log WHERE id <= (SELECT max(id) FROM server_log) - ?1", keep)
}

// ForgetDestinations erases what is kept of destinations that were some group's and are closed for good: of those that are named, the
// time of their last announce; of all addresses that no group has, ratchets, tickets and messages. No announce, message or
// ticket of theirs may be on its way any more.
func (db *DB) ForgetDestinations(ctx context.Context, gone ...rns.DestinationHash) error {
	const nobodys = " NOT IN (SELECT destination_hash FROM groups)"
	return db.update(ctx, func(c *conn) error {
		for _, d := range gone {
			if err := c.exec("DELETE FROM rns_last_announced WHERE destination_hash = ?1", d[:]); err != nil {
				return err
			}
		}
		for _, query := range []string{
			"DELETE FROM rns_own_ratchets WHERE destination_hash" + nobodys,
			"DELETE FROM lxmf_tickets WHERE delivery_hash" + nobodys,
			"DELETE FROM lxmf_queued WHERE source_hash" + nobodys,
			"DELETE FROM lxmf_held WHERE destination_hash" + nobodys,
		} {
			n, err := c.changed(query)
			if err != nil {
				return err
			}
			c.erased = c.erased || n > 0
		}
		return nil
	})
}
