package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// wire is a carrier that keeps what is sent.
type wire struct {
	recorder
	down bool
}

func (w *wire) Stats() interfaces.Stats { return interfaces.Stats{Online: !w.down} }

// take returns what was sent since the last time.
func (w *wire) take() []Packet {
	var out []Packet
	for _, raw := range w.sent {
		p, err := ParsePacket(raw)
		if err != nil {
			panic(err)
		}
		out = append(out, p)
	}
	w.sent = nil
	return out
}

// relayNode is a node whose loop is the test: nothing happens but what the test does, and time goes as it says.
type relayNode struct {
	*engine
	t *testing.T
}

func newRelayNode(t *testing.T, c Config) *relayNode {
	t.Helper()
	tr, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	tr.engine.now = time.Now()
	return &relayNode{tr.engine, t}
}

func relayConfig() Config { return Config{TransportEnabled: true} }

// attachWire gives the node an interface.
func (n *relayNode) attachWire(name string, mode interfaces.Mode, change ...func(*attached)) (*attached, *wire) {
	n.t.Helper()
	w := new(wire)
	a := tableInterface(name, mode)
	a.carrier = w
	a.properties.Bitrate = 1e9
	a.ended = make(chan struct{})
	for _, f := range change {
		f(a)
	}
	if err := n.attach(a, true); err != nil {
		n.t.Fatal(err)
	}
	return a, w
}

// hear gives the node a packet as it comes from the wire.
func (n *relayNode) hear(on *attached, raw []byte) {
	n.t.Helper()
	p, err := ParsePacket(bytes.Clone(raw))
	if err != nil {
		n.t.Fatal(err)
	}
	if on.options.Local == LocalNone {
		p.Hops++
	}
	if p.PacketType == PacketAnnounce {
		a, err := checkAnnounce(&p, n.engine.t.blackholed, &n.engine.t.verifiedAnnounces)
		if err != nil {
			on.count(DropAnnounceInvalid)
			return
		}
		a.on, a.at = on, n.now
		n.announced(a)
		return
	}
	n.receive(inFrame{packet: p, on: on, at: n.now})
	for len(n.engine.t.checks) > 0 {
		if f := (<-n.engine.t.checks).check(); f != nil {
			f(n.engine)
		}
	}
}

// pass lets time go by.
func (n *relayNode) pass(d time.Duration) {
	const step = 10 * time.Millisecond
	for ; d > 0; d -= step {
		n.now = n.now.Add(min(step, d))
		n.relayDue()
	}
}

// station is somebody out there with a destination.
type station struct {
	identity    *Identity
	destination DestinationHash
	name        NameHash
	emitted     int64
}

func newStation(t *testing.T, n byte) *station {
	t.Helper()
	private := bytes.Repeat([]byte{n + 1}, PrivateKeyLength)
	id, err := LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	h := id.Hash()
	s := &station{identity: id, name: HashName("test", "station"), emitted: time.Now().Unix()}
	s.destination = HashDestinationName(&h, s.name)
	return s
}

// announce makes a new announce as heard from a relay (zero: directly) with the hops byte given.
func (s *station) announce(t *testing.T, hops uint8, relay IdentityHash, change ...func(*AnnounceContent)) []byte {
	t.Helper()
	s.emitted++
	random := RandomField{byte(s.emitted), 1, 2, 3, 4}
	for i := range 5 {
		random[9-i] = byte(s.emitted >> (8 * i))
	}
	c := AnnounceContent{Identity: s.identity, Name: s.name, Random: random, AppData: []byte("station")}
	for _, f := range change {
		f(&c)
	}
	p, err := NewAnnounce(c)
	if err != nil {
		t.Fatal(err)
	}
	if relay != (IdentityHash{}) {
		p = p.RelayedAnnounce(relay, hops, p.Context)
	}
	p.Hops = hops
	return p.Append(nil)
}

func asPathResponse(c *AnnounceContent) { c.PathResponse = true }

// addressed makes a packet that the node is to pass on.
func addressed(n *relayNode, kind PacketType, d DestinationHash, data string) []byte {
	p := Packet{
		HeaderType: Header2, TransportType: TransportTypeTransport, PacketType: kind, Destination: d, TransportID: n.self,
		Hops: 4, Context: 0x42, Data: []byte(data),
	}
	return p.Append(nil)
}

