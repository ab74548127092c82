package moderation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/moderation"
)

func TestWhichBudgetsAnActionDrawsOn(t *testing.T) {
	server := moderation.Rate{Burst: 60, Every: time.Second}
	all := moderation.Rate{Burst: 600, Every: 50 * time.Millisecond}
	const member, mod = moderation.RoleMember, moderation.RoleModerator
	hour := func(n int) moderation.Rate { return moderation.Rate{Burst: n, Every: time.Hour / time.Duration(n)} }
	q := func(count, per uint32) moderation.Quota {
		return moderation.Quota{Count: count, Per: moderation.Seconds(per)}
	}
	b := func(m moderation.Meter, r moderation.Rate) moderation.Budget {
		return moderation.Budget{Meter: m, Rate: r, Tokens: 1}
	}
	own, shared := b(moderation.MeterPosts, server), b(moderation.MeterGroup, all)
	slow := moderation.Policy{SlowMode: 30}
	for _, c := range []struct {
		name    string
		action  moderation.Action
		role    moderation.Role
		policy  moderation.Policy
		airtime time.Duration
		want    []moderation.Budget
	}{
		{"a post", moderation.ActionPost, member, moderation.Policy{}, 0, []moderation.Budget{own, shared}},
		{"a file", moderation.ActionAttach, member, moderation.Policy{}, 0, []moderation.Budget{own, shared}},
		{"an edit", moderation.ActionEdit, member, moderation.Policy{}, 0, []moderation.Budget{own, shared}},
		{"a profile", moderation.ActionProfile, member, slow, time.Second, []moderation.Budget{own}},
		{"a reaction", moderation.ActionReact, member, slow, time.Second, []moderation.Budget{b(moderation.MeterReactions, server)}},
		{"a report", moderation.ActionReport, member, slow, time.Second, []moderation.Budget{b(moderation.MeterReports, hour(10))}},
		{"a topic", moderation.ActionTopic, member, slow, time.Second, []moderation.Budget{b(moderation.MeterTopics, hour(20))}},
		{"a pin", moderation.ActionPin, member, slow, time.Second, []moderation.Budget{b(moderation.MeterPins, hour(60))}},
		{"an emergency", moderation.ActionEmergency, mod, slow, time.Second, []moderation.Budget{b(moderation.MeterEmergency, hour(3)), b(moderation.MeterAllEmergencies, hour(6))}},
		{"an emergency by policy", moderation.ActionEmergency, mod, moderation.Policy{EmergencyPosts: q(1, 3600)}, 0,
			[]moderation.Budget{b(moderation.MeterEmergency, hour(1)), b(moderation.MeterAllEmergencies, hour(2))}},
		{"reading", moderation.ActionRead, member, slow, 0, nil},
		{"a post by policy", moderation.ActionPost, member, moderation.Policy{MemberPosts: q(5, 50), GroupPosts: q(7, 70)}, 0,
			[]moderation.Budget{b(moderation.MeterPosts, moderation.Rate{Burst: 5, Every: 10 * time.Second}), b(moderation.MeterGroup, moderation.Rate{Burst: 7, Every: 10 * time.Second})}},
		{"slow mode", moderation.ActionPost, member, slow, 0, []moderation.Budget{own, shared, b(moderation.MeterSlow, moderation.Rate{Burst: 1, Every: 30 * time.Second})}},
		{"slow mode, an edit", moderation.ActionEdit, member, slow, 0, []moderation.Budget{own, shared}},
		{"slow mode, staff", moderation.ActionPost, mod, slow, 0, []moderation.Budget{own, shared}},
		{"a newcomer", moderation.ActionPost, member, moderation.Policy{Probation: 7200}, 0, []moderation.Budget{own, shared, b(moderation.MeterProbation, hour(10))}},
		{"a newcomer by policy", moderation.ActionEdit, member, moderation.Policy{Probation: 7200, ProbationPosts: q(2, 3600)}, 0,
			[]moderation.Budget{own, shared, b(moderation.MeterProbation, hour(2))}},
		{"no newcomer any more", moderation.ActionPost, member, moderation.Policy{Probation: 3600}, 0, []moderation.Budget{own, shared}},
		{"airtime", moderation.ActionPost, member, moderation.Policy{MemberAirtime: q(10, 100), GroupAirtime: q(20, 100)}, 1500 * time.Microsecond, []moderation.Budget{own, shared,
			{Meter: moderation.MeterAirtime, Rate: moderation.Rate{Burst: 10_000, Every: 10 * time.Millisecond}, Tokens: 2},
			{Meter: moderation.MeterGroupAirtime, Rate: moderation.Rate{Burst: 20_000, Every: 5 * time.Millisecond}, Tokens: 2}}},
	} {
		f := as(c.role)
		f.Action, f.Policy, f.MemberFor = c.action, c.policy, time.Hour
		if got := f.Budgets(server, all, c.airtime); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, got, c.want)
		}
		f.Local = true
		if got := f.Budgets(server, all, c.airtime); got != nil {
			t.Errorf("%s by the operator: %+v", c.name, got)
		}
	}
}

