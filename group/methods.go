package group

import (
	"context"
	"time"

	"groupd/moderation"
)

// notYet answers for methods whose rules have not landed.
func notYet(op string) error {
	return &Error{Kind: KindUnsupported, Op: op, Msg: "not supported by this server"}
}

// CreateGroup adds a group. Local callers only.
func (h *Hub) CreateGroup(ctx context.Context, c Caller, n NewGroup) (Group, error) {
	return Group{}, notYet("create group")
}

// Groups lists every group here (Local) or the public ones, without private keys.
func (h *Hub) Groups(ctx context.Context, c Caller) ([]Info, error) { return nil, notYet("groups") }

// PrivateKey is a group's own key, for the face that serves it. Local callers only.
func (h *Hub) PrivateKey(ctx context.Context, c Caller, g GroupID) ([]byte, error) {
	return nil, notYet("private key")
}

// Info is for anyone, the banned excepted: they get KindBanned.
func (h *Hub) Info(ctx context.Context, c Caller, g GroupID) (Info, error) {
	return Info{}, notYet("info")
}

// Standing says what the caller is here; it never refuses.
func (h *Hub) Standing(ctx context.Context, c Caller, g GroupID) (Standing, error) {
	return Standing{}, notYet("standing")
}

// Disclosure is for anyone.
func (h *Hub) Disclosure() Disclosure { return Disclosure{} }

// NewClaimCode makes a fresh owner's code and forgets the old one and all wrong guesses. Local callers only.
func (h *Hub) NewClaimCode(ctx context.Context, c Caller, g GroupID) (ClaimCodeIssued, error) {
	return ClaimCodeIssued{}, notYet("new claim code")
}

// Claim makes the caller an owner, and a member if he was none.
func (h *Hub) Claim(ctx context.Context, c Caller, g GroupID, in ClaimInput) (JoinResult, error) {
	return JoinResult{}, notYet("claim")
}

// SetOwner makes a member owner, or remembers who shall be as soon as he appears. Local callers only.
func (h *Hub) SetOwner(ctx context.Context, c Caller, g GroupID, who AnyHash) (Change, error) {
	return Change{}, notYet("set owner")
}

// Join makes the caller a member, or puts him among those who wait. Joining twice is no error.
func (h *Hub) Join(ctx context.Context, c Caller, g GroupID, in JoinInput) (JoinResult, error) {
	return JoinResult{}, notYet("join")
}

// Leave ends the caller's membership, or takes back his request.
func (h *Hub) Leave(ctx context.Context, c Caller, g GroupID) (Change, error) {
	return Change{}, notYet("leave")
}

// Post adds an entry; when it returns, the entry is on disk.
func (h *Hub) Post(ctx context.Context, c Caller, g GroupID, in PostInput) (PostResult, error) {
	return PostResult{}, notYet("post")
}

// Delete erases posts: the caller's own, or others' with PermDelete.
func (h *Hub) Delete(ctx context.Context, c Caller, g GroupID, in DeleteInput) (DeleteResult, error) {
	return DeleteResult{}, notYet("delete")
}

// Messages reads a page of the timeline, for who may read.
func (h *Hub) Messages(ctx context.Context, c Caller, g GroupID, q Query) (Page, error) {
	return Page{}, notYet("messages")
}

// Proof is the author's signed original of one post with what its digest covers, for who may read.
func (h *Hub) Proof(ctx context.Context, c Caller, g GroupID, seq Seq) (Proof, error) {
	return Proof{}, notYet("proof")
}

// Members lists the members, or what changed among them, for who may read.
func (h *Hub) Members(ctx context.Context, c Caller, g GroupID, q MembersQuery) (MembersPage, error) {
	return MembersPage{}, notYet("members")
}

// Kick removes a member and keeps him out for a while. Needs PermKick.
func (h *Hub) Kick(ctx context.Context, c Caller, g GroupID, in KickInput) (Change, error) {
	return Change{}, notYet("kick")
}

// Ban removes somebody and keeps him out, in advance too. Needs PermBan.
func (h *Hub) Ban(ctx context.Context, c Caller, g GroupID, in BanInput) (Change, error) {
	return Change{}, notYet("ban")
}

// Unban lifts every ban that names the target, kicks included. Needs PermBan, or PermKick for a kick.
func (h *Hub) Unban(ctx context.Context, c Caller, g GroupID, target AnyHash) (Change, error) {
	return Change{}, notYet("unban")
}

// Bans lists live bans by target, those above after. Needs PermBan.
func (h *Hub) Bans(ctx context.Context, c Caller, g GroupID, after AnyHash, limit int) (bans []Ban, more bool, err error) {
	return nil, false, notYet("bans")
}

// Requests lists who waits to join, longest first. Needs PermApprove.
func (h *Hub) Requests(ctx context.Context, c Caller, g GroupID, limit int) ([]Request, error) {
	return nil, notYet("requests")
}

// Approve makes one who waits a member. Needs PermApprove.
func (h *Hub) Approve(ctx context.Context, c Caller, g GroupID, who AnyHash) (JoinResult, error) {
	return JoinResult{}, notYet("approve")
}

