package group_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// TestADeclineThatIsRepeatedIsAnsweredAgain with the same client id.
func TestADeclineThatIsRepeatedIsAnsweredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		sub := h.hub.Subscribe(64)
		r := h.forms(people[0], hash(people[1]))
		bob := people[1]
		bob.ClientID = []byte("no")
		must(r.hub.DeclineInvite(t.Context(), bob, r.id))(t)
		if c := must(r.hub.DeclineInvite(t.Context(), bob, r.id))(t); !c.Repeated {
			t.Error("it was done twice")
		}
		told := 0
		for len(sub.Events()) > 0 {
			if e := <-sub.Events(); e.Kind == group.EventAnswered {
				told++
				if e.Who != people[0].Identity || !e.Declined || !e.Forming || e.Left != 0 || e.Target != hash(bob) {
					t.Errorf("%+v", e)
				}
			}
		}
		if told != 1 {
			t.Errorf("the creator is told %d times", told)
		}
	})
}

// TestWhoFormsACircleSendsMoreInvitesThanOthers: nine, and some in the place of who declines.
func TestWhoFormsACircleSendsMoreInvitesThanOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.talk("Ann")[0]
		r := h.forms(ann)
		send := func(i int) error {
			_, err := r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(person(fmt.Sprint("P", i))), Send: true})
			return err
		}
		for i := range 15 {
			if err := send(i); err != nil {
				t.Fatal(i, err)
			}
			must(r.hub.DeclineInvite(t.Context(), person(fmt.Sprint("P", i)), r.id))(t)
		}
		refused(t, "one more", send(15), group.KindRateLimited)
	})
}

// TestWhoCanBeInvitedByName: with whom the inviter has exchanged messages here, as far as both still are where they did.
func TestWhoCanBeInvitedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy")
		ann, bob, cy := people[0], people[1], people[2]
		dan := h.joined("Dan", moderation.RoleMember) // has written nothing
		eve := h.joined("Eve", moderation.RoleMember)
		h.post(eve, "hello, all") // nobody has written since
		r := h.forms(ann)
		find := func(text string) error {
			_, err := r.hub.Resolve(t.Context(), ann, r.id, text, group.AmongAcquaintances)
			return err
		}
		if err := find("bob"); err != nil {
			t.Error(err)
		}
		if err := find(group.AddressOf(bob.Identity).String()[:6]); err != nil {
			t.Error("by the beginning of his address:", err)
		}
		refused(t, "who has written nothing", find("Dan"), group.KindNotFound)
		refused(t, "who has written when nobody else did", find("Eve"), group.KindNotFound)
		refused(t, "oneself", find("Ann"), group.KindNotFound)
		picked := func(c group.Caller) error {
			_, err := r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(c), Picked: true})
			return err
		}
		if err := picked(bob); err != nil {
			t.Error(err)
		}
		refused(t, "by his name, who has written nothing", picked(dan), group.KindDenied)
		refused(t, "by his name, to whom nobody has written", picked(eve), group.KindDenied)
		h.post(ann, "welcome, Eve")
		if err := picked(eve); err != nil {
			t.Error("now they have exchanged messages:", err)
		}
		must(h.hub.Leave(t.Context(), cy, valley))(t)
		refused(t, "who is there no more", picked(cy), group.KindDenied)
		refused(t, "who is there no more, by name", find("Cy"), group.KindNotFound)
		if _, err := r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(cy)}); err != nil {
			t.Error("by his whole address:", err)
		}
		// Where only those can be invited, an address is not enough.
		met := moderation.InviteMet
		must(r.hub.UpdateSettings(t.Context(), ann, r.id, group.SettingsInput{Change: func(p *moderation.Policy) { p.InviteTo = met }}))(t)
		_, err := r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(dan)})
		refused(t, "by his address alone", err, group.KindDenied)
	})
}

// TestWhoHasLeftAGroupKnowsNobodyFromThere: he invites none of its people by name, nor finds them, before he is back and they have written.
func TestWhoHasLeftAGroupKnowsNobodyFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		ann, bob := people[0], people[1]
		r := h.forms(ann)
		knows := func() error {
			_, err := r.hub.Resolve(t.Context(), ann, r.id, "Bob", group.AmongAcquaintances)
			_, invited := r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(bob), Picked: true})
			if (err == nil) != (invited == nil) {
				t.Errorf("finding him: %v, inviting him: %v", err, invited)
			}
			return invited
		}
		must(h.hub.Leave(t.Context(), ann, valley))(t)
		refused(t, "from where she is no more", knows(), group.KindDenied)
		must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{}))(t)
		refused(t, "back, before he has written", knows(), group.KindDenied)
		h.post(bob, "welcome back")
		if err := knows(); err != nil {
			t.Error("back, when he has written:", err)
		}
	})
}

