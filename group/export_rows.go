package group

import (
	"encoding/json"
	"time"

	"groupd/moderation"
)

// The lines of an export, see docs/operations.md, "Export and import": one JSON object per line, kinds in this order. A field that is not
// there has its zero value. Times are RFC 3339 with microseconds, hashes and keys hex; texts are strings, or {"base64": …} where they are
// not UTF-8.
const (
	exportFormat  = "groupd export" // the kind of the first line
	exportVersion = 1

	kindGroup    = "group"
	kindIdentity = "identity" // the private key: only when asked for
	kindRatchet  = "ratchet"  // as above
	kindContent  = "content"  // a part of the content of an attachment; the parts of one content stand together
	kindMember   = "member"
	kindRequest  = "request"
	kindBan      = "ban"
	kindInvite   = "invite"
	kindDelivery = "delivery"
	kindExpected = "expected"
	kindCircle   = "circle"
	kindInvitee  = "invitee"
	kindEpoch    = "epoch" // without its key
	kindEntry    = "entry"
	kindReaction = "reaction" // to the entry before
	kindReport   = "report"
	kindAudit    = "audit"
	kindSeen     = "seen"
	kindEnd      = "end"
)

// exportOrder is the order of kinds. Reactions stand among entries.
func exportOrder(kind string) int {
	for i, k := range []string{
		exportFormat, kindGroup, kindIdentity, kindRatchet, kindContent, kindMember, kindRequest, kindBan, kindInvite, kindDelivery, kindExpected, kindCircle, kindInvitee, kindEpoch,
		kindEntry, kindReport, kindAudit, kindSeen, kindEnd,
	} {
		if k == kind || (kind == kindReaction && k == kindEntry) {
			return i
		}
	}
	return -1
}

type headerRow struct {
	Kind     string    `json:"kind"`
	Version  int       `json:"version"`
	Software string    `json:"software,omitempty"`
	Exported time.Time `json:"exported,omitzero"`
	Expiry   time.Time `json:"expiry,omitzero"` // by which bans and the like ended there, where that is another time than exported
}

// believed is the time by which things expired where the export was made.
func (r headerRow) believed() time.Time {
	if r.Expiry.IsZero() {
		return r.Exported
	}
	return r.Expiry
}

type endRow struct {
	Kind   string         `json:"kind"`
	Lines  int64          `json:"lines"`  // before this one
	Counts map[string]int `json:"counts"` // lines by kind
	SHA256 Hash           `json:"sha256"` // of all bytes before this line
}

type headRow struct {
	Seq       Seq    `json:"seq"`
	Rev       Rev    `json:"rev"`
	Deletions uint64 `json:"deletions,omitempty"`
	Chain     Hash   `json:"chain,omitzero"`
	Oldest    Seq    `json:"oldest,omitempty"`
	OldestRev Rev    `json:"oldest_rev,omitempty"`
}

type groupRow struct {
	Kind          string                   `json:"kind"`
	ID            GroupID                  `json:"id"`
	Identity      IdentityHash             `json:"identity"`
	PublicKey     hexBytes                 `json:"public_key"`
	Public        bool                     `json:"public,omitempty"`
	PublicName    string                   `json:"public_name"`
	PrivateName   string                   `json:"private_name,omitempty"`
	Topic         string                   `json:"topic,omitempty"`
	Joining       enum[moderation.Joining] `json:"joining"`
	Policy        json.RawMessage          `json:"policy,omitempty"`
	Lockdown      bool                     `json:"lockdown,omitempty"`
	LockdownUntil time.Time                `json:"lockdown_until,omitzero"`
	Owner         AnyHash                  `json:"owner,omitzero"`
	Creator       IdentityHash             `json:"creator,omitzero"`
	Preset        string                   `json:"preset,omitempty"`
	EndTold       EndStage                 `json:"end_told,omitempty"`
	EndedAt       time.Time                `json:"ended_at,omitzero"`
	Rev           Rev                      `json:"rev"`
	SeenKey       hexBytes                 `json:"seen_key"`
	Created       time.Time                `json:"created,omitzero"`
	Updated       time.Time                `json:"updated,omitzero"`
	Head          headRow                  `json:"head"`
}