// Reject turns one who waits away; he may ask again. Needs PermApprove.
func (h *Hub) Reject(ctx context.Context, c Caller, g GroupID, who AnyHash, reason string) (Change, error) {
	return Change{}, notYet("reject")
}

// UpdatePermissions changes a member's role or bits. Needs PermGrant; anybody may step down.
func (h *Hub) UpdatePermissions(ctx context.Context, c Caller, g GroupID, in PermissionsInput) (Member, error) {
	return Member{}, notYet("permissions")
}

// UpdateDisplayName changes the group's names. Needs PermName.
func (h *Hub) UpdateDisplayName(ctx context.Context, c Caller, g GroupID, in NamesInput) (Change, error) {
	return Change{}, notYet("display name")
}

// UpdateTopic changes the topic; "" removes it. Needs PermName.
func (h *Hub) UpdateTopic(ctx context.Context, c Caller, g GroupID, topic string) (Change, error) {
	return Change{}, notYet("topic")
}

// UpdateProfile changes the caller's own name and status text. A name that is taken or reserved is KindConflict.
func (h *Hub) UpdateProfile(ctx context.Context, c Caller, g GroupID, in ProfileInput) (Member, error) {
	return Member{}, notYet("profile")
}

// UpdateSettings changes how the group behaves. Needs PermSettings.
func (h *Hub) UpdateSettings(ctx context.Context, c Caller, g GroupID, in SettingsInput) (Change, error) {
	return Change{}, notYet("settings")
}

// Audit lists the log of moderation, newest first, IDs below before (0: all). Needs PermAudit.
func (h *Hub) Audit(ctx context.Context, c Caller, g GroupID, before int64, limit int) ([]Audit, error) {
	return nil, notYet("audit")
}

// Resolve finds whom a person means by 32 hex digits, a nickname or the beginning of a hash. Several candidates are
// KindConflict with Choices. 32 hex digits that nobody is known by are returned as they are.
func (h *Hub) Resolve(ctx context.Context, c Caller, g GroupID, text string, among Scope) (AnyHash, error) {
	return AnyHash{}, notYet("resolve")
}

// NoteCommand checks and remembers a text command that changes nothing (/who, /help): KindConflict when this very message
// was handled before, KindInvalid when it is older than the newest one or came late and should be repeated.
func (h *Hub) NoteCommand(ctx context.Context, c Caller, g GroupID) error { return notYet("command") }

// Heard notes a sign of life of an identity (an announce, a link): last heard time, public key and ratchet of its members.
// It writes at most once a minute per member unless the key or ratchet is new, and nothing for strangers.
func (h *Hub) Heard(ctx context.Context, c Caller) error { return notYet("heard") }

// VerifyChain recomputes every digest and hash of a group. It returns the first entry that does not fit, 0 for none.
func (h *Hub) VerifyChain(ctx context.Context, g GroupID) (bad Seq, err error) {
	return 0, notYet("verify chain")
}

// RenewGeneration gives the database a new generation; restore calls it.
func (h *Hub) RenewGeneration(ctx context.Context) (Generation, error) {
	return 0, notYet("renew generation")
}

// StrangerAnswer says whether a stranger may get an answer now, and counts it: a command's answer (at most 10 a day per
// identity, and an hourly cap for all), or the one hint a day. The banned get none. Kept in memory, bounded.
func (h *Hub) StrangerAnswer(g GroupID, who IdentityHash, hint bool) bool { return false }

// ClockUnsure reports whether time jumped by more than a day, so that nothing expires until ConfirmClock.
func (h *Hub) ClockUnsure() bool { return false }

// ConfirmClock says that the time is right. Local callers only.
func (h *Hub) ConfirmClock(ctx context.Context, c Caller) error { return notYet("confirm clock") }

// Subscribe returns the events of every group from now on. At most queue of them wait (1 to 4096); further ones are
// dropped and counted, and the reader catches up by rev.
func (h *Hub) Subscribe(queue int) *Subscription { return nil }

// EventKind says what an Event tells.
type EventKind uint8

const (
	EventChanged   EventKind = iota + 1 // the group's Rev rose: entries, members, names
	EventRequested                      // somebody asks to join: Who
	EventApproved                       // Who was let in
	EventRejected                       // Who was turned away
	EventRemoved                        // Who was kicked or banned
)

// Event tells subscribers, after the commit, that something changed. What exactly is read from the Hub by rev.
type Event struct {
	Kind  EventKind
	Group GroupID
	Head  Head
	Entry *Entry       // the new entry, if there is one
	Who   IdentityHash // of all kinds but EventChanged
	Name  string       // his display name
	Text  string       // the reason of a rejection or removal
	Until time.Time    // of a removal that ends
	Role  moderation.Role
}

// Subscription is one reader of events.
type Subscription struct {
	c chan Event
}

// Events is the queue; it is closed by Close.
func (s *Subscription) Events() <-chan Event { return s.c }

// Dropped counts events lost to a full queue.
func (s *Subscription) Dropped() uint64 { return 0 }

// Close ends it; a second call does nothing.
func (s *Subscription) Close() {}
