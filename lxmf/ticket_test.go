package lxmf_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

// dear asks for stamps that nobody here makes.
func dear(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return 30 } }

func withTicket(o *lxmf.Outbound) { o.Ticket = true }

// ticketOf is the ticket in a message, the zero one when there is none.
func ticketOf(in *lxmf.Inbound) lxmf.Ticket {
	t, _ := in.Message.Fields.Ticket()
	return t
}

// who was given a ticket makes no stamps, however dear they are; after a restart of both as well.
func TestWhoHasATicketMakesNoStamps(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		ours, theirs := new(lxmf.MemoryStore), new(lxmf.MemoryStore)
		start := func(n string) (group, member *person) {
			group = live(t, alice(t), m.Port("a"+n), options{store: ours, delivery: dear})
			member = live(t, bob(t), m.Port("b"+n), options{store: theirs})
			group.announce(t)
			member.announce(t)
			return group, member
		}
		group, member := start("")
		ends(t, member.send(t, group.Address(), "too dear"), lxmf.StateFailed)
		ends(t, group.send(t, member.Address(), "welcome", withTicket), lxmf.StateDelivered)
		ticket := ticketOf(member.receive(t))
		if life := time.Until(ticket.ExpiresAt()); life < lxmf.TicketLife-time.Minute || life > lxmf.TicketLife {
			t.Errorf("the ticket is good for %v", life)
		}
		for _, n := range []string{"again", "once more"} {
			ends(t, member.send(t, group.Address(), "thanks"), lxmf.StateDelivered)
			in := group.receive(t)
			if in.StampValue != lxmf.TicketStampValue || !bytes.Equal(in.Message.Stamp, lxmf.TicketStamp(ticket.Value, in.Message.ID())) {
				t.Errorf("value %d, stamp %x", in.StampValue, in.Message.Stamp)
			}
			if s := member.Stats(); s.StampsMade != 0 || s.TicketsUsed != 1 {
				t.Errorf("the member: %+v", s)
			}
			if s := group.Stats(); s.StampsChecked != 0 || s.TicketsAccepted != 1 {
				t.Errorf("the group: %+v", s)
			}
			for _, p := range []*person{group, member} {
				p.stop()
				p.node.Stop()
			}
			group, member = start(n)
		}
	})
}

// an expired ticket is worth nothing, though it is remembered.
func TestAnExpiredTicketIsNotAccepted(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		ticket := lxmf.Ticket{Expires: lxmf.Timestamp(time.Now().Add(time.Minute)), Value: [lxmf.TicketLength]byte{1}}
		ours, theirs := new(lxmf.MemoryStore), new(lxmf.MemoryStore)
		pair := lxmf.TicketPair{Delivery: lxmf.DeliveryHash(alice(t).PublicIdentity), Peer: lxmf.DeliveryHash(bob(t).PublicIdentity), Issued: []lxmf.Ticket{ticket}}
		kept := lxmf.TicketPair{Delivery: pair.Peer, Peer: pair.Delivery, Received: ticket}
		if err := errors.Join(ours.PutTickets(t.Context(), pair), theirs.PutTickets(t.Context(), kept)); err != nil {
			t.Fatal(err)
		}
		group := live(t, alice(t), m.Port("a"), options{store: ours, delivery: dear})
		member := live(t, bob(t), m.Port("b"), options{store: theirs})
		group.announce(t)
		member.announce(t)
		stamped := func(text string) *lxmf.Message {
			m := packed(t, bob(t), lxmf.Draft{Destination: group.Address(), Content: []byte(text)})
			return m.WithStamp(lxmf.TicketStamp(ticket.Value, m.ID()))
		}
		time.Sleep(time.Until(ticket.ExpiresAt()) - 2*time.Second)
		raw(t, member, alice(t), stamped("in time"))
		if in := group.receive(t); in.StampValue != lxmf.TicketStampValue {
			t.Errorf("value %d", in.StampValue)
		}
		time.Sleep(2 * time.Second)
		if !raw(t, member, alice(t), stamped("late")) {
			t.Error("refused and not proved")
		}
		group.announce(t)
		out := member.send(t, group.Address(), "late as well")
		ends(t, out, lxmf.StateFailed)
		if !errors.Is(out.Err(), lxmf.ErrStampCost) {
			t.Error(out.Err())
		}
		group.nothing(t, time.Second)
		if s := group.Stats(); s.StampRefused != 1 || s.TicketPairs != 1 {
			t.Errorf("%+v", s)
		}
	})
}

