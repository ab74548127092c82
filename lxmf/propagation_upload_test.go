package lxmf_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// throughNode is alice with a client of nodes and one node; bob, whom she knows, is off.
func throughNode(t *testing.T, m *ifacetest.Medium, change ...func(*fakeNode)) (*person, *lxmf.Propagation, *fakeNode) {
	t.Helper()
	n := startNode(t, 90, m.Port("node"), change...)
	a := live(t, alice(t), m.Port("a"), options{})
	if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
		t.Fatal(err)
	}
	p := a.propagate(t, onDemand())
	n.announce()
	return a, p, n
}

func toBob(t *testing.T, p *person, text string, change ...func(*lxmf.Outbound)) *lxmf.Outgoing {
	t.Helper()
	return p.send(t, lxmf.DeliveryHash(bob(t).Public()), text, append([]func(*lxmf.Outbound){by(lxmf.MethodPropagated)}, change...)...)
}

// split checks an upload of one message and returns its parts.
func split(t *testing.T, upload []byte) (blob, stamp []byte) {
	t.Helper()
	u, err := lxmf.ParseNodeUpload(upload)
	if err != nil || len(u.Messages) != 1 {
		t.Fatalf("%d messages, %v", len(u.Messages), err)
	}
	blob, stamp, err = lxmf.SplitPropagationStamp(u.Messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return blob, stamp
}

//
func TestAMessageIsLeftWithANodeAndCollectedByItsRecipient(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := throughNode(t, m)
		for i, text := range []string{"in one packet", string(bytes.Repeat([]byte("large "), 1000))} {
			out := toBob(t, a, text)
			ends(t, out, lxmf.StateSent)
			if len(n.got()) != i+1 {
				t.Fatalf("%d uploads", len(n.got()))
			}
			blob, stamp := split(t, n.got()[i])
			if value, ok, err := lxmf.PropagationWork(lxmf.TransientIDOf(blob)).Check(t.Context(), stamp, 4); !ok || err != nil {
				t.Errorf("stamp of value %d, %v", value, err)
			}
		}
		if links, _ := n.opened(); p.Stats().Uploads != 2 || links != 1 || len(n.saw()) != 0 {
			t.Errorf("%+v, %d links", p.Stats(), links)
		}
		b := live(t, bob(t), m.Port("b"), options{})
		if err := b.node.Remember(a.Address(), alice(t).Public()); err != nil {
			t.Fatal(err)
		}
		a.nothing(t, time.Minute)
		n.closed()
		pb := b.propagate(t, onDemand())
		n.announce()
		b.collect(t, pb, lxmf.SyncComplete, lxmf.CollectOptions{})
		for range 2 {
			if in := b.receive(t); !in.Late || in.Message.Source != a.Address() {
				t.Error(in.Method)
			}
		}
	})
}

//
func TestAMessageToSomebodyOffIsLeftWithANodeUnderTheSameID(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, n := throughNode(t, m)
		out := a.send(t, lxmf.DeliveryHash(bob(t).Public()), "are you there?", func(o *lxmf.Outbound) { o.Propagate = true })
		ends(t, out, lxmf.StateSent)
		b := live(t, bob(t), m.Port("b"), options{})
		if err := b.node.Remember(a.Address(), alice(t).Public()); err != nil {
			t.Fatal(err)
		}
		pb := b.propagate(t, onDemand())
		n.announce()
		b.collect(t, pb, lxmf.SyncComplete, lxmf.CollectOptions{})
		if in := b.receive(t); in.Message.ID() != out.ID() {
			t.Error("another id")
		}
	})
}

//
func TestAMessageForANodeWithoutANodeFailsAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		a.propagate(t, onDemand())
		_, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: lxmf.DeliveryHash(bob(t).Public()), Method: lxmf.MethodPropagated, Content: []byte("x")})
		if !errors.Is(err, lxmf.ErrNoNode) {
			t.Error(err)
		}
	})
}

