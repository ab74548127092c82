package group

import (
	"time"

	"groupd/moderation"
)

// PolicyReadTx is what the policies read.
type PolicyReadTx interface {
	// SilentMembers lists present members of a role who were last heard before a time, the longest silent first (then by identity).
	SilentMembers(g GroupID, r moderation.Role, before time.Time, limit int) ([]Member, error)
}
