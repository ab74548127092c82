package group_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// freshKeys makes the keys of one group after the other.
func freshKeys() func() ([]byte, []byte, error) {
	n := 0
	return func() ([]byte, []byte, error) {
		n++
		a, b := sha256.Sum256(fmt.Append(nil, "group x", n)), sha256.Sum256(fmt.Append(nil, "group e", n))
		return append(a[:], b[:]...), []byte("private"), nil
	}
}

// town is a server where people talk in an open group, and form others.
func town(t *testing.T) *house {
	return newHouse(t, open, func(_ *group.NewGroup, cfg *group.Config) {
		cfg.NewIdentity, cfg.Groups = freshKeys(), group.Creating{Who: moderation.CreatingMembers, PerPerson: 20, Cooldown: time.Nanosecond, PerHour: 1000}
	})
}

// talk makes people members of the open group, who all write something once all are there.
func (h *house) talk(names ...string) (people []group.Caller) {
	h.t.Helper()
	for _, name := range names {
		people = append(people, h.joined(name, moderation.RoleMember))
	}
	for i, p := range people {
		h.post(p, "hello, I am "+names[i])
	}
	return people
}

// ring is a circle that somebody forms.
type ring struct {
	*house
	id group.GroupID
}

// forms makes a circle.
func (h *house) forms(c group.Caller, invite ...group.AnyHash) ring {
	h.t.Helper()
	time.Sleep(time.Second) // for the budget of new groups
	g := must(h.hub.CreateGroup(h.t.Context(), c, group.NewGroup{Preset: "circle", PrivateName: "Ridge", CreatorName: "Ann", Invite: invite}))(h.t)
	return ring{h, g.ID}
}

func (r ring) joins(c group.Caller, name string) (group.JoinResult, error) {
	return r.hub.Join(r.t.Context(), c, r.id, group.JoinInput{Name: name})
}

// in makes people members who are invited.
func (r ring) in(names ...string) {
	r.t.Helper()
	for _, n := range names {
		must(r.joins(person(n), n))(r.t)
	}
}

func (r ring) establish(c group.Caller) error {
	_, err := r.hub.Establish(r.t.Context(), c, r.id)
	return err
}

// answers are what those invited have said, as one of them sees it: "Bob accepted, Cy asked".
func (r ring) answers(c group.Caller, names ...string) string {
	r.t.Helper()
	st := must(r.hub.Circle(r.t.Context(), c, r.id))(r.t)
	var list []string
	for _, n := range names {
		for _, i := range st.Invitees {
			if i.Who.Names(person(n).Identity) || i.Who == group.AnyHash(group.AddressOf(person(n).Identity)) {
				list = append(list, n+" "+i.State.String())
			}
		}
	}
	if len(list) != len(st.Invitees) {
		r.t.Errorf("%d are invited: %v", len(st.Invitees), list)
	}
	return strings.Join(list, ", ")
}

func (r ring) forming(c group.Caller) bool {
	r.t.Helper()
	return must(r.hub.Info(r.t.Context(), c, r.id))(r.t).Forming
}

// keyOf is the number of the group's key, and the key.
func (r ring) keyOf(c group.Caller) (uint32, group.EpochKey) {
	r.t.Helper()
	k := must(r.hub.Keys(r.t.Context(), c, r.id, group.KeysQuery{}))(r.t)
	return k.Epochs[0].Number, k.Epochs[0].Key
}

// texts are the newest entries of a timeline.
func (r ring) texts(c group.Caller) (list []string) {
	r.t.Helper()
	p := must(r.hub.Messages(r.t.Context(), c, r.id, group.Query{Newest: true, Limit: group.MaxPage}))(r.t)
	for _, e := range p.Entries {
		list = append(list, e.Kind.String()+" "+string(e.Text))
	}
	return list
}

