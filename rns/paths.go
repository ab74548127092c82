package rns

import (
	"container/list"
	"slices"
	"time"

	"groupd/rns/interfaces"
)

// Lifetimes of paths since their last use, by the mode of their interface (spec 1 §6.13).
const (
	pathLifetime            = 7 * 24 * time.Hour
	pathLifetimeAccessPoint = 24 * time.Hour
	pathLifetimeRoaming     = 6 * time.Hour
)

const (
	// maxRandomFields is how many random fields of announces a path remembers, newest kept.
	maxRandomFields = 64

	// DefaultMaxPaths is the size of the path table. When it is full, the path that was not used for longest is
	// forgotten; it can be asked for again.
	DefaultMaxPaths = 20000

	// announceTolerance is how far an announce's emission time may be ahead of our clock and still count when the
	// age of announces is compared. An owner whose clock once was years ahead is not locked out by that; while our
	// own clock is behind by more, all announces are ahead and are compared as they are.
	announceTolerance = 24 * time.Hour
)

// pathEntry is how to reach a destination, with all that spec 1 §6.1 keeps.
type pathEntry struct {
	destination DestinationHash
	used        time.Time     // last accepted announce or own use
	nextHop     [16]byte      // transport id, or the destination when it was heard directly
	hops        int           // 1: a direct neighbour
	expires     time.Time     // for the acceptance rule only; culling goes by used and the interface's mode
	randoms     []RandomField // of accepted announces, oldest first, at most maxRandomFields
	via         *attached     // where it was heard
	announce    PacketHash    // of the accepted announce
	raw         []byte        // that announce as received; nil: not kept, or too large to be passed on
	learned     time.Time     // when it was accepted
	announced   time.Time     // when the last announce was accepted that is no path response; zero: never
	state       pathState     //
	place       *list.Element // in pathTable.order
}

// pathState says how a path fared.
type pathState uint8

// Path states (spec 1 §6.16).
const (
	pathUnknown      pathState = iota // nothing bad is known
	pathUnresponsive                  // a link over it failed: the same announce over more hops is taken
)

// timeBase is the newest emission among the stored random fields against which an announce emitted at e is measured.
// Emissions further than the tolerance ahead of the wall clock count only against such ones.
func (p *pathEntry) timeBase(e int64, wall time.Time) int64 {
	horizon := wall.Add(announceTolerance).Unix()
	var base int64
	for _, f := range p.randoms {
		if t := f.Seconds(); t > base && (t <= horizon || e > horizon) {
			base = t
		}
	}
	return base
}

// lifetime is how long a path lives without use, by the present mode of its interface.
func (p *pathEntry) lifetime() time.Duration { return lifetimeOfMode(p.via.mode) }

func lifetimeOfMode(m interfaces.Mode) time.Duration {
	switch m {
	case interfaces.ModeAccessPoint:
		return pathLifetimeAccessPoint
	case interfaces.ModeRoaming:
		return pathLifetimeRoaming
	}
	return pathLifetime
}

// pathTable holds the paths. It is owned by the loop. Times are monotonic: a clock that is set does not age paths.
type pathTable struct {
	limit   int
	entries map[DestinationHash]*pathEntry
	order   list.List // of *pathEntry, least recently used first
	evicted uint64    // forgotten because the table was full
}

func newPathTable(limit int) pathTable {
	return pathTable{limit: limit, entries: make(map[DestinationHash]*pathEntry)}
}

// lookup returns the path, or nil. The entry belongs to the table.
func (t *pathTable) lookup(d DestinationHash, now time.Time) *pathEntry {
	p := t.entries[d]
	if p == nil {
		return nil
	}
	if now.Sub(p.used) > p.lifetime() {
		t.remove(p)
		return nil
	}
	return p
}

