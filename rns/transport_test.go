package rns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// inbox makes a SINGLE destination of the node whose packets go to a channel.
func inbox(t *testing.T, n *rnstest.Node, id *rns.Identity, change ...func(*rns.DestinationConfig)) (*rns.Destination, <-chan *rns.ReceivedPacket) {
	t.Helper()
	got := make(chan *rns.ReceivedPacket, 1000)
	c := rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"inbox"},
		OnPacket: func(p *rns.ReceivedPacket) { got <- p },
	}
	for _, f := range change {
		f(&c)
	}
	d, err := n.NewDestination(c)
	if err != nil {
		t.Fatal(err)
	}
	return d, got
}

func announce(t *testing.T, d *rns.Destination) {
	t.Helper()
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func none[T any](t *testing.T, c <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v := <-c:
		t.Fatalf("unexpected: %v", v)
	default:
	}
}

func send(t *testing.T, d *rns.RemoteDestination, data string) *rns.Receipt {
	t.Helper()
	r, err := d.Send(t.Context(), []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnnounceIsHeardAndPacketIsProved: C-095.
func TestAnnounceIsHeardAndPacketIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Latency: 100 * time.Millisecond})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, b, id, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return []byte("hello") } })

		heard := make(chan rns.Announced, 10)
		a.HandleAnnounces("test.inbox", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { heard <- x })
		a.HandleAnnounces("test.other", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { t.Error("wrong name") })
		announce(t, d)
		x := next(t, heard)
		if x.Destination != d.Hash() || string(x.AppData) != "hello" || x.Hops != 1 || x.PathResponse || x.Interface != "a" {
			t.Errorf("heard %+v", x)
		}
		if !a.HasPath(d.Hash()) || a.Hops(d.Hash()) != 1 {
			t.Error("no path after an announce")
		}
		k, ok := a.Recall(d.Hash())
		if !ok || !k.Identity.Equal(id.Public()) || string(k.AppData) != "hello" {
			t.Errorf("recalled %+v, %v", k, ok)
		}

		r := send(t, a.NewRemote(k.Identity, "test", "inbox"), "message")
		p := next(t, got)
		if string(p.Data) != "message" || p.Hash != r.Hash() || p.Hops != 1 || p.Destination != d || !p.Ratchet.IsZero() {
			t.Errorf("received %+v", p)
		}
		if r.Status() != rns.ReceiptSent {
			t.Error("proved before the receiver said so")
		}
		for range 2 {
			if err := p.Prove(); err != nil {
				t.Fatal(err)
			}
		}
		next(t, r.Done())
		if r.Status() != rns.ReceiptDelivered || r.RTT() != 200*time.Millisecond || r.Err() != nil {
			t.Errorf("receipt %v, %v, %v", r.Status(), r.RTT(), r.Err())
		}
		if n := m.Stats().Frames; n != 3 {
			t.Errorf("%d frames, want announce, packet and proof", n)
		}
	})
}

// twoNodes is two nodes on one cable; b has a destination.
type twoNodes struct {
	m    *ifacetest.Medium
	a, b *rnstest.Node
	id   *rns.Identity
	d    *rns.Destination
	got  <-chan *rns.ReceivedPacket
	out  *rns.RemoteDestination
}

func newTwoNodes(t *testing.T, change ...func(*rns.DestinationConfig)) *twoNodes {
	t.Helper()
	p := &twoNodes{m: ifacetest.NewMedium(ifacetest.Options{Latency: 100 * time.Millisecond}), id: rnstest.Identity(t, 1)}
	p.a, p.b = rnstest.Start(t, rns.Config{}, p.m.Port("a")), rnstest.Start(t, rns.Config{}, p.m.Port("b"))
	p.d, p.got = inbox(t, p.b, p.id, change...)
	p.out = p.a.NewRemote(p.id.Public(), "test", "inbox")
	return p
}

// TestPacketToARatchet holds C-016, C-017, C-018, C-022.
func TestPacketToARatchet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t, func(c *rns.DestinationConfig) { c.Ratchets = &rns.RatchetConfig{Interval: time.Hour, Enforce: true} })
		send(t, p.out, "before the announce")
		time.Sleep(time.Second)
		none(t, p.got)

		announce(t, p.d)
		first, _ := p.a.Recall(p.d.Hash())
		if len(first.Ratchet) != rns.RatchetLength {
			t.Fatal("no ratchet heard")
		}
		send(t, p.out, "one")
		if x := next(t, p.got); string(x.Data) != "one" || x.Ratchet != rns.RatchetIDOf(first.Ratchet) {
			t.Errorf("received %+v", x)
		}

		time.Sleep(59 * time.Minute)
		announce(t, p.d)
		if k, _ := p.a.Recall(p.d.Hash()); !bytes.Equal(k.Ratchet, first.Ratchet) {
			t.Error("rotated before the interval")
		}
		time.Sleep(2 * time.Minute)
		announce(t, p.d)
		second, _ := p.a.Recall(p.d.Hash())
		if bytes.Equal(second.Ratchet, first.Ratchet) {
			t.Error("not rotated")
		}
		send(t, p.out, "two")
		if x := next(t, p.got); x.Ratchet != rns.RatchetIDOf(second.Ratchet) {
			t.Error("not the new ratchet")
		}
		p.out.SetRatchet(first.Ratchet)
		send(t, p.out, "three")
		if x := next(t, p.got); x.Ratchet != rns.RatchetIDOf(first.Ratchet) {
			t.Error("the old ratchet does not fit any more")
		}
		if n := p.b.Stats().Drops[rns.DropUndecryptable]; n != 1 {
			t.Errorf("%d undecryptable", n)
		}
	})
}

