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
		a, err := checkAnnounce(&p, n.engine.t.Blackholed, &n.engine.t.verifiedAnnounces)
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
