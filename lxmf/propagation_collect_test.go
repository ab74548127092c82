package lxmf_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// mailbox is alice with a client of nodes, who knows bob, and one node.
func mailbox(t *testing.T, m *ifacetest.Medium, o options) (*person, *lxmf.Propagation, *fakeNode) {
	t.Helper()
	n := startNode(t, 90, m.Port("node"))
	a := live(t, alice(t), m.Port("a"), o)
	if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
		t.Fatal(err)
	}
	p := a.propagate(t, onDemand())
	n.announce()
	return a, p, n
}

// identify, list, get with the limit, purge by the computed ids.
func TestMailLeftWithANodeArrivesOnceAndIsDeletedThere(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{})
		id, transient := n.leave(bob(t), alice(t).Public(), "while you were away")
		_, second := n.leave(bob(t), alice(t).Public(), "and again")
		n.leave(alice(t), bob(t).Public(), "somebody else's")
		r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if r.Listed != 2 || r.Fetched != 2 || r.Decided != 2 || r.Node != n.dest.Hash() {
			t.Errorf("%+v", r)
		}
		for range 2 {
			in := a.receive(t)
			if !in.Late || in.Method != lxmf.MethodPropagated || !in.Verified || in.Link != nil || in.Hops != 1 {
				t.Errorf("late %v by %v over %d hops", in.Late, in.Method, in.Hops)
			}
			if string(in.Message.Content) == "while you were away" && in.Message.ID() != id {
				t.Error("the id changed")
			}
		}
		if n.holds() != 1 {
			t.Errorf("%d messages are left at the node", n.holds())
		}
		saw := n.saw()
		if len(saw) != 3 || saw[0].Fetch || saw[0].Haves != nil || !saw[1].Fetch || !saw[1].Limited || saw[1].Limit < 1000 ||
			len(saw[1].Wants) != 2 || saw[2].Fetch || len(saw[2].Haves) != 2 || !slices.Contains(saw[2].Haves, transient) || !slices.Contains(saw[2].Haves, second) {
			t.Errorf("%+v", saw)
		}
		for _, g := range saw {
			if !g.identified {
				t.Error("asked before we identified")
			}
		}
		time.Sleep(time.Minute)
		n.closed()
	})
}

//
func TestAnEmptyMailboxCostsOneRequest(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{})
		a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if len(n.saw()) != 1 {
			t.Errorf("%+v", n.saw())
		}
	})
}

//
func TestWhatWasCollectedBeforeIsNotFetchedFromAnotherNode(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := &lxmf.MemoryStore{}
		a, p, n := mailbox(t, m, options{store: store})
		n.leave(bob(t), alice(t).Public(), "hello")
		copied := slices.Clone(n.stored[0])
		a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		a.receive(t)
		n.set(func(n *fakeNode) { n.stored = append(n.stored, copied); n.gets = nil })
		r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		saw := n.saw()
		if r.Had != 1 || r.Fetched != 0 || len(saw) != 2 || len(saw[1].Wants) != 0 || !slices.Equal(saw[1].Haves, []lxmf.TransientID{idOf(copied)}) || n.holds() != 0 {
			t.Errorf("%+v, %+v", r, saw)
		}
		if ids, err := store.Collected(t.Context()); err != nil || len(ids) != 1 {
			t.Errorf("%v, %v: not known after a restart", ids, err)
		}
		a.nothing(t, time.Minute)
	})
}

//
func TestACollectionTakesNoMoreMessagesThanAsked(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{})
		for i := range 5 {
			n.leave(bob(t), alice(t).Public(), string(rune('a'+i)))
		}
		if r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{Max: 2}); r.Listed != 5 || r.Fetched != 2 || len(n.saw()[1].Wants) != 2 || n.holds() != 3 {
			t.Errorf("%+v", r)
		}
	})
}

//
func TestAMessageThatCameDirectlyIsNotDeliveredAgainFromANode(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		b := live(t, bob(t), m.Port("b"), options{})
		a, p, n := mailbox(t, m, options{})
		a.announce(t)
		out := b.send(t, a.Address(), "twice", func(o *lxmf.Outbound) { o.Timestamp = 5 })
		ends(t, out, lxmf.StateDelivered)
		id, _ := n.leave(bob(t), alice(t).Public(), "twice", func(d *lxmf.Draft) { d.Timestamp = 5 })
		if id != out.ID() {
			t.Fatal("not the same message")
		}
		a.receive(t)
		if r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{}); r.Decided != 1 || n.holds() != 0 || a.Stats().Duplicates != 1 {
			t.Errorf("%+v", r)
		}
		a.nothing(t, time.Minute)
	})
}

