package group

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"groupd/moderation"
)

// Config is what a Hub is made of.
type Config struct {
	Store  Store            // required
	Now    func() time.Time // nil: time.Now
	Rand   io.Reader        // nil: crypto/rand
	Logger *slog.Logger     // nil: discard

	NotBefore time.Time // a clock that says less is not set, and is not believed (see ClockUnsure); zero: any is

	Limits Limits // zero fields: the defaults
	Blobs  Blobs  // contents of attachments; nil: posts with attachments are refused

	// Airtime is how long one transmission of so many bytes of a group's post takes on the slowest interface; 0: it takes no time
	// worth counting. Called within transactions, from any goroutine: it must return at once. Nil: always 0.
	Airtime func(g GroupID, bytes int) time.Duration

	// Announces reports whether an identity is known to announce a group itself. Called as Airtime is. Nil: nobody does.
	Announces func(IdentityHash) bool

	// Blackholed reports whether an identity is not to be listened to: it is left out of the directory. PathTo is the way to a group of
	// another server as it is known now. Both must return at once; nil: nobody is, none is known.
	Blackholed func(IdentityHash) bool
	PathTo     func(IdentityHash) (hops int, carrier string, ok bool)
	// NewIdentity makes the keys of a group: 64 public and 64 private bytes. Called from any goroutine. Nil: a group is made only with
	// keys that are given.
	NewIdentity func() (public, private []byte, err error)
	Groups      Creating // who makes groups of their own here
}

// Hub is the one service behind every face: all methods may be called from any goroutine, any number at a time.
//
// Methods that change something are all or nothing, and durable when they return without error. Where Caller.ClientID is
// set, a repeated call of the same method by the same identity within 7 days answers what the first one answered and
// does nothing. Where Caller.Command is set, the call runs only if the command is fresh. Errors are always *Error.
type Hub struct {
	store      Store
	now        func() time.Time
	log        *slog.Logger
	limits     Limits
	clock      clock
	bus        bus
	strangers  strangers
	pressures  pressures
	airtime    func(GroupID, int) time.Duration
	announces  func(IdentityHash) bool
	blobs      Blobs
	unused     chan struct{} // capacity 1: there may be contents to erase
	missing    atomic.Uint64 // contents that were not there at the start
	buckets    Buckets[bucketKey]
	deliveries Buckets[memberKey]
	inquiries  Buckets[memberKey]
	guesses    guesses
	inviting   Buckets[inviteKey]
	issued     issued
	erasing    chan struct{} // something is to be erased
	directory  directory
	lately     lately
	reads      turns
	writes     turns
	blackholed func(IdentityHash) bool
	pathTo     func(IdentityHash) (hops int, carrier string, ok bool)
	rekeying   chan struct{} // a new epoch was put off
	telling    chan struct{} // somebody is to be told that he is invited
	handed     handed
	farewells  farewells

	newIdentity func() (public, private []byte, err error)
	creating    Creating
	founding    Buckets[IdentityHash] // groups made, by whom; zero: of all
	listing     Buckets[IdentityHash] // lists of groups, for whom; zero: for all who have not identified

	importing atomic.Bool // Import runs
	exporting atomic.Bool // an export runs

	unblocked  atomic.Uint64 // who wanted no invites and was forgotten
	remembered atomic.Uint64 // outcomes written since the start
	ungrouped  atomic.Uint64 // groups not made because of a bound or a rate
	unlisted   atomic.Uint64 // lists of groups not given
	dropped    atomic.Uint64 // entries removed by retention

	randMu sync.Mutex // leaf
	rand   io.Reader
}

