package pages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func TestTheListShowsEveryMemberOnPagesThatFit(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		want := []string{"Ann"}
		for i := range 70 {
			name := fmt.Sprintf("Member %02d of the valley", i)
			w.join(name, 0)
			want = append(want, name)
		}
		v := w.visitor(d, "Ann").opens("members.mu").reads("71 members.")
		var seen []string
		for pages := 1; ; pages++ {
			for _, l := range v.Page.Links() {
				if strings.HasPrefix(l.URL+l.Data, ":/page/member.muwho=") {
					seen = append(seen, l.Label)
				}
			}
			if !slices.Contains(v.Labels(), "More") {
				break
			}
			if pages > 10 {
				t.Fatal("the list has no end")
			}
			v.follows("More")
		}
		slices.Sort(seen)
		if !slices.Equal(seen, want) {
			t.Errorf("%d of %d members seen: %q", len(seen), len(want), seen)
		}
		v.follows("First").fills("who", "member 33").follows("Find").reads("Nobody here is called")
		v.opens("members.mu").fills("who", "Member 33 of the Valley").follows("Find").reads("Member 33 of the valley, member", "Joined")
		w.visitor(d, "").opens("members.mu").reads("71 members.") // an open public group is for all to read
	})
}

func TestAPersonsPageOffersWhatTheVisitorMayDo(t *testing.T) {
	inTown(t, group.NewGroup{}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mod", moderation.RoleModerator)
		w.join("Bob", 0)
		labels := func(who, about string) (list []string) {
			for _, l := range w.visitor(d, who).opens("member.mu`who=" + about).Page.Links() {
				if strings.Contains(l.URL+l.Data, "who=") || strings.Contains(l.Data, "do=") {
					list = append(list, l.Label)
				}
			}
			return list
		}
		for _, c := range []struct {
			who, about string
			want       []string
		}{
			{"Bob", "Mod", nil},
			{"Bob", "Bob", nil},
			{"Mod", "Ann", nil},
			{"Mod", "Bob", []string{"Mute", "Kick", "Ban", "Move to another identity", "Delete all posts"}},
			{"Ann", "Mod", []string{"Mute", "Kick", "Ban", "Role and permissions", "Move to another identity", "Delete all posts"}},
		} {
			if got := labels(c.who, c.about); !slices.Equal(got, c.want) {
				t.Errorf("%s about %s: %q, want %q", c.who, c.about, got, c.want)
			}
		}
		// Who goes to a form by its address without the right to it is told so, and sees no form.
		for _, page := range []string{"kick.mu", "ban.mu", "mute.mu", "role.mu", "transfer.mu"} {
			v := w.visitor(d, "Bob").opens(page + "`who=Mod").reads("You may not do this here.")
			if len(v.Page.Fields()) > 0 {
				t.Errorf("%s shows a form", page)
			}
		}
		for _, page := range []string{"waiting.mu", "reports.mu", "bans.mu", "audit.mu"} {
			w.visitor(d, "Bob").opens(page).reads("This needs the permission")
		}
		w.visitor(d, "").opens("members.mu").reads("For this, the group has to know who you are.")
		w.visitor(d, "Eve").opens("members.mu").reads("You are not a member of this group.")
	})
}

func TestMutingAndLettingWriteAgain(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Mute")
		v.fills("for", "a while", "reason", "too loud").follows("Mute").reads("Write a time as 30m, 2h, 7d or 1w.")
		if v.Value("g_reason") != "too loud" {
			t.Error("the reason is lost")
		}
		w.is("Bob", moderation.StandingMember)
		v.fills("for", "2h").follows("Mute").reads("Bob can not write for 2 h.")
		if st := w.standing("Bob"); st.Standing != moderation.StandingMuted || st.Reason != "too loud" {
			t.Errorf("he is %+v", st)
		}
		v.follows("See, undo").reads("Muted for another 2 h: Too loud.").follows("Let write again").reads("Bob can write again.").misses("Muted")
		w.is("Bob", moderation.StandingMember)
	})
}

func TestAKickAsksAndIsUndone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Kick").fills("reason", "cool down").follows("Go on")
		v.reads("Kick Bob?", "Stays out for 1 h", "Reason: cool down")
		w.is("Bob", moderation.StandingMember)
		v.follows("No")
		if v.Value("g_reason") != "cool down" || v.Value("g_for") != "1h" {
			t.Error("the way back loses what was filled in")
		}
		v.follows("Go on", "Yes, kick").reads("Bob is removed.")
		w.is("Bob", moderation.StandingBanned)
		v.follows("See, undo").reads("Kicked", "Cool down.").misses("Bring back").follows("Lift the ban").reads("Bob may join again.").misses("Bring back")
		w.is("Bob", moderation.StandingStranger)
	})
}

