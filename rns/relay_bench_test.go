package rns

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// sink is a carrier that takes everything.
type sink struct{ wire }

func (*sink) Send([]byte) error { return nil }

func benchRelay(b *testing.B, paths int) (*relayNode, *attached, *attached) {
	b.Helper()
	tr, err := New(Config{TransportEnabled: true, MaxPaths: paths + 10, MaxKnown: paths + 10})
	if err != nil {
		b.Fatal(err)
	}
	n := &relayNode{engine: tr.engine}
	n.now = time.Now()
	var on [2]*attached
	for i := range on {
		on[i] = tableInterface(fmt.Sprint(i), interfaces.ModeFull)
		on[i].carrier, on[i].properties.Bitrate = new(sink), 1e9
		on[i].options.NoIngressControl = true
		if err := n.attach(on[i], true); err != nil {
			b.Fatal(err)
		}
	}
	return n, on[0], on[1]
}

// fill gives the node paths to so many destinations, with announces of the usual size.
func fill(n *relayNode, on *attached, paths int) {
	id, _ := NewIdentity(n.engine.t.config.Rand)
	for i := range paths {
		n.process(syntheticAnnounce(id.PublicIdentity, on, i, 1))
	}
	n.now = n.now.Add(time.Minute)
	n.relayDue()
	n.now = n.now.Add(time.Minute)
	n.relayDue()
}

// syntheticAnnounce is announce number k of destination i, as a verify worker hands it over.
func syntheticAnnounce(id *PublicIdentity, on *attached, i, k int) *heardAnnounce {
	var d DestinationHash
	binary.BigEndian.PutUint64(d[:], uint64(i))
	data := make([]byte, announceMinData+30)
	copy(data, id.public[:])
	f := RandomField(data[announceRandomOffset:])
	binary.BigEndian.PutUint32(f[:], uint32(k))
	binary.BigEndian.PutUint32(f[6:], uint32(k)+1700000000)
	copy(data[announceRandomOffset:], f[:])
	p := Packet{PacketType: PacketAnnounce, Destination: d, Data: data, Hops: 1}
	p.Raw = p.Append(nil)
	p.Data = p.Raw[HeaderMinSize:]
	return &heardAnnounce{destination: d, identity: id, random: f, hops: 1, on: on, packet: p, hash: p.Hash(),
		appData: data[announceMinData:]}
}

// BenchmarkForwardedPacket: one packet of 300 bytes from one interface to another, without the carriers.
func BenchmarkForwardedPacket(b *testing.B) {
	n, in, out := benchRelay(b, 1000)
	fill(n, out, 1000)
	var d DestinationHash
	path := n.paths.get(d)
	path.hops, path.stored = 3, &storedPath{nextHop: TruncatedHash{7}}
	raw := addressed(n, PacketData, d, string(make([]byte, 300-HeaderMaxSize)))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		frame := append([]byte(nil), raw...)
		binary.BigEndian.PutUint64(frame[len(frame)-8:], uint64(i))
		p, err := ParsePacket(frame)
		if err != nil {
			b.Fatal(err)
		}
		p.Hops++
		n.receive(inFrame{packet: p, on: in, at: n.now})
	}
	if n.relayed.packets < uint64(b.N) {
		b.Fatal("not passed on")
	}
}

// BenchmarkRelayedLinkPacket: one packet of a link between others.
func BenchmarkRelayedLinkPacket(b *testing.B) {
	n, in, out := benchRelay(b, 10)
	l := &relayedLink{id: LinkID{1}, in: in, out: out, taken: 1, remaining: 1, proofBy: n.now.Add(time.Hour)}
	n.relayedLinks.add(l)
	n.relayedLinks.validate(l, n.now)
	p := Packet{DestinationType: DestinationLink, Destination: l.id, Data: make([]byte, 481)}
	raw := p.Append(nil)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		frame := append([]byte(nil), raw...)
		binary.BigEndian.PutUint64(frame[len(frame)-8:], uint64(i))
		p, _ := ParsePacket(frame)
		p.Hops++
		n.receive(inFrame{packet: p, on: in, at: n.now})
	}
}

// BenchmarkAnnounceTakenInAndPassedOn: an announce of a known destination, in the tables and out again on two interfaces,
// with so many destinations known. The signature is checked elsewhere: BenchmarkAnnounceCheck.
func BenchmarkAnnounceTakenInAndPassedOn(b *testing.B) {
	for _, paths := range []int{2000, 10000, 100000} {
		b.Run(fmt.Sprint(paths), func(b *testing.B) {
			n, in, _ := benchRelay(b, paths)
			in.rate = AnnounceRate{}
			fill(n, in, paths)
			id, _ := NewIdentity(n.engine.t.config.Rand)
			const batch = 1000
			b.ReportAllocs()
			k, at := 2, 0
			for b.Loop() {
				if at == paths {
					at, k = 0, k+1
				}
				a := syntheticAnnounce(id.PublicIdentity, in, at, k)
				a.identity = n.known.get(a.destination).identity()
				n.process(a)
				if at++; at%batch == 0 {
					n.now = n.now.Add(time.Second)
					n.relayDue()
				}
			}
		})
	}
}

// BenchmarkAnnounceCheck: what a verify worker does with one announce.
func BenchmarkAnnounceCheck(b *testing.B) {
	id, err := NewIdentity(lockedRandom())
	if err != nil {
		b.Fatal(err)
	}
	f, _ := NewRandomField(lockedRandom(), time.Now())
	p, err := NewAnnounce(AnnounceContent{Identity: id, Name: HashName("bench", "mark"), Random: f, AppData: make([]byte, 30)})
	if err != nil {
		b.Fatal(err)
	}
	raw := p.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		p, _ := ParsePacket(raw)
		if _, err := checkAnnounce(&p, nil, new(verifiedAnnounces)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemoryPerPath reports the memory of one known path with its announce.
func BenchmarkMemoryPerPath(b *testing.B) {
	const paths = 20000
	for b.Loop() {
		n, in, _ := benchRelay(b, paths)
		before := heapInUse()
		var key [PublicKeyLength]byte // each has one of its own
		for i := range paths {
			binary.BigEndian.PutUint64(key[:], uint64(i))
			id, _ := NewPublicIdentity(key[:])
			n.process(syntheticAnnounce(id, in, i, 1))
		}
		n.now = n.now.Add(time.Minute)
		n.relayDue()
		n.now = n.now.Add(time.Minute)
		n.relayDue()
		for _, a := range n.interfaces {
			a.queue.clear() // what waits for the announce cap is no path
		}
		b.ReportMetric(float64(heapInUse()-before)/paths, "B/path")
		if n.paths.len() != paths {
			b.Fatal(n.paths.len())
		}
	}
}