// accepts decides whether an announce heard now makes or replaces the path (spec 1 §6.8, the decision table). The
// wall clock is for emission times.
func (t *pathTable) accepts(a *heardAnnounce, m moment) bool {
	p := t.lookup(a.destination, m.now)
	if p == nil {
		return true
	}
	e := a.random.Seconds()
	base := p.timeBase(e, m.wall)
	known := slices.Contains(p.randoms, a.random)
	if a.hops <= p.hops {
		return !known && e > base || e == base && a.on.gravity > p.via.gravity
	}
	switch {
	case !m.now.Before(p.expires):
		return !known
	case e > base:
		return !known
	}
	return e == base && p.state == pathUnresponsive
}

// learn enters the path of an accepted announce.
func (t *pathTable) learn(a *heardAnnounce, now time.Time) *pathEntry {
	p := t.entry(a.destination)
	p.learned = now
	p.nextHop = a.nextHop()
	p.hops = a.hops
	p.via = a.on
	p.expires = now.Add(lifetimeOfMode(a.on.mode))
	p.announce = a.hash
	p.state = pathUnknown
	if !slices.Contains(p.randoms, a.random) {
		if len(p.randoms) >= maxRandomFields {
			p.randoms = append(p.randoms[:0], p.randoms[len(p.randoms)-maxRandomFields+1:]...)
		}
		p.randoms = append(p.randoms, a.random)
	}
	t.touch(p, now)
	return p
}

// entry returns the entry of a destination, which is made if there is none: at the cost of the least recently used one when
// the table is full.
func (t *pathTable) entry(d DestinationHash) *pathEntry {
	p := t.entries[d]
	if p == nil {
		if len(t.entries) >= t.limit {
			t.remove(t.order.Front().Value.(*pathEntry))
			t.evicted++
		}
		p = &pathEntry{destination: d}
		p.place = t.order.PushBack(p)
		t.entries[d] = p
	}
	return p
}

// touch notes that a path was used.
func (t *pathTable) touch(p *pathEntry, now time.Time) {
	p.used = now
	t.order.MoveToBack(p.place)
}

// expire forgets the path, if there is one.
func (t *pathTable) expire(d DestinationHash) {
	if p := t.entries[d]; p != nil {
		t.remove(p)
	}
}

// detach forgets the paths over an interface that is gone.
func (t *pathTable) detach(via *attached) {
	for _, p := range t.entries {
		if p.via == via {
			t.remove(p)
		}
	}
}

// cull forgets what was not used for a lifetime.
func (t *pathTable) cull(now time.Time) {
	for _, p := range t.entries {
		if now.Sub(p.used) > p.lifetime() {
			t.remove(p)
		}
	}
}

func (t *pathTable) remove(p *pathEntry) {
	delete(t.entries, p.destination)
	t.order.Remove(p.place)
}

// PathInfo is what is known about the way to a destination.
type PathInfo struct {
	Destination DestinationHash
	// Hops is the number of transmissions to get there; 1 for a direct neighbour.
	Hops int
	// NextHop is the transport id of the next node, or the destination hash itself when it is a direct neighbour.
	NextHop TruncatedHash
	// Interface is the name of the interface that leads there, Bitrate its estimate in bit/s (0: unknown).
	Interface string
	Bitrate   int64
	// Learned is when the announce was accepted, Expires until when only a better announce replaces the path, both by the
	// wall clock.
	Learned, Expires time.Time
	// Used is when the path was learned or last used for a relayed packet, by the wall clock.
	Used time.Time
	// Emitted is the emission time, in whole seconds by the owner's clock, of the newest announce accepted for it.
	Emitted time.Time
	// Announce is the hash of the announce that made the path.
	Announce PacketHash
}

// info describes a path for callers outside the loop.
func (p *pathEntry) info(m moment) PathInfo {
	i := PathInfo{
		Destination: p.destination,
		Hops:        p.hops,
		NextHop:     p.nextHop,
		Interface:   p.via.name(),
		Bitrate:     p.via.properties.Bitrate,
		Learned:     m.toWall(p.learned),
		Expires:     m.toWall(p.expires),
		Used:        m.toWall(p.used),
		Announce:    p.announce,
	}
	if n := len(p.randoms); n > 0 {
		i.Emitted = time.Unix(p.randoms[n-1].Seconds(), 0)
	}
	return i
}
