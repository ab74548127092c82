package rns

import (
	"bytes"
	"container/list"
	"time"
)

const (
	// DefaultMaxKnown is the size of the table of known destinations, some 10 MB when full.
	DefaultMaxKnown = 50000

	// How often the table is saved when something changed in it: what we use, soon; all the rest, which on a busy
	// network changes all the time and is only a convenience, seldom (an SD card wears).
	knownSaveInterval     = 5 * time.Minute
	knownSaveIdleInterval = time.Hour
)

// Known is what announces, or [Transport.Remember], told about a destination. The slices must not be changed.
type Known struct {
	Destination DestinationHash
	Identity    *PublicIdentity
	// AppData is that of its last announce; nil: none. With a ratchet and no app data it is empty, not nil.
	AppData []byte
	// Ratchet is the 32-byte public key to encrypt to; nil: none known, or the last one is older than 30 days.
	Ratchet []byte
	// Heard is when the last announce was accepted, by the wall clock; zero: never.
	Heard time.Time
	// Emitted is the emission time the announcer gave that announce; zero: not known.
	Emitted time.Time
}

// knownEntry is a destination in the table. Slices are never changed in place, so they may be handed out.
type knownEntry struct {
	destination DestinationHash
	identity    *PublicIdentity
	appData     []byte
	ratchet     []byte
	ratchetAt   time.Time // monotonic
	ratchetNew  bool      // not saved yet
	heard       time.Time // monotonic; zero: never
	emitted     int64     // Unix seconds, 0: not known
	packet      PacketHash
	used        int64 // Unix seconds, or a mark
	place       *list.Element
	order       *list.List // where place is
}

// knownTable holds the known destinations. It is owned by the loop.
//
// It is bounded. When it is full, the destination is dropped that was never used and not heard for longest; if all
// were used, the one not used for longest. Those remembered on purpose stay, and count.
type knownTable struct {
	limit      int
	entries    map[DestinationHash]*knownEntry
	identities map[IdentityHash]*knownIdentity
	unused     list.List // of *knownEntry, least recently heard first
	usedOrder  list.List // least recently used first
	retained   list.List
	dropped    uint64

	dirty, dirtyIdle bool // something used changed; anything changed
}

// knownIdentity shares one identity between its destinations.
type knownIdentity struct {
	identity *PublicIdentity
	count    int
}

func newKnownTable(limit int) knownTable {
	return knownTable{
		limit:      limit,
		entries:    make(map[DestinationHash]*knownEntry),
		identities: make(map[IdentityHash]*knownIdentity),
	}
}

// conflicts reports whether d is known with another public key than id: a collision or an attack (spec 1 §4.2).
func (t *knownTable) conflicts(d DestinationHash, id *PublicIdentity) bool {
	e := t.entries[d]
	return e != nil && !e.identity.Equal(id)
}

// hear enters what a valid announce says. App data and ratchet are taken only from an announce that is not older than
// the newest one seen, so that nobody can bring back old ones by replay. It reports whether the announce was taken.
func (t *knownTable) hear(a *heardAnnounce, m moment) bool {
	e := t.entries[a.destination]
	if e == nil {
		if e = t.insert(a.destination, a.identity, UsedNever); e == nil {
			return false
		}
	} else if emitted := a.random.Seconds(); emitted < e.emitted {
		if horizon := m.wall.Add(announceTolerance).Unix(); e.emitted <= horizon || emitted > horizon {
			return false
		}
	}
	e.heard = m.now
	e.emitted = a.random.Seconds()
	e.packet = a.hash
	e.appData = bytes.Clone(a.appData)
	if a.ratchet != nil {
		e.ratchetNew = e.ratchetNew || !bytes.Equal(e.ratchet, a.ratchet)
		e.ratchet, e.ratchetAt = bytes.Clone(a.ratchet), m.now
	}
	if e.used == UsedNever {
		e.order.MoveToBack(e.place)
	}
	t.changed(e)
	return true
}

