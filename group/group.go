package group

import (
	"time"

	"groupd/moderation"
)

// Group is the row of one group: what it is called and how it behaves. Its counters are in Head.
type Group struct {
	ID          GroupID      // key
	Identity    IdentityHash // unique
	Address     Address      // unique; AddressOf(Identity)
	PublicKey   []byte       // 64 bytes
	PrivateKey  []byte       // 64 bytes, or wrapped by a passphrase; never leaves the machine
	Public      bool         // names and head are shown to strangers
	PublicName  string
	PrivateName string // shown to members; "" means the public one
	Topic       string
	Joining     moderation.Joining
	Policy      moderation.Policy
	Lockdown    Lockdown
	Owner       AnyHash // who becomes owner as soon as he appears; zero: nobody
	Preset      string  // word of the moderation.Preset that it was made as; "": none
	Ending      Ending
	Rev         Rev          // of the last change of what clients see here
	SeenKey     []byte       // 32 bytes: keys the SeenIDs of this group
	Creator     IdentityHash // who made it; zero: the operator
	Created     time.Time
	Updated     time.Time
}

// Lockdown has who joins an open group wait for a moderator.
type Lockdown struct {
	On    bool
	Until time.Time // by the expiry time; zero: until somebody lifts it
}

// Ending is what members have been told of the group's end (moderation.Policy.ExpiresAt).
type Ending struct {
	Told EndStage
	At   time.Time // by the expiry time, when they were told that it is over; zero: not yet
}

// InForce reports whether it still holds.
func (l Lockdown) InForce(now time.Time) bool { return l.On && moderation.BanInForce(l.Until, now) }

// Name is what members call the group.
func (g Group) Name() string {
	if g.PrivateName != "" {
		return g.PrivateName
	}
	return g.PublicName
}