// without an announce the cost is unknown, and the message fails; a cost of 0 is a cost.
func TestTheCostOfANodeMustBeKnownAndMayBeZero(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		free := startNode(t, 90, m.Port("free"), func(n *fakeNode) { n.data.StampCost = 0 })
		odd := startNode(t, 91, m.Port("odd"), func(n *fakeNode) { n.plain = []byte("not a node's announce") })
		a := live(t, alice(t), m.Port("a"), options{})
		if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
			t.Fatal(err)
		}
		_, stop := a.propagateUntil(t, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{odd.dest.Hash()}, Interval: -1})
		out := toBob(t, a, "what does it cost?")
		ends(t, out, lxmf.StateFailed)
		if links, _ := odd.opened(); len(odd.got()) != 0 || links != 0 {
			t.Error("uploaded without knowing the cost")
		}
		stop()
		a.propagate(t, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{free.dest.Hash()}, Interval: -1})
		ends(t, toBob(t, a, "free of charge"), lxmf.StateSent)
	})
}

func TestANodeThatIsTooDearIsNotPaid(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, n := throughNode(t, m)
		out := toBob(t, a, "an answer to a stranger", func(o *lxmf.Outbound) { o.MaxStampCost = 3 })
		ends(t, out, lxmf.StateFailed)
		if !errors.Is(out.Err(), lxmf.ErrStampCost) || len(n.got()) != 0 {
			t.Errorf("%v, %d uploads", out.Err(), len(n.got()))
		}
	})
}

// the stamp is not part of the id, and neither attempts nor nodes change it.
func TestTheSameMessageKeepsItsTransientIDAtEveryAttempt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := throughNode(t, m, func(n *fakeNode) { n.silent = true })
		second := startNode(t, 91, m.Port("second"), func(n *fakeNode) { n.data.StampCost = 6 })
		second.announce()
		ends(t, toBob(t, a, "again"), lxmf.StateSent)
		if len(n.got()) == 0 || len(second.got()) != 1 || p.Stats().UploadsFailed == 0 {
			t.Fatalf("%d and %d uploads, %+v", len(n.got()), len(second.got()), p.Stats())
		}
		blob, stamp := split(t, n.got()[0])
		other, dearer := split(t, second.got()[0])
		if !bytes.Equal(blob, other) || bytes.Equal(stamp, dearer) {
			t.Error("sealed again, or not stamped again for the dearer node")
		}
	})
}

//
func TestANodeThatRefusesTheStampRejectsTheMessage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"packet": "small", "resource": string(bytes.Repeat([]byte("large "), 20_000))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				a, p, n := throughNode(t, m, func(n *fakeNode) { n.refuse = func([]byte) bool { return true } })
				out := toBob(t, a, text)
				if name == "resource" {
					ends(t, out, lxmf.StateSent, lxmf.StateRejected) // the proof of its transfer and the refusal leave at the same moment
				} else {
					ends(t, out, lxmf.StateRejected)
				}
				if len(n.got()) != 1 || name == "packet" && p.Stats().UploadsRefused != 1 {
					t.Errorf("%d uploads, %+v", len(n.got()), p.Stats())
				}
			})
		})
	}
}

// the signal is about the upload on that link at that time. A bad message goes to each node once.
func TestARejectionOfAnEndedMessageChangesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, n := throughNode(t, m)
		ends(t, toBob(t, a, "first"), lxmf.StateSent)
		_, open := n.opened()
		for _, l := range open {
			if _, err := l.Send(t.Context(), lxmf.AppendSignal(nil, lxmf.NodeInvalidStamp)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		out := toBob(t, a, "second")
		ends(t, out, lxmf.StateSent)
		second := startNode(t, 91, m.Port("second"))
		second.announce()
		bad := func([]byte) bool { return true }
		n.set(func(n *fakeNode) { n.refuse = bad })
		second.set(func(n *fakeNode) { n.refuse = bad })
		before := len(n.got())
		ends(t, toBob(t, a, "bad"), lxmf.StateRejected)
		if one, two := len(n.got())-before, len(second.got()); one != 1 || two != 1 {
			t.Errorf("%d and %d uploads of it", one, two)
		}
		// The nodes are not written off.
		n.set(func(n *fakeNode) { n.refuse = nil })
		time.Sleep(2 * time.Minute)
		ends(t, toBob(t, a, "good"), lxmf.StateSent)
	})
}