// TestACircleFromItsBeginningToItsEnd lives through one, with what is refused on the way.
func TestACircleFromItsBeginningToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy", "Dan")
		ann, bob, cy, dan := people[0], people[1], people[2], people[3]
		sue, eve := person("Sue"), person("Eve") // have never been here
		r := h.forms(ann, hash(bob), group.AnyHash(group.AddressOf(cy.Identity)), hash(dan), hash(sue))

		// All who are invited see who else is, and strangers see nothing.
		for _, c := range []group.Caller{ann, bob, cy, dan, sue} {
			if got := r.answers(c, "Bob", "Cy", "Dan", "Sue"); got != "Bob asked, Cy asked, Dan asked, Sue asked" {
				t.Error(got)
			}
		}
		if n, his := must(r.hub.Circle(t.Context(), ann, r.id))(t).Epoch, must(r.hub.Circle(t.Context(), bob, r.id))(t).Epoch; n != 1 || his != 0 {
			t.Errorf("the number of the key: %d, for who is invited %d", n, his)
		}
		_, err := r.hub.Circle(t.Context(), eve, r.id)
		refused(t, "a stranger looks", err, group.KindNotMember)
		info := must(r.hub.Info(t.Context(), bob, r.id))(t)
		if left := info.AnswerUntil.Sub(r.hub.Now()); !info.Forming || left != 6*time.Hour || info.Inside || info.Epoch != 0 {
			t.Errorf("who is invited has %v, inside %v", left, info.Inside)
		}
		_, err = r.hub.Keys(t.Context(), bob, r.id, group.KeysQuery{})
		refused(t, "the key of who has not answered", err, group.KindNotMember)
		_, err = r.joins(eve, "Eve")
		refused(t, "joining uninvited", err, group.KindDenied)

		r.in("Bob")
		refused(t, "the creator, too early", r.establish(ann), group.KindDenied)
		refused(t, "one of those invited", r.establish(bob), group.KindDenied)
		refused(t, "one who has not answered", r.establish(cy), group.KindNotMember)
		refused(t, "the operator", r.establish(operator()), group.KindNotIdentified)
		if n, k := r.keyOf(bob); n != 1 || k == (group.EpochKey{}) {
			t.Errorf("the temporary key is %d", n)
		}
		if n, _ := r.keyOf(ann); n != 1 {
			t.Errorf("the creator's is %d", n)
		}
		must(h.hub.Post(t.Context(), bob, r.id, group.PostInput{Text: []byte("before it is established")}))(t)

		// Invites: by the creator alone, for people whom he knows or names whole, and no codes.
		_, err = r.hub.CreateInvite(t.Context(), bob, r.id, group.InviteInput{For: hash(eve)})
		refused(t, "an invite by another", err, group.KindDenied)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{Uses: 3})
		refused(t, "a code", err, group.KindDenied)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(eve), Picked: true})
		refused(t, "a stranger by the beginning of an address", err, group.KindDenied)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(eve), Duration: 7 * time.Hour})
		refused(t, "seven hours", err, group.KindInvalid)

		must(r.hub.DeclineInvite(t.Context(), cy, r.id))(t)
		_, err = r.hub.DeclineInvite(t.Context(), cy, r.id)
		refused(t, "declining twice", err, group.KindDenied)
		_, err = r.hub.DeclineInvite(t.Context(), bob, r.id)
		refused(t, "declining what one has accepted", err, group.KindConflict)
		_, err = r.hub.DeclineInvite(t.Context(), eve, r.id)
		refused(t, "declining uninvited", err, group.KindDenied)
		_, err = r.joins(cy, "Cy")
		refused(t, "joining after declining", err, group.KindDenied)
		_, err = r.hub.Circle(t.Context(), cy, r.id)
		refused(t, "who declined looks", err, group.KindNotMember)
		if got := r.answers(bob, "Bob", "Cy", "Dan", "Sue"); got != "Bob accepted, Cy refused, Dan asked, Sue asked" {
			t.Error(got)
		}

		time.Sleep(6*time.Hour - time.Second)
		r.in("Dan") // in the last second
		time.Sleep(time.Second)
		e := refused(t, "answering after six hours", second(r.joins(sue, "Sue")), group.KindDenied)
		if !strings.Contains(e.Msg, "time to answer") {
			t.Error(e.Msg)
		}
		// Members write, and the group waits for its creator.
		must(h.hub.Post(t.Context(), dan, r.id, group.PostInput{Text: []byte("when does it begin?")}))(t)
		time.Sleep(48 * time.Hour)
		must(h.hub.Post(t.Context(), bob, r.id, group.PostInput{Text: []byte("we wait for Ann")}))(t)
		refused(t, "a member, after six hours", r.establish(bob), group.KindDenied)
		if !r.forming(bob) {
			t.Fatal("it is established without the creator")
		}
		first, old := r.keyOf(bob)

		// The creator's next act of whatever kind does it.
		must(h.hub.Post(t.Context(), ann, r.id, group.PostInput{Text: []byte("here I am")}))(t)
		if r.forming(bob) {
			t.Fatal("it is not established")
		}
		list := r.texts(bob)
		if n := len(list); list[n-2] != "action is established with 3 members" || list[n-1] != "post here I am" {
			t.Errorf("the timeline ends %q", list[n-2:])
		}
		for _, c := range []group.Caller{ann, bob, dan} {
			if n, k := r.keyOf(c); n != first+1 || k == old {
				t.Errorf("the new key is %d, the same %v", n, k == old)
			}
		}
		for name, c := range map[string]group.Caller{"refused": cy, "silent": sue, "stranger": eve} {
			_, err = r.hub.Keys(t.Context(), c, r.id, group.KeysQuery{})
			refused(t, "the key of who was "+name, err, group.KindNotMember)
			_, err = r.joins(c, name)
			refused(t, "joining an established circle, who was "+name, err, group.KindDenied)
			_, err = r.hub.Messages(t.Context(), c, r.id, group.Query{})
			refused(t, "reading, who was "+name, err, group.KindNotMember)
		}
		if err := r.establish(ann); err != nil {
			t.Error("the creator, once more:", err)
		}
		refused(t, "another, once more", r.establish(bob), group.KindConflict)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(eve)})
		refused(t, "an invite to an established circle", err, group.KindDenied)
		if got := r.answers(dan, "Bob", "Cy", "Dan", "Sue"); got != "Bob accepted, Cy refused, Dan accepted, Sue silent" {
			t.Error(got)
		}

		// Who is kicked gets no new key, nor comes back.
		must(r.hub.Kick(t.Context(), ann, r.id, group.KickInput{Target: hash(dan)}))(t)
		if n, _ := r.keyOf(bob); n != first+2 {
			t.Errorf("after a kick the key is %d", n)
		}
		_, err = r.hub.Keys(t.Context(), dan, r.id, group.KeysQuery{})
		refused(t, "the key of who was kicked", err, group.KindBanned)
		time.Sleep(2 * time.Hour)
		_, err = r.joins(dan, "Dan")
		refused(t, "coming back", err, group.KindDenied)
		if got := r.answers(bob, "Bob", "Cy", "Dan", "Sue"); got != "Bob accepted, Cy refused, Dan gone, Sue silent" {
			t.Error(got)
		}

		// One who is absent finds the newest hundred, and learns how many he has missed.
		cursor := must(h.hub.Messages(t.Context(), bob, r.id, group.Query{Newest: true}))(t)
		for i := range 150 {
			must(h.hub.Post(t.Context(), ann, r.id, group.PostInput{Text: fmt.Append(nil, "news ", i)}))(t)
			time.Sleep(30 * time.Second)
		}
		r.lives(20 * time.Minute)
		p := must(h.hub.Messages(t.Context(), bob, r.id, group.Query{AfterRev: cursor.To, Limit: group.MaxPage}))(t)
		last := cursor.Entries[len(cursor.Entries)-1].Seq
		if missed := p.Oldest - last - 1; missed != 50 || len(p.Entries) != 100 || string(p.Entries[0].Text) != "news 50" {
			t.Errorf("%d entries, %d missed, the first is %q", len(p.Entries), missed, p.Entries[0].Text)
		}

		// Leaving, and the end.
		must(r.hub.Leave(t.Context(), bob, r.id))(t)
		_, err = r.joins(bob, "Bob")
		refused(t, "coming back to an established circle", err, group.KindDenied)
		_, err = r.hub.Leave(t.Context(), ann, r.id)
		refused(t, "the last owner leaves", err, group.KindDenied)
		if err := r.hub.DeleteGroup(t.Context(), ann, r.id); err != nil {
			t.Error(err)
		}
		_, err = r.hub.Keys(t.Context(), ann, r.id, group.KeysQuery{})
		refused(t, "the key of a deleted circle", err, group.KindNotFound)
	})
}

