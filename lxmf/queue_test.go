package lxmf_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

func urgent(p lxmf.Priority) func(*lxmf.Outbound) {
	return func(o *lxmf.Outbound) { o.Priority = p }
}

func patient(o *lxmf.Outbound) { o.TTL = 6 * time.Hour }

// kept makes a message survive restarts.
func kept(o *lxmf.Outbound) { o.Keep, o.TTL = true, 6*time.Hour }

func queuedIn(t *testing.T, s lxmf.Store) (all []lxmf.QueuedMessage) {
	t.Helper()
	for m, err := range s.Queued(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestWhatIsUrgentLeavesFirstAndTheRestInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		a.announce(t)
		to := lxmf.DeliveryHash(bob(t).PublicIdentity)
		for i, p := range []lxmf.Priority{lxmf.PriorityBulk, 0, lxmf.PriorityBulk, lxmf.PriorityAnswer, 0, lxmf.PriorityEmergency, lxmf.PriorityAnswer} {
			a.send(t, to, fmt.Sprint(p, " ", i), by(lxmf.MethodDirect), urgent(p), patient)
		}
		time.Sleep(time.Hour)
		b := live(t, bob(t), m.Port("b"), options{})
		a.announce(t) // Bob has to know her, or the first ones are held
		b.announce(t)
		var got []string
		for range 7 {
			got = append(got, string(b.receive(t).Message.Content))
		}
		want := []string{"emergency 5", "answer 3", "answer 6", "normal 1", "normal 4", "bulk 0", "bulk 2"}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestWhenTooMuchWaitsTheYoungestOfTheLeastUrgentMakesRoom(t *testing.T) {
	t.Parallel()
	size := int64(0)
	for name, c := range map[string]struct {
		bound func(*lxmf.RouterConfig)
		other bool // the urgent one is for somebody else
	}{
		"number":               {func(c *lxmf.RouterConfig) { c.MaxQueue = 4 }, true},
		"number per recipient": {func(c *lxmf.RouterConfig) { c.MaxQueuePerRecipient = 4 }, false},
		"bytes":                {func(c *lxmf.RouterConfig) { c.MaxQueueBytes = 4*size + 3 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				probe, err := lxmf.Pack(alice(t), lxmf.Draft{Content: []byte("1"), Timestamp: 1.5})
				if err != nil {
					t.Fatal(err)
				}
				size = int64(len(probe.Packed()))
				a := live(t, alice(t), m.Port("a"), options{router: c.bound})
				to := lxmf.DeliveryHash(bob(t).PublicIdentity)
				var outs []*lxmf.Outgoing
				for i, p := range []lxmf.Priority{lxmf.PriorityBulk, lxmf.PriorityBulk, 0, lxmf.PriorityAnswer} {
					outs = append(outs, a.send(t, to, fmt.Sprint(i), urgent(p), patient))
				}
				if _, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: to, Content: []byte("4"), Priority: lxmf.PriorityBulk}); !errors.Is(err, lxmf.ErrQueueFull) {
					t.Fatalf("a fifth: %v", err)
				}
				if c.other {
					to = rns.DestinationHash{9}
				}
				a.send(t, to, "5", urgent(lxmf.PriorityEmergency), patient)
				ends(t, outs[1], lxmf.StateFailed)
				if !errors.Is(outs[1].Err(), lxmf.ErrQueueFull) || outs[0].Err() != nil {
					t.Errorf("%v, %v", outs[1].Err(), outs[0].Err())
				}
				if s := a.Stats(); s.QueueNow != 4 || s.Displaced != 1 || s.QueueFull != 1 || s.QueueBytes != 4*size {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestAMessageTooLargeForWhatCouldMakeRoomDisplacesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{router: func(c *lxmf.RouterConfig) { c.MaxQueueBytes = 1000 }})
		small := a.send(t, rns.DestinationHash{1}, "small", urgent(lxmf.PriorityBulk), patient)
		_, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: rns.DestinationHash{1}, Content: make([]byte, 2000), Priority: lxmf.PriorityEmergency})
		if !errors.Is(err, lxmf.ErrQueueFull) || small.State() != lxmf.StateQueued || a.Stats().QueueNow != 1 {
			t.Errorf("%v, %v, %+v", err, small.State(), a.Stats())
		}
	})
}

func TestAKeptMessageIsSentAfterARestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a := live(t, alice(t), m.Port("a"), options{store: store})
		to := lxmf.DeliveryHash(bob(t).PublicIdentity)
		first := a.send(t, to, "kept", kept, urgent(lxmf.PriorityAnswer), by(lxmf.MethodDirect), func(o *lxmf.Outbound) { o.Identity = bob(t).PublicIdentity })
		second := a.send(t, to, "not kept", patient)
		third := a.send(t, to, "cancelled", kept)
		fourth := a.send(t, to, "kept for a minute", func(o *lxmf.Outbound) { o.Keep, o.TTL = true, time.Minute })
		third.Cancel()
		time.Sleep(time.Second)
		a.stop()
		ends(t, first, lxmf.StateFailed)
		ends(t, second, lxmf.StateFailed)
		ends(t, fourth, lxmf.StateFailed)
		if !errors.Is(first.Err(), lxmf.ErrClosed) {
			t.Errorf("%v", first.Err())
		}
		if q := queuedIn(t, store); len(q) != 2 || q[0].ID != first.ID() || q[0].Priority != lxmf.PriorityAnswer || q[0].Method != lxmf.MethodDirect {
			t.Fatalf("kept: %+v", q)
		}

		time.Sleep(2 * time.Hour)
		restored := make(chan *lxmf.Outgoing, 10)
		again := live(t, alice(t), m.Port("a2"), options{store: store, router: func(c *lxmf.RouterConfig) {
			c.OnRestored = func(o *lxmf.Outgoing) { restored <- o }
		}})
		out := <-restored
		if s := again.Stats(); out.ID() != first.ID() || out.Priority() != lxmf.PriorityAnswer || s.Restored != 1 || s.ExpiredKept != 1 {
			t.Errorf("%+v", s)
		}
		again.announce(t)
		b := live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		if in := b.receive(t); in.Message.ID() != first.ID() || string(in.Message.Content) != "kept" {
			t.Errorf("%+v", in.Message)
		}
		ends(t, out, lxmf.StateDelivered)
		time.Sleep(time.Second)
		if q := queuedIn(t, store); len(q) != 0 {
			t.Errorf("still kept: %+v", q)
		}
		b.nothing(t, time.Minute)
	})
}

func TestAMessageSentAgainAfterACrashIsGivenToTheApplicationOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a := live(t, alice(t), m.Port("a"), options{store: store})
		b := live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		store.setKeeping(true) // as if the machine died before the row was deleted
		out := a.send(t, b.Address(), "once", kept)
		ends(t, out, lxmf.StateDelivered)
		a.stop()
		if n := len(queuedIn(t, store)); n != 1 {
			t.Fatalf("%d kept", n)
		}
		store.setKeeping(false)
		again := live(t, alice(t), m.Port("a2"), options{store: store})
		time.Sleep(2 * time.Minute)
		if b.receive(t); b.Stats().Duplicates != 1 || again.Stats().Delivered != 1 || len(queuedIn(t, store)) != 0 {
			t.Errorf("%+v", again.Stats())
		}
		b.nothing(t, time.Minute)
	})
}