// TestOnlyWhatTheOtherCanHaveReadCountsAsExchanged: what was written since he joined, from the first entry on, and is still kept.
func TestOnlyWhatTheOtherCanHaveReadCountsAsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.joined("Ann", moderation.RoleMember)
		h.post(ann, "is anybody here?")
		bob := h.joined("Bob", moderation.RoleMember)
		r, of := h.forms(ann), h.forms(bob)
		knows := func(r ring, c, other group.Caller) error {
			_, err := r.hub.CreateInvite(t.Context(), c, r.id, group.InviteInput{For: hash(other), Picked: true})
			return err
		}
		h.post(bob, "I am")
		refused(t, "she, who has not answered", knows(r, ann, bob), group.KindDenied)
		refused(t, "he, who was not answered", knows(of, bob, ann), group.KindDenied)
		cy := h.joined("Cy", moderation.RoleMember)
		h.post(ann, "hello, both") // the entry after he joined
		if err := knows(r, ann, bob); err != nil {
			t.Error("she, who has answered:", err)
		}
		if err := knows(of, bob, ann); err != nil {
			t.Error("he, who was answered:", err)
		}
		h.post(cy, "hello, Ann")
		if err := knows(r, ann, cy); err != nil {
			t.Error("she, who wrote right after he joined:", err)
		}
		refused(t, "he, to whom nobody else has written", knows(of, bob, cy), group.KindDenied)

		h.keeps(func(p *moderation.Policy) { p.RetainCount = 2 })
		h.lives(time.Minute)
		refused(t, "he, of whom nothing is kept", knows(of, bob, ann), group.KindDenied)
		if err := knows(r, ann, cy); err != nil {
			t.Error("she, whose answer is kept:", err)
		}
	})
}

// TestWhoWantsNoInvitesIsInNoCircle: the others would see that he was asked.
func TestWhoWantsNoInvitesIsInNoCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy")
		must(h.hub.BlockInvites(t.Context(), people[1], valley, false))(t)
		_, err := h.hub.CreateGroup(t.Context(), people[0], group.NewGroup{Preset: "circle", Invite: []group.AnyHash{hash(people[2]), hash(people[1])}})
		if e := refused(t, "a circle with him", err, group.KindDenied); !strings.Contains(e.Msg, hash(people[1]).String()) {
			t.Error(e.Msg)
		}
		r := h.forms(people[0], hash(people[2]))
		_, err = r.hub.CreateInvite(t.Context(), people[0], r.id, group.InviteInput{For: hash(people[1])})
		refused(t, "inviting him", err, group.KindDenied)
	})
}

// TestThoseInvitedAreTold, once each, also when there was a restart between.
func TestThoseInvitedAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy")
		r := h.forms(people[0], hash(people[1]), hash(people[2]))
		h.restarted(0)
		r.hub = h.hub
		sub := h.hub.Subscribe(64)
		h.lives(time.Minute)
		h.lives(time.Minute)
		told := map[group.AnyHash]int{}
		for len(sub.Events()) > 0 {
			if e := <-sub.Events(); e.Kind == group.EventInvited && e.Group == r.id {
				told[e.Target]++
			}
		}
		if len(told) != 2 || told[hash(people[1])] != 1 || told[hash(people[2])] != 1 {
			t.Errorf("told: %v", told)
		}
		r.in("Bob")
		for len(sub.Events()) > 0 {
			if e := <-sub.Events(); e.Kind == group.EventAnswered && (e.Declined || e.Left != 1 || e.Name != "Bob" || e.Who != people[0].Identity) {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestAnInviteCanBeDeclinedInAnyGroup, and who made it is told; the operator's are nobody's to tell.
func TestAnInviteCanBeDeclinedInAnyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob, mal := h.joined("Ann", moderation.RoleOwner), person("Bob"), person("Mal")
		h.invite(ann, group.InviteInput{For: hash(bob)})
		must(h.hub.Join(t.Context(), bob, valley, group.JoinInput{Name: "Bob"}))(t)
		must(h.hub.Leave(t.Context(), bob, valley))(t)
		sub := h.hub.Subscribe(16)
		h.invite(operator(), group.InviteInput{For: group.AnyHash(group.AddressOf(bob.Identity))})
		h.invite(operator(), group.InviteInput{For: hash(mal)})
		must(h.hub.DeclineInvite(t.Context(), bob, valley))(t)
		if st := must(h.hub.Standing(t.Context(), bob, valley))(t); st.Standing != moderation.StandingStranger {
			t.Errorf("he is %s", st.Standing)
		}
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(mal)}))(t)
		_, err := h.hub.DeclineInvite(t.Context(), mal, valley)
		refused(t, "the banned", err, group.KindBanned)
		_, err = h.hub.DeclineInvite(t.Context(), group.Caller{}, valley)
		refused(t, "nobody", err, group.KindNotIdentified)
		h.invite(ann, group.InviteInput{For: hash(person("Sue"))})
		must(h.hub.DeclineInvite(t.Context(), person("Sue"), valley))(t)
		var told []group.Event
		for len(sub.Events()) > 0 {
			if e := <-sub.Events(); e.Kind == group.EventAnswered && !e.Who.IsZero() {
				told = append(told, e)
			}
		}
		if len(told) != 1 || told[0].Who != ann.Identity || told[0].Target != hash(person("Sue")) || !told[0].Declined || told[0].Forming {
			t.Errorf("told: %+v", told)
		}
		_, err = h.hub.Circle(t.Context(), ann, valley)
		refused(t, "how an ordinary group was formed", err, group.KindNotFound)
		refused(t, "establishing an ordinary group", second(h.hub.Establish(t.Context(), ann, valley)), group.KindConflict)
	})
}

