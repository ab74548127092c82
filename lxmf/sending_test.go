package lxmf_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

func TestAMessageToNobodyFailsWithinAMinute(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
			begin := time.Now()
			out := a.send(t, rns.DestinationHash{byte(method)}, "hello?", by(method))
			ends(t, out, lxmf.StateFailed)
			if !errors.Is(out.Err(), lxmf.ErrUnknownRecipient) || time.Since(begin) > time.Minute {
				t.Errorf("%v: %v after %v", method, out.Err(), time.Since(begin))
			}
			begin = time.Now()
			out = a.send(t, lxmf.DeliveryHash(bob(t).PublicIdentity), "hello?", by(method),
				func(o *lxmf.Outbound) { o.Identity = bob(t).PublicIdentity })
			ends(t, out, lxmf.StateFailed)
			if !errors.Is(out.Err(), lxmf.ErrNotDelivered) || time.Since(begin) > 2*time.Minute {
				t.Errorf("%v: %v after %v", method, out.Err(), time.Since(begin))
			}
		}
		if s := a.Stats(); s.QueueNow != 0 || s.Failed != 4 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAPatientMessageWaitsForItsRecipientsAnnounce holds X-049.
func TestAPatientMessageWaitsForItsRecipientsAnnounce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		a.announce(t)
		var outs []*lxmf.Outgoing
		for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
			outs = append(outs, a.send(t, lxmf.DeliveryHash(bob(t).PublicIdentity), "until tonight", by(method),
				func(o *lxmf.Outbound) { o.TTL = 6 * time.Hour }))
		}
		time.Sleep(3 * time.Hour)
		for _, out := range outs {
			if out.State() != lxmf.StateQueued {
				t.Fatalf("state %v", out.State())
			}
		}
		b := live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		begin := time.Now()
		for _, out := range outs {
			ends(t, out, lxmf.StateDelivered)
		}
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("delivered %v after the announce", d)
		}
		// And one that nobody takes ends with its time.
		out := a.send(t, rns.DestinationHash{9}, "x", func(o *lxmf.Outbound) { o.TTL = time.Hour })
		begin = time.Now()
		ends(t, out, lxmf.StateFailed)
		if d := time.Since(begin); d < 59*time.Minute || d > 61*time.Minute {
			t.Errorf("given up after %v", d)
		}
	})
}

func TestALostProofIsTriedAgainAndDeliveredOnce(t *testing.T) {
	t.Parallel()
	for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
				a.announce(t)
				b.announce(t)
				// The first two proofs of packets do not arrive.
				lost := 0
				m.Drop(func(from, to string, frame []byte) bool {
					p, err := rns.ParsePacket(frame)
					if err != nil || from != "b" || p.PacketType != rns.PacketProof || p.Context != rns.ContextNone || lost == 2 {
						return false
					}
					lost++
					return true
				})
				out := a.send(t, b.Address(), "once", by(method))
				ends(t, out, lxmf.StateDelivered)
				if lost != 2 {
					t.Errorf("%d proofs lost", lost)
				}
				b.receive(t)
				b.nothing(t, time.Minute)
				if s := b.Stats(); s.Accepted != 1 || s.Duplicates != 2 || s.Proved != 3 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestADelayedProofDoesNotMakeTheSenderRepeat(t *testing.T) {
	t.Parallel()
	for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			bubbleOn(t, ifacetest.Options{Latency: 100 * time.Microsecond}, func(t *testing.T, m *ifacetest.Medium) {
				a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{delivery: manual})
				a.announce(t)
				b.announce(t)
				go func() {
					for in := range b.got {
						time.Sleep(50 * time.Millisecond) // the commit
						in.Prove()
					}
				}()
				defer close(b.got)
				for range 50 {
					ends(t, a.send(t, b.Address(), "slow", by(method)), lxmf.StateDelivered)
				}
				if s := b.Stats(); s.Duplicates != 0 || s.Received != 50 {
					t.Errorf("%+v", s)
				}
				// The initiator's patience is six round trips, as it measured them.
				if method == lxmf.MethodDirect && a.Stats().LinksNow != 1 {
					t.Error("the link did not hold")
				}
			})
		})
	}
}

