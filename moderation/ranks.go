package moderation

import "strings"

// Role is a member's rank. A higher number outranks a lower one. The numbers are wire and database values.
type Role uint8

const (
	RoleNone      Role = 0 // not a member
	RoleMember    Role = 1
	RoleModerator Role = 2
	RoleAdmin     Role = 3
	RoleOwner     Role = 4
)

// String is the role's word.
func (r Role) String() string {
	switch r {
	case RoleMember:
		return "member"
	case RoleModerator:
		return "moderator"
	case RoleAdmin:
		return "admin"
	case RoleOwner:
		return "owner"
	}
	return "none"
}

// ParseRole reads a role's word.
func ParseRole(s string) (Role, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "member":
		return RoleMember, true
	case "moderator", "mod":
		return RoleModerator, true
	case "admin":
		return RoleAdmin, true
	case "owner":
		return RoleOwner, true
	}
	return RoleNone, false
}

// Permissions is what a member of this role gets when the role is set; single bits can be changed afterwards.
func (r Role) Permissions() Permission {
	switch r {
	case RoleModerator:
		return PermDelete | PermPin | PermKick | PermBan | PermMute | PermApprove | PermInvite
	case RoleAdmin:
		return PermAll
	case RoleOwner:
		return PermAll
	}
	return 0
}

// Standing is what somebody is in a group. The numbers are wire values.
type Standing uint8

const (
	StandingStranger Standing = iota
	StandingPending           // asked to join, not decided yet
	StandingInvited           // holds an invite, has not joined
	StandingMember
	StandingMuted // a member who may read but not post
	StandingBanned
)

// String is the standing's word.
func (s Standing) String() string {
	switch s {
	case StandingStranger:
		return "stranger"
	case StandingPending:
		return "pending"
	case StandingInvited:
		return "invited"
	case StandingMember:
		return "member"
	case StandingMuted:
		return "muted"
	case StandingBanned:
		return "banned"
	}
	return "unknown"
}

// Joining is who may become a member. The numbers are wire and database values.
type Joining uint8

const (
	JoiningOpen    Joining = 1 // anybody
	JoiningApprove Joining = 2 // a moderator decides
	JoiningClosed  Joining = 3 // nobody new
	JoiningInvite  Joining = 4 // who holds an invite
)

// String is the policy's word.
func (j Joining) String() string {
	switch j {
	case JoiningOpen:
		return "open"
	case JoiningApprove:
		return "approve"
	case JoiningClosed:
		return "closed"
	case JoiningInvite:
		return "invite"
	}
	return "unknown"
}

// ParseJoining reads a policy's word.
func ParseJoining(s string) (Joining, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "open":
		return JoiningOpen, true
	case "approve":
		return JoiningApprove, true
	case "closed":
		return JoiningClosed, true
	case "invite":
		return JoiningInvite, true
	}
	return 0, false
}
