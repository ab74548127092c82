package pages_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"groupd/api/pages"
	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// post writes a post as somebody and returns its number.
func (w *town) post(name, text string) group.Seq {
	w.t.Helper()
	return must(w.hub.Post(w.t.Context(), caller(name), valley, group.PostInput{Text: []byte(text)}))(w.t).Seq
}

// Somebody comes who knows nothing. What follows are his questions.

func TestTheFrontShowsWhatIsThereAndNotWhatWasDeleted(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mal", 0)
		w.visitor(d, "").opens("index.mu").reads("There are no posts yet.").misses("Write something")
		w.visitor(d, "Ann").opens("index.mu").reads("There are no posts yet.").follows("Write something").reads("Write - Valley", "Your post:", "Files come by message: open the chat")
		w.post("Ann", "The bridge is open.")
		for i := range 6 {
			w.post("Mal", fmt.Sprint("Cheap antennas ", i))
		}
		must(w.hub.Delete(t.Context(), caller("Ann"), valley, group.DeleteInput{Author: hash("Mal")}))(t)
		w.visitor(d, "").opens("index.mu").reads("The bridge is open.").misses("removed", "no posts yet")
	})
}

func TestAGroupThatIsOverInvitesNobodyToJoinOrWrite(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Preset: "event", Policy: moderation.Policy{ExpiresAt: moderation.MomentOf(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC))}}, func(t *testing.T, w *town, d micron.Dialect) {
		w.post("Ann", "See you there.")
		w.visitor(d, "Eve").opens("index.mu").reads("Anybody may join.", "How to join", "It ends on 2000-01-01 12:00 UTC.")
		time.Sleep(13 * time.Hour)
		w.visitor(d, "Eve").opens("index.mu").reads("It takes no new members.", "It can be read until 2000-01-08 12:00 UTC, then it is deleted.", "See you there.").misses("Anybody may join", "How to join", "Join", "Write")
		ann := w.visitor(d, "Ann").opens("index.mu").misses("Write")
		ann.opens("post.mu").reads("This group is over.").misses("Send")
	})
}

func TestAnEstablishedCircleSaysThatNobodyNewComes(t *testing.T) {
	inTown(t, group.NewGroup{Preset: "circle", Invite: []group.AnyHash{hash("Bob")}}, func(t *testing.T, w *town, d micron.Dialect) {
		ann := w.visitor(d, "Ann").opens("index.mu").reads("New members come by invite.", "It is being formed: who has answered")
		ann.follows("who has answered").reads("This group is being formed")
		w.visitor(d, "Bob").opens("index.mu").reads("You are invited to join, and the invite ends in 6 h.").follows("Join").follows("Who else is invited")
		must(w.hub.DeclineInvite(t.Context(), caller("Bob"), valley))(t)
		ann.opens("circle.mu").reads(group.AddressOf(caller("Bob").Identity).Short() + ": has declined").follows("Establish the group").reads("The group is established. Nobody new comes.")
		ann.opens("index.mu").reads("It takes no new members.").misses("being formed", "by invite")
		w.visitor(d, "Bob").opens("index.mu").reads("It takes no new members.").misses("How to join", "Join")
	})
}

func TestWhoWaitsSeesWhatHeAskedFor(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningApprove}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Dan").opens("join.mu").fills("name", "Dan the man", "greeting", "from the ferry").follows("Join")
		v.opens("index.mu").reads("You asked to join.").follows("Your request").reads("You have asked to join")
		if v.Value("g_name") != "Dan the man" || v.Value("g_greeting") != "from the ferry" {
			t.Errorf("his request is shown as %q, %q", v.Value("g_name"), v.Value("g_greeting"))
		}
	})
}

func TestWhoGaveNoNameOrATakenOneIsToldSo(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Bob").opens("join.mu").follows("Join").reads("Welcome! You are member ", "You gave no name.").follows("Choose one")
		v.fills("name", "Bob").follows("Save").reads("You are Bob")
		w.visitor(d, "Eve").opens("join.mu").fills("name", "ann").follows("Join").reads("Welcome! You are ann 2.", "is taken").follows("Choose another").reads("You are ann 2")
		w.visitor(d, "Fay").opens("join.mu").fills("name", " Fay ").follows("Join").reads("Welcome! You are Fay.").misses("taken", "no name")
	})
}

func TestTheHistorySaysWhoHasANewName(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		for _, name := range []string{"Robert", "Rob"} {
			must(w.hub.UpdateProfile(t.Context(), caller("Bob"), valley, group.ProfileInput{Name: &name}))(t)
		}
		w.visitor(d, "Ann").opens("history.mu").reads("Rob was called Robert for a while.", "Rob has a new name.", "Ann is owner now.").misses("by Ann")
	})
}

