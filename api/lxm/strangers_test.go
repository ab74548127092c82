package lxm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/moderation"
)

func TestAStrangerGetsOneHintADay(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		for range 5 {
			h.says("eve", "hello?")
		}
		if n := h.server.Stats().Hints; n != 1 {
			t.Errorf("%d hints on the first day", n)
		}
		time.Sleep(24 * time.Hour)
		l := h.says("eve", "hello?")
		own := group.AddressOf(group.IdentityHash(identity(t, "eve").Hash()))
		if got := l.answer(t); !strings.Contains(got, own.String()) || !strings.Contains(got, "/join") {
			t.Errorf("the hint of the second day: %s", got)
		}
	})
}

func TestAStrangerGetsTenAnswersADay(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		answers := 0
		for range 30 {
			answers += len(h.says("eve", "/info").answers)
		}
		if answers != 10 {
			t.Errorf("%d answers on one day", answers)
		}
		time.Sleep(24 * time.Hour)
		if l := h.says("eve", "/info"); len(l.answers) != 1 {
			t.Error("no answer on the next day")
		}
	})
}

func TestStrangersTogetherGetSixtyAnswersAnHour(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		answers := 0
		for i := range 80 {
			answers += len(h.says(fmt.Sprint("stranger ", i), "/info").answers)
		}
		if answers != 60 {
			t.Errorf("%d answers in one hour", answers)
		}
		radio := h.deliver("one on the radio", h.write("one on the radio", "/info"), func(in *lxm.Inbound) { in.Via = "RNode" })
		if len(radio.answers) != 1 {
			t.Error("strangers on one interface use up the answers of those on another")
		}
		h.joined("ann", moderation.RoleMember)
		if l := h.says("ann", "/info"); len(l.answers) != 1 {
			t.Error("strangers use up the answers of members")
		}
		time.Sleep(time.Hour)
		if l := h.says("a late one", "/info"); len(l.answers) != 1 {
			t.Error("no answer in the next hour")
		}
	})
}

func TestStrangersCauseNoDearStamps(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		for _, text := range []string{"hello", "/help", "/join Eve", "/join Eve", "/leave"} {
			for _, a := range h.says("eve", text).answers {
				if a.to == "eve" && a.out.MaxStamp != 8 {
					t.Errorf("%s: stamps of up to %d bits are made for a stranger", text, a.out.MaxStamp)
				}
			}
		}
		h.joined("ann", moderation.RoleMember)
		if l := h.says("ann", "/help"); len(l.answers) == 0 || l.answers[0].out.MaxStamp != 0 {
			t.Errorf("a member's answer: %+v", l.answers)
		}
	})
}

func TestStrangersCauseNoWrites(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		commits := 0
		h.store.OnCommit(func() error { commits++; return nil })
		for _, text := range []string{"hello", "/help", "/info", "/who", "/nick Eve", "/claim one-two-three-four-12345", "/leave yes", "//x", "/me too", ""} {
			h.says("eve", text)
		}
		if commits != 0 {
			t.Errorf("%d commits", commits)
		}
	})
}

// TestTheBannedGetTheirProofAndNothingElse holds X-059.
func TestTheBannedGetTheirProofAndNothingElse(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleModerator)
		h.joined("eve", moderation.RoleMember)
		h.says("ann", "/ban Eve")
		before := h.timeline("ann")
		commits := 0
		h.store.OnCommit(func() error { commits++; return nil })
		for _, text := range []string{"why?", "/join Eve", "/help", "/info", "/claim x", "/me cries", "", "/nonsense"} {
			if l := h.says("eve", text); l.proved != 1 || len(l.answers) != 0 {
				t.Errorf("%q: proved %d times, answers %v", text, l.proved, l.answers)
			}
		}
		if commits != 0 {
			t.Errorf("%d commits", commits)
		}
		if after := h.timeline("ann"); len(after) != len(before) {
			t.Errorf("ann sees %d entries more", len(after)-len(before))
		}
		h.store.OnCommit(nil)
		if l := h.says("ann", "/who"); strings.Contains(l.answer(t), "Eve") {
			t.Error("ann still sees Eve")
		}
	})
}

func TestWhoComesBackIsToldNothingOfAName(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		if _, err := h.hub.Leave(t.Context(), h.caller("ann"), valley); err != nil {
			t.Fatal(err)
		}
		if got := h.says("ann", "/join").answers; len(got) == 0 || !strings.Contains(got[0].content, "You are Ann.") || strings.Contains(got[0].content, "/nick") {
			t.Errorf("ann is told %v", got)
		}
		if got := h.says("bo", "/join ...").answers; len(got) == 0 || !strings.Contains(got[0].content, "To have a name: /nick NAME") || strings.Contains(got[0].content, "is taken") {
			t.Errorf("bo is told %v", got)
		}
	}, open)
}

func TestWhereNamesAreFixedNobodyIsToldToChangeHis(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		if got := h.says("bo", "/join Ann").answers; len(got) == 0 || !strings.Contains(got[0].content, "You are Ann 2.") || !strings.Contains(got[0].content, "That name is taken.") || strings.Contains(got[0].content, "/nick") {
			t.Errorf("bo is told %v", got)
		}
	}, open, func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) { n.Policy.FixedNames = true })
}