//
func TestTicketsAreKeptOnlyAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		liked := true
		b := live(t, bob(t), m.Port("b"), options{store: store, delivery: func(c *lxmf.DeliveryConfig) {
			c.KeepTicket = func(h rns.DestinationHash) bool { return liked && h == lxmf.DeliveryHash(alice(t).PublicIdentity) }
		}})
		a := live(t, alice(t), m.Port("a"), options{})
		a.announce(t)
		soon := lxmf.Timestamp(time.Now().Add(time.Hour))
		value := bytes.Repeat([]byte{7}, lxmf.TicketLength)
		array := func(v ...msgpack.Raw) msgpack.Raw { return msgpack.Array(v...) }
		message := func(field msgpack.Raw) *lxmf.Message {
			d := lxmf.Draft{Destination: b.Address(), Timestamp: lxmf.Timestamp(time.Now()), Content: []byte("ticket")}
			d.Fields.Set(lxmf.FieldTicket, field)
			time.Sleep(time.Second)
			return packed(t, alice(t), d)
		}
		kept := func() (n int) {
			time.Sleep(time.Second)
			for p, err := range store.Tickets(t.Context()) {
				if err != nil || p.Delivery != b.Address() || p.Peer != lxmf.DeliveryHash(alice(t).PublicIdentity) {
					t.Errorf("%+v, %v", p, err)
				}
				n++
			}
			return n
		}
		good := array(msgpack.Float(soon), msgpack.Bin(value))
		for what, field := range map[string]msgpack.Raw{
			"no list":       msgpack.Bin(value),
			"no ticket":     array(msgpack.Float(soon)),
			"15 bytes":      array(msgpack.Float(soon), msgpack.Bin(value[:15])),
			"17 bytes":      array(msgpack.Float(soon), msgpack.Bin(append(value, 7))),
			"text":          array(msgpack.Float(soon), msgpack.Str(string(value))),
			"time is text":  array(msgpack.Str("soon"), msgpack.Bin(value)),
			"time is nil":   array(msgpack.Nil(), msgpack.Bin(value)),
			"past":          array(msgpack.Float(soon-3601), msgpack.Bin(value)),
			"the year 1970": array(msgpack.Int(0), msgpack.Bin(value)),
			"no number":     array(msgpack.Raw{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1}, msgpack.Bin(value)),
		} {
			if raw(t, a, bob(t), message(field)); kept() != 0 {
				t.Errorf("%s: kept", what)
			}
			b.receive(t) // what is wrong with the ticket does no harm to the message
		}
		raw(t, a, bob(t), forged(t, message(good)))
		b.nothing(t, time.Second)
		liked = false
		raw(t, a, bob(t), message(good))
		b.receive(t)
		if kept() != 0 {
			t.Error("a forger's ticket was kept, or that of one whose are not kept")
		}
		liked = true
		raw(t, a, bob(t), message(array(msgpack.Float(soon), msgpack.Bin(value), msgpack.Nil())))
		b.receive(t)
		if kept() != 1 {
			t.Error("a good ticket was not kept")
		}
		// The newest wins; one for ever is trusted for a while.
		raw(t, a, bob(t), message(array(msgpack.Float(1e300), msgpack.Bin(value[:16]))))
		b.receive(t)
		if kept() != 1 {
			t.Error("two are kept")
		}
		for p := range store.Tickets(t.Context()) {
			if left := time.Until(p.Received.ExpiresAt()); left > lxmf.MaxTicketTrust || left < lxmf.MaxTicketTrust-time.Hour {
				t.Errorf("trusted for %v", left)
			}
		}
	})
}

