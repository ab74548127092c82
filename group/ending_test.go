package group_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

// ends makes the group an event that ends in so much time.
func ends(in time.Duration) func(*group.NewGroup, *group.Config) {
	return func(n *group.NewGroup, _ *group.Config) {
		n.Preset, n.Policy.ExpiresAt = "event", moderation.MomentOf(time.Now().Add(in))
	}
}

// told is what the group said of itself.
func (h *house) told(c group.Caller) (list []string) {
	h.t.Helper()
	p := must(h.hub.Messages(h.t.Context(), c, valley, group.Query{Newest: true}))(h.t)
	for _, e := range p.Entries {
		if e.Author.IsZero() && e.Kind == group.EntryAction {
			text, _, _ := strings.Cut(string(e.Text), ":")
			list = append(list, text)
		}
	}
	return list
}

// A machine whose clock jumps past the end ends nothing until the time is known; then members are told, and have all the time to read that
// was promised.
func TestNothingEndsWhileTheTimeIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(30*24*time.Hour))
		ann := h.joined("Ann", moderation.RoleMember)
		const jump = 365 * 24 * time.Hour
		h.restarted(jump)
		h.lives(65 * time.Minute)
		if !h.hub.ClockUnsure() || must(h.hub.Info(t.Context(), ann, valley))(t).Over || h.told(ann) != nil {
			t.Errorf("unsure %v, told %q", h.hub.ClockUnsure(), h.told(ann))
		}
		h.post(ann, "still here")

		if err := h.hub.ConfirmClock(t.Context(), operator()); err != nil {
			t.Fatal(err)
		}
		if info := must(h.hub.Info(t.Context(), ann, valley))(t); !info.Over {
			t.Error("it is not over")
		}
		_, err := h.hub.Post(t.Context(), ann, valley, group.PostInput{Text: []byte("too late")})
		if e := refused(t, "a post after the end", err, group.KindDenied); e.Reason != moderation.ReasonOver {
			t.Errorf("%+v", e)
		}
		h.lives(15 * time.Minute)
		if got := h.told(ann); len(got) != 1 || !strings.HasPrefix(got[0], "is over. It can be read until 2001-01-0") {
			t.Errorf("told %q", got)
		}
		h.lives(7*24*time.Hour - time.Hour)
		h.told(ann)
		h.lives(90 * time.Minute)
		_, err = h.hub.Info(t.Context(), ann, valley)
		refused(t, "what was kept for a week", err, group.KindNotFound)
	})
}

// A machine that starts without knowing the time, be it in 1970 or in 2038, takes a date as it is said, and counts nothing from the day that it
// takes for today; once the time is known the group ends on its day, and members are told as always.
func TestADateThatIsSetWhileTheTimeIsNotKnownIsThatDate(t *testing.T) {
	for name, off := range map[string]time.Duration{"in 1970": -29 * 365 * 24 * time.Hour, "in 2038": 38 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, lets(group.Creating{}))
			ann := h.joined("Ann", moderation.RoleOwner)
			var wrong atomic.Int64
			wrong.Store(int64(off))
			hub, err := group.New(group.Config{Store: h.store, NotBefore: time.Now().Add(-24 * time.Hour), Now: func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }})
			if err != nil {
				t.Fatal(err)
			}
			h.hub = hub
			h.post(ann, "what day is it?")
			if now := hub.SureNow(); !hub.ClockUnsure() || !now.IsZero() {
				t.Fatalf("%s: it is %v", name, now)
			}
			end := time.Now().Add(72 * time.Hour).Truncate(time.Second)
			must(hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.ExpiresAt = moderation.MomentOf(end) }}))(t)
			h.lives(time.Hour)
			if h.told(ann) != nil || must(hub.Info(t.Context(), ann, valley))(t).Over {
				t.Errorf("%s: told %q", name, h.told(ann))
			}
			wrong.Store(0)
			if err := hub.ConfirmClock(t.Context(), operator()); err != nil {
				t.Fatal(err)
			}
			if left := end.Sub(hub.SureNow()); left < 70*time.Hour || left > 72*time.Hour {
				t.Errorf("%s: %v are left", name, left)
			}
			h.lives(80 * time.Hour)
			if got := h.told(ann); len(got) != 3 || !strings.HasPrefix(got[0], "ends in") || !strings.HasPrefix(got[2], "is over") {
				t.Errorf("%s: told %q", name, got)
			}
		})
	}
}

