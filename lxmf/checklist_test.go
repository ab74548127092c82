package lxmf_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// TestTheSizesAtWhichAMessageChangesItsWay holds.
func TestTheSizesAtWhichAMessageChangesItsWay(t *testing.T) {
	for _, c := range []struct {
		wanted  lxmf.Method
		content int // size, as LXMF's limits count it
		method  lxmf.Method
		as      lxmf.Representation
	}{
		{lxmf.MethodOpportunistic, 295, lxmf.MethodOpportunistic, lxmf.RepresentationPacket},
		{lxmf.MethodOpportunistic, 296, lxmf.MethodDirect, lxmf.RepresentationPacket},
		{lxmf.MethodDirect, 319, lxmf.MethodDirect, lxmf.RepresentationPacket},
		{lxmf.MethodDirect, 320, lxmf.MethodDirect, lxmf.RepresentationResource},
		{lxmf.MethodOpportunistic, 320, lxmf.MethodDirect, lxmf.RepresentationResource},
	} {
		method, as, err := lxmf.Choose(c.wanted, lxmf.HeaderLength+16+c.content)
		if err != nil || method != c.method || as != c.as {
			t.Errorf("%v of %d bytes goes by %v as %d, %v", c.wanted, c.content, method, as, err)
		}
	}
}

// TestOverSeveralHopsAPacketStaysSmallEnoughForRadios holds: to a neighbour a packet carries 391 bytes, further
// away 383.
func TestOverSeveralHopsAPacketStaysSmallEnoughForRadios(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, near *ifacetest.Medium) {
		far := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond})
		a := live(t, alice(t), near.Port("a"), options{})
		rnstest.Start(t, rns.Config{TransportEnabled: true}, near.Port("relay near"), far.Port("relay far"))
		b := live(t, bob(t), far.Port("b"), options{})
		carol := live(t, repeatedKey(t, 0x31, 0x32), near.Port("carol"), options{})
		for _, p := range []*person{a, b, carol} {
			p.announce(t)
			time.Sleep(time.Minute)
		}
		for _, c := range []struct {
			to      *person
			content int // all but 96 bytes of plaintext, without title and fields
			want    lxmf.Method
		}{
			{carol, 295, lxmf.MethodOpportunistic}, {carol, 296, lxmf.MethodDirect},
			{b, 287, lxmf.MethodOpportunistic}, {b, 288, lxmf.MethodDirect},
		} {
			ends(t, a.send(t, c.to.Address(), strings.Repeat("x", c.content), by(lxmf.MethodOpportunistic)), lxmf.StateDelivered)
			in := c.to.receive(t)
			if in.Method != c.want || in.Method == lxmf.MethodOpportunistic && len(in.Message.OpportunisticData()) > 391 {
				t.Errorf("%d bytes over %d hops came by %v", c.content, in.Hops, in.Method)
			}
		}
	})
}

// TestAResourceAtTheLimitIsAcceptedAndOneByteMoreIsNot holds.
func TestAResourceAtTheLimitIsAcceptedAndOneByteMoreIsNot(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.MaxSize = 2000; manual(c) }})
		a.announce(t)
		b.announce(t)
		full := a.send(t, b.Address(), strings.Repeat("x", 2000-112))
		in := b.receive(t)
		if len(in.Message.Packed()) != 2000 {
			t.Fatalf("%d bytes", len(in.Message.Packed()))
		}
		in.Prove()
		ends(t, full, lxmf.StateDelivered)
		before := a.Stats().Transmissions
		ends(t, a.send(t, b.Address(), strings.Repeat("x", 2001-112)), lxmf.StateRejected)
		time.Sleep(time.Hour)
		if n := a.Stats().Transmissions - before; n != 1 {
			t.Errorf("%d transmissions of what was rejected", n)
		}
	})
}

