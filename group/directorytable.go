package group

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Bounds of the directory.
const (
	MaxListed      = 1000                // groups in it
	maxOnce        = 1024                // groups that were heard once and are remembered for that; above it one makes room for another
	ListedFor      = 30 * 24 * time.Hour // without being heard
	twiceAfter     = 5 * time.Minute     // two announces nearer to each other count as one
	twiceWithin    = 26 * time.Hour      // so long is it remembered that a group was heard once
	silentAfter    = 48 * time.Hour      // who is not heard for so long, and for longer than was known, may have to make room
	lastEvery      = time.Hour           // how coarse Last is kept on disk
	maxSides       = 32                  // sides with a share of their own; one more for all others
	maxSidesOfOne  = 8                   // of them of one interface; one more for its others
	contested      = 4                   // one of so many groups of a side that is full, the latest ones, makes room for a new one there
	savedPerMinute = 64                  // rows of the directory that are written, or removed, in a minute
)

// listing is one group of the directory.
type listing struct {
	ListedGroup
	side     *side
	skeleton string // of Name
	saved    time.Time
	dirty    bool // differs from what is on disk by more than Last
}

// named gives a listing the skeleton of a name, and returns it.
func (l *listing) named(name string) string {
	l.skeleton = Skeleton(name)
	return l.skeleton
}

// newer reports whether an announce is one after another, by the announcer's clock. One that claims to be of the day after tomorrow does not
// keep those out that come when the clock was put right.
func newer(emitted, than, now time.Time) bool {
	tomorrow := now.Add(clockJump)
	return emitted.After(than) || than.After(tomorrow) && !emitted.After(tomorrow)
}

// once is a group that was heard once.
type once struct {
	side     *side
	at       int // in side.once
	first    time.Time
	emitted  time.Time
	skeleton string    // of its name
	named    time.Time // since when it has that
}

// called notes the name in an announce, and returns since when it has been that.
func (o *once) called(name string, now time.Time) time.Time {
	if skeleton := Skeleton(name); skeleton != o.skeleton {
		o.skeleton, o.named = skeleton, now
	}
	return o.named
}

// sideKey says from where groups are heard: the interface, and who passed them on. Anybody on an interface can name others as who passes
// something on, so there are not many sides to one.
type sideKey struct {
	carrier string
	hop     [16]byte
	rest    bool // hop, or all, is whatever has no side of its own
}

// side is a share of the directory: when it is full, the side with the most groups makes room.
type side struct {
	key  sideKey
	list []*listing // by number
	once []IdentityHash
}

// directoryTable holds the groups that are heard. It is a pure table: time is passed in.
//
// A stranger costs nothing to invent identities by the thousand, so a group is listed when it is heard for the second time; no side can take
// more than its share from the others; and of a side that is full three quarters, those who came first, stay, while who is new takes the
// place of any one of the rest: nobody can aim at a group, or keep all places for ever.
type directoryTable struct {
	newest  uint64 // Number given out last
	listed  map[IdentityHash]*listing
	once    map[IdentityHash]*once
	sides   map[sideKey]*side
	rows    map[IdentityHash]struct{} // what is on disk
	unsaved bool                      // there may be something to write
	stats   DirectoryStats
}

// DirectoryStats counts what was heard since the start.
type DirectoryStats struct {
	Listed  int    // in the directory now
	Once    int    // heard once, not listed yet
	Heard   uint64 // announces
	Old     uint64 // not newer than what was heard before, and so not counted
	Evicted uint64 // made room for others
	Gone    uint64 // not heard for ListedFor
	OnceOut uint64 // heard once, and forgotten for want of room
}

// counts are the stats as of now.
func (d *directoryTable) counts() DirectoryStats {
	s := d.stats
	s.Listed, s.Once = len(d.listed), len(d.once)
	return s
}

// load takes in what is on disk.
func (d *directoryTable) load(rows []ListedGroup) {
	d.listed, d.once = make(map[IdentityHash]*listing), make(map[IdentityHash]*once)
	d.sides, d.rows = make(map[sideKey]*side), make(map[IdentityHash]struct{})
	for _, r := range rows {
		d.rows[r.Identity] = struct{}{}
		d.newest = max(d.newest, r.Number)
		d.add(r)
		d.listed[r.Identity].saved, d.listed[r.Identity].dirty = r.Last, false
	}
	d.unsaved = false
}

