package lxm_test

import (
	"testing"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/moderation"
)

func TestMembersWhoWantReceiptsAreToldTheNumberOfTheirPost(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		if l := h.says("ann", "no receipt asked for"); len(l.answers) != 0 {
			t.Errorf("%+v", l.answers)
		}
		yes := true
		if _, err := h.hub.UpdateNotifications(t.Context(), h.caller("ann"), valley, group.NotificationsInput{Receipts: &yes}); err != nil {
			t.Fatal(err)
		}
		told := func(l *letter, want string) {
			t.Helper()
			if len(l.answers) != 1 || l.answers[0].content != want {
				t.Errorf("%+v, want %q", l.answers, want)
			}
		}
		told(h.says("ann", "hello"), "※ Posted as #3.")
		late := h.write("ann", "from the mountains")
		told(h.deliver("ann", late, func(in *lxm.Inbound) { in.Late = true }), "※ Posted as #4, collected from a propagation node.")
		if l := h.deliver("ann", late, func(in *lxm.Inbound) { in.Late = true }); len(l.answers) != 0 || len(h.timeline("ann")) != 4 {
			t.Errorf("a copy: %+v", l.answers)
		}
	})
}
