package group_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/moderation"
)

// TestNobodyTakesAMembersPlaceInAnEstablishedCircle: not who has waited since it was formed, not who has just left, be it that staff give the
// place away or the member does; who had it before gets it back. Once the owner has said that it is fixed no longer, all goes as elsewhere.
func TestNobodyTakesAMembersPlaceInAnEstablishedCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ctx := t.Context()
		people := h.talk("Ann", "Bob", "Cy", "Dan")
		ann, bob, cy, dan := people[0], people[1], people[2], people[3]
		r := h.forms(ann, hash(bob), hash(cy), hash(dan))
		set := func(change func(*moderation.Policy), joining *moderation.Joining) {
			t.Helper()
			must(r.hub.UpdateSettings(ctx, ann, r.id, group.SettingsInput{Joining: joining, Change: change}))(t)
		}
		set(nil, ptr(moderation.JoiningApprove))
		late, phone := person("Late"), person("Dan's new phone")
		must(r.joins(late, "Late"))(t)
		r.in("Bob", "Cy", "Dan")
		must(r.joins(phone, "Dan"))(t)
		give := func(by, from, to group.Caller) error {
			_, err := r.hub.Transfer(ctx, by, r.id, group.TransferInput{From: hash(from), To: hash(to)})
			return err
		}
		if err := give(dan, dan, phone); err != nil {
			t.Fatal("before it is established:", err)
		}
		if err := r.establish(ann); err != nil {
			t.Fatal(err)
		}
		must(r.hub.Leave(ctx, cy, r.id))(t)
		for _, by := range []group.Caller{ann, bob, operator()} {
			for name, to := range map[string]group.Caller{"who waits": late, "who has just left": cy} {
				if e := refused(t, name, give(by, bob, to), group.KindDenied); e.Reason != moderation.ReasonClosed {
					t.Errorf("%s: %+v", name, e)
				}
			}
		}
		if st := must(r.hub.Standing(ctx, late, r.id))(t).Standing; st != moderation.StandingPending {
			t.Errorf("who waits is %s", st)
		}
		if err := give(phone, phone, dan); err != nil {
			t.Error("back to the old phone:", err)
		}
		set(func(p *moderation.Policy) { p.Fixed = false }, nil)
		if err := give(ann, bob, late); err != nil {
			t.Error("when it is fixed no longer:", err)
		}
	})
}

// TestTheOperatorPutsNobodyIntoAnEstablishedCircle: not as its owner, by name or by code; a member can be made one.
func TestTheOperatorPutsNobodyIntoAnEstablishedCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ctx := t.Context()
		people := h.talk("Ann", "Bob")
		ann, bob, spy := people[0], people[1], person("Spy")
		r := h.forms(ann, hash(bob))
		r.in("Bob")
		must(r.hub.SetOwner(ctx, operator(), r.id, hash(person("Named"))))(t)
		if err := r.establish(ann); err != nil {
			t.Fatal(err)
		}
		refused(t, "who was named as an owner, and did not come in time", second(r.joins(person("Named"), "Named")), group.KindDenied)
		refused(t, "an owner from outside", second(r.hub.SetOwner(ctx, operator(), r.id, hash(spy))), group.KindDenied)
		refused(t, "and he joins", second(r.joins(spy, "Spy")), group.KindDenied)
		code := must(r.hub.NewClaimCode(ctx, operator(), r.id))(t).Code
		claim := func(c group.Caller) error {
			_, err := r.hub.Claim(ctx, c, r.id, group.ClaimInput{Code: code, Name: "X"})
			return err
		}
		refused(t, "an owner's code", claim(spy), group.KindDenied)
		refused(t, "the keys of who has tried", second(r.hub.Keys(ctx, spy, r.id, group.KeysQuery{})), group.KindNotMember)
		if err := claim(bob); err != nil {
			t.Error("a member claims:", err)
		}
		must(r.hub.SetOwner(ctx, operator(), r.id, hash(bob)))(t)
	})
}

// TestWhoIsNamedAsTheOwnerTakesASeatInACircle that is formed: there are ten, whoever comes.
func TestWhoIsNamedAsTheOwnerTakesASeatInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.talk("Ann")[0]
		var invite []group.AnyHash
		for i := range 9 {
			invite = append(invite, hash(person(fmt.Sprint("P", i))))
		}
		r := h.forms(ann, invite...)
		own := func(name string) error {
			_, err := r.hub.SetOwner(t.Context(), operator(), r.id, group.AnyHash(group.AddressOf(person(name).Identity)))
			return err
		}
		refused(t, "an eleventh", own("Boss"), group.KindFull)
		if err := own("P0"); err != nil {
			t.Error("one of those asked:", err)
		}
		must(r.hub.DeclineInvite(t.Context(), person("P1"), r.id))(t)
		if err := own("Boss"); err != nil {
			t.Error("in the place of who declined:", err)
		}
		if err := own("Boss"); err != nil {
			t.Error("once more:", err)
		}
		for i := range 9 {
			if i != 1 {
				r.in(fmt.Sprint("P", i))
			}
		}
		r.in("Boss")
		if n := must(r.hub.Info(t.Context(), ann, r.id))(t).Members; n != 10 {
			t.Errorf("%d members", n)
		}
		// The operator's own circle has the owner whom he names, and nine others.
		key := person("another group").PublicKey
		n := group.NewGroup{ID: "ring", PublicKey: key, PrivateKey: []byte("private"), Preset: "circle", Owner: hash(person("Boss")), Invite: append(invite, hash(person("P9")))}
		refused(t, "ten beside the owner", second(h.hub.CreateGroup(t.Context(), operator(), n)), group.KindFull)
		n.Invite = invite
		must(h.hub.CreateGroup(t.Context(), operator(), n))(t)
	})
}

// TestACodeOfTheTimeBeforeIsVoidOnceAGroupIsEstablished, also where others can come later.
func TestACodeOfTheTimeBeforeIsVoidOnceAGroupIsEstablished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		ann := h.talk("Ann")[0]
		r := h.forms(ann)
		must(r.hub.UpdateSettings(t.Context(), ann, r.id, group.SettingsInput{Change: func(p *moderation.Policy) { p.Fixed, p.InviteTo = false, moderation.InviteAnyone }}))(t)
		code := must(r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{Uses: 5}))(t).Code
		join := func(name string) error {
			_, err := r.hub.Join(t.Context(), person(name), r.id, group.JoinInput{Name: name, Code: code})
			return err
		}
		if err := join("Bob"); err != nil {
			t.Fatal(err)
		}
		if err := r.establish(ann); err != nil {
			t.Fatal(err)
		}
		refused(t, "the code of before", join("Cy"), group.KindDenied)
	})
}
