package lxmf_test

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// unheard keeps a port's announces, and answers to path requests, from being heard until heal is called.
func unheard(m *ifacetest.Medium, from string) (heal func()) {
	var healed atomic.Bool
	m.Drop(func(sender, _ string, frame []byte) bool {
		p, err := rns.ParsePacket(frame)
		return !healed.Load() && sender == from && err == nil && p.PacketType == rns.PacketAnnounce
	})
	return func() { healed.Store(true) }
}

// TestAMessageOfAnUnknownAuthorIsHeldProvedAndVerifiedLater holds: nothing unverified reaches the application.
func TestAMessageOfAnUnknownAuthorIsHeldProvedAndVerifiedLater(t *testing.T) {
	t.Parallel()
	for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				store := new(faultyStore)
				a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store, delivery: manual})
				heal := unheard(m, "a")
				b.announce(t)
				out := a.send(t, b.Address(), "it is me", by(method))
				ends(t, out, lxmf.StateDelivered) // proved, since it is safe
				if s := b.Stats(); s.Held != 1 || s.HeldNow != 1 || s.Accepted != 0 || heldCount(store) != 1 {
					t.Fatalf("%+v", s)
				}
				b.nothing(t, 5*time.Minute) // never unverified

				heal()
				a.announce(t)
				in := b.receive(t)
				if !in.Held || !in.Verified || in.Message.ID() != out.ID() || in.Method != method ||
					!in.Sender.Equal(alice(t).PublicIdentity) {
					t.Errorf("received %+v", in)
				}
				if heldCount(store) != 1 {
					t.Error("dropped before the decision")
				}
				in.Prove()
				time.Sleep(time.Second)
				if s := b.Stats(); s.HeldNow != 0 || heldCount(store) != 0 || s.HeldVerified != 1 {
					t.Errorf("%+v, %d in the store", s, heldCount(store))
				}
				// A repetition is a duplicate.
				a.announce(t)
				if !raw(t, a, bob(t), in.Message) {
					t.Error("copy not proved")
				}
				b.nothing(t, 5*time.Minute)
			})
		})
	}
}

// TestTheAuthorOfAHeldMessageIsAskedForHisAnnounce holds X-024.
func TestTheAuthorOfAHeldMessageIsAskedForHisAnnounce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		ends(t, a.send(t, b.Address(), "first contact"), lxmf.StateDelivered)
		begin := time.Now()
		if in := b.receive(t); !in.Held || in.Interface == "" { // else who joins with his first message over a wire is taken for one on a radio
			t.Errorf("held: %v, by %q", in.Held, in.Interface)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("verified after %v", d)
		}
	})
}

func TestAMemberWhoseKeyIsKeptNeedsNoAnnounce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{router: func(c *lxmf.RouterConfig) {
			c.LookupIdentity = func(h rns.DestinationHash) (*rns.PublicIdentity, bool) {
				return alice(t).PublicIdentity, h == lxmf.DeliveryHash(alice(t).PublicIdentity)
			}
		}})
		b.announce(t)
		ends(t, a.send(t, b.Address(), "long time no see"), lxmf.StateDelivered)
		if in := b.receive(t); in.Held {
			t.Error("held")
		}
		// And she can be written to, by the path that her message's sender asked for.
		ends(t, b.send(t, a.Address(), "hello again"), lxmf.StateDelivered)
		a.receive(t)
	})
}

func TestWhoHasIdentifiedOnALinkNeedsNoAnnounce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		unheard(m, "a")
		b.announce(t)
		// A large message: the sender identifies before it.
		ends(t, a.send(t, b.Address(), strings.Repeat("x", 5000)), lxmf.StateDelivered)
		if in := b.receive(t); in.Held {
			t.Error("held")
		}
	})
}

