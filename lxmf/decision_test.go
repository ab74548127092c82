package lxmf_test

import (
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns/interfaces/ifacetest"
)

func TestNothingIsProvedBeforeTheDecision(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{delivery: manual})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "decide", by(lxmf.MethodOpportunistic))
		in := b.receive(t)
		time.Sleep(5 * time.Second)
		if out.State() != lxmf.StateSent {
			t.Fatalf("state %v before the decision", out.State())
		}
		in.Drop() // the disk was full
		if s := b.Stats(); s.Proved != 0 || s.UndecidedNow != 0 {
			t.Fatalf("%+v", s)
		}
		in.Prove() // too late: dropped already
		again := b.receive(t)
		if again.Message.ID() != out.ID() {
			t.Fatal("another message")
		}
		again.Prove()
		again.Drop()
		ends(t, out, lxmf.StateDelivered)
		if s := b.Stats(); s.Proved != 1 || s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCopiesOfAnUndecidedMessageAreProvedWithIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{delivery: manual})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "slow", by(lxmf.MethodOpportunistic))
		in := b.receive(t)
		time.Sleep(31 * time.Second) // the sender has repeated it
		b.nothing(t, time.Second)
		if s := b.Stats(); s.Duplicates == 0 || s.Proved != 0 {
			t.Fatalf("%+v", s)
		}
		in.Prove()
		ends(t, out, lxmf.StateDelivered)
		if s := b.Stats(); s.Proved != s.Duplicates+1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAForgottenDecisionDoesNotCloseTheDoorForever(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: manual, router: func(c *lxmf.RouterConfig) { c.MaxUndecided = 1 }})
		a.announce(t)
		b.announce(t)
		a.send(t, b.Address(), "forgotten", by(lxmf.MethodOpportunistic))
		b.receive(t)
		ends(t, a.send(t, b.Address(), "no room", by(lxmf.MethodOpportunistic)), lxmf.StateFailed)
		time.Sleep(2 * lxmf.DefaultDecisionTimeout)
		out := a.send(t, b.Address(), "room again", by(lxmf.MethodOpportunistic))
		b.receive(t).Prove()
		ends(t, out, lxmf.StateDelivered)
		if s := b.Stats(); s.Undecided != 1 || s.Overload == 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhenTooMuchIsUndecidedNothingMoreIsTakenOrProved(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: manual, router: func(c *lxmf.RouterConfig) { c.MaxUndecided = 3 }})
		a.announce(t)
		b.announce(t)
		var outs []*lxmf.Outgoing
		for range 5 {
			outs = append(outs, a.send(t, b.Address(), "x", by(lxmf.MethodOpportunistic)))
		}
		time.Sleep(2 * time.Second)
		if s := b.Stats(); s.UndecidedNow != 3 || s.Overload == 0 || s.Proved != 0 {
			t.Fatalf("%+v", s)
		}
		go func() {
			for in := range b.got {
				in.Prove()
			}
		}()
		defer close(b.got)
		for _, out := range outs {
			ends(t, out, lxmf.StateDelivered)
		}
		if s := b.Stats(); s.Accepted != 5 || s.UndecidedNow != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAMessageAcceptedBeforeARestartIsProvedAndNotDeliveredAgain holds X-061.
func TestAMessageAcceptedBeforeARestartIsProvedAndNotDeliveredAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store})
		a.announce(t)
		b.announce(t)
		old := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("old")})
		store.MarkSeen(old.ID()) // by the application, long ago
		if !raw(t, a, bob(t), old) {
			t.Error("not proved")
		}
		b.nothing(t, time.Second)
	})
}

func TestWhenStorageFailsNothingIsProvedAndARetryIsTaken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store})
		a.announce(t)
		b.announce(t)
		store.set(true)
		out := a.send(t, b.Address(), "x", by(lxmf.MethodOpportunistic))
		time.Sleep(5 * time.Second)
		if s := b.Stats(); s.Proved != 0 || s.StoreErrors != 1 {
			t.Fatalf("%+v", s)
		}
		store.set(false)
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
	})
}
