package group

import (
	"time"

	"groupd/moderation"
)

// Expected is somebody who is a member as soon as he appears: named by a list of another server's members that was imported.
type Expected struct {
	Group       GroupID
	Target      AnyHash // key, with Group: an identity hash or an address, as the list has it
	DisplayName string  // cleaned; made unique when he comes
	Role        moderation.Role
	Mode        DeliveryMode
	TextOnly    bool
	Paused      bool
	Created     time.Time
}

// ExpectedReadTx reads who is expected.
type ExpectedReadTx interface {
	// Expected lists those of a group whose Target is h or other, ExpectedList those with Target > after; both by Target.
	Expected(g GroupID, h, other AnyHash) ([]Expected, error)
	ExpectedList(g GroupID, after AnyHash, limit int) ([]Expected, error)
	CountExpected(g GroupID) (int, error)
	// ExpectedIn lists the groups that expect h or other, by ID.
	ExpectedIn(h, other AnyHash) ([]GroupID, error)
}

// ExpectedTx writes it.
type ExpectedTx interface {
	PutExpected(Expected) error
	DeleteExpected(g GroupID, target AnyHash) error
}
