package rns

import (
	"encoding/binary"
	"iter"
	"time"
)

const (
	// DefaultMaxKnown is the size of the table of known destinations, some 15 MB when full.
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

// knownEntry is a destination in the table. What its announce says is not kept beside it.
type knownEntry struct {
	row
	ratchetNew bool        // not saved yet
	announced  bool        // content is its newest announce, an announceBytes; else what was stored or remembered of it: see setRecord
	content    string      //
	ratchet    *oldRatchet // nil: that of the announce, if any
	heard      instant     // never
	used       int64       // Unix seconds, or a mark
}

// raw is the newest announce, "" when it was not heard since the start.
func (e *knownEntry) raw() announceBytes {
	if e.announced {
		return announceBytes(e.content)
	}
	return ""
}

func (e *knownEntry) setRaw(raw announceBytes) { e.announced, e.content = true, string(raw) }

// oldRatchet is a ratchet from before the newest announce, or from the store.
type oldRatchet struct {
	public [RatchetLength]byte
	at     instant
}

// Offsets in what setRecord makes, in bytes.
const (
	recordEmitted = FullHashLength
	recordKey     = recordEmitted + 8
	recordAppData = recordKey + PublicKeyLength
)

// setRecord keeps what is known of a destination without its announce, in one piece: hash of the announce, emission time, public
// key, and behind one more byte, if there is any, the app data.
func (e *knownEntry) setRecord(packet PacketHash, emitted int64, key, appData []byte) {
	r := make([]byte, 0, recordAppData+1+len(appData))
	r = append(r, packet[:]...)
	r = binary.BigEndian.AppendUint64(r, uint64(emitted))
	r = append(r, key...)
	if appData != nil {
		r = append(append(r, 1), appData...)
	}
	e.announced, e.content = false, string(r)
}

// key is the 64-byte public key.
func (e *knownEntry) key() string {
	if e.announced {
		return e.raw().key()
	}
	return e.content[recordKey:recordAppData]
}

func (e *knownEntry) identityHash() IdentityHash {
	return IdentityHash(TruncatedHashOf([]byte(e.key())))
}

// identity returns the identity, made anew.
func (e *knownEntry) identity() *PublicIdentity {
	id, err := NewPublicIdentity([]byte(e.key()))
	if err != nil {
		panic("rns: known destination with a key of another length") // there are two ways to get in, with 64 bytes each
	}
	return id
}

// appData is nil when there is none.
func (e *knownEntry) appData() []byte {
	switch {
	case e.announced:
		return e.raw().appData()
	case len(e.content) > recordAppData:
		return []byte(e.content[recordAppData+1:])
	}
	return nil
}

// emitted is the emission time in Unix seconds by the announcer's clock, 0: not known.
func (e *knownEntry) emitted() int64 {
	if e.announced {
		return e.raw().random().Seconds()
	}
	return int64(binary.BigEndian.Uint64([]byte(e.content[recordEmitted:recordKey])))
}

// packet is the hash of the announce; zero: none.
func (e *knownEntry) packet() PacketHash {
	if e.announced {
		return e.raw().hash()
	}
	return PacketHash([]byte(e.content[:FullHashLength]))
}

// lastRatchet is the newest ratchet and when it came, "" when there is none.
func (e *knownEntry) lastRatchet() (public string, at instant) {
	if e.ratchet != nil {
		return string(e.ratchet.public[:]), e.ratchet.at
	}
	if e.announced {
		return e.raw().ratchet(), e.heard
	}
	return "", never
}

// replace puts another announce in the place of the one there is. A ratchet that it does not replace stays.
func (e *knownEntry) replace(raw announceBytes) {
	public, at := e.lastRatchet()
	switch fresh := raw.ratchet(); {
	case fresh != "":
		e.ratchetNew = e.ratchetNew || fresh != public
		e.ratchet = nil
	case public != "":
		e.ratchet = &oldRatchet{[RatchetLength]byte([]byte(public)), at}
	}
	if !e.raw().says(raw) {
		e.setRaw(raw)
	}
}

// knownTable holds the known destinations. It is owned by the loop.
//
// It is bounded. When it is full, the destination is dropped that was never used and not heard for longest; if all
// were used, the one not used for longest. Those remembered on purpose stay, and count.
type knownTable struct {
	rowTable[knownEntry, *knownEntry]
	epoch
	limit     int
	unused    rowList // least recently heard first
	usedOrder rowList // least recently used first
	retained  rowList
	dropped   uint64

	dirty, dirtyIdle bool // something used changed; anything changed
}

func newKnownTable(limit int) knownTable {
	return knownTable{rowTable: newRowTable[knownEntry](), epoch: newEpoch(), limit: limit}
}

// all gives the known destinations, in the order in which they would be dropped. Marks must not be changed meanwhile.
func (t *knownTable) all() iter.Seq[*knownEntry] {
	return func(yield func(*knownEntry) bool) {
		for _, order := range []*rowList{&t.unused, &t.usedOrder, &t.retained} {
			for e := range t.forward(order) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// of returns the known destinations of identities. It looks at all.
func (t *knownTable) of(ids ...IdentityHash) (found []*knownEntry) {
	wanted := make(map[IdentityHash]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	for e := range t.all() {
		if wanted[e.identityHash()] {
			found = append(found, e)
		}
	}
	return found
}

// conflicts reports whether d is known with another public key than id: a collision or an attack (spec 1 §4.2).
func (t *knownTable) conflicts(d DestinationHash, id *PublicIdentity) bool {
	e := t.get(d)
	return e != nil && e.key() != string(id.public[:])
}

// hear enters what a valid announce says. App data and ratchet are taken only from an announce that is not older than
// the newest one seen, so that nobody can bring back old ones by replay. It reports whether the announce was taken.
func (t *knownTable) hear(a *heardAnnounce, m moment) bool {
	e := t.get(a.destination)
	if e == nil {
		if e = t.insert(a.destination, UsedNever); e == nil {
			return false
		}
	} else if emitted, last := a.random.Seconds(), e.emitted(); emitted < last {
		if horizon := m.wall.Add(announceTolerance).Unix(); last <= horizon || emitted > horizon {
			return false
		}
	}
	e.replace(a.bytes())
	e.heard = t.instant(m.now)
	if e.used == UsedNever {
		t.toEnd(&t.unused, e)
	}
	t.changed(e)
	return true
}

// share has the destination of a path keep the same bytes as the path, if they say the same.
func (t *knownTable) share(p *pathEntry) {
	if e := t.get(p.destination); e != nil && e.raw().says(p.raw) {
		e.setRaw(p.raw)
	}
}

// remember keeps a destination for good. It reports whether there was room; conflicts must have been ruled out.
func (t *knownTable) remember(d DestinationHash, id *PublicIdentity) bool {
	e := t.get(d)
	if e == nil {
		if e = t.insert(d, UsedRetained); e == nil {
			return false
		}
		e.setRecord(PacketHash{}, 0, id.public[:], nil)
	}
	if e.used != UsedRetained {
		t.mark(e, UsedRetained)
	}
	return true
}

// forget lets a remembered destination be dropped again.
func (t *knownTable) forget(d DestinationHash, wall time.Time) {
	if e := t.get(d); e != nil && e.used == UsedRetained {
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
	t.toEnd(&t.usedOrder, e)
	t.dirtyIdle = true
}

// mark changes the use mark and with it the list that the entry is in.
func (t *knownTable) mark(e *knownEntry, used int64) {
	if used != UsedRetained {
		used = max(used, 1)
	}
	t.unlink(t.order(e), e)
	e.used = used
	t.push(t.order(e), e)
	t.changed(e)
}

// order is the list that an entry belongs to.
func (t *knownTable) order(e *knownEntry) *rowList {
	switch e.used {
	case UsedNever:
		return &t.unused
	case UsedRetained:
		return &t.retained
	}
	return &t.usedOrder
}

// insert makes an entry for the caller to fill, dropping another when the table is full. nil: everything in it is retained.
func (t *knownTable) insert(d DestinationHash, used int64) *knownEntry {
	if t.len() >= t.limit {
		victim := t.at(t.unused.first)
		if victim == nil {
			victim = t.at(t.usedOrder.first)
		}
		if victim == nil {
			return nil
		}
		t.drop(victim)
		t.dropped++
	}
	e := t.add(d)
	e.used, e.heard = used, never
	t.push(t.order(e), e)
	t.changed(e)
	return e
}

func (t *knownTable) drop(e *knownEntry) {
	t.unlink(t.order(e), e)
	t.remove(e)
	t.dirtyIdle = true
}

func (t *knownTable) changed(e *knownEntry) {
	t.dirtyIdle = true
	if e.used != UsedNever {
		t.dirty = true
	}
}

// known describes an entry for callers outside the loop.
func (t *knownTable) known(e *knownEntry, m moment) Known {
	k := Known{Destination: e.destination, Identity: e.identity(), AppData: e.appData()}
	if e.heard != never {
		k.Heard = m.toWall(t.time(e.heard))
	}
	if emitted := e.emitted(); emitted != 0 {
		k.Emitted = time.Unix(emitted, 0)
	}
	if public, at := e.lastRatchet(); public != "" && m.now.Sub(t.time(at)) < RatchetExpiry {
		k.Ratchet = []byte(public)
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
