package lxm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/moderation"
)

// made makes the group by a preset, with somebody who is named to be its owner.
func made(t *testing.T, preset, first string, policy moderation.Policy) func(*group.NewGroup, *group.Config, *lxm.Config) {
	return func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) {
		n.Preset, n.Policy, n.PublicName, n.Owner = preset, policy, "Valley", group.AnyHash(identity(t, first).Hash())
	}
}

// TestAnEqualGroupLivesByTextCommands: the first one comes in by her name, brings two others with one command, and nobody is above anybody.
func TestAnEqualGroupLivesByTextCommands(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		answers := func(who, text, want string) {
			t.Helper()
			if l := h.says(who, text); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, want) {
				t.Errorf("%s: %s: %v, want %q", who, text, l.answers, want)
			}
		}
		address := func(who string) string { return group.AddressOf(h.caller(who).Identity).String() }
		answers("bob", "/join Bob", "by invite only")
		answers("ann", "/join Ann", "You are Ann")
		answers("ann", "/invite "+address("bob")+", "+address("cid"), "is invited: 1.")
		answers("bob", "/join Bob", "You are Bob")
		answers("cid", "/join Cid", "You are Cid")
		answers("cid", "/topic the ridge", "The topic is changed")
		answers("bob", "/topic", "the ridge")
		answers("bob", "/info", "Made as: equal")
		answers("bob", "/info", "Joining: by invite")
		answers("bob", "/settings", "Made as: equal")
		answers("bob", "/settings no_removal", "no_removal: on")
		for text, why := range map[string]string{
			"/kick Cid": "Nobody can be removed", "/ban Cid": "Nobody can be removed", "/mute Cid": "Nobody can be removed", "/role Bob owner": "Nobody is in charge",
			"/settings slow_mode 10s": "never change", "/groupname Ann's": "never change", "/lockdown on": "never change", "/claim a-b-c-d-12345": "Nobody can own",
			"/report spam": "", "/transfer Cid " + address("dan"): "Only the member himself", "/delete 3": "",
		} {
			answers("ann", text, why)
		}
		if help := h.says("ann", "/help"); len(help.answers) == 0 || strings.Contains(help.answers[0].content, "/claim") || strings.Contains(help.answers[0].content, "/report") {
			t.Errorf("%v", help.answers)
		}
		in, err := h.hub.Info(t.Context(), operator(), valley)
		if err != nil || in.Members != 3 || in.Topic != "the ridge" || in.PublicName != "Valley" {
			t.Errorf("%+v", in)
		}
	}, made(t, "equal", "ann", moderation.Policy{}))
}

// TestAnEventTellsItsEndByText: /info and /settings say when, staff move it by what people type, and who is late is told.
func TestAnEventTellsItsEndByText(t *testing.T) {
	end := time.Date(2000, 1, 3, 18, 0, 0, 0, time.UTC) // bubbles begin with the year 2000
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleNone)
		h.joined("bob", moderation.RoleNone)
		for _, c := range [][3]string{
			{"bob", "/info", "It ends: 2000-01-03 18:00 UTC"}, {"bob", "/settings expires_at", "expires_at: 2000-01-03 18:00 UTC"}, {"bob", "/settings expires_at 5d", "permission"},
			{"ann", "/settings expires_at 1999-12-31", "must be in the future"}, {"ann", "/settings expires_at soon", "can not be"},
			{"ann", "/settings expires_at 2000-01-02 12:00 UTC", "2000-01-02 12:00 UTC"}, {"ann", "/settings expires_at 12h", "2000-01-01 12:01 UTC"},
		} {
			if got := h.says(c[0], c[1]).answer(t); !strings.Contains(got, c[2]) {
				t.Errorf("%v: %s", c, got)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- h.hub.Run(ctx) }()
		time.Sleep(12*time.Hour + 15*time.Minute)
		for text, want := range map[string]string{"/info": "It ended: 2000-01-01 12:01 UTC, and can be read until 2000-01-08 12:01 UTC", "late": "this group is over", "/topic x": "This group is over", "/settings expires_at 5d": "This group is over"} {
			if got := h.says("ann", text).answer(t); !strings.Contains(got, want) {
				t.Errorf("%s: %s", text, got)
			}
		}
		if got := h.says("eve", "hello").answer(t); !strings.Contains(got, "takes no new ones now") || strings.Contains(got, "/join") {
			t.Errorf("a stranger is told %q", got)
		}
		if got := h.posts("bob"); len(got) != 2 || !strings.HasPrefix(got[0], "ends in ") || !strings.HasPrefix(got[1], "is over.") {
			t.Errorf("%q", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}, made(t, "event", "ann", moderation.Policy{ExpiresAt: moderation.MomentOf(end)}))
}
