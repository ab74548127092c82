package rnstest

import (
	"context"
	"iter"
	"slices"

	"groupd/rns"
)

// tables is what a transport node keeps.
type tables struct {
	paths      []rns.StoredPath
	tunnels    []rns.StoredTunnel
	announces  map[rns.PacketHash]rns.StoredAnnounce
	hashes     []rns.PacketHash
	blackholes map[rns.IdentityHash][]rns.Blackhole
}

// all gives what load returns, under the lock.
func all[T any](s *Store, load func() []T) iter.Seq2[T, error] {
	s.mu.Lock()
	list := slices.Clone(load())
	s.mu.Unlock()
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// replace runs set under the lock, unless saving is to fail.
func (s *Store) replace(set func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		set()
	}
	return s.fail
}

// LoadPaths implements rns.TableStore.
func (s *Store) LoadPaths(context.Context) iter.Seq2[rns.StoredPath, error] {
	return all(s, func() []rns.StoredPath { return s.tables.paths })
}

// SavePaths implements rns.TableStore.
func (s *Store) SavePaths(_ context.Context, paths iter.Seq[rns.StoredPath]) error {
	list := slices.Collect(paths)
	return s.replace(func() { s.tables.paths = list })
}

// LoadTunnels implements rns.TableStore.
func (s *Store) LoadTunnels(context.Context) iter.Seq2[rns.StoredTunnel, error] {
	return all(s, func() []rns.StoredTunnel { return s.tables.tunnels })
}

// SaveTunnels implements rns.TableStore.
func (s *Store) SaveTunnels(_ context.Context, tunnels iter.Seq[rns.StoredTunnel]) error {
	list := slices.Collect(tunnels)
	return s.replace(func() { s.tables.tunnels = list })
}

// LoadAnnounces implements rns.TableStore.
func (s *Store) LoadAnnounces(_ context.Context, wanted map[rns.PacketHash]struct{}) iter.Seq2[rns.StoredAnnounce, error] {
	return all(s, func() (list []rns.StoredAnnounce) {
		for h := range wanted {
			if a, ok := s.tables.announces[h]; ok {
				list = append(list, a)
			}
		}
		return list
	})
}

// SaveAnnounces implements rns.TableStore.
func (s *Store) SaveAnnounces(_ context.Context, announces iter.Seq[rns.StoredAnnounce]) error {
	given := slices.Collect(announces)
	return s.replace(func() {
		kept := make(map[rns.PacketHash]rns.StoredAnnounce)
		for _, a := range given {
			if old, ok := s.tables.announces[a.Hash]; ok {
				kept[a.Hash] = old
			} else if a.Raw != nil {
				a.Raw = slices.Clone(a.Raw)
				kept[a.Hash] = a
			}
		}
		s.tables.announces = kept
	})
}

// LoadPacketHashes implements rns.TableStore.
func (s *Store) LoadPacketHashes(context.Context) iter.Seq2[rns.PacketHash, error] {
	return all(s, func() []rns.PacketHash { return s.tables.hashes })
}

// SavePacketHashes implements rns.TableStore.
func (s *Store) SavePacketHashes(_ context.Context, hashes iter.Seq[rns.PacketHash]) error {
	list := slices.Collect(hashes)
	return s.replace(func() { s.tables.hashes = list })
}

// LoadBlackholes implements rns.TableStore.
func (s *Store) LoadBlackholes(_ context.Context, source rns.IdentityHash) ([]rns.Blackhole, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tables.blackholes[source]), nil
}

// SaveBlackholes implements rns.TableStore.
func (s *Store) SaveBlackholes(_ context.Context, source rns.IdentityHash, list []rns.Blackhole) error {
	return s.replace(func() {
		if s.tables.blackholes == nil {
			s.tables.blackholes = make(map[rns.IdentityHash][]rns.Blackhole)
		}
		s.tables.blackholes[source] = slices.Clone(list)
	})
}
