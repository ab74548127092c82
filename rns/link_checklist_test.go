package rns

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/msgpack"
)

// TestLinkChecklistEstablishment holds what spec 2 §10 lists and no other test shows by itself.
func TestLinkChecklistEstablishment(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(8192)
	request := func(rand io.Reader, route linkRoute) (*bench, []byte) {
		return benchInitiator(t, rand, DestinationHash{5}, id.PublicIdentity, route)
	}
	t.Run("L-002 L-003 fresh keys, in clear", func(t *testing.T) {
		rand := new(counting)
		a, one := request(rand, linkRoute{hops: 1, on: on})
		_, two := request(rand, linkRoute{hops: 1, on: on})
		if bytes.Equal(one[19:51], two[19:51]) || bytes.Equal(one[51:83], two[51:83]) {
			t.Error("two requests carry the same key")
		}
		if !bytes.Equal(one[19:51], a.keys.exchange.PublicKey()) {
			t.Error("the key is not in clear")
		}
	})
	t.Run("L-032 500 is signalled where nothing better is known", func(t *testing.T) {
		for want, route := range map[string]linkRoute{
			"\x20\x01\xf4": {hops: MaxHops}, "\x20\x20\x00": {hops: 1, on: on},
		} {
			if _, raw := request(nil, route); string(raw[83:]) != want {
				t.Errorf("%x signalled", raw[83:])
			}
		}
		if _, raw := request(nil, linkRoute{hops: 1, on: benchInterface(0)}); string(raw[83:]) != "\x20\x01\xf4" {
			t.Errorf("%x signalled", raw[83:])
		}
	})
	t.Run("L-025 giving up says nothing", func(t *testing.T) {
		a, raw := request(nil, linkRoute{hops: 1, on: on})
		a.take()
		a.tick(a.expires)
		b, _ := benchResponder(t, nil, raw, on, &benchTarget{identity: id})
		if _, ok := b.agree(); !ok {
			t.Fatal("no keys")
		}
		b.tick(b.expires)
		for _, l := range []*bench{a, b} {
			if l.State() != LinkClosed || l.Link.now.reason != CloseTimeout || len(l.take()) != 0 {
				t.Errorf("initiator %v: %v, %v", l.initiator, l.State(), l.Link.now.reason)
			}
		}
	})
	t.Run("L-021 the longer round trip counts", func(t *testing.T) {
		_, raw := request(nil, linkRoute{hops: 1, on: on})
		b, _ := benchResponder(t, nil, raw, on, &benchTarget{identity: id})
		proof, _ := b.agree()
		b.sendLinkProof(b.now, proof)
		b.now = b.now.Add(time.Second)
		b.handleRaw(t, b.packetTo(t, ContextLinkRTT, msgpack.Float(0.5)), on)
		if b.State() != LinkActive || b.RTT() != time.Second {
			t.Errorf("%v, %v", b.State(), b.RTT())
		}
		b.now = b.now.Add(time.Second)
		b.handleRaw(t, b.packetTo(t, ContextLinkRTT, msgpack.Float(9)), on)
		if b.RTT() != time.Second {
			t.Error("a second LRRTT changed something")
		}
	})
	t.Run("L-030 L-152 bad proofs leave the link pending", func(t *testing.T) {
		a, raw := request(nil, linkRoute{hops: 1, on: on})
		b, _ := benchResponder(t, nil, raw, on, &benchTarget{identity: id})
		proof, _ := b.agree()
		for i := range 3 {
			bad := bytes.Clone(proof)
			switch i {
			case 0:
				bad = bad[:98]
			case 1:
				clear(bad[64:96]) // a key of low order, signed
				copy(bad, id.Sign(linkProofSigned(b.id, bad[64:96], id.SigningKey(), bad[96:])))
			case 2:
				bad[96] = 0 // mode 0, signed
				copy(bad, id.Sign(linkProofSigned(b.id, bad[64:96], id.SigningKey(), bad[96:])))
			}
			a.handleRaw(t, append(appendLinkHeader(nil, a.id, PacketProof, ContextLinkReqProof), bad...), on)
			if a.State() != LinkPending || len(a.take()) != 0 {
				t.Errorf("bad proof %d: %v", i, a.State())
			}
		}
		b.sendLinkProof(b.now, proof)
		a.handleRaw(t, b.take()[0], on)
		if a.State() != LinkActive || a.MTU() != 8192 || b.MTU() != 8192 {
			t.Errorf("the good one: %v, MTU %d and %d", a.State(), a.MTU(), b.MTU())
		}
		a.take() // the LRRTT
		b.sendLinkProof(b.now, proof)
		if a.handleRaw(t, b.take()[0], on); len(a.take()) != 0 { // L-018
			t.Error("a proof that came twice was answered twice")
		}
	})
	t.Run("L-022 an LRRTT that is none", func(t *testing.T) {
		for name, c := range map[string]struct {
			plaintext []byte
			spoil     byte
			want      LinkState
		}{
			"text": {msgpack.Str("x"), 0, LinkClosed}, "nothing": {nil, 0, LinkClosed}, "reserved": {[]byte{0xc1}, 0, LinkClosed},
			"not decryptable": {msgpack.Float(1), 1, LinkHandshake}, "an integer": {msgpack.Int(1), 0, LinkActive},
		} {
			_, raw := request(nil, linkRoute{hops: 1, on: on})
			b, _ := benchResponder(t, nil, raw, on, &benchTarget{identity: id})
			if _, ok := b.agree(); !ok {
				t.Fatal("no keys")
			}
			raw = b.packetTo(t, ContextLinkRTT, c.plaintext)
			raw[len(raw)-1] ^= c.spoil
			b.handleRaw(t, raw, on)
			if sent := b.take(); b.State() != c.want || (c.want == LinkClosed) != (len(sent) == 1) {
				t.Errorf("%s: %v, %d packets", name, b.State(), len(sent))
			}
		}
	})
	t.Run("L-027 links need a SINGLE destination", func(t *testing.T) {
		tr, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.OpenLink(t.Context(), tr.NewRemotePlain("test")); !errors.Is(err, ErrNotSingle) {
			t.Error(err)
		}
	})
}