// TestTransit: C-045, C-097, C-098, C-101, C-102.
func TestTransit(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	_, otherWire := n.attachWire("other", interfaces.ModeFull)
	far, near := newStation(t, 1), newStation(t, 2)
	next := IdentityHash{7}
	n.hear(out, far.announce(t, 2, next))
	n.hear(out, near.announce(t, 0, IdentityHash{}))
	n.now = n.now.Add(time.Hour)

	raw := addressed(n, PacketData, far.destination, "far")
	n.hear(in, raw)
	sent := outWire.take()
	if len(sent) != 1 {
		t.Fatalf("%d sent", len(sent))
	}
	p := sent[0]
	if p.Hops != 5 || p.TransportID != next || p.Context != 0x42 || p.Flags() != raw[0] || string(p.Data) != "far" {
		t.Errorf("passed on as %x", p.Raw)
	}
	if path := n.paths.lookup(far.destination, n.now); !path.used.Equal(n.now) {
		t.Error("the path is not used")
	}

	n.hear(in, addressed(n, PacketData, near.destination, "near"))
	sent = outWire.take()
	if len(sent) != 1 || sent[0].Flags() != 0 || sent[0].Hops != 5 || sent[0].Destination != near.destination || string(sent[0].Data) != "near" {
		t.Fatalf("last hop: %+v", sent)
	}

	// The proof goes back where the packet came from, if it comes from where the packet went.
	proof := Packet{PacketType: PacketProof, Destination: sent[0].TruncatedHash(), Data: make([]byte, 64)}
	n.hear(in, proof.Append(nil))
	if len(inWire.take()) != 0 {
		t.Error("a proof from the wrong side is passed on")
	}
	proof.Data[0] = 1 // another packet
	proof.Hops = 2
	n.hear(out, proof.Append(nil))
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 3 || back[0].PacketType != PacketProof {
		t.Errorf("proof: %+v", back)
	}
	if len(otherWire.take()) != 0 || n.relayed.packets != 3 {
		t.Error("something leaked to another interface")
	}

	foreign := addressed(n, PacketData, far.destination, "not for us")
	foreign[offsetTransportID]++
	n.now = n.now.Add(time.Hour)
	n.hear(in, foreign)
	if len(outWire.take()) != 0 || n.paths.lookup(far.destination, n.now).used.Equal(n.now) {
		t.Error("C-101: a foreign packet is passed on, or used the path")
	}
	n.hear(in, raw)
	if len(outWire.take()) != 0 {
		t.Error("a copy is passed on")
	}
}

// TestTransitWithoutPath: C-099. TestTransit…Disabled: C-100, C-130.
func TestTransitWithoutPathLeavesNoTrace(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, _ := n.attachWire("in", interfaces.ModeFull)
	_, outWire := n.attachWire("out", interfaces.ModeFull)
	n.hear(in, addressed(n, PacketData, DestinationHash{9}, "x"))
	n.hear(in, addressed(n, PacketLinkRequest, DestinationHash{9}, string(make([]byte, 67))))
	if len(outWire.take()) != 0 || len(n.reverse.entries)+len(n.relayedLinks.entries) != 0 {
		t.Error("a trace")
	}
}

func TestPlainNodePassesNothingOn(t *testing.T) {
	n := newRelayNode(t, Config{})
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeGateway)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(s.destination, n.now) == nil {
		t.Fatal("no path learned")
	}
	n.hear(in, addressed(n, PacketData, s.destination, "x"))
	request := NewPathRequest(s.destination, nil, []byte("tag"))
	n.hear(in, request.Append(nil))
	unknown := NewPathRequest(DestinationHash{5}, nil, []byte("tag"))
	n.hear(out, unknown.Append(nil))
	n.pass(10 * time.Second)
	if len(inWire.take())+len(outWire.take()) != 0 || len(n.reverse.entries) != 0 {
		t.Error("it does") // C-146, too
	}
}

