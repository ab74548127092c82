package rns

import (
	"context"
	"errors"
	"fmt"
)

// load fills the table of known destinations from the store, before the loop begins. Entries that cannot be read are
// left out; when there is nothing but errors, the store is broken and must not be overwritten.
func (e *engine) load(ctx context.Context) error {
	store := e.t.config.Store
	if store == nil {
		return nil
	}
	m := e.moment()
	dirty, dirtyIdle := e.known.dirty, e.known.dirtyIdle // by what was remembered before Run
	var failed error
	loaded := 0
	for stored, err := range store.LoadKnown(ctx) {
		var k *knownEntry
		if err == nil {
			k, err = e.known.restore(stored, m)
		}
		if err != nil {
			failed = err
			e.t.log.Warn("known destination not loaded", "err", err)
			continue
		}
		loaded++
		if k.used == UsedNever {
			continue // its ratchet is not kept; nobody ever sent to it
		}
		r, ok, err := store.LoadRatchet(ctx, k.destination)
		if err != nil {
			e.t.log.Warn("ratchet not loaded", "dest", k.destination, "err", err)
		} else if ok {
			e.known.restoreRatchet(k, r, m)
		}
	}
	e.known.dirty, e.known.dirtyIdle = dirty, dirtyIdle
	if ctx.Err() != nil {
		return nil // stopped before it began; what was not loaded is not overwritten
	}
	if loaded == 0 && failed != nil {
		return fmt.Errorf("loading known destinations: %w", failed)
	}
	e.loaded = true
	e.loadTables(ctx)
	if failed == nil {
		keep := func(d DestinationHash, _ RemoteRatchet) bool { return e.known.get(d) != nil }
		if err := store.PruneRatchets(ctx, keep); err != nil {
			e.t.log.Warn("old ratchets not deleted", "err", err)
		}
	}
	return nil
}

// restore enters a stored destination. What was entered before Run keeps its mark and gets the rest.
func (t *knownTable) restore(k KnownDestination, m moment) (*knownEntry, error) {
	e := t.get(k.Destination)
	if e != nil && e.key() != string(k.PublicKey[:]) {
		return nil, fmt.Errorf("%s: %w", k.Destination, ErrKeyConflict)
	}
	if e == nil {
		if e = t.insert(k.Destination, k.Used); e == nil {
			return nil, fmt.Errorf("%s: table of known destinations is full: %w", k.Destination, ErrTooMany)
		}
	}
	e.setRecord(k.Packet, k.Emitted, k.PublicKey[:], k.AppData)
	if !k.Heard.IsZero() {
		e.heard = t.instant(m.fromWall(k.Heard))
	}
	return e, nil
}

// restoreRatchet enters a stored ratchet.
func (t *knownTable) restoreRatchet(e *knownEntry, r RemoteRatchet, m moment) {
	if !r.Expired(m.wall) {
		e.ratchet = &oldRatchet{r.Public, t.instant(m.fromWall(r.Received))}
	}
}

// knownSnapshot is what one save writes.
type knownSnapshot struct {
	known    []KnownDestination
	ratchets map[DestinationHash]RemoteRatchet
	tables   *tableSnapshot // nil: not to be saved
}

// snapshot copies the table for saving, in the order in which entries would be dropped, with the ratchets that are new
// and belong to destinations we use.
func (t *knownTable) snapshot(m moment) knownSnapshot {
	s := knownSnapshot{
		known:    make([]KnownDestination, 0, t.len()),
		ratchets: make(map[DestinationHash]RemoteRatchet),
	}
	for e := range t.all() {
		k := KnownDestination{
			Destination: e.destination,
			Packet:      e.packet(),
			PublicKey:   [PublicKeyLength]byte([]byte(e.key())),
			AppData:     e.appData(),
			Used:        e.used,
			Emitted:     e.emitted(),
		}
		if e.heard != never {
			k.Heard = m.toWall(t.time(e.heard))
		}
		s.known = append(s.known, k)
		if e.ratchetNew && e.used != UsedNever {
			e.ratchetNew = false
			public, at := e.lastRatchet()
			s.ratchets[e.destination] = RemoteRatchet{
				Public:   [RatchetLength]byte([]byte(public)),
				Received: m.toWall(t.time(at)),
			}
		}
	}
	t.dirty, t.dirtyIdle = false, false
	return s
}

// unsaved takes back that a snapshot was saved.
func (t *knownTable) unsaved(s knownSnapshot) {
	for d := range s.ratchets {
		if e := t.get(d); e != nil {
			e.ratchetNew = true
		}
	}
	t.dirty = true
}

