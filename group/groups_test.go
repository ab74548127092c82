package group_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// lets has the server let people make groups; keys are made from a counter.
func lets(c group.Creating) func(*group.NewGroup, *group.Config) {
	made := uint64(0)
	return func(_ *group.NewGroup, cfg *group.Config) {
		cfg.Groups = c
		cfg.NewIdentity = func() ([]byte, []byte, error) {
			made++
			a := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("group"), made))
			b := sha256.Sum256(a[:])
			return append(a[:], b[:]...), []byte("private key " + fmt.Sprint(made)), nil
		}
	}
}

// makes has somebody make a public group.
func (h *house) makes(c group.Caller, name string) group.Group {
	h.t.Helper()
	return must(h.hub.CreateGroup(h.t.Context(), c, group.NewGroup{PublicName: name, Public: true}))(h.t)
}

// lists are the names of the groups that somebody sees.
func (h *house) lists(c group.Caller) []string {
	h.t.Helper()
	var names []string
	for _, in := range must(h.hub.Groups(h.t.Context(), c))(h.t) {
		name := in.PublicName
		if in.PrivateName != "" {
			name += "/" + in.PrivateName
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestWhoeverTheServerLetsMakesAGroupAndOwnsIt(t *testing.T) {
	for _, test := range []struct {
		who              moderation.Creating
		member, stranger group.Kind
	}{
		{moderation.CreatingOff, group.KindDenied, group.KindDenied},
		{moderation.CreatingMembers, 99, group.KindNotMember},
		{moderation.CreatingAnyone, 99, group.KindStampRequired},
	} {
		t.Run(test.who.String(), func(t *testing.T) {
			h := newHouse(t, lets(group.Creating{Who: test.who}))
			ctx := t.Context()
			ann, mal := h.joined("Ann", moderation.RoleMember), person("Mal")
			new := group.NewGroup{PublicName: "Boats", Topic: "oars", Public: true, CreatorName: "Annie"}
			g, err := h.hub.CreateGroup(ctx, ann, new)
			if test.member != 99 {
				refused(t, "a member", err, test.member)
				refused(t, "whether he may", h.hub.MayCreate(ctx, ann), test.member)
			} else {
				must(g, err)(t)
				if !strings.HasPrefix(string(g.ID), "g-") || len(g.ID) != 14 || g.PrivateKey != nil || g.SeenKey != nil || g.Creator != ann.Identity {
					t.Errorf("made %+v", g)
				}
				in := must(h.hub.Info(ctx, ann, g.ID))(t)
				if in.You.Role != moderation.RoleOwner || in.You.Member.DisplayName != "Annie" || in.Members != 1 || !in.Owned || in.Topic != "oars" {
					t.Errorf("its owner sees %+v", in)
				}
			}
			gone, kicked := h.joined("Gone", moderation.RoleMember), h.joined("Kicked", moderation.RoleMember)
			must(h.hub.Leave(ctx, gone, valley))(t)
			must(h.hub.Kick(ctx, operator(), valley, group.KickInput{Target: hash(kicked)}))(t)
			refused(t, "who has left", second(h.hub.CreateGroup(ctx, gone, new)), test.stranger)
			refused(t, "who was kicked", second(h.hub.CreateGroup(ctx, kicked, new)), test.stranger)
			e := refused(t, "a stranger", second(h.hub.CreateGroup(ctx, mal, new)), test.stranger)
			if test.who == moderation.CreatingAnyone {
				if e.Limit != group.DefaultGroupCost {
					t.Errorf("%d bits of work", e.Limit)
				}
				mal.Work = group.DefaultGroupCost - 1
				refused(t, "too little work", second(h.hub.CreateGroup(ctx, mal, new)), group.KindStampRequired)
				mal.Work++
				must(h.hub.CreateGroup(ctx, mal, new))(t)
			}
			refused(t, "nobody", second(h.hub.CreateGroup(ctx, group.Caller{}, new)), group.KindNotIdentified)
			if test.who == moderation.CreatingMembers {
				keyless, named, owned := ann, new, new
				keyless.PublicKey = nil
				refused(t, "without a key", second(h.hub.CreateGroup(ctx, keyless, new)), group.KindInvalid)
				named.ID, owned.Owner = "mine", hash(mal)
				refused(t, "an id of his own", second(h.hub.CreateGroup(ctx, ann, named)), group.KindInvalid)
				refused(t, "for somebody else", second(h.hub.CreateGroup(ctx, ann, owned)), group.KindInvalid)
			}
		})
	}
}

func TestOnePersonAndAllTogetherMakeSoManyGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, lets(group.Creating{Who: moderation.CreatingMembers, PerPerson: 2, Max: 6, Cooldown: time.Hour, PerHour: 3}))
		ctx := t.Context()
		ann, bob, cid, dan := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember), h.joined("Cid", moderation.RoleMember), h.joined("Dan", moderation.RoleMember)
		make := func(c group.Caller) error {
			return second(h.hub.CreateGroup(ctx, c, group.NewGroup{PublicName: "Boats", Public: true}))
		}
		first := h.makes(ann, "First")
		if e := refused(t, "at once again", make(ann), group.KindRateLimited); e.RetryAfter != time.Hour {
			t.Errorf("again after %v", e.RetryAfter)
		}
		refused(t, "and says so before", h.hub.MayCreate(ctx, ann), group.KindRateLimited)
		h.makes(bob, "Second")
		time.Sleep(time.Hour)
		h.makes(ann, "Third")
		time.Sleep(time.Hour)
		if e := refused(t, "a third one", make(ann), group.KindFull); e.Limit != 2 {
			t.Errorf("%d for one", e.Limit)
		}
		if err := h.hub.DeleteGroup(ctx, ann, first.ID); err != nil {
			t.Fatal(err)
		}
		h.makes(ann, "Fourth")
		h.makes(bob, "Fifth")
		h.makes(cid, "Sixth")
		if e := refused(t, "the server is full", make(dan), group.KindFull); e.Limit != 6 {
			t.Errorf("%d in all", e.Limit)
		}
		if err := h.hub.DeleteGroup(ctx, bob, h.named("Second")); err != nil {
			t.Fatal(err)
		}
		refused(t, "so many in an hour", make(dan), group.KindRateLimited)
		time.Sleep(time.Hour)
		if err := h.hub.MayCreate(ctx, dan); err != nil {
			t.Error(err)
		}
		h.makes(dan, "Seventh")
		must(h.hub.CreateGroup(ctx, operator(), group.NewGroup{ID: "more", PublicName: "The operator's", Public: true}))(t)
		if n := h.hub.Stats().GroupsRefused; n != 4 {
			t.Errorf("%d counted", n)
		}
	})
}

