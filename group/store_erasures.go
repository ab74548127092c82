package group

import "time"

// ErasureKind says what is done with somebody's posts. The numbers are database values: they never change.
type ErasureKind uint8

const (
	ErasureHide    ErasureKind = 1 // they are being put aside
	ErasureHidden  ErasureKind = 2 // they are aside, and can be put back for a day
	ErasureRestore ErasureKind = 3 // they are being put back
	ErasurePurge   ErasureKind = 4 // what is aside is being erased
	ErasureForget  ErasureKind = 5 // all of him is being erased
)

// Erasure is work on one author's posts, done bit by bit.
type Erasure struct {
	Group    GroupID
	Identity IdentityHash // key, with Group
	Kind     ErasureKind
	Before   Seq          // entries from here on are not concerned
	By       IdentityHash // zero: the operator
	Created  time.Time
}

// ErasuresReadTx reads what is being erased, and what belongs to one person.
type ErasuresReadTx interface {
	Erasure(g GroupID, id IdentityHash) (Erasure, error)
	// Erasures lists them by identity.
	Erasures(g GroupID, limit int) ([]Erasure, error)
	CountErasures(g GroupID) (int, error)
	// HiddenBy lists the seqs of what was put aside of one author, rising.
	HiddenBy(g GroupID, author IdentityHash, limit int) ([]Seq, error)
	// PersonalEvents lists entries of the kinds EntryJoin and EntryName of one author that are not deleted, rising.
	PersonalEvents(g GroupID, author IdentityHash, limit int) ([]Entry, error)
	// ReactionsBy lists one member's reactions, by seq, then text.
	ReactionsBy(g GroupID, who IdentityHash, limit int) ([]Reaction, error)
	// MembersInvitedBy lists the rows, present or not, of those whom one has invited, MembersSucceededBy of those whose Successor one
	// is; both by identity.
	MembersInvitedBy(g GroupID, by IdentityHash, limit int) ([]Member, error)
	MembersSucceededBy(g GroupID, id IdentityHash, limit int) ([]Member, error)
}

// ErasuresTx writes that.
type ErasuresTx interface {
	PutErasure(Erasure) error
	DeleteErasure(g GroupID, id IdentityHash) error
	// HideEntry is PutTombstone, but what that erases is put aside; reports are erased. An entry that is aside already is not put aside
	// again.
	HideEntry(tombstone Entry) error
	// RestoreEntry puts an entry back as it was before it was put aside, with Restored, Rev and Written set. ErrNoRow when it is not
	// aside.
	RestoreEntry(g GroupID, seq Seq, rev Rev) error
	// EraseHidden removes at most limit of what was put aside of one author, by seq, and all of his reactions to what was put aside of
	// others. It returns how many entries went.
	EraseHidden(g GroupID, author IdentityHash, limit int) (int, error)
	// DeleteReportsBy removes one member's reports, DeleteOutcomesOf the stored answers to his requests.
	DeleteReportsBy(g GroupID, who IdentityHash) error
	DeleteOutcomesOf(g GroupID, who IdentityHash) error
}