func rowOfGroup(g Group, h Head) groupRow {
	return groupRow{
		Kind: kindGroup, ID: g.ID, Identity: g.Identity, PublicKey: g.PublicKey, Public: g.Public, PublicName: g.PublicName, PrivateName: g.PrivateName,
		Topic: g.Topic, Joining: enum[moderation.Joining]{g.Joining}, Policy: g.Policy.Stored(), Lockdown: g.Lockdown.On, LockdownUntil: g.Lockdown.Until,
		Owner: g.Owner, Creator: g.Creator, Preset: g.Preset, EndTold: g.Ending.Told, EndedAt: g.Ending.At, Rev: g.Rev, SeenKey: g.SeenKey, Created: g.Created,
		Updated: g.Updated, Head: headRow(h),
	}
}

// group is the row without what it does not hold: the private key.
func (r groupRow) group() (Group, Head, error) {
	p := moderation.Policy{}
	if len(r.Policy) > 0 {
		var err error
		if p, err = p.Patched(r.Policy); err != nil {
			return Group{}, Head{}, err
		}
	}
	return Group{
		ID: r.ID, Identity: r.Identity, Address: AddressOf(r.Identity), PublicKey: r.PublicKey, Public: r.Public, PublicName: r.PublicName,
		PrivateName: r.PrivateName, Topic: r.Topic, Joining: r.Joining.V, Policy: p, Lockdown: Lockdown{r.Lockdown, r.LockdownUntil}, Owner: r.Owner,
		Creator: r.Creator, Preset: r.Preset, Ending: Ending{r.EndTold, r.EndedAt}, Rev: r.Rev, SeenKey: r.SeenKey, Created: r.Created, Updated: r.Updated,
	}, Head(r.Head), nil
}

type identityRow struct {
	Kind       string   `json:"kind"`
	PrivateKey hexBytes `json:"private_key"`
}

// OwnRatchet is a signed file of private keys of one of a group's own destinations, with which mail that waited long can be opened.
type OwnRatchet struct {
	Destination [16]byte
	File        []byte
}

type ratchetRow struct {
	Kind        string  `json:"kind"`
	Destination AnyHash `json:"destination"`
	File        []byte  `json:"file"` // base64
}

type contentRow struct {
	Kind    string `json:"kind"`
	Hash    Hash   `json:"hash"`
	Size    int64  `json:"size"`
	At      int64  `json:"at,omitempty"`      // where the data belongs
	Data    []byte `json:"data,omitempty"`    // base64
	Missing bool   `json:"missing,omitempty"` // the server had lost it, or contents were not asked for
}