// X-171, the client's side: what was not proved is sent again, the same, and stored once.
func TestAnUploadWithoutProofIsRepeatedAndStoredOnce(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Latency: 20 * time.Millisecond, Loss: 0.2, Seed: 5}, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := throughNode(t, m)
		for !p.Ready() {
			n.announce()
		}
		const messages = 10
		var all []*lxmf.Outgoing
		for i := range messages {
			all = append(all, toBob(t, a, string(rune('a'+i)), func(o *lxmf.Outbound) { o.TTL = time.Hour }))
		}
		for range 60 {
			time.Sleep(time.Minute)
			n.announce()
		}
		ids := make(map[lxmf.TransientID]bool)
		for _, u := range n.got() {
			blob, _ := split(t, u)
			ids[lxmf.TransientIDOf(blob)] = true
		}
		sent := 0
		for _, out := range all {
			if out.State() == lxmf.StateSent {
				sent++
			}
		}
		if sent != messages || len(ids) != messages || n.holds() != messages || p.Stats().UploadsFailed == 0 {
			t.Errorf("%d of %d sent as %d ids, %d stored, %+v", sent, messages, len(ids), n.holds(), p.Stats())
		}
	})
}

func TestANodeIsNotGivenMoreThanItTakes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, small := throughNode(t, m, func(n *fakeNode) { n.data.TransferLimit = 1 })
		large := startNode(t, 91, m.Port("large"))
		large.announce()
		text := make([]byte, 2000)
		if _, err := rand.Read(text); err != nil {
			t.Fatal(err)
		}
		ends(t, toBob(t, a, string(text)), lxmf.StateSent)
		if len(small.got()) != 0 || len(large.got()) != 1 {
			t.Errorf("%d and %d uploads", len(small.got()), len(large.got()))
		}
	})
}

func TestAnUploadEndsWhenTheMessageIsCancelled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, n := throughNode(t, m, func(n *fakeNode) { n.silent = true })
		out := toBob(t, a, "never mind")
		time.Sleep(100 * time.Millisecond)
		out.Cancel()
		ends(t, out, lxmf.StateCancelled)
		time.Sleep(time.Minute)
		if len(n.got()) > 1 {
			t.Error("sent again")
		}
	})
}

// Who never asks a node gets the message when he comes back, all the same, and who does sees it once.
func TestAMessageLeftAtANodeStillGoesToItsRecipientWhenHeIsHeard(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, _, n := throughNode(t, m)
		out := a.send(t, lxmf.DeliveryHash(bob(t).Public()), "are you there?", func(o *lxmf.Outbound) { o.Propagate, o.TTL = true, time.Hour })
		ends(t, out, lxmf.StateSent)
		sent := a.Stats().Transmissions
		time.Sleep(20 * time.Minute)
		if a.Stats().Transmissions != sent || n.holds() != 1 {
			t.Error("sent again, to nobody")
		}
		b := live(t, bob(t), m.Port("b"), options{})
		if err := b.node.Remember(a.Address(), alice(t).Public()); err != nil {
			t.Fatal(err)
		}
		b.announce(t)
		if in := b.receive(t); in.Late || in.Message.ID() != out.ID() {
			t.Errorf("late %v", in.Late)
		}
		time.Sleep(time.Minute)
		if s := a.Stats(); out.State() != lxmf.StateDelivered || s.QueueNow != 0 || s.Delivered != 1 || s.Failed != 0 {
			t.Errorf("%v, %+v", out.State(), s)
		}
		pb := b.propagate(t, onDemand())
		n.announce()
		b.collect(t, pb, lxmf.SyncComplete, lxmf.CollectOptions{})
		b.nothing(t, time.Minute)
	})
}
