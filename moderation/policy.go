package moderation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Bounds of what a Policy may say.
const (
	MaxQuestionBytes = 200
	MaxReservedNames = 32
	MaxSpan          = 10 * 365 * day // of every span and window
	MaxStampCost     = 24             // bits of work: minutes on a phone
	MaxCount         = 1_000_000      // of a quota
	MaxPolicyBytes   = 8 << 10        // of a stored policy
	MaxMoment        = 1 << 36        // of every moment: in two thousand years
)

// What a Policy's zero values stand for.
const (
	DefaultEditWindow   = day
	DefaultNameHold     = 90 * day
	DefaultLockdown     = time.Hour
	DefaultFloodMute    = 10 * time.Minute
	DefaultAirtimeShare = 25 // percent
	DefaultExpireKeep   = 7 * day
)

// Seconds is a span as policies say it: whole seconds, on the wire and in the database.
type Seconds uint32

// Duration is the span.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// Moment is a time as policies say it: whole seconds since 1970, on the wire and in the database; 0 is none.
type Moment uint64

// Time is the moment; the zero time for 0.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.Unix(int64(m), 0).UTC() // Check bounds it
}

// MomentOf is a time as a policy says it, rounded down; 0 for the zero time and those before 1970.
func MomentOf(t time.Time) Moment { return Moment(max(t.Unix(), 0)) }

// Work is a cost in bits of work.
type Work uint8

// Quota is so many of something in so much time. The zero Quota is the default.
type Quota struct {
	Count uint32  `json:"count,omitzero"` // of posts, or seconds of airtime
	Per   Seconds `json:"per,omitzero"`
}

// Rate is the token bucket that keeps to the quota: all at once, then evenly. The zero Rate, no limit, of the zero Quota.
func (q Quota) Rate() Rate {
	if q.Count == 0 || q.Per == 0 {
		return Rate{}
	}
	return Rate{Burst: int(q.Count), Every: max(1, q.Per.Duration()/time.Duration(q.Count))}
}

// or is q, or another where q is zero.
func (q Quota) or(other Quota) Quota {
	if q == (Quota{}) {
		return other
	}
	return q
}

// History is what of the timeline a member sees. The numbers are wire and database values.
type History uint8

const (
	HistoryAll   History = 0
	HistoryStay  History = 1 // since he joined, last time
	HistoryLast  History = 2 // the newest Policy.HistoryCount entries
	historyKinds         = 3
)

// Announcing is what announces tell. The numbers are wire and database values.
type Announcing uint8

const (
	AnnounceDefault Announcing = 0 // full in public groups, name in private ones
	AnnounceFull    Announcing = 1 // name and head
	AnnounceName    Announcing = 2 // no head
	AnnounceOff     Announcing = 3
	announceKinds              = 4
)

// Delivery is a way in which a member gets what is new. The numbers are wire and database values.
type Delivery uint8

const (
	DeliveryDefault Delivery = 0 // as fits how he joined
	DeliveryFetch   Delivery = 1
	DeliveryNotify  Delivery = 2
	DeliveryPush    Delivery = 3
	DeliveryRelay   Delivery = 4
	DeliveryDigest  Delivery = 5
	deliveryKinds            = 6
)

