package rns

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// load fills the table of known destinations from the store, before the loop begins. Entries that cannot be read are
// left out; when there is nothing but errors, the store is broken and must not be overwritten.
func (e *engine) load(ctx context.Context) error {
	store := e.t.config.Store
	if store == nil {
		return nil
	}
	wall := e.wall()
	var failed error
	loaded := 0
	for k, err := range store.LoadKnown(ctx) {
		if err == nil {
			err = e.known.restore(k, wall)
		}
		if err != nil {
			failed = err
			e.t.log.Warn("known destination not loaded", "err", err)
			continue
		}
		loaded++
		if k.Used == UsedNever {
			continue // its ratchet is not kept; nobody ever sent to it
		}
		r, ok, err := store.LoadRatchet(ctx, k.Destination)
		if err != nil {
			e.t.log.Warn("ratchet not loaded", "dest", k.Destination, "err", err)
		} else if ok {
			e.known.restoreRatchet(k.Destination, r, wall)
		}
	}
	if loaded == 0 && failed != nil {
		return fmt.Errorf("loading known destinations: %w", failed)
	}
	e.loaded = true
	return ctx.Err()
}

// restore enters a stored destination, unless it is known by now.
func (t *knownTable) restore(k KnownDestination, wall time.Time) error {
	if t.entries[k.Destination] != nil {
		return nil
	}
	id, err := NewPublicIdentity(k.PublicKey[:])
	if err != nil {
		return err
	}
	e := t.insert(k.Destination, id, k.Used)
	if e == nil {
		return fmt.Errorf("%s: table of known destinations is full: %w", k.Destination, ErrTooMany)
	}
	e.heard, e.packet, e.appData, e.emitted = k.Heard, k.Packet, k.AppData, k.Emitted
	if e.heard.After(wall) {
		e.heard = wall // the clock was set back meanwhile
	}
	return nil
}

// restoreRatchet enters a stored ratchet. One that seems to come from the future was received while the clock was
// wrong; it lives from now.
func (t *knownTable) restoreRatchet(d DestinationHash, r RemoteRatchet, wall time.Time) {
	e := t.entries[d]
	if e == nil || e.ratchet != nil {
		return
	}
	if r.Received.After(wall) {
		r.Received = wall
	}
	if !r.Expired(wall) {
		e.ratchet, e.ratchetAt = r.Public[:], r.Received
	}
}

// knownSnapshot is what one save writes.
type knownSnapshot struct {
	known    []KnownDestination
	ratchets map[DestinationHash]RemoteRatchet
}

// snapshot copies the table for saving, with the ratchets that are new and belong to destinations we use.
func (t *knownTable) snapshot() knownSnapshot {
	s := knownSnapshot{
		known:    make([]KnownDestination, 0, len(t.entries)),
		ratchets: make(map[DestinationHash]RemoteRatchet),
	}
	for _, e := range t.entries {
		s.known = append(s.known, KnownDestination{
			Destination: e.destination,
			Heard:       e.heard,
			Packet:      e.packet,
			PublicKey:   e.identity.public,
			AppData:     e.appData,
			Used:        e.used,
			Emitted:     e.emitted,
		})
		if e.ratchetNew && e.used != UsedNever {
			e.ratchetNew = false
			s.ratchets[e.destination] = RemoteRatchet{Public: [RatchetLength]byte(e.ratchet), Received: e.ratchetAt}
		}
	}
	t.dirty, t.dirtyIdle = false, false
	return s
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
	return failed
}

// saveWhenDue starts a save when it is time for one. The loop goes on meanwhile.
func (e *engine) saveWhenDue() {
	if e.t.config.Store == nil || e.saving != nil {
		return
	}
	due := e.known.dirty && !e.now.Before(e.nextSave) || e.known.dirtyIdle && !e.now.Before(e.nextIdle)
	if !due {
		return
	}
	snapshot, store, life := e.known.snapshot(), e.t.config.Store, e.life
	done := make(chan error, 1)
	e.saving = done
	e.t.wg.Go(func() { done <- snapshot.save(life, store) })
}

// saved takes note of a save that has ended.
func (e *engine) saved(err error) {
	e.saving = nil
	e.nextSave = e.now.Add(knownSaveInterval)
	e.nextIdle = e.now.Add(knownSaveIdleInterval)
	if err != nil {
		e.known.dirty = true // try again
		e.t.log.Warn("not saved", "err", err)
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
		case err := <-e.saving:
			e.saved(err)
		case <-ctx.Done():
			return fmt.Errorf("saving known destinations: %w", ctx.Err())
		}
	}
	if !e.known.dirty && !e.known.dirtyIdle {
		return nil
	}
	return e.known.snapshot().save(ctx, e.t.config.Store)
}

// Recall returns what is known of a destination, and notes that it is used, so that it is kept when others have to
// go. Our own destinations are known, too, without app data.
func (t *Transport) Recall(d DestinationHash) (known Known, ok bool) {
	_ = t.do(func(e *engine) {
		if k := e.known.entries[d]; k != nil {
			wall := e.wall()
			e.known.use(k, wall)
			known, ok = k.known(wall), true
		} else if own := e.destinations[d]; own != nil && own.config.Identity != nil {
			known, ok = Known{Destination: d, Identity: own.config.Identity.PublicIdentity}, true
		}
	})
	return known, ok
}

// RecallIdentity returns the identity with this hash, if a destination of it is known or it is the identity of one of
// our own.
func (t *Transport) RecallIdentity(h IdentityHash) (id *PublicIdentity, ok bool) {
	_ = t.do(func(e *engine) {
		if k := e.known.identities[h]; k != nil {
			id, ok = k.identity, true
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