func second[T any](_ T, err error) error { return err }

// TestWhenAllHaveAnsweredTheCreatorNeedNotWait, nor is anybody else asked.
func TestWhenAllHaveAnsweredTheCreatorNeedNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy", "Dan")
		ann, cy := people[0], people[2]
		r := h.forms(ann, hash(people[1]), hash(cy), hash(people[3]))
		r.in("Bob")
		must(r.hub.DeclineInvite(t.Context(), cy, r.id))(t)
		st := must(r.hub.Circle(t.Context(), ann, r.id))(t)
		if st.MayEstablish {
			t.Error("he may, though one has not answered")
		}
		// One invite is taken back: nobody is left who could answer.
		list := must(r.hub.Invites(t.Context(), ann, r.id, group.InvitesQuery{}))(t).Invites
		if len(list) != 1 {
			t.Fatalf("%d invites", len(list))
		}
		must(r.hub.RevokeInvite(t.Context(), ann, r.id, list[0].ID))(t)
		if got := r.answers(ann, "Bob", "Cy"); got != "Bob accepted, Cy refused" {
			t.Error(got)
		}
		if st := must(r.hub.Circle(t.Context(), ann, r.id))(t); !st.MayEstablish {
			t.Error("he may not, though all have answered")
		}
		if st := must(r.hub.Circle(t.Context(), people[1], r.id))(t); st.MayEstablish {
			t.Error("another may")
		}
		if !r.forming(ann) {
			t.Error("it was established by looking at it")
		}
		// The answer is lost: the same request again does nothing twice.
		again := ann
		again.ClientID = []byte("est1")
		one := must(r.hub.Establish(t.Context(), again, r.id))(t)
		two := must(r.hub.Establish(t.Context(), again, r.id))(t)
		if one.Seq == 0 || two.Seq != one.Seq || !two.Repeated {
			t.Errorf("%+v and %+v", one, two)
		}
		if n, _ := r.keyOf(ann); n != 2 {
			t.Errorf("the key is %d", n)
		}
	})
}