// TestAnnounceIsPassedOn: C-113, C-114, C-039.
func TestAnnounceIsPassedOn(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	_, yWire := n.attachWire("y", interfaces.ModeFull)
	for i, ratchet := range [][]byte{nil, make([]byte, RatchetLength)} {
		s := newStation(t, byte(i))
		raw := s.announce(t, 3, IdentityHash{7}, func(c *AnnounceContent) { c.Ratchet = ratchet })
		n.hear(x, raw)
		n.pass(600 * time.Millisecond)
		heard, _ := ParsePacket(raw)
		for _, w := range []*wire{xWire, yWire} { // also where it came from: others there may not have heard it
			sent := w.take()
			if len(sent) != 1 {
				t.Fatalf("%d sent", len(sent))
			}
			p := sent[0]
			if p.Hops != 4 || IdentityHash(p.TransportID) != n.self || p.Flags() != []byte{0x51, 0x71}[i] ||
				p.Context != ContextNone || !bytes.Equal(p.Data, heard.Data) || p.Hash() != heard.Hash() {
				t.Errorf("passed on as %x", p.Raw)
			}
		}
		n.pass(5600 * time.Millisecond)
		if len(xWire.take()) != 1 || len(yWire.take()) != 1 {
			t.Error("not passed on a second time")
		}
		n.pass(time.Minute)
		if len(xWire.take())+len(yWire.take()) != 0 {
			t.Error("passed on a third time")
		}
	}
}

// TestAnnounceAtTheEndOfItsWay: C-126, E-72's neighbour: hops byte 127 is learned as 128 and re-emitted, and dropped there.
func TestAnnounceAtTheEndOfItsWay(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, w := n.attachWire("x", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(x, s.announce(t, 127, IdentityHash{7}))
	if p := n.paths.lookup(s.destination, n.now); p == nil || p.hops != 128 {
		t.Fatalf("%+v", p)
	}
	n.pass(time.Second)
	if len(w.sent) != 1 || w.sent[0][offsetHops] != 128 {
		t.Error("not re-emitted with 128")
	}
}

// TestLargeAnnounces: C-179.
func TestLargeAnnounceIsLearnedAndNotPassedOn(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	y, yWire := n.attachWire("y", interfaces.ModeFull)
	fits, large, other := newStation(t, 1), newStation(t, 2), newStation(t, 3)
	n.hear(x, fits.announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = make([]byte, 317) }))
	// NewAnnounce refuses more, so it is made by hand.
	raw := large.announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = nil })
	p, _ := ParsePacket(raw)
	a, _ := ParseAnnounce(&p)
	a.AppData = make([]byte, 318)
	copy(a.Signature, large.identity.Sign(a.appendSigned(nil)))
	raw = append(raw[:len(raw)-SignatureLength:len(raw)-SignatureLength], a.Signature...)
	raw = append(raw, a.AppData...)
	n.hear(x, raw)
	n.hear(x, other.announce(t, 0, IdentityHash{}))
	n.pass(time.Second)
	if sent := yWire.take(); len(sent) != 2 {
		t.Errorf("%d passed on, want 2", len(sent))
	}
	if n.paths.lookup(large.destination, n.now) == nil || x.drops.snapshot()[DropAnnounceLarge] != 1 {
		t.Error("not learned, or not counted")
	}
	request := NewPathRequest(large.destination, nil, []byte("t"))
	n.hear(y, request.Append(nil))
	n.pass(2 * time.Second)
	for _, p := range append(yWire.take(), xWire.take()...) {
		if p.Context == ContextPathResponse {
			t.Error("used as path answer")
		}
	}
}

// TestPathAnswers: C-141, C-144, C-145.
func TestPathAnswers(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	y, yWire := n.attachWire("y", interfaces.ModeFull)
	roaming, roamingWire := n.attachWire("roaming", interfaces.ModeRoaming)
	s, mobile := newStation(t, 1), newStation(t, 2)
	raw := s.announce(t, 1, IdentityHash{7})
	n.hear(x, raw)
	n.hear(roaming, mobile.announce(t, 0, IdentityHash{}))
	n.pass(time.Minute)
	quiet := func() (all []Packet) {
		for _, w := range []*wire{xWire, yWire, roamingWire} {
			all = append(all, w.take()...)
		}
		return all
	}
	quiet()
	ask := func(on *attached, d DestinationHash, self *IdentityHash, tag string) {
		r := NewPathRequest(d, self, []byte(tag))
		n.hear(on, r.Append(nil))
	}
	ask(y, s.destination, nil, "one")
	n.pass(390 * time.Millisecond)
	if len(quiet()) != 0 {
		t.Error("answered before the owner had a chance")
	}
	n.pass(100 * time.Millisecond)
	sent := yWire.take()
	if len(sent) != 1 || len(quiet()) != 0 {
		t.Fatalf("%d answers", len(sent))
	}
	p, heard := sent[0], raw
	if p.Context != ContextPathResponse || p.HeaderType != Header2 || IdentityHash(p.TransportID) != n.self || p.Hops != 2 ||
		!bytes.Equal(p.Data, heard[HeaderMaxSize:]) {
		t.Errorf("answer %x", p.Raw)
	}
	ask(y, s.destination, nil, "one")
	n.pass(5 * time.Second)
	if len(quiet()) != 0 {
		t.Error("C-141: a copy is answered")
	}
	ask(y, s.destination, nil, "two")
	n.pass(time.Second)
	if len(quiet()) != 1 {
		t.Error("C-141: another tag is not answered")
	}
	ask(x, s.destination, &IdentityHash{7}, "next hop")
	ask(roaming, mobile.destination, nil, "same roaming medium")
	n.pass(5 * time.Second)
	if sent := quiet(); len(sent) != 0 {
		t.Errorf("C-145: answered %+v", sent)
	}
	ask(x, s.destination, &IdentityHash{8}, "not the next hop")
	ask(roaming, s.destination, nil, "roaming")
	n.pass(time.Second)
	if len(xWire.take()) != 1 || len(roamingWire.take()) != 0 {
		t.Error("C-144: on roaming interfaces it takes 1.9 s")
	}
	n.pass(time.Second)
	if len(quiet()) != 1 {
		t.Error("not answered on the roaming interface")
	}
}