//
func TestMailThatNobodyCanOpenIsDeletedAndDoesNotHoldUpTheRest(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{})
		h := lxmf.DeliveryHash(alice(t).Public())
		n.keep(append(h[:], bytes.Repeat([]byte{7}, 200)...))
		n.leave(bob(t), alice(t).Public(), "readable")
		r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if r.Unreadable != 1 || r.Fetched != 2 || r.Decided != 1 || n.holds() != 0 || p.Stats().Unreadable != 1 {
			t.Errorf("%+v", r)
		}
		a.receive(t)
	})
}

func TestMailForAnOldRatchetIsOpened(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{delivery: func(c *lxmf.DeliveryConfig) { c.Ratchets = &rns.RatchetConfig{Interval: time.Second} }})
		a.announce(t)
		known, _ := n.node.Recall(a.Address())
		m1, err := lxmf.Pack(bob(t), lxmf.Draft{Destination: a.Address(), Timestamp: 1, Content: []byte("to an old ratchet")})
		if err != nil {
			t.Fatal(err)
		}
		blob, err := lxmf.Seal(rand.Reader, m1, alice(t).Public(), known.Ratchet)
		if err != nil || known.Ratchet == nil {
			t.Fatal(err)
		}
		n.keep(blob)
		for range 3 {
			a.announce(t)
			time.Sleep(time.Minute)
		}
		a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if in := a.receive(t); string(in.Message.Content) != "to an old ratchet" {
			t.Error("another message")
		}
	})
}

// What the application does not decide stays at the node; what it decides is deleted only then.
func TestNothingIsDeletedAtTheNodeBeforeItIsDecided(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{delivery: manual})
		n.leave(bob(t), alice(t).Public(), "one")
		done := make(chan lxmf.SyncReport)
		collect := func() {
			reports, _ := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{})
			done <- reports[0]
		}
		go collect()
		in := a.receive(t)
		time.Sleep(2 * time.Minute)
		if n.holds() != 1 || len(n.saw()) != 2 {
			t.Errorf("deleted before the decision: %+v", n.saw())
		}
		in.Drop() // a full disk
		if r := <-done; r.State != lxmf.SyncComplete || r.Decided != 0 || n.holds() != 1 || p.Stats().Undecided != 1 {
			t.Errorf("%+v", r)
		}
		go collect()
		a.receive(t).Prove()
		if r := <-done; r.Decided != 1 || n.holds() != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// A crash after the commit and before the purge: the node gives the message again, and it is known.
func TestACrashBetweenGetAndPurgeNeitherLosesNorDoubles(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		store := &lxmf.MemoryStore{}
		n := startNode(t, 90, m.Port("node"))
		n.leave(bob(t), alice(t).Public(), "once")
		n.leave(bob(t), alice(t).Public(), "once, too")
		node := rnstest.Start(t, rns.Config{}, m.Port("a"))
		if err := node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
			t.Fatal(err)
		}
		delivered := 0
		run := func(crash bool) {
			rc := lxmf.RouterConfig{Transport: node.Transport, Store: store}
			r, err := lxmf.NewRouter(rc)
			if err != nil {
				t.Fatal(err)
			}
			ctx, kill := context.WithCancel(t.Context())
			p := &person{node: node, Router: r, got: make(chan *lxmf.Inbound, 10)}
			p.Delivery, err = r.AddDelivery(lxmf.DeliveryConfig{Identity: alice(t), OnMessage: func(in *lxmf.Inbound) {
				store.MarkSeen(in.Message.ID())
				delivered++
				if crash {
					kill() // durable, and neither proved nor deleted at the node
					return
				}
				in.Prove()
			}})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- r.Run(ctx) }()
			p.propagate(t, onDemand())
			prop, err := lxmf.NewPropagation(r, onDemand())
			if err != nil {
				t.Fatal(err)
			}
			reports, err := prop.Collect(ctx, p.Delivery, lxmf.CollectOptions{Node: n.dest.Hash()})
			if crash == (err == nil) {
				t.Fatalf("%+v, %v", reports, err)
			}
			kill()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if err := p.Destination().Close(); err != nil {
				t.Fatal(err)
			}
		}
		run(true)
		if delivered == 0 || n.holds() != 2 {
			t.Fatalf("%d delivered, %d at the node", delivered, n.holds())
		}
		run(false)
		if delivered != 2 || n.holds() != 0 {
			t.Errorf("%d delivered, %d at the node", delivered, n.holds())
		}
	})
}

