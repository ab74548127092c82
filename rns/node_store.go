package rns

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// tableSaveInterval is how often the tables of a transport node are saved, besides at the end: they are only a
// convenience, and an SD card wears.
const tableSaveInterval = 12 * time.Hour

// loadTables fills the tables of a transport node from the store, before the loop begins. What cannot be read is left
// out: it will be heard again.
func (e *engine) loadTables(ctx context.Context) {
	store, log := e.t.config.Store, e.t.log
	for _, source := range append([]IdentityHash{{}}, e.t.config.BlackholeSources...) {
		list, err := store.LoadBlackholes(ctx, source)
		if err != nil {
			log.Warn("blackhole list not loaded", "source", source, "err", err)
		}
		if !source.IsZero() {
			setSource(list, source)
		}
		e.t.blackholes.add(list...)
	}
	if e.t.blackholes.any() {
		e.t.blackholes.expire(e.wall(), e.self)
	}
	if !e.forwarding() {
		return
	}
	for h, err := range store.LoadPacketHashes(ctx) {
		if err != nil {
			log.Warn("packet hash list not loaded", "err", err)
			break
		}
		e.duplicates.add(h)
	}
	paths := collect(store.LoadPaths(ctx), func(err error) { log.Warn("path not loaded", "err", err) })
	tunnels := collect(store.LoadTunnels(ctx), func(err error) { log.Warn("tunnel not loaded", "err", err) })
	e.restorePaths(paths)
	e.restoreTunnels(tunnels)
}

// collect gathers what a store gives.
func collect[T any](seq iter.Seq2[T, error], failed func(error)) (all []T) {
	for v, err := range seq {
		if err != nil {
			failed(err)
		} else {
			all = append(all, v)
		}
	}
	return all
}

// restorePaths enters stored paths whose interface is there, those used last at the end. Their announces are read when somebody
// asks for the path: see readAnnounce.
func (e *engine) restorePaths(stored []StoredPath) {
	via := make(map[InterfaceHash]*attached, len(e.interfaces))
	for _, a := range e.interfaces {
		via[HashInterface(a.label)] = a
	}
	slices.SortStableFunc(stored, func(a, b StoredPath) int { return a.Used.Compare(b.Used) })
	m := e.moment()
	for _, s := range stored {
		on := via[s.Interface]
		if on == nil || e.destinations[s.Destination] != nil || e.blackholedDestination(s.Destination) {
			continue
		}
		used := m.fromWall(s.Used)
		if m.now.Sub(used) > lifetimeOfMode(on.mode) {
			continue
		}
		p := e.paths.entry(s.Destination)
		p.store(s.NextHop, s.Announce, "", packRandoms(s.Randoms))
		p.hops, p.via, p.answers = uint8(s.Hops), on, true
		p.expires = e.paths.instant(m.now.Add(min(s.Expires.Sub(m.wall), pathLifetime)))
		p.learned = e.paths.instant(used)
		e.paths.touch(p, used)
	}
}

// blackholedDestination reports whether a destination is known to be of an identity that is blackholed.
func (e *engine) blackholedDestination(d DestinationHash) bool {
	if e.t.config.Blackholed == nil && !e.t.blackholes.any() {
		return false
	}
	k := e.known.get(d)
	return k != nil && e.t.Blackholed(k.identityHash())
}

// restoreTunnels enters stored tunnels. They wait for their other side.
func (e *engine) restoreTunnels(stored []StoredTunnel) {
	m := e.moment()
	slices.SortStableFunc(stored, func(a, b StoredTunnel) int { return a.Expires.Compare(b.Expires) })
	for _, s := range stored {
		left := min(s.Expires.Sub(m.wall), tunnelTime)
		if left <= 0 || len(e.tunnels.entries) >= e.tunnels.limit {
			continue
		}
		u := &tunnel{id: s.ID, paths: make(map[DestinationHash]*tunnelPath), expires: m.now.Add(left)}
		u.place = e.tunnels.order.PushBack(u)
		e.tunnels.entries[s.ID] = u
		for _, p := range s.Paths {
			if e.tunnels.paths >= e.tunnels.pathLimit || u.paths[p.Destination] != nil || e.blackholedDestination(p.Destination) {
				continue
			}
			u.paths[p.Destination] = &tunnelPath{
				destination: p.Destination, heard: m.fromWall(p.Used), nextHop: p.NextHop, hops: uint8(p.Hops), answers: true,
				expires: m.now.Add(min(p.Expires.Sub(m.wall), pathLifetime)), randoms: packRandoms(p.Randoms), announce: p.Announce,
			}
			e.tunnels.paths++
		}
	}
}

