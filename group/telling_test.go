package group_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// mail is a face that writes to people, and keeps every message: whom it has written to since it was asked last. In a bubble.
func (h *house) mail() (sent func() []group.AnyHash) {
	var mu sync.Mutex
	var list []group.AnyHash
	hub, events, done := h.hub, h.hub.Subscribe(1000), make(chan struct{})
	go func() {
		defer close(done)
		for e := range events.Events() {
			if e.Kind != group.EventInvited {
				continue
			}
			mu.Lock()
			list = append(list, e.Target)
			mu.Unlock()
			if err := hub.InviteKept(context.Background(), operator(), e.Group, e.Invite); err != nil {
				h.t.Error(err)
			}
		}
	}()
	h.t.Cleanup(func() { events.Close(); <-done })
	return func() []group.AnyHash {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		out := list
		list = nil
		return out
	}
}

// TestWhoIsInvitedIsToldAlthoughTheServerWentDownJustThen: what was decided and not yet kept as a message is said after the start, once.
func TestWhoIsInvitedIsToldAlthoughTheServerWentDownJustThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}))
		ctx := t.Context()
		ann, bob, cy := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember), h.joined("Cy", moderation.RoleMember)
		clone := must(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Two"}))(t).Group.ID
		must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: hash(person("Sue")), Send: true}))(t)
		h.lives(time.Minute) // nobody has taken what there was to tell: the server went down

		h.restarted(0)
		must(h.hub.DeclineInvite(ctx, cy, clone))(t)
		sent := h.mail()
		h.lives(time.Minute)
		if who := sent(); len(who) != 2 || who[0] == who[1] || who[0] != hash(bob) && who[1] != hash(bob) {
			t.Errorf("told after the start: %v", who)
		}
		h.restarted(0)
		sent = h.mail()
		h.lives(time.Hour)
		if who := sent(); len(who) != 0 {
			t.Errorf("told again: %v", who)
		}
		refused(t, "another invite in the same week", second(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: hash(person("Sue")), Send: true})), group.KindRateLimited)
		refused(t, "a member says what is kept", h.hub.InviteKept(ctx, ann, clone, 1), group.KindDenied)
	})
}

// TestAFaceThatDidNotKeepAnInviteIsAskedAgain, but not while it may be about to, and not for who wants none by now.
func TestAFaceThatDidNotKeepAnInviteIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		sue, dot := person("Sue"), person("Dot")
		for _, c := range []group.Caller{sue, dot} {
			must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: hash(c), Send: true}))(t)
		}
		must(h.hub.BlockInvites(ctx, dot, valley, false))(t)
		events := h.hub.Subscribe(100)
		defer events.Close()
		h.lives(9 * time.Minute)
		if who := told(events, group.EventInvited); len(who) != 0 {
			t.Errorf("asked again within ten minutes: %v", who)
		}
		h.lives(5 * time.Minute)
		if who := told(events, group.EventInvited); len(who) != 1 || who[0] != hash(sue) {
			t.Errorf("asked again: %v", who)
		}
		time.Sleep(8 * 24 * time.Hour)
		h.lives(time.Hour)
		if who := told(events, group.EventInvited); len(who) != 0 {
			t.Errorf("told of an invite that has ended: %v", who)
		}
	})
}