// A first start of a machine whose clock is not set: nothing is known to be right, and a group can have a date all the same.
func TestAFirstStartWithoutATimeMakesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := time.Now()
		hub := must(group.New(group.Config{Store: memory.New(), NotBefore: released, Now: func() time.Time { return time.Now().AddDate(-30, 0, 0) }}))(t)
		n := group.NewGroup{ID: "fair", PublicKey: person("fair").PublicKey, PrivateKey: []byte("k"), PublicName: "Fair", Preset: "event"}
		n.Policy.ExpiresAt = moderation.MomentOf(released.Add(24 * time.Hour))
		must(hub.CreateGroup(t.Context(), operator(), n))(t)
		if !hub.ClockUnsure() {
			t.Error("it takes 1970 for today")
		}
		if err := hub.ConfirmClock(t.Context(), operator()); err != nil || hub.ClockUnsure() {
			t.Errorf("the operator says it is: %v, unsure %v", err, hub.ClockUnsure())
		}
		must(hub.Info(t.Context(), operator(), "fair"))(t)
		if hub.ClockUnsure() {
			t.Error("what the operator says is forgotten at once")
		}
	})
}

// Members are told of each step once, after a restart too; an end that comes sooner than that is not told of a day ahead.
func TestMembersAreToldOfTheEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(26*time.Hour))
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
		for range 3 {
			h.lives(65 * time.Minute)
			h.restarted(0)
		}
		if got := h.told(bob); len(got) != 1 || got[0] != "ends in 1 d" {
			t.Errorf("told %q", got)
		}

		// Nearer: the day has passed, the hour has not.
		set := func(c group.Caller, in time.Duration) error {
			_, err := h.hub.UpdateSettings(t.Context(), c, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.ExpiresAt = moderation.MomentOf(time.Now().Add(in)) }})
			return err
		}
		for what, in := range map[string]time.Duration{"now": 0, "an hour ago": -time.Hour, "in eleven years": 11 * 365 * 24 * time.Hour} {
			refused(t, what, set(ann, in), group.KindInvalid)
		}
		if err := set(ann, 5*time.Hour); err != nil {
			t.Fatal(err)
		}
		h.lives(3*time.Hour - 5*time.Minute)
		if got := h.told(bob); len(got) != 1 {
			t.Errorf("told %q", got)
		}
		h.lives(2*time.Hour + 15*time.Minute)
		if got := h.told(bob); len(got) != 3 || got[1] != "ends in 55 min" || !strings.HasPrefix(got[2], "is over") {
			t.Errorf("told %q", got)
		}

		// What is over can be gone on with by the operator alone, and then it ends again.
		if e := refused(t, "the owner goes on", set(ann, 48*time.Hour), group.KindDenied); e.Reason != moderation.ReasonOver {
			t.Errorf("%+v", e)
		}
		_, err := h.hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.ExpireKeep = 60 }})
		refused(t, "the owner shortens what is left", err, group.KindDenied)
		must(h.hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.SlowMode = 5 }}))(t)
		if err := set(operator(), 48*time.Hour); err != nil {
			t.Fatal(err)
		}
		h.post(bob, "it goes on")
		h.lives(30 * time.Hour)
		if got := h.told(bob); len(got) != 4 || got[3] != "ends in 1 d" {
			t.Errorf("told %q", got)
		}

		// And it lasts, if that is what the owner wants.
		must(h.hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.ExpiresAt = 0 }}))(t)
		h.lives(40 * 24 * time.Hour)
		if got := h.told(bob); len(got) != 4 {
			t.Errorf("told %q", got)
		}
	})
}

func TestAGroupIsKeptAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(time.Hour), func(n *group.NewGroup, _ *group.Config) { n.Policy.ExpireKeep = 3600 })
		events := h.hub.Subscribe(100)
		defer events.Close()
		h.lives(time.Hour + 45*time.Minute)
		must(h.hub.Info(t.Context(), operator(), valley))(t)
		h.lives(35 * time.Minute)
		_, err := h.hub.Info(t.Context(), operator(), valley)
		refused(t, "an hour after the end", err, group.KindNotFound)
		for {
			select {
			case e := <-events.Events():
				if e.Kind == group.EventGroupDeleted && e.Group == valley {
					return
				}
				continue
			default:
			}
			t.Fatal("nobody is told that it is gone")
		}
	})
}

