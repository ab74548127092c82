package pages_test

import (
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func (w *town) is(name string, want moderation.Standing) {
	w.t.Helper()
	if st := w.standing(name).Standing; st != want {
		w.t.Fatalf("%s is %s, not %s", name, st, want)
	}
}

func TestSomebodyJoinsAnOpenGroup(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Topic: "weather"}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "")
		v.opens("join.mu").reads("Anybody may join.", "Any member can see, keep and share", "show this group first who you are").misses("Name:")
		v.caller = caller("Bob") // identifies, and comes back
		v.opens("join.mu").reads("Anybody may join.", "hands them to the members").fills("name", "Bob").follows("Join").reads("Welcome! You are Bob.", "Write | Members | Me")
		if st := w.standing("Bob"); st.Standing != moderation.StandingMember || st.Member.DisplayName != "Bob" {
			t.Errorf("Bob is %+v", st)
		}
		v.opens("join.mu").reads("You are a member already, as Bob.")
	})
}

func TestWhoMustBeLetInAnswersAtTheDoorAndWaits(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningApprove, Policy: moderation.Policy{Question: "Which valley?"}}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Dan")
		v.opens("join.mu").reads("A moderator decides", "Which valley?").fills("name", "Dan the man").follows("Join")
		v.reads("Answer a question to join: Which valley?") // nothing was said to it
		if got := v.Value("g_name"); got != "Dan the man" {
			t.Errorf("what was typed is lost: %q", got)
		}
		v.fills("greeting", "the upper one").follows("Join").reads("You have asked to join as Dan the man.", group.AddressOf(caller("Dan").Identity).String())
		w.is("Dan", moderation.StandingPending)
		v.opens("join.mu").reads("You have asked to join; a moderator decides").fills("name", "Daniel").follows("Change my request").reads("You have asked to join as Daniel.")
		if list := must(w.hub.Requests(t.Context(), operator(), valley, 0))(t); len(list) != 1 || list[0].DisplayName != "Daniel" || list[0].Greeting != "the upper one" {
			t.Errorf("who waits: %+v", list)
		}
		v.opens("join.mu").follows("Take the request back").reads("Take back your request to join?").follows("Yes, take it back").reads("Your request is taken back.")
		w.is("Dan", moderation.StandingStranger)
	})
}

func TestWhoIsInvitedJoinsByCodeOrByName(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningInvite}, func(t *testing.T, w *town, d micron.Dialect) {
		code := must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{}))(t).Code
		must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{For: hash("Eve")}))(t)
		must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{For: hash("Fay")}))(t)
		v := w.visitor(d, "Bob")
		v.opens("join.mu").reads("Who is invited joins here").fills("name", "Bob").follows("Join").reads("by invite only")
		v.fills("code", "no-such-code-here-00000").follows("Join").misses("Welcome")
		w.is("Bob", moderation.StandingStranger)
		v.fills("code", strings.ToUpper(code)).follows("Join").reads("Welcome! You are Bob.")

		v = w.visitor(d, "Eve")
		v.opens("join.mu").reads("You are invited: choose a name and join.").misses("Code of an invite").fills("name", "Eve").follows("Join").reads("Welcome! You are Eve.")
		v = w.visitor(d, "Fay")
		v.opens("join.mu").follows("Decline the invite").reads("You have declined the invite.")
		w.is("Fay", moderation.StandingStranger)
	})
}

// Pages can do no work, so who has no invite is told how to join.
func TestWhereJoiningNeedsWorkThePageSaysHow(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		must(w.hub.UpdateSettings(t.Context(), caller("Ann"), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.JoinCost = 12 }}))(t)
		v := w.visitor(d, "Bob")
		v.opens("join.mu").reads("Send /join and your name to the group").fills("name", "Bob").follows("Join").reads("A page can not do that work")
		if !strings.Contains(string(v.Raw), "lxmf@") {
			t.Errorf("no link to the chat:\n%s", v.Raw)
		}
		w.is("Bob", moderation.StandingStranger)
		code := must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{}))(t).Code
		v.fills("code", code).follows("Join").reads("Welcome! You are Bob.")
	})
}

