package delivery_test

import (
	"testing"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/moderation"
)

func TestTheLegalDutyCycleIsNeverPassed(t *testing.T) {
	const duty = 0.01
	limited := func(i *delivery.Interface) { i.Duty, i.Share = duty, 0.5 }
	inBubble(t, []delivery.Interface{radio(limited)}, func(w *world) {
		w.members(0, 300, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(4 * time.Hour)
		w.post(group.PostInput{Emergency: true}) // not even for this
		for range 3 {
			time.Sleep(time.Hour)
			w.air.packet(w.start, "radio", 500, true) // others of this machine transmit, too
		}
		limit := time.Duration(duty * float64(time.Hour))
		worst := w.air.worst("radio")
		if worst > limit || worst < limit*8/10 {
			t.Errorf("%v in the worst hour, %v allowed", worst, limit)
		}
		i := w.scheduler.Status().Interfaces[0]
		if i.Hour > limit || i.Duty != duty || i.Share != duty || i.Spent[delivery.Other] < radio().Airtime(500) || i.Spent[delivery.Emergency] == 0 {
			t.Errorf("%+v", i)
		}
	})
}

func TestWhoSendsHimselfIsToldWhenItIsHisTurn(t *testing.T) {
	inBubble(t, []delivery.Interface{radio(), wire()}, func(w *world) {
		time.Sleep(time.Minute)
		const bytes = 400
		if wait := w.scheduler.Wait("radio", delivery.Push, bytes); wait != 0 {
			t.Errorf("%v on a quiet channel", wait)
		}
		w.scheduler.Charge("radio", delivery.Answer, group.IdentityHash{}, 100*500, 100, 0)
		wait := w.scheduler.Wait("radio", delivery.Push, bytes)
		if wait < time.Minute || wait > time.Hour {
			t.Errorf("%v after a hundred packets", wait)
		}
		if wait := w.scheduler.Wait("radio", delivery.Emergency, bytes); wait != 0 {
			t.Errorf("%v for an emergency", wait)
		}
		for _, other := range []string{"wire", "none"} {
			if wait := w.scheduler.Wait(other, delivery.Push, bytes); wait != 0 {
				t.Errorf("%v on %s", wait, other)
			}
		}
		time.Sleep(wait + time.Second)
		if wait := w.scheduler.Wait("radio", delivery.Push, bytes); wait != 0 {
			t.Errorf("%v after waiting", wait)
		}
	})
}

func TestPushGoesBeforeRelayAndRelayBeforeDigests(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		modes := []group.DeliveryMode{group.DeliverDigest, group.DeliverRelay, group.DeliverPush}
		for i, m := range modes {
			w.members(100*i, 20, group.Preferences{Mode: m, DigestEvery: group.MinDigest})
		}
		w.restart()
		w.scheduler.Charge("radio", delivery.Answer, group.IdentityHash{}, 400*500, 500, 0) // half an hour of the share
		w.post(group.PostInput{})
		time.Sleep(2 * time.Hour)
		next := time.Duration(1 << 62)
		for _, m := range modes { // the last ones first
			all := w.couriers[m].all()
			if len(all) != 20 || all[len(all)-1].at > next {
				t.Errorf("%s: %d parcels, the last one later than the first of what comes after it", m, len(all))
			}
			next = all[0].at
		}
	})
}

func TestAnEmergencyGoesBeforeAllThatWaits(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		w.members(0, 200, group.Preferences{Mode: group.DeliverPush})
		w.members(500, 10, group.Preferences{Mode: group.DeliverDigest})
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(2 * time.Minute)
		w.post(group.PostInput{Emergency: true})
		began := time.Since(w.start)
		i := radio()
		each := i.Airtime(180) + i.Airtime(delivery.ProofBytes)
		time.Sleep(250 * each) // with no regard to shares
		told := 0
		for _, m := range []group.DeliveryMode{group.DeliverPush, group.DeliverDigest} {
			for _, r := range w.couriers[m].all() {
				switch {
				case r.Emergency:
					told++
				case r.at > began+2*each:
					t.Errorf("something else %v after the emergency", r.at-began)
				}
			}
		}
		if told != 210 {
			t.Errorf("%d of 210 are told of the emergency", told)
		}
	})
}

