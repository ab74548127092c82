package rnstest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"groupd/rns"
)

// Store is a rns.Store in memory, for nodes that are stopped and started again. The zero value is empty and ready.
type Store struct {
	mu        sync.Mutex
	known     []rns.KnownDestination
	remote    map[rns.DestinationHash]rns.RemoteRatchet
	own       map[rns.DestinationHash][]byte
	announced map[rns.DestinationHash]time.Time
	saves     int
	tables    tables
	fail      error
}

var _ rns.Store = (*Store)(nil)

// Fail makes everything that saves, from now on, fail with err; nil: no more.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// KnownSaves is how often the known destinations were saved.
func (s *Store) KnownSaves() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

// LoadKnown implements rns.Store.
func (s *Store) LoadKnown(context.Context) iter.Seq2[rns.KnownDestination, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := slices.Clone(s.known)
	return func(yield func(rns.KnownDestination, error) bool) {
		for _, k := range known {
			if !yield(k, nil) {
				return
			}
		}
	}
}

// SaveKnown implements rns.Store.
func (s *Store) SaveKnown(_ context.Context, known iter.Seq[rns.KnownDestination]) error {
	all := slices.Collect(known)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.known = all
	s.saves++
	return nil
}

// LoadRatchet implements rns.Store.
func (s *Store) LoadRatchet(_ context.Context, d rns.DestinationHash) (rns.RemoteRatchet, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.remote[d]
	return r, ok, nil
}

// SaveRatchet implements rns.Store.
func (s *Store) SaveRatchet(_ context.Context, d rns.DestinationHash, r rns.RemoteRatchet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.remote == nil {
		s.remote = make(map[rns.DestinationHash]rns.RemoteRatchet)
	}
	s.remote[d] = r
	return nil
}

// PruneRatchets implements rns.Store.
func (s *Store) PruneRatchets(_ context.Context, keep func(rns.DestinationHash, rns.RemoteRatchet) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.remote, func(d rns.DestinationHash, r rns.RemoteRatchet) bool { return !keep(d, r) })
	return s.fail
}

// LoadOwnRatchets implements rns.Store.
func (s *Store) LoadOwnRatchets(_ context.Context, d rns.DestinationHash) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.own[d]), nil
}

// SaveOwnRatchets implements rns.Store.
func (s *Store) SaveOwnRatchets(_ context.Context, d rns.DestinationHash, file []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.own == nil {
		s.own = make(map[rns.DestinationHash][]byte)
	}
	s.own[d] = slices.Clone(file)
	return nil
}

// LastAnnounced implements rns.Store.
func (s *Store) LastAnnounced(_ context.Context, d rns.DestinationHash) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.announced[d], nil
}

// SaveLastAnnounced implements rns.Store.
func (s *Store) SaveLastAnnounced(_ context.Context, d rns.DestinationHash, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.announced == nil {
		s.announced = make(map[rns.DestinationHash]time.Time)
	}
	s.announced[d] = at
	return nil
}
