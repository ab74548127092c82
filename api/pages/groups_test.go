package pages_test

import (
	"slices"
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
		v.fills("end", "", "invite", group.AddressOf(caller("Gus").Identity).String()).follows("Make it").reads("It is made, and yours.")
		w.visitor(d, "Gus").opens("groups.mu").reads("Smugglers, you are invited")
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
		v.opens("groups.mu").reads("The Pass, you are in it, 1 member: at night")
		w.visitor(d, "Ann").opens("groups.mu").misses("The Pass", "Smugglers", "Private Group")
		w.visitor(d, "Eve").opens("groups.mu").misses("Make a group").opens("create.mu").misses("Make it")
		w.visitor(d, "").opens("create.mu").misses("Make it")
		v.opens("kinds.mu").reads("equal: Nobody is in charge")
	})
}

// TestTheNameOfAPrivateGroupMadeOnThePageIsForMembers: where its kind hides names, one name is not for strangers.
func TestTheNameOfAPrivateGroupMadeOnThePageIsForMembers(t *testing.T) {
	for kind, want := range map[string][2]string{
		"private": {"Private Group", "Cottles"}, "circle": {"Private Group", "Cottles"}, "equal": {"Private Group", "Cottles"},
		"public": {"Cottles", ""}, "announcements": {"Cottles", ""},
	} {
		inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
			w.join("Bob", 0)
			w.visitor(d, "Bob").opens("create.mu").ticks("kind", kind).fills("title", "Cottles").follows("Make it").reads("It is made, and yours.")
			for _, g := range must(w.hub.Groups(t.Context(), caller("Bob")))(t) {
				if g.Group != valley && (g.PublicName != want[0] || g.PrivateName != want[1]) {
					t.Errorf("%s: strangers see %q, members %q", kind, g.PublicName, g.PrivateName)
				}
			}
		})
	}
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
			v.opens("invites.mu").fills("who", group.AddressOf(caller(name).Identity).String()).follows("Make an invite").reads("1 invite sent.")
		}
		v.opens("me.mu").follows("How this group is formed").reads("is being formed", ": has not answered yet, and can within 6 h").misses("Establish the group")
		w.visitor(d, "Bob").opens("join.mu").reads("You are invited").follows("Who else is invited").reads("has not answered yet").opens("join.mu").fills("name", "Bob").follows("Join").reads("Welcome! You are Bob.")
		w.visitor(d, "Eve").opens("join.mu").follows("Decline the invite").reads("You have declined the invite.")
		v.opens("circle.mu").reads("Bob: has accepted", ": has declined").follows("Establish the group").reads("The group is established.")
	})
}

func TestKindsOfGroupsAreMadeOnPages(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		for _, name := range []string{"Bob", "Eve", "Gus"} {
			w.join(name, 0)
		}
		made := func(who string) (found group.Info) {
			for _, g := range must(w.hub.Groups(t.Context(), caller(who)))(t) {
				if g.Group != valley {
					found = g
				}
			}
			return found
		}
		v := w.visitor(d, "Bob").opens("create.mu").ticks("kind", "event").fills("title", "Feast").follows("Make it").misses("It is made")
		v.fills("end", "3d").follows("Make it").reads("It is made, and yours.")
		if g := made("Bob"); g.Preset != "event" || g.Policy.ExpiresAt == 0 || !g.Public {
			t.Errorf("the event is %+v", g)
		}
		address := func(name string) string { return group.AddressOf(caller(name).Identity).String() }
		v = w.visitor(d, "Gus").opens("create.mu").ticks("kind", "circle").fills("title", "Four", "invite", "Eve, "+address("Dan")).follows("Make it").reads("Nobody whom you know here is called", "write the whole address") // they never wrote with each other
		for _, name := range []string{"Gus", "Eve"} {
			must(w.hub.Post(t.Context(), caller(name), valley, group.PostInput{Text: []byte("hello from " + name)}))(t)
		}
		v.fills("invite", "Eve, "+address("Dan")+" "+address("Bob")).follows("Make it").reads("It is made, and yours.")
		for _, name := range []string{"Dan", "Bob"} {
			if !slices.ContainsFunc(must(w.hub.Groups(t.Context(), caller(name)))(t), func(g group.Info) bool { return g.PublicName == "Private Group" }) {
				t.Errorf("%s is not invited", name)
			}
		}
		if g := made("Eve"); !g.Forming || g.PublicName != "Private Group" || g.You.Standing != moderation.StandingInvited {
			t.Errorf("the circle is %+v", g)
		}
		if !slices.Contains(v.Labels(), "Open its pages") {
			t.Errorf("no link to its pages: %q", v.Labels())
		}
	})
}

// In a group without staff pages offer nothing that its members can not do to each other.
func TestPagesOfAGroupWhereNobodyIsInCharge(t *testing.T) {
	inTown(t, group.NewGroup{Preset: "equal"}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "Ann").opens("invites.mu").misses("( ) moderator").follows("Make an invite").reads("The code is shown only now:")
		code := v.Lines()[slices.Index(v.Lines(), "The code is shown only now:")+2]
		bob := w.visitor(d, "Bob").opens("join.mu").fills("name", "Bob", "code", code).follows("Join").reads("Welcome! You are Bob.")
		bob.opens("member.mu`who=Ann").reads("Ann, member").misses("Kick", "Ban", "Mute", "Delete all posts", "Role")
		v.opens("member.mu`who=Bob").misses("Kick", "Ban", "Mute", "Delete all posts", "Role")
		for _, page := range []string{"kick.mu", "ban.mu", "mute.mu", "role.mu"} {
			v.opens(page + "`who=Bob")
			if len(v.Page.Fields()) > 0 {
				t.Errorf("%s shows a form:\n%s", page, v.Text())
			}
		}
		bob.opens("names.mu").misses("Public name").fills("topic", "ours").follows("Save").reads("Saved.")
		if v.opens("settings.mu"); slices.Contains(v.Labels(), "joining") {
			t.Error("settings that never change have links to change them")
		}
		v.opens("setting.mu`key=joining")
		if len(v.Page.Fields()) > 0 {
			t.Error("a setting that never changes has a form")
		}
		v.opens("delete.mu").misses("Yes, delete the group")
	})
}