func TestWhatIsSaidBesideAPresetWins(t *testing.T) {
	on, off, closed := true, false, moderation.JoiningClosed
	for _, c := range []struct {
		name string
		in   group.NewGroup
		want group.NewGroup
		err  string
	}{
		{"nothing else", group.NewGroup{Preset: "Announcements", PublicName: "News"},
			group.NewGroup{Preset: "announcements", PublicName: "News", Public: true, Joining: moderation.JoiningOpen, Policy: moderation.Policy{ReadOnly: true}}, ""},
		{"a name of its own", group.NewGroup{Preset: "private", PublicName: "Cottles"}, group.NewGroup{PublicName: "Cottles", Joining: moderation.JoiningApprove}, ""},
		{"no name", group.NewGroup{Preset: "private", PublicName: " "}, group.NewGroup{PublicName: "Private Group", Joining: moderation.JoiningApprove}, ""},
		{"no name for all", group.NewGroup{Preset: "public"}, group.NewGroup{}, "public_name"},
		{"settings", group.NewGroup{Preset: "announcements", PublicName: "N", Joining: moderation.JoiningApprove, Policy: moderation.Policy{SlowMode: 5}},
			group.NewGroup{PublicName: "N", Public: true, Joining: moderation.JoiningApprove, Policy: moderation.Policy{ReadOnly: true, SlowMode: 5}}, ""},
		{"settings back to their defaults", group.NewGroup{Preset: "announcements", PublicName: "N",
			Set: group.SettingsInput{Public: &off, Joining: &closed, Change: func(p *moderation.Policy) { p.ReadOnly = false }}},
			group.NewGroup{PublicName: "N", Joining: closed}, ""},
		{"a public one of a private kind", group.NewGroup{Preset: "private", Set: group.SettingsInput{Public: &on}},
			group.NewGroup{PublicName: "Private Group", Public: true, Joining: moderation.JoiningApprove}, ""},
		{"no preset at all", group.NewGroup{PublicName: "N", Set: group.SettingsInput{Public: &on, Joining: &closed, Change: func(p *moderation.Policy) { p.SlowMode = 7 }}},
			group.NewGroup{PublicName: "N", Public: true, Joining: closed, Policy: moderation.Policy{SlowMode: 7}}, ""},
		{"an unknown word", group.NewGroup{Preset: "castle", PublicName: "N"}, group.NewGroup{}, "preset"},
		{"an event without an end", group.NewGroup{Preset: "event", PublicName: "N"}, group.NewGroup{}, "expires_at"},
		{"an end that has passed", group.NewGroup{Preset: "event", PublicName: "N", Policy: moderation.Policy{ExpiresAt: 1}}, group.NewGroup{}, "expires_at"},
		{"what can not go together", group.NewGroup{Preset: "equal", Joining: moderation.JoiningApprove}, group.NewGroup{}, "joining"},
		{"a setting that there is not", group.NewGroup{Preset: "public", PublicName: "N", Policy: moderation.Policy{PinRole: 9}}, group.NewGroup{}, "pin_role"},
	} {
		hub := must(group.New(group.Config{Store: newHouse(t).store}))(t)
		c.in.ID, c.in.PublicKey, c.in.PrivateKey = "g", person(c.name).PublicKey, []byte("private")
		g, err := hub.CreateGroup(t.Context(), operator(), c.in)
		var refusal *group.Error
		switch {
		case c.err != "":
			if !errors.As(err, &refusal) || refusal.Field != c.err || refusal.Kind != group.KindInvalid {
				t.Errorf("%s: %v, want %s", c.name, err, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case g.PublicName != c.want.PublicName || g.Public != c.want.Public || g.Joining != c.want.Joining || string(g.Policy.Stored()) != string(c.want.Policy.Stored()),
			c.want.Preset != "" && g.Preset != c.want.Preset:
			t.Errorf("%s: %+v %s", c.name, g, g.Policy.Stored())
		}
	}
}

// Where nobody has a rank, who is named as the owner comes in as everybody else, without an invite.
func TestNobodyOwnsAnEqualGroup(t *testing.T) {
	ann, bob := person("Ann"), person("Bob")
	h := newHouse(t, func(n *group.NewGroup, _ *group.Config) {
		n.Preset, n.Joining, n.Owner = "equal", 0, hash(ann)
	})
	_, err := h.hub.Join(t.Context(), bob, valley, group.JoinInput{Name: "Bob"})
	refused(t, "a stranger", err, group.KindDenied)
	if r := must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{Name: "Ann"}))(t); r.Member.Role != moderation.RoleMember || r.Member.Permissions != 0 {
		t.Errorf("she is %s with %s", r.Member.Role, r.Member.Permissions)
	}
	_, err = h.hub.SetOwner(t.Context(), operator(), valley, hash(ann))
	refused(t, "an owner by the operator", err, group.KindDenied)
	if g := must(h.hub.Info(t.Context(), operator(), valley))(t); !g.Owned || g.Preset != "equal" {
		t.Errorf("%+v", g)
	}
	must(h.hub.Leave(t.Context(), ann, valley))(t)

	// A group that is there becomes no such group, and none of these another.
	other := newHouse(t)
	_, err = other.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.NoStaff = true }})
	if e := refused(t, "no ranks from now on", err, group.KindInvalid); e.Field != "no_staff" {
		t.Errorf("%+v", e)
	}
	must(other.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.Frozen = true }}))(t)
	for what, change := range map[string]func(*moderation.Policy){"thawing": func(p *moderation.Policy) { p.Frozen = false }, "slow mode": func(p *moderation.Policy) { p.SlowMode = 1 }} {
		_, err = other.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: change})
		if e := refused(t, what, err, group.KindDenied); e.Reason != moderation.ReasonFrozen {
			t.Errorf("%s: %+v", what, e)
		}
	}
	must(other.hub.UpdateTopic(t.Context(), operator(), valley, "topics change"))(t)
}

