package moderation_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"groupd/moderation"
)

func TestAPolicyIsStoredAndReadAgain(t *testing.T) {
	p := moderation.Policy{
		Question: "who?", MaxMembers: 5, Probation: 60, MemberPosts: moderation.Quota{Count: 2, Per: 3}, PinRole: moderation.RoleAdmin,
		History: moderation.HistoryLast, HistoryCount: 9, ReservedNames: []string{"admin"}, RetainBytes: 1 << 50, JoinCost: 12, ReadOnly: true,
	}
	again, err := moderation.ParsePolicy(p.Stored())
	if err != nil || !reflect.DeepEqual(p, again) {
		t.Errorf("%+v came back as %+v, %v", p, again, err)
	}
	if (moderation.Policy{}).Stored() != nil {
		t.Error("the defaults take room")
	}
	if p, err := moderation.ParsePolicy(nil); err != nil || !reflect.DeepEqual(p, moderation.Policy{}) {
		t.Errorf("nothing is read as %+v, %v", p, err)
	}
	if p, err := moderation.ParsePolicy([]byte(`{"slow_mode":30,"from_the_future":{"x":[1]}}`)); err != nil || p.SlowMode != 30 || string(p.Stored()) != `{"slow_mode":30}` {
		t.Errorf("an unknown key: %s, %v", p.Stored(), err)
	}
	for _, bad := range []string{"{", `{"slow_mode":-1}`, `{"slow_mode":"x"}`, `{"question":"` + strings.Repeat("x", moderation.MaxPolicyBytes) + `"}`} {
		if _, err := moderation.ParsePolicy([]byte(bad)); err == nil {
			t.Errorf("%.30s was read", bad)
		}
	}
	exact := `{"question":"` + strings.Repeat("x", moderation.MaxPolicyBytes-15) + `"}`
	if _, err := moderation.ParsePolicy([]byte(exact)); err != nil || len(exact) != moderation.MaxPolicyBytes {
		t.Errorf("%d bytes: %v", len(exact), err)
	}
}