func TestAnEmergencyIsTriedOnceForWhoWasGivenUpAndPassesNoPause(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		push := w.couriers[group.DeliverPush]
		push.ends(func(delivery.Recipient) delivery.Outcome { return delivery.NotProved })
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		bob := w.members(1, 1, group.Preferences{Mode: group.DeliverPush, Paused: true})[0]
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(24 * time.Hour)
		before := len(push.of(ann))
		w.post(group.PostInput{Emergency: true})
		time.Sleep(24 * time.Hour)
		if n := len(push.of(ann)) - before; n != 1 || w.row(ann).State != group.DeliveryWaits {
			t.Errorf("%d more tries, %+v", n, w.row(ann))
		}
		if n := len(push.of(bob)); n != 0 {
			t.Errorf("%d parcels to who paused", n)
		}
	})
}

func TestOneMemberCannotUseUpTheAir(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		greedy := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		w.restart()
		begin := time.Since(w.start)
		const hours = 6
		for range hours * 180 { // a post every 20 seconds
			w.post(group.PostInput{})
			time.Sleep(20 * time.Second)
		}
		i := radio()
		each := i.Airtime(180) + i.Airtime(delivery.ProofBytes)
		hour := time.Duration(i.Share * delivery.MemberShare * float64(time.Hour))
		spent := time.Duration(len(w.couriers[group.DeliverPush].of(greedy))) * each
		if most := (hours + 1) * hour; spent > most+2*each || spent < most/2 {
			t.Errorf("%v in %v, %v allowed", spent, time.Since(w.start)-begin, most)
		}
		s := w.scheduler.Status().Interfaces[0]
		if len(s.Members) != 1 || s.Members[0].Identity != greedy || s.Members[0].Spent != s.Spent[delivery.Push] || (s.Spent[delivery.Push]-spent).Abs() > each {
			t.Errorf("%v spent, the account says %+v", spent, s)
		}
		if w.scheduler.Stats().OverShare == 0 {
			t.Error("not counted")
		}
	})
}