// named finds a group by its public name.
func (h *house) named(name string) group.GroupID {
	h.t.Helper()
	for _, in := range must(h.hub.Groups(h.t.Context(), operator()))(h.t) {
		if in.PublicName == name {
			return in.Group
		}
	}
	h.t.Fatalf("there is no group %q", name)
	return ""
}

func TestARetryAfterALostAnswerMakesNoSecondGroup(t *testing.T) {
	h := newHouse(t, lets(group.Creating{Who: moderation.CreatingMembers, PerPerson: 1, Cooldown: time.Nanosecond}))
	ctx := t.Context()
	ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
	ann.ClientID, bob.ClientID = []byte("one"), []byte("one")
	new := group.NewGroup{PublicName: "Boats", Public: true}
	first, again := must(h.hub.CreateGroup(ctx, ann, new))(t), must(h.hub.CreateGroup(ctx, ann, new))(t)
	if first.ID != again.ID || len(h.lists(operator())) != 2 {
		t.Errorf("made %s, then %s", first.ID, again.ID)
	}
	if other := must(h.hub.CreateGroup(ctx, bob, new))(t); other.ID == first.ID {
		t.Error("the id of another's request is his, too")
	}
	refused(t, "the id for something else", second(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{})), group.KindConflict)

	ann.ClientID = []byte("two")
	for range 2 {
		if err := h.hub.DeleteGroup(ctx, ann, first.ID); err != nil {
			t.Fatal(err)
		}
	}
	ann.ClientID = []byte("three")
	refused(t, "another request", h.hub.DeleteGroup(ctx, ann, first.ID), group.KindNotFound)
	cloned := must(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Two"}))(t)
	repeated := must(h.hub.CloneGroup(ctx, ann, valley, group.CloneInput{Name: "Two"}))(t)
	if repeated.Group.ID != cloned.Group.ID || repeated.Invited != 1 || !repeated.Repeated || cloned.Repeated {
		t.Errorf("cloned %+v, then %+v", cloned, repeated)
	}
}