// TestDiscovery: C-140, C-147, C-148, C-149.
func TestDiscovery(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	gate, gateWire := n.attachWire("gate", interfaces.ModeGateway)
	full, fullWire := n.attachWire("full", interfaces.ModeFull)
	_, downWire := n.attachWire("down", interfaces.ModeFull)
	downWire.down = true
	s := newStation(t, 1)
	r := NewPathRequest(s.destination, nil, []byte("0123456789abcdef"))
	n.hear(full, r.Append(nil))
	if len(gateWire.take())+len(fullWire.take()) != 0 {
		t.Fatal("looked for on behalf of a full interface")
	}
	r = NewPathRequest(s.destination, nil, []byte("fedcba9876543210"))
	n.hear(gate, r.Append(nil))
	sent := fullWire.take()
	if len(sent) != 1 || len(gateWire.take())+len(downWire.take()) != 0 {
		t.Fatalf("%d requests", len(sent))
	}
	if p := sent[0]; len(p.Raw) != 67 || p.Hops != 0 || string(p.Data[32:]) != "fedcba9876543210" || !bytes.Equal(p.Data[16:32], n.self[:]) {
		t.Errorf("asked with %x", p.Raw)
	}
	r = NewPathRequest(s.destination, nil, []byte("another tag"))
	n.now = n.now.Add(14 * time.Second)
	n.hear(gate, r.Append(nil))
	if len(fullWire.take()) != 0 {
		t.Error("C-148: asked twice")
	}
	n.hear(full, s.announce(t, 1, IdentityHash{7}, asPathResponse))
	answers := gateWire.take()
	if len(answers) != 1 || answers[0].Context != ContextPathResponse || answers[0].Hops != 2 || IdentityHash(answers[0].TransportID) != n.self {
		t.Fatalf("C-149: %+v", answers)
	}
	n.pass(10 * time.Second)
	if len(gateWire.take())+len(fullWire.take()) != 0 {
		t.Error("a path response is passed on to all")
	}
	if len(n.rates.entries) != 0 {
		t.Error("C-132: a path response counts as announce")
	}
}

// TestRecursionStopsInAFlood: C-150 at the node.
func TestRecursionStopsInAFloodOfRequests(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	gate, _ := n.attachWire("gate", interfaces.ModeGateway)
	_, fullWire := n.attachWire("full", interfaces.ModeFull)
	for i := range 500 {
		n.now = n.now.Add(20 * time.Millisecond)
		r := NewPathRequest(DestinationHash{1, byte(i), byte(i >> 8)}, nil, []byte("t"))
		n.hear(gate, r.Append(nil))
	}
	if sent := len(fullWire.take()); sent == 0 || sent > 10 || gate.drops.snapshot()[DropDiscovery] < 490 {
		t.Errorf("%d requests passed on", sent)
	}
	n.pass(2 * time.Minute)
	r := NewPathRequest(DestinationHash{2}, nil, []byte("t"))
	n.hear(gate, r.Append(nil))
	if len(fullWire.take()) != 1 {
		t.Error("no search long after the flood")
	}
}

