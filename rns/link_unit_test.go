package rns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/msgpack"
)

func TestStatesFollowTheDiagram(t *testing.T) {
	all := []LinkState{LinkPending, LinkHandshake, LinkActive, LinkStale, LinkClosed}
	moves := map[linkEvent]map[LinkState]LinkState{
		linkKeysAgreed: {LinkPending: LinkHandshake},
		linkProved:     {LinkPending: LinkActive},
		linkRTTKnown:   {LinkHandshake: LinkActive},
		linkSilent:     {LinkActive: LinkStale},
		linkHeard:      {LinkStale: LinkActive},
		linkEnded: {LinkPending: LinkClosed, LinkHandshake: LinkClosed, LinkActive: LinkClosed, LinkStale: LinkClosed,
			LinkClosed: LinkClosed},
	}
	for e, table := range moves {
		for _, s := range all {
			want, ok := table[s]
			if !ok {
				want = s
			}
			if got := s.next(e); got != want {
				t.Errorf("event %d leads from %v to %v, want %v", e, s, got, want)
			}
		}
	}
}

// TestTimingOfLinks holds L-023, L-024, L-042.
func TestTimingOfLinks(t *testing.T) {
	for rtt, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 24 * time.Millisecond: 5 * time.Second, 875 * time.Millisecond: 180 * time.Second,
		1750 * time.Millisecond: 360 * time.Second, time.Minute: 360 * time.Second,
	} {
		if got := keepaliveInterval(rtt); got.Round(time.Millisecond) != want {
			t.Errorf("keepalive for %v is %v", rtt, got)
		}
	}
	if got := initiatorTimeout(3, 0); got != 24*time.Second {
		t.Errorf("initiator, 3 hops: %v", got)
	}
	if got := initiatorTimeout(0, 1000); got != 16*time.Second {
		t.Errorf("initiator, slow carrier: %v", got)
	}
	if got := initiatorTimeout(MaxHops, 0); got != 774*time.Second {
		t.Errorf("initiator, unknown path: %v", got)
	}
	if got := responderTimeout(2); got != 372*time.Second {
		t.Errorf("responder: %v", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 3601} {
		if _, ok := claimedRTT(bad); ok {
			t.Errorf("a round trip of %v s was believed", bad)
		}
	}
	for _, c := range [][3]time.Duration{
		{time.Second, 2 * time.Second, 2 * time.Second},
		{2 * time.Second, time.Second, 2 * time.Second},
		{20 * time.Second, time.Second, time.Second}, // the LRRTT was sent again
	} {
		if got := responderRTT(c[0], c[1]); got != c[2] {
			t.Errorf("measured %v, claimed %v: %v", c[0], c[1], got)
		}
	}
}

// TestChannelWindowAdapts holds L-133, L-134, L-135.
func TestChannelWindowAdapts(t *testing.T) {
	slow := newChannelWindow(2 * time.Second)
	for range 100 {
		slow.delivered(2 * time.Second)
	}
	if slow.size != 1 {
		t.Errorf("slow link: window %d", slow.size)
	}
	w := newChannelWindow(100 * time.Millisecond)
	if w.size != 2 {
		t.Errorf("at first %d", w.size)
	}
	for range 9 {
		w.delivered(500 * time.Millisecond)
	}
	if w.size != 5 || w.max != 5 {
		t.Errorf("after 9 medium deliveries %+v", w)
	}
	w.delivered(500 * time.Millisecond)
	if w.max != 12 || w.min != 5 {
		t.Errorf("after 10 medium deliveries %+v", w)
	}
	for range 10 {
		w.delivered(100 * time.Millisecond)
	}
	if w.max != 48 || w.min != 16 {
		t.Errorf("after 10 fast deliveries %+v", w)
	}
	for range 100 {
		w.delivered(100 * time.Millisecond)
	}
	if w.size != 48 {
		t.Errorf("at most %+v", w)
	}
	w.lost()
	if w.size != 47 || w.max != 47 {
		t.Errorf("after a loss %+v", w)
	}
	for range 100 {
		w.lost()
	}
	if w.size != 16 || w.max < 20 {
		t.Errorf("after many losses %+v", w)
	}
	if got := channelTimeout(1, time.Second, 2); got != 8750*time.Millisecond {
		t.Errorf("first timeout %v", got)
	}
	if got := channelTimeout(3, time.Second, 2); got != 19687500*time.Microsecond {
		t.Errorf("third timeout %v", got)
	}
	if got := channelTimeout(5, 0, 1); got != 4*time.Second {
		t.Errorf("last timeout of a fast link %v", got)
	}
}