func TestStrangersWhoMayNotMakeGroupsCauseNoWrites(t *testing.T) {
	h := newHouse(t, lets(group.Creating{Who: moderation.CreatingAnyone}))
	writes := 0
	h.store.OnCommit(func() error { writes++; return nil })
	mal := person("Mal")
	mal.ClientID = []byte("x")
	for range 20 {
		_, err := h.hub.CreateGroup(t.Context(), mal, group.NewGroup{PublicName: "Mine", Public: true})
		refused(t, "a stranger makes", err, group.KindStampRequired)
		refused(t, "a stranger clones", second(h.hub.CloneGroup(t.Context(), mal, valley, group.CloneInput{})), group.KindNotMember)
		refused(t, "a stranger deletes", h.hub.DeleteGroup(t.Context(), mal, valley), group.KindNotMember)
	}
	if writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestAPrivateGroupIsOnNobodysListButTheirs(t *testing.T) {
	h := newHouse(t, lets(group.Creating{Who: moderation.CreatingMembers}))
	ctx := t.Context()
	ann := h.joined("Ann", moderation.RoleOwner)
	h.makes(ann, "Open")
	const private, public = "Private Group/Cottle Family Chat", "Open"
	waits, invited, byAddress, banned, gone := person("Waits"), person("Invited"), person("Far"), h.joined("Banned", moderation.RoleMember), h.joined("Gone", moderation.RoleMember)
	must(h.hub.Join(ctx, waits, valley, group.JoinInput{Name: "Waits"}))(t)
	must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: hash(invited)}))(t)
	must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: group.AnyHash(group.AddressOf(byAddress.Identity))}))(t)
	must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{}))(t)
	must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(banned)}))(t)
	must(h.hub.Leave(ctx, gone, valley))(t)
	for _, sees := range []struct {
		who  string
		c    group.Caller
		want []string
	}{
		{"its owner", ann, []string{public, private}},
		{"who waits", waits, []string{public, "Private Group"}},
		{"who is invited", invited, []string{public, "Private Group"}},
		{"who is invited by his address", byAddress, []string{public, "Private Group"}},
		{"a stranger", person("Mal"), []string{public}},
		{"who is banned", banned, []string{public}},
		{"who has left", gone, []string{public}},
		{"nobody", group.Caller{}, []string{public}},
		{"the operator", operator(), []string{public, private}},
	} {
		if got := h.lists(sees.c); !slices.Equal(got, sees.want) {
			t.Errorf("%s sees %v", sees.who, got)
		}
	}
	// An invite that is taken back, or has ended, is none.
	must(h.hub.RevokeInvite(ctx, ann, valley, 1))(t)
	if got := h.lists(invited); !slices.Equal(got, []string{public}) {
		t.Errorf("who was invited sees %v", got)
	}
}

func TestWhoListsGroupsOftenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		mal := person("Mal")
		var err error
		asked := 0
		for ; err == nil; asked++ {
			_, err = h.hub.Groups(t.Context(), mal)
		}
		refused(t, "too often", err, group.KindRateLimited)
		if n := h.hub.Stats().ListsRefused; asked != 31 || n != 1 {
			t.Errorf("refused at the %dth list", asked)
		}
		h.lists(person("Eve"))
		h.lists(group.Caller{})
		time.Sleep(time.Second)
		h.lists(mal)
		for range 100 {
			h.lists(operator())
		}
	})
}