// TestAnnouncesAreHeldInAFlood: C-136 at the node.
func TestAnnouncesAreHeldInAFlood(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, _ := n.attachWire("x", interfaces.ModeFull)
	known, wanted := newStation(t, 101), newStation(t, 102)
	n.hear(x, known.announce(t, 0, IdentityHash{}))
	for i := range 20 {
		n.now = n.now.Add(100 * time.Millisecond)
		n.hear(x, newStation(t, byte(i)).announce(t, 0, IdentityHash{}))
	}
	before := len(n.paths.entries)
	if before > 6 || len(x.traffic.held) < 14 {
		t.Fatalf("%d paths, %d held", before, len(x.traffic.held))
	}
	n.hear(x, known.announce(t, 0, IdentityHash{}))
	if n.paths.entries[known.destination].randoms[1] == n.paths.entries[known.destination].randoms[0] {
		t.Error("a known destination is held")
	}
	n.requests.due(wanted.destination, n.now)
	n.hear(x, wanted.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(wanted.destination, n.now) == nil {
		t.Error("one that was asked for is held")
	}
	n.pass(3 * time.Minute)
	if len(x.traffic.held) != 0 || len(n.paths.entries) != 22 {
		t.Errorf("%d still held, %d paths", len(x.traffic.held), len(n.paths.entries))
	}
}

// TestRateBlockedAnnounce: C-131, C-132, C-133 at the node.
func TestRateBlockedAnnounceStillMakesThePath(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, w := n.attachWire("x", interfaces.ModeFull)
	if x.rate != DefaultAnnounceRate() {
		t.Errorf("rate %+v", x.rate)
	}
	x.rate = AnnounceRate{Target: time.Minute, Penalty: 2 * time.Minute}
	s := newStation(t, 1)
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.pass(10 * time.Second)
	if len(w.take()) != 2 {
		t.Fatal("the first is not passed on")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.pass(10 * time.Second)
	if len(w.take()) != 0 || len(n.paths.entries[s.destination].randoms) != 2 {
		t.Error("passed on, or not used")
	}
}

// linkRequest makes a link request that the node is to pass on, and the right proof for it.
func (s *station) linkRequest(t *testing.T, n *relayNode, mtu int) (raw []byte, id LinkID, proof []byte) {
	t.Helper()
	keys, err := newInitiatorKeys(n.engine.t.config.Rand)
	if err != nil {
		t.Fatal(err)
	}
	data, err := appendLinkRequest(nil, keys, mtu)
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{HeaderType: Header2, TransportType: TransportTypeTransport, PacketType: PacketLinkRequest,
		Destination: s.destination, TransportID: n.self, Data: data}
	id, _ = p.LinkID()
	responder, err := newResponderKeys(n.engine.t.config.Rand)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := appendLinkProof(nil, id, responder, s.identity, mtu)
	if err != nil {
		t.Fatal(err)
	}
	lrproof := Packet{DestinationType: DestinationLink, PacketType: PacketProof, Context: ContextLinkReqProof, Destination: id, Data: payload}
	return p.Append(nil), id, lrproof.Append(nil)
}

// TestRelayedLink: C-104 to C-107, C-109, L-141 to L-145.
func TestRelayedLink(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull, func(a *attached) { a.properties.Bitrate, a.properties.MTU = 1000, 8192 })
	out, outWire := n.attachWire("out", interfaces.ModeFull, func(a *attached) { a.properties.MTU = 2048 })
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 2, IdentityHash{7}))
	request, id, proof := s.linkRequest(t, n, 8192)
	n.hear(in, request)
	sent := outWire.take()
	if len(sent) != 1 {
		t.Fatal("not passed on")
	}
	if mtu, _, _ := ParseSignalling(sent[0].Data[64:]); mtu != 2048 || len(sent[0].Data) != 67 {
		t.Errorf("MTU %d", mtu)
	}
	if got, _ := sent[0].LinkID(); got != id {
		t.Error("the link id changed")
	}
	l := n.relayedLinks.lookup(id, n.now)
	if l == nil || l.remaining != 3 || l.taken != 1 || l.in != in || l.out != out || l.destination != s.destination ||
		l.proofBy.Sub(n.now) != 3*6*time.Second+4*time.Second {
		t.Fatalf("%+v, proof within %v", l, l.proofBy.Sub(n.now))
	}

	// Heard early, on the way to somebody else: it must not be taken for a copy later.
	data := Packet{DestinationType: DestinationLink, Destination: id, Hops: 5, Data: []byte("early")}
	n.hear(in, data.Append(nil))
	data.Hops = 0
	n.hear(in, data.Append(nil))
	if sent := outWire.take(); len(sent) != 1 || sent[0].Hops != 1 || string(sent[0].Data) != "early" || sent[0].HeaderType != Header1 {
		t.Errorf("link data: %+v", sent)
	}
	n.hear(in, data.Append(nil))
	if len(outWire.take()) != 0 {
		t.Error("a copy is passed on")
	}
	keepalive := Packet{DestinationType: DestinationLink, Destination: id, Context: ContextKeepalive, Data: []byte{0xff}}
	n.hear(in, keepalive.Append(nil))
	n.hear(in, keepalive.Append(nil))
	if len(outWire.take()) != 2 {
		t.Error("L-145: keepalives are taken for copies")
	}

	proof[offsetHops] = 2
	n.hear(out, proof)
	n.hear(out, proof)
	if back := inWire.take(); len(back) != 2 || back[0].Hops != 3 || !l.validated {
		t.Fatalf("proof: %d passed on", len(back))
	}
	n.now = n.now.Add(800 * time.Second)
	data.Hops, data.Data = 2, []byte("answer")
	n.hear(out, data.Append(nil))
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 3 || !l.used.Equal(n.now) {
		t.Errorf("answer: %+v", back)
	}
}

