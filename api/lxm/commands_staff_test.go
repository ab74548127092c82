package lxm_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestModeratorsAreToldOfReportsOnceAnHour(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		told := func(l *letter) (who []string) {
			for _, a := range l.answers {
				if a.to != "member" {
					who = append(who, a.to+": "+a.content)
				}
			}
			return who
		}
		first := told(h.says("member", "/report 9 rude"))
		want := "moderator: ※ Member reports #9: Rude.\n/history #9 shows it, /delete 9 or /settle 9"
		if len(first) != 3 || !slices.Contains(first, want) {
			t.Errorf("%q", first)
		}
		if again := told(h.says("member", "/report 10 rude too")); len(again) != 0 {
			t.Errorf("again at once: %q", again)
		}
		time.Sleep(time.Hour)
		if later := h.took(); len(later) != 3 || later[0].content != "※ 2 reports wait: /reports" {
			t.Errorf("an hour later: %v", later)
		}
		if got := h.says("moderator", "/reports").answer(t); !strings.Contains(got, "#9 Dot: the bridge is out | Member, 1 h ago: rude") {
			t.Error(got)
		}
		if got := h.says("moderator", "/settle #9 all is well").answer(t); got != "※ The reports about #9 are settled." {
			t.Error(got)
		}
		h.says("moderator", "/delete 10")
		if got := h.says("moderator", "/reports").answer(t); got != "※ Nothing is reported." {
			t.Error(got)
		}
	})
}

// TestWhoIsOutIsToldHowToComeBack, as far as one can: by /join, by an invite, or not at all.
func TestWhoIsOutIsToldHowToComeBack(t *testing.T) {
	for joining, back := range map[string][2]string{
		"open":    {" After that you can /join again.", " /join brings you back."},
		"approve": {" After that you can /join again.", " /join brings you back."},
		"invite":  {" After that you can come back by an invite.", " An invite brings you back."},
		"closed":  {"", ""},
	} {
		village(t, func(t *testing.T, h *house) {
			h.joined("eve", moderation.RoleMember)
			h.says("owner", "/settings joining "+joining)
			if got, want := h.says("eve", "/leave yes").answer(t), "※ You have left Valley Net. Your posts stay."+back[1]; got != want {
				t.Errorf("%s: who leaves is told %q, not %q", joining, got, want)
			}
			want := "※ You were removed from Hidden Valley for 2 h: Goats." + back[0]
			told := ""
			for _, a := range h.says("moderator", "/kick Member 2h goats").answers {
				if a.to == "member" {
					told = a.content
				}
			}
			if told != want {
				t.Errorf("%s: who is removed is told %q, not %q", joining, told, want)
			}
		})
	}
}

func TestInvitedPeopleComeInByTheirCode(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("owner", "/settings joining invite")
		made := h.says("moderator", "/invite").answer(t)
		line := strings.Split(made, "\n")[1]
		code := strings.Fields(line)[1]
		if got := h.says("stranger", "/join Nan").answer(t); !strings.HasPrefix(got, "※ This group takes new members by invite only. With a code: /join CODE NAME. Your address") {
			t.Error(got)
		}
		for _, text := range []string{"the code is " + code, "/nick " + code, "/topic " + code, "/report 9 " + code, "/edit 9 " + code, "/status " + code, "/emergency " + code, "/settings question " + code} {
			if got := h.says("owner", text).answer(t); !strings.Contains(got, "his holds the code of an invite") && !strings.Contains(got, "Only its author") {
				t.Errorf("%s: %s", text, got)
			}
		}
		wrong := strings.TrimRight(code, "0123456789") + "00000"
		if got := h.says("stranger", "/join "+wrong+" Nan").answer(t); got != "※ The code is wrong, used up or too old." {
			t.Error(got)
		}
		if l := h.says("stranger", "/JOIN "+strings.ToUpper(code)+" Nan"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "You are Nan") {
			t.Errorf("%v", l.answers)
		}
		if got := h.says("member", "/who Nan").answer(t); !strings.HasPrefix(got, "※ Nan, member") {
			t.Error(got)
		}
		if got := h.says("late guest", "/join "+code+" Gus").answer(t); got != "※ The code is wrong, used up or too old." {
			t.Error(got)
		}
		h.says("moderator", "/invite 5 1d")
		if got := h.says("moderator", "/invite list").answer(t); got != "※ 2: for 5, ends in 1 d" {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite revoke 2").answer(t); got != "※ Invite 2 is taken back." {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite list").answer(t); got != "※ There are no invites. To make one: /invite" {
			t.Error(got)
		}
		several := h.says("moderator", "/invite 00112233445566778899aabbccddee01, Dot,00112233445566778899aabbccddee02").answers[0].content
		if several != "※ 00112233 is invited: 3.\nDot is not invited: This person is a member already.\n00112233 is invited: 4." {
			t.Errorf("%q", several)
		}
		if got := h.says("member", "/invite 00112233445566778899aabbccddee03, 00112233445566778899aabbccddee04").answer(t); strings.Count(got, "is not invited: This needs the permission") != 2 {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite list").answer(t); strings.Count(got, "\n") != 1 {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite Dot").answer(t); got != "※ Is a member already." && got != "※ This person is a member already." {
			t.Error(got)
		}
	})
}