func TestTheBannedAndTheLate(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		must(w.hub.Ban(t.Context(), caller("Ann"), valley, group.BanInput{Target: hash("Bob"), Reason: "spam", Duration: 2 * time.Hour}))(t)
		for _, page := range []string{"join.mu", "leave.mu", "forget.mu", "me.mu", "delivery.mu", "member.mu`who=" + hash("Ann").String(), "invites.mu", "names.mu"} {
			w.visitor(d, "Bob").opens(page).reads("You are banned from this group for another 2 h: spam").misses("Name:")
		}
		closed := moderation.JoiningClosed
		must(w.hub.UpdateSettings(t.Context(), caller("Ann"), valley, group.SettingsInput{Joining: &closed}))(t)
		w.visitor(d, "Eve").opens("join.mu").reads("takes no new members now").misses("Name:")
	})
}

func TestLeavingAndErasingAskOnce(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.join("Eve", 0)
		v := w.visitor(d, "Bob")
		v.opens("me.mu").follows("Leave").reads("Leave this group?")
		w.is("Bob", moderation.StandingMember)
		v.follows("No").reads("You are Bob").follows("Leave", "Yes, leave").reads("You have left.", "Join")
		w.is("Bob", moderation.StandingStranger)

		v = w.visitor(d, "Eve")
		v.opens("me.mu").follows("Erase what is mine").reads("this can not be undone")
		w.is("Eve", moderation.StandingMember)
		v.follows("Yes, erase it all").reads("It is being erased.")
		if st := w.standing("Eve"); st.Standing != moderation.StandingStranger || st.Member != nil && st.Member.DisplayName != "" {
			t.Errorf("Eve is %+v", st)
		}
		w.visitor(d, "Ann").opens("leave.mu").follows("Yes, leave").reads("The last owner stays")
	})
}

func TestTheOwnerClaimsWithTheCode(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		code := must(w.hub.NewClaimCode(t.Context(), operator(), valley))(t)
		v := w.visitor(d, "")
		v.opens("claim.mu").reads("show this group first who you are")
		v = w.visitor(d, "Bob")
		v.opens("claim.mu").fills("code", "river-maple-00000", "name", "Bob").follows("Become the owner").misses("Welcome")
		w.is("Bob", moderation.StandingStranger)
		v.fills("code", code.Code).follows("Become the owner").reads("Welcome, Bob: you own this group now.")
		if st := w.standing("Bob"); st.Role != moderation.RoleOwner {
			t.Errorf("Bob is %s", st.Role)
		}

		// The answer may be lost: he comes over another link, and guesses no codes.
		w.visitor(d, "Bob").opens("claim.mu").reads("You own this group.").misses("Code:")
	})
}

func TestWhoWaitsTakesBackWhatHeSaidAndNoAnswer(t *testing.T) {
	for question, want := range map[string]string{"": "", "Which valley?": "I have goats"} {
		inTown(t, group.NewGroup{Joining: moderation.JoiningApprove, Policy: moderation.Policy{Question: question}}, func(t *testing.T, w *town, d micron.Dialect) {
			greeting := func() string {
				return must(w.hub.Requests(t.Context(), operator(), valley, 0))(t)[0].Greeting
			}
			v := w.visitor(d, "Dan").opens("join.mu").fills("name", "Dan", "greeting", "I have goats").follows("Join")
			must(w.hub.Join(t.Context(), caller("Dan"), valley, group.JoinInput{Name: "Dan"}))(t)
			if got := greeting(); got != "I have goats" {
				t.Errorf("who asks by message, and says nothing more, has said %q", got)
			}
			v.opens("join.mu").fills("greeting", "").follows("Change my request").reads("You have asked to join as Dan.")
			if got := greeting(); got != want {
				t.Errorf("asked %q, he has said %q", question, got)
			}
			v.opens("join.mu").fills("greeting", "and sheep").follows("Change my request")
			if got := greeting(); got != "and sheep" {
				t.Errorf("he has said %q", got)
			}
		})
	}
}