// remember keeps a destination for good. It reports whether there was room; conflicts must have been ruled out.
func (t *knownTable) remember(d DestinationHash, id *PublicIdentity) bool {
	e := t.entries[d]
	if e == nil {
		if e = t.insert(d, id, UsedRetained); e == nil {
			return false
		}
	}
	if e.used != UsedRetained {
		t.mark(e, UsedRetained)
	}
	return true
}

// forget lets a remembered destination be dropped again.
func (t *knownTable) forget(d DestinationHash, wall time.Time) {
	if e := t.entries[d]; e != nil && e.used == UsedRetained {
		t.mark(e, wall.Unix())
	}
}

// use notes that a destination was looked up by an application.
func (t *knownTable) use(e *knownEntry, wall time.Time) {
	if e.used == UsedRetained {
		return
	}
	if e.used == UsedNever {
		t.mark(e, wall.Unix())
		return
	}
	e.used = max(wall.Unix(), 1)
	e.order.MoveToBack(e.place)
	t.dirtyIdle = true
}

// mark changes the use mark and with it the list that the entry is in.
func (t *knownTable) mark(e *knownEntry, used int64) {
	if used != UsedRetained {
		used = max(used, 1)
	}
	e.order.Remove(e.place)
	e.used = used
	t.enlist(e)
	t.changed(e)
}

func (t *knownTable) enlist(e *knownEntry) {
	switch e.used {
	case UsedNever:
		e.order = &t.unused
	case UsedRetained:
		e.order = &t.retained
	default:
		e.order = &t.usedOrder
	}
	e.place = e.order.PushBack(e)
}

// insert makes an entry, dropping another when the table is full. nil: everything in it is retained.
func (t *knownTable) insert(d DestinationHash, id *PublicIdentity, used int64) *knownEntry {
	if len(t.entries) >= t.limit {
		victim := t.unused.Front()
		if victim == nil {
			victim = t.usedOrder.Front()
		}
		if victim == nil {
			return nil
		}
		t.drop(victim.Value.(*knownEntry))
		t.dropped++
	}
	h := id.Hash()
	k := t.identities[h]
	if k == nil {
		k = &knownIdentity{identity: id}
		t.identities[h] = k
	}
	k.count++
	e := &knownEntry{destination: d, identity: k.identity, used: used}
	t.entries[d] = e
	t.enlist(e)
	t.changed(e)
	return e
}

func (t *knownTable) drop(e *knownEntry) {
	delete(t.entries, e.destination)
	e.order.Remove(e.place)
	h := e.identity.Hash()
	if k := t.identities[h]; k.count == 1 {
		delete(t.identities, h)
	} else {
		k.count--
	}
	t.dirtyIdle = true
}

func (t *knownTable) changed(e *knownEntry) {
	t.dirtyIdle = true
	if e.used != UsedNever {
		t.dirty = true
	}
}

// known describes an entry for callers outside the loop.
func (e *knownEntry) known(m moment) Known {
	k := Known{Destination: e.destination, Identity: e.identity, AppData: e.appData}
	if !e.heard.IsZero() {
		k.Heard = m.toWall(e.heard)
	}
	if e.emitted != 0 {
		k.Emitted = time.Unix(e.emitted, 0)
	}
	if m.now.Sub(e.ratchetAt) < RatchetExpiry {
		k.Ratchet = e.ratchet
	}
	return k
}

// moment is one point in time on both clocks. What is measured is kept by the monotonic one and translated when it
// leaves or enters the process, so that a machine without battery clock, which starts in the past and is set when the
// network is there, loses nothing.
type moment struct {
	now  time.Time // monotonic
	wall time.Time // the configured wall clock
}

// toWall says what the wall clock, as it is set now, would have shown at t.
func (m moment) toWall(t time.Time) time.Time { return m.wall.Add(t.Sub(m.now)) }

// fromWall is the opposite. What seems to come from the future was written while the clock was ahead: it is taken for
// now.
func (m moment) fromWall(w time.Time) time.Time { return m.now.Add(min(0, w.Sub(m.wall))) }
