package lxmf_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

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