func TestAHeldForgeryIsDroppedAndTheGenuineMessageIsDelivered(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		heal := unheard(m, "a")
		b.announce(t)
		genuine := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("genuine")})
		for _, message := range []*lxmf.Message{forged(t, genuine), genuine, genuine} {
			if !raw(t, a, bob(t), message) {
				t.Error("not proved")
			}
		}
		if s := b.Stats(); s.Held != 2 || s.Duplicates != 1 {
			t.Errorf("%+v", s)
		}
		heal()
		a.announce(t)
		b.receive(t)
		b.nothing(t, 2*time.Minute)
		if s := b.Stats(); s.HeldForged != 1 || s.HeldVerified != 1 || s.HeldNow != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHeldMessagesAreBoundedPerAuthorAndInAll(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{store: store, router: func(c *lxmf.RouterConfig) {
			c.MaxHeld, c.MaxHeldPerSource = 6, 2
		}})
		unheard(m, "a")
		b.announce(t)
		text := func(from byte, n int) *lxmf.Message {
			return packed(t, rnstest.Identity(t, from), lxmf.Draft{Destination: b.Address(), Timestamp: float64(n)})
		}
		for n := range 5 {
			if !raw(t, a, bob(t), text(1, n)) {
				t.Error("not proved")
			}
		}
		if s := b.Stats(); s.HeldNow != 2 || s.HeldDropped != 3 || heldCount(store) != 2 {
			t.Fatalf("%+v", s)
		}
		for from := byte(2); from < 8; from++ {
			raw(t, a, bob(t), text(from, 0))
		}
		if s := b.Stats(); s.HeldNow != 6 || s.HeldDropped != 5 || heldCount(store) != 6 {
			t.Fatalf("%+v", s)
		}
		// The oldest went: both of the first author.
		for held, err := range store.Held(t.Context()) {
			if err != nil || held.Source == lxmf.DeliveryHash(rnstest.Identity(t, 1).PublicIdentity) {
				t.Errorf("%v is still there, %v", held.Source, err)
			}
		}
		// In time, all go.
		time.Sleep(lxmf.DefaultHeldFor + 2*time.Minute)
		if s := b.Stats(); s.HeldNow != 0 || heldCount(store) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStrangersCanMakeUsWriteOnlySoOften(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store})
		unheard(m, "a")
		b.announce(t)
		to := a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery")
		for n := range 150 {
			message := packed(t, rnstest.Identity(t, byte(n)), lxmf.Draft{Destination: b.Address(), Timestamp: float64(n)})
			if _, err := to.Send(t.Context(), message.OpportunisticData()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		puts := 0
		for _, what := range store.did() {
			if what == "put" {
				puts++
			}
		}
		if s := b.Stats(); puts > 70 || puts < 64 || s.Overload != uint64(150-puts) || s.Proved != uint64(puts) {
			t.Errorf("%d writes, %+v", puts, s)
		}
	})
}

func TestHeldMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(lxmf.MemoryStore)
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store})
		heal := unheard(m, "a")
		b.announce(t)
		out := a.send(t, b.Address(), "before")
		ends(t, out, lxmf.StateDelivered)
		b.stop()
		b.node.Stop()

		heal() // Alice answers the path request of the new Bob
		again := live(t, bob(t), m.Port("b2"), options{store: store})
		in := again.receive(t)
		if !in.Held || in.Message.ID() != out.ID() {
			t.Errorf("received %+v", in)
		}
		time.Sleep(time.Second)
		if heldCount(store) != 0 {
			t.Error("still held")
		}
	})
}

func TestWhatCannotBeHeldIsNotProved(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store, delivery: manual})
		heal := unheard(m, "a")
		b.announce(t)
		store.set(true)
		message := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("x")})
		if raw(t, a, bob(t), message) {
			t.Error("proved, though the disk is full")
		}
		store.set(false)
		if !raw(t, a, bob(t), message) {
			t.Error("not proved")
		}
		// The application could not commit either: the message comes again, without its sender.
		heal()
		a.announce(t)
		b.receive(t).Drop()
		in := b.receive(t)
		if !in.Held {
			t.Error("not the held one")
		}
		in.Prove()
		time.Sleep(time.Minute)
		if heldCount(store) != 0 {
			t.Error("still held")
		}
	})
}

