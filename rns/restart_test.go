package rns_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestKnownDestinationsSurviveARestart holds C-069, C-070.
func TestKnownDestinationsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		a, b := rnstest.Start(t, rns.Config{Store: &store}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id, member := rnstest.Identity(t, 1), rnstest.Identity(t, 2)
		d, got := inbox(t, b, id, func(c *rns.DestinationConfig) {
			c.AppData = func() []byte { return []byte("name") }
			c.Ratchets = &rns.RatchetConfig{}
		})
		announce(t, d)
		before, ok := a.Recall(d.Hash())
		if !ok || before.Ratchet == nil {
			t.Fatal("not heard")
		}
		if err := a.Remember(rns.DestinationHash{5}, member.Public()); err != nil {
			t.Fatal(err)
		}
		if list := a.Remembered(); len(list) != 1 || list[0] != (rns.DestinationHash{5}) {
			t.Errorf("remembered: %v", list)
		}
		time.Sleep(10 * time.Minute)
		if store.KnownSaves() != 1 {
			t.Errorf("saved %d times in ten minutes", store.KnownSaves())
		}
		a.Stop()
		if _, ok := a.Recall(d.Hash()); ok {
			t.Error("a stopped node knows something")
		}

		a = rnstest.Start(t, rns.Config{Store: &store}, m.Port("a"))
		synctest.Wait()
		after, ok := a.Recall(d.Hash())
		if !ok || !after.Identity.Equal(id.Public()) || string(after.AppData) != "name" || !bytes.Equal(after.Ratchet, before.Ratchet) ||
			!after.Heard.Equal(before.Heard) || !after.Emitted.Equal(before.Emitted) {
			t.Errorf("after %+v, before %+v", after, before)
		}
		if p, ok := a.RecallIdentity(member.Hash()); !ok || !p.Equal(member.Public()) {
			t.Error("remembered identity is gone")
		}
		if err := a.Remember(rns.DestinationHash{5}, id.Public()); !errors.Is(err, rns.ErrKeyConflict) {
			t.Error(err)
		}
		send(t, a.NewRemote(after.Identity, "test", "inbox"), "x")
		if x := next(t, got); x.Ratchet.IsZero() {
			t.Error("not sent to the ratchet")
		}
	})
}

func TestRatchetsAndAnnounceTimeSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		var years atomic.Int32 // that the clock of b is off
		clock := func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) }
		a := rnstest.Start(t, rns.Config{}, m.Port("a"))
		id := rnstest.Identity(t, 1)
		start := func() (*rnstest.Node, *rns.Destination, <-chan *rns.ReceivedPacket) {
			b := rnstest.Start(t, rns.Config{Store: &store, Clock: clock}, m.Port("b"))
			d, got := inbox(t, b, id, func(c *rns.DestinationConfig) {
				c.Ratchets = &rns.RatchetConfig{Interval: 24 * time.Hour, Enforce: true}
			})
			synctest.Wait() // the port listens
			return b, d, got
		}
		b, d, _ := start()
		announce(t, d)
		first, _ := a.Recall(d.Hash())
		b.Stop()

		// The machine has no battery: after the restart its clock is a year behind.
		years.Store(-1)
		_, d, got := start()
		out := a.NewRemote(id.Public(), "test", "inbox")
		send(t, out, "x")
		if x := next(t, got); x.Ratchet != rns.RatchetIDOf(first.Ratchet) {
			t.Error("old ratchet does not fit any more")
		}
		announce(t, d)
		second, _ := a.Recall(d.Hash())
		if !second.Emitted.Equal(first.Emitted.Add(time.Second)) {
			t.Errorf("emitted %v, then %v", first.Emitted, second.Emitted)
		}
		years.Store(0)
		time.Sleep(time.Hour)
		at := time.Now()
		announce(t, d)
		if k, _ := a.Recall(d.Hash()); !k.Emitted.Equal(at.Truncate(time.Second)) {
			t.Errorf("emitted %v, it was %v", k.Emitted, at)
		}
	})
}

func TestStoreThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		full := errors.New("disk is full")
		tr, err := rns.New(rns.Config{Store: &store})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(m.Port("a"), rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tr.Run(ctx) }()
		id := rnstest.Identity(t, 1)
		if err := tr.Remember(rns.DestinationHash{1}, id.Public()); err != nil {
			t.Fatal(err)
		}
		store.Fail(full)
		time.Sleep(20 * time.Minute)
		store.Fail(nil)
		time.Sleep(6 * time.Minute)
		if store.KnownSaves() != 1 {
			t.Errorf("saved %d times", store.KnownSaves())
		}
		d, err := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "x", Ratchets: &rns.RatchetConfig{}})
		if err != nil {
			t.Fatal(err)
		}
		store.Fail(full)
		announce(t, d) // all the same, but without a ratchet that could not be kept
		if err := tr.Remember(rns.DestinationHash{2}, id.Public()); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, full) {
			t.Error(err)
		}
	})
}
