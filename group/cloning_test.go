package group_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestACloneInvitesEverybodyButThoseWhoAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}), func(n *group.NewGroup, _ *group.Config) {
			n.PublicName, n.PrivateName, n.Topic = "Valley Net", "", "goats"
			n.Policy = moderation.Policy{SlowMode: 30}
		})
		ctx, cancel := context.WithCancel(t.Context())
		ann, bob, mod := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember), h.joined("Mod", moderation.RoleModerator)
		mal, gone, shy := h.joined("Mal", moderation.RoleAdmin), h.joined("Gone", moderation.RoleMember), h.joined("Shy", moderation.RoleMember)
		must(h.hub.Leave(ctx, gone, valley))(t)
		must(h.hub.BlockInvites(ctx, shy, valley, false))(t)
		h.post(bob, "an old secret")
		must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(person("Eve"))}))(t)

		refused(t, "a member where admins may", second(h.hub.CloneGroup(ctx, bob, valley, group.CloneInput{})), group.KindDenied)
		refused(t, "who is nobody", second(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Without: []group.AnyHash{hash(person("Mall"))}})), group.KindNotFound)
		refused(t, "who has left", second(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Without: []group.AnyHash{hash(gone)}})), group.KindNotFound)
		refused(t, "himself", second(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Without: []group.AnyHash{hash(ann)}})), group.KindInvalid)
		refused(t, "too many", second(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Without: make([]group.AnyHash, group.MaxLeftOut+1)})), group.KindTooLarge)

		clone := must(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Valley Two", Without: []group.AnyHash{group.AnyHash(group.AddressOf(mal.Identity))}}))(t)
		id := clone.Group.ID
		if clone.Invited != 3 || clone.LeftOut != 1 || clone.More {
			t.Errorf("%+v", clone)
		}
		in := must(h.hub.Info(ctx, ann, id))(t)
		if in.Public || in.PublicName != "Private Group" || in.PrivateName != "Valley Two" || in.Topic != "goats" || in.Joining != moderation.JoiningApprove ||
			in.Policy.SlowMode != 30 || in.Policy.Announce != moderation.AnnounceOff || in.Members != 1 || in.You.Role != moderation.RoleOwner || in.You.Member.DisplayName != "Ann" {
			t.Errorf("the clone is %+v", in)
		}
		if got := h.lists(mal); !slices.Equal(got, []string{"Valley Net"}) {
			t.Errorf("who is left out sees %v", got)
		}
		if got := h.lists(bob); !slices.Equal(got, []string{"Private Group", "Valley Net"}) {
			t.Errorf("who is invited sees %v", got)
		}
		refused(t, "nobody is a member before he joins", second(h.hub.Messages(ctx, bob, id, group.Query{Newest: true})), group.KindNotMember)

		// All but the shy one are told, by the clone, in Run.
		sent := h.mail()
		go h.hub.Run(ctx)
		time.Sleep(10 * time.Second)
		who := sent()
		if len(who) != 2 || !slices.Contains(who, hash(bob)) || !slices.Contains(who, hash(mod)) {
			t.Errorf("told %v", who)
		}
		time.Sleep(time.Hour)
		if again := sent(); len(again) > 0 {
			t.Errorf("told again: %v", again)
		}
		for _, c := range []struct {
			who  group.Caller
			want moderation.Role
		}{{bob, moderation.RoleMember}, {mod, moderation.RoleModerator}, {shy, moderation.RoleMember}} {
			if r := must(h.hub.Join(ctx, c.who, id, group.JoinInput{}))(t); r.Standing != moderation.StandingMember || r.Member.Role != c.want {
				t.Errorf("joined as %+v", r)
			}
		}
		if r := must(h.hub.Join(ctx, mal, id, group.JoinInput{Name: "Mal"}))(t); r.Standing != moderation.StandingPending {
			t.Errorf("who was left out and knows the address is %v", r.Standing)
		}
		if p := must(h.hub.Messages(ctx, bob, id, group.Query{Newest: true, NoEvents: true}))(t); len(p.Entries) != 0 {
			t.Errorf("posts went along: %v", p.Entries)
		}
		must(h.hub.Join(ctx, person("Eve"), id, group.JoinInput{Name: "Eve"}))(t) // banned in the original alone
		cancel()
		synctest.Wait()
	})
}

