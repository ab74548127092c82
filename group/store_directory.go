package group

import (
	"time"

	"groupd/moderation"
)

// ListedGroup is a group of another server that is in the directory.
type ListedGroup struct {
	Number    uint64       // unique; those listed later have larger ones
	Identity  IdentityHash // unique
	Name      string       // cleaned; may be empty
	Public    bool
	Joining   moderation.Joining // open, approve, or closed for all others
	JoinCost  int                // bits of work
	PostCost  int
	Hops      int      // as last heard; 1: a direct neighbour
	Interface string   // as last heard
	NextHop   [16]byte // who passed it on, as last heard; its own destination for a direct neighbour
	Emitted   time.Time
	First     time.Time // heard first and last, by the time by which things expire
	Last      time.Time
	Named     time.Time // since when it has this name
}

// DirectoryReadTx reads the directory.
type DirectoryReadTx interface {
	// Listed lists at most limit groups of other servers, by Number.
	Listed(limit int) ([]ListedGroup, error)
}

// DirectoryTx writes it.
type DirectoryTx interface {
	// PutListed inserts or replaces by Identity. A Number that another one has is an error.
	PutListed(ListedGroup) error
	DeleteListed(IdentityHash) error
}