// Twenty topics an hour are enough for anybody; each is an entry that others have to fetch.
func TestTheTopicIsNotATimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(n *group.NewGroup, _ *group.Config) { n.Policy.TopicRole = moderation.RoleMember })
		bob := h.joined("Bob", moderation.RoleMember)
		for i := range 20 {
			must(h.hub.UpdateTopic(t.Context(), bob, valley, strings.Repeat("x", i+1)))(t)
		}
		_, err := h.hub.UpdateTopic(t.Context(), bob, valley, "one more")
		if e := refused(t, "the 21st", err, group.KindRateLimited); e.RetryAfter != 3*time.Minute {
			t.Errorf("wait %v", e.RetryAfter)
		}
		must(h.hub.UpdateTopic(t.Context(), operator(), valley, "goats"))(t)
		time.Sleep(3 * time.Minute)
		must(h.hub.UpdateTopic(t.Context(), bob, valley, "one more"))(t)
	})
}

// Who wants a group to go on after all comes too late once it is being deleted; a crash in between changes nothing of that.
func TestAGroupThatIsBeingDeletedDoesNotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(time.Hour))
		h.lives(75 * time.Minute)
		later := group.SettingsInput{Change: func(p *moderation.Policy) { p.ExpiresAt = moderation.MomentOf(time.Now().Add(time.Hour)) }}
		if err := h.store.Update(t.Context(), func(tx group.Tx) error {
			g, err := tx.Group(valley)
			g.Ending.Told = group.EndGone
			return errors.Join(err, tx.PutGroup(g))
		}); err != nil {
			t.Fatal(err)
		}
		_, err := h.hub.UpdateSettings(t.Context(), operator(), valley, later)
		refused(t, "going on", err, group.KindConflict)
		h.lives(8 * 24 * time.Hour)
		_, err = h.hub.Info(t.Context(), operator(), valley)
		refused(t, "after the week", err, group.KindNotFound)
	})
}

func TestWhatIsClonedOfAnEventThatIsOverLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, ends(time.Hour), lets(group.Creating{Who: moderation.CreatingMembers, Cooldown: time.Nanosecond}))
		ann := h.joined("Ann", moderation.RoleOwner)
		before := must(h.hub.CloneGroup(t.Context(), ann, valley, group.CloneInput{Name: "Second"}))(t).Group
		if before.Preset != "event" || before.Policy.ExpiresAt == 0 {
			t.Errorf("before: %+v", before)
		}
		time.Sleep(2 * time.Hour)
		after := must(h.hub.CloneGroup(t.Context(), ann, valley, group.CloneInput{Name: "Third"}))(t).Group
		if after.Preset != "" || after.Policy.ExpiresAt != 0 {
			t.Errorf("after: %+v", after)
		}
	})
}

// Where nobody could approve, who was open and leaves somebody out invites.
func TestACloneWithoutSomebodyWhereNobodyApproves(t *testing.T) {
	h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}), func(n *group.NewGroup, _ *group.Config) {
		n.Policy.NoStaff, n.Policy.CloneRole = true, moderation.RoleMember
	})
	ann, mal := h.joined("Ann", moderation.RoleMember), h.joined("Mal", moderation.RoleMember)
	if g := must(h.hub.CloneGroup(t.Context(), ann, valley, group.CloneInput{Without: []group.AnyHash{hash(mal)}}))(t).Group; g.Joining != moderation.JoiningInvite {
		t.Errorf("joining: %s", g.Joining)
	}
}