func activeResponder(t testing.TB, d *benchTarget) *bench {
	return benchActive(t, false, LinkID{1, 2, 3}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, d, nil)
}

func activeInitiator(t testing.TB) *bench {
	return benchActive(t, true, LinkID{1, 2, 3}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, nil, nil)
}

// packetTo makes a packet for a bench, sealed with its own key.
func (b *bench) packetTo(t testing.TB, context Context, plaintext []byte) []byte {
	t.Helper()
	raw, err := b.key.Seal(appendLinkHeader(nil, b.id, PacketData, context), new(counting), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFullInboxForgetsSoThatARetryIsTaken(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	p, err := ParsePacket(b.packetTo(t, ContextNone, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := range linkInboxSize {
		if !b.receive(linkPacket{Packet: p, on: b.Link.now.on}) {
			t.Fatalf("packet %d was not taken", i)
		}
	}
	if b.receive(linkPacket{Packet: p, on: b.Link.now.on}) || b.shared.stats().InboxFull != 1 {
		t.Error("one too many was taken")
	}
}

// TestDataFromAnotherInterfaceIsNotTaken holds L-037, C-091.
func TestDataFromAnotherInterfaceIsNotTaken(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	p, err := ParsePacket(b.packetTo(t, ContextLinkClose, b.id[:]))
	if err != nil {
		t.Fatal(err)
	}
	other := &attached{label: "other", properties: interfaces.Properties{}}
	if b.receive(linkPacket{Packet: p, on: other}) || b.shared.stats().WrongInterface != 1 || len(b.inbox.waiting) != 0 {
		t.Error("it was taken")
	}
}

func TestOldestReceiptIsCulled(t *testing.T) {
	var r linkReceipts
	now := time.Now()
	var all []*Receipt
	for i := range linkMaxReceipts + 3 {
		receipt := newReceipt(PacketHash{byte(i), byte(i >> 8)}, now)
		all = append(all, receipt)
		r.add(receipt, now.Add(time.Second))
		if i == 1 {
			r.deliver(all[0].Hash(), now)
		}
	}
	want := map[int]ReceiptStatus{0: ReceiptDelivered, 1: ReceiptCulled, 2: ReceiptCulled, 3: ReceiptSent, linkMaxReceipts: ReceiptSent}
	for i, status := range want {
		if all[i].Status() != status {
			t.Errorf("receipt %d is %v", i, all[i].Status())
		}
	}
	r.expire(now.Add(time.Second))
	if !errors.Is(all[5].Err(), ErrTimeout) || !r.deadline().IsZero() {
		t.Error("overdue receipts are still open")
	}
}

// TestProofOverAnotherNumberOfHopsCorrectsThePath holds L-019, C-112.
func TestProofOverAnotherNumberOfHopsCorrectsThePath(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 3, on: on})
	b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
	proof, ok := b.agree(b.now)
	if !ok {
		t.Fatal("no keys")
	}
	b.sendLinkProof(b.now, proof)
	good := b.take()[0]
	bad := bytes.Clone(good)
	bad[30] ^= 1
	a.handleRaw(t, bad, on)
	if len(a.rebalanced) != 0 || a.State() != LinkPending {
		t.Fatal("a forged proof changed something")
	}
	a.handleRaw(t, good, on)
	if a.State() != LinkActive || len(a.rebalanced) != 1 || a.rebalanced[0] != 1 || a.Hops() != 1 {
		t.Errorf("state %v, path corrected to %v, %d hops", a.State(), a.rebalanced, a.Hops())
	}
}

// TestProofThatConfirmsMoreThanWasAskedForIsIgnored holds L-030.
func TestProofThatConfirmsMoreThanWasAskedForIsIgnored(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	for mtu, taken := range map[int]bool{499: false, 500: true, 501: false} {
		a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
		b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
		b.Link.now.mtu = mtu
		proof, _ := b.agree(b.now)
		b.sendLinkProof(b.now, proof)
		a.handleRaw(t, b.take()[0], on)
		if (a.State() == LinkActive) != taken {
			t.Errorf("mtu %d confirmed: %v", mtu, a.State())
		}
	}
}

// TestRequestedMTUIsClampedToTheInterface holds L-031, L-151.
func TestRequestedMTUIsClampedToTheInterface(t *testing.T) {
	id := benchIdentity(t, 3)
	for _, c := range [][3]int{{8192, 1196, 1196}, {8192, 0, 500}, {500, 8192, 500}, {1064, 8192, 1064}} {
		_, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: benchInterface(c[0])})
		b, ok := benchResponder(t, nil, request, benchInterface(c[1]), &benchTarget{identity: id})
		if !ok || b.MTU() != c[2] {
			t.Errorf("asked for %d on an interface of %d: %d", c[0], c[1], b.MTU())
		}
	}
}

