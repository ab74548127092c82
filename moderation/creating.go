package moderation

import (
	"fmt"
	"strings"
)

// Creating is who may make groups of their own on a server. The numbers are wire values.
type Creating uint8

const (
	CreatingOff     Creating = 0 // the operator alone
	CreatingMembers Creating = 1 // who is a member of a group there
	CreatingAnyone  Creating = 2
)

// String is the word of it, as in groupd.toml.
func (c Creating) String() string {
	switch c {
	case CreatingMembers:
		return "members"
	case CreatingAnyone:
		return "anyone"
	}
	return "off"
}

// ParseCreating reads that word.
func ParseCreating(s string) (Creating, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "off":
		return CreatingOff, true
	case "members":
		return CreatingMembers, true
	case "anyone":
		return CreatingAnyone, true
	}
	return 0, false
}

// creating is for whom the server lets; who is a member nowhere on it shows work first.
func creating(f Facts) Verdict {
	switch {
	case f.Local:
		return allow()
	case f.Creating == CreatingMembers && !f.Insider:
		return deny(ReasonNotMember, "only members of a group on this server make groups here")
	case f.Creating == CreatingMembers, f.Creating == CreatingAnyone && f.Insider:
		return allow()
	case f.Creating != CreatingAnyone:
		return deny(ReasonClosed, "nobody makes groups of their own on this server")
	case f.Work < f.Cost:
		v := deny(ReasonStamp, fmt.Sprintf("making a group needs a stamp of %d bits of work", f.Cost))
		v.Cost = f.Cost
		return v
	}
	return allow()
}

// cloning is for who has the rank that the policy asks for; what comes of it is a group of his own.
func cloning(f Facts) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	least := f.Policy.CloneRole
	if least == RoleNone {
		least = RoleAdmin
	}
	if f.rank() < least {
		return deny(ReasonRole, fmt.Sprintf("only who is at least %s can clone this group", least))
	}
	return creating(f)
}

// deletingGroup is for owners.
func deletingGroup(f Facts) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	if f.rank() < RoleOwner {
		return deny(ReasonRole, "only an owner can delete the group")
	}
	return allow()
}
