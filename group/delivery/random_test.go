package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
)

// Days of posts, lost proofs, radios that go down, restarts, changed minds and wrong clocks: whatever happens, nothing is sent in quiet
// hours, the duty cycle is kept, cursors never go back, and when all is well again everybody has everything.
func TestRandomDaysEndWithEverybodyUpToDate(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomDays(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func randomDays(t *testing.T, r *rand.Rand) {
	const duty = 0.1
	w := newWorld(t, memory.New(), radio(func(i *delivery.Interface) { i.Duty, i.Share = duty, 0.2 }), wire())
	quiet := group.QuietHours{From: 23 * time.Hour, Until: 6 * time.Hour}
	var ids []group.IdentityHash
	for n := range 60 {
		p := group.Preferences{Mode: 1 + group.DeliveryMode(r.IntN(4)), DigestEvery: time.Hour, ViaPropagation: r.IntN(2) == 0}
		if n%3 == 0 {
			p.Quiet = quiet
		}
		ids = append(ids, w.members(n, 1, p)...)
	}
	w.air.routed(func(a delivery.Address) (string, int) {
		if a[0]%2 == 0 {
			return "radio", 1
		}
		return "wire", 3
	})
	var well atomic.Bool
	end := func(m delivery.Recipient) delivery.Outcome {
		switch n := m.Member.Identity[1]; {
		case well.Load():
			return delivery.Proved
		case m.Node && n%4 == 0:
			return delivery.NoNode
		case m.Node:
			return delivery.LeftAtNode
		case n%4 == 1:
			return delivery.NotProved
		case n%4 == 2 && m.After%3 == 0:
			return delivery.Unreached
		}
		return delivery.Proved
	}
	for _, c := range w.couriers {
		c.ends(end)
	}
	w.run()
	cursors := make(map[group.IdentityHash]group.Rev)
	check := func() {
		t.Helper()
		for _, id := range ids {
			d := w.row(id)
			if d.Cursor < cursors[id] {
				t.Fatalf("a cursor went from %d to %d", cursors[id], d.Cursor)
			}
			cursors[id] = d.Cursor
		}
	}
	for range 150 {
		switch r.IntN(12) {
		case 0, 1, 2, 3, 4:
			w.post(group.PostInput{Emergency: r.IntN(20) == 0})
		case 5:
			w.restart()
		case 6:
			up := r.IntN(2) == 0
			w.air.set("radio", func(i *delivery.Interface) { i.Up = up })
		case 7:
			w.air.set("wire", func(i *delivery.Interface) { i.Up = r.IntN(3) > 0 })
		case 8:
			w.scheduler.Heard(ids[r.IntN(len(ids))])
		case 9:
			id, m := ids[r.IntN(len(ids))], 1+group.DeliveryMode(r.IntN(4))
			_, err := w.hub.UpdateNotifications(t.Context(), group.Caller{Identity: id}, main, group.NotificationsInput{Mode: &m})
			if err != nil && group.KindOf(err) != group.KindRateLimited {
				t.Fatal(err)
			}
		case 10:
			w.scheduler.Charge("radio", delivery.Answer, ids[0], r.IntN(2000), 4, 0)
		}
		time.Sleep(time.Duration(r.IntN(40)) * time.Minute)
		check()
	}
	w.air.set("radio", func(i *delivery.Interface) { i.Up = true })
	w.air.set("wire", func(i *delivery.Interface) { i.Up = true })
	well.Store(true)
	time.Sleep(10 * time.Minute)
	for _, id := range ids {
		w.scheduler.Heard(id)
	}
	time.Sleep(24 * time.Hour)
	check()
	if s := w.scheduler.Status().Groups[0]; s.Behind != 0 || s.InFlight != 0 || s.Waiting != 0 {
		t.Errorf("at the end: %+v", s)
	}
	for _, c := range w.couriers {
		for _, p := range c.all() {
			began := w.start.Add(p.at).Add(-time.Minute) // what a parcel takes, at most
			if p.Quiet.Left(w.start.Add(p.at)) > 0 && p.Quiet.Left(began) > 0 && !p.Emergency {
				t.Errorf("a %s in quiet hours, at %v", p.Mode, w.start.Add(p.at).Format(time.TimeOnly))
			}
		}
	}
	if worst := w.air.worst("radio"); worst > time.Duration(duty*float64(time.Hour)) {
		t.Errorf("%v in the worst hour", worst)
	}
	w.stop()
}
