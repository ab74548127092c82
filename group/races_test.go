package group_test

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// atOnce calls f from n goroutines that begin together.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wg.Wait()
}

// TestHoweverManyAcceptAtOnceThereAreNoMoreThanTheCircleTakes, and each who finds it full can still decline.
func TestHoweverManyAcceptAtOnceThereAreNoMoreThanTheCircleTakes(t *testing.T) {
	h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}))
	ctx := t.Context()
	ann := h.joined("Ann", moderation.RoleMember)
	var invite []group.AnyHash
	for i := range 9 {
		invite = append(invite, hash(person(fmt.Sprint("P", i))))
	}
	g := must(h.hub.CreateGroup(ctx, ann, group.NewGroup{Preset: "circle", PrivateName: "Ridge", CreatorName: "Ann", Invite: invite}))(t).ID
	must(h.hub.UpdateSettings(ctx, ann, g, group.SettingsInput{Change: func(p *moderation.Policy) { p.MaxMembers = 5 }}))(t)
	var in, full atomic.Int32
	atOnce(36, func(i int) {
		_, err := h.hub.Join(ctx, person(fmt.Sprint("P", i%9)), g, group.JoinInput{Name: fmt.Sprint("P", i%9)})
		switch {
		case err == nil:
			in.Add(1) // again is no error
		case group.KindOf(err) == group.KindFull:
			full.Add(1)
		default:
			t.Error(err)
		}
	})
	if n := must(h.hub.Info(ctx, ann, g))(t).Members; n != 5 || in.Load() != 16 || full.Load() != 20 {
		t.Errorf("%d members, %d came in, %d found it full", n, in.Load(), full.Load())
	}
}

// TestWhoMakesGroupsAllAtOnceMakesNoMoreThanHeMay: as many as one person may, and as many as there may be.
func TestWhoMakesGroupsAllAtOnceMakesNoMoreThanHeMay(t *testing.T) {
	var mu sync.Mutex
	made := freshKeys()
	h := newHouse(t, open, func(_ *group.NewGroup, cfg *group.Config) {
		cfg.Groups = group.Creating{Who: moderation.CreatingMembers, PerPerson: 3, Max: 6, Cooldown: time.Nanosecond, PerHour: 1000}
		cfg.NewIdentity = func() ([]byte, []byte, error) { mu.Lock(); defer mu.Unlock(); return made() }
	})
	ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
	var of [2]atomic.Int32
	atOnce(40, func(i int) {
		c := []group.Caller{ann, bob}[i%2]
		_, err := h.hub.CreateGroup(t.Context(), c, group.NewGroup{PublicName: fmt.Sprint("Group ", i), Public: true})
		if err == nil {
			of[i%2].Add(1)
		} else if k := group.KindOf(err); k != group.KindFull && k != group.KindRateLimited {
			t.Error(err)
		}
	})
	if a, b := of[0].Load(), of[1].Load(); a > 3 || b > 3 || a+b > 5 || len(h.lists(operator())) > 6 {
		t.Errorf("%d and %d are made", a, b)
	}
}

// TestAGroupThatIsDeletedWhileAllIsGoingOn: by two at once, while others post, read, join, clone and export. Each does it, or finds no such group;
// it is deleted once, and nothing of it can be read.
func TestAGroupThatIsDeletedWhileAllIsGoingOn(t *testing.T) {
	var mu sync.Mutex
	made := freshKeys()
	h, blobs := storage(t, group.Limits{}, open, func(_ *group.NewGroup, cfg *group.Config) {
		cfg.Groups = group.Creating{Who: moderation.CreatingMembers, PerPerson: 100, Max: 100, Cooldown: time.Nanosecond, PerHour: 1000}
		cfg.NewIdentity = func() ([]byte, []byte, error) { mu.Lock(); defer mu.Unlock(); return made() }
		cfg.Limits.MemberRate, cfg.Limits.GroupRate = moderation.Rate{Burst: -1}, moderation.Rate{Burst: -1}
	})
	ctx := t.Context()
	ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleOwner)
	for i := range 50 {
		must(h.hub.Post(ctx, ann, valley, carrying(fmt.Sprint("post ", i), file(fmt.Sprint("f", i), fmt.Sprint("content ", i)))))(t)
	}
	var deleted, clones atomic.Int32
	atOnce(24, func(i int) {
		var err error
		for range 20 {
			switch i % 6 {
			case 0:
				if err = h.hub.DeleteGroup(ctx, []group.Caller{ann, bob}[i/6%2], valley); err == nil {
					deleted.Add(1)
				}
				i++ // and goes on reading
			case 1:
				_, err = h.hub.Messages(ctx, bob, valley, group.Query{Newest: true})
			case 2:
				_, err = h.hub.Post(ctx, bob, valley, carrying("late", file("late", fmt.Sprint("late ", i))))
			case 3:
				_, err = h.hub.Join(ctx, person(fmt.Sprint("J", i)), valley, group.JoinInput{Name: fmt.Sprint("J", i)})
			case 4:
				if _, err = h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Two"}); err == nil {
					clones.Add(1)
				} else if group.KindOf(err) == group.KindRateLimited {
					err = nil
				}
			case 5:
				_, err = h.hub.Export(ctx, operator(), valley, io.Discard, group.ExportInput{Identity: true})
				if group.KindOf(err) == group.KindConflict { // one at a time
					err = nil
				}
			}
			if err != nil && group.KindOf(err) != group.KindNotFound {
				t.Errorf("%d: %v", i%6, err)
			}
		}
	})
	if deleted.Load() != 1 {
		t.Errorf("deleted %d times", deleted.Load())
	}
	if log := must(h.hub.ServerLog(ctx, operator(), 0, 500))(t); log[0].Action == "" || len(log) != 2+int(clones.Load()) {
		t.Errorf("%d lines in the log, %d clones", len(log), clones.Load())
	}
	h.lives(2 * time.Second)
	if n := count(t, blobs); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if left := h.store.Left(); left != 0 {
		t.Errorf("%d groups are left in part", left)
	}
}