// TestACircleIsForAtMostTen: the creator and nine.
func TestACircleIsForAtMostTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.talk("Ann")[0]
		var nine []group.AnyHash
		for i := range 9 {
			nine = append(nine, hash(person(fmt.Sprint("P", i))))
		}
		_, err := h.hub.CreateGroup(t.Context(), ann, group.NewGroup{Preset: "circle", Invite: append(nine[:9:9], hash(person("P9")))})
		if e := refused(t, "eleven", err, group.KindFull); e.Limit != 10 || e.Field != "invite" {
			t.Errorf("%+v", e)
		}
		if list := must(h.hub.Groups(t.Context(), operator()))(t); len(list) != 1 {
			t.Errorf("%d groups: something is left of the one that was refused", len(list))
		}
		r := h.forms(ann, nine...)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(person("P9"))})
		refused(t, "the eleventh", err, group.KindFull)
		// One declines: there is room for another, who is asked later and has his own six hours.
		time.Sleep(time.Hour)
		must(r.hub.DeclineInvite(t.Context(), person("P0"), r.id))(t)
		must(r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(person("P9"))}))(t)
		_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(person("P10"))})
		refused(t, "the eleventh again", err, group.KindFull)
		for i := 1; i < 9; i++ {
			r.in(fmt.Sprint("P", i))
		}
		time.Sleep(5*time.Hour + time.Minute) // the time of the first ones is over, not that of the last one
		must(h.hub.Post(t.Context(), ann, r.id, group.PostInput{Text: []byte("one is missing")}))(t)
		if !r.forming(ann) {
			t.Error("it was established before all could answer")
		}
		r.in("P9")
		if err := r.establish(ann); err != nil {
			t.Error(err)
		}
		if n := must(r.hub.Info(t.Context(), ann, r.id))(t).Members; n != 10 {
			t.Errorf("%d members", n)
		}
	})
}

// TestARestartAndAJumpOfTheClockWhileACircleIsFormed: neither ends the time to answer.
func TestARestartAndAJumpOfTheClockWhileACircleIsFormed(t *testing.T) {
	for name, off := range map[string]time.Duration{"none": 0, "a year ahead": 365 * 24 * time.Hour, "in 1970": -29 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := town(t)
				people := h.talk("Ann", "Bob", "Cy")
				r := h.forms(people[0], hash(people[1]), hash(people[2]))
				time.Sleep(time.Hour)
				h.lives(time.Second) // stores the time
				h.restarted(off)
				r.hub = h.hub
				must(h.hub.Post(t.Context(), people[0], r.id, group.PostInput{Text: []byte("still waiting")}))(t)
				if !r.forming(people[0]) {
					t.Fatal("the jump has ended the time to answer")
				}
				r.in("Bob")
				time.Sleep(5*time.Hour + time.Minute)
				refused(t, "too late", second(r.joins(people[2], "Cy")), group.KindDenied)
				must(h.hub.Post(t.Context(), people[0], r.id, group.PostInput{Text: []byte("now it is time")}))(t)
				if r.forming(people[0]) {
					t.Error("the time to answer never ends")
				}
			})
		})
	}
}

