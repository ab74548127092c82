package moderation

import "strings"

// Permission is a set of single rights, one bit each. The numbers are wire and database values: they never change.
type Permission uint32

const (
	PermDelete    Permission = 1 << iota // delete other members' posts
	PermPin                              // pin posts
	PermName                             // change the group's names and topic
	PermKick                             // remove a member for a while
	PermBan                              // ban, unban, see the list of bans
	PermMute                             // mute and unmute
	PermApprove                          // see, approve and reject requests to join
	PermGrant                            // change roles and permissions below one's own rank
	PermAudit                            // read the audit log
	PermInvite                           // make and revoke invites
	PermSettings                         // change the group's settings
	PermEmergency                        // post past quiet hours and shares

	// PermAll has every bit that exists.
	PermAll = PermDelete | PermPin | PermName | PermKick | PermBan | PermMute | PermApprove | PermGrant | PermAudit | PermInvite | PermSettings | PermEmergency
)

// permissionNames gives each bit its word, lowest bit first.
func permissionNames() []string {
	return []string{"delete", "pin", "name", "kick", "ban", "mute", "approve", "grant", "audit", "invite", "settings", "emergency"}
}

// Has reports whether every bit of want is set.
func (p Permission) Has(want Permission) bool { return p&want == want }

// String lists the words of the set bits, separated by commas; "none" when empty. Bits without a word are left out.
func (p Permission) String() string {
	var words []string
	for i, name := range permissionNames() {
		if p&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ",")
}

// ParsePermission reads one word ("kick"), or several separated by commas.
func ParsePermission(s string) (Permission, bool) {
	var p Permission
	for word := range strings.SplitSeq(strings.ToLower(s), ",") {
		found := false
		for i, name := range permissionNames() {
			if strings.TrimSpace(word) == name {
				p |= 1 << i
				found = true
			}
		}
		if !found {
			return 0, false
		}
	}
	return p, true
}