// TestPacketThatNobodyProvesFails holds C-032.
func TestPacketThatNobodyProvesFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		withoutPath := time.Now()
		r := send(t, p.out, "without path")
		announce(t, p.d)
		began := time.Now()
		s := send(t, p.out, "with path")
		<-s.Done()
		if d := time.Since(began).Round(time.Second); d != 12*time.Second {
			t.Errorf("a neighbour's proof was waited for %v", d)
		}
		<-r.Done()
		if d := time.Since(withoutPath); d != 774*time.Second {
			t.Errorf("without path a proof was waited for %v", d)
		}
		for _, r := range []*rns.Receipt{r, s} {
			if r.Status() != rns.ReceiptFailed || !errors.Is(r.Err(), rns.ErrTimeout) || r.RTT() != 0 {
				t.Errorf("receipt %v, %v", r.Status(), r.Err())
			}
		}
		for range 2 {
			if err := next(t, p.got).Prove(); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if n := p.a.Stats().Drops[rns.DropProof]; n != 2 {
			t.Errorf("%d proofs came too late", n)
		}
	})
}

// TestExplicitProofs holds C-052, C-055.
func TestExplicitProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var longest int
		m.Tap(func(from string, frame []byte) {
			if from == "b" {
				longest = max(longest, len(frame))
			}
		})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{ExplicitProofs: true}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		_, got := inbox(t, b, id)
		r := send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
		if err := next(t, got).Prove(); err != nil {
			t.Fatal(err)
		}
		next(t, r.Done())
		if r.Status() != rns.ReceiptDelivered || longest != 19+96 {
			t.Errorf("receipt %v, proof of %d bytes", r.Status(), longest)
		}
	})
}

// TestPathRequestIsAnsweredByTheOwner holds C-143.
//
// It holds C-072.
func TestPathRequestIsAnsweredByTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return []byte("data") } })
		all, some := make(chan rns.Announced, 10), make(chan rns.Announced, 10)
		p.a.HandleAnnounces("", rns.AnnounceHandlerOptions{PathResponses: true}, func(x rns.Announced) { all <- x })
		p.a.HandleAnnounces("", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { some <- x })
		began := time.Now()
		if err := p.a.AwaitPath(t.Context(), p.d.Hash()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 200*time.Millisecond {
			t.Errorf("took %v", d)
		}
		if x := next(t, all); !x.PathResponse || string(x.AppData) != "data" || x.Hops != 1 {
			t.Errorf("heard %+v", x)
		}
		none(t, some)
		if err := p.a.AwaitPath(t.Context(), p.d.Hash()); err != nil {
			t.Error(err)
		}
		if n := p.m.Stats().Frames; n != 2 {
			t.Errorf("%d frames, want request and answer", n)
		}
	})
}

func TestPathToNobodyIsAskedForAgainAndGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		nobody := rns.DestinationHash{1, 2, 3}
		began := time.Now()
		if err := p.a.AwaitPath(t.Context(), nobody); !errors.Is(err, rns.ErrNoPath) {
			t.Error(err)
		}
		if d := time.Since(began); d != rns.DefaultPathTimeout {
			t.Errorf("waited %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.a.AwaitPath(ctx, nobody); !errors.Is(err, rns.ErrNoPath) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := p.m.Stats().Frames; n < 3 || n > 4 { // the last one coincides with the end
			t.Errorf("%d requests in 75 s", n)
		}
		for range 5 {
			if err := p.a.RequestPath(t.Context(), p.d.Hash()); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if !p.a.HasPath(p.d.Hash()) {
			t.Error("no path")
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.a.AwaitPath(ctx, nobody); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestStrangersCannotMakeUsAnswerWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		request := rns.Packet{
			DestinationType: rns.DestinationPlain,
			Destination:     rns.HashDestination(nil, "rnstransport", "path", "request"),
		}
		hash := p.d.Hash()
		answers := 0
		p.m.Tap(func(from string, frame []byte) {
			if from == "b" {
				answers++
			}
		})
		for i := range 100 {
			request.Data = append(hash[:len(hash):len(hash)], byte(i))
			for range 2 { // each comes twice
				p.m.Inject(request.Append(nil))
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if answers != 8 {
			t.Errorf("%d answers", answers)
		}
		s := p.b.Stats()
		if s.Drops[rns.DropPathRequest] != 100 || s.Drops[rns.DropPathAnswer] != 92 {
			t.Errorf("drops %v", s.Drops)
		}
	})
}

func TestThreeNodesInARow(t *testing.T) {
	// b stands between a and c and relays nothing: it is no transport node.
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		m.Cut("a", "c")
		a, b, c := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b")), rnstest.Start(t, rns.Config{}, m.Port("c"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, c, id)
		announce(t, d)
		if a.HasPath(d.Hash()) || !b.HasPath(d.Hash()) || len(a.Paths()) != 0 {
			t.Error("wrong paths")
		}
		if p := b.Paths(); len(p) != 1 || p[0].Destination != d.Hash() || p[0].Hops != 1 {
			t.Errorf("paths %+v", p)
		}
		b.ForgetPath(d.Hash())
		if b.HasPath(d.Hash()) {
			t.Error("not forgotten")
		}
		if err := a.AwaitPath(t.Context(), d.Hash()); !errors.Is(err, rns.ErrNoPath) {
			t.Error(err)
		}
		send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
		none(t, got)
		send(t, b.NewRemote(id.Public(), "test", "inbox"), "y")
		if x := next(t, got); string(x.Data) != "y" {
			t.Errorf("got %q", x.Data)
		}
		// Having moved, a hears the next announce.
		m.Heal("a", "c")
		time.Sleep(time.Second)
		announce(t, d)
		send(t, a.NewRemote(id.Public(), "test", "inbox"), "z")
		if x := next(t, got); string(x.Data) != "z" {
			t.Errorf("got %q", x.Data)
		}
	})
}