// TestASignOfLifeOfTheCreatorEstablishesWhatIsOverdue, and that of others does not.
func TestASignOfLifeOfTheCreatorEstablishesWhatIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		r, other := h.forms(people[0], hash(people[1])), h.forms(people[0])
		r.in("Bob")
		time.Sleep(6 * time.Hour)
		for _, c := range []group.Caller{people[1], person("Sue"), {}} {
			if err := h.hub.Heard(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if !r.forming(people[1]) {
			t.Fatal("somebody else's announce established it")
		}
		if err := h.hub.Heard(t.Context(), people[0]); err != nil {
			t.Fatal(err)
		}
		if r.forming(people[1]) || other.forming(people[0]) {
			t.Error("it still waits")
		}
		before := must(h.hub.Info(t.Context(), people[1], r.id))(t).Head
		if err := h.hub.Heard(t.Context(), people[0]); err != nil {
			t.Fatal(err)
		}
		if after := must(h.hub.Info(t.Context(), people[1], r.id))(t).Head; after != before {
			t.Error("a second sign of life changed something")
		}
	})
}

// TestWhoEstablishesWhenTheCreatorHasAnotherIdentity, or is here no more.
func TestWhoEstablishesWhenTheCreatorHasAnotherIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy")
		ann, bob, cy := people[0], people[1], people[2]
		r := h.forms(ann, hash(bob), hash(cy))
		r.in("Bob", "Cy")
		if st := must(r.hub.Standing(t.Context(), ann, r.id))(t); st.Role != moderation.RoleOwner {
			t.Errorf("who made it is %s", st.Role)
		}
		must(r.hub.UpdatePermissions(t.Context(), ann, r.id, group.PermissionsInput{Target: hash(bob), Role: moderation.RoleOwner}))(t)
		must(r.hub.UpdatePermissions(t.Context(), ann, r.id, group.PermissionsInput{Target: hash(cy), Role: moderation.RoleAdmin}))(t)
		refused(t, "another owner while the creator is here", r.establish(bob), group.KindDenied)
		must(r.hub.Leave(t.Context(), ann, r.id))(t)
		refused(t, "an admin when the creator has left", r.establish(cy), group.KindDenied)
		if err := r.establish(bob); err != nil {
			t.Error("the owner when the creator has left:", err)
		}
		// The operator's circle is established by its owner.
		key := person("another group").PublicKey
		must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: "ring", PublicKey: key, PrivateKey: []byte("private"), Preset: "circle", Owner: hash(cy), Invite: []group.AnyHash{hash(bob)}}))(t)
		o := ring{h, "ring"}
		o.in("Cy", "Bob")
		refused(t, "a member of the operator's", o.establish(bob), group.KindDenied)
		if err := o.establish(cy); err != nil {
			t.Error(err)
		}
	})
}

// TestACreatorWhoHasLeftEstablishesNothing, whatever he tries afterwards: the owners take his place.
func TestACreatorWhoHasLeftEstablishesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		ann, bob := people[0], people[1]
		r := h.forms(ann, hash(bob))
		r.in("Bob")
		must(r.hub.UpdatePermissions(t.Context(), ann, r.id, group.PermissionsInput{Target: hash(bob), Role: moderation.RoleOwner}))(t)
		must(r.hub.Leave(t.Context(), ann, r.id))(t)
		time.Sleep(7 * time.Hour)
		refused(t, "who has left comes back", second(r.joins(ann, "Ann")), group.KindDenied)
		if err := h.hub.Heard(t.Context(), ann); err != nil || !r.forming(bob) {
			t.Fatalf("forming %v, %v", r.forming(bob), err)
		}
		if err := h.hub.Heard(t.Context(), bob); err != nil || r.forming(bob) {
			t.Errorf("forming %v, %v", r.forming(bob), err)
		}
	})
}

// TestAShorterInviteDoesNotShortenTheTimeOfOthers to answer.
func TestAShorterInviteDoesNotShortenTheTimeOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy")
		ann := people[0]
		r := h.forms(ann, hash(people[1]))
		must(r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(people[2]), Duration: time.Hour}))(t)
		time.Sleep(2 * time.Hour)
		must(h.hub.Post(t.Context(), ann, r.id, group.PostInput{Text: []byte("where is Bob?")}))(t)
		r.in("Bob")
		refused(t, "whose time was shorter", second(r.joins(people[2], "Cy")), group.KindDenied)
	})
}