// X-110, and what else nodes may do.
func TestANodeThatMisbehavesIsLeftForTheNextOne(t *testing.T) {
	t.Parallel()
	list := func(g lxmf.GetRequest) bool { return !g.Fetch && g.Haves == nil }
	for name, c := range map[string]struct {
		answer func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool)
		state  lxmf.SyncState
		asked  int
	}{
		"it says we have not identified": {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Int(0xf0), true }, lxmf.SyncNoIdentity, 3},
		"it does not serve us":           {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Int(0xf1), true }, lxmf.SyncNoAccess, 1},
		"it is throttled":                {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Int(0xf6), true }, lxmf.SyncFailed, 1},
		"it answers with an odd number":  {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Int(-7), true }, lxmf.SyncFailed, 1},
		"it never answers":               {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return nil, false }, lxmf.SyncTransferFailed, 1},
		"it answers nothing":             {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Nil(), true }, lxmf.SyncTransferFailed, 1},
		"it sends text for a list":       {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return msgpack.Str("hello"), true }, lxmf.SyncFailed, 1},
		"it sends no bytes for ids": {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) {
			return msgpack.Array(msgpack.Int(1), msgpack.Nil()), true
		}, lxmf.SyncFailed, 1},
		"its list has no end": {func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) {
			id := msgpack.Bin(make([]byte, 32))
			return msgpack.Array(slices.Repeat([]msgpack.Raw{id}, 20_000)...), true
		}, lxmf.SyncFailed, 1},
		"it sends garbage for messages": {func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool) {
			if list(g) {
				return honest, true
			}
			return msgpack.Map(), true
		}, lxmf.SyncFailed, 2},
		"it sends more than was asked for": {func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool) {
			if list(g) {
				return honest, true
			}
			return msgpack.Array(msgpack.Bin(make([]byte, 2_000_000))), true
		}, lxmf.SyncFailed, 2},
		"it stops before it gives": {func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool) {
			return honest, list(g)
		}, lxmf.SyncTransferFailed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				a, p, n := mailbox(t, m, options{})
				n.leave(bob(t), alice(t).Public(), "hostage")
				n.set(func(n *fakeNode) { n.answer = c.answer })
				good := startNode(t, 91, m.Port("good"))
				good.announce()
				good.leave(bob(t), alice(t).Public(), "safe")
				reports, err := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{})
				if err != nil || len(reports) != 2 || reports[0].Node != n.dest.Hash() || reports[0].State != c.state || reports[0].Err == nil || reports[1].State != lxmf.SyncComplete {
					t.Fatalf("%+v, %v", reports, err)
				}
				if in := a.receive(t); string(in.Message.Content) != "safe" {
					t.Error("the wrong message")
				}
				if len(n.saw()) != c.asked {
					t.Errorf("asked %d times", len(n.saw()))
				}
				time.Sleep(30 * time.Second)
				n.closed()
				if p.Stats().CollectFailed != 1 {
					t.Errorf("%+v", p.Stats())
				}
				// The good one is asked first from now on.
				if r, err := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{}); err != nil || len(r) != 1 || r[0].Node != good.dest.Hash() {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func TestANodeThatOffersWhatItDoesNotHaveIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{})
		n.leave(bob(t), alice(t).Public(), "real")
		stray, _ := lxmf.Pack(bob(t), lxmf.Draft{Destination: lxmf.DeliveryHash(alice(t).Public()), Timestamp: 9, Content: []byte("unasked")})
		blob, err := lxmf.Seal(rand.Reader, stray, alice(t).Public(), nil)
		if err != nil {
			t.Fatal(err)
		}
		const offered = 200
		n.set(func(n *fakeNode) {
			n.answer = func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool) {
				items, _ := honest.Array()
				if !g.Fetch && g.Haves == nil {
					for i := range offered {
						items = append(items, msgpack.Bin(bytes.Repeat([]byte{byte(i + 1)}, 32)))
					}
				} else if g.Fetch {
					items = append(items, msgpack.Bin(blob)) // and gives what nobody asked for
				}
				return msgpack.Array(items...), true
			}
		})
		r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if r.Missing != offered || r.Fetched != 1 || r.Decided != 1 || p.Stats().Missing != offered || p.Stats().Unasked == 0 {
			t.Errorf("%+v, %+v", r, p.Stats())
		}
		if in := a.receive(t); string(in.Message.Content) != "real" {
			t.Error("something else was delivered")
		}
		a.nothing(t, time.Minute)
		if n := len(n.saw()); n > 8 {
			t.Errorf("%d requests", n)
		}
	})
}

