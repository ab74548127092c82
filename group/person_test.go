package group_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// deeds are what one can do to a person, each as the method that does it.
func deeds(ctx context.Context, hub *group.Hub, c group.Caller, who group.AnyHash) map[moderation.Action]func() error {
	return map[moderation.Action]func() error{
		moderation.ActionKick: func() error { _, err := hub.Kick(ctx, c, valley, group.KickInput{Target: who}); return err },
		moderation.ActionBan:  func() error { _, err := hub.Ban(ctx, c, valley, group.BanInput{Target: who}); return err },
		moderation.ActionMute: func() error { _, err := hub.Mute(ctx, c, valley, group.MuteInput{Target: who}); return err },
		moderation.ActionDelete: func() error {
			_, err := hub.Delete(ctx, c, valley, group.DeleteInput{Author: who})
			return err
		},
		moderation.ActionForget: func() error {
			if who != hash(c) {
				return &group.Error{Kind: group.KindDenied}
			}
			_, err := hub.Forget(ctx, c, valley)
			return err
		},
	}
}

// TestWhatAPersonsPageOffersIsWhatTheRulesAllow: for each rank against each, and against oneself.
func TestWhatAPersonsPageOffersIsWhatTheRulesAllow(t *testing.T) {
	ranks := []moderation.Role{moderation.RoleMember, moderation.RoleModerator, moderation.RoleAdmin, moderation.RoleOwner}
	for _, mine := range ranks {
		for _, theirs := range append(ranks, moderation.RoleNone) { // none: oneself
			for _, action := range []moderation.Action{moderation.ActionKick, moderation.ActionBan, moderation.ActionMute, moderation.ActionDelete, moderation.ActionForget} {
				synctest.Test(t, func(t *testing.T) {
					h := newHouse(t)
					h.joined("Zoe", moderation.RoleOwner)
					me := h.joined("Ann", mine)
					them := me
					if theirs != moderation.RoleNone {
						them = h.joined("Bob", theirs)
					}
					h.post(them, "hello")
					p := must(h.hub.Person(t.Context(), me, valley, hash(them)))(t)
					if err := deeds(t.Context(), h.hub, me, hash(them))[action](); (err == nil) != p.Allows(action) {
						t.Errorf("%s to %s, action %d: offered %v, and it ends with %v", mine, theirs, action, p.Allows(action), err)
					}
				})
			}
			synctest.Test(t, func(t *testing.T) {
				for _, role := range ranks {
					h := newHouse(t)
					h.joined("Zoe", moderation.RoleOwner)
					me := h.joined("Ann", mine)
					them, now := me, mine
					if theirs != moderation.RoleNone {
						them, now = h.joined("Bob", theirs), theirs
					}
					p := must(h.hub.Person(t.Context(), me, valley, hash(them)))(t)
					_, err := h.hub.UpdatePermissions(t.Context(), me, valley, group.PermissionsInput{Target: hash(them), Role: role})
					if offered := slices.Contains(p.Roles, role); role != now && offered != (err == nil) {
						t.Errorf("%s makes %s a %s: offered %v, and it ends with %v", mine, theirs, role, offered, err)
					}
				}
			})
		}
	}
}

func TestWhoWaitsOrIsBannedIsShownToThoseWhoDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		mod, ann := h.joined("Mod", moderation.RoleModerator), h.joined("Ann", moderation.RoleMember)
		dan, mal := person("Dan"), h.joined("Mal", moderation.RoleMember)
		must(h.hub.Join(ctx, dan, valley, group.JoinInput{Name: "Dan", Greeting: "hi"}))(t)
		stranger := group.AnyHash{7}
		must(h.hub.Ban(ctx, mod, valley, group.BanInput{Target: stranger, Reason: "no"}))(t)
		must(h.hub.Kick(ctx, mod, valley, group.KickInput{Target: hash(mal), Duration: time.Hour}))(t)

		_, err := h.hub.Person(ctx, dan, valley, hash(ann))
		refused(t, "one who waits looks at a member", err, group.KindPending)
		for _, who := range []group.AnyHash{hash(dan), stranger, {9}} {
			_, err := h.hub.Person(ctx, ann, valley, who)
			refused(t, "a member looks behind the door", err, group.KindNotFound)
		}
		if p := must(h.hub.Person(ctx, ann, valley, hash(mal)))(t); p.Present || p.Ban != nil || len(p.May) != 0 || p.DisplayName != "Mal" {
			t.Errorf("a member sees of who was kicked: %+v", p)
		}
		if p := must(h.hub.Person(ctx, mod, valley, hash(dan)))(t); p.Waits == nil || p.Waits.Greeting != "hi" || p.Known || !p.Allows(moderation.ActionApprove) || !p.Allows(moderation.ActionReject) || p.Allows(moderation.ActionKick) {
			t.Errorf("who waits: %+v", p)
		}
		if p := must(h.hub.Person(ctx, mod, valley, stranger))(t); p.Ban == nil || p.Ban.Reason != "no" || !p.Allows(moderation.ActionUnban) || p.Allows(moderation.ActionBan) {
			t.Errorf("who is banned: %+v", p)
		}
		if p := must(h.hub.Person(ctx, mod, valley, hash(mal)))(t); p.Ban == nil || !p.Ban.Kick || !p.Allows(moderation.ActionUnban) {
			t.Errorf("who was kicked: %+v", p)
		}
		must(h.hub.BlockInvites(ctx, ann, valley, false))(t)
		if p := must(h.hub.Person(ctx, ann, valley, hash(ann)))(t); !p.Blocking || !p.Self {
			t.Errorf("oneself: %+v", p)
		}
	})
}

func TestWhatOneCanDoInTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, policy(moderation.Policy{InviteRole: moderation.RoleMember, InviteTo: moderation.InviteMet}), func(_ *group.NewGroup, c *group.Config) {
			c.Groups = group.Creating{Who: moderation.CreatingMembers}
		})
		for _, c := range []struct {
			who      group.Caller
			can, not []moderation.Action
		}{
			{h.joined("Ann", moderation.RoleOwner), []moderation.Action{moderation.ActionSettings, moderation.ActionName, moderation.ActionAudit, moderation.ActionPost, moderation.ActionCloneGroup, moderation.ActionDeleteGroup}, []moderation.Action{moderation.ActionOperate, moderation.ActionJoin}},
			{h.joined("Mod", moderation.RoleModerator), []moderation.Action{moderation.ActionRequests, moderation.ActionBans, moderation.ActionInvite}, []moderation.Action{moderation.ActionSettings, moderation.ActionAudit}},
			{h.joined("Bob", moderation.RoleMember), []moderation.Action{moderation.ActionPost, moderation.ActionInvite, moderation.ActionLeave, moderation.ActionCreateGroup}, []moderation.Action{moderation.ActionName, moderation.ActionBans, moderation.ActionReports}},
			{person("Dan"), []moderation.Action{moderation.ActionJoin, moderation.ActionClaim}, []moderation.Action{moderation.ActionRead, moderation.ActionPost, moderation.ActionLeave, moderation.ActionCreateGroup}},
			{group.Caller{}, nil, []moderation.Action{moderation.ActionRead, moderation.ActionJoin}},
		} {
			list := must(h.hub.Powers(t.Context(), c.who, valley))(t)
			for _, a := range c.can {
				if !slices.Contains(list, a) {
					t.Errorf("%s can not do %d", c.who.Identity.Short(), a)
				}
			}
			for _, a := range c.not {
				if slices.Contains(list, a) {
					t.Errorf("%s can do %d", c.who.Identity.Short(), a)
				}
			}
		}
	})
}