// TestPacketOverSeveralHopsIsAddressedToTheNextNode: C-094.
func TestPacketOverSeveralHopsIsAddressedToTheNextNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		a := rnstest.Start(t, rns.Config{}, near.Port("near"), far.Port("far"))
		id := rnstest.Identity(t, 1)
		var random rns.RandomField
		p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("test", "inbox"), Random: random})
		if err != nil {
			t.Fatal(err)
		}
		relay := rns.IdentityHash{7, 7, 7}
		relayed := p.RelayedAnnounce(relay, 2, rns.ContextNone)
		far.Inject(relayed.Append(nil))
		synctest.Wait()
		i, ok := a.PathInfo(p.Destination)
		if !ok || i.Hops != 3 || i.NextHop != rns.TruncatedHash(relay) || i.Interface != "far" || i.Announce != p.Hash() {
			t.Fatalf("path %+v, %v", i, ok)
		}
		var sent []byte
		far.Tap(func(_ string, frame []byte) { sent = append([]byte(nil), frame...) })
		near.Tap(func(string, []byte) { t.Error("sent on another interface") })
		r := send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
		synctest.Wait()
		got, err := rns.ParsePacket(sent)
		if err != nil {
			t.Fatal(err)
		}
		if sent[0] != 0x50 || got.TransportID != relay || got.Hops != 0 || got.Hash() != r.Hash() {
			t.Errorf("sent %x", sent)
		}
	})
}

// TestIFAC holds C-083, I-021: with an access code on one side only, nothing gets through, in either direction; it is counted and not
// answered.
func TestIFAC(t *testing.T) {
	network := func(name, pass string) rns.InterfaceOptions {
		return rns.InterfaceOptions{NetworkName: name, Passphrase: pass}
	}
	for _, c := range []struct {
		name string
		a, b rns.InterfaceOptions
		want bool
	}{
		{"open", network("", ""), network("", ""), true},
		{"same name and passphrase", network("n", "p"), network("n", "p"), true},
		{"same name", network("n", ""), network("n", ""), true},
		{"another passphrase", network("n", "p"), network("n", "q"), false},
		{"another name", network("n", "p"), network("m", "p"), false},
		{"open to closed", network("", ""), network("n", "p"), false},
		{"closed to open", network("n", "p"), network("", ""), false},
		{"other sizes", rns.InterfaceOptions{Passphrase: "p", IFACSize: 8}, network("", "p"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := ifacetest.NewMedium(ifacetest.Options{})
				a, b := rnstest.StartWith(t, rns.Config{}, c.a, m.Port("a")), rnstest.StartWith(t, rns.Config{}, c.b, m.Port("b"))
				id := rnstest.Identity(t, 1)
				d, got := inbox(t, b, id)
				announce(t, d)
				if a.HasPath(d.Hash()) != c.want {
					t.Error("announce heard:", !c.want)
				}
				r := send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
				synctest.Wait()
				if !c.want {
					none(t, got)
					if m.Stats().Frames != 2 {
						t.Error("a frame without right access code was answered")
					}
					if n := a.Stats().Interfaces[0].Drops[rns.DropIFAC]; n != 1 {
						t.Errorf("%d drops counted", n)
					}
					return
				}
				if err := next(t, got).Prove(); err != nil {
					t.Fatal(err)
				}
				next(t, r.Done())
				if r.Status() != rns.ReceiptDelivered {
					t.Error(r.Status())
				}
			})
		})
	}
}

