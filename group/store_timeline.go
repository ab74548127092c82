package group

import (
	"errors"
	"time"
)

// ErrNoIndex is returned by a Store's Search for words when the engine has no index of them.
var ErrNoIndex = errors.New("no index of words")

// TimelineReadTx reads what is said about entries, and finds them by their words.
type TimelineReadTx interface {
	// Edits lists the edits of an entry that are not deleted, by seq.
	Edits(g GroupID, of Seq, limit int) ([]Entry, error)
	// ReactionsTo counts the reactions to an entry by kind: the most frequent first, then the one given first, then by text.
	// Mine says that who gave one of them.
	ReactionsTo(g GroupID, seq Seq, who IdentityHash) ([]ReactionCount, error)
	// Reactions lists the reactions to an entry, the one given first first.
	Reactions(g GroupID, seq Seq, limit int) ([]Reaction, error)
	// Pins lists the pinned entries, the newest first.
	Pins(g GroupID, limit int) ([]Seq, error)
	// Search lists what fits, the newest first; ErrNoIndex when it has words and the engine has no index.
	Search(g GroupID, q SearchRows) ([]Entry, error)
	// ContentSize is how many bytes the titles, texts and fields of all entries have. It may take a second.
	ContentSize(g GroupID) (int64, error)
}

// TimelineTx writes what is said about entries.
type TimelineTx interface {
	// MarkEntry stores Rev, EditedBy, Pinned and Reactions of an entry that exists, and takes an edited one out of what Search finds.
	MarkEntry(Entry) error
	// AddReaction stores one, DeleteReaction removes one; each reports whether that changed anything.
	AddReaction(Reaction) (bool, error)
	DeleteReaction(g GroupID, seq Seq, who IdentityHash, text string) (bool, error)
	// DropEntries removes at most limit entries below before, the oldest first, with all that belongs to them, as if they had
	// never been. It returns how many went.
	DropEntries(g GroupID, before Seq, limit int) (int, error)
}

// Reaction is one member's reaction of one kind to one entry; the four fields before Created are its key.
type Reaction struct {
	Group   GroupID
	Seq     Seq
	Who     IdentityHash
	Text    string // 1 to MaxReactionBytes, cleaned
	Created time.Time
}

// ReactionCount is how often one reaction was given to one entry.
type ReactionCount struct {
	Text  string
	Count int
	Mine  bool
}

// SearchRows says which entries to find: authored ones that are neither deleted nor edited, of codec 0, to which all of this
// applies.
type SearchRows struct {
	Words  []string     // each in lower case, letters and digits only: a word of title or text begins with it, whatever its case and accents
	Author IdentityHash // zero: anybody
	Since  time.Time    // not before; zero: no bound
	Until  time.Time    // before; zero: no bound
	After  Seq          // above
	Before Seq          // below; 0: no bound
	Limit  int
}

// ReportsReadTx reads what members reported.
type ReportsReadTx interface {
	// Reports lists those with ID > after, by ID.
	Reports(g GroupID, after int64, limit int) ([]Report, error)
	CountReports(g GroupID) (int, error)
	CountReportsBy(g GroupID, who IdentityHash) (int, error)
}

// ReportsTx writes what members reported.
type ReportsTx interface {
	// PutReport stores one, with an ID of the store's own unless the same member has reported the entry before: then that
	// report's ID stays, and its reason and time are replaced.
	PutReport(Report) error
	// DeleteReports removes all reports about an entry and returns how many there were.
	DeleteReports(g GroupID, seq Seq) (int, error)
}

// Report is one member's word to the moderators about one entry.
type Report struct {
	Group   GroupID
	ID      int64 // given by the store, rising
	Seq     Seq   // key, with Group and By
	By      IdentityHash
	Reason  string
	Created time.Time
}
