package group_test

import (
	"context"
	"fmt"
	"slices"
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

// TestWhoCanNotBeToldKeepsNobodyElseWaiting: neither those whose messages nobody keeps, since their queues are full, nor strangers for whom
// whoever invited them has no more messages today.
func TestWhoCanNotBeToldKeepsNobodyElseWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}))
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		const many = 40
		for i := range many {
			h.joined(fmt.Sprint("P", i), moderation.RoleMember)
		}
		must(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Two"}))(t)
		events := h.hub.Subscribe(1000)
		defer events.Close()
		asked := make(map[group.AnyHash]bool)
		for range 10 { // nobody says that a message is kept
			h.lives(9 * time.Minute)
			for _, who := range told(events, group.EventInvited) {
				asked[who] = true
			}
		}
		if len(asked) != many {
			t.Errorf("of %d who are invited %d are told", many, len(asked))
		}

		h.hub = must(group.New(group.Config{Store: h.store, NewIdentity: freshKeys(), Groups: group.Creating{Who: moderation.CreatingMembers, PerPerson: 5, Cooldown: time.Nanosecond}}))(t)
		var invite []group.AnyHash
		for i := range 20 {
			invite = append(invite, hash(person(fmt.Sprint("Stranger", i))))
		}
		bob := hash(h.joined("Bob", moderation.RoleMember))
		g := must(h.hub.CreateGroup(ctx, ann, group.NewGroup{PublicName: "Club", Invite: append(invite, bob)}))(t)
		var sent []group.AnyHash
		sub := h.hub.Subscribe(1000)
		defer sub.Close()
		h.lives(30 * time.Minute)
		for len(sub.Events()) > 0 {
			if e := <-sub.Events(); e.Kind == group.EventInvited && e.Group == g.ID {
				sent = append(sent, e.Target)
			}
		}
		if !slices.Contains(sent, bob) {
			t.Errorf("a member is not told, behind strangers: %d are", len(sent))
		}
	})
}