func TestWhoCanBeMutedByTheServer(t *testing.T) {
	f := as(moderation.RoleMember)
	if got, want := f.FloodBudget(), (moderation.Budget{Meter: moderation.MeterFlood, Rate: moderation.Rate{Burst: 150, Every: 400 * time.Millisecond}, Tokens: 1}); got != want {
		t.Errorf("a member: %+v", got)
	}
	f.Policy.Flood = moderation.Quota{Count: 2, Per: 10}
	if got := f.FloodBudget(); got.Rate != (moderation.Rate{Burst: 2, Every: 5 * time.Second}) {
		t.Errorf("by policy: %+v", got)
	}
	none := moderation.Budget{Meter: moderation.MeterFlood}
	f.Policy.NoAutoMute = true
	kept := as(moderation.RoleMember)
	kept.Policy.NoRemoval = true
	for who, f := range map[string]moderation.Facts{"nobody is": f, "nobody can be removed": kept, "staff": as(moderation.RoleModerator), "the operator": operator()} {
		if got := f.FloodBudget(); got != none {
			t.Errorf("%s: %+v", who, got)
		}
	}
}

func TestWhatLocksAGroup(t *testing.T) {
	p := moderation.Policy{LockdownJoins: 4, LockdownBans: 2}
	for m, want := range map[moderation.Meter]moderation.Rate{moderation.MeterJoins: {Burst: 4, Every: 15 * time.Minute}, moderation.MeterBans: {Burst: 2, Every: 30 * time.Minute}} {
		if got := p.LockdownBudget(m); got != (moderation.Budget{Meter: m, Rate: want, Tokens: 1}) {
			t.Errorf("%+v", got)
		}
		if got := (moderation.Policy{}).LockdownBudget(m); got.Rate != (moderation.Rate{}) {
			t.Errorf("by default: %+v", got)
		}
	}
}

func TestWhoWaitsIsToldForWhat(t *testing.T) {
	words := map[moderation.Meter]string{
		moderation.MeterPosts: "too many posts", moderation.MeterGroup: "many are posting", moderation.MeterSlow: "slow mode", moderation.MeterProbation: "newcomers",
		moderation.MeterAirtime: "your posts took much airtime", moderation.MeterGroupAirtime: "this group's posts", moderation.MeterReactions: "reactions",
		moderation.MeterReports: "reports", moderation.MeterEmergency: "emergencies", moderation.MeterAllEmergencies: "emergencies",
		moderation.MeterPins: "pins", moderation.MeterTopics: "topic was",
	}
	for m := moderation.MeterPosts; m <= moderation.MeterTopics; m++ {
		f := as(moderation.RoleMember)
		f.Action, f.Wait, f.Meter = moderation.ActionPost, 7*time.Second, m
		v := moderation.Decide(f, now())
		if v.Reason != moderation.ReasonRate || v.RetryAfter != f.Wait || !strings.Contains(v.Text, words[m]) {
			t.Errorf("meter %d: %+v", m, v)
		}
		shared := m == moderation.MeterGroup || m == moderation.MeterGroupAirtime || m == moderation.MeterAllEmergencies || m == moderation.MeterJoins || m == moderation.MeterBans
		if m.Shared() != shared {
			t.Errorf("meter %d is shared: %v", m, m.Shared())
		}
	}
}