// TestPlainAndGroupPackets holds C-088.
//
// It holds C-048, C-089, C-093.
func TestPlainAndGroupPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id, key := rnstest.Identity(t, 1), bytes.Repeat([]byte{3, 5}, 32)
		_, plain := inbox(t, b, nil, func(c *rns.DestinationConfig) { c.Type = rns.DestinationPlain })
		_, group := inbox(t, b, id, func(c *rns.DestinationConfig) { c.Type, c.GroupKey = rns.DestinationGroup, key })

		out := a.NewRemotePlain("test", "inbox")
		for range 2 { // PLAIN packets are no duplicates of each other
			if r := send(t, out, "to all"); r != nil {
				t.Error("receipt of a PLAIN packet")
			}
			x := next(t, plain)
			if string(x.Data) != "to all" {
				t.Errorf("got %q", x.Data)
			}
			if err := x.Prove(); !errors.Is(err, rns.ErrNotProvable) {
				t.Error(err)
			}
		}

		g, err := a.NewRemoteGroup(id.Public(), key, "test", "inbox")
		if err != nil {
			t.Fatal(err)
		}
		r := send(t, g, "to the group")
		x := next(t, group)
		if string(x.Data) != "to the group" {
			t.Errorf("got %q", x.Data)
		}
		if err := x.Prove(); err != nil {
			t.Error(err)
		}
		next(t, r.Done())
		if r.Status() != rns.ReceiptDelivered {
			t.Error(r.Status())
		}
		wrong, err := a.NewRemoteGroup(id.Public(), bytes.Repeat([]byte{1}, 64), "test", "inbox")
		if err != nil {
			t.Fatal(err)
		}
		send(t, wrong, "wrong key")
		none(t, group)
		if _, err := a.NewRemoteGroup(id.Public(), make([]byte, 48), "test"); !errors.Is(err, rns.ErrBadKey) {
			t.Error(err)
		}

		// Over a second hop they are dropped, and announced they are never.
		p := rns.Packet{DestinationType: rns.DestinationPlain, Destination: out.Hash(), Hops: 1, Data: []byte("relayed")}
		m.Inject(p.Append(nil))
		p.PacketType, p.Hops = rns.PacketAnnounce, 0
		m.Inject(p.Append(nil))
		p.PacketType, p.DestinationType = rns.PacketData, rns.DestinationSingle
		m.Inject(p.Append(nil))
		none(t, plain)
		s := b.Stats()
		if s.Drops[rns.DropTooFar] != 1 || s.Drops[rns.DropAnnounceType] != 1 || s.Drops[rns.DropNoDestination] != 1 {
			t.Errorf("drops %v", s.Drops)
		}
	})
}

// TestDuplicateIsDeliveredOnce holds C-086.
func TestDuplicateIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		var frame []byte
		p.m.Tap(func(from string, f []byte) {
			if from == "a" {
				frame = append([]byte(nil), f...)
			}
		})
		send(t, p.out, "once")
		next(t, p.got)
		p.m.Inject(frame)
		frame[1] = 5 // the same after five more hops
		p.m.Inject(frame)
		time.Sleep(time.Second)
		none(t, p.got)
		if n := p.b.Stats().Drops[rns.DropDuplicate]; n != 2 {
			t.Errorf("%d duplicates", n)
		}
		send(t, p.out, "once")
		next(t, p.got) // sent again it is another packet
	})
}