func TestTheProofOfAHeldMessageComesAfterItsCommit(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := &faultyStore{delay: 3 * time.Second}
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{store: store})
		unheard(m, "a")
		b.announce(t)
		begin := time.Now()
		if !raw(t, a, bob(t), packed(t, alice(t), lxmf.Draft{Destination: b.Address()})) {
			t.Error("not proved")
		}
		if d := time.Since(begin); d < 6*time.Second { // asked whether it was seen, then put
			t.Errorf("proved after %v, the commit takes longer", d)
		}
		if !slices.Equal(store.did(), []string{"seen", "put"}) {
			t.Errorf("storage was asked %q", store.did())
		}
	})
}

func TestAStrangersResourceIsSmallAndAloneOnItsInterface(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Latency: 20 * time.Millisecond, Bitrate: 20_000}, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.MaxStrangerSize = 20_000 }})
		a.announce(t)
		b.announce(t)
		open := func() *rns.Link {
			l, err := a.node.OpenLink(t.Context(), a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery"))
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		random := func(n int) rns.ResourceSource {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(i * i >> 3)
			}
			return rns.ResourceBytes(b)
		}
		stranger := open()
		if err := stranger.SendResource(t.Context(), random(20_001), rns.ResourceOptions{NoCompress: true}); err == nil {
			t.Error("a stranger's resource over the limit was taken")
		}
		done := make(chan error, 2)
		for range 2 {
			go func() {
				done <- open().SendResource(t.Context(), random(20_000), rns.ResourceOptions{NoCompress: true})
			}()
		}
		time.Sleep(5 * time.Second)
		if s := b.node.LinkStats(); s.StrangerBusy == 0 {
			t.Errorf("two at a time: %+v", s)
		}
		failed := 0
		for range 2 {
			if err := <-done; err != nil {
				failed++
			}
		}
		t.Logf("%d failed", failed)
		if s := b.Stats(); s.Received < 1 || s.TooLarge != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStrangersCanMakeUsAskOnlySoOften(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		asked := atomic.Int64{}
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		m.Tap(func(from string, frame []byte) {
			if p, err := rns.ParsePacket(frame); err == nil && from == "b" && p.PacketType == rns.PacketData && p.DestinationType == rns.DestinationPlain {
				asked.Add(1)
			}
		})
		to := a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery")
		for n := range 40 {
			message := packed(t, rnstest.Identity(t, byte(n)), lxmf.Draft{Destination: b.Address()})
			if _, err := to.Send(t.Context(), message.OpportunisticData()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if n := asked.Load(); n < 8 || n > 10 {
			t.Errorf("%d path requests at once", n)
		}
		// In time, each author is asked for, but not forever.
		time.Sleep(3 * time.Hour)
		if n := asked.Load(); n < 40 || n > 160 || b.Stats().HeldNow != 0 {
			t.Errorf("%d path requests in all", n)
		}
	})
}

func TestAStrangersMessageIsHeldOnlyWithAStamp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := new(faultyStore)
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{store: store, delivery: func(c *lxmf.DeliveryConfig) {
			c.StampCost = func() int { return 8 }
		}})
		heal := unheard(m, "a")
		b.announce(t)
		bare := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("bare")})
		for _, stamp := range [][]byte{nil, make([]byte, 16), bytes.Repeat([]byte{3}, 32)} {
			if !raw(t, a, bob(t), bare.WithStamp(stamp)) {
				t.Error("not proved")
			}
		}
		if s := b.Stats(); s.Held != 0 || s.StampRefused != 3 || slices.Contains(store.did(), "put") {
			t.Errorf("%+v", s)
		}
		ends(t, a.send(t, b.Address(), "stamped"), lxmf.StateDelivered)
		if s := b.Stats(); s.Held != 1 {
			t.Errorf("%+v", s)
		}
		heal()
		a.announce(t)
		b.receive(t)
	})
}
