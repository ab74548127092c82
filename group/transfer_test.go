package group_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestAMemberGoesOnWithANewIdentity(t *testing.T) { synctest.Test(t, goesOn) }

func goesOn(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	owner, mod, old := h.joined("Ann", moderation.RoleOwner), h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
	fresh := person("Bob's new phone")
	post := h.post(old, "hello")
	push := group.DeliverPush
	must(h.hub.UpdateNotifications(ctx, old, valley, group.NotificationsInput{Mode: &push}))(t)
	must(h.hub.Mute(ctx, mod, valley, group.MuteInput{Target: hash(old), Duration: time.Hour}))(t)
	must(h.hub.Unmute(ctx, mod, valley, hash(old)))(t)
	in := group.TransferInput{From: hash(old), To: hash(fresh)}
	_, err := h.hub.Transfer(ctx, mod, valley, in)
	refused(t, "to somebody unknown", err, group.KindNotFound)
	must(h.hub.Join(ctx, fresh, valley, group.JoinInput{Name: "Bobby"}))(t) // waits

	eve := h.joined("Eve", moderation.RoleMember)
	ban := person("Banned")
	must(h.hub.Join(ctx, ban, valley, group.JoinInput{Name: "B"}))(t)
	must(h.hub.Ban(ctx, owner, valley, group.BanInput{Target: hash(ban)}))(t)
	for what, c := range map[string]struct {
		by   group.Caller
		in   group.TransferInput
		want group.Kind
	}{
		"a member, another's":  {eve, in, group.KindDenied},
		"a stranger":           {person("Sue"), in, group.KindNotMember},
		"a moderator's owner":  {mod, group.TransferInput{From: hash(owner), To: hash(fresh)}, group.KindDenied},
		"onto a member":        {mod, group.TransferInput{From: hash(old), To: hash(eve)}, group.KindConflict},
		"onto one kept away":   {owner, group.TransferInput{From: hash(old), To: hash(ban)}, group.KindNotFound},
		"onto himself":         {mod, group.TransferInput{From: hash(old), To: group.AnyHash(group.AddressOf(old.Identity))}, group.KindInvalid},
		"onto the group":       {mod, group.TransferInput{From: hash(old), To: hash(person("the group"))}, group.KindInvalid},
		"of nobody":            {mod, group.TransferInput{To: hash(fresh)}, group.KindInvalid},
		"to nobody":            {mod, group.TransferInput{From: hash(old)}, group.KindInvalid},
		"of one who waits":     {mod, group.TransferInput{From: hash(fresh), To: hash(fresh)}, group.KindNotFound},
		"of somebody unknown ": {mod, group.TransferInput{From: hash(person("X")), To: hash(fresh)}, group.KindNotFound},
	} {
		_, err := h.hub.Transfer(ctx, c.by, valley, c.in)
		refused(t, what, err, c.want)
	}

	must(h.hub.Unban(ctx, owner, valley, hash(ban)))(t) // who was a member once, and is banned
	ban = h.joined("Banned", moderation.RoleMember)
	must(h.hub.Ban(ctx, owner, valley, group.BanInput{Target: hash(ban)}))(t)
	_, err = h.hub.Transfer(ctx, owner, valley, group.TransferInput{From: hash(old), To: hash(ban)})
	refused(t, "onto the banned", err, group.KindConflict)

	// Who has left has not asked to be written to: nobody gives him his own membership, and staff on the same day only.
	past := h.joined("Past", moderation.RoleMember)
	must(h.hub.Leave(ctx, past, valley))(t)
	_, err = h.hub.Transfer(ctx, eve, valley, group.TransferInput{From: hash(eve), To: hash(past)})
	refused(t, "giving one's own to somebody who has left", err, group.KindNotFound)
	time.Sleep(24 * time.Hour)
	_, err = h.hub.Transfer(ctx, mod, valley, group.TransferInput{From: hash(eve), To: hash(past)})
	refused(t, "giving another's to somebody who left a day ago", err, group.KindNotFound)

	other := h.reader(eve)
	other.fetch()
	m := must(h.hub.Transfer(ctx, mod, valley, in))(t)
	if m.Identity != fresh.Identity || m.DisplayName != "Bob" || m.Role != moderation.RoleMember || !m.Present {
		t.Errorf("%+v", m)
	}
	if news := strings.Join(other.fetch(), "; "); news != fmt.Sprintf("Bob leave: goes on as %s; Bob join: Bob", group.AddressOf(fresh.Identity)) {
		t.Errorf("members see %q", news)
	}
	if d := must(h.hub.Notifications(ctx, fresh, valley))(t); d.Mode != push {
		t.Errorf("he is told by %s", d.Mode)
	}
	refused(t, "the old identity", h.say(old, "still me"), group.KindNotMember)
	must(h.hub.Edit(ctx, fresh, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("hello all")}}))(t)
	_, err = h.hub.Edit(ctx, eve, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("x")}})
	refused(t, "another editing it", err, group.KindDenied)
	if r := must(h.hub.Delete(ctx, fresh, valley, group.DeleteInput{Seqs: []group.Seq{post.Seq}}))(t); r.Deleted != 2 {
		t.Errorf("%+v", r)
	}
	// The member does it himself, and back again.
	back := must(h.hub.Transfer(ctx, fresh, valley, group.TransferInput{From: hash(fresh), To: hash(old)}))(t)
	if back.Identity != old.Identity || back.DisplayName != "Bob" {
		t.Errorf("%+v", back)
	}
	// An owner too, and one stays.
	must(h.hub.Join(ctx, person("Ann 2"), valley, group.JoinInput{Name: "Ann 2"}))(t)
	if m := must(h.hub.Transfer(ctx, owner, valley, group.TransferInput{From: hash(owner), To: hash(person("Ann 2"))}))(t); m.Role != moderation.RoleOwner {
		t.Errorf("%+v", m)
	}
}