// TestPacketForAnotherTransportNodeIsDropped holds C-085.
func TestPacketForAnotherTransportNodeIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		x := rns.Packet{HeaderType: rns.Header2, TransportType: rns.TransportTypeTransport, TransportID: rns.IdentityHash{1}, Destination: p.d.Hash()}
		sealed, err := p.id.Encrypt(zeros{}, []byte("x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		x.Data = sealed
		p.m.Inject(x.Append(nil))
		time.Sleep(time.Second)
		none(t, p.got)
		if n := p.b.Stats().Drops[rns.DropNotOurs]; n != 1 {
			t.Errorf("%d drops", n)
		}
		x.TransportID = p.b.Identity().Hash()
		p.m.Inject(x.Append(nil))
		next(t, p.got)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestKnownDestinationsSurviveARestart holds C-069, C-070.
func TestKnownDestinationsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		a, b := rnstest.Start(t, rns.Config{Store: &store}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id, member := rnstest.Identity(t, 1), rnstest.Identity(t, 2)
		d, got := inbox(t, b, id, func(c *rns.DestinationConfig) {
			c.AppData = func() []byte { return []byte("name") }
			c.Ratchets = &rns.RatchetConfig{}
		})
		announce(t, d)
		before, ok := a.Recall(d.Hash())
		if !ok || before.Ratchet == nil {
			t.Fatal("not heard")
		}
		if err := a.Remember(rns.DestinationHash{5}, member.Public()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if store.KnownSaves() != 1 {
			t.Errorf("saved %d times in ten minutes", store.KnownSaves())
		}
		a.Stop()
		if _, ok := a.Recall(d.Hash()); ok {
			t.Error("a stopped node knows something")
		}

		a = rnstest.Start(t, rns.Config{Store: &store}, m.Port("a"))
		synctest.Wait()
		after, ok := a.Recall(d.Hash())
		if !ok || !after.Identity.Equal(id.Public()) || string(after.AppData) != "name" || !bytes.Equal(after.Ratchet, before.Ratchet) ||
			!after.Heard.Equal(before.Heard) || !after.Emitted.Equal(before.Emitted) {
			t.Errorf("after %+v, before %+v", after, before)
		}
		if p, ok := a.RecallIdentity(member.Hash()); !ok || !p.Equal(member.Public()) {
			t.Error("remembered identity is gone")
		}
		if err := a.Remember(rns.DestinationHash{5}, id.Public()); !errors.Is(err, rns.ErrKeyConflict) {
			t.Error(err)
		}
		send(t, a.NewRemote(after.Identity, "test", "inbox"), "x")
		if x := next(t, got); x.Ratchet.IsZero() {
			t.Error("not sent to the ratchet")
		}
	})
}

func TestRatchetsAndAnnounceTimeSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		var years atomic.Int32 // that the clock of b is off
		clock := func() time.Time { return time.Now().AddDate(int(years.Load()), 0, 0) }
		a := rnstest.Start(t, rns.Config{}, m.Port("a"))
		id := rnstest.Identity(t, 1)
		start := func() (*rnstest.Node, *rns.Destination, <-chan *rns.ReceivedPacket) {
			b := rnstest.Start(t, rns.Config{Store: &store, Clock: clock}, m.Port("b"))
			d, got := inbox(t, b, id, func(c *rns.DestinationConfig) {
				c.Ratchets = &rns.RatchetConfig{Interval: 24 * time.Hour, Enforce: true}
			})
			synctest.Wait() // the port listens
			return b, d, got
		}
		b, d, _ := start()
		announce(t, d)
		first, _ := a.Recall(d.Hash())
		b.Stop()

		// The machine has no battery: after the restart its clock is a year behind.
		years.Store(-1)
		_, d, got := start()
		out := a.NewRemote(id.Public(), "test", "inbox")
		send(t, out, "x")
		if x := next(t, got); x.Ratchet != rns.RatchetIDOf(first.Ratchet) {
			t.Error("old ratchet does not fit any more")
		}
		announce(t, d)
		second, _ := a.Recall(d.Hash())
		if !second.Emitted.Equal(first.Emitted.Add(time.Second)) {
			t.Errorf("emitted %v, then %v", first.Emitted, second.Emitted)
		}
		years.Store(0)
		time.Sleep(time.Hour)
		at := time.Now()
		announce(t, d)
		if k, _ := a.Recall(d.Hash()); !k.Emitted.Equal(at.Truncate(time.Second)) {
			t.Errorf("emitted %v, it was %v", k.Emitted, at)
		}
	})
}

func TestSettingTheClockChangesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var off atomic.Int32
		clock := func() time.Time { return time.Now().AddDate(int(off.Load()), 0, 0) }
		a := rnstest.Start(t, rns.Config{Clock: clock}, m.Port("a"))
		b := rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, _ := inbox(t, b, id, func(c *rns.DestinationConfig) { c.Ratchets = &rns.RatchetConfig{} })
		announce(t, d)
		out := a.NewRemote(id.Public(), "test", "inbox")
		for _, years := range []int32{-20, 20} {
			began := time.Now()
			r := send(t, out, "x")
			time.Sleep(time.Second)
			off.Store(years)
			<-r.Done()
			if waited := time.Since(began).Round(time.Second); waited != 12*time.Second {
				t.Errorf("clock set by %d years: waited %v", years, waited)
			}
			if !a.HasPath(d.Hash()) {
				t.Errorf("clock set by %d years: the path is gone", years)
			}
			if k, ok := a.Recall(d.Hash()); !ok || k.Ratchet == nil {
				t.Errorf("clock set by %d years: the ratchet is gone", years)
			}
			time.Sleep(time.Minute)
			announce(t, d)
			if k, _ := a.Recall(d.Hash()); k.Emitted.Before(began) {
				t.Errorf("clock set by %d years: new announces are not taken", years)
			}
		}
		time.Sleep(8 * 24 * time.Hour)
		if a.HasPath(d.Hash()) {
			t.Error("the path never ends")
		}
	})
}

func TestInterfaceIsLostAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		announce(t, p.d)
		time.Sleep(time.Second)

		// The plug is pulled.
		p.m.Port("a").SetDown(true)
		if _, err := p.out.Send(t.Context(), []byte("x")); !errors.Is(err, interfaces.ErrDown) {
			t.Error(err)
		}
		p.m.Port("a").SetDown(false)
		send(t, p.out, "back")
		if x := next(t, p.got); string(x.Data) != "back" {
			t.Errorf("got %q", x.Data)
		}
	})
}

// mortal is an interface whose carrier can go away for good.
type mortal struct {
	*ifacetest.Port
	die chan struct{}
}

func (m mortal) Run(ctx context.Context, deliver func([]byte)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-m.die:
			cancel()
		case <-ctx.Done():
		}
	}()
	return m.Port.Run(ctx, deliver)
}