func TestWhatACloneIsCalled(t *testing.T) {
	public := true
	for _, test := range []struct {
		what           string
		private        string // name of the original
		in             group.CloneInput
		without        bool
		wantPublic     string
		wantPrivate    string
		everybodyFinds bool
	}{
		{"a public group, as it is", "", group.CloneInput{}, false, "Valley Net", "", true},
		{"by another name", "", group.CloneInput{Name: "Two"}, false, "Two", "", true},
		{"by two names", "", group.CloneInput{Name: "Two", PrivateName: "Us"}, false, "Two", "Us", true},
		{"a group that hides its name", "Family", group.CloneInput{}, false, "Valley Net", "Family", true},
		{"a group that hides its name, by another", "Family", group.CloneInput{Name: "Two"}, false, "Valley Net", "Two", true},
		{"without somebody", "", group.CloneInput{}, true, "Private Group", "Valley Net", false},
		{"without somebody, by another name", "", group.CloneInput{Name: "Two"}, true, "Private Group", "Two", false},
		{"without somebody, by two names", "", group.CloneInput{Name: "Two", PrivateName: "Us"}, true, "Two", "Us", false},
		{"a group that hides its name, with another for members alone", "Family", group.CloneInput{PrivateName: "Us"}, false, "Valley Net", "Us", true},
		{"a group that hides its name, without somebody, with another for members alone", "Family", group.CloneInput{PrivateName: "Us"}, true, "Private Group", "Us", false},
		{"a group that hides its name, by two names", "Family", group.CloneInput{Name: "Two", PrivateName: "Us"}, false, "Two", "Us", true},
		{"without somebody, with another for members alone", "", group.CloneInput{PrivateName: "Us"}, true, "Private Group", "Us", false},
		{"a group that hides its name, for all to see", "Family", group.CloneInput{Public: &public}, false, "Valley Net", "Family", true},
		{"without somebody, for all to see", "", group.CloneInput{Name: "Two", Public: &public}, true, "Two", "", true},
	} {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}), func(n *group.NewGroup, _ *group.Config) {
			n.PublicName, n.PrivateName = "Valley Net", test.private
		})
		ann, mal := h.joined("Ann", moderation.RoleOwner), h.joined("Mal", moderation.RoleMember)
		if test.without {
			test.in.Without = []group.AnyHash{hash(mal)}
		}
		g := must(h.hub.CloneGroup(t.Context(), ann, valley, test.in))(t).Group
		if g.PublicName != test.wantPublic || g.PrivateName != test.wantPrivate || g.Public != test.everybodyFinds {
			t.Errorf("%s: %q, %q, public %v", test.what, g.PublicName, g.PrivateName, g.Public)
		}
	}
}

func TestOfALargeGroupStaffAndThoseHeardLastAreInvitedToAClone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}), func(n *group.NewGroup, cfg *group.Config) {
			n.Policy.CostCeiling, cfg.Limits.GroupJoinRate = 1, moderation.Rate{Burst: -1}
		})
		ann, mod := h.joined("Ann", moderation.RoleOwner), h.joined("Mod", moderation.RoleModerator)
		first := h.joined("m0", moderation.RoleMember)
		for i := range group.MaxCloned {
			time.Sleep(time.Second)
			h.joined(fmt.Sprint("m", i+1), moderation.RoleMember)
		}
		clone := must(h.hub.CloneGroup(t.Context(), ann, valley, group.CloneInput{}))(t)
		if clone.Invited != group.MaxCloned || !clone.More {
			t.Fatalf("%+v", clone)
		}
		for _, c := range []struct {
			who  string
			c    group.Caller
			want moderation.Standing
		}{
			{"staff", mod, moderation.StandingInvited}, {"who was heard last", person(fmt.Sprint("m", group.MaxCloned)), moderation.StandingInvited},
			{"who was heard longest ago", first, moderation.StandingStranger},
		} {
			if st := must(h.hub.Standing(t.Context(), c.c, clone.Group.ID))(t); st.Standing != c.want {
				t.Errorf("%s is %v", c.who, st.Standing)
			}
		}
	})
}