// TestARepetitionIsTheSameMessageInAnotherPacket holds.
func TestARepetitionIsTheSameMessageInAnotherPacket(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		var mu sync.Mutex
		seen := make(map[string]string) // packets and what is in them
		m.Drop(func(from, to string, frame []byte) bool {
			p, err := rns.ParsePacket(frame)
			if err != nil {
				return false
			}
			if from == "a" && p.PacketType == rns.PacketData && rns.DestinationHash(p.Destination) == b.Address() {
				plain, _, ok := bob(t).Decrypt(p.Data, nil, false)
				mu.Lock()
				defer mu.Unlock()
				if _, again := seen[string(p.Data)]; again || !ok {
					t.Error("not another packet")
				}
				seen[string(p.Data)] = string(plain)
			}
			return from == "b" && p.PacketType == rns.PacketProof
		})
		out := a.send(t, b.Address(), "again and again", by(lxmf.MethodOpportunistic))
		ends(t, out, lxmf.StateFailed)
		if len(seen) != 5 {
			t.Errorf("%d transmissions", len(seen))
		}
		for _, plain := range seen {
			if got, err := lxmf.UnpackOpportunistic(b.Address(), []byte(plain)); err != nil || got.ID() != out.ID() {
				t.Errorf("%v: another message", err)
			}
		}
	})
}

// TestALinkIsIdentifiedOnOnceAfterTheFirstDelivery holds X-052.
func TestALinkIsIdentifiedOnOnceAfterTheFirstDelivery(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		var mu sync.Mutex
		identified := 0
		m.Drop(func(from, to string, frame []byte) bool {
			if p, err := rns.ParsePacket(frame); err == nil && p.Context == rns.ContextLinkIdentify {
				mu.Lock()
				defer mu.Unlock()
				identified++
			}
			return false
		})
		for range 3 {
			ends(t, a.send(t, b.Address(), "x", by(lxmf.MethodDirect)), lxmf.StateDelivered)
			time.Sleep(time.Second)
			if in := b.receive(t); in.Link.Remote() == nil || identified != 1 {
				t.Errorf("identified %d times", identified)
			}
		}
	})
}

// TestALinkMayBelongToAnybody holds for all carriers.
func TestALinkMayBelongToAnybody(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		remote := a.node.NewRemote(bob(t).PublicIdentity, "lxmf", "delivery")
		l, err := a.node.OpenLink(t.Context(), remote)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{"not identified", "identified as Carol"} {
			message := packed(t, alice(t), lxmf.Draft{Destination: b.Address(), Timestamp: float64(i + 1), Content: []byte(text)})
			receipt, err := l.Send(t.Context(), message.Packed())
			if err != nil {
				t.Fatal(err)
			}
			if in := b.receive(t); in.Message.ID() != message.ID() {
				t.Error("another message")
			}
			if <-receipt.Done(); receipt.Status() != rns.ReceiptDelivered {
				t.Errorf("%s: %v", text, receipt.Status())
			}
			// The same by every other way is proved and not handed out.
			if err := l.SendResource(t.Context(), rns.ResourceBytes(message.Packed()), rns.ResourceOptions{}); err != nil {
				t.Error(err)
			}
			if !raw(t, a, bob(t), message) {
				t.Error("the copy in a packet was not proved")
			}
			sealed, err := lxmf.Seal(strings.NewReader(strings.Repeat("0123456789", 9)), message, bob(t).PublicIdentity, nil)
			if err != nil {
				t.Fatal(err)
			}
			uri, err := lxmf.PaperURI(sealed)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.TakePaper(uri); err != nil {
				t.Error(err)
			}
			b.nothing(t, time.Minute)
			if err := l.Identify(repeatedKey(t, 0x31, 0x32)); err != nil && i == 0 {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if s := b.Stats(); s.Accepted != 2 || s.Duplicates != 6 {
			t.Errorf("%+v", s)
		}
	})
}