// TestACloneOfACircleIsFormedAnew: nobody is in it who does not answer.
func TestACloneOfACircleIsFormedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob", "Cy", "Dan")
		r := h.forms(people[0], hash(people[1]), hash(people[2]), hash(people[3]))
		r.in("Bob", "Cy", "Dan")
		if err := r.establish(people[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		made := must(r.hub.CloneGroup(t.Context(), people[0], r.id, group.CloneInput{Without: []group.AnyHash{hash(people[3])}}))(t)
		c := ring{h, made.Group.ID}
		if got := c.answers(people[1], "Bob", "Cy"); got != "Bob asked, Cy asked" {
			t.Error(got)
		}
		c.in("Bob")
		time.Sleep(6 * time.Hour)
		if err := h.hub.Heard(t.Context(), people[0]); err != nil || c.forming(people[1]) {
			t.Errorf("%v, forming %v", err, c.forming(people[1]))
		}
	})
}

// TestOfAGroupThatIsTooLargeForACircleAsManyAreInvitedToItsCloneAsFit, staff first; whoever clones learns that there are more.
func TestOfAGroupThatIsTooLargeForACircleAsManyAreInvitedToItsCloneAsFit(t *testing.T) {
	for _, test := range []struct {
		seats, want int
		operator    bool
	}{{0, group.MaxInvitees, false}, {33, group.MaxInvitees, false}, {32, 31, false}, {10, 9, false}, {10, 10, true}, {41, group.MaxInvitees, false}} {
		synctest.Test(t, func(t *testing.T) {
			h := town(t)
			ann := h.joined("Ann", moderation.RoleOwner)
			for i := range 39 {
				time.Sleep(time.Minute)
				h.joined(fmt.Sprint("P", i), moderation.RoleMember)
			}
			mod := h.joined("Mod", moderation.RoleModerator)
			time.Sleep(time.Minute)
			last := h.joined("Last", moderation.RoleMember)
			h.keeps(func(p *moderation.Policy) { p.Establish, p.MaxMembers = true, uint32(test.seats) })
			by := ann
			if test.operator {
				by = operator()
			}
			made := must(h.hub.CloneGroup(t.Context(), by, valley, group.CloneInput{}))(t)
			if test.want == group.MaxInvitees {
				_, err := h.hub.CreateInvite(t.Context(), by, made.Group.ID, group.InviteInput{For: hash(person("One More"))})
				refused(t, "one more than are remembered", err, group.KindFull)
			}
			if made.Invited != test.want || !made.More {
				t.Fatalf("%d seats: %d are invited, more %v", test.seats, made.Invited, made.More)
			}
			for _, p := range []group.Caller{mod, last, person("P0")} {
				st, want := must(h.hub.Standing(t.Context(), p, made.Group.ID))(t).Standing, moderation.StandingInvited
				if p.Identity == person("P0").Identity { // was heard longest ago
					want = moderation.StandingStranger
				}
				if st != want {
					t.Errorf("%d seats: %s, want %s", test.seats, st, want)
				}
			}
		})
	}
}

// TestWhoWaitedWhileACircleWasFormedIsNotLetInAfterwards: nobody new comes, not by approval, either.
func TestWhoWaitedWhileACircleWasFormedIsNotLetInAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		r := h.forms(people[0], hash(people[1]))
		must(r.hub.UpdateSettings(t.Context(), people[0], r.id, group.SettingsInput{Joining: ptr(moderation.JoiningApprove)}))(t)
		late := person("Late")
		if in := must(r.joins(late, "Late"))(t); in.Standing != moderation.StandingPending {
			t.Fatalf("Late is %s", in.Standing)
		}
		must(r.hub.DeclineInvite(t.Context(), people[1], r.id))(t)
		must(r.hub.Establish(t.Context(), people[0], r.id))(t)
		_, err := r.hub.Approve(t.Context(), people[0], r.id, hash(late))
		refused(t, "letting somebody in", err, group.KindDenied)
		_, err = r.hub.Approve(t.Context(), operator(), r.id, hash(late))
		refused(t, "the operator letting somebody in", err, group.KindDenied)
		must(r.hub.Reject(t.Context(), people[0], r.id, hash(late), ""))(t)
	})
}