func TestTheQuestionAtTheDoorIsAnsweredInTheGreeting(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("owner", moderation.RoleOwner)
		h.says("owner", "/settings question Which valley is this?")
		if got := h.says("nan", "/join Nan").answer(t); !strings.Contains(got, "Which valley is this?") {
			t.Error(got)
		}
		if l := h.says("nan", "/join Nan the hidden one"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "Welcome") {
			t.Errorf("%v", l.answers)
		}
	}, open)
}

func TestAPurgeHidesAllPostsAndCanBeUndone(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.hub.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		if got := h.says("moderator", "/ban Dot purge").answer(t); !strings.HasSuffix(got, "/ban WHO purge yes") {
			t.Error(got)
		}
		h.says("moderator", "/ban Dot purge YES spam")
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 0 {
			t.Errorf("others still see %q", texts)
		}
		if got := h.says("moderator", "/unban Dot undo").answer(t); got != "※ The ban is lifted, and the posts come back." {
			t.Error(got)
		}
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 2 {
			t.Errorf("others see %q again", texts)
		}
		if got := h.says("moderator", "/unban Dot undo").answer(t); !strings.Contains(got, "no posts to bring back") {
			t.Error(got)
		}
		h.says("dot", "/join Dot")
		h.says("moderator", "/approve Dot")
		if got := h.says("dot", "/forget").answer(t); !strings.Contains(got, "/forget yes") || len(h.posts("member")) != 2 {
			t.Error(got)
		}
		h.says("dot", "/forget yes")
		time.Sleep(time.Minute)
		if texts := h.posts("member"); len(texts) != 0 {
			t.Errorf("others still see %q", texts)
		}
		if got := h.says("stranger", "/forget yes").answer(t); got != "※ Nothing is known of you here." {
			t.Error(got)
		}
	})
}

func TestWhoWantsNoInvitesIsSentNone(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		own := group.AddressOf(group.IdentityHash(identity(t, "nan").Hash())).String()
		if got := h.says("nan", "/invite block").answer(t); !strings.HasPrefix(got, "※ No group here sends you invites") {
			t.Error(got)
		}
		if got := h.says("moderator", "/invite "+own).answer(t); got != "※ This person wants no invites." {
			t.Error(got)
		}
		h.says("nan", "/invite unblock")
		l := h.says("moderator", "/invite "+own+" 2d")
		if len(l.answers) != 2 || !strings.Contains(l.answers[1].content+l.answers[0].content, "You are invited to the group") {
			t.Errorf("%v", l.answers)
		}
		if l := h.says("nan", "/join Nan"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "Welcome") {
			t.Errorf("who is invited: %v", l.answers)
		}
		if got := h.says("pending", "/invite 3").answer(t); strings.Contains(got, "/join ") {
			t.Errorf("one who waits makes an invite: %s", got)
		}
	})
}

func TestTheLogIsReadByWhoMay(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		h.says("moderator", "/mute Dot 1h loud")
		h.says("moderator", "/kick Member 2h rude")
		time.Sleep(time.Hour)
		for line, want := range map[string]string{
			"/audit kick": "※ 1 h ago Moderator: kick, Member, for 2 h, rude", "/audit Dot": "※ 1 h ago Moderator: mute, Dot, for 1 h, loud\n3 h ago the operator: approve, Dot", "/audit nothing": "※ The log has no such lines.",
		} {
			if got := h.says("admin", line).answer(t); got != want {
				t.Errorf("%s: %s", line, got)
			}
		}
		if got := h.says("moderator", "/audit").answer(t); got != `※ This needs the permission "audit".` {
			t.Error(got)
		}
		lines, next := 0, "/audit"
		for range 20 {
			got := h.says("admin", next).answer(t)
			body, older, more := strings.Cut(got, "\nOlder: ")
			lines += 1 + strings.Count(body, "\n")
			if next = older; !more {
				break
			}
			time.Sleep(time.Minute)
		}
		if all, err := h.hub.AuditLog(t.Context(), operator(), valley, group.AuditQuery{Limit: group.MaxPage}); err != nil || lines != len(all.Lines) {
			t.Errorf("%d lines of %d, %v", lines, len(all.Lines), err)
		}
	})
}
