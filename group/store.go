package group

import (
	"context"
	"time"

	"groupd/moderation"
)

// Store keeps the rows. Engines are db/sqlite and group/memory; db/dbtest is the suite that both pass.
//
// Rows are values: what a read returns is the caller's own, and what a write was given is not kept by reference.
// Times are UTC in microseconds; the zero time stays zero. Nil and empty byte slices are the same, and read as nil.
type Store interface {
	// Update runs f once in a write transaction and returns after commit and fsync.
	//
	// Closures run one after another, each seeing what those before it wrote. Concurrent calls may share one commit, each
	// in its own savepoint: an error from f undoes only what f wrote and is returned as it is, without waiting for more.
	// When the commit fails, each Update in it returns an error that wraps ErrNotDurable, and nothing is kept. When ctx
	// ends before f has started, f does not run and ctx's error is returned; afterwards ctx is not looked at any more.
	// f must not call the Store, must not keep the Tx, and must not wait for anything.
	Update(ctx context.Context, f func(Tx) error) error

	// View runs f on one consistent snapshot that contains every Update that returned before. It never waits for writers.
	// f must not call the Store or keep the ReadTx.
	View(ctx context.Context, f func(ReadTx) error) error
}

// Queuer is a Store that tells when an update has its place in the order, which may be long before it is committed. Who has several
// updates to make in order can call for the next one then, and so have them share a commit.
type Queuer interface {
	// UpdateQueued is Update, with a call of queued, once, when f will run before every f that is passed from then on. It is
	// not called when there is no such moment: Update then returns an error. queued must return at once.
	UpdateQueued(ctx context.Context, f func(Tx) error, queued func()) error
}

// ReadTx reads rows. Reads of one row return ErrNoRow when there is none; lists are empty then. Every list has a limit,
// which is at least 1.
type ReadTx interface {
	DeliveryReadTx
	AttachmentsReadTx
	PolicyReadTx
	InvitesReadTx
	CircleReadTx
	EpochsReadTx
	ErasuresReadTx
	DirectoryReadTx
	GroupsReadTx

	// Meta is a value of the database as a whole; nil when unset.
	Meta(key string) ([]byte, error)

	// Groups lists all groups by ID; Group finds one; Head reads its counters.
	Groups() ([]Group, error)
	Group(id GroupID) (Group, error)
	Head(id GroupID) (Head, error)

	// Member finds a row, present or not, by identity; MemberByHash by identity or address.
	Member(g GroupID, id IdentityHash) (Member, error)
	MemberByHash(g GroupID, h AnyHash) (Member, error)
	// MembersByPrefix lists present members whose address or identity, in lower-case hex, begins with prefix (hex digits
	// only), by identity. MembersBySkeleton lists rows with that skeleton, present or not, by identity.
	MembersByPrefix(g GroupID, prefix string, limit int) ([]Member, error)
	MembersBySkeleton(g GroupID, skeleton string, limit int) ([]Member, error)
	// MembersByRev lists rows with Rev > after, lowest Rev first; only present ones when presentOnly.
	MembersByRev(g GroupID, after Rev, presentOnly bool, limit int) ([]Member, error)
	// CountMembers counts present members; CountRole those with that role; CountDeparted the rows of those who are gone.
	CountMembers(g GroupID) (int, error)
	CountDeparted(g GroupID) (int, error)
	CountRole(g GroupID, r moderation.Role) (int, error)

	// Entry finds one; Entries lists seqs in (after, before), rising, or the newest first when newest; before 0 is no bound.
	Entry(g GroupID, seq Seq) (Entry, error)
	Entries(g GroupID, after, before Seq, newest bool, limit int) ([]Entry, error)
	// EntriesByRev lists entries with Rev > after, lowest Rev first.
	EntriesByRev(g GroupID, after Rev, limit int) ([]Entry, error)
	// EntriesByWritten lists entries with Written > after, lowest Written first.
	EntriesByWritten(g GroupID, after Rev, limit int) ([]Entry, error)
	// EntriesByAuthor lists authored entries (EntryKind.Authored) of one author that are not deleted, with Seq > after, rising.
	EntriesByAuthor(g GroupID, author IdentityHash, after Seq, limit int) ([]Entry, error)
	// EntryByMessageID finds the entry that is not deleted and has this id.
	EntryByMessageID(g GroupID, id MessageID) (Entry, error)
	// Original is the author's signed original of an entry; ErrNoRow when none is kept.
	Original(g GroupID, seq Seq) ([]byte, error)

	// Request finds one who waits; RequestByHash by identity or address; Requests lists them, longest waiting first (then
	// by identity).
	Request(g GroupID, id IdentityHash) (Request, error)
	RequestByHash(g GroupID, h AnyHash) (Request, error)
	Requests(g GroupID, limit int) ([]Request, error)
	CountRequests(g GroupID) (int, error)

	// BansMatching lists bans whose Target, Identity or Address is h or other, by Target; Bans lists those with Target >
	// after, by Target.
	BansMatching(g GroupID, h, other AnyHash) ([]Ban, error)
	Bans(g GroupID, after AnyHash, limit int) ([]Ban, error)
	CountBans(g GroupID) (int, error)

	// Seen reports whether an id was ever added.
	Seen(g GroupID, id SeenID) (bool, error)

	// Outcome is the stored answer to an identity's request with this client id; "" is the group of requests without one.
	Outcome(g GroupID, id IdentityHash, clientID []byte) (Outcome, error)
	// CountOutcomes counts those of one identity in all groups, CountAllOutcomes those of everybody; the latter may take
	// milliseconds.
	CountOutcomes(id IdentityHash) (int, error)
	CountAllOutcomes() (int, error)

	// ClaimCode is the live claim code of a group.
	ClaimCode(g GroupID) (ClaimCode, error)

	// Audit lists newest first, IDs below before (0: no bound).
	Audit(g GroupID, before int64, limit int) ([]Audit, error)

	TimelineReadTx
	ReportsReadTx
	TransferReadTx
	ExpectedReadTx
}

