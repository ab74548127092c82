package group_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// TestWhomADeletedGroupTellsOfItsEnd: those heard last, but who deleted it and who pauses; once, and nobody where all know that it is over.
func TestWhomADeletedGroupTellsOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(n *group.NewGroup, cfg *group.Config) {
			n.Policy.CostCeiling, cfg.Limits.GroupJoinRate = 1, moderation.Rate{Burst: -1}
		})
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		for i := range 70 {
			time.Sleep(time.Minute)
			h.joined(fmt.Sprint("m", i), moderation.RoleMember)
		}
		gone, quiet, later := h.joined("Gone", moderation.RoleMember), h.joined("Quiet", moderation.RoleMember), h.joined("Later", moderation.RoleMember)
		must(h.hub.Leave(ctx, gone, valley))(t)
		must(h.hub.UpdateNotifications(ctx, quiet, valley, group.NotificationsInput{Paused: ptr(true)}))(t)
		must(h.hub.UpdateNotifications(ctx, later, valley, group.NotificationsInput{PauseFor: ptr(time.Hour)}))(t)
		refused(t, "somebody else", h.hub.DeleteGroup(ctx, person("m1"), valley), group.KindDenied)
		id := must(h.hub.Info(ctx, ann, valley))(t).Identity
		if w, ok := h.hub.Farewell(id); ok {
			t.Errorf("before its end: %+v", w)
		}
		if err := h.hub.DeleteGroup(ctx, ann, valley); err != nil {
			t.Fatal(err)
		}
		w, ok := h.hub.Farewell(id)
		if !ok || w.Name != "Cottle Family Chat" || w.By != ann.Identity || len(w.To) != 62 {
			t.Fatalf("%q by %s, to %d, %v", w.Name, w.By, len(w.To), ok)
		}
		told := make(map[string]bool)
		for _, m := range w.To {
			told[m.DisplayName] = true
		}
		if !told["m69"] || !told["m8"] || told["m7"] || told["Ann"] || told["Gone"] || told["Quiet"] || told["Later"] {
			t.Errorf("told: %v", told)
		}
		if w, ok := h.hub.Farewell(id); ok {
			t.Errorf("twice: %+v", w)
		}
	})
}

func TestNobodyIsToldOfTheEndOfWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(time.Hour))
		h.joined("Ann", moderation.RoleOwner)
		id := must(h.hub.Info(t.Context(), operator(), valley))(t).Identity
		h.lives(8 * 24 * time.Hour)
		refused(t, "what was kept for a week", second(h.hub.Info(t.Context(), operator(), valley)), group.KindNotFound)
		if w, ok := h.hub.Farewell(id); ok {
			t.Errorf("%+v", w)
		}
	})
}

// TestNobodyIsToldOfTheEndOfAGroupThatMovesToAnotherServer, which the operator alone can say.
func TestNobodyIsToldOfTheEndOfAGroupThatMovesToAnotherServer(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleOwner)
	h.joined("Bob", moderation.RoleMember)
	id := must(h.hub.Info(t.Context(), operator(), valley))(t).Identity
	refused(t, "an owner says that it moves", h.hub.DeleteGroupMoved(t.Context(), ann, valley), group.KindDenied)
	if err := h.hub.DeleteGroupMoved(t.Context(), operator(), valley); err != nil {
		t.Fatal(err)
	}
	if w, ok := h.hub.Farewell(id); ok {
		t.Errorf("%+v", w)
	}
	refused(t, "when it has moved", second(h.hub.Info(t.Context(), ann, valley)), group.KindNotFound)
}

// TestFarewellsThatNobodySaysAreForgotten: what waits is bounded.
func TestFarewellsThatNobodySaysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, lets(group.Creating{}))
		var ids []group.IdentityHash
		for i := range 20 {
			g := must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{PublicName: fmt.Sprint("Group ", i), Public: true}))(t)
			must(h.hub.Join(t.Context(), person("Bob"), g.ID, group.JoinInput{Name: "Bob"}))(t)
			if err := h.hub.DeleteGroup(t.Context(), operator(), g.ID); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, g.Identity)
		}
		for i, id := range ids {
			if w, ok := h.hub.Farewell(id); ok != (i >= 4) || ok && (w.Name != fmt.Sprint("Group ", i) || !w.By.IsZero()) {
				t.Errorf("%d: %+v", i, w)
			}
		}
	})
}

// TestMembersAreToldOfTheEndByWhoeverSeesItFirst: what there is to tell is there as soon as the group is gone, and not when it stays.
func TestMembersAreToldOfTheEndByWhoeverSeesItFirst(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleOwner)
	h.joined("Bob", moderation.RoleMember)
	id := must(h.hub.Info(t.Context(), operator(), valley))(t).Identity
	h.store.OnCommit(func() error { return errors.New("the disk is full") })
	refused(t, "a deletion that is not stored", h.hub.DeleteGroup(t.Context(), ann, valley), group.KindNotDurable)
	if w, ok := h.hub.Farewell(id); ok {
		t.Errorf("of a group that is still there: %+v", w)
	}
	told := 0
	h.store.OnCommit(func() error { // from now on others see it
		w, _ := h.hub.Farewell(id)
		told = len(w.To)
		return nil
	})
	if err := h.hub.DeleteGroup(t.Context(), ann, valley); err != nil || told != 1 {
		t.Errorf("%d are told, %v", told, err)
	}
}