// save writes a snapshot.
func (s knownSnapshot) save(ctx context.Context, store Store) error {
	err := store.SaveKnown(ctx, func(yield func(KnownDestination) bool) {
		for _, k := range s.known {
			if !yield(k) {
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("saving known destinations: %w", err)
	}
	var failed error
	for d, r := range s.ratchets {
		if err := store.SaveRatchet(ctx, d, r); err != nil {
			failed = errors.Join(failed, fmt.Errorf("saving the ratchet of %s: %w", d, err))
		}
	}
	if s.tables != nil {
		failed = errors.Join(failed, s.tables.save(ctx, store))
	}
	return failed
}

// saveWhenDue starts a save when it is time for one. The loop goes on meanwhile.
func (e *engine) saveWhenDue() {
	if e.t.config.Store == nil || e.saving != nil {
		return
	}
	tables := e.forwarding() && !e.now.Before(e.nextTables)
	due := tables || e.known.dirty && !e.now.Before(e.nextSave) || e.known.dirtyIdle && !e.now.Before(e.nextIdle)
	if !due {
		return
	}
	snapshot, store, life := e.known.snapshot(e.moment()), e.t.config.Store, e.life
	if tables {
		snapshot.tables = e.tables()
		e.nextTables = e.now.Add(tableSaveInterval)
	}
	done := make(chan savedKnown, 1)
	e.saving = done
	e.t.wg.Go(func() { done <- savedKnown{snapshot, snapshot.save(life, store)} })
}

// savedKnown is how a save went.
type savedKnown struct {
	snapshot knownSnapshot
	err      error
}

// saved takes note of a save that has ended.
func (e *engine) saved(r savedKnown) {
	e.saving = nil
	e.nextSave = e.now.Add(knownSaveInterval)
	e.nextIdle = e.now.Add(knownSaveIdleInterval)
	if r.err != nil {
		e.known.unsaved(r.snapshot) // try again
		e.t.log.Warn("not saved", "err", r.err)
	}
}

// saveAll saves what changed, at the end of the loop, and waits for it.
func (e *engine) saveAll() error {
	if e.t.config.Store == nil || !e.loaded {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.life), saveGrace)
	defer cancel()
	if e.saving != nil {
		select {
		case r := <-e.saving:
			e.saved(r)
		case <-ctx.Done():
			return fmt.Errorf("saving known destinations: %w", ctx.Err())
		}
	}
	if !e.known.dirty && !e.known.dirtyIdle && !e.forwarding() {
		return nil
	}
	snapshot := e.known.snapshot(e.moment())
	if e.forwarding() {
		snapshot.tables = e.tables()
	}
	return snapshot.save(ctx, e.t.config.Store)
}

// Recall returns what is known of a destination, and notes that it is used, so that it is kept when others have to
// go. Our own destinations are known, too, without app data.
func (t *Transport) Recall(d DestinationHash) (known Known, ok bool) {
	_ = t.do(func(e *engine) {
		if k := e.known.get(d); k != nil {
			m := e.moment()
			e.known.use(k, m.wall)
			known, ok = e.known.known(k, m), true
		} else if own := e.destinations[d]; own != nil && own.config.Identity != nil {
			known, ok = Known{Destination: d, Identity: own.config.Identity.PublicIdentity}, true
		}
	})
	return known, ok
}

// RecallIdentity returns the identity with this hash, if a destination of it is known or it is the identity of one of
// our own. It looks through all that is known, so nothing that strangers send may cause it: where the name is known,
// ask [Transport.Recall] for the destination.
func (t *Transport) RecallIdentity(h IdentityHash) (id *PublicIdentity, ok bool) {
	_ = t.do(func(e *engine) {
		if k := e.known.of(h); len(k) > 0 {
			id, ok = k[0].identity(), true
			return
		}
		for _, d := range e.destinations {
			if own := d.config.Identity; own != nil && own.Hash() == h {
				id, ok = own.PublicIdentity, true
				return
			}
		}
	})
	return id, ok
}

// Remember makes a destination known for good, until [Transport.Forget], without having heard an announce: members of a
// group after a restore. It fails with [ErrKeyConflict] when it is known with another key, and with [ErrTooMany] when
// the table is full of destinations remembered like this.
func (t *Transport) Remember(d DestinationHash, id *PublicIdentity) error {
	var refused error
	err := t.do(func(e *engine) {
		if e.known.conflicts(d, id) {
			refused = ErrKeyConflict
		} else if !e.known.remember(d, id) {
			refused = ErrTooMany
		}
	})
	return errors.Join(err, refused)
}

// Forget ends what [Transport.Remember] began: the destination stays known as long as there is room.
func (t *Transport) Forget(d DestinationHash) {
	_ = t.do(func(e *engine) { e.known.forget(d, e.wall()) })
}

// Remembered lists the destinations that [Transport.Remember] made known for good.
func (t *Transport) Remembered() []DestinationHash {
	var list []DestinationHash
	_ = t.do(func(e *engine) {
		for k := range e.known.all() {
			if k.used == UsedRetained {
				list = append(list, k.destination)
			}
		}
	})
	return list
}
