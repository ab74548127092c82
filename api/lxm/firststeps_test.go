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

// relayed has who joins by text begin with relay, as over a fast way.
func relayed(_ *group.NewGroup, _ *group.Config, c *lxm.Config) {
	c.ModeFor = func(string) group.DeliveryMode { return group.DeliverRelay }
}

// whole is all that one was told in answer.
func (l *letter) whole(who string) string {
	var all []string
	for _, a := range l.answers {
		if a.to == who {
			all = append(all, a.content)
		}
	}
	return strings.Join(all, "\n")
}

func TestWhoMistypesJoinAfterTheHintIsToldWhatHeMeant(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.says("eve", "hello?")
		got := h.says("eve", "/jion Eve").answer(t)
		if !strings.Contains(got, "There is no /jion. Did you mean /join?") || strings.Contains(got, "write //") {
			t.Error(got)
		}
		for _, text := range []string{"/history", "/gruppen", "/kcik Eve", "/"} { // not for him, or nothing
			if got := h.says("eve", text).answer(t); !strings.Contains(got, "/join and your name") || strings.Contains(got, "mean") {
				t.Errorf("%s: %s", text, got)
			}
		}
		if l := h.says("eve", "hello again"); len(l.answers) != 0 {
			t.Errorf("what is no command has its one hint a day: %v", l.answers)
		}
		answers := 0
		for range 20 {
			answers += len(h.says("eve", "/jion Eve").answers)
		}
		if answers != 5 {
			t.Errorf("%d more answers on this day", answers)
		}
	}, open)
}

func TestWhoNeedsAnInviteIsToldSoAndWhatToDoWithOne(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings joining invite")
		own := group.AddressOf(group.IdentityHash(identity(t, "eve").Hash())).String()
		for _, text := range []string{"hello?", "/join Eve"} {
			if got := h.says("eve", text).answer(t); !strings.Contains(got, "invite") || !strings.Contains(got, "/join CODE NAME") || !strings.Contains(got, own) {
				t.Errorf("%s: %s", text, got)
			}
		}
		if got := h.says("eve", "/decline").answer(t); got != "※ You are not invited here." {
			t.Error(got)
		}
		h.says("owner", "/settings invite_to known")
		if got := h.says("fay", "hello?").answer(t); !strings.Contains(got, "invite") || strings.Contains(got, "CODE") {
			t.Errorf("where there are no codes: %s", got)
		}
		h.says("owner", "/invite "+group.AddressOf(group.IdentityHash(identity(t, "gus").Hash())).String())
		if got := h.says("gus", "hello?").answer(t); !strings.Contains(got, "/join and your name") {
			t.Errorf("who is invited: %s", got)
		}
	}, open)
}

func TestWhoIsAskedAQuestionAtTheDoorIsToldHowToAnswer(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings question Wie heißt der Hügel?")
		if got := h.says("eve", "/join Eve").answer(t); got != "※ Answer a question to join: Wie heißt der Hügel? So: /join NAME ANSWER" {
			t.Error(got)
		}
	}, open)
}

func TestTheOwnerWhoClaimsByTextHearsOfPosts(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		code, err := h.hub.NewClaimCode(t.Context(), operator(), valley)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.says("ann", "/claim "+code.Code).whole("ann"); !strings.Contains(got, "you own") || !strings.Contains(got, "Posts come to you as messages.") {
			t.Error(got)
		}
		if d, err := h.hub.Notifications(t.Context(), h.caller("ann"), valley); err != nil || d.Mode != group.DeliverRelay {
			t.Errorf("%s, %v", d.Mode, err)
		}
		// A member stays with what he has.
		h.says("bob", "/join Bob")
		h.says("bob", "/relay off")
		if code, err = h.hub.NewClaimCode(t.Context(), operator(), valley); err != nil {
			t.Fatal(err)
		}
		h.says("bob", "/claim "+code.Code)
		if d, err := h.hub.Notifications(t.Context(), h.caller("bob"), valley); err != nil || d.Mode != group.DeliverFetch {
			t.Errorf("%s, %v", d.Mode, err)
		}
	}, open, relayed)
}

func TestWhoLocksTheDoorByJoiningHearsOfPostsOnceHeIsIn(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings lockdown_joins 2")
		for i := range 5 {
			h.says(fmt.Sprint("guest ", i), fmt.Sprint("/join Guest-", i))
		}
		if got := h.says("owner", "/requests").answer(t); !strings.Contains(got, "wait") {
			t.Fatal(got)
		}
		waiting, err := h.hub.Requests(t.Context(), operator(), valley, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range waiting {
			if got := h.says("owner", "/approve "+r.Address.String()); !strings.Contains(fmt.Sprint(got.answers), "Posts come to you as messages.") {
				t.Errorf("%s: %v", r.DisplayName, got.answers)
			}
		}
	}, open, relayed)
}

