package moderation_test

import (
	"testing"

	"groupd/moderation"
)

func TestWhoIsNoMemberIsToldSoBeforeAnythingElse(t *testing.T) {
	for _, a := range []moderation.Action{moderation.ActionCloneGroup, moderation.ActionDeleteGroup} {
		f := as(moderation.RoleNone)
		f.Action, f.Creating, f.Insider = a, moderation.CreatingAnyone, true
		if v := moderation.Decide(f, now()); v.Reason != moderation.ReasonNotMember {
			t.Errorf("a stranger, %d: %s", a, v.Reason)
		}
		f.Standing = moderation.StandingPending
		if v := moderation.Decide(f, now()); v.Reason != moderation.ReasonPending {
			t.Errorf("one who waits, %d: %s", a, v.Reason)
		}
		f = as(moderation.RoleMember)
		f.Action = a
		if v := moderation.Decide(f, now()); v.Reason != moderation.ReasonRole {
			t.Errorf("a member, %d: %s", a, v.Reason)
		}
	}
}

func TestWhyNobodyMakesGroups(t *testing.T) {
	for _, c := range []struct {
		creating moderation.Creating
		insider  bool
		want     moderation.Reason
	}{
		{moderation.CreatingOff, true, moderation.ReasonClosed}, {moderation.CreatingOff, false, moderation.ReasonClosed},
		{moderation.CreatingMembers, false, moderation.ReasonNotMember}, {moderation.CreatingMembers, true, moderation.ReasonNone},
		{moderation.CreatingAnyone, false, moderation.ReasonStamp}, {moderation.CreatingAnyone, true, moderation.ReasonNone},
	} {
		v := moderation.Decide(moderation.Facts{Action: moderation.ActionCreateGroup, Identified: true, Creating: c.creating, Insider: c.insider, Cost: 16}, now())
		if v.Reason != c.want || v.Reason == moderation.ReasonStamp && v.Cost != 16 {
			t.Errorf("%s, insider %v: %s, %d bits", c.creating, c.insider, v.Reason, v.Cost)
		}
	}
}

func TestWordsOfWhoMakesGroups(t *testing.T) {
	for c := moderation.CreatingOff; c <= moderation.CreatingAnyone; c++ {
		if got, ok := moderation.ParseCreating(" " + c.String() + " "); !ok || got != c {
			t.Errorf("%s: %v, %v", c, got, ok)
		}
	}
	if _, ok := moderation.ParseCreating("some"); ok {
		t.Error("some")
	}
}