// told collects whom events of a kind are for.
func told(events *group.Subscription, kind group.EventKind) (who []group.AnyHash) {
	for {
		select {
		case e := <-events.Events():
			if e.Kind == kind {
				who = append(who, e.Target)
			}
		default:
			return who
		}
	}
}

func TestAGroupThatWasDeletedIsAsUnknownAsOneThatNeverWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(_ *group.NewGroup, cfg *group.Config) {
			cfg.Limits.MemberRate, cfg.Limits.GroupRate = moderation.Rate{Burst: -1}, moderation.Rate{Burst: -1}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleAdmin)
		for i := range 300 {
			h.post(ann, fmt.Sprint("post ", i))
		}
		events := h.hub.Subscribe(1000)
		defer events.Close()
		refused(t, "an admin", h.hub.DeleteGroup(ctx, bob, valley), group.KindDenied)
		refused(t, "a stranger", h.hub.DeleteGroup(ctx, person("Mal"), valley), group.KindNotMember)
		if err := h.hub.DeleteGroup(ctx, ann, valley); err != nil {
			t.Fatal(err)
		}
		if e := <-events.Events(); e.Kind != group.EventGroupDeleted || e.Group != valley || e.Who != ann.Identity {
			t.Errorf("told %+v", e)
		}
		for _, c := range []group.Caller{ann, bob, person("Mal"), operator(), {}} {
			for what, err := range map[string]error{
				"info":    second(h.hub.Info(ctx, c, valley)),
				"read":    second(h.hub.Messages(ctx, c, valley, group.Query{Newest: true})),
				"post":    second(h.hub.Post(ctx, c, valley, group.PostInput{Text: []byte("x")})),
				"join":    second(h.hub.Join(ctx, c, valley, group.JoinInput{})),
				"members": second(h.hub.Members(ctx, c, valley, group.MembersQuery{})),
				"delete":  h.hub.DeleteGroup(ctx, c, valley),
			} {
				never := refused(t, "never was", second(h.hub.Info(ctx, c, "never")), group.KindNotFound)
				if e := refused(t, what, err, group.KindNotFound); e.Msg != never.Msg || e.Field != never.Field {
					t.Errorf("%s: %+v, of one that never was %+v", what, e, never)
				}
			}
		}
		if removed := must(h.hub.RemovedGroups(ctx, operator()))(t); len(removed) != 1 || removed[0].ID != valley || removed[0].By != ann.Identity {
			t.Errorf("remembered: %+v", removed)
		}
		if log := must(h.hub.ServerLog(ctx, operator(), 0, 10))(t); len(log) != 2 || log[0].Action != "delete group" || log[1].Action != "create group" {
			t.Errorf("logged: %+v", log)
		}
		again := group.NewGroup{ID: valley, PublicKey: person("again").PublicKey, PrivateKey: []byte("k"), PublicName: "Again", Public: true}
		refused(t, "the id while it is erased", second(h.hub.CreateGroup(ctx, operator(), again)), group.KindConflict)

		// Erased in parts, with pauses for others, and on after a restart in the middle.
		updates := 0
		h.store.OnCommit(func() error { updates++; return nil })
		life, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- h.hub.Run(life) }()
		time.Sleep(20 * time.Millisecond)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		h.store.View(ctx, func(tx group.ReadTx) error {
			if going, _ := tx.GroupsToErase(); len(going) != 1 || updates < 2 {
				t.Errorf("after %d commits %v is to be erased", updates, going)
			}
			return nil
		})
		h.restarted(0)
		go func() { done <- h.hub.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		h.store.View(ctx, func(tx group.ReadTx) error {
			if going, _ := tx.GroupsToErase(); len(going) != 0 {
				t.Errorf("%v is to be erased", going)
			}
			return nil
		})
		if updates < 5 {
			t.Errorf("all went in %d commits", updates)
		}
		must(h.hub.CreateGroup(ctx, operator(), again))(t)
		if removed := must(h.hub.RemovedGroups(ctx, operator()))(t); len(removed) != 0 {
			t.Errorf("made again, and remembered: %+v", removed)
		}
		if p := must(h.hub.Messages(ctx, operator(), valley, group.Query{Newest: true}))(t); len(p.Entries) != 0 {
			t.Errorf("%d old entries", len(p.Entries))
		}
		cancel()
		<-done
	})
}