// New checks cfg and makes a Hub; nothing is started.
func New(cfg Config) (*Hub, error) {
	if cfg.Store == nil {
		return nil, &Error{Kind: KindInternal, Op: "new", Msg: "a store is needed"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{store: cfg.Store, now: cfg.Now, rand: cfg.Rand, log: cfg.Logger, limits: cfg.Limits.withDefaults(), blobs: cfg.Blobs, unused: make(chan struct{}, 1),
		erasing: make(chan struct{}, 1), telling: make(chan struct{}, 1), rekeying: make(chan struct{}, 1)}
	h.reads.most, h.writes.most = readsOfGroup, writesOfGroup
	h.clock.now, h.clock.start, h.clock.floor = cfg.Now, time.Now(), cfg.NotBefore
	h.creating = cfg.Groups.withDefaults()
	if h.newIdentity = cfg.NewIdentity; h.newIdentity == nil {
		h.newIdentity = func() ([]byte, []byte, error) { return nil, nil, errors.New("nothing here makes keys") }
	}
	if h.announces = cfg.Announces; h.announces == nil {
		h.announces = func(IdentityHash) bool { return false }
	}
	if h.blackholed = cfg.Blackholed; h.blackholed == nil {
		h.blackholed = func(IdentityHash) bool { return false }
	}
	if h.pathTo = cfg.PathTo; h.pathTo == nil {
		h.pathTo = func(IdentityHash) (int, string, bool) { return 0, "", false }
	}
	if h.airtime = cfg.Airtime; h.airtime == nil {
		h.airtime = func(GroupID, int) time.Duration { return 0 }
	}
	return h, nil
}

// Run keeps count of the time that passes while nothing else is stored (see ClockUnsure), removes entries that are no longer kept,
// begins epochs that are due, and does what else is due every ten minutes: members who were silent for as long as the policy says leave,
// lockdowns end; it hides, brings back and erases the posts of those who were banned or want to be forgotten, erases what is left of deleted
// groups, and has those told who are invited to clones. It returns nil when ctx ends, or the error that kept it from storing the last count.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { h.runErasures(ctx) })
	wg.Go(func() { h.runDirectory(ctx) })
	wg.Go(func() { h.runTelling(ctx) })
	defer wg.Wait()
	var listening time.Duration // with a clock that was sure
	tick := time.NewTicker(clockStore)
	defer tick.Stop()
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	rekey := time.NewTimer(0)
	defer rekey.Stop()
	var sweeper sweeper
	checked := false
	for {
		var last bool
		select {
		case <-sweep.C:
			if err := h.sweep(ctx, &sweeper); err != nil {
				h.log.Warn("could not remove what is no longer kept", "err", err)
			}
			if err := h.tidy(ctx, &checked); err != nil && ctx.Err() == nil {
				h.log.Warn("could not tidy up the attachments", "err", err)
			}
			sweep.Reset(sweepEvery)
			continue
		case <-h.unused:
			if err := h.eraseAll(ctx); err != nil && ctx.Err() == nil {
				h.log.Warn("could not erase attachments", "err", err)
			}
			continue
		case <-h.rekeying:
			rekey.Reset(0)
			continue
		case <-rekey.C:
			wait, err := h.rekeyDue(ctx)
			if err != nil && ctx.Err() == nil {
				h.log.Warn("could not begin a new epoch", "err", err)
			}
			rekey.Reset(wait)
			continue
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
		err := h.store.Update(context.WithoutCancel(ctx), func(tx Tx) error {
			if _, err := h.clock.expiry(tx); err != nil {
				return err
			}
			return h.clock.advance(tx)
		})
		switch {
		case last && err != nil:
			return h.failed("run", err)
		case last:
			return nil
		case err != nil:
			h.log.Warn("could not store the time", "err", err)
		case h.ClockUnsure():
			listening = 0
		default:
			listening += clockStore
			if err := h.due(ctx, listening); err != nil && ctx.Err() == nil {
				h.log.Warn("could not do what is due", "err", err)
			}
		}
	}
}

// random fills b.
func (h *Hub) random(b []byte) error {
	h.randMu.Lock()
	defer h.randMu.Unlock()
	_, err := io.ReadFull(h.rand, b)
	return err
}

// Stats counts what was dropped or refused at a bound since the start.
type Stats struct {
	StrangersRefused uint64 // answers that strangers did not get
	StrangersForgot  uint64 // strangers forgotten within a day for want of room
	BucketsEvicted   uint64 // rate buckets forgotten for want of room
	WrongClaims      uint64 // wrong owner's codes
	EntriesDropped   uint64 // entries that the groups' policies no longer keep
	InviteBlocksGone uint64 // people who wanted no invites and were forgotten for want of room
	GroupsRefused    uint64 // groups that people did not make because of a bound or a rate
	ListsRefused     uint64 // lists of groups that somebody did not get because he asked often
	AttachmentsLost  uint64 // contents of attachments that were missing at the start
	Directory        DirectoryStats
}

// Stats is a snapshot.
func (h *Hub) Stats() Stats {
	s := Stats{EntriesDropped: h.dropped.Load(), InviteBlocksGone: h.unblocked.Load(), GroupsRefused: h.ungrouped.Load(), ListsRefused: h.unlisted.Load(), AttachmentsLost: h.missing.Load()}
	h.strangers.mu.Lock()
	s.StrangersRefused, s.StrangersForgot = h.strangers.refused, h.strangers.forgotten
	h.strangers.mu.Unlock()
	_, s.BucketsEvicted = h.buckets.Size()
	s.Directory = h.directory.counts()
	h.guesses.mu.Lock()
	s.WrongClaims = h.guesses.wrong
	h.guesses.mu.Unlock()
	return s
}

// Caller is who asks, as the face has verified it: by the link's identification or a message's signature.
type Caller struct {
	Identity  IdentityHash // zero: not identified
	Address   Address      // may be left zero: the Hub computes it from Identity
	PublicKey []byte       // 64 bytes or nil; must fit Identity
	Ratchet   []byte       // newest 32-byte ratchet announced, or nil
	Local     bool         // the operator at the machine: every permission, above every rank
	ClientID  []byte       // the request's own id, 1 to MaxClientID bytes; nil: none
	Command   *Command     // set when a text command asks
	Work      int          // bits of work shown with this request or message, checked by the face; 256 with a ticket

	// Begun, when set, is called once a change has its place in the order of all changes, from another goroutine perhaps; it
	// must return at once. A face may then begin the same member's next change: both are done in this order, and can share a
	// commit. It is not called for what is refused before that.
	Begun func()
}

// Command is where a text command came from.
type Command struct {
	MessageID MessageID // of the message that held it
	Timestamp time.Time // the author's
	Late      bool      // it came through a propagation node
}

// Change is the answer of a method that changed something.
type Change struct {
	Seq      Seq  // of the entry that tells it; 0: no entry
	Rev      Rev  // the group's newest change after it
	Repeated bool // answered from memory, nothing was done again
}

// Info is what /info says. The fields after Inside are zero for strangers of private groups.
type Info struct {
	Group       GroupID
	Identity    IdentityHash
	Address     Address
	PublicKey   []byte
	Public      bool
	PublicName  string
	Joining     moderation.Joining
	Owned       bool    // has an owner, or never will; else it waits to be claimed
	Expected    AnyHash // who becomes an owner, or a member where nobody is one, when he joins; zero: nobody. For Local callers
	Rev         Rev     // of the last change of names, topic or policies
	Disclosure  int     // version of the disclosure texts
	Limits      Limits
	Policy      moderation.Policy
	Attachments AttachmentLimits
	Lockdown    bool // who joins waits for a moderator
	JoinCost    int  // bits of work that joining asks for now
	PostCost    int  // bits of work that a message asks for now; members have tickets
	You         Standing
	Forming     bool      // it has to be established yet
	AnswerUntil time.Time // for who is invited: until when he can join
	Inside      bool      // the fields below are filled
	PrivateName string
	Topic       string
	Members     int
	Head        Head
	Generation  Generation
	Preset      string // what it was made as; "": nothing particular
	Over        bool   // it has ended, see Policy.ExpiresAt
	Epoch       uint32 // of the group's key, for members; 0: it has none
}

// Door is what Joining comes to: a group that is over, or established as it stays, takes nobody, whatever its setting says.
func (i Info) Door() moderation.Joining {
	if i.Over || i.Policy.Establish && i.Policy.Fixed && !i.Forming {
		return moderation.JoiningClosed
	}
	return i.Joining
}

// Standing is what the caller is in a group.
type Standing struct {
	Standing    moderation.Standing
	Role        moderation.Role
	Permissions moderation.Permission
	Member      *Member   // his row, present or departed; nil: none
	Until       time.Time // of a ban or mute that ends
	Reason      string    // of a ban or mute
	Asked       *Request  // what he asked for, while he waits to join
}

// Disclosure is what people are told before and when they join.
type Disclosure struct {
	Version int
	Texts   []string
}

// ClaimCodeIssued is a fresh owner's code, shown once.
type ClaimCodeIssued struct {
	Code    string
	Expires time.Time
}

// ClaimInput asks to become the owner.
type ClaimInput struct {
	Code string       // as shown; case and spaces do not matter
	Name string       // wished display name, used when the caller is not a member yet; "" makes one
	Mode DeliveryMode // as in JoinInput, for who was no member
}

// JoinInput asks to become a member.
type JoinInput struct {
	Name     string       // wished display name; "" makes one; a taken one gets a number
	Greeting string       // shown to who approves; the answer to the question at the door; "": that of an earlier request stays
	Unsaid   bool         // it does not stay, unless it answers a question
	Code     string       // of an invite, as shown; case and spaces do not matter; "": none
	Mode     DeliveryMode // how he is told what is new, unless he has chosen; fetch: he asks
}

// JoinResult says what came of it.
type JoinResult struct {
	Change
	Standing moderation.Standing // member or pending
	Member   Member              // when member
	Name     string              // the name he got, or will ask for
	Already  bool                // was a member, or was waiting, before
}

// PostInput is one post. The face has verified the author's signature and taken the message apart.
type PostInput struct {
	Kind       EntryKind // EntryPost or EntryAction; 0 is EntryPost
	Title      []byte
	Text       []byte
	Fields     []byte // the kept LXMF fields, one msgpack map, without those of attachments; nil: none
	Codec      uint32
	Ref        Seq       // the entry it answers; 0: none
	RefID      MessageID // the message it answers, looked up when Ref is 0; unknown and deleted ones are none
	MessageID  MessageID // zero: did not come in LXMF form
	AuthorTime time.Time
	Original   []byte // the signed original as received, less the attachments, kept for proofs; nil: none
	Stripped   bool   // it carried fields that are not kept (0x02, 0x03, 0x09, 0x0C, 0xFB to 0xFD): Original is dropped
	Emergency  bool   // passes quiet hours and shares; needs PermEmergency
	Files      bool   // it comes with files, images or sound
	Marked     bool   // it carries a group's relay marker: refused

	Attachments []AttachmentInput // in the order of their places in the original
}

// PostResult says where the post stands.
type PostResult struct {
	Change
	Time      time.Time
	Duplicate bool // this message was accepted before: nothing was added; Seq is 0 when that entry is deleted
	Receipt   bool // the author wants to be told the seq
}

// Query says which entries to read. Exactly one of the selectors is used, in this order: Seqs, Newest, Before, After (by
// seq), else AfterRev.
type Query struct {
	AfterRev Rev   // what changed after this: entries, members, the group
	Newest   bool  // the newest Limit entries
	Before   Seq   // the Limit entries below it
	After    Seq   // the Limit entries above it
	BySeq    bool  // After is meant even when 0
	Seqs     []Seq // these, at most MaxPage

	Limit       int  // 1 … MaxPage; 0: DefaultPage
	NoEvents    bool // only what people wrote
	Contents    bool // with AfterRev: entries alone, by Written instead of Rev: each once when it comes and once when it is erased, whatever is said about it
	Complete    Rev  // with AfterRev: the cursor at which the reader last had everything, see Page; 0: unknown
	Current     bool // edited entries with their newest text, edits not as entries of their own: for faces that show texts to people
	EntriesOnly bool // with AfterRev: leave out members
	First       bool // edited entries with their first text, which members were sent before: for faces that must know what that was
	Reactors    bool // who gave the reactions, too

	oldest Seq // below it nothing is shown
}

// Page is an answer to a Query. Entries are by rising Rev for AfterRev, by rising Seq otherwise; a deleted entry is a
// tombstone. An edited entry (EditedBy) comes without title and text, which are those of that edit.
//
// With AfterRev a client that has applied the page has all changes up to To, except those to rows that have changed again since:
// these come further on. So only one who once had everything, at the cursor Query.Complete, has the content of every entry
// whose Written is not above that.
type Page struct {
	Generation Generation
	Head       Head
	Contents   bool // as in the Query: From and To count Written
	Complete   Rev  // as in the Query
	From, To   Rev  // AfterRev: the page covers changes in (From, To]; else To is the newest Rev
	More       bool
	Entries    []Entry
	Members    []Member // AfterRev: members that changed, departed ones too, by rising Rev
	Info       *Info    // AfterRev: set when names, topic or policies changed in (From, To]
	Authors    []Member // rows of everybody named in Entries, by identity
	Omitted    int      // entries in range that a filter left out
	Oldest     Seq      // the oldest entry kept, where the reader may not know it: what is below is gone. 0: nothing to learn

	// Reactions to those of the entries that have any.
	Reactions map[Seq][]ReactionCount

	// Reactors are the reactions themselves, the oldest first, at most MaxReactors to an entry. Only with Query.Reactors.
	Reactors map[Seq][]Reaction
}

// DeleteInput names posts to erase: by seqs, or all by one member. One call erases 64 of them, so that others need not wait.
type DeleteInput struct {
	Seqs   []Seq
	Author AnyHash
}

// DeleteResult counts.
type DeleteResult struct {
	Change
	Deleted int   // now erased
	Missing []Seq // no such entry, or erased before
	More    bool  // there is more to erase: call again with the same input
}

// MembersQuery pages through the members.
type MembersQuery struct {
	AfterRev Rev  // page on with MembersPage.To
	Changes  bool // also those who left since
	Limit    int
}

// MembersPage is a part of the list, by rising Rev.
type MembersPage struct {
	Generation Generation
	Head       Head
	Total      int // present members in all
	Members    []Member
	To         Rev
	More       bool
}

// KickInput removes a member for a while.
type KickInput struct {
	Target   AnyHash
	Reason   string
	Duration time.Duration // 0: DefaultKick
}

// BanInput keeps somebody out, member or not, known or not.
type BanInput struct {
	Target   AnyHash
	Reason   string
	Duration time.Duration // 0: for good
	Purge    bool          // hide all that he wrote
	Branch   bool          // also those whom he brought here, and whom they did
}

// BanResult says what a ban did.
type BanResult struct {
	Change
	Purging bool     // his posts are being hidden
	Branch  []Member // who was banned with him: identity, address and name
	More    bool     // his branch has more: ban him again
}

// PermissionsInput changes a member's role, single bits, or both (role first).
type PermissionsInput struct {
	Target AnyHash
	Role   moderation.Role // RoleNone: as it is
	Add    moderation.Permission
	Remove moderation.Permission
}

// NamesInput changes the group's names; nil leaves one as it is.
type NamesInput struct {
	Public  *string
	Private *string
}

// ProfileInput changes the caller's own name and status text; nil leaves one as it is.
type ProfileInput struct {
	Name   *string
	Status *string
}

// SettingsInput changes how the group behaves; nil leaves one as it is.
type SettingsInput struct {
	Joining *moderation.Joining
	Public  *bool
	// Change changes the policy that is in force; it is called once within the transaction and must return at once. Nil: it stays.
	Change func(*moderation.Policy)
}

// Settings is how a group behaves.
type Settings struct {
	Joining  moderation.Joining
	Public   bool
	Policy   moderation.Policy
	Lockdown Lockdown // zero when it has ended
	JoinCost int      // bits of work, as of now
	PostCost int
	Rev      Rev    // of the last change of names, topic or settings
	Preset   string // what the group was made as
}

// NewGroup seeds a group.
type NewGroup struct {
	ID          GroupID // 1 to 32 of a-z 0-9 - _; "": one is made. People leave it out
	PublicKey   []byte  // 64 bytes; nil with PrivateKey: Config.NewIdentity makes them
	PrivateKey  []byte
	Public      bool
	PublicName  string
	PrivateName string
	Topic       string
	Joining     moderation.Joining // 0: open for public groups, approve for private ones
	Policy      moderation.Policy
	Owner       AnyHash // becomes owner as soon as he appears, or a member where there are no ranks; zero: by claim. The operator's alone

	Invite []AnyHash // whom the creator invites at once

	// Preset is the word of a moderation.Preset, or "". What is not zero above wins over it, and so does Set, for what is to be zero.
	Preset      string
	Set         SettingsInput
	CreatorName string // display name of who makes it, unless that is the operator
}

// Proof is what lets a reader check one post: the author's signed original, and what the chain's digest covers.
type Proof struct {
	Entry    Entry
	Original []byte
	// Attachments are what was taken out of Original: each content belongs at its At.
	Attachments []Attachment
	PublicKey   []byte // the author's, 64 bytes; nil: not known any more
	Previous    Hash   // the hash before this entry's; zero for the first one, or when that one is no longer kept
}

// Scope says among whom a reference is looked up.
type Scope uint8

const (
	AmongMembers Scope = iota
	AmongRequests
	AmongBans
	AmongDeparted
	AmongAcquaintances // with whom the caller has exchanged messages, in any group of this server
)
