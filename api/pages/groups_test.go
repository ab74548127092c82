package pages_test

import (
	"strings"
	"testing"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

func TestAMemberMakesAGroupOfHisOwn(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		v := w.visitor(d, "Bob").opens("me.mu").follows("Groups here").reads("Valley (this one)").follows("Make a group of your own")
		v.ticks("kind", "private").fills("title", "Smugglers", "private", "The Pass", "topic", "at night", "end", "never").follows("Make it").reads("Write the end as")
		if v.Value("g_title") != "Smugglers" || v.Value("g_kind") != "private" {
			t.Error("what was typed is lost")
		}
		v.fills("end", "").follows("Make it").reads("It is made, and yours.")
		var made group.Info
		for _, g := range must(w.hub.Groups(t.Context(), caller("Bob")))(t) {
			if g.Group != valley {
				made = g
			}
		}
		if made.PrivateName != "The Pass" || made.Topic != "at night" || made.Joining != moderation.JoiningApprove || made.You.Role != moderation.RoleOwner || made.You.Member.DisplayName != "Bob" {
			t.Errorf("made is %+v", made)
		}
		if !strings.Contains(string(v.Raw), "lxmf@"+made.Address.String()) {
			t.Errorf("no link to write to it:\n%s", v.Raw)
		}
		v.opens("groups.mu").reads("The Pass, you are member, 1 member: at night")
		w.visitor(d, "Ann").opens("groups.mu").misses("The Pass", "Smugglers", "Private Group")
		w.visitor(d, "Eve").opens("groups.mu").misses("Make a group").opens("create.mu").misses("Make it")
		w.visitor(d, "").opens("create.mu").misses("Make it")
		v.opens("kinds.mu").reads("equal: Nobody is in charge")
	})
}

func TestAGroupIsMadeAgainWithoutSomebody(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		for _, name := range []string{"Bob", "Eve", "Mal"} {
			w.join(name, 0)
		}
		v := w.visitor(d, "Ann").opens("groups.mu").follows("Make one like this, without some members")
		v.fills("title", "Quiet Valley", "without", "Mal, Nobody").follows("Make it").reads("Nobody here is called \"Nobody\".")
		if v.Value("g_without") != "Mal, Nobody" {
			t.Error("what was typed is lost")
		}
		v.fills("without", "Mal").follows("Make it").reads("tick the box")
		if n := len(must(w.hub.Groups(t.Context(), operator()))(t)); n != 1 {
			t.Fatalf("%d groups without the tick", n)
		}
		v.ticks("sure", "1").follows("Make it").reads("It is made, and yours.", "2 members invited, 1 left out.")
		w.visitor(d, "Eve").opens("groups.mu").reads("you are invited")
		w.visitor(d, "Mal").opens("groups.mu").misses("Quiet Valley")
		w.visitor(d, "Eve").opens("clone.mu").reads("You may not do this here.")
	})
}

func TestTheOwnerDeletesTheGroupByItsName(t *testing.T) {
	inTown(t, group.NewGroup{Public: true, PublicName: "Valley [old]"}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		w.visitor(d, "Bob").opens("delete.mu").reads("You may not do this here.")
		v := w.visitor(d, "Ann").opens("groups.mu").follows("Delete this group").reads("Delete this group for everybody?").follows("Yes, delete the group").reads("That is not the name of this group.")
		v.fills("title", "Valley [old]").follows("Yes, delete the group").reads("The group is deleted.")
		if n := len(must(w.hub.Groups(t.Context(), operator()))(t)); n != 0 {
			t.Errorf("%d groups are left", n)
		}
		v.opens("index.mu").reads("No such group.")
	})
}

func TestACircleIsFormedOnPages(t *testing.T) {
	inTown(t, group.NewGroup{Preset: "circle"}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("invites.mu")
		for _, name := range []string{"Bob", "Eve"} {
			v.opens("invites.mu").fills("who", group.AddressOf(caller(name).Identity).String()).follows("Make an invite").reads("It was sent.")
		}
		v.opens("me.mu").follows("How this group is formed").reads("is being formed", "asked, answers within 6 h").misses("Establish the group")
		w.visitor(d, "Bob").opens("join.mu").reads("You are invited").follows("Who else is").reads("asked").opens("join.mu").fills("name", "Bob").follows("Join").reads("Welcome! You are Bob.")
		w.visitor(d, "Eve").opens("join.mu").follows("Decline the invite").reads("You have declined the invite.")
		v.opens("circle.mu").reads("Bob: accepted", "refused").follows("Establish the group").reads("The group is established.")
	})
}