func TestTheQueuesAreBoundedPerRecipientAndInAll(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{router: func(c *lxmf.RouterConfig) {
			c.MaxQueue, c.MaxQueuePerRecipient = 5, 3
		}})
		try := func(to byte) error {
			_, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: rns.DestinationHash{to}, Content: []byte("x")})
			return err
		}
		for i, want := range []error{nil, nil, nil, lxmf.ErrQueueFull} {
			if err := try(1); !errors.Is(err, want) {
				t.Errorf("message %d: %v", i, err)
			}
		}
		for i, want := range []error{nil, nil, lxmf.ErrQueueFull} {
			if err := try(2); !errors.Is(err, want) {
				t.Errorf("message %d to another: %v", i, err)
			}
		}
		if s := a.Stats(); s.QueueNow != 5 || s.QueueFull != 2 {
			t.Errorf("%+v", s)
		}
		time.Sleep(5 * time.Minute) // all have failed
		if err := try(1); err != nil {
			t.Error(err)
		}
		if s := a.Stats(); s.QueueNow != 1 || s.Failed != 5 {
			t.Errorf("%+v", s)
		}
	})
}

func TestManyMessagesTravelOnOneLinkAtATime(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Latency: 100 * time.Millisecond}, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		begin := time.Now()
		var outs []*lxmf.Outgoing
		for range 200 {
			outs = append(outs, a.send(t, b.Address(), "bulk", by(lxmf.MethodDirect), func(o *lxmf.Outbound) {
				o.Timestamp = float64(len(outs) + 1)
			}))
		}
		for i, out := range outs {
			ends(t, out, lxmf.StateDelivered)
			if in := b.receive(t); in.Message.Timestamp != float64(i+1) {
				t.Fatalf("message %v came at place %d", in.Message.Timestamp, i+1)
			}
		}
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("200 messages took %v on a link of 200 ms", d)
		}
		if s := a.Stats(); s.Transmissions != 200 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAMessageSurvivesALinkThatBreaks holds X-044.
func TestAMessageSurvivesALinkThatBreaks(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		ends(t, a.send(t, b.Address(), "first", by(lxmf.MethodDirect)), lxmf.StateDelivered)
		in := b.receive(t)
		_ = in.Link.Close() // Bob's side hangs up
		out := a.send(t, b.Address(), "second", by(lxmf.MethodDirect))
		ends(t, out, lxmf.StateDelivered)
		if again := b.receive(t); string(again.Message.Content) != "second" || again.Link.ID() == in.Link.ID() {
			t.Error("not over a new link")
		}
		// A cable that is cut while a large message is on its way.
		out = a.send(t, b.Address(), strings.Repeat("0123456789", 20_000))
		time.Sleep(100 * time.Millisecond)
		m.Cut("a", "b")
		time.Sleep(20 * time.Second)
		m.Heal("a", "b")
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
		b.nothing(t, time.Minute)
	})
}

func TestACancelledMessageIsNotSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		out := a.send(t, rns.DestinationHash{5}, "never mind")
		out.Cancel()
		ends(t, out, lxmf.StateCancelled)
		if !errors.Is(out.Err(), lxmf.ErrCancelled) || a.Stats().QueueNow != 0 {
			t.Errorf("%v, %+v", out.Err(), a.Stats())
		}
	})
}

func TestStoppingTheRouterFailsWhatIsQueued(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{delivery: manual})
		a.announce(t)
		b.announce(t)
		linked := a.send(t, b.Address(), "on a link", by(lxmf.MethodDirect))
		waiting := a.send(t, rns.DestinationHash{5}, "waiting")
		b.receive(t)
		a.stop()
		ends(t, linked, lxmf.StateFailed)
		ends(t, waiting, lxmf.StateFailed)
		if !errors.Is(waiting.Err(), lxmf.ErrClosed) {
			t.Error(waiting.Err())
		}
		if _, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: b.Address()}); !errors.Is(err, lxmf.ErrClosed) {
			t.Errorf("sending afterwards: %v", err)
		}
		synctest.Wait()
		if n := a.node.Stats().Links; n != 0 {
			t.Errorf("%d links are still open", n)
		}
	})
}

