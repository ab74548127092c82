package moderation_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"groupd/moderation"
)

func TestPresetsAreNamedByOneWordEach(t *testing.T) {
	want := []string{"public", "private", "announcements", "equal", "circle", "event"}
	if got := moderation.PresetWords(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	for _, word := range want {
		for _, typed := range []string{word, strings.ToUpper(word), " " + word + "\n"} {
			if p, ok := moderation.PresetNamed(typed); !ok || p.Word != word {
				t.Errorf("%q: %+v %v", typed, p, ok)
			}
		}
	}
	for _, typed := range []string{"", "pub", "Private Group"} {
		if p, ok := moderation.PresetNamed(typed); ok || p.Word != "" {
			t.Errorf("%q is %q", typed, p.Word)
		}
	}
}

// TestWhatPresetsSay states each one's settings. Hidden ones have a name for strangers; the settings fit together; nothing is set in two ways.
func TestWhatPresetsSay(t *testing.T) {
	type preset struct {
		public  bool
		joining moderation.Joining
		hidden  bool
		ends    bool
		policy  string
	}
	want := map[string]preset{
		"public":        {public: true, joining: moderation.JoiningOpen},
		"private":       {joining: moderation.JoiningApprove, hidden: true},
		"announcements": {public: true, joining: moderation.JoiningOpen, policy: `"read_only":true`},
		"equal":         {joining: moderation.JoiningInvite, hidden: true, policy: `"no_staff":true,"no_removal":true,"frozen":true`},
		"circle":        {joining: moderation.JoiningInvite, hidden: true, policy: `"invite_span":21600`},
		"event":         {public: true, joining: moderation.JoiningOpen, ends: true},
	}
	for _, p := range moderation.Presets() {
		w := want[p.Word]
		got := preset{p.Public, p.Joining, p.PublicName == "Private Group", p.NeedsEnd, w.policy}
		if got != w || !strings.Contains(string(p.Policy.Stored()), w.policy) || (w.policy == "") != (p.Policy.Stored() == nil) {
			t.Errorf("%s: %+v %s", p.Word, got, p.Policy.Stored())
		}
		if p.Public == (p.PublicName != "") || !strings.HasSuffix(p.Text, ".") || len(p.Text) > 150 {
			t.Errorf("%+v", p)
		}
		if field, problem := p.Policy.Check(); problem != "" {
			t.Errorf("%s: %s %s", p.Word, field, problem)
		}
		if field, problem := p.Policy.Contradiction(p.Joining); problem != "" {
			t.Errorf("%s: %s %s", p.Word, field, problem)
		}
	}
	equal, _ := moderation.PresetNamed("equal")
	member := moderation.RoleMember
	if p := equal.Policy; p.InviteRole != member || p.TopicRole != member || p.PinRole != member || p.Announce != moderation.AnnounceOff {
		t.Errorf("equal: %+v", p)
	}
}

func TestSettingsThatCanNotGoTogether(t *testing.T) {
	open := moderation.JoiningOpen
	for _, c := range []struct {
		joining moderation.Joining
		policy  moderation.Policy
		want    string
	}{
		{open, moderation.Policy{}, ""},
		{moderation.JoiningApprove, moderation.Policy{ReadOnly: true, QuestionHold: true, LockdownBans: 1, LockdownJoins: 1, SilentAfter: 1}, ""},
		{open, moderation.Policy{NoRemoval: true}, ""},
		{open, moderation.Policy{NoRemoval: true, SilentAfter: 1}, "silent_after"},
		{open, moderation.Policy{NoStaff: true, SilentAfter: 1}, ""},
		{moderation.JoiningApprove, moderation.Policy{NoStaff: true}, "joining"},
		{moderation.JoiningInvite, moderation.Policy{NoStaff: true}, ""},
		{open, moderation.Policy{NoStaff: true, ReadOnly: true}, "read_only"},
		{open, moderation.Policy{NoStaff: true, QuestionHold: true}, "question_hold"},
		{open, moderation.Policy{NoStaff: true, LockdownJoins: 1}, "lockdown_joins"},
		{open, moderation.Policy{NoStaff: true, LockdownBans: 1}, "lockdown_bans"},
	} {
		if field, problem := c.policy.Contradiction(c.joining); field != c.want || (problem == "") != (c.want == "") {
			t.Errorf("%s %+v: %q %q, want %q", c.joining, c.policy, field, problem, c.want)
		}
	}
}

func TestAGroupIsOverAtItsDate(t *testing.T) {
	none, end := moderation.Policy{}, moderation.Policy{ExpiresAt: moderation.MomentOf(now())}
	for _, c := range []struct {
		p    moderation.Policy
		at   time.Time
		want bool
	}{
		{none, now(), false}, {none, time.Time{}, false}, {end, now().Add(-1), false}, {end, now(), true}, {end, now().Add(time.Hour), true},
		{moderation.Policy{ExpiresAt: 1}, time.Unix(0, 0), false}, {moderation.Policy{ExpiresAt: 1}, time.Unix(1, 0), true},
	} {
		if got := c.p.Over(c.at); got != c.want {
			t.Errorf("%d at %v: %v", c.p.ExpiresAt, c.at, got)
		}
	}
	if got := none.KeptSpan(); got != 7*24*time.Hour {
		t.Errorf("kept for %v", got)
	}
	if got := (moderation.Policy{ExpireKeep: 60}).KeptSpan(); got != time.Minute {
		t.Errorf("kept for %v", got)
	}
}

func TestMomentsAreWholeSeconds(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want moderation.Moment
	}{
		{time.Time{}, 0}, {time.Unix(-5, 0), 0}, {time.Unix(0, 999), 0}, {time.Unix(7, 999_999_999), 7},
	} {
		if got := moderation.MomentOf(c.t); got != c.want {
			t.Errorf("%v is %d", c.t, got)
		}
	}
	if got := moderation.Moment(7).Time(); !got.Equal(time.Unix(7, 0)) || got.Location() != time.UTC {
		t.Errorf("%v", got)
	}
	if !moderation.Moment(0).Time().IsZero() {
		t.Error("none is a time")
	}
}

func TestSettingsOverOthers(t *testing.T) {
	base := moderation.Policy{ReadOnly: true, SlowMode: 5, ReservedNames: []string{"a"}}
	got := base.With(moderation.Policy{SlowMode: 9, Frozen: true})
	if want := (moderation.Policy{ReadOnly: true, SlowMode: 9, Frozen: true, ReservedNames: []string{"a"}}); !reflect.DeepEqual(got, want) || base.SlowMode != 5 {
		t.Errorf("%+v", got)
	}
}

func TestTheHighestRankOfAGroup(t *testing.T) {
	if got := (moderation.Policy{}).OwnerRole(); got != moderation.RoleOwner {
		t.Errorf("%s", got)
	}
	if got := (moderation.Policy{NoStaff: true}).OwnerRole(); got != moderation.RoleMember {
		t.Errorf("without staff: %s", got)
	}
}
