package pages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func TestModeratorsDecideWhoWaits(t *testing.T) {
	inTown(t, group.NewGroup{}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mod", moderation.RoleModerator)
		for _, name := range []string{"Dan", "Eve"} {
			must(w.hub.Join(t.Context(), caller(name), valley, group.JoinInput{Name: name, Greeting: "I am " + name}))(t)
			time.Sleep(time.Minute)
		}
		v := w.visitor(d, "Mod").opens("moderate.mu").reads("Who waits to join: 2").misses("Settings", "The log").follows("Who waits to join")
		v.reads("Dan", "I am Dan", "Eve").follows("Approve").reads("Dan is a member now, and was told.", "Eve").misses("I am Dan")
		w.is("Dan", moderation.StandingMember)
		w.is("Eve", moderation.StandingPending)
		v.follows("See, reject").reads("Asks to join since", "I am Eve").fills("reason", "who are you?").follows("Reject").reads("was turned away, and told.")
		w.is("Eve", moderation.StandingStranger)
		v.opens("waiting.mu").reads("Nobody waits.")
	})
}

func TestManyWhoWaitAreListedOnPagesThatFit(t *testing.T) {
	inTown(t, group.NewGroup{}, func(t *testing.T, w *town, d micron.Dialect) {
		const n = 23
		for i := range n {
			must(w.hub.Join(t.Context(), caller(fmt.Sprint("W", i)), valley, group.JoinInput{Name: fmt.Sprintf("Waits %02d", i), Greeting: strings.Repeat("please ", 30)}))(t)
		}
		v := w.visitor(d, "Ann").opens("waiting.mu")
		seen := make(map[string]bool)
		for range n {
			for i := range n {
				if name := fmt.Sprintf("Waits %02d", i); strings.Contains(v.flat(), name) {
					seen[name] = true
				}
			}
			if !slices.Contains(v.Labels(), "More") {
				break
			}
			v.follows("More")
		}
		if len(seen) != n {
			t.Errorf("%d of %d seen", len(seen), n)
		}
	})
}

func TestReportsAreSettled(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		r := must(w.hub.Post(t.Context(), caller("Bob"), valley, group.PostInput{Text: []byte("cheap goats\nvery cheap")}))(t)
		must(w.hub.Report(t.Context(), caller("Ann"), valley, group.ReportInput{Seq: r.Seq, Reason: "an advertisement"}))(t)
		v := w.visitor(d, "Ann").opens("moderate.mu").reads("What was reported: 1").follows("What was reported")
		v.reads(fmt.Sprintf("#%d Bob: cheap goats", r.Seq), "An advertisement.").misses("very cheap").fills("note", "it is fine").follows("Settle").reads("are settled.", "Nothing is reported.")
		v.opens("audit.mu").reads("settle reports")
		if list := must(w.hub.Reports(t.Context(), operator(), valley, 0, 0))(t); list.Total != 0 {
			t.Errorf("%d wait", list.Total)
		}
	})
}

func TestALockdownBeginsAndEnds(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("moderate.mu").fills("for", "soon").follows("Begin a lockdown").reads("Write a time as")
		v.fills("for", "2h").follows("Begin a lockdown").reads("There is a lockdown", "for another 2 h")
		w.visitor(d, "Eve").opens("join.mu").reads("Many are joining just now: a moderator decides").fills("name", "Eve").follows("Join").reads("You have asked to join as Eve.")
		v.follows("End the lockdown").reads("Done.", "Begin a lockdown")
		w.visitor(d, "Fay").opens("join.mu").fills("name", "Fay").follows("Join").reads("Welcome! You are Fay.")
	})
}

func TestTheLogAndTheBansArePagedByBytes(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		const n = 40
		for i := range n {
			must(w.hub.Ban(t.Context(), caller("Ann"), valley, group.BanInput{Target: hash(fmt.Sprint("x", i)), Reason: fmt.Sprintf("reason number %02d", i)}))(t)
			time.Sleep(time.Minute)
		}
		v := w.visitor(d, "Ann")
		for page, more := range map[string]string{"bans.mu": "More", "audit.mu": "Older"} {
			seen := make(map[string]bool)
			v.opens(page)
			for range n {
				for i := range n {
					if reason := fmt.Sprintf("eason number %02d", i); strings.Contains(v.flat(), reason) {
						seen[reason] = true
					}
				}
				if !slices.Contains(v.Labels(), more) {
					break
				}
				v.follows(more)
			}
			if len(seen) != n {
				t.Errorf("%s shows %d of %d", page, len(seen), n)
			}
		}
	})
}

func TestInvitesAreMadeListedAndTakenBack(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningInvite, Policy: moderation.Policy{InviteRole: moderation.RoleMember}}, func(t *testing.T, w *town, d micron.Dialect) {
		invite := must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{}))(t)
		must(w.hub.Join(t.Context(), caller("Bob"), valley, group.JoinInput{Name: "Bob", Code: invite.Code}))(t)
		v := w.visitor(d, "Bob").opens("me.mu").follows("Invites").misses("moderator")
		v.fills("uses", "many").follows("Make an invite").reads("Write a number of uses.").fills("uses", "3", "for", "2d").follows("Make an invite")
		v.reads("for 3, ends in 2 d.", "The code is shown only now:")
		lines := v.Lines()
		code := lines[slices.Index(lines, "The code is shown only now:")+2]
		w.visitor(d, "Eve").opens("join.mu").fills("name", "Eve", "code", code).follows("Join").reads("Welcome! You are Eve.")
		v.follows("All invites").reads("for 2, used 1 time, ends in 2 d").follows("Take back").reads("is taken back.").misses("used 1")
		w.visitor(d, "Fay").opens("join.mu").fills("name", "Fay", "code", code).follows("Join").misses("Welcome")

		ann := w.visitor(d, "Ann").opens("invites.mu").ticks("role", "moderator").follows("Make an invite").reads("Say whom this is for")
		ann.fills("who", group.AddressOf(caller("Gus").Identity).String()).follows("Make an invite").reads("as moderator", "1 invite sent.").misses("The code is")
		w.visitor(d, "Gus").opens("join.mu").reads("You are invited").fills("name", "Gus").follows("Join").reads("Welcome! You are Gus.")
		if st := w.standing("Gus"); st.Role != moderation.RoleModerator {
			t.Errorf("Gus is %s", st.Role)
		}
		address := func(name string) string { return group.AddressOf(caller(name).Identity).String() }
		ann.opens("invites.mu").fills("who", "Bob, Gus").follows("Make an invite").reads("This person is a member already.")
		if ann.Value("g_who") != "Bob, Gus" {
			t.Error("what was typed is lost")
		}
		ann.fills("who", address("Hal")+", Bob, "+address("Ida")).follows("Make an invite").reads("2 invites sent.", "Bob: This person is a member already.")
		w.visitor(d, "Ida").opens("join.mu").reads("You are invited")
	})
}