// TestFirstIdentitySticks holds L-055.
func TestFirstIdentitySticks(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	called := 0
	b.SetHandlers(LinkHandlers{OnIdentified: func(*Link, *PublicIdentity) { called++ }})
	first, second := benchIdentity(t, 20), benchIdentity(t, 21)
	for _, id := range []*Identity{first, second, first} {
		b.handleRaw(t, b.packetTo(t, ContextLinkIdentify, appendIdentify(nil, b.id, id)), b.Link.now.on)
	}
	if !b.Remote().Equal(first.PublicIdentity) || called != 1 {
		t.Errorf("identified as %v, in %d calls", b.Remote(), called)
	}
}

// TestBlackholedIdentityEndsTheLink holds L-056.
func TestBlackholedIdentityEndsTheLink(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	bad := benchIdentity(t, 20)
	b.blackholed = func(h IdentityHash) bool { return h == bad.Hash() }
	b.handleRaw(t, b.packetTo(t, ContextLinkIdentify, appendIdentify(nil, b.id, bad)), b.Link.now.on)
	if b.State() != LinkClosed || b.Remote() != nil || len(b.take()) != 1 {
		t.Errorf("state %v", b.State())
	}
}

// TestNothingIsHandledBeforeTheApplicationKnowsTheLink holds L-028.
func TestNothingIsHandledBeforeTheApplicationKnowsTheLink(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	var order []string
	d := &benchTarget{identity: id}
	d.onLink = func(l *Link) {
		order = append(order, "link")
		l.SetHandlers(LinkHandlers{OnPacket: func(p *ReceivedPacket) { order = append(order, string(p.Data)) }})
	}
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
	b, _ := benchResponder(t, nil, request, on, d)
	proof, _ := b.agree(b.now)
	b.sendLinkProof(b.now, proof)
	a.handleRaw(t, b.take()[0], on)
	a.take() // the LRRTT is lost
	for _, word := range []string{"one", "two"} {
		if _, err := a.sendSealed(a.now, ContextNone, []byte(word)); err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range a.take() {
		b.handleRaw(t, raw, on)
	}
	if len(order) != 3 || order[0] != "link" || order[1] != "one" || order[2] != "two" {
		t.Errorf("the application heard %q", order)
	}
	// The LRRTT that comes after all gives the round trip time, and no second link.
	a.sendRTT(a.now)
	b.handleRaw(t, a.take()[0], on)
	if len(order) != 3 || b.rttGuessed || b.RTT() != a.RTT() {
		t.Errorf("then %q, rtt %v and %v", order, a.RTT(), b.RTT())
	}
}

// TestLinkSaysGoodbyeOnlyToWhomItKnows holds L-047, L-049.
func TestLinkSaysGoodbyeOnlyToWhomItKnows(t *testing.T) {
	id := benchIdentity(t, 3)
	on := benchInterface(0)
	a, request := benchInitiator(t, nil, DestinationHash{5}, id.PublicIdentity, linkRoute{hops: 1, on: on})
	b, _ := benchResponder(t, nil, request, on, &benchTarget{identity: id})
	if _, ok := b.agree(b.now); !ok {
		t.Fatal("no keys")
	}
	a.close(a.now, CloseInitiator, true)
	if len(a.take()) != 0 || a.failed != 1 || a.unregistered != 1 {
		t.Error("a pending link said goodbye, or its path was not doubted")
	}
	b.close(b.now, CloseDestination, true)
	if sent := b.take(); len(sent) != 1 || len(sent[0]) != 99 || b.failed != 0 {
		t.Errorf("a link in handshake sent %d packets", len(sent))
	}
	b.close(b.now, CloseTimeout, true)
	if len(b.take()) != 0 || b.Link.now.reason != CloseDestination || b.key != nil || b.keys.exchange != nil {
		t.Error("closing again did something, or keys are left")
	}
}

// TestWatchdogOfAnInitiator holds L-043, L-044, L-045.
func TestWatchdogOfAnInitiator(t *testing.T) {
	a := activeInitiator(t) // rtt 100 ms: keepalive every 20.57 s
	k := a.watch.keepalive
	a.watch.outbound = a.now
	step := func(at time.Duration) int {
		a.tick(a.activatedAt.Add(at))
		return len(a.take())
	}
	if n := step(k); n != 0 {
		t.Errorf("%d packets after one interval", n)
	}
	if n := step(k + a.RTT()); n != 1 {
		t.Errorf("%d keepalives", n)
	}
	if n := step(k + a.RTT() + time.Second); n != 1 { // no answer came, and nothing ever did: once more the LRRTT
		t.Errorf("%d packets after the first unanswered keepalive", n)
	}
	if n := step(k + a.RTT() + 2*time.Second); n != 0 {
		t.Errorf("%d packets more", n)
	}
	step(2 * k)
	if a.State() != LinkStale {
		t.Errorf("state %v", a.State())
	}
	a.now = a.activatedAt.Add(2*k + time.Second)
	a.handleRaw(t, appendLinkHeader(nil, a.id, PacketData, ContextKeepalive), a.Link.now.on) // empty: no sign of life
	if a.State() != LinkStale {
		t.Errorf("state %v", a.State())
	}
	a.handleRaw(t, append(appendLinkHeader(nil, a.id, PacketData, ContextKeepalive), 0xfe), a.Link.now.on)
	if a.State() != LinkActive {
		t.Errorf("state %v", a.State())
	}
	a.take()
	a.tick(a.now.Add(2 * k))
	if n := len(a.take()); a.State() != LinkStale || n != 1 {
		t.Errorf("state %v, %d packets", a.State(), n)
	}
	a.tick(a.now.Add(2*k + 3*time.Second))
	if n := len(a.take()); n != 1 {
		t.Errorf("%d last tries", n)
	}
	a.tick(a.now.Add(2*k + 5*time.Second + 400*time.Millisecond))
	if sent := a.take(); a.State() != LinkClosed || a.Link.now.reason != CloseTimeout || len(sent) != 1 || len(sent[0]) != 99 {
		t.Errorf("state %v, %d packets", a.State(), len(sent))
	}
}

func TestOffersThatWaitForTheApplicationAreBounded(t *testing.T) {
	b := activeResponder(t, &benchTarget{})
	release := make(chan struct{})
	asked := 0
	b.SetHandlers(LinkHandlers{OnResource: func(ResourceOffer) ResourceDecision {
		<-release
		asked++
		return ResourceDecision{}
	}})
	for i := range 20 {
		adv := &resourceAdv{
			transfer: 64, size: 0, parts: 1, hash: ResourceHash{byte(i)}, origin: ResourceHash{byte(i)}, index: 1, segments: 1,
			flags: 1, hashes: []byte{1, 2, 3, byte(i)},
		}
		for range 2 { // advertisements are repeated
			raw := b.packetTo(t, ContextResourceAdv, adv.append(nil))
			p, err := ParsePacket(raw)
			if err != nil {
				t.Fatal(err)
			}
			b.handle(b.now, linkPacket{Packet: p, on: b.Link.now.on})
		}
	}
	if len(b.offers) != linkMaxOffers {
		t.Errorf("%d offers wait", len(b.offers))
	}
	close(release)
	b.settle()
	if asked != linkMaxOffers || len(b.offers) != 0 {
		t.Errorf("%d were decided, %d are left", asked, len(b.offers))
	}
	if sent := b.take(); len(sent) != linkMaxOffers {
		t.Errorf("%d refusals were sent", len(sent))
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(packRequest(time.Unix(1700000000, 0), PathHash("/status"), msgpack.Nil()))
	f.Add(packRequest(time.Time{}, PathHash(""), msgpack.Bin([]byte{1, 2, 3})))
	f.Add([]byte{0x93, 0xc0, 0xc4, 0x10})
	f.Fuzz(func(t *testing.T, raw []byte) {
		at, path, data, err := unpackRequest(raw)
		if err != nil {
			return
		}
		_, path2, data2, err := unpackRequest(packRequest(at, path, data))
		if err != nil || path2 != path || !bytes.Equal(data2, data) {
			t.Errorf("read back %x %x, %v", path2, data2, err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(packResponse(RequestID{1, 2, 3}, msgpack.Bin([]byte("ok"))))
	f.Add(packResponse(RequestID{}, msgpack.Map()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, value, err := unpackResponse(raw)
		if err != nil {
			return
		}
		id2, value2, err := unpackResponse(packResponse(id, value))
		if err != nil || id2 != id || !bytes.Equal(value2, value) {
			t.Errorf("read back %v %x, %v", id2, value2, err)
		}
	})
}

// FuzzLinkPacket gives a link whatever a peer with its key could send, in any context, clear or sealed.
func FuzzLinkPacket(f *testing.F) {
	for c := range 256 {
		f.Add(byte(c), false, []byte{0xff})
		f.Add(byte(c), true, []byte{0xcb, 0x3f, 0xd0, 0, 0, 0, 0, 0, 0})
	}
	f.Add(byte(ContextRequest), true, packRequest(time.Time{}, PathHash("/p"), msgpack.Nil()))
	f.Add(byte(ContextChannel), true, []byte{0, 1, 0, 0, 0, 0, 'x'})
	f.Add(byte(ContextChannel), true, []byte{0xff, 0, 0, 0, 0, 0, 0x80, 5, 'x'})
	f.Add(byte(ContextLinkIdentify), true, bytes.Repeat([]byte{1}, 128))
	f.Fuzz(func(t *testing.T, kind byte, proof bool, data []byte) {
		if len(data) > 431 {
			return
		}
		for _, initiator := range []bool{true, false} {
			d := &benchTarget{}
			d.paths.handleAny(func(_ context.Context, r *Request) (msgpack.Raw, bool) { return r.Data, true })
			b := benchActive(t, initiator, LinkID{9}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, d, nil)
			b.SetHandlers(LinkHandlers{
				OnPacket:   func(p *ReceivedPacket) { _ = p.Prove() },
				OnResource: func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
			})
			b.Channel().Handle(func(uint16, []byte) {})
			if _, err := b.Channel().OpenStream(5); err != nil {
				t.Fatal(err)
			}
			b.settle()
			packetKind := PacketData
			if proof {
				packetKind = PacketProof
			}
			b.handleRaw(t, append(appendLinkHeader(nil, b.id, packetKind, Context(kind)), data...), b.Link.now.on)
			if b.State() != LinkClosed {
				b.handleRaw(t, b.packetTo(t, Context(kind), data), b.Link.now.on)
			}
			if b.State() != LinkClosed {
				b.tick(b.now.Add(time.Hour))
			}
		}
	})
}

// FuzzLinkRequestAndProof reads the payloads that are not encrypted.
func FuzzLinkRequestAndProof(f *testing.F) {
	for _, n := range []int{64, 67, 96, 99, 128} {
		f.Add(bytes.Repeat([]byte{0x20}, n))
	}
	identity := benchIdentity(f, 3)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseLinkRequest(data); err == nil && r.mtu == 0 {
			t.Error("an MTU of 0")
		}
		if p, err := parseLinkProof(data); err == nil && p.verify(LinkID{1}, identity.PublicIdentity) {
			t.Error("a proof out of nothing")
		}
		if who, err := parseIdentify(LinkID{1}, data); err == nil {
			t.Errorf("%v identified", who.Hash())
		}
	})
}

func BenchmarkLinkPacket(b *testing.B) {
	for _, mtu := range []int{500, 8192} {
		link := benchActive(b, false, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), mtu, &benchTarget{}, nil)
		data := make([]byte, LinkMDU(mtu))
		b.Run(fmt.Sprint("Seal", mtu), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := link.sendSealed(link.now, ContextNone, data); err != nil {
					b.Fatal(err)
				}
				link.take()
			}
		})
		b.Run(fmt.Sprint("Open", mtu), func(b *testing.B) {
			raw := link.packetTo(b, ContextNone, data)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				p, err := ParsePacket(raw)
				if err != nil {
					b.Fatal(err)
				}
				link.handleData(link.now, linkPacket{Packet: p, on: link.Link.now.on})
			}
		})
	}
}

