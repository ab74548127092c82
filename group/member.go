package group

import (
	"time"

	"groupd/moderation"
)

// Member is the row of one identity in one group. It stays after leaving, kick or ban (Present false), so that entries
// keep their author's name, clients learn of the departure, and the name stays reserved for a while.
type Member struct {
	Group       GroupID
	Identity    IdentityHash // key, with Group
	Address     Address      // AddressOf(Identity); unique in the group as well
	PublicKey   []byte       // 64 bytes, nil while unknown
	Ratchet     []byte       // newest 32-byte ratchet heard, nil for none
	Present     bool         // a member now
	Role        moderation.Role
	Permissions moderation.Permission // effective; 0 when not Present
	DisplayName string                // cleaned, unique among present members and recently departed ones
	Skeleton    string                // of DisplayName: equal skeletons look alike
	Status      string                // status text
	Rev         Rev                   // of the last change clients must learn
	Joined      time.Time             // last time
	JoinSeq     Seq                   // of the entry that told it; 0: before this was kept
	Left        time.Time             // zero while Present; the name is reserved until Left + Policy.NameSpan
	LastHeard   time.Time             // coarse; never raises Rev
	LastCommand time.Time             // timestamp of the newest text command accepted
	Mute        Mute                  // stays when he leaves, so that who comes back is still muted
	InvitedBy   IdentityHash          // whose invite he joined by, last time; zero: nobody's, or the operator's
	Successor   IdentityHash          // who has this membership now, see Hub.Transfer; zero: nobody
}

// Mute keeps a member from writing.
type Mute struct {
	On     bool
	Until  time.Time // by the expiry time; zero: until somebody lifts it
	Reason string
}

// InForce reports whether it still holds.
func (m Mute) InForce(now time.Time) bool { return m.On && moderation.BanInForce(m.Until, now) }

// Request is somebody waiting to be approved.
type Request struct {
	Group       GroupID
	Identity    IdentityHash // key, with Group
	Address     Address
	PublicKey   []byte
	Ratchet     []byte
	DisplayName string // wished for, cleaned; made unique at approval
	Greeting    string
	Created     time.Time
	LastCommand time.Time
}

// Ban keeps one identity out. Target is what was typed: an identity hash or an address, both forms are compared with
// whoever appears. A kick is a ban that ends soon.
type Ban struct {
	Group       GroupID
	Target      AnyHash      // key, with Group; the identity hash where that was known
	Identity    IdentityHash // zero while nothing is known of the target
	Address     Address      // zero while nothing is known of the target
	DisplayName string       // at the time, "" when unknown
	By          IdentityHash // zero: the operator
	Reason      string
	Kick        bool
	Created     time.Time
	Expires     time.Time // zero: never
}

// Audit is one line of the log of moderation.
type Audit struct {
	Group  GroupID
	ID     int64 // given by the store, rising
	Time   time.Time
	By     IdentityHash // zero: the operator at the machine
	Action string       // the method: "kick", "permissions"
	Target AnyHash      // zero: none
	Detail string       // reason, old and new value; never message texts
}

// ClaimCode is the stored half of an owner's claim: the code itself is never kept.
type ClaimCode struct {
	Group   GroupID // key: one live code per group
	Salt    [16]byte
	Hash    Hash // SHA-256(salt ‖ code)
	Created time.Time
	Expires time.Time
}