// TestAGroupWithTheIDOfADeletedOneBeginsAnew: what strangers asked of the old one raises no cost. Two groups never have the
// same keys.
func TestAGroupWithTheIDOfADeletedOneBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(n *group.NewGroup, _ *group.Config) { n.Policy.JoinCost = 8 })
		ctx, mal := t.Context(), person("Mal")
		again := group.NewGroup{ID: "copy", PublicKey: person("the group").PublicKey, PrivateKey: []byte("k"), PublicName: "Copy", Public: true, Policy: moderation.Policy{JoinCost: 8}}
		refused(t, "the keys of another group", second(h.hub.CreateGroup(ctx, operator(), again)), group.KindConflict)
		for i := range 500 {
			refused(t, "no work", second(h.hub.Join(ctx, person(fmt.Sprint("Bot", i)), valley, group.JoinInput{})), group.KindStampRequired)
		}
		if in := must(h.hub.Info(ctx, mal, valley))(t); in.JoinCost <= 8 {
			t.Fatalf("the flood costs %d", in.JoinCost)
		}
		if err := h.hub.DeleteGroup(ctx, operator(), valley); err != nil {
			t.Fatal(err)
		}
		h.lives(time.Second)
		again.ID = valley
		must(h.hub.CreateGroup(ctx, operator(), again))(t)
		if in := must(h.hub.Info(ctx, mal, valley))(t); in.JoinCost != 8 {
			t.Errorf("joining the new one costs %d", in.JoinCost)
		}
	})
}