// TestForgedLinkProof: C-110, C-111, L-143.
func TestLinkProofsAreChecked(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 2, IdentityHash{7}))
	request, id, proof := s.linkRequest(t, n, 500)
	n.hear(in, request)
	outWire.take()
	l := n.relayedLinks.lookup(id, n.now)
	proof[offsetHops] = 2

	bad := bytes.Clone(proof)
	bad[HeaderMinSize]++
	n.hear(out, bad)
	n.hear(out, proof[:len(proof)-1])
	n.hear(in, proof)
	bad = bytes.Clone(proof)
	bad[offsetHops] = 4
	bad[HeaderMinSize]++
	n.hear(out, bad)
	if len(inWire.take()) != 0 || l.validated || l.remaining != 3 {
		t.Fatal("C-110: a bad proof is passed on")
	}
	proof[offsetHops] = 4
	n.hear(out, proof)
	if back := inWire.take(); len(back) != 1 || back[0].Hops != 5 || l.remaining != 5 || n.paths.lookup(s.destination, n.now).hops != 5 || !l.validated {
		t.Fatalf("C-111: %+v, %+v", back, l)
	}
	proof[offsetHops] = 6
	n.hear(out, proof)
	if len(inWire.take()) != 0 || l.remaining != 5 {
		t.Error("C-111: re-balanced again")
	}
}

