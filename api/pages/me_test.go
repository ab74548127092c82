package pages_test

import (
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func TestAMemberChangesNameAndStatus(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Bob")
		v.opens("me.mu").reads("You are Bob, member.").fills("name", "Bobby", "status", "up on the hill").follows("Save").reads("Saved.", "You are Bobby, member.")
		if m := w.standing("Bob").Member; m.DisplayName != "Bobby" || m.Status != "up on the hill" {
			t.Errorf("he is %q, %q", m.DisplayName, m.Status)
		}
		v.fills("name", "Ann", "status", "down").follows("Save").reads("Somebody has this name")
		if v.Value("g_name") != "Ann" || v.Value("g_status") != "down" {
			t.Error("what was typed is lost")
		}
		if m := w.standing("Bob").Member; m.DisplayName != "Bobby" || m.Status != "up on the hill" {
			t.Errorf("half of a refused form was kept: %q, %q", m.DisplayName, m.Status)
		}
		w.visitor(d, "Ann").opens("member.mu`who=Bobby").reads("Bobby, member", "says: up on the hill")
	})
}

// A field can not show every sign: a form that is sent as it was shown changes nothing all the same.
func TestANameThatNoFieldCanShowStays(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		name := "Bob `[x]` <b>"
		must(w.hub.UpdateProfile(t.Context(), caller("Bob"), valley, group.ProfileInput{Name: &name}))(t)
		w.visitor(d, "Bob").opens("me.mu").fills("status", "here").follows("Save").reads("Saved.")
		if m := w.standing("Bob").Member; m.DisplayName != name || m.Status != "here" {
			t.Errorf("he is %q, %q", m.DisplayName, m.Status)
		}
	})
}

func TestAMemberChoosesHowHeIsTold(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		prefs := func() group.Preferences {
			return must(w.hub.Notifications(t.Context(), caller("Bob"), valley))(t).Preferences
		}
		v := w.visitor(d, "Bob")
		v.opens("me.mu").follows("How I am told what is new").reads("(X) Nothing is sent, I look here")
		v.ticks("mode", "digest", "mentions", "1", "receipts", "1").fills("digest", "2h", "quiet", "22-6:30 +1", "pause", "3d").follows("Save").reads("Saved.", "(X) All in one message, every: 2h", "[X] Only posts that name or answer me", "[ ] No files, text only")
		want := group.Preferences{
			Mode: group.DeliverDigest, DigestEvery: 2 * time.Hour, MentionsOnly: true, Receipts: true, PausedUntil: time.Now().Add(72 * time.Hour).UTC(),
			Quiet: group.QuietHours{From: 22 * time.Hour, Until: 6*time.Hour + 30*time.Minute, Offset: time.Hour},
		}
		if got := prefs(); got != want {
			t.Errorf("he has %+v, want %+v", got, want)
		}
		if v.Value("g_quiet") != "22-6:30 +1" || v.Value("g_pause") != "3d" {
			t.Errorf("shown as %q and %q", v.Value("g_quiet"), v.Value("g_pause"))
		}
		time.Sleep(time.Hour)
		if err := v.Tick("g_receipts", "1", false); err != nil {
			t.Fatal(err)
		}
		v.follows("Save").reads("open for too long").follows("Save").reads("Saved.", "[ ] Confirm each post of mine with its number")
		want.Receipts = false
		if got := prefs(); got != want {
			t.Errorf("saved as it was, he has %+v, want %+v", got, want)
		}
		for field, bad := range map[string]string{"digest": "soon", "quiet": "night", "pause": "a while"} {
			v.opens("delivery.mu").fills(field, bad).ticks("mode", "relay").follows("Save").reads("Write").misses("Saved.")
			if v.Value("g_"+field) != bad {
				t.Errorf("%s: what was typed is lost", field)
			}
			if got := prefs(); got != want {
				t.Errorf("%s %q was taken: %+v", field, bad, got)
			}
		}
		v.opens("delivery.mu").fills("quiet", "off", "pause", "on").ticks("mode", "push").follows("Save").reads("Saved.")
		if got := prefs(); got.Mode != group.DeliverPush || !got.Paused || !got.Quiet.None() || !got.PausedUntil.IsZero() {
			t.Errorf("he has %+v", got)
		}
		v.fills("pause", "off").follows("Save")
		if got := prefs(); got.Paused {
			t.Errorf("he has %+v", got)
		}
	})
}

func TestAMemberWantsNoInvites(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Bob")
		v.opens("me.mu").follows("Want none").reads("No group here sends you invites.").follows("Allow them").reads("Groups here may send you invites.")
	})
}

func TestAMemberGivesHisRoleUpAfterASecondThought(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mod", moderation.RoleModerator)
		v := w.visitor(d, "Mod")
		v.opens("me.mu").follows("Give up my role").ticks("role", "member").follows("Change the role").reads("Make Mod member?", "You can not raise yourself again.")
		if w.standing("Mod").Role != moderation.RoleModerator {
			t.Error("done without the second page")
		}
		v.follows("Yes, do it").reads("Mod is member now.")
		if w.standing("Mod").Role != moderation.RoleMember {
			t.Error("not done")
		}
	})
}

// Who changes one thing does not undo what he changed by another program meanwhile, nor does a form that came too late.
func TestTheFormOfHowOneIsToldUndoesNothing(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		for _, wait := range []time.Duration{0, 11 * time.Minute} {
			off, never, none := false, time.Duration(0), group.QuietHours{}
			fetch, on := group.DeliverFetch, true
			set := func(in group.NotificationsInput) {
				must(w.hub.UpdateNotifications(t.Context(), caller("Bob"), valley, in))(t)
			}
			set(group.NotificationsInput{Mode: &fetch, DigestEvery: &never, Quiet: &none, TextOnly: &off, MentionsOnly: &on, ViaPropagation: &off, Receipts: &off, Paused: &off})
			v := w.visitor(d, "Bob").opens("delivery.mu").ticks("receipts", "1")
			relay, every, pause := group.DeliverRelay, 3*time.Hour, 48*time.Hour
			quiet := group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour, Offset: time.Hour}
			set(group.NotificationsInput{Mode: &relay, DigestEvery: &every, Quiet: &quiet, TextOnly: &on, MentionsOnly: &off, PauseFor: &pause})
			want := must(w.hub.Notifications(t.Context(), caller("Bob"), valley))(t).Preferences
			want.Receipts = true
			time.Sleep(wait)
			if v.follows("Save"); wait > 0 {
				v.reads(tooLate, "(X) Each post as a message", "[X] No files", "[ ] Only posts", "[X] Confirm").follows("Save")
			}
			v.reads("Saved.")
			if got := must(w.hub.Notifications(t.Context(), caller("Bob"), valley))(t).Preferences; got != want {
				t.Errorf("after %s he has %+v, want %+v", wait, got, want)
			}
		}
	})
}