// add lists a group.
func (d *directoryTable) add(r ListedGroup) {
	s := d.sideOf(r)
	l := &listing{ListedGroup: r, side: s, skeleton: Skeleton(r.Name), dirty: true}
	d.listed[r.Identity] = l
	s.list = append(s.list, l) // its number is the largest
	d.unsaved = true
}

// sideOf finds the side from which a group is heard, or makes it.
func (d *directoryTable) sideOf(r ListedGroup) *side {
	of := 0
	for k := range d.sides {
		if k.carrier == r.Interface {
			of++
		}
	}
	for _, k := range []sideKey{{carrier: r.Interface, hop: r.NextHop}, {carrier: r.Interface, rest: true}} {
		if s := d.sides[k]; s != nil {
			return s
		}
		if len(d.sides) < maxSides && (of < maxSidesOfOne || k.rest) {
			d.sides[k] = &side{key: k}
			return d.sides[k]
		}
	}
	all := sideKey{rest: true}
	if d.sides[all] == nil {
		d.sides[all] = &side{key: all}
	}
	return d.sides[all]
}

// leave forgets a side with nothing on it.
func (d *directoryTable) leave(s *side) {
	if len(s.list) == 0 && len(s.once) == 0 {
		delete(d.sides, s.key)
	}
}

// hear takes in an announce whose name is cleaned.
func (d *directoryTable) hear(h ListedGroup, now time.Time) {
	d.stats.Heard++
	if l := d.listed[h.Identity]; l != nil {
		d.again(l, h, now)
		return
	}
	o := d.once[h.Identity]
	if o == nil {
		d.first(h, now)
		return
	}
	switch age := now.Sub(o.first); {
	case h.Emitted.Equal(o.emitted):
		d.stats.Old++
	case age < 0 || age > twiceWithin:
		o.first, o.emitted, o.skeleton, o.named = now, h.Emitted, Skeleton(h.Name), now
	case !newer(h.Emitted, o.emitted, now):
		d.stats.Old++
	case age < twiceAfter:
		o.emitted = h.Emitted
		o.called(h.Name, now)
	default:
		s := d.sideOf(h)
		if len(d.listed) >= MaxListed {
			d.makeRoom(s, now)
		}
		first, named := o.first, o.called(h.Name, now)
		d.forgetOnce(h.Identity)
		d.newest++
		h.Number, h.First, h.Last, h.Named = d.newest, first, now, named
		d.add(h)
	}
}

// again is an announce of a group that is listed.
func (d *directoryTable) again(l *listing, h ListedGroup, now time.Time) {
	if !newer(h.Emitted, l.Emitted, now) {
		d.stats.Old++
		return
	}
	h.Number, h.First, h.Last, h.Named = l.Number, l.First, now, l.Named
	old := l.ListedGroup
	l.ListedGroup = h
	if h.Name != old.Name {
		// What looks the same is the same name: who adds a space, or takes it away, does not lose it.
		if was := l.skeleton; was != l.named(h.Name) {
			l.Named = now
		}
	}
	old.Last, old.Emitted, old.NextHop = h.Last, h.Emitted, h.NextHop
	l.dirty = l.dirty || old != h
	if l.dirty || now.Sub(l.saved) >= lastEvery || now.Before(l.saved) {
		d.unsaved = true
	}
}

// first remembers a group that was never heard before.
func (d *directoryTable) first(h ListedGroup, now time.Time) {
	s := d.sideOf(h)
	if len(d.once) >= maxOnce {
		from := s
		for _, other := range d.sides {
			if len(other.once) > len(from.once) && (from != s || len(other.once) > len(s.once)+1) {
				from = other
			}
		}
		// Any of them, and nobody can say which. Were those kept that came first, few identities would keep all others out.
		d.forgetOnce(from.once[rand.IntN(len(from.once))])
		d.stats.OnceOut++
		s = d.sideOf(h) // it may have gone for being empty
	}
	d.once[h.Identity] = &once{side: s, at: len(s.once), first: now, emitted: h.Emitted, skeleton: Skeleton(h.Name), named: now}
	s.once = append(s.once, h.Identity)
}