func TestWhatStorageDoesNotKeepIsNotSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a := live(t, alice(t), m.Port("a"), options{store: store})
		store.set(true)
		o := &lxmf.Outbound{From: a.Delivery, To: rns.DestinationHash{1}, Content: []byte("x"), Keep: true, TTL: time.Hour}
		if _, err := a.Send(t.Context(), o); !errors.Is(err, errDiskFull) || a.Stats().QueueNow != 0 {
			t.Errorf("%v, %+v", err, a.Stats())
		}
		store.set(false)
		out, err := a.Send(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		store.set(true) // then its end cannot be written, until storage works again
		out.Cancel()
		time.Sleep(time.Second)
		if a.Stats().StoreErrors == 0 || len(queuedIn(t, store)) != 1 {
			t.Errorf("%+v", a.Stats())
		}
		store.set(false)
		time.Sleep(10 * time.Second)
		if n := len(queuedIn(t, store)); n != 0 {
			t.Errorf("%d kept", n)
		}
		if _, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: o.To, Keep: true}); err == nil {
			t.Error("kept forever")
		}
	})
}

// TestAnAddressThatRetiresSaysItsLastWord: what waited is dropped and nothing comes in any more, but what is sent from then on arrives.
func TestAnAddressThatRetiresSaysItsLastWord(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a, b := live(t, alice(t), m.Port("a"), options{store: store}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		time.Sleep(time.Second)
		waits := a.send(t, rns.DestinationHash{1}, "waits", kept)
		if err := a.Delivery.Retire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ends(t, waits, lxmf.StateFailed)
		if !errors.Is(waits.Err(), lxmf.ErrClosed) || len(queuedIn(t, store)) != 0 {
			t.Errorf("what waited: %v, %d are kept", waits.Err(), len(queuedIn(t, store)))
		}
		ends(t, a.send(t, b.Address(), "farewell"), lxmf.StateDelivered)
		late := b.send(t, a.Address(), "is anybody there?", patient)
		time.Sleep(10 * time.Minute)
		if late.State() == lxmf.StateDelivered {
			t.Error("a message to it arrives")
		}
		if err := a.Delivery.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: b.Address()}); !errors.Is(err, lxmf.ErrClosed) {
			t.Errorf("sending when it is closed: %v", err)
		}
	})
}

func TestAClosedAddressTakesItsMessagesAlong(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a := live(t, alice(t), m.Port("a"), options{store: store})
		carol := repeatedKey(t, 0x31, 0x32)
		other, err := a.AddDelivery(lxmf.DeliveryConfig{Identity: carol, OnMessage: (*lxmf.Inbound).Prove})
		if err != nil {
			t.Fatal(err)
		}
		b := live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		if err := other.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ends(t, b.send(t, a.Address(), "a link to close", by(lxmf.MethodDirect)), lxmf.StateDelivered)
		waits := a.send(t, rns.DestinationHash{1}, "waits", kept)
		unheld := b.send(t, a.Address(), strings.Repeat("too late", 100), patient)
		if err := a.Delivery.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		ends(t, waits, lxmf.StateFailed)
		if !errors.Is(waits.Err(), lxmf.ErrClosed) || len(queuedIn(t, store)) != 0 || a.Stats().QueueNow != 0 {
			t.Errorf("%v, %+v", waits.Err(), a.Stats())
		}
		if _, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: b.Address()}); !errors.Is(err, lxmf.ErrClosed) {
			t.Errorf("sending from it: %v", err)
		}
		if err := a.Delivery.Close(t.Context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
		time.Sleep(10 * time.Minute)
		if unheld.State() != lxmf.StateQueued {
			t.Errorf("what came too late is %v", unheld.State())
		}
		ends(t, b.send(t, other.Address(), "to the other one"), lxmf.StateDelivered)
		if a.Stats().LinksNow != 0 || b.Stats().LinksNow != 0 {
			t.Errorf("links: %d, %d", a.Stats().LinksNow, b.Stats().LinksNow)
		}
		if _, err := a.AddDelivery(lxmf.DeliveryConfig{Identity: alice(t), OnMessage: (*lxmf.Inbound).Prove}); err != nil {
			t.Errorf("the address opened again: %v", err)
		}
	})
}