//
func TestANodeWithoutAPathIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		p := a.propagate(t, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{{1, 2, 3}}, Interval: -1})
		start := time.Now()
		r := a.collect(t, p, lxmf.SyncNoPath, lxmf.CollectOptions{})
		if took := time.Since(start); took != 10*time.Second || !errors.Is(r.Err, rns.ErrNoPath) {
			t.Errorf("%v after %v", r.Err, took)
		}
		if s := p.Status(a.Delivery); s.State != lxmf.SyncNoPath || s.Err == nil || s.Running || s.Last.IsZero() || !s.Good.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

//
func TestAStockClientThatAnswersForANodesNameIsNoNode(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		client := startNode(t, 90, m.Port("node"), func(n *fakeNode) { n.data.Active = false })
		a := live(t, alice(t), m.Port("a"), options{})
		p := a.propagate(t, onDemand())
		client.announce()
		if _, err := p.Collect(t.Context(), a.Delivery, lxmf.CollectOptions{}); !errors.Is(err, lxmf.ErrNoNode) || len(p.Nodes()) != 0 || p.Ready() {
			t.Errorf("%v, %+v", err, p.Nodes())
		}
		a.collect(t, p, lxmf.SyncFailed, lxmf.CollectOptions{Node: client.dest.Hash()})
		if links, _ := client.opened(); links != 0 {
			t.Error("it was asked")
		}
	})
}

func TestACollectionCanBeCancelledAndTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{delivery: manual})
		n.leave(bob(t), alice(t).Public(), "undecided")
		ctx, cancel := context.WithCancel(t.Context())
		var states []lxmf.SyncState
		done := make(chan error)
		go func() {
			_, err := p.Collect(ctx, a.Delivery, lxmf.CollectOptions{Progress: func(node rns.DestinationHash, s lxmf.SyncState, part float64) {
				if node != n.dest.Hash() || part < 0 || part > 1 {
					t.Error(node, part)
				}
				if len(states) == 0 || states[len(states)-1] != s {
					states = append(states, s)
				}
			}})
			done <- err
		}()
		a.receive(t)
		if s := p.Status(a.Delivery); !s.Running || s.Node != n.dest.Hash() || s.State != lxmf.SyncReceiving {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		want := []lxmf.SyncState{lxmf.SyncPathRequested, lxmf.SyncLinkOpening, lxmf.SyncLinkOpen, lxmf.SyncRequestSent, lxmf.SyncReceiving, lxmf.SyncFailed}
		if !slices.Equal(states, want) {
			t.Errorf("%v", states)
		}
		time.Sleep(time.Minute)
		n.closed()
		if n.holds() != 1 || p.Status(a.Delivery).Running {
			t.Error("not ended well")
		}
	})
}

