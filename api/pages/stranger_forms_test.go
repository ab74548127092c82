package pages_test

import (
	"fmt"
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// What somebody types who does not know yet what a form wants, and forms that would lead nowhere.

func TestAWrongTimeIsNamedByWhatItIsFor(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("me.mu").follows("How I am told what is new").reads("How I am told", "not NomadNet, MeshChat or Sideband")
		v.fills("digest", "often").follows("Save").reads("Write how often you want all in one message as 2h, 6h or 1d.")
		v.fills("digest", "6h", "pause", "long").follows("Save").reads("Write the pause as on, off, or a time as 12h, 3d or 1w.")
		v.fills("pause", "3d").follows("Save").reads("Saved.")
	})
}

func TestABanOfNobodyAsksWhom(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.visitor(d, "Ann").opens("ban.mu").misses("Say who").fills("reason", "ads").follows("Go on").reads("Say who: a name, or the first digits of an address.", "ads")
	})
}

func TestWhoMayInviteNobodyIsToldSo(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningInvite}, func(t *testing.T, w *town, d micron.Dialect) {
		code := must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{}))(t).Code
		must(w.hub.Join(t.Context(), caller("Bob"), valley, group.JoinInput{Name: "Bob", Code: code}))(t)
		w.visitor(d, "Bob").opens("invites.mu").reads("You can invite nobody to this group.", "There are no invites")
		w.visitor(d, "Ann").opens("invites.mu").reads("There are no invites that still hold.").misses("You can invite nobody").fills("who", "Zed").follows("Make an invite").reads("Nobody whom you know here is called \"Zed\": write the whole address.")
	})
}

func TestAnInviteIsListedByTheAddressThatPeopleKnow(t *testing.T) {
	inTown(t, group.NewGroup{Joining: moderation.JoiningInvite, Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		code := must(w.hub.CreateInvite(t.Context(), caller("Ann"), valley, group.InviteInput{}))(t).Code
		must(w.hub.Join(t.Context(), caller("Bob"), valley, group.JoinInput{Name: "Bob", Code: code}))(t)
		must(w.hub.Leave(t.Context(), caller("Bob"), valley))(t)
		v := w.visitor(d, "Ann").opens("invites.mu").fills("who", "Bob").follows("Make an invite").reads("1 invite sent.", "Bob: invite 2, ends in 7 d.")
		v.follows("All invites").reads("2: for " + group.AddressOf(caller("Bob").Identity).String()[:12])
	})
}

func TestAnEmptyReactionSaysWhatToWrite(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		seq := w.post("Ann", "hello")
		v := w.visitor(d, "Ann").opens("entry.mu`seq=" + fmt.Sprint(seq)).follows("React").reads("Write an emoji or a short word into the field")
		v.fills("reaction", "+1").follows("React").reads("Your reaction is there.", "+1 1")
	})
}

func TestNoFormIsShownThatCanNotBeSent(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		seq := w.post("Ann", "hello")
		said := must(w.hub.Post(t.Context(), operator(), valley, group.PostInput{Text: []byte("The server moves.")}))(t).Seq
		w.visitor(d, "Bob").opens("post.mu`edit=" + fmt.Sprint(seq)).reads("Only who wrote a post can change its text.").misses("Send")
		w.visitor(d, "Ann").opens("entry.mu`seq=" + fmt.Sprint(said)).reads("Answer").misses("Delete") // it is the operator's
		must(w.hub.Mute(t.Context(), caller("Ann"), valley, group.MuteInput{Target: hash("Bob"), Duration: 2 * time.Hour, Reason: "too loud"}))(t)
		w.visitor(d, "Bob").opens("post.mu").reads("You can read and not write for another 2 h: too loud.", "Send")
		must(w.hub.UpdateSettings(t.Context(), caller("Ann"), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.ReadOnly = true }}))(t)
		must(w.hub.Unmute(t.Context(), caller("Ann"), valley, hash("Bob")))(t)
		w.visitor(d, "Bob").opens("post.mu").reads("Only the staff of this group write here").misses("Send")
		w.visitor(d, "Ann").opens("post.mu").reads("Send")
	})
}

func TestWhoMovesToANewIdentityIsToldHow(t *testing.T) {
	for _, c := range []struct {
		joining moderation.Joining
		want    string
	}{
		{moderation.JoiningOpen, "let that identity join and leave, then ask a moderator"},
		{moderation.JoiningApprove, "let that identity ask to join first"},
	} {
		inTown(t, group.NewGroup{Public: true, Joining: c.joining}, func(t *testing.T, w *town, d micron.Dialect) {
			w.join("Bob", 0)
			v := w.visitor(d, "Bob").opens("me.mu").follows("Move to another identity")
			v.fills("to", group.AddressOf(caller("Bobby").Identity).String()).follows("Go on", "Yes, move it").reads(c.want)
		})
	}
}

func TestWhoHasJustMadeAGroupIsToldWhenTheNextCanBe(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("create.mu").fills("title", "Hill").follows("Make it").reads("It is made, and yours.", "before you have identified there")
		v.opens("groups.mu").follows("Make a group of your own").reads("Try again in")
	})
}

func TestRolesSayWhatTheyAreFor(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.visitor(d, "Ann").opens("role.mu`who=Bob").reads("moderator: keeps order among members and posts", "owner: everything, and for good")
	})
}

func TestOlderFindingsHaveAWayBackToTheNewest(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		for i := range 40 {
			w.post("Ann", fmt.Sprint("The bridge is closed on day ", i, " and the ferry goes at noon, from the lower landing as always"))
		}
		v := w.visitor(d, "Ann").opens("history.mu").fills("q", "ferry").follows("Search").reads("on day 39").misses("Newest")
		v.follows("Older").misses("on day 39").follows("Newest").reads("on day 39")
	})
}
