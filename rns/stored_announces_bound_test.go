package rns

import (
	"context"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestReadsOfStoredAnnouncesAreBounded: requests for ever more stored paths while the store does not answer.
func TestReadsOfStoredAnnouncesAreBounded(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	on, _ := n.attachWire("x", interfaces.ModeFull)
	asks, _ := n.attachWire("y", interfaces.ModeFull)
	n.engine.life = context.Background()
	n.engine.reads.reading = map[PacketHash]DestinationHash{{0xff}: {0xff}} // one that takes long
	for i := range 100 {
		p := n.paths.entry(DestinationHash{byte(i)})
		p.store(TruncatedHash{1}, PacketHash{byte(i)}, "", "")
		p.hops, p.via, p.answers = 2, on, true
		n.paths.touch(p, n.now)
		r := NewPathRequest(p.destination, nil, []byte{byte(i)})
		n.hear(asks, r.Append(nil))
	}
	if waits, answers := len(n.engine.reads.waiting), len(n.scheduled.answers); waits != maxAnnounceReads || answers != maxAnnounceReads {
		t.Errorf("%d wait to be read, %d to be sent, want %d", waits, answers, maxAnnounceReads)
	}
	if dropped := asks.drops[DropAnnounceTable].Load(); dropped != 100-maxAnnounceReads {
		t.Errorf("%d counted", dropped)
	}
	batch := n.engine.reads.waiting
	n.engine.reads.waiting = nil
	n.engine.announcesRead(batch, nil) // nothing of it is there
	n.pass(time.Second)
	if len(n.scheduled.answers) != 0 || n.paths.len() != 100-maxAnnounceReads {
		t.Errorf("%d answers wait, %d paths", len(n.scheduled.answers), n.paths.len())
	}
}