func TestMailIsCollectedAtTheStartEveryHourAndWhenANodeComesBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		n := startNode(t, 90, m.Port("node"))
		a := live(t, alice(t), m.Port("a"), options{})
		if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
			t.Fatal(err)
		}
		p := a.propagate(t, lxmf.PropagationConfig{Auto: true})
		n.leave(bob(t), alice(t).Public(), "at the start")
		a.nothing(t, 3*time.Hour) // no node is known
		n.announce()
		a.receive(t)
		n.leave(bob(t), alice(t).Public(), "an hour later")
		a.nothing(t, 50*time.Minute)
		time.Sleep(18 * time.Minute)
		a.receive(t)
		if s := p.Status(a.Delivery); s.Good.IsZero() || s.Next.Sub(s.Good) < 53*time.Minute || s.Next.Sub(s.Good) > 67*time.Minute {
			t.Errorf("%+v", s)
		}
		n.leave(bob(t), alice(t).Public(), "when it is heard")
		time.Sleep(20 * time.Minute)
		n.announce()
		start := time.Now()
		a.receive(t)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%v after the announce", took)
		}
		n.set(func(n *fakeNode) {
			n.answer = func(lxmf.GetRequest, msgpack.Raw) (msgpack.Raw, bool) { return nil, false }
		})
		n.leave(bob(t), alice(t).Public(), "after a failure")
		time.Sleep(70 * time.Minute)
		if s := p.Status(a.Delivery); s.Err == nil || s.State != lxmf.SyncTransferFailed {
			t.Fatalf("%+v", s)
		}
		n.set(func(n *fakeNode) { n.answer = nil })
		n.announce()
		start = time.Now()
		a.receive(t)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%v after the announce", took)
		}
	})
}

func TestALargeMailboxIsFetchedInBatches(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{delivery: func(c *lxmf.DeliveryConfig) { c.MaxSize = 60_000 }})
		const messages = 150
		for i := range messages {
			n.leave(bob(t), alice(t).Public(), string(bytes.Repeat([]byte{'a' + byte(i%26)}, 100+20*i)))
		}
		n.leave(bob(t), alice(t).Public(), string(make([]byte, 150_000))) // more than we take: the node passes over it
		r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{})
		if r.Fetched != messages || r.Decided != messages || r.Missing != 1 || n.holds() != 1 || len(a.got) != messages {
			t.Errorf("%+v, %d delivered", r, len(a.got))
		}
		gets := 0
		for _, g := range n.saw() {
			if g.Fetch {
				gets++
				if len(g.Wants) > 64 || g.Limit != 100 {
					t.Errorf("%d wanted within %v kB", len(g.Wants), g.Limit)
				}
			}
		}
		if gets < 3 {
			t.Errorf("%d batches", gets)
		}
	})
}

// More than the application can decide at a time waits for its turn.
func TestACollectionWaitsForRoom(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, p, n := mailbox(t, m, options{delivery: manual, router: func(c *lxmf.RouterConfig) { c.MaxUndecided = 2 }})
		const messages = 7
		for i := range messages {
			n.leave(bob(t), alice(t).Public(), string(rune('a'+i)))
		}
		go func() {
			for range messages {
				in := <-a.got
				time.Sleep(2 * time.Second)
				in.Prove()
			}
		}()
		if r := a.collect(t, p, lxmf.SyncComplete, lxmf.CollectOptions{}); r.Decided != messages || n.holds() != 0 {
			t.Errorf("%+v", r)
		}
		synctest.Wait()
	})
}

// A lossy medium: the identifying packet, which nobody proves, is lost at times, and so are requests and answers.
func TestMailIsCollectedOverALossyMediumOnce(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Latency: 20 * time.Millisecond, Loss: 0.2, Seed: 11}, func(t *testing.T, m *ifacetest.Medium) {
		n := startNode(t, 90, m.Port("node"))
		a := live(t, alice(t), m.Port("a"), options{})
		if err := a.node.Remember(lxmf.DeliveryHash(bob(t).Public()), bob(t).Public()); err != nil {
			t.Fatal(err)
		}
		p := a.propagate(t, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{n.dest.Hash()}})
		const messages = 100
		for i := range messages {
			n.leave(bob(t), alice(t).Public(), string(bytes.Repeat([]byte{'a' + byte(i%26)}, 20+i)))
		}
		for range 48 {
			time.Sleep(time.Hour)
			if n.holds() == 0 {
				break
			}
		}
		if len(a.got) != messages || n.holds() != 0 {
			t.Errorf("%d delivered, %d left, %+v", len(a.got), n.holds(), p.Stats())
		}
	})
}

// The bound of what is remembered as collected, and its drop rule: the oldest goes.
func TestTheOldestCollectedIDsAreForgotten(t *testing.T) {
	t.Parallel()
	p := lxmf.PropagationRemembering(8192 + 3)
	for i, want := range map[int]bool{0: false, 2: false, 3: true, 8194: true} {
		if got := p(i); got != want {
			t.Errorf("id %d: remembered %v", i, got)
		}
	}
}