func TestOneGroupsAffairsDoNotReachAnother(t *testing.T) {
	h, _ := storage(t, group.Limits{}, lets(group.Creating{Who: moderation.CreatingMembers}))
	ctx := t.Context()
	ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
	hill := h.makes(ann, "Hill Net").ID
	must(h.hub.Join(ctx, bob, hill, group.JoinInput{Name: "Bobby"}))(t)

	// The same client id at two groups is two requests.
	twice := bob
	twice.ClientID = []byte("same")
	a := must(h.hub.Post(ctx, twice, valley, group.PostInput{Text: []byte("in the valley")}))(t)
	b := must(h.hub.Post(ctx, twice, hill, group.PostInput{Text: []byte("on the hill")}))(t)
	if a.Repeated || b.Repeated {
		t.Error("a request at one group was remembered by the other")
	}
	if again := must(h.hub.Post(ctx, twice, hill, group.PostInput{Text: []byte("on the hill")}))(t); !again.Repeated || again.Seq != b.Seq {
		t.Errorf("%+v", again)
	}
	// The same message may be sent to both; each knows its own.
	m := message("to both")
	must(h.hub.Post(ctx, bob, valley, m))(t)
	if r := must(h.hub.Post(ctx, bob, hill, m))(t); r.Duplicate {
		t.Error("a message to one group was seen by the other")
	}
	last := must(h.hub.Info(ctx, bob, hill))(t).Head.Seq
	chart := file("map", "where the silver is")
	must(h.hub.Post(ctx, bob, valley, carrying("a map", chart)))(t)

	// Reading by number, proof, file: each of its own group.
	for seq := group.Seq(1); seq <= 20; seq++ {
		p, err := h.hub.Messages(ctx, bob, hill, group.Query{Seqs: []group.Seq{seq}})
		if err == nil {
			for _, e := range p.Entries {
				if strings.Contains(string(e.Text), "valley") || e.Group != hill || e.Seq > last {
					t.Errorf("the hill shows %+v", e)
				}
			}
		}
		if proof, err := h.hub.Proof(ctx, bob, hill, seq); err == nil && proof.Entry.Group != hill {
			t.Errorf("the hill proves %+v", proof.Entry)
		}
		if a, err := h.hub.Attachment(ctx, bob, hill, group.AttachmentQuery{Seq: seq, Hash: chart.Hash[:]}); err == nil {
			t.Errorf("the hill hands out %+v", a.Attachment)
		}
	}
	// A code opens its own door only, and a wrong one counts at its own group only.
	code := must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{}))(t).Code
	refused(t, "a code of another group", second(h.hub.Join(ctx, person("Cid"), hill, group.JoinInput{Code: code})), group.KindDenied)
	must(h.hub.Join(ctx, person("Cid"), valley, group.JoinInput{Code: code}))(t)
	claim := must(h.hub.NewClaimCode(ctx, operator(), valley))(t).Code
	refused(t, "an owner's code of another group", second(h.hub.Claim(ctx, bob, hill, group.ClaimInput{Code: claim})), group.KindDenied)

	// Names, bans, mutes, roles, settings, the log, deliveries.
	if r := must(h.hub.Join(ctx, person("Bobby"), valley, group.JoinInput{Name: "Bobby"}))(t); r.Name != "Bobby" {
		t.Errorf("a name of another group is taken here: %q", r.Name)
	}
	must(h.hub.UpdateNotifications(ctx, bob, valley, group.NotificationsInput{Mode: ptr(group.DeliverPush)}))(t)
	if d := must(h.hub.Notifications(ctx, bob, hill))(t); d.Mode != group.DeliverFetch {
		t.Errorf("told on the hill by %v", d.Mode)
	}
	must(h.hub.Mute(ctx, ann, valley, group.MuteInput{Target: hash(bob)}))(t)
	must(h.hub.Post(ctx, bob, hill, group.PostInput{Text: []byte("not muted here")}))(t)
	must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(bob), Purge: true}))(t)
	if st := must(h.hub.Standing(ctx, bob, hill))(t); st.Standing != moderation.StandingMember {
		t.Errorf("he is %v on the hill", st.Standing)
	}
	if p := must(h.hub.AuditLog(ctx, ann, hill, group.AuditQuery{}))(t); slices.ContainsFunc(p.Lines, func(l group.Audit) bool { return l.Action == "ban" }) {
		t.Error("the hill's log tells a ban in the valley")
	}
	must(h.hub.Lockdown(ctx, ann, valley, group.LockdownInput{On: true}))(t)
	if in := must(h.hub.Info(ctx, ann, hill))(t); in.Lockdown {
		t.Error("the hill is locked")
	}
	// Who is nobody in a group can do nothing there, whatever he is elsewhere.
	must(h.hub.Leave(ctx, bob, hill))(t)
	refused(t, "an owner elsewhere", second(h.hub.Ban(ctx, bob, hill, group.BanInput{Target: hash(ann)})), group.KindNotMember)
	// The end of one is not the other's.
	if err := h.hub.DeleteGroup(ctx, ann, hill); err != nil {
		t.Fatal(err)
	}
	if p := must(h.hub.Messages(ctx, ann, valley, group.Query{Newest: true, NoEvents: true}))(t); len(p.Entries) == 0 {
		t.Error("the valley has lost its posts")
	}
}

func TestTwoHundredGroupsComeAndGoAndLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, lets(group.Creating{Who: moderation.CreatingMembers}))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.hub.Run(ctx) }()
		bob := person("Bob")
		for i := range 200 {
			g := must(h.hub.CreateGroup(ctx, operator(), group.NewGroup{PublicName: fmt.Sprint("Group ", i), Public: true}))(t)
			must(h.hub.Join(ctx, bob, g.ID, group.JoinInput{Name: "Bob"}))(t)
			must(h.hub.Post(ctx, bob, g.ID, group.PostInput{Text: []byte("hello")}))(t)
			if err := h.hub.DeleteGroup(ctx, operator(), g.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		h.store.View(ctx, func(tx group.ReadTx) error {
			going, err := tx.GroupsToErase()
			if n, e := tx.CountGroups(); n != 1 || len(going) != 0 || err != nil || e != nil {
				t.Errorf("%d groups, %d to erase: %v, %v", n, len(going), err, e)
			}
			if rows, _ := tx.Memberships(hash(bob), 1000); len(rows) != 0 {
				t.Errorf("%d memberships are left", len(rows))
			}
			return nil
		})
		cancel()
		<-done
	})
}
