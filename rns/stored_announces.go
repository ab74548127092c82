package rns

import (
	"context"
	"time"
)

// This file reads announces of stored paths from the store when somebody asks for such a path: reading all of them at the start,
// a file for each, would keep a node with many paths from serving for long.

const (
	// maxAnnounceReads is how many announces may wait to be read. When there are as many, a path request that needs another is
	// not answered: it will be asked again.
	maxAnnounceReads = 64
	// announceReadPatience is how long an answer is put off while its announce is still being read.
	announceReadPatience = 50 * time.Millisecond
)

// announceReads are the announces that somebody waits for, by the destinations they are of.
type announceReads struct {
	waiting map[PacketHash]DestinationHash
	reading map[PacketHash]DestinationHash // now, by a goroutine of their own; nil: none
}

func (r *announceReads) has(h PacketHash) bool {
	_, waits := r.waiting[h]
	_, reads := r.reading[h]
	return waits || reads
}

// readAnnounce has the announce of a stored path read, if it was not. It reports false when too many wait.
func (e *engine) readAnnounce(p *pathEntry) bool {
	if p.raw != "" || e.reads.has(p.announce()) {
		return true
	}
	if len(e.reads.waiting) >= maxAnnounceReads {
		return false
	}
	if e.reads.waiting == nil {
		e.reads.waiting = make(map[PacketHash]DestinationHash)
	}
	e.reads.waiting[p.announce()] = p.destination
	e.readAnnounces()
	return true
}

// readAnnounces reads what waits, unless something is being read.
func (e *engine) readAnnounces() {
	if e.reads.reading != nil || len(e.reads.waiting) == 0 || e.life == nil {
		return
	}
	batch := e.reads.waiting
	e.reads.waiting, e.reads.reading = nil, batch
	t, life := e.t, e.life
	t.goTracked(func() {
		found := t.loadAnnounces(life, batch)
		t.handOver(life, func(e *engine) { e.announcesRead(batch, found) })
	})
}

// loadAnnounces reads announces from the store and returns those that can be used.
func (t *Transport) loadAnnounces(ctx context.Context, batch map[PacketHash]DestinationHash) map[PacketHash]announceBytes {
	wanted := make(map[PacketHash]struct{}, len(batch))
	for h := range batch {
		wanted[h] = struct{}{}
	}
	found := make(map[PacketHash]announceBytes)
	for a, err := range t.config.Store.LoadAnnounces(ctx, wanted) {
		if err != nil {
			t.log.Warn("announce not loaded", "err", err)
		} else if t.usable(a, batch[a.Hash]) {
			found[a.Hash] = announceBytes(a.Raw)
		}
	}
	return found
}

// usable reports whether a stored announce is what its name says, of the destination, and of nobody who is blackholed.
func (t *Transport) usable(a StoredAnnounce, d DestinationHash) bool {
	p, err := ParsePacket(a.Raw)
	if err != nil || p.Hash() != a.Hash || DestinationHash(p.Destination) != d {
		return false
	}
	parsed, err := ParseAnnounce(&p)
	return err == nil && !t.Blackholed(parsed.Identity.Hash())
}

// announcesRead takes in what was read. A path whose announce is not in the store, or broken, is forgotten: nobody could be told
// of it.
func (e *engine) announcesRead(batch map[PacketHash]DestinationHash, found map[PacketHash]announceBytes) {
	e.reads.reading = nil
	for h, d := range batch {
		p := e.paths.get(d)
		if p == nil || p.raw != "" || p.announce() != h {
			continue // another one was heard meanwhile
		}
		if raw := found[h]; raw != "" {
			p.raw = raw
			continue
		}
		e.t.drops.count(DropStoredAnnounce)
		e.paths.remove(p)
		e.scheduled.dropAnswers(d)
	}
	e.readAnnounces()
	e.announcesDue()
}