func TestTheWelcomeOfAGroupWhereStaffWriteDoesNotPromiseMore(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings read_only on")
		if got := h.says("eve", "/join Eve").whole("eve"); strings.Contains(got, "is posted to all") || !strings.Contains(got, "Only its staff write here") {
			t.Error(got)
		}
		for page := 1; page < 4; page++ {
			if got := h.says("eve", fmt.Sprint("/help ", page)).whole("eve"); strings.Contains(got, "All else you write is posted") {
				t.Error(got)
			}
		}
	}, open)
}

func TestWhoIsNotWaitingOrNotBannedIsNotSaidToBeNobody(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for text, want := range map[string]string{
			"/approve Dot":    `※ Nobody called "Dot" waits to join; who waits: /requests.`,
			"/reject Dot":     `※ Nobody called "Dot" waits to join; who waits: /requests.`,
			"/unban Stranger": `※ Nobody called "Stranger" is banned; who is: /bans.`,
			"/kick Pending":   `※ Nobody here is called "Pending"; /who lists all.`,
		} {
			if got := h.says("moderator", text).answer(t); got != want {
				t.Errorf("%s: %s", text, got)
			}
		}
	})
}

func TestADurationCanBeTypedWithASpace(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for text, want := range map[string]string{
			"/mute Dot 10 min zu laut": "※ Dot can not write for 10 min. To undo: /unmute",
			"/mute Dot 3 Bier":         "※ Dot can not write any more. To undo: /unmute",
		} {
			if got := h.says("moderator", text).answers[0].content; !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s", text, got)
			}
		}
		if got := h.says("moderator", "/lockdown on 2 h").answers[0].content; !strings.Contains(got, "for 2 h") {
			t.Error(got)
		}
		if got := h.says("moderator", "/ban Dot 2 days spam").whole("moderator"); !strings.HasPrefix(got, "※ Dot is banned for 2 d.") {
			t.Error(got)
		}
	})
}

func TestANumberWithoutAUnitIsNoReasonAndNotForGood(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, text := range []string{"/mute Dot 5", "/kick Dot 30", "/ban Dot 2"} {
			if got := h.says("moderator", text).answer(t); got != "※ Say how long with its unit: 30m, 2h, 7d." {
				t.Errorf("%s: %s", text, got)
			}
		}
		if got := h.says("dot", "/status").whole("dot"); strings.Contains(got, "muted") {
			t.Error(got)
		}
	})
}

func TestABanForAWhileStaysOneWhenItIsConfirmed(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, text := range []string{"/ban Dot 2d purge", "/ban Dot purge 2d spam"} {
			if got := h.says("moderator", text).answer(t); !strings.HasSuffix(got, "/ban WHO 2d purge yes") {
				t.Errorf("%s: %s", text, got)
			}
		}
		if got := h.says("moderator", "/ban Dot purge 2d yes 3d of spam").whole("moderator"); !strings.HasPrefix(got, "※ Dot is banned for 2 d.") {
			t.Error(got)
		}
		if got := h.says("moderator", "/bans").answer(t); !strings.Contains(got, "for another 2 d: 3d of spam") {
			t.Error(got)
		}
	})
}

func TestTwoCommandsInOneMessageAreNotTakenForOne(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		const want = "※ There are several commands in this message, and none was run. Send each in a message of its own."
		for _, text := range []string{"/nick Bo\n/history", "/ban Dot\n/mute Member", "/history\n /who", "/kcik Dot\n/who"} {
			if got := h.says("moderator", text).answer(t); got != want {
				t.Errorf("%q: %s", text, got)
			}
		}
		if got := h.says("newcomer", "/join Nan\n/help").answer(t); got != want {
			t.Error(got)
		}
		for text, want := range map[string]string{
			"/status half an hour\n/ or so": "half an hour / or so",
			"/help /ban":                    "/ban WHO",
			fmt.Sprintf("/edit #%d so:\n/help lists all", dotPost): "has the new text",
		} {
			if got := h.says("dot", text).whole("dot"); !strings.Contains(got, want) {
				t.Errorf("%q: %s", text, got)
			}
		}
	})
}

func TestACodeThatLetsInOneMoreDoesNotReadAsIfItWereForOne(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		made := h.says("owner", "/invite 3 2d").answer(t)
		code := strings.Fields(strings.Split(made, "\n")[1])[1]
		h.says("eve", "/join "+code+" Eve")
		time.Sleep(time.Minute)
		if got := h.says("owner", "/invite list").answer(t); got != "※ 1: for 2 more, used 1 time, ends in 2 d" {
			t.Error(got)
		}
	}, open)
}
