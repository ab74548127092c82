package lxmf_test

import (
	"bytes"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns/interfaces/ifacetest"
)

const aYear = 365 * 24 * time.Hour

// TestAnAuthorsClockMayBeYearsOff: his messages come, once each, with the time that he wrote and the time at which they came.
func TestAnAuthorsClockMayBeYearsOff(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		for _, off := range []time.Duration{aYear, -aYear, -30 * aYear, 0} {
			at := time.Now().Add(off)
			msg := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Timestamp: lxmf.Timestamp(at), Content: []byte("x")})
			for range 2 {
				if !raw(t, a, bob(t), msg) {
					t.Errorf("%v off: not proved", off)
				}
			}
			in := b.receive(t)
			if d := in.Message.Time().Sub(at); d > time.Millisecond || d < -time.Millisecond {
				t.Errorf("%v off: written at %v", off, in.Message.Time())
			}
			if since := time.Since(in.ReceivedAt); since < 0 || since > time.Minute {
				t.Errorf("%v off: came at %v", off, in.ReceivedAt)
			}
			b.nothing(t, time.Second)
		}
		if s := b.Stats(); s.Duplicates != 4 || s.Accepted != 4 {
			t.Errorf("%+v", s)
		}
	})
}

// TestTwoMonthsOffForgetNothing: what was accepted stays known, and what is new is taken, by a clock that is two months behind.
func TestTwoMonthsOffForgetNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a := live(t, alice(t), m.Port("a"), options{})
		a.announce(t)
		b := live(t, bob(t), m.Port("b"), options{store: store})
		b.announce(t)
		written := lxmf.Timestamp(time.Now())
		old := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Timestamp: written, Content: []byte("old")})
		raw(t, a, bob(t), old)
		store.MarkSeen(b.receive(t).Message.ID())
		b.stop()
		time.Sleep(60 * 24 * time.Hour)
		c := live(t, bob(t), m.Port("c"), options{store: store})
		c.announce(t)
		a.announce(t)
		if !raw(t, a, bob(t), old) {
			t.Error("the old one was not proved again")
		}
		c.nothing(t, time.Second)
		raw(t, a, bob(t), packed(t, alice(t), lxmf.Draft{Destination: c.Address(), Timestamp: written + 1, Content: []byte("new")}))
		if in := c.receive(t); string(in.Message.Content) != "new" {
			t.Errorf("got %q", in.Message.Content)
		}
	})
}

// TestANodesClockMayBeYearsOff: it is used, and mail comes from it once.
func TestANodesClockMayBeYearsOff(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{aYear, -aYear} {
		bubble(t, func(t *testing.T, m *ifacetest.Medium) {
			a, p, n := mailbox(t, m, options{})
			n.mu.Lock()
			n.data.Time = time.Now().Add(off).Unix()
			n.mu.Unlock()
			n.announce()
			n.leave(bob(t), alice(t).Public(), "from another year")
			if r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{}); r.Decided != 1 {
				t.Errorf("%v off: %+v", off, r)
			}
			if in := a.receive(t); !bytes.Equal(in.Message.Content, []byte("from another year")) {
				t.Errorf("%v off: %q", off, in.Message.Content)
			}
			if r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{}); r.Fetched != 0 || n.holds() != 0 {
				t.Errorf("%v off, again: %+v", off, r)
			}
		})
	}
}
