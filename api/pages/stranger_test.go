package pages_test

import (
	"fmt"
	"testing"
	"time"

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
		w.visitor(d, "Bob").opens("index.mu").reads("You are invited to join for another 6 h.").follows("Join").follows("Who else is invited")
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
