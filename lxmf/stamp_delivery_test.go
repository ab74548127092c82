package lxmf_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// a missing or wrong stamp drops the message.
func TestAStampIsMadeWhenTheRecipientAsksForOne(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost = func() int { return 8 }
			c.StampExempt = func(h rns.DestinationHash) bool { return h == rns.DestinationHash{1} }
			manual(c)
		}})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "please")
		in := b.receive(t)
		in.Prove()
		ends(t, out, lxmf.StateDelivered)
		if in.StampValue < 7 || len(in.Message.Stamp) != lxmf.StampLength || in.Message.ID() != out.ID() {
			t.Errorf("value %d, stamp %x", in.StampValue, in.Message.Stamp)
		}
		// Without one, or with a wrong one, a message is proved and dropped.
		bare := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("bare")})
		for _, stamp := range [][]byte{nil, {}, make([]byte, 16), make([]byte, 31), bytes.Repeat([]byte{1}, 32)} {
			if !raw(t, a, bob(t), bare.WithStamp(stamp)) {
				t.Errorf("stamp %x: not proved", stamp)
			}
		}
		b.nothing(t, time.Second)
		if s := b.Stats(); s.StampRefused != 5 {
			t.Errorf("%+v", s)
		}
	})
}

//
func TestAStampThatCostsTooMuchIsNotMade(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost = func() int { return 21 }
			manual(c)
		}})
		b.announce(t)
		out := a.send(t, b.Address(), "please")
		ends(t, out, lxmf.StateFailed)
		if !errors.Is(out.Err(), lxmf.ErrStampCost) {
			t.Error(out.Err())
		}
	})
}

func TestOneWhoMustNotMakeUsWorkGetsNoDearStamp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return 9 } }})
		b.announce(t)
		dear := a.send(t, b.Address(), "dear", func(o *lxmf.Outbound) { o.MaxStampCost = 8 })
		ends(t, dear, lxmf.StateFailed)
		if !errors.Is(dear.Err(), lxmf.ErrStampCost) {
			t.Error(dear.Err())
		}
		a.announce(t)
		ends(t, a.send(t, b.Address(), "cheap", func(o *lxmf.Outbound) { o.MaxStampCost = 9 }), lxmf.StateDelivered)
		b.receive(t)
	})
}

func TestThoseExemptNeedNoStamp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost = func() int { return 8 }
			c.StampExempt = func(h rns.DestinationHash) bool { return h == lxmf.DeliveryHash(alice(t).PublicIdentity) }
			manual(c)
		}})
		a.announce(t)
		b.announce(t)
		m2 := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("member")})
		done := make(chan bool)
		go func() { done <- raw(t, a, bob(t), m2) }()
		b.receive(t).Prove()
		if !<-done {
			t.Error("not proved")
		}
	})
}

// where stamps are only noted, a message without one is delivered, and shows it.
func TestWhereStampsAreOptionalAMessageWithoutOneIsDelivered(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost, c.StampOptional = func() int { return 8 }, true
		}})
		a.announce(t)
		b.announce(t)
		for i, stamp := range [][]byte{nil, make([]byte, 16), bytes.Repeat([]byte{1}, 32)} {
			bare := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte{byte('1' + i)}})
			raw(t, a, bob(t), bare.WithStamp(stamp))
			if in := b.receive(t); in.StampValue != 0 {
				t.Errorf("stamp %x: value %d", stamp, in.StampValue)
			}
		}
		ends(t, a.send(t, b.Address(), "stamped"), lxmf.StateDelivered)
		if in := b.receive(t); in.StampValue < 7 {
			t.Errorf("value %d of a good stamp", in.StampValue)
		}
	})
}

// the search ends, and with it the message; the next one is made.
func TestACancelledMessageEndsTheSearchForItsStamp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		var cost atomic.Int64
		cost.Store(200)
		a := live(t, alice(t), m.Port("a"), options{router: func(c *lxmf.RouterConfig) { c.MaxStampCost = lxmf.MaxStampCost }})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return int(cost.Load()) } }})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "never")
		for out.State() != lxmf.StateGenerating {
			runtime.Gosched()
		}
		out.Cancel()
		ends(t, out, lxmf.StateCancelled)
		if !errors.Is(out.Err(), lxmf.ErrCancelled) {
			t.Error(out.Err())
		}
		cost.Store(4)
		b.announce(t)
		ends(t, a.send(t, b.Address(), "cheap"), lxmf.StateDelivered)
		b.receive(t)
	})
}

// what can be refused for less is refused before its stamp is looked at: forged, duplicate, ignored.
func TestStampsAreCheckedLast(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		var ignored atomic.Bool
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost = func() int { return 4 }
			c.Ignore = func(rns.DestinationHash) bool { return ignored.Load() }
		}})
		a.announce(t)
		stamp := func(m *lxmf.Message) *lxmf.Message {
			stamp, err := lxmf.MakeStamp(t.Context(), rand.Reader, m.ID(), 4)
			if err != nil {
				t.Fatal(err)
			}
			return m.WithStamp(stamp)
		}
		first := stamp(packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("first")}))
		raw(t, a, bob(t), first)
		b.receive(t)
		raw(t, a, bob(t), first)
		second := stamp(packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("second")}))
		raw(t, a, bob(t), forged(t, second))
		ignored.Store(true)
		if !raw(t, a, bob(t), second) {
			t.Error("an ignored message is not proved")
		}
		b.nothing(t, time.Second)
		if s := b.Stats(); s.StampsChecked != 1 || s.Duplicates != 1 || s.Forged != 1 || s.Ignored != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A cost that rises is asked when senders have been told, one that falls at once.
func TestACostIsAskedWhenItHasBeenAnnounced(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		var cost atomic.Int64
		cost.Store(4)
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return int(cost.Load()) } }})
		a.announce(t)
		b.announce(t)
		cost.Store(30)
		ends(t, a.send(t, b.Address(), "as announced"), lxmf.StateDelivered)
		b.receive(t)
		b.announce(t)
		ends(t, a.send(t, b.Address(), "too dear"), lxmf.StateFailed)
		cost.Store(0)
		raw(t, a, bob(t), packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("for nothing")}))
		b.receive(t)
	})
}

// A stranger's message is held after its stamp was found good; its value is known when it is handed out.
func TestTheStampOfAHeldMessageCounts(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return 6 } }})
		b.announce(t)
		ends(t, a.send(t, b.Address(), "who am I"), lxmf.StateDelivered)
		if in := b.receive(t); !in.Held || in.StampValue < 5 {
			t.Errorf("held %v, value %d", in.Held, in.StampValue)
		}
	})
}