type muteRow struct {
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

type memberRow struct {
	Kind        string                `json:"kind"`
	Identity    IdentityHash          `json:"identity"`
	Address     Address               `json:"address"` // for readers
	PublicKey   hexBytes              `json:"public_key,omitempty"`
	Ratchet     hexBytes              `json:"ratchet,omitempty"`
	Present     bool                  `json:"present,omitempty"`
	Role        enum[moderation.Role] `json:"role"`
	Permissions moderation.Permission `json:"permissions,omitempty"`
	Name        string                `json:"name,omitempty"`
	Status      string                `json:"status,omitempty"`
	Rev         Rev                   `json:"rev"`
	Joined      time.Time             `json:"joined,omitzero"`
	JoinSeq     Seq                   `json:"join_seq,omitempty"`
	Left        time.Time             `json:"left,omitzero"`
	LastHeard   time.Time             `json:"last_heard,omitzero"`
	LastCommand time.Time             `json:"last_command,omitzero"`
	Mute        *muteRow              `json:"mute,omitempty"`
	InvitedBy   IdentityHash          `json:"invited_by,omitzero"`
	Successor   IdentityHash          `json:"successor,omitzero"`
}

func rowOfMember(m Member) memberRow {
	r := memberRow{
		Kind: kindMember, Identity: m.Identity, Address: m.Address, PublicKey: m.PublicKey, Ratchet: m.Ratchet, Present: m.Present,
		Role: enum[moderation.Role]{m.Role}, Permissions: m.Permissions, Name: m.DisplayName, Status: m.Status, Rev: m.Rev, Joined: m.Joined, JoinSeq: m.JoinSeq,
		Left: m.Left, LastHeard: m.LastHeard, LastCommand: m.LastCommand, InvitedBy: m.InvitedBy, Successor: m.Successor,
	}
	if m.Mute.On {
		r.Mute = &muteRow{m.Mute.Until, m.Mute.Reason}
	}
	return r
}

func (r memberRow) member(g GroupID) Member {
	m := Member{
		Group: g, Identity: r.Identity, Address: AddressOf(r.Identity), PublicKey: r.PublicKey, Ratchet: r.Ratchet, Present: r.Present, Role: r.Role.V,
		Permissions: r.Permissions, DisplayName: r.Name, Skeleton: Skeleton(r.Name), Status: r.Status, Rev: r.Rev, Joined: r.Joined, JoinSeq: r.JoinSeq,
		Left: r.Left, LastHeard: r.LastHeard, LastCommand: r.LastCommand, InvitedBy: r.InvitedBy, Successor: r.Successor,
	}
	if r.Mute != nil {
		m.Mute = Mute{On: true, Until: r.Mute.Until, Reason: r.Mute.Reason}
	}
	return m
}

type requestRow struct {
	Kind        string       `json:"kind"`
	Identity    IdentityHash `json:"identity"`
	PublicKey   hexBytes     `json:"public_key,omitempty"`
	Ratchet     hexBytes     `json:"ratchet,omitempty"`
	Name        string       `json:"name,omitempty"`
	Greeting    string       `json:"greeting,omitempty"`
	Created     time.Time    `json:"created,omitzero"`
	LastCommand time.Time    `json:"last_command,omitzero"`
}

func rowOfRequest(q Request) requestRow {
	return requestRow{kindRequest, q.Identity, q.PublicKey, q.Ratchet, q.DisplayName, q.Greeting, q.Created, q.LastCommand}
}

func (r requestRow) request(g GroupID) Request {
	return Request{
		Group: g, Identity: r.Identity, Address: AddressOf(r.Identity), PublicKey: r.PublicKey, Ratchet: r.Ratchet, DisplayName: r.Name, Greeting: r.Greeting,
		Created: r.Created, LastCommand: r.LastCommand,
	}
}

type banRow struct {
	Kind     string       `json:"kind"`
	Target   AnyHash      `json:"target"`
	Identity IdentityHash `json:"identity,omitzero"`
	Address  Address      `json:"address,omitzero"`
	Name     string       `json:"name,omitempty"`
	By       IdentityHash `json:"by,omitzero"`
	Reason   string       `json:"reason,omitempty"`
	Kick     bool         `json:"kick,omitempty"`
	Created  time.Time    `json:"created,omitzero"`
	Expires  time.Time    `json:"expires,omitzero"`
}

func rowOfBan(b Ban) banRow {
	return banRow{kindBan, b.Target, b.Identity, b.Address, b.DisplayName, b.By, b.Reason, b.Kick, b.Created, b.Expires}
}

func (r banRow) ban(g GroupID) Ban {
	return Ban{g, r.Target, r.Identity, r.Address, r.Name, r.By, r.Reason, r.Kick, r.Created, r.Expires}
}

type inviteRow struct {
	Kind    string                `json:"kind"`
	ID      int64                 `json:"id"`
	Code    Hash                  `json:"code"` // keyed hash, never the code
	By      IdentityHash          `json:"by,omitzero"`
	For     AnyHash               `json:"for,omitzero"`
	Role    enum[moderation.Role] `json:"role"`
	Uses    int                   `json:"uses"`
	Used    int                   `json:"used,omitempty"`
	Created time.Time             `json:"created,omitzero"`
	Expires time.Time             `json:"expires,omitzero"`
	Untold  bool                  `json:"untold,omitempty"`
}

func rowOfInvite(i Invite) inviteRow {
	return inviteRow{kindInvite, i.ID, i.Code, i.By, i.For, enum[moderation.Role]{i.Role}, i.Uses, i.Used, i.Created, i.Expires, i.Telling == TellDue}
}

func (r inviteRow) invite(g GroupID) Invite {
	i := Invite{Group: g, ID: r.ID, Code: r.Code, By: r.By, For: r.For, Role: r.Role.V, Uses: r.Uses, Used: r.Used, Created: r.Created, Expires: r.Expires}
	if r.Untold {
		i.Telling = TellDue
	}
	return i
}

type deliveryRow struct {
	Kind           string             `json:"kind"`
	Identity       IdentityHash       `json:"identity"`
	Mode           enum[DeliveryMode] `json:"mode"`
	DigestEvery    minutes            `json:"digest_minutes,omitempty"`
	QuietFrom      minutes            `json:"quiet_from,omitempty"` // minutes after midnight
	QuietUntil     minutes            `json:"quiet_until,omitempty"`
	UTCOffset      minutes            `json:"utc_offset,omitempty"`
	TextOnly       bool               `json:"text_only,omitempty"`
	MentionsOnly   bool               `json:"mentions_only,omitempty"`
	ViaPropagation bool               `json:"via_propagation,omitempty"`
	Receipts       bool               `json:"receipts,omitempty"`
	Paused         bool               `json:"paused,omitempty"`
	PausedUntil    time.Time          `json:"paused_until,omitzero"`
	Cursor         Rev                `json:"cursor,omitempty"`
	State          DeliveryState      `json:"state,omitempty"`
	Attempts       int                `json:"attempts,omitempty"`
	Due            time.Time          `json:"due,omitzero"`
	Proved         time.Time          `json:"proved,omitzero"`
	Spent          int64              `json:"spent_us,omitempty"`
	SpentAt        time.Time          `json:"spent_at,omitzero"`
	Moved          bool               `json:"moved,omitempty"`
}

func rowOfDelivery(d Delivery) deliveryRow {
	return deliveryRow{
		Kind: kindDelivery, Identity: d.Identity, Mode: enum[DeliveryMode]{d.Mode}, DigestEvery: minutes(d.DigestEvery), QuietFrom: minutes(d.Quiet.From),
		QuietUntil: minutes(d.Quiet.Until), UTCOffset: minutes(d.Quiet.Offset), TextOnly: d.TextOnly, MentionsOnly: d.MentionsOnly,
		ViaPropagation: d.ViaPropagation, Receipts: d.Receipts, Paused: d.Paused, PausedUntil: d.PausedUntil, Cursor: d.Cursor, State: d.State,
		Attempts: d.Attempts, Due: d.Due, Proved: d.Proved, Spent: d.Spent.Microseconds(), SpentAt: d.SpentAt, Moved: d.Moved,
	}
}

func (r deliveryRow) delivery(g GroupID) Delivery {
	return Delivery{
		Group: g, Identity: r.Identity,
		Preferences: Preferences{
			Mode: r.Mode.V, DigestEvery: time.Duration(r.DigestEvery),
			Quiet:    QuietHours{time.Duration(r.QuietFrom), time.Duration(r.QuietUntil), time.Duration(r.UTCOffset)},
			TextOnly: r.TextOnly, MentionsOnly: r.MentionsOnly, ViaPropagation: r.ViaPropagation, Receipts: r.Receipts, Paused: r.Paused, PausedUntil: r.PausedUntil,
		},
		Progress: Progress{
			Cursor: r.Cursor, State: r.State, Attempts: r.Attempts, Due: r.Due, Proved: r.Proved, Spent: time.Duration(r.Spent) * time.Microsecond,
			SpentAt: r.SpentAt, Moved: r.Moved,
		},
	}
}

type expectedRow struct {
	Kind     string                `json:"kind"`
	Target   AnyHash               `json:"target"`
	Name     string                `json:"name,omitempty"`
	Role     enum[moderation.Role] `json:"role"`
	Mode     enum[DeliveryMode]    `json:"mode"`
	TextOnly bool                  `json:"text_only,omitempty"`
	Paused   bool                  `json:"paused,omitempty"`
	Created  time.Time             `json:"created,omitzero"`
}

func rowOfExpected(e Expected) expectedRow {
	return expectedRow{kindExpected, e.Target, e.DisplayName, enum[moderation.Role]{e.Role}, enum[DeliveryMode]{e.Mode}, e.TextOnly, e.Paused, e.Created}
}

func (r expectedRow) expected(g GroupID) Expected {
	return Expected{g, r.Target, r.Name, r.Role.V, r.Mode.V, r.TextOnly, r.Paused, r.Created}
}

type circleRow struct {
	Kind        string    `json:"kind"`
	Until       time.Time `json:"until,omitzero"`
	Established time.Time `json:"established,omitzero"`
}

func rowOfCircle(c Circle) circleRow { return circleRow{kindCircle, c.Until, c.Established} }

func (r circleRow) circle(g GroupID) Circle { return Circle{g, r.Until, r.Established} }

type inviteeRow struct {
	Kind     string             `json:"kind"`
	Who      AnyHash            `json:"who"`
	By       IdentityHash       `json:"by,omitzero"`
	State    enum[InviteeState] `json:"state"`
	Invited  time.Time          `json:"invited,omitzero"`
	Expires  time.Time          `json:"expires,omitzero"`
	Answered time.Time          `json:"answered,omitzero"`
}

func rowOfInvitee(i Invitee) inviteeRow {
	return inviteeRow{kindInvitee, i.Who, i.By, enum[InviteeState]{i.State}, i.Invited, i.Expires, i.Answered}
}

func (r inviteeRow) invitee(g GroupID) Invitee {
	return Invitee{g, r.Who, r.By, r.State.V, r.Invited, r.Expires, r.Answered}
}

type epochRow struct {
	Kind    string                 `json:"kind"`
	Number  uint32                 `json:"number"`
	Reason  moderation.EpochReason `json:"reason"`
	Seq     Seq                    `json:"seq,omitempty"`
	Rev     Rev                    `json:"rev,omitempty"`
	Created time.Time              `json:"created,omitzero"`
	Ends    time.Time              `json:"ends,omitzero"`
}

func rowOfEpoch(e Epoch) epochRow {
	return epochRow{kindEpoch, e.Number, e.Reason, e.Seq, e.Rev, e.Created, e.Ends}
}

// epoch is the row without its key, which is another one in each server.
func (r epochRow) epoch(g GroupID) Epoch {
	return Epoch{Group: g, Number: r.Number, Reason: r.Reason, Seq: r.Seq, Rev: r.Rev, Created: r.Created, Ends: r.Ends}
}

type attachmentRow struct {
	Type enum[AttachmentKind] `json:"type"`
	Name string               `json:"name,omitempty"`
	Mode uint8                `json:"mode,omitempty"`
	Size int64                `json:"size"`
	Hash Hash                 `json:"hash"`
	At   int64                `json:"at,omitempty"` // where the content stands in the signed original
}

type entryRow struct {
	Kind        string          `json:"kind"`
	Seq         Seq             `json:"seq"`
	Rev         Rev             `json:"rev"`
	Written     Rev             `json:"written"`
	Type        enum[EntryKind] `json:"type"`
	Author      IdentityHash    `json:"author,omitzero"`
	Target      AnyHash         `json:"target,omitzero"`
	Ref         Seq             `json:"ref,omitempty"`
	Time        time.Time       `json:"time,omitzero"`
	AuthorTime  time.Time       `json:"author_time,omitzero"`
	MessageID   MessageID       `json:"message_id,omitzero"`
	Codec       uint32          `json:"codec,omitempty"`
	Title       freeText        `json:"title,omitempty"`
	Text        freeText        `json:"text,omitempty"`
	Fields      []byte          `json:"fields,omitempty"` // base64 of msgpack
	Emergency   bool            `json:"emergency,omitempty"`
	Restored    bool            `json:"restored,omitempty"`
	EditedBy    Seq             `json:"edited_by,omitempty"`
	Pinned      bool            `json:"pinned,omitempty"`
	Reactions   int             `json:"reactions,omitempty"` // lines that follow
	Attachments attachmentRows  `json:"attachments,omitempty"`
	Original    []byte          `json:"original,omitempty"` // base64: signed by the author, less the attachments
	Deleted     bool            `json:"deleted,omitempty"`  // then all but place, type, author, times and chain is gone
	DeletedAt   time.Time       `json:"deleted_at,omitzero"`
	DeletedBy   IdentityHash    `json:"deleted_by,omitzero"`
	Salt        hexBytes        `json:"salt,omitempty"`
	Digest      Hash            `json:"digest"`
	Hash        Hash            `json:"hash"`
}

func rowOfEntry(e Entry, files []Attachment, original []byte) entryRow {
	r := entryRow{
		Kind: kindEntry, Seq: e.Seq, Rev: e.Rev, Written: e.Written, Type: enum[EntryKind]{e.Kind}, Author: e.Author, Target: e.Target, Ref: e.Ref, Time: e.Time,
		AuthorTime: e.AuthorTime, MessageID: e.MessageID, Codec: e.Codec, Title: e.Title, Text: e.Text, Fields: e.Fields, Emergency: e.Emergency,
		Restored: e.Restored, EditedBy: e.EditedBy, Pinned: e.Pinned, Reactions: e.Reactions, Original: original, Deleted: e.Deleted, DeletedAt: e.DeletedAt,
		DeletedBy: e.DeletedBy, Salt: e.Salt, Digest: e.Digest, Hash: e.Hash,
	}
	for _, a := range files {
		r.Attachments = append(r.Attachments, attachmentRow{enum[AttachmentKind]{a.Kind}, a.Name, a.Mode, a.Size, a.Hash, a.At})
	}
	return r
}

func (r entryRow) entry(g GroupID) (e Entry, files []Attachment) {
	for _, a := range r.Attachments {
		files = append(files, Attachment{Kind: a.Type.V, Name: a.Name, Mode: a.Mode, Size: a.Size, Hash: a.Hash, At: a.At})
	}
	return Entry{
		Group: g, Seq: r.Seq, Rev: r.Rev, Written: r.Written, Kind: r.Type.V, Author: r.Author, Target: r.Target, Ref: r.Ref, Time: r.Time,
		AuthorTime: r.AuthorTime, MessageID: r.MessageID, Codec: r.Codec, Title: r.Title, Text: r.Text, Fields: r.Fields, Emergency: r.Emergency,
		Signed: len(r.Original) > 0, Salt: r.Salt, Digest: r.Digest, Hash: r.Hash, Deleted: r.Deleted, DeletedAt: r.DeletedAt, DeletedBy: r.DeletedBy,
		EditedBy: r.EditedBy, Pinned: r.Pinned, Reactions: r.Reactions, Restored: r.Restored, Attachments: len(files),
	}, files
}

type reactionRow struct {
	Kind    string       `json:"kind"`
	Seq     Seq          `json:"seq"`
	Who     IdentityHash `json:"who"`
	Text    string       `json:"text"`
	Created time.Time    `json:"created,omitzero"`
}

func rowOfReaction(r Reaction) reactionRow {
	return reactionRow{kindReaction, r.Seq, r.Who, r.Text, r.Created}
}

func (r reactionRow) reaction(g GroupID) Reaction {
	return Reaction{g, r.Seq, r.Who, r.Text, r.Created}
}

type reportRow struct {
	Kind    string       `json:"kind"`
	ID      int64        `json:"id"`
	Seq     Seq          `json:"seq"`
	By      IdentityHash `json:"by"`
	Reason  string       `json:"reason,omitempty"`
	Created time.Time    `json:"created,omitzero"`
}

func rowOfReport(p Report) reportRow {
	return reportRow{kindReport, p.ID, p.Seq, p.By, p.Reason, p.Created}
}

func (r reportRow) report(g GroupID) Report {
	return Report{Group: g, ID: r.ID, Seq: r.Seq, By: r.By, Reason: r.Reason, Created: r.Created}
}

type auditRow struct {
	Kind   string       `json:"kind"`
	ID     int64        `json:"id"`
	Time   time.Time    `json:"time,omitzero"`
	By     IdentityHash `json:"by,omitzero"`
	Action string       `json:"action"`
	Target AnyHash      `json:"target,omitzero"`
	Detail string       `json:"detail,omitempty"`
}

func rowOfAudit(a Audit) auditRow {
	return auditRow{kindAudit, a.ID, a.Time, a.By, a.Action, a.Target, a.Detail}
}

func (r auditRow) audit(g GroupID) Audit {
	return Audit{g, r.ID, r.Time, r.By, r.Action, r.Target, r.Detail}
}

// seenRow holds many ids, so that they take less room.
type seenRow struct {
	Kind string  `json:"kind"`
	IDs  seenIDs `json:"ids"`
}

// seenPerLine is how many ids one line holds at most.
const seenPerLine = 100
