package group_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// TestALockdownCanBeLiftedWhereTheSettingsNeverChange: one that stands when they are frozen, and one that begins by itself; none is begun.
func TestALockdownCanBeLiftedWhereTheSettingsNeverChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ctx := t.Context()
		ann, mod, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
		offered := func(c group.Caller) bool {
			return slices.Contains(must(h.hub.Powers(ctx, c, valley))(t), moderation.ActionLockdown)
		}
		lock := func(c group.Caller, on bool) error {
			_, err := h.hub.Lockdown(ctx, c, valley, group.LockdownInput{On: on})
			return err
		}
		if err := lock(ann, true); err != nil {
			t.Fatal(err)
		}
		h.keeps(func(p *moderation.Policy) { p.LockdownJoins, p.Frozen = 2, true })
		if st := must(h.hub.Join(ctx, person("Cy"), valley, group.JoinInput{Name: "Cy"}))(t).Standing; st != moderation.StandingPending {
			t.Errorf("there is no lockdown: %s", st)
		}
		time.Sleep(365 * 24 * time.Hour)
		refused(t, "a member lifts it", lock(bob, false), group.KindDenied)
		if !offered(mod) || offered(bob) {
			t.Errorf("lifting is offered to a moderator: %v, to a member: %v", offered(mod), offered(bob))
		}
		if err := lock(mod, false); err != nil {
			t.Fatal("a lockdown that never ends:", err)
		}
		if offered(mod) {
			t.Error("beginning one is offered")
		}
		for _, c := range []group.Caller{ann, mod, operator()} {
			if e := refused(t, "another one", lock(c, true), group.KindDenied); e.Reason != moderation.ReasonFrozen {
				t.Errorf("%+v", e)
			}
		}
		for _, name := range []string{"D", "E", "F", "G"} {
			must(h.hub.Join(ctx, person(name), valley, group.JoinInput{Name: name}))(t)
		}
		if !must(h.hub.Info(ctx, ann, valley))(t).Lockdown {
			t.Fatal("many joined, and nothing happened")
		}
		if err := lock(operator(), false); err != nil {
			t.Error("one that began by itself:", err)
		}
	})
}
