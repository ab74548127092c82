package rns

import (
	"iter"
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

// pathEntry is how to reach a destination, with all that spec 1 §6.1 keeps. What the announce says is not kept beside it.
type pathEntry struct {
	row
	hops      uint8         // 1: a direct neighbour
	state     pathState     //
	answers   bool          // the announce may be passed on to who asks for the path
	via       *attached     // where it was heard
	raw       announceBytes // the accepted announce; "": not read from the store yet, see stored
	stored    *storedPath   // of a path that was stored or restored; nil: all that is in raw
	randoms   randomFields  // of accepted announces; "": that of raw only
	used      instant       // last accepted announce or own use
	expires   instant       // for the acceptance rule only; culling goes by used and the interface's mode
	learned   instant       // when it was accepted
	announced instant       // when the last announce was accepted that is no path response; never
}

// storedPath is what is known of a path without its announce.
type storedPath struct {
	nextHop  TruncatedHash
	announce PacketHash
}

// nextHop is the transport id of the next node, or the destination when it was heard directly.
func (p *pathEntry) nextHop() TruncatedHash {
	if p.stored != nil {
		return p.stored.nextHop
	}
	return p.raw.nextHop(p.destination)
}

// announce is the hash of the accepted announce.
func (p *pathEntry) announce() PacketHash {
	if p.stored != nil {
		return p.stored.announce
	}
	return p.raw.hash()
}

// store makes p a path that is known without its announce.
func (p *pathEntry) store(nextHop TruncatedHash, announce PacketHash, raw announceBytes, randoms randomFields) {
	p.stored, p.raw, p.randoms = &storedPath{nextHop, announce}, raw, randoms
}

// fields are the random fields of accepted announces.
func (p *pathEntry) fields() randomFields {
	if p.randoms == "" && p.raw != "" {
		return randomFields(p.raw.data()[announceRandomOffset:][:RandomFieldLength])
	}
	return p.randoms
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
	for f := range p.fields().all {
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
	rowTable[pathEntry, *pathEntry]
	epoch
	limit   int
	order   rowList // least recently used first
	evicted uint64  // forgotten because the table was full
}

func newPathTable(limit int) pathTable {
	return pathTable{rowTable: newRowTable[pathEntry](), epoch: newEpoch(), limit: limit}
}

// all gives the paths, least recently used first. The one just given may be removed.
func (t *pathTable) all() iter.Seq[*pathEntry] { return t.forward(&t.order) }

// lookup returns the path, or nil. The entry belongs to the table.
func (t *pathTable) lookup(d DestinationHash, now time.Time) *pathEntry {
	p := t.get(d)
	if p == nil {
		return nil
	}
	if t.idle(p, now) > p.lifetime() {
		t.remove(p)
		return nil
	}
	return p
}

// idle is for how long a path was not used.
func (t *pathTable) idle(p *pathEntry, now time.Time) time.Duration {
	return time.Duration(t.instant(now) - p.used)
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
	known := p.fields().has(a.random)
	if a.hops <= int(p.hops) {
		return !known && e > base || e == base && a.on.gravity > p.via.gravity
	}
	switch {
	case t.instant(m.now) >= p.expires:
		return !known
	case e > base:
		return !known
	}
	return e == base && p.state == pathUnresponsive
}

// learn enters the path of an accepted announce.
func (t *pathTable) learn(a *heardAnnounce, now time.Time) *pathEntry {
	p := t.entry(a.destination)
	if f := p.fields(); f != "" && f != randomFields(a.random[:]) {
		p.randoms = f.with(a.random)
	}
	p.raw, p.stored, p.state = a.bytes(), nil, pathUnknown
	p.hops, p.via = uint8(a.hops), a.on
	p.learned = t.instant(now)
	p.expires = p.learned.add(lifetimeOfMode(a.on.mode))
	t.touch(p, now)
	return p
}

// entry returns the entry of a destination, which is made if there is none: at the cost of the least recently used one when
// the table is full.
func (t *pathTable) entry(d DestinationHash) *pathEntry {
	p := t.get(d)
	if p == nil {
		if t.len() >= t.limit {
			t.remove(t.at(t.order.first))
			t.evicted++
		}
		p = t.add(d)
		p.announced = never
		t.push(&t.order, p)
	}
	return p
}

// touch notes that a path was used.
func (t *pathTable) touch(p *pathEntry, now time.Time) {
	p.used = t.instant(now)
	t.toEnd(&t.order, p)
}

// expire forgets the path, if there is one.
func (t *pathTable) expire(d DestinationHash) {
	if p := t.get(d); p != nil {
		t.remove(p)
	}
}

// detach forgets the paths over an interface that is gone.
func (t *pathTable) detach(via *attached) {
	for p := range t.all() {
		if p.via == via {
			t.remove(p)
		}
	}
}

// cull forgets what was not used for a lifetime.
func (t *pathTable) cull(now time.Time) {
	for p := range t.all() {
		if t.idle(p, now) > p.lifetime() {
			t.remove(p)
		}
	}
}

func (t *pathTable) remove(p *pathEntry) {
	t.unlink(&t.order, p)
	t.rowTable.remove(p)
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
func (t *pathTable) info(p *pathEntry, m moment) PathInfo {
	i := PathInfo{
		Destination: p.destination,
		Hops:        int(p.hops),
		NextHop:     p.nextHop(),
		Interface:   p.via.name(),
		Bitrate:     p.via.properties.Bitrate,
		Learned:     m.toWall(t.time(p.learned)),
		Expires:     m.toWall(t.time(p.expires)),
		Used:        m.toWall(t.time(p.used)),
		Announce:    p.announce(),
	}
	for f := range p.fields().all {
		i.Emitted = time.Unix(f.Seconds(), 0)
	}
	return i
}
