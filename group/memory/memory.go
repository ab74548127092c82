// Package memory is the in-memory twin of a database engine: a group.Store that lives as long as the process. Tests of
// everything above storage use it, and it passes the suite in db/dbtest as the engines on disk do.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"groupd/group"
)

var _ group.Store = (*Store)(nil)

// Store keeps rows in maps. All methods may be called from any goroutine. A View waits for the Update closure that runs
// at the moment, never for a commit.
type Store struct {
	mu     sync.RWMutex // never held while waiting: closures may not wait
	rows   *rows
	commit func() error
	closed bool
}

// New makes an empty store.
func New() *Store { return &Store{rows: newRows()} }

// OnCommit sets what stands for the fsync: f is called by every Update whose closure has succeeded and written something. An error undoes the
// closure's writes, and the Update returns it wrapped with group.ErrNotDurable. Tests use it to count commits and to fill
// the disk. f must not wait and must not call the store; nil removes it.
func (s *Store) OnCommit(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit = f
}

// Close makes every later call return group.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Update implements group.Store.
func (s *Store) Update(ctx context.Context, f func(group.Tx) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed {
		return group.ErrClosed
	}
	tx := &tx{rows: s.rows}
	done := false
	defer func() {
		if !done || err != nil { // a panic undoes like an error does
			tx.rollback()
		}
		tx.rows = nil
	}()
	err = f(tx)
	done = true
	if err != nil {
		return err
	}
	if s.commit != nil && len(tx.undo) > 0 {
		if err := s.commit(); err != nil {
			return errors.Join(group.ErrNotDurable, fmt.Errorf("commit: %w", err))
		}
	}
	return nil
}

// View implements group.Store.
func (s *Store) View(ctx context.Context, f func(group.ReadTx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed {
		return group.ErrClosed
	}
	tx := &tx{rows: s.rows}
	defer func() { tx.rows = nil }()
	return f(tx)
}