func TestDefaultsOfAPolicy(t *testing.T) {
	var none moderation.Policy
	set := moderation.Policy{EditWindow: 1, NameHold: 2, LockdownFor: 3, FloodMute: 4, AirtimeShare: 5, Announce: moderation.AnnounceOff}
	for _, c := range []struct {
		name      string
		got, want time.Duration
	}{
		{"editing", none.EditSpan(), 24 * time.Hour}, {"editing", set.EditSpan(), time.Second},
		{"names", none.NameSpan(), 90 * 24 * time.Hour}, {"names", set.NameSpan(), 2 * time.Second},
		{"lockdown", none.LockdownSpan(), time.Hour}, {"lockdown", set.LockdownSpan(), 3 * time.Second},
		{"flood", none.FloodMuteSpan(), 10 * time.Minute}, {"flood", set.FloodMuteSpan(), 4 * time.Second},
		{"share", time.Duration(none.Share()), 25}, {"share", time.Duration(set.Share()), 5},
		{"announce, public", time.Duration(none.AnnounceDetail(true)), time.Duration(moderation.AnnounceFull)},
		{"announce, private", time.Duration(none.AnnounceDetail(false)), time.Duration(moderation.AnnounceName)},
		{"announce, off", time.Duration(set.AnnounceDetail(true)), time.Duration(moderation.AnnounceOff)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestWhatAPolicyMayNotSay(t *testing.T) {
	const tenYears = 10 * 365 * 86400
	for want, bad := range map[string][]moderation.Policy{
		"question":       {{Question: strings.Repeat("x", 201)}, {Question: "two\nlines"}, {Question: " spaces "}},
		"history":        {{History: 3}},
		"history_count":  {{History: moderation.HistoryLast}},
		"announce":       {{Announce: 4}},
		"delivery":       {{Delivery: 6}},
		"airtime_share":  {{AirtimeShare: 101}},
		"invite_to":      {{InviteTo: 4}},
		"invite_span":    {{InviteSpan: tenYears + 1}},
		"reserved_names": {{ReservedNames: make([]string, 33)}, {ReservedNames: []string{""}}, {ReservedNames: []string{"a\nb"}}},
		"silent_after":   {{SilentAfter: tenYears + 1}},
		"slow_mode":      {{SlowMode: math.MaxUint32}},
		"member_posts":   {{MemberPosts: moderation.Quota{Count: 1}}, {MemberPosts: moderation.Quota{Per: 1}}, {MemberPosts: moderation.Quota{Count: 1_000_001, Per: 1}}},
		"flood":          {{Flood: moderation.Quota{Count: 1, Per: tenYears + 1}}},
		"pin_role":       {{PinRole: 5}},
		"clone_role":     {{CloneRole: 5}},
		"join_cost":      {{JoinCost: 25}},
		"expires_at":     {{ExpiresAt: 1<<36 + 1}},
		"topic_role":     {{TopicRole: 5}},
	} {
		for _, p := range bad {
			if field, problem := p.Check(); field != want || problem == "" {
				t.Errorf("%+v: %q %q, want %q", p, field, problem, want)
			}
		}
	}
	for _, good := range []moderation.Policy{
		{}, {Question: strings.Repeat("x", 200)}, {History: moderation.HistoryStay}, {History: moderation.HistoryLast, HistoryCount: 1}, {Announce: moderation.AnnounceOff},
		{Delivery: moderation.DeliveryDigest}, {AirtimeShare: 100}, {SlowMode: tenYears}, {MemberPosts: moderation.Quota{Count: 1_000_000, Per: tenYears}},
		{PinRole: moderation.RoleOwner}, {InviteTo: moderation.InviteMet}, {InviteSpan: tenYears}, {CostCeiling: 24}, {ExpiresAt: 1 << 36}, {ReservedNames: strings.Fields(strings.Repeat("root ", 32))},
	} {
		if field, problem := good.Check(); field != "" || problem != "" {
			t.Errorf("%+v: %s %s", good, field, problem)
		}
	}
}

func TestChangesOfAPolicyAreTold(t *testing.T) {
	a := moderation.Policy{SlowMode: 5, ReservedNames: []string{"x"}}
	b := moderation.Policy{ReadOnly: true, ReservedNames: []string{"x"}}
	if got := a.Changes(b); got != "read_only true, slow_mode 0" {
		t.Errorf("%q", got)
	}
	if got := a.Changes(a); got != "" {
		t.Errorf("%q", got)
	}
}

// TestSettingsHaveNames: each has one of its own, in the manner of the wire.
func TestSettingsHaveNames(t *testing.T) {
	kind := reflect.TypeFor[moderation.Policy]()
	seen := map[string]bool{}
	for i := range kind.NumField() {
		name, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name == "" || name != strings.ToLower(name) || seen[name] || !strings.HasPrefix(options, "omit") {
			t.Errorf("%s is stored as %q", kind.Field(i).Name, name)
		}
		seen[name] = true
	}
	if !json.Valid(moderation.Policy{SlowMode: 1}.Stored()) {
		t.Error("not JSON")
	}
}

func TestAQuotaIsATokenBucket(t *testing.T) {
	for q, want := range map[moderation.Quota]moderation.Rate{
		{}:                         {},
		{Count: 1}:                 {},
		{Per: 1}:                   {},
		{Count: 5, Per: 60}:        {Burst: 5, Every: 12 * time.Second},
		{Count: 1_000_000, Per: 1}: {Burst: 1_000_000, Every: time.Microsecond},
		{Count: 4e9, Per: 1}:       {Burst: 4e9, Every: 1},
	} {
		if got := q.Rate(); got != want {
			t.Errorf("%+v: %+v, want %+v", q, got, want)
		}
	}
}

func TestStampsRiseUnderPressureUpToACeiling(t *testing.T) {
	var none moderation.Policy
	set := moderation.Policy{JoinCost: 10, PostCost: 4}
	for _, c := range []struct {
		name  string
		p     moderation.Policy
		level float64
		join  int
		post  int
	}{
		{"calm", none, 0, 0, 0}, {"as people are", none, 100, 0, 0}, {"a little more", none, 101, 8, 8}, {"nearly twice", none, 199, 8, 8},
		{"twice", none, 200, 9, 9}, {"four times", none, 400, 10, 10}, {"a storm", none, 1e12, 16, 16},
		{"calm", set, 100, 10, 4}, {"more", set, 150, 11, 8}, {"twice", set, 250, 12, 9}, {"a storm", set, 1e300, 18, 18},
		{"a ceiling", moderation.Policy{CostCeiling: 9}, 1e6, 9, 9},
		{"a ceiling below the cost", moderation.Policy{CostCeiling: 9, JoinCost: 12}, 1e6, 12, 9},
		{"not rising", moderation.Policy{CostCeiling: 7, JoinCost: 3}, 1e6, 3, 0},
		{"rising a little", moderation.Policy{CostCeiling: 8, JoinCost: 3}, 1e6, 8, 8},
		{"the highest", moderation.Policy{JoinCost: 20}, 1e9, 24, 24},
	} {
		if join, post := c.p.JoinStamp(c.level), c.p.PostStamp(c.level); join != c.join || post != c.post {
			t.Errorf("%s: %d and %d, want %d and %d", c.name, join, post, c.join, c.post)
		}
	}
}

func TestPressureFallsByHalfInHalfAnHour(t *testing.T) {
	var p moderation.Pressure
	for range 8 {
		p = p.Add(now())
	}
	for after, want := range map[time.Duration]float64{0: 8, 30 * time.Minute: 4, time.Hour: 2, -time.Hour: 8} {
		if got := p.Now(now().Add(after)); !(math.Abs(got-want) <= 1e-9) { // not a number neither
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	if q := p.Add(now().Add(30 * time.Minute)); math.Abs(q.Level-5) > 1e-9 || q.At != now().Add(30*time.Minute) {
		t.Errorf("one more later: %+v", q)
	}
}

func TestHowFarBackOneSees(t *testing.T) {
	for _, c := range []struct {
		name         string
		role         moderation.Role
		local        bool
		history      moderation.History
		joined, head uint64
		want         uint64
	}{
		{"all", moderation.RoleMember, false, moderation.HistoryAll, 50, 100, 1},
		{"since joining", moderation.RoleMember, false, moderation.HistoryStay, 50, 100, 50},
		{"joined before that was kept", moderation.RoleMember, false, moderation.HistoryStay, 0, 100, 1},
		{"a stranger who never joined", moderation.RoleNone, false, moderation.HistoryStay, 0, 100, 101},
		{"the last ten", moderation.RoleMember, false, moderation.HistoryLast, 50, 100, 91},
		{"the last ten of ten", moderation.RoleMember, false, moderation.HistoryLast, 1, 10, 1},
		{"the last ten of eleven", moderation.RoleMember, false, moderation.HistoryLast, 1, 11, 2},
		{"the last ten of none", moderation.RoleNone, false, moderation.HistoryLast, 0, 0, 1},
		{"a moderator", moderation.RoleModerator, false, moderation.HistoryStay, 50, 100, 1},
		{"the operator", moderation.RoleNone, true, moderation.HistoryLast, 50, 100, 1},
	} {
		f := moderation.Facts{Role: c.role, Local: c.local, Policy: moderation.Policy{History: c.history, HistoryCount: 10}}
		if got := f.Oldest(c.joined, c.head); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWhatIsALink(t *testing.T) {
	hash := strings.Repeat("0a", 16)
	for text, want := range map[string]bool{
		"":                                 false,
		"hello world":                      false,
		"see https://example.org":          true,
		"HTTP://EXAMPLE.ORG":               true,
		"www.example.org":                  true,
		"lxmf://" + hash:                   true,
		hash + ":/page/index.mu":           true,
		strings.ToUpper(hash) + ":/file/x": true,
		"at " + hash + ":/x":               true,
		hash[1:] + ":/page/index.mu":       false,
		"g" + hash[1:] + ":/page":          false,
		hash:                               false,
		"12:/ a :/ b " + hash + ":/c":      true,
		"and/or: /x":                       false,
		"smile :/":                         false,
		":/ " + hash + ":/c":               true,
	} {
		if got := moderation.HasLink(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestAPolicyIsPatched(t *testing.T) {
	p := moderation.Policy{SlowMode: 5, ReservedNames: []string{"a", "b"}, Flood: moderation.Quota{Count: 1, Per: 2}}
	got, err := p.Patched([]byte(`{"slow_mode":0,"read_only":true,"reserved_names":["c"],"flood":{"count":9}}`))
	want := moderation.Policy{ReadOnly: true, ReservedNames: []string{"c"}, Flood: moderation.Quota{Count: 9, Per: 2}}
	if err != nil || !reflect.DeepEqual(got, want) || p.ReservedNames[0] != "a" {
		t.Errorf("%+v, %v; before: %+v", got, err, p)
	}
	for bad, says := range map[string]string{`{"slow":1}`: `"slow"`, `{"slow_mode":"x"}`: "slow_mode", `{"flood":{"per":-1}}`: "flood.per", `[]`: "array", ``: "EOF"} {
		if _, err := p.Patched([]byte(bad)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