func TestAMembershipTakesItsInvitesAlongAndLeavesNoRequestAndNoMuteBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		mod, old := h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
		must(h.hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: hash(old), Add: moderation.PermInvite}))(t)
		i := h.invite(old, group.InviteInput{})
		fresh := person("Bob's new phone")
		must(h.hub.Join(ctx, fresh, valley, group.JoinInput{Name: "Bobby"}))(t)
		must(h.hub.Transfer(ctx, mod, valley, group.TransferInput{From: hash(old), To: hash(fresh)}))(t)
		if waiting := must(h.hub.Requests(ctx, operator(), valley, 10))(t); len(waiting) != 0 {
			t.Errorf("who is a member waits to join: %+v", waiting)
		}
		if p := must(h.hub.Invites(ctx, operator(), valley, group.InvitesQuery{All: true}))(t); len(p.Invites) != 1 || p.Invites[0].By != fresh.Identity {
			t.Errorf("invites: %+v", p.Invites)
		}
		must(h.joins("Guest", i.Code))(t)

		// Who is silenced does not speak by being given another's membership.
		loud := h.joined("Loud", moderation.RoleMember)
		must(h.hub.Mute(ctx, mod, valley, group.MuteInput{Target: hash(loud), Duration: time.Hour}))(t)
		must(h.hub.Leave(ctx, loud, valley))(t)
		if m := must(h.hub.Transfer(ctx, mod, valley, group.TransferInput{From: hash(fresh), To: hash(loud)}))(t); !m.Mute.On {
			t.Errorf("%+v", m)
		}
		refused(t, "the muted one, as Bob", h.say(loud, "hello"), group.KindMuted)
	})
}

func TestWhoWantsToBeForgottenIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ctx := t.Context()
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Robert", moderation.RoleMember)
		first := h.post(ann, "hello")
		for i := range 30 {
			must(h.hub.Post(ctx, bob, valley, message(fmt.Sprint("secret ", i))))(t)
			time.Sleep(time.Second)
		}
		edited := h.post(bob, "secret and")
		h.edit(bob, edited.Seq, "secret or")
		h.react(bob, first.Seq, "+1", false)
		h.react(ann, first.Seq, "+1", false)
		name, status := "Roberto", "secret status"
		must(h.hub.UpdateProfile(ctx, bob, valley, group.ProfileInput{Name: &name, Status: &status}))(t)
		must(h.hub.Report(ctx, bob, valley, group.ReportInput{Seq: first.Seq, Reason: "secret reason"}))(t)
		h.invite(operator(), group.InviteInput{})
		reader := h.reader(ann)
		reader.fetch()
		_, err := h.hub.Forget(ctx, ann, valley)
		refused(t, "the last owner", err, group.KindDenied)
		_, err = h.hub.Forget(ctx, person("Sue"), valley)
		refused(t, "a stranger", err, group.KindNotFound)

		bob.ClientID = []byte("forget")
		r := must(h.hub.Forget(ctx, bob, valley))(t)
		if again := must(h.hub.Forget(ctx, bob, valley))(t); !again.Repeated || again.Rev != r.Rev {
			t.Errorf("again: %+v", again)
		}
		bob.ClientID = nil
		must(h.hub.Join(ctx, bob, valley, group.JoinInput{Name: "Bo"}))(t) // what he does from now on stays
		h.post(bob, "new here")
		h.lives(time.Minute)
		if left := h.posts(ann, bob); fmt.Sprint(left) != "[new here]" {
			t.Errorf("left: %q", left)
		}
		reader.fetch()
		for _, e := range reader.entries {
			if text := string(e.Text); strings.Contains(text, "secret") || strings.Contains(text, "Robert") {
				t.Errorf("a client still has %+v", e)
			}
		}
		if e := reader.entries[first.Seq]; e.Reactions != 1 {
			t.Errorf("%d reactions", e.Reactions)
		}
		if err := h.store.View(ctx, func(tx group.ReadTx) error {
			m, err := tx.Member(valley, bob.Identity)
			if m.DisplayName != "Bo" || m.Status != "" {
				t.Errorf("his row is %+v", m)
			}
			reports, err2 := tx.CountReports(valley)
			n, err3 := tx.CountErasures(valley)
			if reports != 0 || n != 0 || err2 != nil || err3 != nil {
				t.Errorf("%d reports, %d erasures, %v, %v", reports, n, err2, err3)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		again := must(h.hub.Post(ctx, bob, valley, message("secret 3")))(t)
		if !again.Duplicate {
			t.Error("a message that was sent before is posted again")
		}
		// Once is enough: nothing is written for who is forgotten already.
		must(h.hub.Forget(ctx, bob, valley))(t)
		h.lives(time.Minute)
		before := h.head()
		_, err = h.hub.Forget(ctx, bob, valley)
		refused(t, "the forgotten", err, group.KindNotFound)
		if h.head() != before {
			t.Error("who is forgotten already makes everybody sync again")
		}
		must(h.hub.Join(ctx, bob, valley, group.JoinInput{Name: "Bo"}))(t)
		// A mute that holds is no data of his.
		must(h.hub.Mute(ctx, ann, valley, group.MuteInput{Target: hash(bob)}))(t)
		must(h.hub.Forget(ctx, bob, valley))(t)
		must(h.hub.Join(ctx, bob, valley, group.JoinInput{Name: "Bo"}))(t)
		refused(t, "the muted one, forgotten", h.say(bob, "hi"), group.KindMuted)
		must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(bob)}))(t)
		_, err = h.hub.Forget(ctx, bob, valley)
		refused(t, "the banned", err, group.KindBanned)
	})
}
