package lxm_test

import (
	"strings"
	"testing"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/moderation"
)

func TestWhoJoinsByTextIsToldHowHeWillHearOfPostsAndHowToChangeIt(t *testing.T) {
	byWay := func(_ *group.NewGroup, _ *group.Config, c *lxm.Config) {
		c.ModeFor = func(iface string) group.DeliveryMode {
			if iface == "radio" {
				return group.DeliverDigest
			}
			return group.DeliverRelay
		}
	}
	welcome := func(l *letter) string {
		var all []string
		for _, a := range l.answers {
			all = append(all, a.content)
		}
		return strings.Join(all, "\n")
	}
	inHouse(t, func(t *testing.T, h *house) {
		if got := welcome(h.says("ann", "/join Ann")); !strings.Contains(got, "/relay off") || strings.Contains(got, "/digest off") {
			t.Errorf("over a wire: %s", got)
		}
		l := h.deliver("bob", h.write("bob", "/join Bob"), func(in *lxm.Inbound) { in.Via = "radio" })
		if got := welcome(l); !strings.Contains(got, "every 6 h") || !strings.Contains(got, "/digest off") {
			t.Errorf("over a radio: %s", got)
		}
		for who, mode := range map[string]group.DeliveryMode{"ann": group.DeliverRelay, "bob": group.DeliverDigest} {
			d, err := h.hub.Notifications(t.Context(), h.caller(who), valley)
			if err != nil || d.Mode != mode {
				t.Errorf("%s: %s, %v", who, d.Mode, err)
			}
		}
	}, open, byWay)
	inHouse(t, func(t *testing.T, h *house) { // where somebody approves, he is told then
		h.joined("ann", moderation.RoleOwner)
		h.says("bob", "/join Bob")
		told := ""
		for _, m := range h.says("ann", "/approve Bob").answers {
			if m.to == "bob" {
				told += m.content
			}
		}
		if !strings.Contains(told, "/relay off") {
			t.Errorf("approved: %s", told)
		}
	}, byWay)
	inHouse(t, func(t *testing.T, h *house) {
		if got := welcome(h.says("ann", "/join Ann")); strings.Contains(got, "/relay") || strings.Contains(got, "/digest") {
			t.Errorf("nobody relays: %s", got)
		}
	}, open)
}
