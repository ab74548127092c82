package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/sdnotify"
	"groupd/lxmf"
	"groupd/rns"
)

// guardedStore is a store that can be told to change nothing any more. What would change something is then not decided at all:
// nothing is proved, and senders try again, with the other server.
type guardedStore struct {
	group.Store
	queuer group.Queuer // the same
	reason atomic.Pointer[string]
}

var (
	_ group.Store  = (*guardedStore)(nil)
	_ group.Queuer = (*guardedStore)(nil)
)

// guard guards a database that nothing speaks against yet.
func guard(db *sqlite.DB) *guardedStore { return &guardedStore{Store: db, queuer: db} }

// Update implements group.Store.
func (s *guardedStore) Update(ctx context.Context, f func(group.Tx) error) error {
	if err := s.refused(); err != nil {
		return err
	}
	return s.Store.Update(ctx, f)
}

// UpdateQueued implements group.Queuer.
func (s *guardedStore) UpdateQueued(ctx context.Context, f func(group.Tx) error, queued func()) error {
	if err := s.refused(); err != nil {
		return err
	}
	return s.queuer.UpdateQueued(ctx, f, queued)
}

// refused is why an update is not made; nil when it may be.
func (s *guardedStore) refused() error {
	if why := s.why(); why != "" {
		return fmt.Errorf("%w: read-only: %s", group.ErrNotDurable, why)
	}
	return nil
}

// guardedMessages holds messages of unknown authors only while the store takes changes: a message that is held is proved. The same
// goes for tickets: one that is given out must be known after a restart.
type guardedMessages struct {
	lxmf.Store
	guard *guardedStore
}

// PutHeld implements lxmf.Store.
func (s guardedMessages) PutHeld(ctx context.Context, m lxmf.HeldMessage, evict ...lxmf.HeldKey) error {
	if why := s.guard.why(); why != "" {
		return fmt.Errorf("read-only: %s", why)
	}
	return s.Store.PutHeld(ctx, m, evict...)
}

// PutTickets implements lxmf.TicketStore.
func (s guardedMessages) PutTickets(ctx context.Context, pairs ...lxmf.TicketPair) error {
	if why := s.guard.why(); why != "" {
		return fmt.Errorf("read-only: %s", why)
	}
	return s.Store.PutTickets(ctx, pairs...)
}

// why is the reason for changing nothing; "" when there is none.
func (s *guardedStore) why() string {
	if p := s.reason.Load(); p != nil {
		return *p
	}
	return ""
}

// close makes the store read-only; it reports whether it was not before.
func (s *guardedStore) close(why string) bool { return s.reason.CompareAndSwap(nil, &why) }

// twinHeard is called when somebody else announces one of our destinations: the same keys are in use elsewhere, such as on the old
// machine after a restore on a new one. Two servers would make two histories, so this one changes nothing until it is started again.
func (n *node) twinHeard(a rns.Announced) {
	why := fmt.Sprintf("another server announced %s, heard by %s: stop one of the two, then start the other one again", a.Destination, a.Interface)
	if n.store.close(why) {
		n.log.own.Error("read-only from now on", "why", why, "hops", a.Hops)
		n.notify(sdnotify.Status("read-only: " + why))
	}
}
