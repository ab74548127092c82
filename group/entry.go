package group

import "time"

// EntryKind says what an entry is. The numbers are wire and database values and part of the chain: they never change.
type EntryKind uint8

const (
	EntryPost      EntryKind = 1
	EntryAction    EntryKind = 2 // a post in the third person, /me
	EntryEdit      EntryKind = 3 // names the entry it replaces in Ref
	EntryJoin      EntryKind = 4 // Author joined
	EntryLeave     EntryKind = 5
	EntryKick      EntryKind = 6 // Author removed Target; Text is the reason
	EntryBan       EntryKind = 7
	EntryUnban     EntryKind = 8
	EntryName      EntryKind = 9  // a member's display name; Text is the new one
	EntryTopic     EntryKind = 10 // Text is the topic
	EntryRole      EntryKind = 11 // Author gave Target a role; Text is its word
	EntryGroupName EntryKind = 12 // Text is the group's new name
	EntryMute      EntryKind = 13 // Author muted Target, nobody when the server did; Text is the reason
	EntryUnmute    EntryKind = 14
	EntryLockdown  EntryKind = 15 // who joins waits for a moderator, or (Text "off") no longer; Author is nobody when the server did
)

// String is the kind's word.
func (k EntryKind) String() string {
	switch k {
	case EntryPost:
		return "post"
	case EntryAction:
		return "action"
	case EntryEdit:
		return "edit"
	case EntryJoin:
		return "join"
	case EntryLeave:
		return "leave"
	case EntryKick:
		return "kick"
	case EntryBan:
		return "ban"
	case EntryUnban:
		return "unban"
	case EntryName:
		return "name"
	case EntryTopic:
		return "topic"
	case EntryRole:
		return "role"
	case EntryGroupName:
		return "groupname"
	case EntryMute:
		return "mute"
	case EntryUnmute:
		return "unmute"
	case EntryLockdown:
		return "lockdown"
	}
	return "unknown"
}

// Authored reports whether a person wrote it, as opposed to something that happened.
func (k EntryKind) Authored() bool { return k == EntryPost || k == EntryAction || k == EntryEdit }

// Entry is one item of a group's timeline. When Deleted, all that the digest covers except Kind, Author and Time is
// erased together with the salt (see Tombstone), and the digest stays.
type Entry struct {
	Group      GroupID
	Seq        Seq // key, with Group
	Rev        Rev // of the last change
	Written    Rev // of the last change of its content: it was added, or erased; what is said about it has changed since when it is below Rev
	Kind       EntryKind
	Author     IdentityHash // zero: the operator
	Target     AnyHash      // whom an event is about; zero: nobody
	Ref        Seq          // the entry this one answers or edits; 0: none
	Time       time.Time    // the server's, microseconds
	AuthorTime time.Time    // the author's, microseconds; zero: unknown
	MessageID  MessageID    // LXMF's hash; zero: did not come as LXMF
	Codec      uint32       // of Text; 0 plain UTF-8
	Title      []byte
	Text       []byte // the content, or what an event says
	Fields     []byte // the LXMF fields that were kept, one msgpack map as received; nil: none
	Emergency  bool   // passes quiet hours and shares; not part of the digest
	Signed     bool   // the author's signed original can be asked for (Hub.Proof)
	Salt       []byte // 32 bytes; nil when Deleted
	Digest     Hash   // SHA-256(salt ‖ canonical content)
	Hash       Hash   // SHA-256(previous hash ‖ digest)
	Deleted    bool
	DeletedAt  time.Time
	DeletedBy  IdentityHash
	EditedBy   Seq // an edit that replaces its title and text, the newest one where it is no edit itself; 0: none
	Pinned     bool
	Reactions  int  // rows of reactions to it
	Restored   bool // was put aside by a purge, and is back

	Attachments int          // files, images and sounds that came with it; Fields are without them
	Files       []Attachment // in pages: what these are, in the order of the message
}

// Tombstone is what deleting leaves of an entry: its place, kind, author, times of writing and deleting, and the chain.
func (e Entry) Tombstone(rev Rev, at time.Time, by IdentityHash) Entry {
	return Entry{
		Group: e.Group, Seq: e.Seq, Rev: rev, Kind: e.Kind, Author: e.Author, Time: e.Time,
		Written: rev, Digest: e.Digest, Hash: e.Hash, Deleted: true, DeletedAt: at, DeletedBy: by,
	}
}

// Head is a group's set of counters; it changes with every entry.
type Head struct {
	Seq       Seq    // newest entry
	Rev       Rev    // newest change
	Deletions uint64 // how often entries were deleted, or put back
	Chain     Hash   // hash of the newest entry; zero for an empty group
	Oldest    Seq    // oldest entry kept; 0 for an empty group
	OldestRev Rev    // newest change when Oldest last rose: who has no later cursor has yet to learn of it
}