// Tx reads and writes rows. Put methods insert or replace by the row's key; Delete methods do nothing when there is none.
type Tx interface {
	ReadTx
	DeliveryTx
	InvitesTx
	CircleTx
	EpochsTx
	ErasuresTx
	AttachmentsTx
	DirectoryTx
	GroupsTx

	SetMeta(key string, value []byte) error // nil deletes

	PutGroup(Group) error
	PutHead(g GroupID, h Head) error
	PutMember(Member) error
	// DropOldestDeparted removes the row of the one who left longest ago (then by identity), if there is one.
	DropOldestDeparted(g GroupID) error
	// TouchMember sets what raises no rev: last heard and last command where not zero, public key and ratchet where not nil.
	TouchMember(g GroupID, id IdentityHash, heard, command time.Time, publicKey, ratchet []byte) error

	// AppendEntry adds an entry whose Seq is new, with the author's signed original (nil: none).
	AppendEntry(e Entry, original []byte) error
	// PutTombstone replaces an entry by what Entry.Tombstone made of it, and erases the original, the reactions to it, the
	// reports about it and what Search finds it by.
	PutTombstone(Entry) error

	PutRequest(Request) error
	DeleteRequest(g GroupID, id IdentityHash) error
	PutBan(Ban) error
	DeleteBan(g GroupID, target AnyHash) error

	AddSeen(g GroupID, id SeenID) error
	PutOutcome(Outcome) error
	// PruneOutcomes removes at most limit of those created before a time, the oldest first; DropOldestOutcome removes one
	// identity's oldest.
	PruneOutcomes(before time.Time, limit int) (int, error)
	DropOldestOutcome(id IdentityHash) error

	PutClaimCode(ClaimCode) error
	DeleteClaimCode(g GroupID) error

	// AddAudit appends, with an ID of the store's own, and removes the oldest beyond keep rows of that group.
	AddAudit(a Audit, keep int) error

	TimelineTx
	ReportsTx
	TransferTx
	ExpectedTx
}

// Outcome is the stored answer to a request with a client id.
type Outcome struct {
	Group    GroupID
	Identity IdentityHash
	ClientID []byte // key, with Group and Identity
	Op       string // the method
	Result   []byte // its result, in the Hub's own encoding
	Created  time.Time
}