func TestWhoIsInvitedToACloneIsToldBitByBitAndNotTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}))
		ann := h.joined("Ann", moderation.RoleOwner)
		for i := range 40 {
			time.Sleep(10 * time.Minute)
			h.joined(fmt.Sprint("m", i), moderation.RoleMember)
		}
		clone := must(h.hub.CloneGroup(t.Context(), ann, valley, group.CloneInput{Name: "Two"}))(t)
		sent := h.mail()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.hub.Run(ctx) }()
		time.Sleep(3 * time.Minute)
		if n := len(sent()); n < 30 || n > 33 {
			t.Errorf("%d are told at first", n)
		}
		cancel() // and off for more than a week
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		must(h.hub.CreateInvite(t.Context(), ann, clone.Group.ID, group.InviteInput{Duration: 90 * 24 * time.Hour}))(t)
		time.Sleep(8 * 24 * time.Hour)
		ctx, cancel = context.WithCancel(t.Context())
		go func() { done <- h.hub.Run(ctx) }()
		time.Sleep(time.Minute)
		if err := h.hub.ConfirmClock(t.Context(), operator()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if late := sent(); len(late) != 0 {
			t.Errorf("%d are told of invites that have ended", len(late))
		}
		cancel()
		<-done
	})
}

// TestACloneCountsAsAGroupThatOneHasMade: who has as many as he may clones no more, nor does anybody where there are too many.
func TestACloneCountsAsAGroupThatOneHasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers, PerPerson: 2, Max: 6, Cooldown: time.Minute}))
		ann, bob, cy := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleOwner), h.joined("Cy", moderation.RoleOwner)
		clone := func(c group.Caller) error {
			time.Sleep(time.Hour)
			_, err := h.hub.CloneGroup(t.Context(), c, valley, group.CloneInput{})
			return err
		}
		h.makes(ann, "Hers")
		for _, err := range []error{clone(ann), clone(bob), clone(bob)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if e := refused(t, "a third one", clone(bob), group.KindFull); e.Limit != 2 {
			t.Errorf("at most %d", e.Limit)
		}
		if err := clone(cy); err != nil {
			t.Fatal(err)
		}
		if e := refused(t, "one too many", clone(cy), group.KindFull); e.Limit != 6 {
			t.Errorf("at most %d", e.Limit)
		}
		if n := len(h.lists(operator())); n != 6 {
			t.Errorf("%d groups", n)
		}
	})
}

// TestWhatAnAdminClonesHasNoRanks but his own: roles are an owner's to hand on. Whom he left behind a closed door is invited all the same.
func TestWhatAnAdminClonesHasNoRanks(t *testing.T) {
	h := newHouse(t, open, lets(group.Creating{Who: moderation.CreatingMembers}))
	ctx := t.Context()
	ann, ada, mod := h.joined("Ann", moderation.RoleOwner), h.joined("Ada", moderation.RoleAdmin), h.joined("Mod", moderation.RoleModerator)
	must(h.hub.UpdateSettings(ctx, ann, valley, group.SettingsInput{Joining: ptr(moderation.JoiningClosed)}))(t)
	g := must(h.hub.CloneGroup(ctx, ada, valley, group.CloneInput{Name: "Two"}))(t).Group
	if g.Joining != moderation.JoiningInvite {
		t.Errorf("joining: %s", g.Joining)
	}
	for _, c := range []group.Caller{ann, mod} {
		if r := must(h.hub.Join(ctx, c, g.ID, group.JoinInput{}))(t); r.Member.Role != moderation.RoleMember {
			t.Errorf("joined as %s", r.Member.Role)
		}
	}
	if st := must(h.hub.Standing(ctx, ada, g.ID))(t); st.Role != moderation.RoleOwner {
		t.Errorf("who made it is %s", st.Role)
	}
}
