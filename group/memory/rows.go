package memory

import (
	"bytes"
	"maps"
	"slices"
	"sort"
	"time"

	"groupd/group"
)

// rows is everything a store holds.
type rows struct {
	meta   map[string][]byte
	groups map[group.GroupID]*groupRows
	audits int64 // newest audit ID
	// newest report ID
	reports int64
	// newest invite ID
	lastInvite int64
	direct     []group.DirectInvite // in the order of their sending
	blocks     map[group.IdentityHash]group.InviteBlock
	// outcomes of requests, also those without a group
	outcomes map[outcomeKey]group.Outcome
	blobs    map[group.Hash]group.Blob
	listed   map[group.IdentityHash]group.ListedGroup
	// groups that were removed, and of which something is left
	erasable map[group.GroupID]*groupRows
	removed  map[group.GroupID]group.RemovedGroup
	log      []group.ServerLine // rising ID
	lines    int64              // newest ID of those
	// groups that are being filled
	importing map[group.GroupID]*groupRows
}

// groupRows is everything of one group.
type groupRows struct {
	group        *group.Group
	head         group.Head
	members      map[group.IdentityHash]group.Member
	present      int // members
	membersByRev []revOf[group.IdentityHash]
	entries      map[group.Seq]group.Entry
	originals    map[group.Seq][]byte
	entriesByRev []revOf[group.Seq]
	seqs         []group.Seq // rising
	byMessage    map[group.MessageID]group.Seq
	reactions    map[group.Seq]map[reactionKey]group.Reaction
	reports      []group.Report // rising ID
	attachments  map[group.Seq]attachedRow
	requests     map[group.IdentityHash]group.Request
	bans         map[group.AnyHash]group.Ban
	seen         map[group.SeenID]struct{}
	claim        *group.ClaimCode
	audit        []group.Audit // rising ID
	deliveries   map[group.IdentityHash]group.Delivery
	invites      map[int64]group.Invite
	erasures     map[group.IdentityHash]group.Erasure
	circle       *group.Circle
	invitees     map[group.AnyHash]group.Invitee
	epochs       map[uint32]group.Epoch
	aside        map[group.Seq]aside
	expected     map[group.AnyHash]group.Expected
}

// revOf is an item of an index by rev: it counts only while its row still has that rev.
type revOf[K any] struct {
	rev group.Rev
	key K
}

type reactionKey struct {
	who  group.IdentityHash
	text string
}

type outcomeKey struct {
	group    group.GroupID
	identity group.IdentityHash
	client   string
}

func newRows() *rows {
	return &rows{
		meta:      make(map[string][]byte),
		groups:    make(map[group.GroupID]*groupRows),
		outcomes:  make(map[outcomeKey]group.Outcome),
		blocks:    make(map[group.IdentityHash]group.InviteBlock),
		blobs:     make(map[group.Hash]group.Blob),
		listed:    make(map[group.IdentityHash]group.ListedGroup),
		erasable:  make(map[group.GroupID]*groupRows),
		removed:   make(map[group.GroupID]group.RemovedGroup),
		importing: make(map[group.GroupID]*groupRows),
	}
}

func newGroupRows() *groupRows {
	return &groupRows{
		members:     make(map[group.IdentityHash]group.Member),
		entries:     make(map[group.Seq]group.Entry),
		originals:   make(map[group.Seq][]byte),
		byMessage:   make(map[group.MessageID]group.Seq),
		requests:    make(map[group.IdentityHash]group.Request),
		bans:        make(map[group.AnyHash]group.Ban),
		seen:        make(map[group.SeenID]struct{}),
		deliveries:  make(map[group.IdentityHash]group.Delivery),
		reactions:   make(map[group.Seq]map[reactionKey]group.Reaction),
		invites:     make(map[int64]group.Invite),
		erasures:    make(map[group.IdentityHash]group.Erasure),
		invitees:    make(map[group.AnyHash]group.Invitee),
		epochs:      make(map[uint32]group.Epoch),
		aside:       make(map[group.Seq]aside),
		attachments: make(map[group.Seq]attachedRow),
		expected:    make(map[group.AnyHash]group.Expected),
	}
}

// of finds a group's rows; a group that is not there has none, and reads like an empty one.
func (r *rows) of(g group.GroupID) *groupRows {
	if gr := r.groups[g]; gr != nil {
		return gr
	}
	if gr := r.importing[g]; gr != nil {
		return gr
	}
	return newGroupRows()
}

// firstAfter is the position of the first item with a rev above after.
func firstAfter[K any](index []revOf[K], after group.Rev) int {
	return sort.Search(len(index), func(i int) bool { return index[i].rev > after })
}

// insert keeps an index sorted by rev: at the end as a rule. What index held stays as it is, for a rollback.
func insert[K any](index []revOf[K], item revOf[K]) []revOf[K] {
	return insertAt(index, firstAfter(index, item.rev), item)
}

// insertAt is slices.Insert that never moves what s holds.
func insertAt[T any](s []T, i int, v T) []T {
	if i == len(s) {
		return append(s, v)
	}
	return slices.Insert(slices.Clone(s), i, v)
}

// sortedByHash lists the values of a map keyed by a 16-byte hash, by that hash.
func sortedByHash[K ~[16]byte, V any](m map[K]V) []V {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b K) int { return bytes.Compare(a[:], b[:]) })
	out := make([]V, 0, len(keys))
	for _, k := range keys {
		out = append(out, m[k])
	}
	return out
}

// clone copies bytes; empty becomes nil.
func clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

// at brings a time to what a store keeps: UTC, microseconds, no monotonic part.
func at(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func copyGroup(g group.Group) group.Group {
	g.PublicKey, g.PrivateKey, g.SeenKey = clone(g.PublicKey), clone(g.PrivateKey), clone(g.SeenKey)
	g.Created, g.Updated, g.Lockdown.Until = at(g.Created), at(g.Updated), at(g.Lockdown.Until)
	g.Policy.ReservedNames = slices.Clone(g.Policy.ReservedNames)
	return g
}

func copyMember(m group.Member) group.Member {
	m.PublicKey, m.Ratchet = clone(m.PublicKey), clone(m.Ratchet)
	m.Joined, m.Left, m.LastHeard, m.LastCommand = at(m.Joined), at(m.Left), at(m.LastHeard), at(m.LastCommand)
	m.Mute.Until = at(m.Mute.Until)
	return m
}

func copyEntry(e group.Entry) group.Entry {
	e.Title, e.Text, e.Fields, e.Salt = clone(e.Title), clone(e.Text), clone(e.Fields), clone(e.Salt)
	e.Time, e.AuthorTime, e.DeletedAt = at(e.Time), at(e.AuthorTime), at(e.DeletedAt)
	return e
}

func copyRequest(r group.Request) group.Request {
	r.PublicKey, r.Ratchet = clone(r.PublicKey), clone(r.Ratchet)
	r.Created, r.LastCommand = at(r.Created), at(r.LastCommand)
	return r
}

func copyBan(b group.Ban) group.Ban {
	b.Created, b.Expires = at(b.Created), at(b.Expires)
	return b
}

func copyOutcome(o group.Outcome) group.Outcome {
	o.ClientID, o.Result, o.Created = clone(o.ClientID), clone(o.Result), at(o.Created)
	return o
}