// one ticket a day at most; the same as long as two weeks of it are left.
func TestTicketsAreRenewedInTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		group := live(t, alice(t), m.Port("a"), options{store: store})
		member := live(t, bob(t), m.Port("b"), options{})
		group.announce(t)
		member.announce(t)
		none := lxmf.Ticket{}
		next := func() lxmf.Ticket {
			t.Helper()
			ends(t, group.send(t, member.Address(), "post", withTicket), lxmf.StateDelivered)
			return ticketOf(member.receive(t))
		}
		first := next()
		if first == none {
			t.Fatal("no ticket")
		}
		if got := next(); got != none {
			t.Error("a second one at once")
		}
		time.Sleep(lxmf.TicketInterval - time.Minute)
		if got := next(); got != none {
			t.Error("a second one within a day")
		}
		time.Sleep(time.Minute)
		if got := next(); got != first {
			t.Error("not the same again after a day")
		}
		time.Sleep(5 * 24 * time.Hour)
		group.stop()
		group.node.Stop()
		group = live(t, alice(t), m.Port("a2"), options{store: store})
		if got := next(); got != first {
			t.Error("not the same again after six days and a restart")
		}
		group.stop()
		group.node.Stop()
		group = live(t, alice(t), m.Port("a3"), options{store: store})
		if got := next(); got != none {
			t.Error("a second one at once after a restart")
		}
		time.Sleep(25 * time.Hour)
		second := next()
		if second == none || second.Value == first.Value {
			t.Error("no new one after a week")
		}
		// Two at once: only one carries it, and if that fails, a later one does.
		time.Sleep(25 * time.Hour)
		member.stop()
		member.node.Stop()
		lost := group.send(t, member.Address(), "lost", withTicket)
		also := group.send(t, member.Address(), "lost as well", withTicket)
		if !lost.Message().Fields.Has(lxmf.FieldTicket) || also.Message().Fields.Has(lxmf.FieldTicket) {
			t.Error("two on their way")
		}
		ends(t, lost, lxmf.StateFailed)
		ends(t, also, lxmf.StateFailed)
		if again := group.send(t, member.Address(), "lost again", withTicket); !again.Message().Fields.Has(lxmf.FieldTicket) {
			t.Error("the ticket that was lost is not given again")
		}
	})
}

// A ticket that could not be stored is not given out: its holder's messages would be refused after a restart.
func TestNoTicketIsGivenThatWasNotStored(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		group := live(t, alice(t), m.Port("a"), options{store: store})
		member := live(t, bob(t), m.Port("b"), options{})
		group.announce(t)
		member.announce(t)
		store.set(true)
		ends(t, group.send(t, member.Address(), "disk full", withTicket), lxmf.StateDelivered)
		if member.receive(t).Message.Fields.Has(lxmf.FieldTicket) {
			t.Error("a ticket that is not stored")
		}
		store.set(false)
		ends(t, group.send(t, member.Address(), "room again", withTicket), lxmf.StateDelivered)
		if !member.receive(t).Message.Fields.Has(lxmf.FieldTicket) {
			t.Error("no ticket afterwards")
		}
	})
}

// tickets are bearer secrets of two: nobody gets another's.
func TestEverybodyGetsATicketOfHisOwn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		group := live(t, alice(t), m.Port("a"), options{delivery: dear})
		member := live(t, bob(t), m.Port("b"), options{})
		other := live(t, carol(t), m.Port("c"), options{})
		for _, p := range []*person{group, member, other} {
			p.announce(t)
		}
		ends(t, group.send(t, member.Address(), "welcome", withTicket), lxmf.StateDelivered)
		ends(t, group.send(t, other.Address(), "welcome", withTicket), lxmf.StateDelivered)
		ticket, another := ticketOf(member.receive(t)), ticketOf(other.receive(t))
		if ticket.Value == another.Value {
			t.Error("the same ticket for two")
		}
		post := packed(t, carol(t), lxmf.Draft{Destination: group.Address(), Content: []byte("borrowed")})
		raw(t, other, alice(t), post.WithStamp(lxmf.TicketStamp(ticket.Value, post.ID())))
		group.nothing(t, time.Second)
	})
}
