package sqlite

import (
	"database/sql"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// policy scans what moderation.Policy.Stored gave.
type policy struct{ p *moderation.Policy }

var _ sql.Scanner = policy{}

// Scan implements sql.Scanner.
func (p policy) Scan(v any) error {
	var stored []byte
	if err := (raw{&stored}).Scan(v); err != nil {
		return err
	}
	var err error
	*p.p, err = moderation.ParsePolicy(stored)
	return err
}

func (t tx) SilentMembers(g group.GroupID, r moderation.Role, before time.Time, limit int) ([]group.Member, error) {
	return list(t.conn, scanMember(g), "SELECT "+memberColumns+" FROM group_members WHERE group_no = "+groupNo+
		" AND present = 1 AND role = ?2 AND updated_at < ?3 ORDER BY updated_at, member_identity_hash LIMIT ?4", g, r, micros(before), limit)
}