// TestNothingIsCompressedForThoseWhoCannotReadIt holds.
func TestNothingIsCompressedForThoseWhoCannotReadIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		none := msgpack.AppendArray(nil, 3)
		none = msgpack.AppendNil(msgpack.AppendNil(none))
		for i, c := range []struct {
			announced  []byte
			compressed bool
		}{
			{nil, true},
			{append([]byte(nil), "an old program's name"...), true},
			{msgpack.AppendArray(append([]byte(nil), none...), 0), false},
			{msgpack.AppendInt(msgpack.AppendArray(append([]byte(nil), none...), 1), 0), true},
		} {
			id := repeatedKey(t, byte(0x40+i), byte(0x60+i))
			node := live(t, repeatedKey(t, byte(0x80+i), byte(0xa0+i)), m.Port(id.String()), options{}).node
			offers := make(chan rns.ResourceOffer, 1)
			d, err := node.NewDestination(rns.DestinationConfig{
				Type: rns.DestinationSingle, Identity: id, App: "lxmf", Aspects: []string{"delivery"}, AppData: func() []byte { return c.announced },
				OnLink: func(l *rns.Link) {
					l.SetHandlers(rns.LinkHandlers{OnResource: func(o rns.ResourceOffer) rns.ResourceDecision {
						offers <- o
						return rns.ResourceDecision{}
					}})
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			ends(t, a.send(t, d.Hash(), strings.Repeat("the same over and over ", 500)), lxmf.StateRejected)
			if o := <-offers; (o.Transfer < o.Size) != c.compressed {
				t.Errorf("announced %x: %d bytes travel as %d", c.announced, o.Size, o.Transfer)
			}
		}
	})
}

// TestAPathResponseSaysWhatAnAnnounceSays holds X-169.
func TestAPathResponseSaysWhatAnAnnounceSays(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*lxmf.DeliveryConfig){
		"with a name": func(c *lxmf.DeliveryConfig) {
			c.DisplayName, c.StampCost = func() string { return "Bob" }, func() int { return 8 }
		},
		"without": func(c *lxmf.DeliveryConfig) { c.DisplayName = nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *ifacetest.Medium) {
				a := live(t, alice(t), m.Port("a"), options{})
				b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) {
					change(c)
					c.OnMessage = (*lxmf.Inbound).Prove
				}})
				heard := make(chan rns.Announced, 4)
				cancel := a.node.HandleAnnounces("lxmf.delivery", rns.AnnounceHandlerOptions{PathResponses: true}, func(x rns.Announced) { heard <- x })
				defer cancel()
				b.announce(t)
				announce := <-heard
				time.Sleep(time.Minute)
				if err := a.node.RequestPath(t.Context(), b.Address()); err != nil {
					t.Fatal(err)
				}
				if response := <-heard; string(response.AppData) != string(announce.AppData) || !response.PathResponse || len(announce.AppData) == 0 {
					t.Errorf("%x, announced %x", response.AppData, announce.AppData)
				}
			})
		})
	}
}

// TestHearingManyDoesNotOpenMoreLinksThanAllowed holds X-167.
func TestHearingManyDoesNotOpenMoreLinksThanAllowed(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		const recipients = 40
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{})
		var mu sync.Mutex
		requests := 0
		m.Drop(func(from, to string, frame []byte) bool {
			p, err := rns.ParsePacket(frame)
			if err != nil || p.PacketType != rns.PacketLinkRequest {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			requests++
			return true // nobody answers
		})
		for i := range recipients {
			d, err := b.AddDelivery(lxmf.DeliveryConfig{Identity: repeatedKey(t, byte(0x40+i), byte(0x90+i)), OnMessage: (*lxmf.Inbound).Prove})
			if err != nil {
				t.Fatal(err)
			}
			a.send(t, d.Address(), "x", by(lxmf.MethodDirect), patient)
			if err := d.Announce(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if requests == 0 || requests > 16 {
			t.Errorf("%d links were being opened at a time", requests)
		}
	})
}

// TestAnAnnounceSaysWhatTheSpecificationPrints holds.
func TestAnAnnounceSaysWhatTheSpecificationPrints(t *testing.T) {
	named := func(cost int) lxmf.AnnounceData {
		return lxmf.AnnounceData{Name: "Alice", Named: true, StampCost: cost, Compression: true}
	}
	for _, c := range []struct {
		data lxmf.AnnounceData
		want string
	}{
		{named(0), "93c405416c696365c09100"},
		{named(8), "93c405416c696365089100"},
		{lxmf.AnnounceData{Compression: true}, "93c0c09100"},
		{named(254), "93c405416c696365ccfe9100"},
		{named(255), "93c405416c696365c09100"},
		{named(-1), "93c405416c696365c09100"},
	} {
		if got := hex.EncodeToString(c.data.Append(nil)); got != c.want {
			t.Errorf("%+v is announced as %s, want %s", c.data, got, c.want)
		}
	}
}