// Policy is how one group behaves, besides who may join. Zero values are the defaults, so that a later setting needs no
// migration. It is stored as JSON; keys that are not known are dropped.
type Policy struct {
	// The door.
	Question     string  `json:"question,omitzero"`      // asked of who wants to join; "": nothing
	QuestionHold bool    `json:"question_hold,omitzero"` // moderators decide about the answers, in open groups too
	MaxMembers   uint32  `json:"max_members,omitzero"`   // 0: the server's limit
	SilentAfter  Seconds `json:"silent_after,omitzero"`  // members not heard for so long leave; staff stay; 0: never

	// Newcomers: members who joined less than Probation ago. Staff are none.
	Probation      Seconds `json:"probation,omitzero"`       // 0: nobody is a newcomer
	ProbationPosts Quota   `json:"probation_posts,omitzero"` // default 10 an hour
	ProbationLinks bool    `json:"probation_links,omitzero"` // newcomers may post links
	ProbationFiles bool    `json:"probation_files,omitzero"` // newcomers may post files

	// Writing.
	ReadOnly   bool    `json:"read_only,omitzero"`   // only staff post
	SlowMode   Seconds `json:"slow_mode,omitzero"`   // between two posts of one member; staff are exempt; 0: none
	EditWindow Seconds `json:"edit_window,omitzero"` // how long a post can be edited; default a day
	InviteRole Role    `json:"invite_role,omitzero"` // from this rank on members invite; RoleNone: who has PermInvite
	ReactRole  Role    `json:"react_role,omitzero"`  // from this rank on members react; RoleNone: all
	AttachRole Role    `json:"attach_role,omitzero"` // from this rank on members add files; RoleNone: all
	PinRole    Role    `json:"pin_role,omitzero"`    // from this rank on members pin; RoleNone: who has PermPin
	CloneRole  Role    `json:"clone_role,omitzero"`  // from this rank on members clone the group, where the server lets; RoleNone: admins

	// Reading.
	History      History `json:"history,omitzero"`
	HistoryCount uint32  `json:"history_count,omitzero"` // of HistoryLast

	// Budgets. Airtime is what one transmission of the post takes on the slowest interface, in seconds.
	MemberPosts    Quota `json:"member_posts,omitzero"`    // default: the server's
	GroupPosts     Quota `json:"group_posts,omitzero"`     // default: the server's
	MemberAirtime  Quota `json:"member_airtime,omitzero"`  // default: no limit
	GroupAirtime   Quota `json:"group_airtime,omitzero"`   // default: no limit
	EmergencyPosts Quota `json:"emergency_posts,omitzero"` // of each who may, and twice as many of all; default 3 an hour

	// Floods.
	Flood         Quota   `json:"flood,omitzero"`          // who tries to post more than this is muted; default 150 in a minute
	FloodMute     Seconds `json:"flood_mute,omitzero"`     // for so long; default 10 min
	NoAutoMute    bool    `json:"no_auto_mute,omitzero"`   // nobody is muted by the server
	LockdownJoins uint32  `json:"lockdown_joins,omitzero"` // so many who join in an hour lock an open group; 0: never
	LockdownBans  uint32  `json:"lockdown_bans,omitzero"`  // so many bans and kicks in an hour lock an open group; 0: never
	LockdownFor   Seconds `json:"lockdown_for,omitzero"`   // how long a lockdown by itself lasts; default an hour
	JoinCost      Work    `json:"join_cost,omitzero"`      // bits of work of who joins
	PostCost      Work    `json:"post_cost,omitzero"`      // bits of work of messages; members have tickets
	CostCeiling   Work    `json:"cost_ceiling,omitzero"`   // to which both rise under a flood; default 16, or 8 above the higher; below 8: they do not rise

	// Names.
	ReservedNames []string `json:"reserved_names,omitempty"` // that no member may have, nor one that looks like them
	NameHold      Seconds  `json:"name_hold,omitzero"`       // how long a departed member's name stays his; default 90 days
	FixedNames    bool     `json:"fixed_names,omitzero"`     // members keep the name they joined with

	// Keeping. 0: no bound.
	RetainCount uint32  `json:"retain_count,omitzero"` // newest entries
	RetainAge   Seconds `json:"retain_age,omitzero"`
	RetainBytes uint64  `json:"retain_bytes,omitzero"` // of all entries' contents

	// Attachments, in bytes. 0: the server's limit.
	AttachBytes  uint64 `json:"attach_bytes,omitzero"`  // of one
	AttachMember uint64 `json:"attach_member,omitzero"` // of all of one member
	AttachGroup  uint64 `json:"attach_group,omitzero"`  // of all in the group

	// Sending.
	Announce     Announcing `json:"announce,omitzero"`
	Delivery     Delivery   `json:"delivery,omitzero"`      // of new members
	AirtimeShare uint8      `json:"airtime_share,omitzero"` // percent of an interface's time that deliveries of this group may take; default 25

	RelayToGroups bool `json:"relay_to_groups,omitzero"` // members that announce a group themselves may be sent posts as messages

	// Who is in charge.
	TopicRole  Role `json:"topic_role,omitzero"`  // from this rank on members change the topic; RoleNone: who has PermName
	AnswerRole Role `json:"answer_role,omitzero"` // with ReadOnly: from this rank on members answer posts; RoleNone: staff
	NoStaff    bool `json:"no_staff,omitzero"`    // members have no ranks and no permissions; from the group's creation on, or never
	NoRemoval  bool `json:"no_removal,omitzero"`  // nobody is kicked, banned or muted, nobody deletes another's posts; not the operator either
	Frozen     bool `json:"frozen,omitzero"`      // settings and names of the group never change again; not by the operator either

	// The end.
	ExpiresAt  Moment  `json:"expires_at,omitzero"`  // nobody joins or writes from then on; 0: the group lasts
	ExpireKeep Seconds `json:"expire_keep,omitzero"` // how long it can be read then, before it is deleted; default 7 days

	// Circles: see circle.go.
	InviteTo   Invitees `json:"invite_to,omitzero"`   // whom an invite may be for
	InviteSpan Seconds  `json:"invite_span,omitzero"` // how long an invite holds unless said otherwise, and at most; default a week, and 90 days
	Establish  bool     `json:"establish,omitzero"`   // a new group is being formed until its creator establishes it
	Fixed      bool     `json:"fixed,omitzero"`       // once it is established nobody new comes
}