func TestInterfaceThatIsGoneTakesItsPathsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := rnstest.Start(t, rns.Config{}), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, b, id)
		out := a.NewRemote(id.Public(), "test", "inbox")
		if _, err := out.Send(t.Context(), nil); !errors.Is(err, rns.ErrNoInterface) {
			t.Error(err)
		}
		for range 2 {
			x := mortal{m.Port("a"), make(chan struct{})}
			if err := a.AddInterface(x, rns.InterfaceOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := a.AddInterface(x, rns.InterfaceOptions{}); !errors.Is(err, rns.ErrInUse) {
				t.Error(err)
			}
			synctest.Wait()
			time.Sleep(time.Second)
			announce(t, d)
			if !a.HasPath(d.Hash()) {
				t.Error("no path")
			}
			send(t, out, "x")
			next(t, got)
			close(x.die)
			synctest.Wait()
			if a.HasPath(d.Hash()) || len(a.Stats().Interfaces) != 0 {
				t.Error("the interface is still there")
			}
		}
	})
}

// TestFullQueueOfADestinationTakesARetry holds C-178.
func TestFullQueueOfADestinationTakesARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		got := make(chan string, 1000)
		p := newTwoNodes(t, func(c *rns.DestinationConfig) {
			c.OnPacket = func(x *rns.ReceivedPacket) { <-block; got <- string(x.Data) }
		})
		var last []byte
		p.m.Tap(func(from string, frame []byte) { last = append([]byte(nil), frame...) })
		for i := range 300 {
			send(t, p.out, fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		if n := p.b.Stats().Drops[rns.DropDestinationQueue]; n != 300-257 {
			t.Errorf("%d dropped", n)
		}
		close(block)
		synctest.Wait()
		p.m.Inject(last) // the same packet again
		time.Sleep(time.Second)
		if len(got) != 258 {
			t.Fatalf("%d delivered", len(got))
		}
		for i := range 257 {
			if x := <-got; x != fmt.Sprint(i) {
				t.Fatalf("packet %d is %s", i, x)
			}
		}
		if x := <-got; x != "299" {
			t.Errorf("the retry brought %s", x)
		}
	})
}

// TestSlowAnnounceHandlerLosesTheOldest holds C-178.
func TestSlowAnnounceHandlerLosesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a := rnstest.Start(t, rns.Config{}, m.Port("a"))
		block, got := make(chan struct{}), make(chan int64, 1000)
		cancel := a.HandleAnnounces("", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { <-block; got <- x.Emitted.Unix() })
		id := rnstest.Identity(t, 1)
		for i := range 300 {
			random, err := rns.NewRandomField(zeros{}, time.Unix(int64(i), 0))
			if err != nil {
				t.Fatal(err)
			}
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("x"), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			m.Inject(p.Append(nil))
			synctest.Wait()
		}
		if n := a.Stats().Drops[rns.DropHandlerQueue]; n != 300-257 {
			t.Errorf("%d dropped", n)
		}
		close(block)
		synctest.Wait()
		if len(got) != 257 || <-got != 0 || <-got != 300-256 {
			t.Errorf("%d heard", len(got))
		}
		cancel()
		cancel()
		d, _ := inbox(t, rnstest.Start(t, rns.Config{}, m.Port("b")), id)
		announce(t, d)
		if len(got) != 255 {
			t.Error("heard after cancel")
		}
	})
}

func TestFloodOfAnnouncesIsDroppedBeforeVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		tr, err := rns.New(rns.Config{})
		if err != nil {
			t.Fatal(err)
		}
		// The loop is kept busy, so nobody takes what is verified.
		release := make(chan struct{})
		port := held{m.Port("a"), release}
		if err := tr.AddInterface(port, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		a := rnstest.Run(t, tr)
		synctest.Wait()
		id := rnstest.Identity(t, 1)
		for i := range 1000 {
			random, _ := rns.NewRandomField(zeros{}, time.Unix(int64(i), 0))
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("x"), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			p.Data[70]++ // of the name hash: the signature is wrong
			m.Inject(p.Append(nil))
		}
		close(release)
		synctest.Wait()
		s := a.Stats()
		if s.Drops[rns.DropAnnounceQueue]+s.Drops[rns.DropAnnounceInvalid] != 1000 {
			t.Errorf("drops %v", s.Drops)
		}
		if s.Known != 0 || s.Paths != 0 || s.Interfaces[0].RxAnnounces != 0 {
			t.Errorf("an invalid announce left a trace: %+v", s)
		}
	})
}

// held is an interface that receives nothing until it is released.
type held struct {
	*ifacetest.Port
	release chan struct{}
}

func (h held) Run(ctx context.Context, deliver func([]byte)) error {
	return h.Port.Run(ctx, func(frame []byte) { <-h.release; deliver(frame) })
}

