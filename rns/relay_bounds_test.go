package rns

import (
	"math/rand/v2"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestTablesStayBounded: C-177, with 20 000 of each; `make soak` takes a million.
func TestTablesOfARelayStayBounded(t *testing.T) { floodRelay(t, 20_000) }

func floodRelay(t *testing.T, count int) {
	const limit = 1000
	n := newRelayNode(t, Config{TransportEnabled: true, MaxPaths: limit, MaxKnown: limit, MaxReverse: limit, MaxRelayedLinks: limit, DuplicateMemory: limit})
	in, inWire := n.attachWire("in", interfaces.ModeGateway, func(a *attached) { a.options.NoIngressControl = true })
	limited, limitedWire := n.attachWire("limited", interfaces.ModeGateway)
	out, outWire := n.attachWire("out", interfaces.ModeFull, func(a *attached) { a.properties.Bitrate = 1000 })
	id, err := NewIdentity(n.engine.t.config.Rand)
	if err != nil {
		t.Fatal(err)
	}
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	mixed := func(i int) (b [8]byte) {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		return b
	}
	for i := range count {
		n.now = n.now.Add(time.Millisecond)
		n.announced(syntheticAnnounce(id.PublicIdentity, in, i, 1))
		n.announced(syntheticAnnounce(id.PublicIdentity, limited, count+i, 1))
		unique := mixed(i)
		request := NewPathRequest(DestinationHash(append(unique[:], unique[:]...)), nil, unique[:])
		n.hear(in, request.Append(nil))
		n.hear(in, addressed(n, PacketData, s.destination, string(unique[:])))
		link := make([]byte, PublicKeyLength)
		copy(link, unique[:])
		n.hear(in, addressed(n, PacketLinkRequest, s.destination, string(link)))
		if i%100 == 0 {
			n.relayDue()
			inWire.sent, outWire.sent, limitedWire.sent = nil, nil, nil
			n.paths.lookup(s.destination, n.now) // used all the time
		}
		if i%10000 == 0 {
			n.sweep()
		}
	}
	stats := Stats{}
	n.relayStats(&stats)
	for name, c := range map[string]struct{ got, most int }{
		"paths": {n.paths.len(), limit}, "known": {n.known.len(), limit}, "reverse": {stats.Reverse, limit},
		"links": {stats.RelayedLinks, limit}, "duplicates": {n.duplicates.len(), 2 * limit}, "rates": {stats.Rates, limit},
		"discoveries": {stats.Discoveries, 2 * maxDiscoveries}, "scheduled": {stats.Scheduled, 2 * maxScheduledAnnounces},
		"held": {len(limited.traffic.held), 256}, "queue": {out.queue.order.len(), announceQueueLength},
		"queue bytes": {out.queue.bytes, announceQueueBytes}, "tags": {len(n.requests.tags) + len(n.requests.oldTags), 2 * maxRequestTags},
		"answers": {len(n.requests.answers), maxAnswerWindows}, "own requests": {len(n.own.waiting), maxQueuedRequests},
	} {
		if c.got > c.most {
			t.Errorf("%s: %d, at most %d", name, c.got, c.most)
		}
	}
	if in.drops[DropRelayLink].Load() == 0 || stats.Evicted["reverse"] == 0 || n.paths.evicted == 0 || stats.Evicted["held"] == 0 {
		t.Errorf("not counted: %v", stats.Evicted)
	}
}

// TestLinksOfOthersThatLeadNowhereAreLimited: 256 at once and 50 a second, per interface.
func TestLinksOfOthersThatLeadNowhereAreLimited(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, _ := n.attachWire("in", interfaces.ModeFull)
	other, _ := n.attachWire("other", interfaces.ModeFull)
	out, w := n.attachWire("out", interfaces.ModeFull)
	s := newStation(t, 1)
	n.hear(out, s.announce(t, 0, IdentityHash{}))
	request := func(on *attached, i int) {
		n.hear(on, addressed(n, PacketLinkRequest, s.destination, string(append(make([]byte, PublicKeyLength-2), byte(i), byte(i>>8)))))
	}
	w.sent = nil
	for i := range 300 {
		request(in, i)
	}
	if dropped := in.drops[DropRelayLink].Load(); len(w.sent) != 256 || dropped != 44 {
		t.Errorf("%d passed on, %d dropped", len(w.sent), dropped)
	}
	request(other, 1000)
	if len(w.sent) != 257 {
		t.Error("a flood on one interface holds up another")
	}
	n.now = n.now.Add(time.Second)
	for i := range 300 {
		request(in, 2000+i)
	}
	if len(w.sent) != 307 {
		t.Errorf("%d passed on a second later", len(w.sent)-257)
	}
}

// TestGarbageAtARelay: C-176 for a transport node.
func TestGarbageAtARelayLeavesNoTrace(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	in, _ := n.attachWire("in", interfaces.ModeGateway)
	_, w := n.attachWire("out", interfaces.ModeFull)
	r := rand.New(rand.NewPCG(1, 2))
	for size := range 601 {
		for k := range 20 {
			raw := make([]byte, size)
			for i := range raw {
				raw[i] = byte(r.Uint32())
			}
			if size > offsetHops {
				raw[offsetHops] &= 0x7f
			}
			if size >= HeaderMaxSize && k%2 == 0 {
				raw[0] |= flagHeader2
				copy(raw[offsetTransportID:], n.self[:])
			}
			if _, err := ParsePacket(raw); err == nil {
				n.hear(in, raw)
			}
		}
	}
	s := Stats{}
	n.relayStats(&s)
	if s.RelayedPackets != 0 || s.RelayedLinks != 0 || s.Reverse != 0 || s.Tunnels != 0 || n.paths.len() != 0 || n.known.len() != 0 || len(w.sent) != 0 {
		t.Errorf("%+v, %d sent", s, len(w.sent))
	}
}
