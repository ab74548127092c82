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

func TestEmergenciesComeFirstThenPushThenRelayThenDigests(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		w.members(0, 20, group.Preferences{Mode: group.DeliverDigest, DigestEvery: group.MinDigest})
		w.members(100, 20, group.Preferences{Mode: group.DeliverRelay})
		w.members(200, 20, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		w.air.set("radio", func(i *delivery.Interface) { i.Up = false })
		w.post(group.PostInput{})
		time.Sleep(20 * time.Minute) // all are due
		w.air.set("radio", func(i *delivery.Interface) { i.Up = true })
		time.Sleep(2 * time.Minute)
		w.post(group.PostInput{Emergency: true})
		urgent := time.Since(w.start)
		time.Sleep(time.Hour)
		var last, first [3]time.Duration
		for i, m := range []group.DeliveryMode{group.DeliverPush, group.DeliverRelay, group.DeliverDigest} {
			for _, list := range w.couriers[m].got {
				for _, r := range list {
					switch {
					case r.Emergency && (r.at < urgent || r.at > urgent+3*time.Minute):
						t.Errorf("an emergency after %v", r.at-urgent)
					case r.Emergency:
					default:
						if first[i] == 0 || r.at < first[i] {
							first[i] = r.at
						}
						last[i] = max(last[i], r.at)
					}
				}
			}
		}
		if n := w.scheduler.Status().Groups[0]; n.Behind != 0 {
			t.Errorf("%+v", n)
		}
		if first[0] == 0 {
			t.Error("no push before the emergency")
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
		err := w.store.Update(t.Context(), func(tx group.Tx) error {
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
		w.air.route = func(delivery.Address) (string, int) { return "radio", 2 }
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
		push.carry = func(delivery.Recipient) delivery.Outcome { return delivery.NotProved } // for 30 s
		ids := w.members(0, 3000, group.Preferences{Mode: group.DeliverPush})
		w.air.route = func(a delivery.Address) (string, int) { return many[int(a[0])%len(many)].Name, 1 }
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		s := w.scheduler.Status()
		if push.most > 256 || push.most < 200 || s.Groups[0].InFlight > 256 {
			t.Errorf("%d at once", push.most)
		}
		push.carry = nil
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
			if got := w.scheduler.ModeFor(iface); got != want {
				t.Errorf("%q: %s", iface, got)
			}
		}
	})
}