// TestFailedLinkOfOthers: C-152, L-147.
func TestFailedLinkOfOthersIsRepaired(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, inWire := n.attachWire("in", interfaces.ModeFull)
	boundary, boundaryWire := n.attachWire("boundary", interfaces.ModeBoundary)
	out, outWire := n.attachWire("out", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	n.pass(time.Minute)
	clearAll := func() { inWire.take(); outWire.take(); boundaryWire.take() }
	clearAll()
	try := func(on *attached) {
		request, _, _ := s.linkRequest(t, n, 500)
		n.hear(on, request)
		outWire.take()
		n.pass(8 * time.Second)
	}
	try(boundary)
	path := n.paths.lookup(s.destination, n.now)
	if path.state != pathUnknown || len(outWire.take()) != 1 || len(inWire.take()) != 1 || len(boundaryWire.take()) != 0 {
		t.Error("a boundary interface marks the path, or we asked on the wrong interfaces")
	}
	try(in)
	if path.state != pathUnknown || len(outWire.take()) != 0 {
		t.Error("asked twice within 20 s")
	}
	n.pass(20 * time.Second)
	try(in)
	if path.state != pathUnresponsive || len(outWire.take()) != 1 || len(boundaryWire.take()) != 1 || len(inWire.take()) != 0 {
		t.Error("C-152: the path is not marked, or not asked for")
	}
	n.paths.expire(s.destination)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	if n.paths.lookup(s.destination, n.now).state != pathUnknown {
		t.Error("still unresponsive")
	}
}

// TestTunnelAtANode: C-153, C-155.
func TestPathsComeBackWithTheirTunnel(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	first, _ := n.attachWire("first", interfaces.ModeFull)
	peer := newStation(t, 50)
	introduction := func() []byte {
		p, err := NewTunnelSynthesis(peer.identity, HashInterface("TCPInterface[x/y:1]"), n.engine.t.config.Rand)
		if err != nil {
			t.Fatal(err)
		}
		return p.Append(nil)
	}
	good := introduction()
	for _, raw := range [][]byte{good[:len(good)-1], append(bytes.Clone(good), 0)} {
		n.hear(first, raw)
	}
	bad := bytes.Clone(good)
	bad[len(bad)-1] ^= 1
	n.hear(first, bad)
	if len(n.tunnels.entries) != 0 || first.drops.snapshot()[DropTunnel] != 3 {
		t.Fatal("C-153: a bad introduction is taken")
	}
	n.hear(first, good)
	s := newStation(t, 1)
	n.hear(first, s.announce(t, 3, IdentityHash{7}))
	n.detach(first)
	if n.paths.lookup(s.destination, n.now) != nil {
		t.Fatal("C-129: a path over an interface that is gone")
	}
	n.now = n.now.Add(time.Hour)
	second, w := n.attachWire("second", interfaces.ModeFull)
	n.hear(second, introduction())
	p := n.paths.lookup(s.destination, n.now)
	if p == nil || p.via != second || p.hops != 4 || p.nextHop != (TruncatedHash{7}) || p.raw == nil {
		t.Fatalf("C-155: %+v", p)
	}
	n.pass(time.Minute)
	w.take()
	r := NewPathRequest(s.destination, nil, []byte("x"))
	n.hear(second, r.Append(nil))
	n.pass(time.Second)
	if len(w.take()) != 1 {
		t.Error("the path is not answered for")
	}
	n.hear(second, s.announce(t, 0, IdentityHash{}))
	n.pass(time.Hour)
	n.hear(second, introduction())
	if p := n.paths.lookup(s.destination, n.now); p.hops != 1 {
		t.Error("C-155: an older path replaced a newer one")
	}
}

// TestBlackhole: C-157, C-074.
func TestBlackholedIdentitiesAreForgotten(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, _ := n.attachWire("x", interfaces.ModeFull, func(a *attached) { a.options.NoIngressControl = true })
	s, other := newStation(t, 1), newStation(t, 2)
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.hear(x, other.announce(t, 0, IdentityHash{}))
	tr := n.engine.t
	if added, err := tr.Blackhole(s.identity.Hash(), time.Now().Add(time.Hour), "spam"); !added || err != nil {
		t.Fatal(added, err)
	}
	if added, _ := tr.Blackhole(s.identity.Hash(), time.Time{}, "again"); added {
		t.Error("added twice")
	}
	if tr.HasPath(s.destination) || !tr.HasPath(other.destination) {
		t.Error("wrong paths forgotten")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	if tr.HasPath(s.destination) {
		t.Error("heard of again")
	}
	if list := tr.Blackholes(); len(list) != 1 || list[0].Reason != "spam" || list[0].Source != n.self {
		t.Errorf("%+v", list)
	}
	tr.blackholes.expire(time.Now().Add(2*time.Hour), n.self)
	if len(tr.Blackholes()) != 0 {
		t.Error("it never ends")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	if !tr.HasPath(s.destination) {
		t.Error("still refused")
	}
	if added, _ := tr.Blackhole(s.identity.Hash(), time.Time{}, ""); !added {
		t.Error("not added again")
	}
	tr.blackholes.expire(time.Now().AddDate(100, 0, 0), n.self)
	if removed, err := tr.Unblackhole(s.identity.Hash()); !removed || err != nil {
		t.Error("one without end has ended")
	}
}

func TestBlackholeListIsBounded(t *testing.T) {
	var b blackholes
	for i := range maxBlackholes + 10 {
		b.add(Blackhole{Identity: IdentityHash{byte(i), byte(i >> 8), byte(i >> 16)}, Reason: string(make([]byte, 1000))})
	}
	if list := b.list(nil); len(list) != maxBlackholes || len(list[0].Reason) != maxBlackholeReason {
		t.Errorf("%d entries", len(list))
	}
}

// TestVerifiedAnnounceIsNotTakenForAnother: the flag that says where the signature is can be changed by anybody, and does not
// enter the packet hash.
func TestVerifiedAnnounceIsNotTakenForAnother(t *testing.T) {
	var verified verifiedAnnounces
	raw := newStation(t, 1).announce(t, 0, IdentityHash{}, func(c *AnnounceContent) { c.AppData = make([]byte, 60) })
	for i, flag := range []bool{false, true, false} {
		p, err := ParsePacket(raw)
		if err != nil {
			t.Fatal(err)
		}
		p.ContextFlag = flag
		if _, err := checkAnnounce(&p, nil, &verified); (err != nil) != flag {
			t.Errorf("%d: %v", i, err)
		}
	}
	bad := bytes.Clone(raw)
	bad[len(bad)-1] ^= 1
	p, _ := ParsePacket(bad)
	if _, err := checkAnnounce(&p, nil, &verified); err == nil {
		t.Error("a changed announce is taken")
	}
	for i := range 10000 {
		verified.add(verifiedKey{hash: PacketHash{byte(i), byte(i >> 8)}})
	}
	if n := len(verified.current) + len(verified.previous); n > 2*verifiedMemory {
		t.Errorf("%d remembered", n)
	}
}

// TestLinkDataFromAnotherInterfaceIsForgotten: C-090, C-091.
func TestLinkDataFromAnotherInterfaceIsForgotten(t *testing.T) {
	n := newRelayNode(t, Config{})
	on, _ := n.attachWire("on", interfaces.ModeFull)
	other, _ := n.attachWire("other", interfaces.ModeFull)
	end, _ := benchInitiator(t, nil, DestinationHash{5}, newStation(t, 1).identity.PublicIdentity, linkRoute{hops: 1, on: on})
	l := end.Link
	l.now.on, l.now.state = on, LinkActive
	l.publish()
	n.links[l.ID()] = l
	p := Packet{DestinationType: DestinationLink, Destination: l.ID(), Data: []byte("data")}
	n.hear(other, p.Append(nil))
	if len(l.inbox.waiting) != 0 || n.duplicates.seen(p.Hash()) || other.drops.snapshot()[DropLinkQueue] != 1 {
		t.Error("delivered, or remembered")
	}
	n.hear(on, p.Append(nil))
	n.hear(on, p.Append(nil))
	if len(l.inbox.waiting) != 1 || !n.duplicates.seen(p.Hash()) {
		t.Errorf("%d delivered", len(l.inbox.waiting))
	}
	proof := Packet{DestinationType: DestinationLink, PacketType: PacketProof, Context: ContextLinkReqProof, Destination: l.ID(), Data: make([]byte, 99)}
	n.hear(on, proof.Append(nil))
	if n.duplicates.seen(proof.Hash()) {
		t.Error("a proof of a link request is remembered")
	}
}

// TestContextsThatRepeat: C-087.
func TestContextsThatRepeat(t *testing.T) {
	for c := range 256 {
		switch c := Context(c); c {
		case 0x01, 0x03, 0x05, 0x08, 0x0e, 0xfa:
			if !exemptFromDuplicates(c) {
				t.Errorf("context %#x", byte(c))
			}
		default:
			if exemptFromDuplicates(c) {
				t.Errorf("context %#x", byte(c))
			}
		}
	}
}

// TestOwnPacketWithoutPathGoesEverywhere: C-096, C-085 for announces: those of any transport id are heard.
func TestOwnPacketWithoutPathGoesEverywhere(t *testing.T) {
	n := newRelayNode(t, Config{})
	x, xWire := n.attachWire("x", interfaces.ModeFull)
	_, yWire := n.attachWire("y", interfaces.ModeRoaming)
	_, mute := n.attachWire("mute", interfaces.ModeFull, func(a *attached) { a.properties.Outgoing = false })
	s := newStation(t, 1)
	p := Packet{Destination: s.destination, Data: []byte("hello")}
	raw := p.Append(nil)
	if _, _, err := n.route(outFrame{raw: raw}); err != nil {
		t.Fatal(err)
	}
	if len(xWire.take()) != 1 || len(yWire.take()) != 1 || len(mute.take()) != 0 {
		t.Error("not sent on all interfaces that may send")
	}
	n.hear(x, s.announce(t, 2, IdentityHash{9}))
	if n.paths.lookup(s.destination, n.now) == nil {
		t.Fatal("an announce passed on by another node is not heard")
	}
	if _, _, err := n.route(outFrame{raw: raw}); err != nil {
		t.Fatal(err)
	}
	if sent := xWire.take(); len(sent) != 1 || IdentityHash(sent[0].TransportID) != (IdentityHash{9}) || len(yWire.take()) != 0 {
		t.Error("not sent by its path alone")
	}
}