func TestABanHidesPostsAndIsUndone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Ban").ticks("purge", "1", "branch", "1").fills("reason", "it's \"spam\" = bad | \\ `x`").follows("Go on")
		v.reads("Ban Bob?", "Stays out for good", "hidden from everybody", "Everybody who came by these invites")
		w.is("Bob", moderation.StandingMember)
		v.follows("Yes, ban").reads("Bob is banned.", "The posts are being hidden.")
		if st := w.standing("Bob"); st.Standing != moderation.StandingBanned || st.Reason != "it's \"spam\" = bad | \\ `x`" {
			t.Errorf("he is %+v", st)
		}
		other := w.visitor(d, "Ann").opens("member.mu`who=Bob")
		v.follows("See, undo").reads("Banned").follows("Bring back the hidden posts").reads("The posts come back")
		w.is("Bob", moderation.StandingStranger)
		v.misses("Bring back") // there is nothing more to bring back
		other.follows("Bring back the hidden posts").reads("There are no posts to bring back: that is possible for a day.")
		time.Sleep(25 * time.Hour)
		w.visitor(d, "Ann").opens("member.mu`who=" + hash("Bob").String()).misses("Bring back")
	})
}

func TestSomebodyUnknownIsBannedByHisAddress(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("moderate.mu").follows("Who is banned").reads("Nobody is banned.").follows("Ban somebody by name or address")
		v.fills("who", "nobody", "for", "1w").follows("Go on").reads("Nobody here is called")
		if v.Value("g_who") != "nobody" || v.Value("g_for") != "1w" {
			t.Error("what was typed is lost")
		}
		address := group.AddressOf(caller("Mal").Identity).String()
		v.fills("who", address).follows("Go on").reads("Ban " + address[:8] + "?").follows("Yes, ban").reads("is banned.")
		w.is("Mal", moderation.StandingBanned)
		v.follows("All bans").reads(address[:8]+" for another 7 d").follows(address[:8]).reads("Identity or address "+address, "Banned").follows("Lift the ban").reads("may join again.")
		w.is("Mal", moderation.StandingStranger)
	})
}

func TestRolesAndPermissions(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Role and permissions").follows("Change the role").reads("Choose a role.")
		v.ticks("role", "moderator").follows("Change the role").reads("Bob is moderator now.")
		if st := w.standing("Bob"); st.Role != moderation.RoleModerator {
			t.Errorf("he is %s", st.Role)
		}
		v.follows("See").reads("Bob, moderator").follows("Role and permissions").ticks("p_audit", "1")
		if err := v.Tick("g_p_ban", "1", false); err != nil {
			t.Fatal(err)
		}
		v.follows("Save the permissions").reads("Saved the permissions of Bob.").follows("See").reads("(may: delete, pin, kick, mute, approve, audit, invite)")
		v.follows("Role and permissions").ticks("role", "owner").follows("Change the role").reads("Make Bob owner?", "nobody but the operator can take that back")
		if st := w.standing("Bob"); st.Role != moderation.RoleModerator {
			t.Errorf("without the second page he is %s", st.Role)
		}
		v.follows("Yes, do it").reads("Bob is owner now.")
	})
}

func TestAMembershipMovesToANewIdentity(t *testing.T) {
	inTown(t, group.NewGroup{}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		must(w.hub.Join(t.Context(), caller("Bob again"), valley, group.JoinInput{Name: "Bob2"}))(t)
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Move to another identity").fills("to", "Bob2").follows("Go on").reads("32 hex digits")
		v.fills("to", group.AddressOf(caller("Bob again").Identity).String()).follows("Go on").reads("Give the membership of Bob to")
		w.is("Bob again", moderation.StandingPending)
		v.follows("Yes, move it").reads("The membership of Bob belongs to")
		if st := w.standing("Bob again"); st.Standing != moderation.StandingMember || st.Member.DisplayName != "Bob" {
			t.Errorf("he is %+v", st)
		}
		w.is("Bob", moderation.StandingStranger)
	})
}

func TestAllThatSomebodyWroteIsDeletedAfterASecondPage(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		for range 3 {
			must(w.hub.Post(t.Context(), caller("Bob"), valley, group.PostInput{Text: []byte("goats")}))(t)
		}
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").follows("Delete all posts").reads("Delete everything that Bob wrote?").follows("Yes, delete it all").reads("3 posts deleted.")
		v.opens("history.mu").misses("goats")
	})
}

func TestWhatHoldsForGoodIsSaidSo(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.join("Mal", 0)
		must(w.hub.Mute(t.Context(), caller("Ann"), valley, group.MuteInput{Target: hash("Bob"), Reason: "noise"}))(t)
		must(w.hub.Ban(t.Context(), caller("Ann"), valley, group.BanInput{Target: hash("Mal")}))(t)
		w.visitor(d, "Bob").opens("me.mu").reads("You can read and not write: Noise.")
		v := w.visitor(d, "Ann").opens("member.mu`who=Bob").reads("Muted: Noise.")
		v.opens("member.mu`who=" + hash("Mal").String()).reads("Banned 1 min ago.")
		v.opens("bans.mu").reads("Mal for good.")
	})
}

// A moderator is one no more while his page is open: it says that nothing was done, and not that it was.
func TestWhatWasRefusedIsNotSaidToBeDone(t *testing.T) {
	for _, f := range guardedForms() {
		if f.who != "Mod" || f.links[0] == "Go on" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, f.new)
				w.populate(t)
				v := w.visitor(micron.NomadNet, "Mod").opens(f.open).fills(f.fill...).ticks(f.tick...)
				must(w.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: hash("Mod"), Role: moderation.RoleMember}))(t)
				v.follows(f.links[0]).misses(f.done)
			})
		})
	}
}
