package group

import "time"

// RemovedGroup remembers a group that was deleted and that the operator had made, so that what still seeds it does not make it again.
type RemovedGroup struct {
	ID      GroupID      // key
	Address Address      // what it had
	By      IdentityHash // zero: the operator
	Removed time.Time
}

// ServerLine is one line of the log of what was done with whole groups. It holds no names: those went with the group.
type ServerLine struct {
	ID     int64 // given by the store, rising
	Time   time.Time
	By     IdentityHash // zero: the operator at the machine
	Action string       // the method: "create group"
	Group  GroupID
	Detail string
}

// GroupsReadTx reads across groups. None of it sees what belongs to a group that was removed.
type GroupsReadTx interface {
	// Memberships lists the rows, present or not, that somebody has in all groups, RequestsOf those with which he waits, both by group;
	// h is his identity hash or address. InvitesTo lists the invites for h or other in all groups, by ID.
	Memberships(h AnyHash, limit int) ([]Member, error)
	RequestsOf(h AnyHash, limit int) ([]Request, error)
	InvitesTo(h, other AnyHash, limit int) ([]Invite, error)
	// UntoldInvites lists the invites of a group whose Telling is not TellNothing, by ID.
	UntoldInvites(g GroupID, limit int) ([]Invite, error)

	// CountGroups counts all groups, CountGroupsOf those that one made.
	CountGroups() (int, error)
	CountGroupsOf(creator IdentityHash) (int, error)

	// GroupsToErase lists those that were removed and of which something is left, by group.
	GroupsToErase() ([]GroupID, error)

	RemovedGroup(id GroupID) (RemovedGroup, error)
	// RemovedGroups lists all, by group.
	RemovedGroups() ([]RemovedGroup, error)

	// ServerLog lists newest first, IDs below before (0: no bound).
	ServerLog(before int64, limit int) ([]ServerLine, error)
}

// GroupsTx writes that.
type GroupsTx interface {
	// RemoveGroup hides a group, so that Group and Groups do not find it, and erases its names, keys and topic. Its id stays taken until the
	// rest is erased.
	RemoveGroup(id GroupID) error
	// EraseGroup erases at most limit rows of a group that was removed, or parts of them that are as large; rows go with all that belongs
	// to them. It returns how many went; 0 says that nothing is left of the group.
	EraseGroup(id GroupID, limit int) (int, error)

	// PutRemovedGroup stores one, and forgets the oldest beyond keep.
	PutRemovedGroup(r RemovedGroup, keep int) error
	DeleteRemovedGroup(id GroupID) error
	// AddServerLine appends, with an ID of the store's own, and removes the oldest beyond keep.
	AddServerLine(l ServerLine, keep int) error
}