// TestRefusalsSayWhy pins reasons and words that people read, in the order of the questions.
func TestRefusalsSayWhy(t *testing.T) {
	member := as(moderation.RoleMember)
	change := func(a moderation.Action, more ...func(*moderation.Facts)) moderation.Facts {
		f := member
		f.Action = a
		for _, m := range more {
			m(&f)
		}
		return f
	}
	policy := func(p moderation.Policy) func(*moderation.Facts) { return func(f *moderation.Facts) { f.Policy = p } }
	stranger := func(f *moderation.Facts) { outside(f, moderation.StandingStranger); f.Joining = moderation.JoiningOpen }
	for _, c := range []struct {
		f      moderation.Facts
		reason moderation.Reason
		text   string
	}{
		{change(moderation.ActionPost, policy(moderation.Policy{ReadOnly: true})), moderation.ReasonReadOnly, "only the staff of this group write here"},
		{change(moderation.ActionPost, policy(moderation.Policy{Probation: 10}), func(f *moderation.Facts) { f.Links = true }), moderation.ReasonProbation, "newcomers can not post links yet"},
		{change(moderation.ActionAttach, policy(moderation.Policy{Probation: 10})), moderation.ReasonProbation, "newcomers can not post files yet"},
		{change(moderation.ActionAttach, policy(moderation.Policy{AttachRole: 2})), moderation.ReasonRole, "only the rank of moderator and above may add files here"},
		{change(moderation.ActionReact, policy(moderation.Policy{ReactRole: 3})), moderation.ReasonRole, "only the rank of admin and above may react here"},
		{change(moderation.ActionEdit), moderation.ReasonNotAuthor, "only its author can edit a post"},
		{change(moderation.ActionEdit, func(f *moderation.Facts) { f.Self, f.Age = true, 25*time.Hour }), moderation.ReasonLate, "a post can be edited for 1 d only"},
		{change(moderation.ActionInvite, policy(moderation.Policy{Probation: 10, InviteRole: 1})), moderation.ReasonProbation, "newcomers can not invite yet"},
		{change(moderation.ActionInvite, policy(moderation.Policy{InviteRole: 1}), func(f *moderation.Facts) { f.Joining = moderation.JoiningClosed }), moderation.ReasonClosed, "this group takes no new members"},
		{change(moderation.ActionInvite, policy(moderation.Policy{InviteRole: 1}), func(f *moderation.Facts) { f.Standing = moderation.StandingMuted }), moderation.ReasonMuted, "you are muted here"},
		{change(moderation.ActionProfile, policy(moderation.Policy{FixedNames: true}), func(f *moderation.Facts) { f.Rename = true }), moderation.ReasonFixedName, "members of this group keep the name they joined with"},
		{change(moderation.ActionJoin, stranger, policy(moderation.Policy{Question: "who?"})), moderation.ReasonQuestion, "answer a question to join: who?"},
		{change(moderation.ActionJoin, stranger, func(f *moderation.Facts) { f.Cost = 9 }), moderation.ReasonStamp, "joining needs a stamp of 9 bits of work"},
		{change(moderation.ActionJoin, stranger, func(f *moderation.Facts) { f.Joining = moderation.JoiningInvite }), moderation.ReasonInvite, "this group takes new members by invite only"},
		{change(moderation.ActionJoin, stranger, func(f *moderation.Facts) { f.Lockdown = true }), moderation.ReasonApproval, "many are joining just now: a moderator will decide about your request"},
		{change(moderation.ActionJoin, stranger, func(f *moderation.Facts) { f.Joining, f.Lockdown = moderation.JoiningApprove, true }), moderation.ReasonApproval, "a moderator will decide about your request"},
		{change(moderation.ActionEmergency), moderation.ReasonPermission, `this needs the permission "emergency"`},
		{change(moderation.ActionLockdown), moderation.ReasonPermission, `this needs the permission "ban"`},
		{change(moderation.ActionMute, func(f *moderation.Facts) { f.Self = true }), moderation.ReasonSelf, "that is you"},
		{change(moderation.ActionKick, func(f *moderation.Facts) { f.Self = true }), moderation.ReasonSelf, "that is you: leave instead"},
		{change(moderation.ActionKick, policy(moderation.Policy{NoRemoval: true})), moderation.ReasonNoRemoval, "nobody can be removed from this group, nor kept from writing"},
		{change(moderation.ActionKick, stranger, policy(moderation.Policy{NoRemoval: true})), moderation.ReasonNotMember, "you are not a member of this group"},
		{change(moderation.ActionDelete, policy(moderation.Policy{NoRemoval: true})), moderation.ReasonNoRemoval, "everybody deletes his own posts only in this group"},
		{change(moderation.ActionTransfer, policy(moderation.Policy{NoRemoval: true})), moderation.ReasonNoRemoval, "only the member himself can do this in this group"},
		{change(moderation.ActionSettings, policy(moderation.Policy{Frozen: true})), moderation.ReasonFrozen, "the settings of this group never change"},
		{change(moderation.ActionGrant, policy(moderation.Policy{NoStaff: true})), moderation.ReasonNoStaff, "nobody is in charge of this group"},
		{change(moderation.ActionClaim, stranger, policy(moderation.Policy{NoStaff: true})), moderation.ReasonNoStaff, "nobody can own this group"},
		{change(moderation.ActionInvite, policy(moderation.Policy{NoStaff: true, InviteRole: 1}), func(f *moderation.Facts) { f.NewRole = 2 }), moderation.ReasonNoStaff, "nobody has a rank in this group"},
		{change(moderation.ActionPost, policy(moderation.Policy{ExpiresAt: 1})), moderation.ReasonOver, "this group is over"},
		{change(moderation.ActionPost, stranger, policy(moderation.Policy{ExpiresAt: 1})), moderation.ReasonNotMember, "you are not a member of this group"},
		{change(moderation.ActionJoin, stranger, policy(moderation.Policy{ExpiresAt: 1})), moderation.ReasonOver, "this group is over"},
		{change(moderation.ActionJoin, policy(moderation.Policy{ExpiresAt: 1})), moderation.ReasonAlready, "you are a member already"},
		{change(moderation.ActionJoin, policy(moderation.Policy{ExpiresAt: 1}), func(f *moderation.Facts) { f.Standing = moderation.StandingMuted }), moderation.ReasonAlready, "you are a member already"},
		{change(moderation.ActionDeleteGroup, stranger), moderation.ReasonNotMember, "you are not a member of this group"},
		{change(moderation.ActionTopic, policy(moderation.Policy{Probation: 10, TopicRole: 1})), moderation.ReasonProbation, "newcomers can not change the topic yet"},
		{change(moderation.ActionTopic, policy(moderation.Policy{TopicRole: 1}), func(f *moderation.Facts) { f.Standing = moderation.StandingMuted }), moderation.ReasonMuted, "you are muted here"},
	} {
		if v := moderation.Decide(c.f, now()); v.Reason != c.reason || v.Text != c.text {
			t.Errorf("%q for %q, want %q for %q", v.Text, v.Reason, c.text, c.reason)
		}
	}
	f := change(moderation.ActionJoin, stranger, func(f *moderation.Facts) { f.Cost = 9 })
	if v := moderation.Decide(f, now()); v.Cost != 9 {
		t.Errorf("asks for %d bits", v.Cost)
	}
	f = change(moderation.ActionPost, func(f *moderation.Facts) {
		f.Standing, f.MuteExpires, f.MuteReason = moderation.StandingMuted, now().Add(90*time.Minute), "noise"
	})
	if v := moderation.Decide(f, now()); v.RetryAfter != 90*time.Minute || v.Text != "you are muted here for another 90 min: noise" {
		t.Errorf("%+v", v)
	}
	if v := moderation.Decide(change(moderation.ActionEmergency), now()); v.Needs != moderation.PermEmergency {
		t.Errorf("needs %v", v.Needs)
	}
	for what, f := range map[moderation.Reason]moderation.Facts{
		moderation.ReasonNotMember: as(moderation.RoleNone), moderation.ReasonPending: func() moderation.Facts {
			f := as(moderation.RoleNone)
			f.Standing = moderation.StandingPending
			return f
		}(),
	} {
		for _, a := range []moderation.Action{moderation.ActionKick, moderation.ActionPin, moderation.ActionGrant, moderation.ActionAudit, moderation.ActionInvite, moderation.ActionMute} {
			for _, f.Self = range []bool{false, true} {
				f.Action = a
				if v := moderation.Decide(f, now()); v.Reason != what {
					t.Errorf("an outsider, action %d on himself %v: %q", a, f.Self, v.Reason)
				}
			}
		}
	}
	f = as(moderation.RoleAdmin)
	f.Action, f.TargetRole = moderation.ActionKick, moderation.RoleOwner
	if v := moderation.Decide(f, now()); v.Text != "the rank of owner is not below your own" {
		t.Errorf("%q", v.Text)
	}
	if s := fmt.Sprint(moderation.JoiningInvite); s != "invite" {
		t.Error(s)
	}
}

