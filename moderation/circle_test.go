package moderation_test

import (
	"strings"
	"testing"
	"time"

	"groupd/moderation"
)

func TestHowLongAnInviteHolds(t *testing.T) {
	for span, want := range map[moderation.Seconds][2]time.Duration{
		0:    {7 * 24 * time.Hour, 90 * 24 * time.Hour},
		60:   {time.Minute, time.Minute},
		6e6:  {6e6 * time.Second, 6e6 * time.Second},
		3600: {time.Hour, time.Hour},
	} {
		if usual, most := (moderation.Policy{InviteSpan: span}).InviteTime(); usual != want[0] || most != want[1] {
			t.Errorf("%d s: %v, at most %v", span, usual, most)
		}
	}
}

// TestWhyAGroupIsNotEstablished: the one who asks learns what is in the way, and how long yet.
func TestWhyAGroupIsNotEstablished(t *testing.T) {
	for _, c := range []struct {
		what             string
		forming, creator bool
		unanswered       int
		left, wait       time.Duration
		role             moderation.Role
		want             moderation.Reason
	}{
		{what: "an outsider", forming: true, creator: true, role: moderation.RoleNone, want: moderation.ReasonNotMember},
		{what: "a member", forming: true, role: moderation.RoleMember, want: moderation.ReasonCreator},
		{what: "another owner", forming: true, role: moderation.RoleOwner, want: moderation.ReasonCreator},
		{what: "again", creator: true, role: moderation.RoleOwner, want: moderation.ReasonAlready},
		{what: "by a member, again", role: moderation.RoleMember, want: moderation.ReasonAlready},
		{what: "too early", forming: true, creator: true, unanswered: 2, left: time.Hour, wait: time.Hour, role: moderation.RoleOwner, want: moderation.ReasonUnanswered},
		{what: "when all have answered", forming: true, creator: true, left: time.Hour, role: moderation.RoleOwner},
		{what: "when the time is over", forming: true, creator: true, unanswered: 2, role: moderation.RoleOwner},
	} {
		f := as(c.role)
		f.Action, f.Forming, f.Creator, f.Unanswered, f.AnswerTime = moderation.ActionEstablish, c.forming, c.creator, c.unanswered, c.left
		if v := moderation.Decide(f, now()); v.Reason != c.want || v.RetryAfter != c.wait {
			t.Errorf("%s: %q, wait %v: %s", c.what, v.Reason, v.RetryAfter, v.Text)
		}
	}
}

func TestWhyAnInviteCanNotBeDeclined(t *testing.T) {
	for standing, want := range map[moderation.Standing]moderation.Reason{
		moderation.StandingInvited: "", moderation.StandingMember: moderation.ReasonAlready, moderation.StandingMuted: moderation.ReasonAlready,
		moderation.StandingPending: moderation.ReasonInvite, moderation.StandingStranger: moderation.ReasonInvite, moderation.StandingBanned: moderation.ReasonBanned,
	} {
		f := moderation.Facts{Action: moderation.ActionDecline, Identified: true, Standing: standing}
		if v := moderation.Decide(f, now()); v.Reason != want {
			t.Errorf("%s: %q, want %q", standing, v.Reason, want)
		}
	}
	if v := moderation.Decide(moderation.Facts{Action: moderation.ActionDecline, Identified: true, Local: true, Standing: moderation.StandingStranger}, now()); v.Reason != moderation.ReasonInvite {
		t.Errorf("the operator: %q", v.Reason)
	}
}

// TestWhyOneCanNotBeInvited: what to do about it is said.
func TestWhyOneCanNotBeInvited(t *testing.T) {
	for _, c := range []struct {
		to                moderation.Invitees
		named, whole, met bool
		want              string
	}{
		{moderation.InviteAnyone, false, false, false, ""},
		{moderation.InviteNamed, false, false, false, "no codes"}, {moderation.InviteNamed, true, false, false, ""},
		{moderation.InviteKnown, false, true, true, "no codes"}, {moderation.InviteKnown, true, false, false, "whole address"},
		{moderation.InviteKnown, true, true, false, ""}, {moderation.InviteKnown, true, false, true, ""},
		{moderation.InviteMet, true, true, false, "only people"}, {moderation.InviteMet, true, false, false, "only people"}, {moderation.InviteMet, true, false, true, ""},
	} {
		f := as(moderation.RoleOwner)
		f.Action, f.Named, f.Whole, f.Met = moderation.ActionInvite, c.named, c.whole, c.met
		f.Policy.InviteTo = c.to
		if v := moderation.Decide(f, now()); (v.Outcome == moderation.Allow) != (c.want == "") || !strings.Contains(v.Text, c.want) {
			t.Errorf("%+v: %s", c, v.Text)
		}
	}
}

func TestWhenAGroupGetsAnotherKey(t *testing.T) {
	hour := time.Hour
	for _, c := range []struct {
		what   string
		j      moderation.Joining
		last   time.Time
		at     time.Time
		needed bool
	}{
		{"the first time", moderation.JoiningInvite, time.Time{}, now(), true},
		{"just after another time", moderation.JoiningApprove, now().Add(-time.Second), now().Add(hour - time.Second), true},
		{"nearly an hour after", moderation.JoiningClosed, now().Add(1 - hour), now().Add(1), true},
		{"an hour after", moderation.JoiningInvite, now().Add(-hour), now(), true},
		{"long after", moderation.JoiningInvite, now().Add(-2 * hour), now(), true},
		{"where anybody joins", moderation.JoiningOpen, time.Time{}, time.Time{}, false},
		{"where anybody joins, again", moderation.JoiningOpen, now().Add(-time.Second), time.Time{}, false},
	} {
		if at, needed := moderation.Rekey(c.j, c.last, now()); !at.Equal(c.at) || needed != c.needed {
			t.Errorf("%s: at %v, %v", c.what, at, needed)
		}
	}
}

func TestWhichKeysAMemberMayKnow(t *testing.T) {
	for _, c := range []struct {
		what        string
		joined, end uint64
		want        bool
	}{
		{"today's", 50, 0, true},
		{"one that ended before he came", 50, 49, false},
		{"one that he saw the end of", 50, 50, true},
		{"a later one", 50, 90, true},
		{"of a member since before that was written down", 0, 1, true},
	} {
		if got := moderation.KnowsEpoch(c.joined, c.end); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	for r, want := range map[moderation.EpochReason]string{
		moderation.EpochFirst: "first", moderation.EpochForming: "forming", moderation.EpochEstablished: "established", moderation.EpochRemoval: "removal", 9: "unknown",
	} {
		if r.String() != want {
			t.Errorf("%d is %s", r, r)
		}
	}
}

func TestWhoIsTooLateIsToldSo(t *testing.T) {
	f := as(moderation.RoleNone)
	f.Action, f.Joining, f.Standing = moderation.ActionJoin, moderation.JoiningInvite, moderation.StandingStranger
	for late, want := range map[bool]string{false: "by invite only", true: "the time to answer"} {
		if f.TooLate = late; !strings.Contains(moderation.Decide(f, now()).Text, want) {
			t.Errorf("late %v: %s", late, moderation.Decide(f, now()).Text)
		}
	}
}