func (d *directoryTable) forgetOnce(id IdentityHash) {
	o := d.once[id]
	last := len(o.side.once) - 1
	moved := o.side.once[last]
	o.side.once[o.at] = moved
	d.once[moved].at = o.at
	o.side.once = o.side.once[:last]
	delete(d.once, id)
	d.leave(o.side)
}

// makeRoom takes one group out of the directory, which is full, for a new one on a side: on the largest side, one that was not heard for
// long; else, if that is another side, the newest; else one of the contested.
func (d *directoryTable) makeRoom(s *side, now time.Time) {
	from := s
	for _, other := range d.sides {
		if len(other.list) > len(from.list) && (from != s || len(other.list) > len(s.list)+1) {
			from = other
		}
	}
	var silent *listing
	for _, l := range from.list {
		if quiet := now.Sub(l.Last); quiet > max(silentAfter, l.Last.Sub(l.First)) && (silent == nil || l.Last.Before(silent.Last)) {
			silent = l
		}
	}
	d.stats.Evicted++
	if silent != nil {
		d.remove(silent)
		return
	}
	late := 1
	if from == s {
		late = max(1, len(from.list)/contested)
	}
	d.remove(from.list[len(from.list)-1-rand.IntN(late)])
}

func (d *directoryTable) remove(l *listing) {
	at, _ := slices.BinarySearchFunc(l.side.list, l.Number, func(l *listing, number uint64) int { return cmp.Compare(l.Number, number) })
	l.side.list = slices.Delete(l.side.list, at, at+1)
	d.leave(l.side)
	delete(d.listed, l.Identity)
	d.unsaved = true
}

// expire forgets groups that were not heard for ListedFor. What was heard in the future, by a clock that has been put right, is heard now.
func (d *directoryTable) expire(now time.Time) {
	for _, l := range d.listed {
		if l.Last.After(now) {
			l.Last, d.unsaved = now, true
		}
		for _, at := range []*time.Time{&l.First, &l.Named} {
			if at.After(now) {
				*at = now
			}
		}
		if now.Sub(l.Last) >= ListedFor {
			d.remove(l)
			d.stats.Gone++
		}
	}
}

// unsavedRows says what is to be written now: at most limit rows, removals first.
func (d *directoryTable) unsavedRows(limit int) (remove []IdentityHash, put []ListedGroup) {
	if !d.unsaved {
		return nil, nil
	}
	for id := range d.rows {
		if d.listed[id] == nil && len(remove) < limit {
			remove = append(remove, id)
		}
	}
	var dirty []*listing
	for _, l := range d.listed {
		if l.dirty || l.Last.Sub(l.saved) >= lastEvery || l.Last.Before(l.saved) {
			dirty = append(dirty, l)
		}
	}
	slices.SortFunc(dirty, func(a, b *listing) int { return cmp.Compare(a.Number, b.Number) })
	room := MaxListed - len(d.rows) + len(remove) // for rows that are not there
	for _, l := range dirty {
		_, there := d.rows[l.Identity]
		if len(remove)+len(put) >= limit || !there && room <= 0 {
			continue
		}
		if !there {
			room--
		}
		put = append(put, l.ListedGroup)
	}
	d.unsaved = len(remove)+len(put) > 0
	return remove, put
}

// saved notes that these rows are on disk.
func (d *directoryTable) saved(remove []IdentityHash, put []ListedGroup) {
	for _, id := range remove {
		delete(d.rows, id)
	}
	for _, r := range put {
		d.rows[r.Identity] = struct{}{}
		if l := d.listed[r.Identity]; l != nil {
			l.saved = r.Last
			old := l.ListedGroup
			old.Last, old.Emitted, old.NextHop = r.Last, r.Emitted, r.NextHop
			l.dirty = old != r
		}
	}
}

// byNumber lists what is listed, those that came first first.
func (d *directoryTable) byNumber() []*listing {
	return slices.SortedFunc(maps.Values(d.listed), func(a, b *listing) int { return cmp.Compare(a.Number, b.Number) })
}

// byName orders those in a list by how long they have had their names, longest first; of the same time those that came first first.
func byName(list []*listing) []*listing {
	return slices.SortedFunc(slices.Values(list), func(a, b *listing) int {
		return cmp.Or(a.Named.Compare(b.Named), cmp.Compare(a.Number, b.Number))
	})
}