// ParsePolicy reads a stored policy; nothing is the zero Policy.
func ParsePolicy(stored []byte) (Policy, error) {
	var p Policy
	if len(stored) == 0 {
		return p, nil
	}
	if len(stored) > MaxPolicyBytes {
		return p, fmt.Errorf("a policy of %d bytes, more than %d", len(stored), MaxPolicyBytes)
	}
	err := json.Unmarshal(stored, &p)
	return p, err
}

// Patched is the policy with what a JSON object of settings changes; the zero value sets a default, null changes nothing. A key that is not known, or a
// value of another kind, is an error that names it.
func (p Policy) Patched(change []byte) (Policy, error) {
	p.ReservedNames = slices.Clone(p.ReservedNames)
	d := json.NewDecoder(bytes.NewReader(change))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		err = fmt.Errorf("%s must be %s, not a %s", kind.Field, wanted(kind.Type), kind.Value)
	} else if err != nil {
		if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
			err = fmt.Errorf("there is no setting %s", name)
		}
	}
	return p, err
}

// wanted is what a setting of that type is in JSON.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Struct:
		return `an object such as {"count":20,"per":600}`
	case reflect.Slice:
		return "a list"
	}
	switch t {
	case reflect.TypeFor[Seconds]():
		return "a number of seconds"
	case reflect.TypeFor[Moment]():
		return "seconds since 1970"
	}
	return "a whole number"
}

// Stored is the policy as ParsePolicy reads it; nil for the zero Policy.
func (p Policy) Stored() []byte {
	text, err := json.Marshal(p)
	if err != nil || string(text) == "{}" { // it has no field that could fail
		return nil
	}
	return text
}

// EditSpan is how long a post can be edited.
func (p Policy) EditSpan() time.Duration { return p.EditWindow.or(DefaultEditWindow) }

// NameSpan is how long a departed member's name stays his.
func (p Policy) NameSpan() time.Duration { return p.NameHold.or(DefaultNameHold) }

// LockdownSpan is how long a lockdown by itself lasts.
func (p Policy) LockdownSpan() time.Duration { return p.LockdownFor.or(DefaultLockdown) }

// FloodMuteSpan is how long the server mutes who floods.
func (p Policy) FloodMuteSpan() time.Duration { return p.FloodMute.or(DefaultFloodMute) }

// Share is the percentage of an interface's time that deliveries may take.
func (p Policy) Share() int {
	if p.AirtimeShare == 0 {
		return DefaultAirtimeShare
	}
	return int(p.AirtimeShare)
}

// KeptSpan is how long a group can be read after its end.
func (p Policy) KeptSpan() time.Duration { return p.ExpireKeep.or(DefaultExpireKeep) }

// KeptUntil is when a group that ends is deleted, at the earliest.
func (p Policy) KeptUntil() Moment { return MomentOf(p.ExpiresAt.Time().Add(p.KeptSpan())) }

// Over reports whether the group has ended.
func (p Policy) Over(now time.Time) bool { return p.ExpiresAt != 0 && !now.Before(p.ExpiresAt.Time()) }

// OwnerRole is the highest rank that there is here: of who creates the group, and of who is named as its owner.
func (p Policy) OwnerRole() Role {
	if p.NoStaff {
		return RoleMember
	}
	return RoleOwner
}

// With is the policy with those settings of another that are not the defaults.
func (p Policy) With(other Policy) Policy {
	to, from := reflect.ValueOf(&p).Elem(), reflect.ValueOf(other)
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return p
}

// AnnounceDetail is what announces of a group tell.
func (p Policy) AnnounceDetail(public bool) Announcing {
	switch {
	case p.Announce != AnnounceDefault:
		return p.Announce
	case public:
		return AnnounceFull
	}
	return AnnounceName
}

func (s Seconds) or(d time.Duration) time.Duration {
	if s == 0 {
		return d
	}
	return s.Duration()
}