// TestGarbageLeavesNoTrace holds C-176.
func TestGarbageLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		frame := make([]byte, 600)
		x := uint32(1)
		for n := range 600 {
			for i := range frame[:n] {
				x = x*1664525 + 1013904223
				frame[i] = byte(x >> 24)
			}
			if n > 0 {
				frame[0] &^= 0x80
			}
			p.m.Inject(frame[:min(n, 560)])
			synctest.Wait()
		}
		time.Sleep(time.Second)
		none(t, p.got)
		s := p.b.Stats()
		if s.Paths != 0 || s.Known != 0 || s.Links != 0 || s.Receipts != 0 {
			t.Errorf("%+v", s)
		}
		announce(t, p.d)
		send(t, p.out, "still there")
		next(t, p.got)
	})
}

// I-152, our own announces; those of others are in TestAccessPointHearsOnlyAnswers.
func TestAnnounceStaysOffAccessPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, ap, quiet := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		mode := func(p *interfaces.Properties) { p.Mode = interfaces.ModeAccessPoint }
		listen := func(p *interfaces.Properties) { p.Outgoing = false }
		b := rnstest.Start(t, rns.Config{}, full.Port("full"), ap.Port("ap", mode), quiet.Port("quiet", listen))
		a := rnstest.Start(t, rns.Config{}, ap.Port("client"))
		id := rnstest.Identity(t, 1)
		d, _ := inbox(t, b, id)
		announce(t, d)
		if full.Stats().Frames != 1 || ap.Stats().Frames != 0 {
			t.Errorf("%d on full, %d on the access point", full.Stats().Frames, ap.Stats().Frames)
		}
		if err := a.AwaitPath(t.Context(), d.Hash()); err != nil {
			t.Error("path request on an access point:", err)
		}
		send(t, b.NewRemote(rnstest.Identity(t, 2).Public(), "x"), "to nobody")
		synctest.Wait()
		if full.Stats().Frames != 2 || ap.Stats().Frames != 3 || quiet.Stats().Frames != 0 {
			t.Errorf("%d on full, %d on the access point, %d where we only listen", full.Stats().Frames, ap.Stats().Frames, quiet.Stats().Frames)
		}
	})
}

// TestDestinationsAreChecked holds C-028, C-030, C-031, C-034, C-035, C-070.
func TestDestinationsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rnstest.Start(t, rns.Config{})
		id := rnstest.Identity(t, 1)
		for name, c := range map[string]struct {
			config rns.DestinationConfig
			want   error
		}{
			"dot in a name":             {rns.DestinationConfig{Identity: id, App: "a.b"}, rns.ErrBadName},
			"PLAIN with identity":       {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationPlain}, rns.ErrBadKey},
			"GROUP without key":         {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationGroup}, rns.ErrBadKey},
			"ratchets of a GROUP":       {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationGroup, GroupKey: make([]byte, 64), Ratchets: &rns.RatchetConfig{}}, rns.ErrBadKey},
			"link as a type":            {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationLink}, rns.ErrBadName},
			"good":                      {rns.DestinationConfig{Identity: id, App: "a"}, nil},
			"good, without an identity": {rns.DestinationConfig{App: "a"}, nil},
		} {
			if _, err := n.NewDestination(c.config); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		d, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}})
		if err != nil {
			t.Fatal(err)
		}
		h := id.Hash()
		if d.Hash() != rns.HashDestination(&h, "b", "c") || d.Name() != "b.c" {
			t.Errorf("%s %s", d.Hash(), d.Name())
		}
		if k, ok := n.Recall(d.Hash()); !ok || !k.Identity.Equal(id.Public()) {
			t.Error("our own destination is not known")
		}
		if _, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}}); !errors.Is(err, rns.ErrInUse) {
			t.Error(err)
		}
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Error(err)
		}
		if err := d.Announce(t.Context()); !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		if _, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}}); err != nil {
			t.Error("after Close:", err)
		}
		plain, err := n.NewDestination(rns.DestinationConfig{App: "p", Type: rns.DestinationPlain})
		if err != nil {
			t.Fatal(err)
		}
		if err := plain.Announce(t.Context()); !errors.Is(err, rns.ErrNotAnnounced) {
			t.Error(err)
		}
	})
}

func TestAnnounceWithTooMuchAppDataIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := 318
		p := newTwoNodes(t, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return make([]byte, size) } })
		if err := p.d.Announce(t.Context()); !errors.Is(err, rns.ErrTooLarge) {
			t.Error(err)
		}
		size = 317
		announce(t, p.d)
	})
}

// TestPacketSizes holds C-040.
func TestPacketSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		for _, n := range []int{0, 1, rns.EncryptedMDU, 399} {
			send(t, p.out, string(make([]byte, n)))
			if x := next(t, p.got); len(x.Data) != n {
				t.Errorf("%d bytes came as %d", n, len(x.Data))
			}
		}
		if _, err := p.out.Send(t.Context(), make([]byte, 400)); !errors.Is(err, rns.ErrTooLarge) {
			t.Error(err)
		}
		plain := p.a.NewRemotePlain("x")
		send(t, plain, string(make([]byte, 481)))
		if _, err := plain.Send(t.Context(), make([]byte, 482)); !errors.Is(err, rns.ErrTooLarge) {
			t.Error(err)
		}
	})
}

