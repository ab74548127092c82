package lxmf_test

import (
	"bytes"
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

func TestAMessageInOnePacketArrivesAndIsProved(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		for _, p := range []struct{ from, to *person }{{a, b}, {b, a}} {
			out := p.from.send(t, p.to.Address(), "hello", by(lxmf.MethodOpportunistic))
			ends(t, out, lxmf.StateDelivered)
			in := p.to.receive(t)
			if string(in.Message.Content) != "hello" || in.Method != lxmf.MethodOpportunistic || !in.Verified || in.Held {
				t.Errorf("received %+v", in)
			}
			if in.Message.ID() != out.ID() || in.Message.Source != p.from.Address() || !in.Sender.Equal(p.from.Identity().PublicIdentity) {
				t.Error("another message or sender")
			}
			if in.Link != nil || in.Hops != 1 {
				t.Errorf("link %v, %d hops", in.Link, in.Hops)
			}
		}
	})
}

func TestAMessageSaysWhichInterfaceItCameBy(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		a.announce(t)
		for _, c := range []struct {
			method lxmf.Method
			text   string
		}{{lxmf.MethodOpportunistic, "packet"}, {lxmf.MethodDirect, "link packet"}, {lxmf.MethodDirect, strings.Repeat("resource ", 500)}} {
			ends(t, a.send(t, b.Address(), c.text, by(c.method)), lxmf.StateDelivered)
			if in := b.receive(t); in.Interface != "b" {
				t.Errorf("%.20q came by %q", c.text, in.Interface)
			}
		}
	})
}

func TestAMessageOverALinkArrivesAndCanBeAnsweredOnIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "by link", by(lxmf.MethodDirect))
		ends(t, out, lxmf.StateDelivered)
		in := b.receive(t)
		if in.Method != lxmf.MethodDirect || in.Link == nil || in.Link.Initiator() {
			t.Fatalf("received %+v", in)
		}
		time.Sleep(5 * time.Second)
		if in.Link.Remote() == nil || !in.Link.Remote().Equal(alice(t).PublicIdentity) {
			t.Fatal("the sender did not identify after the delivery")
		}
		// Bob answers on the same link, and Alice uses it again.
		for i := range 3 {
			ends(t, b.send(t, a.Address(), "answer", by(lxmf.MethodDirect)), lxmf.StateDelivered)
			if answer := a.receive(t); answer.Link == nil || answer.Link.ID() != in.Link.ID() {
				t.Error("the answer came another way")
			}
			ends(t, a.send(t, b.Address(), strings.Repeat("again", i+1)), lxmf.StateDelivered)
			if again := b.receive(t); again.Link == nil || again.Link.ID() != in.Link.ID() {
				t.Error("a short message left the open link aside")
			}
		}
		if n := a.node.Stats().Links; n != 1 {
			t.Errorf("%d links", n)
		}
		// Nothing happens: the link is closed.
		time.Sleep(lxmf.DefaultLinkIdle + time.Minute)
		if in.Link.State() != rns.LinkClosed || a.Stats().LinksNow != 0 || b.Stats().Backchannels != 0 {
			t.Errorf("idle link is %v, %+v", in.Link.State(), b.Stats())
		}
	})
}

func TestALargeMessageTravelsAsAResource(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		data := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
		out := a.send(t, b.Address(), "see picture", func(o *lxmf.Outbound) { o.Fields.SetImage(lxmf.Image{Format: "webp", Data: data}) })
		ends(t, out, lxmf.StateDelivered)
		in := b.receive(t)
		image, ok := in.Message.Fields.Image()
		if in.Method != lxmf.MethodDirect || !ok || !bytes.Equal(image.Data, data) {
			t.Errorf("received %d fields by %v", in.Message.Fields.Len(), in.Method)
		}
	})
}

func TestAMessageOverTheLimitIsRejectedForGood(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.MaxSize = 2000; manual(c) }})
		b.announce(t)
		out := a.send(t, b.Address(), strings.Repeat("x", 3000))
		ends(t, out, lxmf.StateRejected)
		if !errors.Is(out.Err(), lxmf.ErrRejected) || b.Stats().TooLarge != 1 {
			t.Errorf("%v, %+v", out.Err(), b.Stats())
		}
	})
}