func TestResourceChecklist(t *testing.T) {
	t.Run("L-095 one segment after the other", func(t *testing.T) {
		s := newResourceSim(t, 262144, 1)
		proved, advertised := 0, 0
		s.tap = func(_ *resourceEnd, p resourcePacket) bool {
			switch p.context {
			case ContextResourceProof:
				proved++
			case ContextResourceAdv:
				if advertised++; advertised != proved+1 {
					t.Errorf("segment %d is advertised after %d proofs", advertised, proved)
				}
			}
			return true
		}
		s.mustCarry(make([]byte, 2*ResourceSegmentSize+1), resourceSendOptions{noCompress: true})
		if advertised != 3 || len(s.b.received) != 1 { // L-126
			t.Errorf("%d segments, %d resources", advertised, len(s.b.received))
		}
	})
	t.Run("L-097 the number of parts is our own", func(t *testing.T) {
		for _, n := range []int64{0, 1, 1 << 40, -1} {
			s := newResourceSim(t, MTU, 1)
			f := s.forge(resourceRandomData(1000, 1))
			f.adv.parts = n
			f.advertise()
			for i := range f.seg.parts {
				f.part(i)
			}
			s.settle()
			if len(s.b.received) != 1 || s.b.received[0].Err != nil {
				t.Errorf("n %d: %s", n, s)
			}
		}
	})
	t.Run("L-113 wrong proofs", func(t *testing.T) {
		s := newResourceSim(t, MTU, 1)
		s.tap = func(_ *resourceEnd, p resourcePacket) bool { return p.context != ContextResourceProof }
		x := s.a.send(ResourceBytes(make([]byte, 100)), resourceSendOptions{})
		s.until(5*time.Second, func() bool { return x.sender.state == resourceAwaitingProof })
		c := x.sender.current
		right := appendResourceProof(nil, c.hash, c.proof)
		for name, payload := range map[string][]byte{
			"short": right[:63], "long": append(bytes.Clone(right), 0), "other proof": append(bytes.Clone(right[:63]), right[63]^1),
			"other resource": append([]byte{right[0] ^ 1}, right[1:]...),
		} {
			if s.a.table.handleProof(s.now, payload); x.done != 0 {
				t.Errorf("%s: taken", name)
			}
		}
		if s.a.table.handleProof(s.now, right); x.done != 1 || x.err != nil {
			t.Errorf("the right one: %v", x.err)
		}
	})
}