func TestSeveralTokensAtOnce(t *testing.T) {
	r := moderation.Rate{Burst: 10, Every: time.Second}
	var b moderation.Bucket
	b, wait := r.TakeN(b, now(), 7)
	if wait != 0 {
		t.Fatalf("wait %v", wait)
	}
	if same, wait := r.TakeN(b, now(), 5); wait != 2*time.Second || same != b {
		t.Errorf("five more: wait %v", wait)
	}
	if _, wait := r.TakeN(b, now(), 3); wait != 0 {
		t.Errorf("three more: wait %v", wait)
	}
	if _, wait := r.TakeN(b, now(), 50); wait != 7*time.Second {
		t.Errorf("more than there ever are: wait %v", wait)
	}
	if _, wait := r.TakeN(moderation.Bucket{}, now(), 50); wait != 0 {
		t.Errorf("of a full bucket: wait %v", wait)
	}
	for _, n := range []int{0, -1} {
		if same, wait := r.TakeN(moderation.Bucket{}, now(), n); wait != 0 || same != (moderation.Bucket{}) {
			t.Errorf("%d tokens: %+v, wait %v", n, same, wait)
		}
	}
	for _, none := range []moderation.Rate{{}, {Burst: 5}, {Every: time.Second}, {Burst: -1, Every: time.Second}, {Burst: 5, Every: -time.Second}} {
		if same, wait := none.TakeN(moderation.Bucket{}, now(), 3); wait != 0 || same != (moderation.Bucket{}) {
			t.Errorf("%+v is a limit: %+v, wait %v", none, same, wait)
		}
	}
	single := moderation.Rate{Burst: 1, Every: time.Minute}
	one, _ := single.Take(moderation.Bucket{}, now())
	if _, wait := single.Take(one, now()); wait != time.Minute {
		t.Errorf("a second one of one: wait %v", wait)
	}
}