func TestRequestPoolIsBoundedAndFair(t *testing.T) {
	var pool requestPool
	release := make(chan struct{})
	var links []*Link
	taken, dropped := 0, 0
	submit := func(l *Link) {
		n := pool.submit(l, func() { <-release })
		taken, dropped = taken+1, dropped+n
	}
	for range 10 { // all want the same destination
		l := &Link{destination: DestinationHash{1}}
		links = append(links, l)
		for range 30 {
			submit(l)
		}
	}
	// Eight run of each of the first two links. The next four fill the queue with 16 each.
	if pool.running != requestsPerTarget || len(pool.waiting) != requestsWaiting || taken-dropped != requestsPerTarget+requestsWaiting {
		t.Errorf("%d run, %d wait, %d taken", pool.running, len(pool.waiting), taken-dropped)
	}
	for n := 2; n < 9; n++ { // seven others, two links each: all of each run while there is room, then they take the first one's places
		for range 2 {
			l := &Link{destination: DestinationHash{byte(n)}}
			links = append(links, l)
			for range 10 {
				submit(l)
			}
		}
	}
	if pool.running != requestsRunning || len(pool.waiting) != requestsWaiting {
		t.Errorf("%d run, %d wait", pool.running, len(pool.waiting))
	}
	waits := map[byte]int{}
	for _, job := range pool.waiting {
		waits[job.link.destination[0]]++
	}
	if waits[1] > 20 || waits[5] < 8 || waits[8] < 8 {
		t.Errorf("those who came last wait for nothing: %v", waits)
	}
	for _, n := range pool.perLink {
		if n > requestsPerLink {
			t.Errorf("%d run for one link", n)
		}
	}
	for _, n := range pool.perTarget {
		if n > requestsPerTarget {
			t.Errorf("%d run for one destination", n)
		}
	}
	last := links[len(links)-1]
	var first []int // whose requests run as soon as there is room
	for range 4 {
		pool.finished(links[0])
		pool.mu.Lock()
		pool.perLink[links[0]]++ // it goes on all the same, in this test
		pool.perTarget[links[0].destination]++
		pool.running++
		pool.mu.Unlock()
		first = append(first, pool.perTarget[last.destination])
	}
	if first[3] == 0 {
		t.Errorf("the last destination waits for the others: %v", first)
	}
	pool.forget(last) // it closes: what waits for it never runs
	for _, job := range pool.waiting {
		if job.link == last {
			t.Error("what waits for a closed link is kept")
		}
	}
	close(release)
	for _, l := range links {
		l.children.Wait()
	}
	if pool.running != 0 || len(pool.waiting) != 0 || len(pool.perLink) != 0 || len(pool.perTarget) != 0 {
		t.Errorf("at the end %d run, %d wait", pool.running, len(pool.waiting))
	}
}