func TestWhoIsNotFoundIsLookedForAgain(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("members.mu").fills("who", "Bbo").follows("Find").reads("Nobody here is called \"Bbo\".")
		if v.Value("g_who") != "Bbo" {
			t.Errorf("what was typed is lost: %q", v.Value("g_who"))
		}
		v.fills("who", "Ann").follows("Find").reads("Ann, owner")
		w.visitor(d, "Ann").opens("member.mu").follows("All members").reads("1 member")
	})
}

func TestWhoComesBackHasHisNameAndIsNotToldThatHeHasNone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Bob").opens("leave.mu").follows("Yes, leave")
		v.opens("join.mu").fills("name", "").follows("Join").reads("Welcome! You are Bob.").misses("no name", "taken")
		w.visitor(d, "Eve").opens("join.mu").fills("name", "...").follows("Join").reads("Welcome! You are member ", "You gave no name.").misses("taken")
	})
}

func TestWhereNamesAreFixedNobodyIsSentToChooseAnother(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Policy: moderation.Policy{FixedNames: true}}, func(t *testing.T, w *town, d micron.Dialect) {
		w.visitor(d, "Eve").opens("join.mu").fills("name", "ann").follows("Join").reads("You are ann 2.", "is taken. Members of this group keep the name they joined with.").misses("Choose another")
	})
}

// Spam is deleted, and so much of it that nothing of what was before is among the last entries: then nobody says that nothing ever was.
func TestAGroupWhoseLastPostsWereDeletedIsNotSaidToHaveNone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mal", 0)
		w.post("Ann", "The bridge is open.")
		for i := range 25 {
			time.Sleep(time.Minute)
			w.post("Mal", fmt.Sprint("Cheap antennas ", i))
		}
		must(w.hub.Delete(t.Context(), caller("Ann"), valley, group.DeleteInput{Author: hash("Mal")}))(t)
		for _, who := range []string{"", "Ann"} {
			w.visitor(d, who).opens("index.mu").reads("The last posts were deleted.").misses("no posts yet").follows("What there was before")
		}
	})
}

func TestWhoSeesPostsOnlySinceHeJoinedIsNotToldThatThereAreNone(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Policy: moderation.Policy{History: moderation.HistoryStay}}, func(t *testing.T, w *town, d micron.Dialect) {
		w.post("Ann", "The bridge is open.")
		w.join("Bob", 0)
		w.visitor(d, "Bob").opens("index.mu").reads("There are no posts since you joined. Write something").misses("bridge", "yet")
		w.visitor(d, "").opens("index.mu").misses("bridge", "no posts yet")
	})
}

func TestAClosedGroupTellsNobodyHowToJoin(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, Joining: moderation.JoiningClosed, Policy: moderation.Policy{JoinCost: 12}}, func(t *testing.T, w *town, d micron.Dialect) {
		for _, who := range []string{"", "Eve"} {
			w.visitor(d, who).opens("index.mu").misses("Join", "/join").opens("join.mu").reads("takes no new members now").misses("/join", "work")
		}
	})
}

// The owner of a group that is closed from the start finds where to type his code.
func TestAClosedGroupWithoutAnOwnerCanBeClaimedOnItsPages(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		g := must(w.hub.CreateGroup(t.Context(), operator(), group.NewGroup{PublicName: "Hut", Public: true, Joining: moderation.JoiningClosed}))(t)
		w.server = must(pages.New(pages.Config{Hub: w.hub, Group: g.ID, Address: g.Address, Version: "0.3.0", Logger: slog.New(loud{t})}))(t)
		w.visitor(d, "Bob").opens("index.mu").reads("It takes no new members.", "It has no owner yet").follows("Join", "Claim it with the code").reads("Become the owner")
	})
}

func TestWhoBringsBackPostsAfterABanIsNotToldOfOne(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Mal", 0)
		w.post("Mal", "It was not me.")
		must(w.hub.Ban(t.Context(), caller("Ann"), valley, group.BanInput{Target: hash("Mal"), Purge: true}))(t)
		must(w.hub.Unban(t.Context(), caller("Ann"), valley, hash("Mal")))(t)
		w.visitor(d, "Ann").opens("member.mu`who="+hash("Mal").String()).follows("Bring back the hidden posts").reads("The posts come back.").misses("ban is lifted", "Bring back")
	})
}