// TestPacketChecklist holds what spec 1 §11 lists of packets and no other test shows by itself.
func TestPacketChecklist(t *testing.T) {
	t.Run("C-044 link id of the example", func(t *testing.T) {
		raw := []byte{2, 0, 0x45, 0x24, 0x71, 0xd7, 0x41, 0x37, 0xd6, 0x38, 0x0a, 0xa2, 0x32, 0xf1, 0xea, 0x17, 0x65, 0xcf, 0}
		for i := range 64 {
			raw = append(raw, byte(i))
		}
		for _, signalling := range []string{"", "\x20\x01\xf4", "\x24\x00\x00"} {
			p, err := ParsePacket(append(bytes.Clone(raw), signalling...))
			if err != nil {
				t.Fatal(err)
			}
			if id, ok := p.LinkID(); !ok || id.String() != "5bce6d5d59962e510c9e1e1ef553da37" {
				t.Errorf("with %x: %v", signalling, id)
			}
		}
	})
	t.Run("C-087 C-090 what may come again", func(t *testing.T) {
		tr, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		b := activeResponder(t, &benchTarget{})
		b.publish()
		on := b.Link.now.on
		on.drops, on.total = new(dropCounters), &tr.drops
		tr.engine.links[b.ID()] = b.Link
		for context := range 256 {
			for _, kind := range []PacketType{PacketData, PacketProof} {
				again := kind == PacketProof && Context(context) == ContextLinkReqProof
				switch Context(context) {
				case ContextKeepalive, ContextResource, ContextResourceReq, ContextResourceProof, ContextCacheRequest, ContextChannel:
					again = true
				}
				p, err := ParsePacket(append(appendLinkHeader(nil, b.ID(), kind, Context(context)), 1))
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					tr.engine.receive(inFrame{packet: p, on: on, at: b.now})
				}
				taken := 0
				for {
					p, ok := b.inbox.take()
					if !ok {
						break
					}
					b.releaseInbox(p)
					taken++
				}
				if got := taken == 2; got != again {
					t.Errorf("type %v, context %#x: taken twice %v", kind, context, got)
				}
			}
		}
	})
	t.Run("C-128 how long paths live", func(t *testing.T) {
		for mode, hours := range map[interfaces.Mode]int{
			interfaces.ModeFull: 168, interfaces.ModeGateway: 168, interfaces.ModeAccessPoint: 24, interfaces.ModeRoaming: 6,
		} {
			if got := lifetimeOfMode(mode); got != time.Duration(hours)*time.Hour {
				t.Errorf("%v: %v", mode, got)
			}
		}
	})
	t.Run("C-096 without a path a packet goes everywhere", func(t *testing.T) {
		tr, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		var carriers []*recorder
		for _, name := range []string{"x", "y", "listens only"} {
			on, carrier := tableInterface(name, interfaces.ModeFull), new(recorder)
			on.carrier, on.properties.Outgoing = carrier, name != "listens only"
			carriers = append(carriers, carrier)
			tr.engine.interfaces = append(tr.engine.interfaces, on)
		}
		p := Packet{Destination: DestinationHash{1}, Data: []byte{1}}
		if _, _, err := tr.engine.route(outFrame{raw: p.Append(nil)}); err != nil {
			t.Error(err)
		}
		for i, want := range []int{1, 1, 0} {
			if got := len(carriers[i].sent); got != want {
				t.Errorf("interface %d: %d packets", i, got)
			}
		}
	})
}

