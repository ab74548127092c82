package memory

import (
	"bytes"
	"slices"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func (t *tx) SilentMembers(g group.GroupID, r moderation.Role, before time.Time, limit int) ([]group.Member, error) {
	var out []group.Member
	for _, m := range t.rows.of(g).members {
		if m.Present && m.Role == r && m.LastHeard.Before(before) {
			out = append(out, copyMember(m))
		}
	}
	slices.SortFunc(out, func(a, b group.Member) int {
		if c := a.LastHeard.Compare(b.LastHeard); c != 0 {
			return c
		}
		return bytes.Compare(a.Identity[:], b.Identity[:])
	})
	return out[:min(limit, len(out))], nil
}
