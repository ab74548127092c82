package group

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"groupd/moderation"
)

// Circle is how a group is formed, or was, where its policy says that it has to be established.
type Circle struct {
	Group       GroupID   // key
	Until       time.Time // by the expiry time: until then those invited can answer
	Established time.Time // zero: it is being formed
}

// InviteeState is what one who was invited has done. The numbers are wire and database values.
type InviteeState uint8

const (
	InviteeAsked    InviteeState = 1 // has not answered, and can until Expires
	InviteeAccepted InviteeState = 2
	InviteeRefused  InviteeState = 3
	InviteeSilent   InviteeState = 4 // has not answered in time; never stored
	InviteeGone     InviteeState = 5 // accepted, and is no member any more; never stored
)

// String is the state's word.
func (s InviteeState) String() string {
	switch s {
	case InviteeAsked:
		return "asked"
	case InviteeAccepted:
		return "accepted"
	case InviteeRefused:
		return "refused"
	case InviteeSilent:
		return "silent"
	case InviteeGone:
		return "gone"
	}
	return "unknown"
}

// Invitee is one who was invited to a group while it was formed.
type Invitee struct {
	Group    GroupID
	Who      AnyHash // key, with Group: the identity hash where it is known, else what was named
	By       IdentityHash
	State    InviteeState
	Invited  time.Time // all by the expiry time
	Expires  time.Time
	Answered time.Time
}

// CircleReadTx reads how groups are formed.
type CircleReadTx interface {
	Circle(g GroupID) (Circle, error)
	// Invitees lists them by the time of their invitation, then by Who.
	Invitees(g GroupID) ([]Invitee, error)
}

// CircleTx writes it.
type CircleTx interface {
	PutCircle(Circle) error
	PutInvitee(Invitee) error
	DeleteInvitee(g GroupID, who AnyHash) error
}

// EpochKeySize is the length of an epoch's key in bytes.
const EpochKeySize = 32

// EpochKey is the key of an epoch. It never shows in texts, logs or JSON.
type EpochKey [EpochKeySize]byte

const hiddenKey = "[key]"

// Format hides the key, whatever the verb.
func (EpochKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hiddenKey) }

// LogValue hides the key.
func (EpochKey) LogValue() slog.Value { return slog.StringValue(hiddenKey) }

// MarshalText hides the key.
func (EpochKey) MarshalText() ([]byte, error) { return []byte(hiddenKey), nil }

// Epoch is the time of one key of a group.
type Epoch struct {
	Group   GroupID
	Number  uint32 // key, with Group; from 1
	Key     EpochKey
	Reason  moderation.EpochReason
	Seq     Seq       // the newest entry when it began: those above it are of this epoch, or a later one
	Rev     Rev       // of its beginning
	Created time.Time // by the expiry time
	Ends    time.Time // when the next one is due, by the expiry time; zero: not until something happens
}

// EpochsReadTx reads epochs.
type EpochsReadTx interface {
	// Epochs lists those with a number below before (0: no bound), the newest first.
	Epochs(g GroupID, before uint32, limit int) ([]Epoch, error)
	// EpochsDue lists the epochs that end at a time or before, the first due first (then by group).
	EpochsDue(until time.Time, limit int) ([]Epoch, error)
}

// EpochsTx writes them.
type EpochsTx interface {
	PutEpoch(Epoch) error
	// DropEpochs removes those with a number below before.
	DropEpochs(g GroupID, before uint32) error
}