// TestALateProofStillCountsAsDelivered holds X-051.
func TestALateProofStillCountsAsDelivered(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Latency: 4 * time.Second}, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		time.Sleep(10 * time.Second)
		out := a.send(t, b.Address(), "slow", by(lxmf.MethodOpportunistic), func(o *lxmf.Outbound) { o.TTL = 5 * time.Second })
		ends(t, out, lxmf.StateFailed)
		time.Sleep(5 * time.Second)
		if out.State() != lxmf.StateDelivered || out.Err() != nil || a.Stats().DeliveredLate != 1 {
			t.Errorf("%v, %v, %+v", out.State(), out.Err(), a.Stats())
		}
	})
}

// TestWhoOpensALinkAndIdentifiesGetsWhatWaitsForHim holds X-054.
func TestWhoOpensALinkAndIdentifiesGetsWhatWaitsForHim(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		// Bob cannot be reached with an announce of Alice's, and has given up for now.
		unheard(m, "a")
		out := b.send(t, a.Address(), "waiting for you", func(o *lxmf.Outbound) { o.TTL = 24 * time.Hour })
		time.Sleep(time.Hour)
		if out.State() != lxmf.StateQueued {
			t.Fatal(out.State())
		}
		ends(t, a.send(t, b.Address(), "here I am", by(lxmf.MethodDirect)), lxmf.StateDelivered)
		in := a.receive(t)
		ends(t, out, lxmf.StateDelivered)
		if in.Link == nil || !in.Link.Initiator() || string(in.Message.Content) != "waiting for you" {
			t.Errorf("received %+v", in)
		}
	})
}

func TestMessagesArriveOnceEachOverALossyRadio(t *testing.T) {
	t.Parallel()
	o := ifacetest.Options{Latency: 50 * time.Millisecond, Bitrate: 5000, HalfDuplex: true, Loss: 0.1, Seed: 7}
	bubbleOn(t, o, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		for _, p := range []*person{a, b} {
			for range 3 { // an announce may be lost
				p.announce(t)
				time.Sleep(time.Minute)
			}
		}
		var outs []*lxmf.Outgoing
		for i := range 20 {
			method := []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect, lxmf.MethodAuto}[i%3]
			size := 20 + i*i*5
			outs = append(outs, a.send(t, b.Address(), strings.Repeat("x", size), by(method), func(o *lxmf.Outbound) { o.TTL = 6 * time.Hour }))
		}
		for _, out := range outs {
			for range 30 { // Bob announces now and then
				select {
				case <-out.Done():
				case <-time.After(5 * time.Minute):
					b.announce(t)
					continue
				}
				break
			}
			ends(t, out, lxmf.StateDelivered)
		}
		seen := map[lxmf.MessageID]bool{}
		for range outs {
			in := b.receive(t)
			if seen[in.Message.ID()] {
				t.Error("handed out twice")
			}
			seen[in.Message.ID()] = true
		}
		b.nothing(t, time.Minute)
		t.Logf("%+v", a.Stats())
	})
}

func TestARatchetFromTheDatabaseIsUsedUntilOneIsHeard(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
			c.Ratchets = &rns.RatchetConfig{Enforce: true}
			manual(c)
		}})
		heard := make(chan rns.Announced, 9)
		other := rnstest.Start(t, rns.Config{}, m.Port("c"))
		other.HandleAnnounces("lxmf.delivery", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { heard <- x })
		m.CutOneWay("b", "a") // Alice does not hear it
		b.announce(t)
		m.Heal("a", "b")
		announced := <-heard
		if len(announced.Ratchet) == 0 {
			t.Fatal("no ratchet was announced")
		}
		known := func(o *lxmf.Outbound) { o.Identity, o.Ratchet = bob(t).PublicIdentity, announced.Ratchet }
		unheard(m, "b")
		out := a.send(t, b.Address(), "by heart", known, by(lxmf.MethodOpportunistic))
		b.receive(t).Prove()
		ends(t, out, lxmf.StateDelivered)
	})
}