func TestAGroupTakesNoMoreThanItsPolicySays(t *testing.T) {
	free := func(i *delivery.Interface) { i.Share = 0 }
	inBubble(t, []delivery.Interface{radio(free)}, func(w *world) {
		w.members(0, 400, group.Preferences{Mode: group.DeliverPush})
		err := w.store.Update(w.t.Context(), func(tx group.Tx) error {
			g, err := tx.Group(main)
			if err != nil {
				return err
			}
			g.Policy = moderation.Policy{AirtimeShare: 5}
			return tx.PutGroup(g)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Hour)
		spent := w.scheduler.Status().Interfaces[0].Spent[delivery.Push]
		if most := 5 * time.Hour / 100; spent > most+4*time.Second || spent < most*9/10 {
			t.Errorf("%v in an hour, not %v", spent, most)
		}
	})
}

func TestNothingIsLostWhileAnInterfaceIsDownOrGone(t *testing.T) {
	inBubble(t, []delivery.Interface{wire(), radio()}, func(w *world) {
		ids := w.members(0, 50, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		w.air.set("wire", func(i *delivery.Interface) { i.Up = false })
		time.Sleep(time.Minute)
		w.post(group.PostInput{})
		time.Sleep(10 * time.Minute)
		if n, _ := w.couriers[group.DeliverPush].reached(); n != 0 {
			t.Errorf("%d reached over nothing", n)
		}
		w.air.routed(func(delivery.Address) (string, int) { return "radio", 2 })
		time.Sleep(20 * time.Minute)
		if n, _ := w.couriers[group.DeliverPush].reached(); n != len(ids) {
			t.Errorf("%d reached by the other way", n)
		}
	})
}

func TestParcelsOnTheirWayAreBounded(t *testing.T) {
	many := []delivery.Interface{wire(), radio(func(i *delivery.Interface) { i.Share = 1 })}
	for n := range 9 {
		i := wire()
		i.Name = "wire " + string(rune('a'+n))
		many = append(many, i)
	}
	inBubble(t, many, func(w *world) {
		push := w.couriers[group.DeliverPush]
		push.ends(func(delivery.Recipient) delivery.Outcome { return delivery.NotProved }) // after 30 s
		ids := w.members(0, 3000, group.Preferences{Mode: group.DeliverPush})
		w.air.routed(func(a delivery.Address) (string, int) { return many[int(a[0])%len(many)].Name, 1 })
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		s := w.scheduler.Status()
		if most := push.atOnce(); most > 256 || most < 200 || s.Groups[0].InFlight > 256 {
			t.Errorf("%d at once", most)
		}
		push.ends(nil)
		time.Sleep(2 * time.Hour)
		for _, id := range ids {
			if got := push.of(id); len(got) == 0 || got[len(got)-1].outcome != delivery.Proved {
				t.Fatalf("%d parcels to %s", len(got), id)
			}
		}
	})
}

func TestAnnouncesWaitForEverythingElseUnlessTheyAreLate(t *testing.T) {
	inBubble(t, []delivery.Interface{radio(func(i *delivery.Interface) { i.Duty = 0.1 })}, func(w *world) {
		time.Sleep(time.Minute)
		if !w.scheduler.MayAnnounce(240, false) {
			t.Error("no announce on a silent radio")
		}
		w.members(0, 100, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(30 * time.Second)
		if w.scheduler.MayAnnounce(240, false) {
			t.Error("an announce while members wait")
		}
		if !w.scheduler.MayAnnounce(240, true) {
			t.Error("a late announce waits on")
		}
		spent := w.scheduler.Status().Interfaces[0].Spent[delivery.Announce]
		if spent != radio().Airtime(240) {
			t.Errorf("charged %v", spent)
		}
		for range 10_000 {
			w.scheduler.MayAnnounce(240, true)
		}
		if i := w.scheduler.Status().Interfaces[0]; i.Hour > 6*time.Minute {
			t.Errorf("%v in an hour", i.Hour)
		}
	})
}

func TestAnswersAreChargedBeforeWhatIsSentToMembers(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		w.restart()
		time.Sleep(time.Minute)
		w.scheduler.Charge("radio", delivery.Answer, ann, 60*400, 60, 60)
		w.scheduler.Charge("no such", delivery.Answer, ann, 60*400, 60, 60)
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		if n := len(w.couriers[group.DeliverPush].of(ann)); n != 0 {
			t.Error("sent although the share is spent on answers")
		}
		if s := w.scheduler.Status().Interfaces[0].Spent[delivery.Answer]; s < 30*time.Second {
			t.Error(s)
		}
		time.Sleep(15 * time.Minute)
		if n := len(w.couriers[group.DeliverPush].of(ann)); n != 1 {
			t.Error("never sent")
		}
	})
}

func TestWhoJoinsByTextBeginsWithWhatHisWayCanBear(t *testing.T) {
	inBubble(t, []delivery.Interface{wire(), radio()}, func(w *world) {
		for iface, want := range map[string]group.DeliveryMode{"wire": group.DeliverRelay, "radio": group.DeliverDigest, "": group.DeliverDigest} {
			if got := w.scheduler.ModeFor(main, iface); got != want {
				t.Errorf("%q: %s", iface, got)
			}
		}
		w.air.add(delivery.Interface{Name: "fresh", Up: true})
		if got := w.scheduler.ModeFor(main, "fresh"); got != group.DeliverRelay {
			t.Errorf("by what has just come up: %s", got)
		}
		w.scheduler.Register(main, group.DeliverRelay, nil)
		if got := w.scheduler.ModeFor(main, "wire"); got != group.DeliverFetch {
			t.Errorf("%s, and nobody relays", got)
		}
	})
}