// TestOverlongPacketsAreDroppedAndTolerableOnesAreNot holds C-183.
func TestOverlongPacketsAreDroppedAndTolerableOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{MTU: 8192})
		b := rnstest.Start(t, rns.Config{}, m.Port("b"))
		d, got := inbox(t, b, nil, func(c *rns.DestinationConfig) { c.Type = rns.DestinationPlain })
		synctest.Wait()
		for n := 510; n < 525; n++ {
			p := rns.Packet{DestinationType: rns.DestinationPlain, Destination: d.Hash(), Data: make([]byte, n-rns.HeaderMinSize)}
			m.Inject(p.Append(nil))
			synctest.Wait()
			if taken := len(got) > 0; taken != (n <= 516) {
				t.Errorf("%d bytes taken: %v", n, taken)
			} else if taken {
				<-got
			}
		}
		if n := b.Stats().Drops[rns.DropTooLong]; n != 8 {
			t.Errorf("%d dropped", n)
		}
	})
}

func TestLifeOfATransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		tr, err := rns.New(rns.Config{})
		if err != nil {
			t.Fatal(err)
		}
		id := rnstest.Identity(t, 1)
		// Everything may be set up before Run.
		if err := tr.AddInterface(m.Port("a"), rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		d, err := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "x", OnPacket: func(p *rns.ReceivedPacket) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Remember(rns.DestinationHash{1}, id.Public()); err != nil {
			t.Error(err)
		}
		if _, ok := tr.Recall(rns.DestinationHash{1}); !ok || tr.HasPath(d.Hash()) || tr.Hops(d.Hash()) != rns.MaxHops {
			t.Error("wrong answers before Run")
		}
		announced := make(chan error, 1)
		go func() { announced <- d.Announce(t.Context()) }()
		synctest.Wait()
		n := rnstest.Run(t, tr)
		if err := next(t, announced); err != nil {
			t.Error(err)
		}
		if err := tr.Run(t.Context()); !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		r := send(t, tr.NewRemote(id.Public(), "y"), "x")
		waiting := make(chan error, 1)
		go func() { waiting <- tr.AwaitPath(t.Context(), rns.DestinationHash{9}) }()
		synctest.Wait()
		n.Stop()
		if err := <-waiting; !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		if <-r.Done(); !errors.Is(r.Err(), rns.ErrClosed) {
			t.Error(r.Err())
		}
		_, sendErr := tr.NewRemote(id.Public(), "y").Send(t.Context(), nil)
		_, destErr := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "z"})
		for what, err := range map[string]error{
			"Send": sendErr, "NewDestination": destErr, "Announce": d.Announce(t.Context()),
			"AddInterface": tr.AddInterface(m.Port("b"), rns.InterfaceOptions{}), "AwaitPath": tr.AwaitPath(t.Context(), d.Hash()),
			"RequestPath": tr.RequestPath(t.Context(), d.Hash()), "Remember": tr.Remember(d.Hash(), id.Public()),
		} {
			if !errors.Is(err, rns.ErrClosed) {
				t.Errorf("%s after the end: %v", what, err)
			}
		}
	})
}

func TestStoreThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var store rnstest.Store
		full := errors.New("disk is full")
		tr, err := rns.New(rns.Config{Store: &store})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(m.Port("a"), rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tr.Run(ctx) }()
		id := rnstest.Identity(t, 1)
		if err := tr.Remember(rns.DestinationHash{1}, id.Public()); err != nil {
			t.Fatal(err)
		}
		store.Fail(full)
		time.Sleep(20 * time.Minute)
		store.Fail(nil)
		time.Sleep(6 * time.Minute)
		if store.KnownSaves() != 1 {
			t.Errorf("saved %d times", store.KnownSaves())
		}
		d, err := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "x", Ratchets: &rns.RatchetConfig{}})
		if err != nil {
			t.Fatal(err)
		}
		store.Fail(full)
		announce(t, d) // all the same, but without a ratchet that could not be kept
		if err := tr.Remember(rns.DestinationHash{2}, id.Public()); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, full) {
			t.Error(err)
		}
	})
}

// TestOwnAddressAnnouncedByAnotherIsIgnored holds C-127.
func TestOwnAddressAnnouncedByAnotherIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		other, _ := inbox(t, p.a, p.id)
		announce(t, other)
		time.Sleep(time.Second)
		if p.b.HasPath(p.d.Hash()) || p.b.Stats().Drops[rns.DropAnnounceOwn] != 1 {
			t.Error("our own destination was routed elsewhere")
		}
	})
}

// TestBlackholedIdentityIsNotHeard holds C-074.
func TestBlackholedIdentityIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		id := rnstest.Identity(t, 1)
		a := rnstest.Start(t, rns.Config{Blackholed: func(h rns.IdentityHash) bool { return h == id.Hash() }}, m.Port("a"))
		d, _ := inbox(t, rnstest.Start(t, rns.Config{}, m.Port("b")), id)
		announce(t, d)
		if _, ok := a.Recall(d.Hash()); ok || a.HasPath(d.Hash()) {
			t.Error("heard")
		}
	})
}
