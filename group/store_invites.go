package group

import (
	"time"

	"groupd/moderation"
)

// Invite lets people in. Who has its code joins by it, or only the one whom it is for.
type Invite struct {
	Group   GroupID
	ID      int64        // given by the store, rising; what people name it by
	Code    Hash         // keyed hash of the code, unique in the group: the code itself is never kept
	By      IdentityHash // zero: the operator
	For     AnyHash      // the only one who may use it, by identity hash or address; zero: whoever has the code
	Role    moderation.Role
	Uses    int // left, at least 1
	Used    int
	Created time.Time
	Expires time.Time
	Telling Telling // whether For has to be told
}

// DirectInvite is one that was sent to a person, in whatever group.
type DirectInvite struct {
	Target  AnyHash // as it was named: an identity hash or an address
	Address Address // AddressOf(Target), should Target be an identity
	By      IdentityHash
	Created time.Time
}

// InviteBlock is one who wants no invites from any group here.
type InviteBlock struct {
	Identity IdentityHash // key
	Address  Address      // AddressOf(Identity)
	Created  time.Time
}

// InvitesReadTx reads invites.
type InvitesReadTx interface {
	// Invite finds one by ID, InviteByCode by the keyed hash of its code; InvitesFor lists those for h or other, by ID.
	Invite(g GroupID, id int64) (Invite, error)
	InviteByCode(g GroupID, code Hash) (Invite, error)
	InvitesFor(g GroupID, h, other AnyHash) ([]Invite, error)
	// Invites lists those with ID > after, by ID; InvitesBy those of one inviter (zero: the operator).
	Invites(g GroupID, after int64, limit int) ([]Invite, error)
	InvitesBy(g GroupID, by IdentityHash, after int64, limit int) ([]Invite, error)
	CountInvites(g GroupID) (int, error)
	CountInvitesBy(g GroupID, by IdentityHash) (int, error)

	// CountDirectTo counts the direct invites, made after a time, whose Target is h or other or whose Address is h; CountDirectBy those of
	// one inviter; CountDirect all that are kept.
	CountDirectTo(h, other AnyHash, after time.Time) (int, error)
	CountDirectBy(by IdentityHash, after time.Time) (int, error)
	CountDirect() (int, error)
	// InvitesBlocked reports whether there is a block whose Identity or Address is h.
	InvitesBlocked(h AnyHash) (bool, error)
	CountInviteBlocks() (int, error)
}

// InvitesTx writes them.
type InvitesTx interface {
	// PutInvite replaces one by its ID, or adds one whose ID is 0 and returns the ID it got.
	PutInvite(Invite) (int64, error)
	DeleteInvite(g GroupID, id int64) error
	// DeleteInvitesBy removes those of one inviter, DeleteInvitesUntil those that expire at a time or before; each returns how many went.
	DeleteInvitesBy(g GroupID, by IdentityHash) (int, error)
	DeleteInvitesUntil(g GroupID, t time.Time) (int, error)
	// MoveInvites makes the invites of one inviter another's.
	MoveInvites(g GroupID, from, to IdentityHash) error

	AddDirectInvite(DirectInvite) error
	// PruneDirectInvites removes those made at a time or before.
	PruneDirectInvites(until time.Time) (int, error)
	PutInviteBlock(InviteBlock) error
	DeleteInviteBlock(id IdentityHash) error
	// DropOldestInviteBlock removes the block that was made first (then by identity), if there is one.
	DropOldestInviteBlock() error
}