// TestTwoEncryptionsDiffer is C-011 and C-059: neither IV nor ephemeral key comes twice.
func TestTwoEncryptionsDiffer(t *testing.T) {
	id, rand := benchIdentity(t, 1), new(counting)
	var sealed [2][]byte
	for i := range sealed {
		var err error
		if sealed[i], err = id.Encrypt(rand, []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(sealed[0][:32], sealed[1][:32]) || bytes.Equal(sealed[0][32:48], sealed[1][32:48]) {
		t.Error("they do not")
	}
}

func TestLinkChecklistOfAnOpenLink(t *testing.T) {
	clear := func(b *bench, payload ...byte) []byte {
		return append(appendLinkHeader(nil, b.id, PacketData, ContextKeepalive), payload...)
	}
	t.Run("L-039 L-041 a keepalive is answered when idle", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		b.watch.outbound = b.now
		b.now = b.now.Add(b.watch.keepalive / 2)
		b.handleRaw(t, clear(b, 0xff), b.Link.now.on)
		if len(b.take()) != 0 {
			t.Error("answered though something went out lately")
		}
		b.now = b.watch.outbound.Add(b.watch.keepalive)
		b.handleRaw(t, clear(b, 0xff), b.Link.now.on)
		if sent := b.take(); len(sent) != 1 || len(sent[0]) != 20 || sent[0][19] != 0xfe {
			t.Errorf("answered with %x", sent)
		}
		for _, other := range [][]byte{{0xfe}, {0xff, 0xff}, {}} {
			b.now = b.now.Add(time.Hour)
			if b.handleRaw(t, clear(b, other...), b.Link.now.on); len(b.take()) != 0 {
				t.Errorf("%x was answered", other)
			}
		}
	})
	t.Run("L-040 the initiator hears not its own echo", func(t *testing.T) {
		a := activeInitiator(t)
		heard := a.watch.inbound
		a.now = a.now.Add(time.Second)
		if a.handleRaw(t, clear(a, 0xff), a.Link.now.on); a.watch.inbound != heard || a.watch.heard {
			t.Error("it counts as a sign of life")
		}
		if a.handleRaw(t, clear(a, 0xfe), a.Link.now.on); a.watch.inbound == heard {
			t.Error("the answer does not")
		}
	})
	t.Run("L-043 only the initiator asks", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		b.tick(b.activatedAt.Add(2*b.watch.keepalive - time.Millisecond))
		if len(b.take()) != 0 || b.State() != LinkActive {
			t.Error("the responder sent something")
		}
	})
	t.Run("L-038 a closed link is silent", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		request := b.packetTo(t, ContextRequest, packRequest(time.Now(), PathHash("/x"), msgpack.Nil()))
		b.close(b.now, CloseDestination, true)
		b.take()
		b.handleRaw(t, request, b.Link.now.on)
		b.tick(b.now.Add(time.Hour))
		b.receive(linkPacket{on: b.Link.now.on})
		if _, ok := b.inbox.take(); ok || len(b.take()) != 0 {
			t.Error("it still does something")
		}
		if _, err := b.sendSealed(b.now, ContextNone, nil); !errors.Is(err, ErrNotActive) {
			t.Error(err)
		}
	})
	t.Run("L-053 an initiator is told nobody's identity", func(t *testing.T) {
		a := activeInitiator(t)
		before := a.Remote()
		a.handleRaw(t, a.packetTo(t, ContextLinkIdentify, appendIdentify(nil, a.id, benchIdentity(t, 20))), a.Link.now.on)
		if !a.Link.now.remote.Equal(before) {
			t.Error("it was taken")
		}
	})
	t.Run("L-060 L-061 nothing is proved by itself", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		b.SetHandlers(LinkHandlers{OnPacket: func(*ReceivedPacket) {}})
		for _, c := range []Context{ContextNone, ContextRequest, ContextResponse, ContextLinkIdentify, ContextResourceReq} {
			if b.handleRaw(t, b.packetTo(t, c, []byte{1, 2, 3}), b.Link.now.on); len(b.take()) != 0 {
				t.Errorf("context %v was answered", c)
			}
		}
	})
	t.Run("L-034 a flipped bit is dropped", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		got := 0
		b.SetHandlers(LinkHandlers{OnPacket: func(*ReceivedPacket) { got++ }})
		good := b.packetTo(t, ContextNone, []byte("hello"))
		for i := HeaderMinSize; i < len(good); i++ {
			bad := bytes.Clone(good)
			bad[i] ^= 1
			b.handleRaw(t, bad, b.Link.now.on)
		}
		if got != 0 || b.State() != LinkActive || b.shared.stats().BadToken != uint64(len(good)-HeaderMinSize) {
			t.Errorf("%d delivered, %v, %+v", got, b.State(), b.shared.stats())
		}
		if b.handleRaw(t, good, b.Link.now.on); got != 1 {
			t.Error("the good one was not")
		}
	})
	t.Run("L-077 L-078 resources that nobody waits for", func(t *testing.T) {
		b := activeResponder(t, &benchTarget{})
		adv := &resourceAdv{
			transfer: 64, parts: 1, hash: ResourceHash{1}, origin: ResourceHash{1}, index: 1, segments: 1,
			hasID: true, id: RequestID{9}, hashes: []byte{1, 2, 3, 4},
		}
		for _, kind := range []resourceFlags{resourceIsRequest, resourceIsResponse, 0} {
			adv.flags = resourceEncrypted | kind
			if b.handleRaw(t, b.packetTo(t, ContextResourceAdv, adv.append(nil)), b.Link.now.on); len(b.take()) != 0 {
				t.Errorf("flags %x were answered", adv.flags)
			}
		}
	})
	t.Run("L-083 responses come in any order", func(t *testing.T) {
		a := activeInitiator(t)
		var pending []*pendingRequest
		for i := range 3 {
			p, err := a.startRequest(a.now, packRequest(time.Now(), PathHash("/x"), msgpack.Int(int64(i))), RequestOptions{})
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, p)
		}
		if wait := pending[0].deadline.Sub(a.now); wait != 6*a.RTT()+11250*time.Millisecond { // L-081
			t.Errorf("a response is waited for %v", wait)
		}
		for _, i := range []int{2, 0} {
			a.handleRaw(t, a.packetTo(t, ContextResponse, packResponse(pending[i].id, msgpack.Int(int64(i)))), a.Link.now.on)
			if r := <-pending[i].result; r.err != nil || !bytes.Equal(r.response.Data, msgpack.Int(int64(i))) {
				t.Errorf("request %d: %+v", i, r)
			}
		}
		a.tick(a.now.Add(time.Minute)) // L-082
		if r := <-pending[1].result; !errors.Is(r.err, ErrTimeout) {
			t.Errorf("unanswered: %+v", r)
		}
	})
	t.Run("L-062 a receipt waits six round trips", func(t *testing.T) {
		a := activeInitiator(t)
		if a.trafficTimeout() != 6*a.RTT() {
			t.Errorf("%v", a.trafficTimeout())
		}
		if a.Link.now.rtt = 0; a.trafficTimeout() != 5*time.Millisecond {
			t.Errorf("%v", a.trafficTimeout())
		}
	})
}

// L-063: only data of applications has a receipt, which a proof concludes; what links say to each other has none.
func TestControlPacketsHaveNoReceipts(t *testing.T) {
	a := benchActive(t, true, LinkID{1}, bytes.Repeat([]byte{3}, 64), MTU, nil, nil)
	a.sendRTT(a.now)
	a.sendKeepalive(a.now)
	for _, context := range []Context{ContextResource, ContextResourceAdv, ContextResourceReq, ContextResourceHMU, ContextResourceProof, ContextResourceICL,
		ContextResourceRCL, ContextLinkIdentify, ContextLinkClose, ContextLinkProof, ContextLinkRTT} {
		if _, err := a.sendSealed(a.now, context, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if sent := len(a.take()); sent != 13 || len(a.receipts.byHash) != 0 {
		t.Errorf("%d sent, %d receipts", sent, len(a.receipts.byHash))
	}
}
