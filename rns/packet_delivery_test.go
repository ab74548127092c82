package rns_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

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
