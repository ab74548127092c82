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
	wanted := make(map[PacketHash]struct{})
	for _, p := range paths {
		wanted[p.Announce] = struct{}{}
	}
	for _, u := range tunnels {
		for _, p := range u.Paths {
			wanted[p.Announce] = struct{}{}
		}
	}
	announces := make(map[PacketHash][]byte, len(wanted))
	if len(wanted) > 0 {
		for a, err := range store.LoadAnnounces(ctx, wanted) {
			if err != nil {
				log.Warn("announce not loaded", "err", err)
			} else if e.usable(a) {
				announces[a.Hash] = a.Raw
			}
		}
	}
	e.restorePaths(paths, announces)
	e.restoreTunnels(tunnels, announces)
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

// usable reports whether a stored announce is what its name says, and of nobody who is blackholed.
func (e *engine) usable(a StoredAnnounce) bool {
	p, err := ParsePacket(a.Raw)
	if err != nil || p.PacketType != PacketAnnounce || p.Hash() != a.Hash {
		return false
	}
	if e.t.config.Blackholed == nil && !e.t.blackholes.any() {
		return len(p.Data) >= announceMinData
	}
	parsed, err := ParseAnnounce(&p)
	return err == nil && !e.t.blackholed(parsed.Identity.Hash())
}

// restorePaths enters stored paths whose interface and announce are there, those used last at the end.
func (e *engine) restorePaths(stored []StoredPath, announces map[PacketHash][]byte) {
	via := make(map[InterfaceHash]*attached, len(e.interfaces))
	for _, a := range e.interfaces {
		via[HashInterface(a.label)] = a
	}
	slices.SortStableFunc(stored, func(a, b StoredPath) int { return a.Used.Compare(b.Used) })
	m := e.moment()
	for _, s := range stored {
		on, raw := via[s.Interface], announces[s.Announce]
		if on == nil || raw == nil || e.destinations[s.Destination] != nil {
			continue
		}
		used := m.fromWall(s.Used)
		if m.now.Sub(used) > lifetimeOfMode(on.mode) {
			continue
		}
		p := e.paths.entry(s.Destination)
		p.nextHop, p.hops, p.via, p.announce, p.raw = s.NextHop, s.Hops, on, s.Announce, raw
		p.expires = m.now.Add(min(s.Expires.Sub(m.wall), pathLifetime))
		p.randoms = slices.Clone(s.Randoms[max(0, len(s.Randoms)-maxRandomFields):])
		p.learned = used
		e.paths.touch(p, used)
	}
}

// restoreTunnels enters stored tunnels. They wait for their other side.
func (e *engine) restoreTunnels(stored []StoredTunnel, announces map[PacketHash][]byte) {
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
			raw := announces[p.Announce]
			if raw == nil || e.tunnels.paths >= e.tunnels.pathLimit || u.paths[p.Destination] != nil {
				continue
			}
			u.paths[p.Destination] = &tunnelPath{
				destination: p.Destination, heard: m.fromWall(p.Used), nextHop: p.NextHop, hops: p.Hops,
				expires: m.now.Add(min(p.Expires.Sub(m.wall), pathLifetime)),
				randoms: slices.Clone(p.Randoms[max(0, len(p.Randoms)-maxRandomFields):]), announce: p.Announce, raw: raw,
			}
			e.tunnels.paths++
		}
	}
}

// tableSnapshot is what one save of the tables writes.
type tableSnapshot struct {
	paths     []StoredPath
	tunnels   []StoredTunnel
	announces map[PacketHash]StoredAnnounce
	hashes    []PacketHash
}

// tables copies the tables for saving.
func (e *engine) tables() *tableSnapshot {
	m := e.moment()
	s := &tableSnapshot{announces: make(map[PacketHash]StoredAnnounce)}
	for at := e.paths.order.Front(); at != nil; at = at.Next() {
		p := at.Value.(*pathEntry)
		if p.raw == nil || p.via.options.Local != LocalNone {
			continue
		}
		s.paths = append(s.paths, StoredPath{
			Destination: p.destination, Used: m.toWall(p.used), NextHop: p.nextHop, Hops: p.hops, Expires: m.toWall(p.expires),
			Randoms: slices.Clone(p.randoms), Interface: HashInterface(p.via.label), Announce: p.announce,
		})
		s.announces[p.announce] = StoredAnnounce{Hash: p.announce, Raw: p.raw, Interface: p.via.label}
	}
	for at := e.tunnels.order.Front(); at != nil; at = at.Next() {
		u := at.Value.(*tunnel)
		stored := StoredTunnel{ID: u.id, Expires: m.toWall(u.expires)}
		if u.on != nil {
			stored.Interface = HashInterface(u.on.label)
		}
		for _, p := range u.paths {
			if p.raw == nil {
				continue
			}
			stored.Paths = append(stored.Paths, StoredPath{
				Destination: p.destination, Used: m.toWall(p.heard), NextHop: p.nextHop, Hops: p.hops,
				Expires: m.toWall(p.expires), Randoms: slices.Clone(p.randoms[max(0, len(p.randoms)-maxSavedRandoms):]),
				Interface: stored.Interface, Announce: p.announce,
			})
			if _, ok := s.announces[p.announce]; !ok {
				s.announces[p.announce] = StoredAnnounce{Hash: p.announce, Raw: p.raw}
			}
		}
		s.tunnels = append(s.tunnels, stored)
	}
	s.hashes = slices.Collect(maps.Keys(e.duplicates.current))
	return s
}

// save writes a snapshot: the announces first, since paths without are not loaded.
func (s *tableSnapshot) save(ctx context.Context, store TableStore) error {
	err := errors.Join(
		store.SaveAnnounces(ctx, maps.Values(s.announces)),
		store.SavePaths(ctx, slices.Values(s.paths)),
		store.SaveTunnels(ctx, slices.Values(s.tunnels)),
		store.SavePacketHashes(ctx, slices.Values(s.hashes)),
	)
	if err != nil {
		return fmt.Errorf("saving the tables: %w", err)
	}
	return nil
}