// tableSnapshot is what one save of the tables writes.
type tableSnapshot struct {
	paths     []StoredPath
	tunnels   []StoredTunnel
	announces map[PacketHash]savedAnnounce
	hashes    []PacketHash
}

// savedAnnounce is an announce to be saved, or to be kept: then raw is "".
type savedAnnounce struct {
	raw       announceBytes
	heardFrom string // the display string of the interface
}

// tables copies the tables for saving.
func (e *engine) tables() *tableSnapshot {
	m := e.moment()
	s := &tableSnapshot{announces: make(map[PacketHash]savedAnnounce)}
	hashes := make(map[*attached]InterfaceHash, len(e.interfaces))
	for _, a := range e.interfaces {
		hashes[a] = HashInterface(a.label)
	}
	for p := range e.paths.all() {
		if !p.answers || p.via.options.Local != LocalNone {
			continue
		}
		announce := p.announce()
		s.paths = append(s.paths, StoredPath{
			Destination: p.destination, Used: m.toWall(e.paths.time(p.used)), NextHop: p.nextHop(), Hops: int(p.hops),
			Expires: m.toWall(e.paths.time(p.expires)), Randoms: slices.Collect(p.fields().all), Interface: hashes[p.via],
			Announce: announce,
		})
		s.announces[announce] = savedAnnounce{p.raw, p.via.label}
	}
	for at := e.tunnels.order.Front(); at != nil; at = at.Next() {
		u := at.Value.(*tunnel)
		stored := StoredTunnel{ID: u.id, Expires: m.toWall(u.expires)}
		if u.on != nil {
			stored.Interface = HashInterface(u.on.label)
		}
		for _, p := range u.paths {
			if !p.answers {
				continue
			}
			fields := slices.Collect(p.randoms.all)
			stored.Paths = append(stored.Paths, StoredPath{
				Destination: p.destination, Used: m.toWall(p.heard), NextHop: p.nextHop, Hops: int(p.hops),
				Expires: m.toWall(p.expires), Randoms: fields[max(0, len(fields)-maxSavedRandoms):],
				Interface: stored.Interface, Announce: p.announce,
			})
			if _, ok := s.announces[p.announce]; !ok {
				s.announces[p.announce] = savedAnnounce{raw: p.raw}
			}
		}
		s.tunnels = append(s.tunnels, stored)
	}
	s.hashes = slices.Collect(maps.Keys(e.duplicates.current))
	return s
}

// stored gives the announces of a snapshot.
func (s *tableSnapshot) stored(yield func(StoredAnnounce) bool) {
	for h, a := range s.announces {
		stored := StoredAnnounce{Hash: h, Interface: a.heardFrom}
		if a.raw != "" {
			stored.Raw = []byte(a.raw)
		}
		if !yield(stored) {
			return
		}
	}
}

// save writes a snapshot: the announces first, since paths without are not loaded.
func (s *tableSnapshot) save(ctx context.Context, store TableStore) error {
	err := errors.Join(
		store.SaveAnnounces(ctx, s.stored),
		store.SavePaths(ctx, slices.Values(s.paths)),
		store.SaveTunnels(ctx, slices.Values(s.tunnels)),
		store.SavePacketHashes(ctx, slices.Values(s.hashes)),
	)
	if err != nil {
		return fmt.Errorf("saving the tables: %w", err)
	}
	return nil
}