// TestOfManyWhoDeclineTheFirstAreForgotten: what is remembered is bounded.
func TestOfManyWhoDeclineTheFirstAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		r := h.forms(h.talk("Ann")[0])
		for i := range group.MaxInvitees + 5 {
			c := person(fmt.Sprint("P", i))
			must(r.hub.CreateInvite(t.Context(), person("Ann"), r.id, group.InviteInput{For: hash(c)}))(t)
			must(r.hub.DeclineInvite(t.Context(), c, r.id))(t)
			time.Sleep(10 * time.Minute)
		}
		// time is over, he is the creator: it is established by now. What is remembered is what counts here.
		st := must(r.hub.Circle(t.Context(), person("Ann"), r.id))(t)
		if len(st.Invitees) > group.MaxInvitees {
			t.Errorf("%d are remembered", len(st.Invitees))
		}
	})
}

// TestWhoMakesGroupsDoesNotMakeTheServerWriteToMoreStrangers: not by making one group after the other, with people invited at once.
func TestWhoMakesGroupsDoesNotMakeTheServerWriteToMoreStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.talk("Ann", "Bob")[0]
		sent := h.mail()
		for round := range 3 {
			time.Sleep(time.Second)
			invite := []group.AnyHash{hash(person("Bob"))}
			for i := range 7 {
				invite = append(invite, hash(person(fmt.Sprint("Stranger", round, i))))
			}
			g := must(h.hub.CreateGroup(t.Context(), ann, group.NewGroup{Preset: "private", PrivateName: "Club", CreatorName: "Ann", Invite: invite}))(t)
			h.lives(10 * time.Minute)
			if round < 2 {
				if err := h.hub.DeleteGroup(t.Context(), ann, g.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := len(sent()); n != 5 {
			t.Errorf("%d people are written to on one day", n)
		}
		h.lives(25 * time.Hour)
		if n := len(sent()); n != 5 {
			t.Errorf("%d people are written to on the next day", n)
		}
	})
}

// TestWhoIsForgottenStandsOnNoListOfInvitees, be it that he left the circle or declined.
func TestWhoIsForgottenStandsOnNoListOfInvitees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cid")
		ann, bob, cid := people[0], people[1], people[2]
		r := h.forms(ann, hash(bob), hash(cid))
		must(r.hub.Join(t.Context(), bob, r.id, group.JoinInput{Name: "Bob"}))(t)
		refused(t, "an invite can still be answered", func() error { _, err := r.hub.Forget(t.Context(), cid, r.id); return err }(), group.KindNotFound)
		must(r.hub.DeclineInvite(t.Context(), cid, r.id))(t)
		for _, c := range []group.Caller{bob, cid} {
			must(r.hub.Forget(t.Context(), c, r.id))(t)
		}
		if s := must(r.hub.Circle(t.Context(), ann, r.id))(t); len(s.Invitees) != 0 {
			t.Errorf("there are still %+v", s.Invitees)
		}
	})
}