func TestTheSizeDecidesHowAMessageTravels(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		for _, c := range []struct {
			content int
			want    lxmf.Method
		}{{295, lxmf.MethodOpportunistic}, {296, lxmf.MethodDirect}} {
			ends(t, a.send(t, b.Address(), strings.Repeat("x", c.content)), lxmf.StateDelivered)
			if in := b.receive(t); in.Method != c.want {
				t.Errorf("%d bytes of content came by %v", c.content, in.Method)
			}
		}
	})
}

func TestARecipientNeverHeardOfIsAskedFor(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		// Nobody has announced anything.
		ends(t, a.send(t, b.Address(), "are you there?"), lxmf.StateDelivered)
		in := b.receive(t)
		if !in.Held {
			t.Error("Bob knew Alice without her announce")
		}
		ends(t, a.send(t, rns.DestinationHash{1}, "nobody"), lxmf.StateFailed)
	})
}

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

func TestAnEmptyPacketIsProvedAndNothingElse(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		for _, data := range [][]byte{nil, []byte("no message"), bytes.Repeat([]byte{0xc1}, 200)} {
			receipt, err := a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery").Send(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			<-receipt.Done()
			if receipt.Status() != rns.ReceiptDelivered {
				t.Errorf("%d bytes: %v", len(data), receipt.Status())
			}
		}
		if s := b.Stats(); s.Empty != 1 || s.Malformed != 2 || s.Accepted != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// raw sends a packed message as it is and reports whether it was proved.
func raw(t *testing.T, from *person, to *rns.Identity, m *lxmf.Message) bool {
	t.Helper()
	receipt, err := from.node.NewRemote(to.PublicIdentity, "lxmf", "delivery").Send(t.Context(), m.OpportunisticData())
	if err != nil {
		t.Fatal(err)
	}
	<-receipt.Done()
	return receipt.Status() == rns.ReceiptDelivered
}

func packed(t *testing.T, from *rns.Identity, d lxmf.Draft) *lxmf.Message {
	t.Helper()
	m, err := lxmf.Pack(from, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// forged returns the message with a false signature.
func forged(t *testing.T, m *lxmf.Message) *lxmf.Message {
	t.Helper()
	b := bytes.Clone(m.Packed())
	b[40] ^= 1
	f, err := lxmf.Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAForgedMessageIsProvedAndDroppedAndDoesNotKeepTheGenuineOneOut(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		genuine := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Timestamp: 1, Content: []byte("genuine")})
		if !raw(t, a, bob(t), forged(t, genuine)) {
			t.Error("the forged one was not proved")
		}
		b.nothing(t, time.Second)
		if !raw(t, a, bob(t), genuine) {
			t.Error("the genuine one was not proved")
		}
		b.receive(t)
		if !raw(t, a, bob(t), genuine) {
			t.Error("the copy was not proved")
		}
		b.nothing(t, time.Second)
		if s := b.Stats(); s.Forged != 1 || s.Duplicates != 1 || s.Accepted != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestMessagesForOthersOrFromNoAddressAreRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		// Alice announces another destination of hers too, and names that one as the source.
		other, err := a.node.NewDestination(rns.DestinationConfig{Identity: alice(t), App: "some", Aspects: []string{"thing"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		good := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Content: []byte("x")})
		wrongSource := bytes.Clone(good.Packed())
		h := other.Hash()
		copy(wrongSource[16:], h[:])
		unpacked, err := lxmf.Unpack(wrongSource)
		if err != nil {
			t.Fatal(err)
		}
		// The signature has to be right, too, for this to say anything.
		copy(wrongSource[32:], alice(t).Sign(unpacked.SignedPart()))
		if unpacked, err = lxmf.Unpack(wrongSource); err != nil || !unpacked.Verify(alice(t).PublicIdentity) {
			t.Fatal("not signed", err)
		}
		if !raw(t, a, bob(t), unpacked) {
			t.Error("not proved")
		}
		// Over a link the destination is in the message, and may be somebody else.
		l, err := a.node.OpenLink(t.Context(), a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery"))
		if err != nil {
			t.Fatal(err)
		}
		foreign := packed(t, alice(t), lxmf.Draft{Destination: a.Address(), Content: []byte("x")})
		receipt, err := l.Send(t.Context(), foreign.Packed())
		if err != nil {
			t.Fatal(err)
		}
		<-receipt.Done()
		if receipt.Status() != rns.ReceiptDelivered {
			t.Error("foreign message not proved")
		}
		if s := b.Stats(); s.NotDelivery != 1 || s.Foreign != 1 || s.Accepted != 0 {
			t.Errorf("%+v", s)
		}
		_ = l.Close()
	})
}

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
