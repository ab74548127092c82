package lxmf

import (
	"context"
	"iter"
	"slices"
	"time"

	"groupd/rns"
)

// QueueStore keeps outgoing messages over restarts: those sent with [Outbound].Keep. The router bounds their number and bytes.
type QueueStore interface {
	// PutQueued keeps a message; one of the same id is replaced, and keeps its place.
	PutQueued(ctx context.Context, m QueuedMessage) error
	// Queued yields all, in the order in which they were put. It is read once, at start.
	Queued(ctx context.Context) iter.Seq2[QueuedMessage, error]
	// DeleteQueued drops messages. Ids that are not there are passed over.
	DeleteQueued(ctx context.Context, ids ...MessageID) error
	// DropQueued drops all messages from one address of ours.
	DropQueued(ctx context.Context, from rns.DestinationHash) error
}

// QueuedMessage is an outgoing message that is kept over restarts.
type QueuedMessage struct {
	ID           MessageID
	From, To     rns.DestinationHash
	Packed       []byte // without stamp
	Method       Method // as wanted
	Propagate    bool   // see [Outbound]
	Priority     Priority
	MaxStampCost int
	Identity     []byte    // the recipient's 64-byte public key, as the application gave it; nil: it did not
	Ratchet      []byte    // 32 bytes, likewise
	QueuedAt     time.Time // wall clock
	Expires      time.Time
}

// PutQueued implements [QueueStore].
func (s *MemoryStore) PutQueued(_ context.Context, m QueuedMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.queued, func(q QueuedMessage) bool { return q.ID == m.ID }); i >= 0 {
		s.queued[i] = m
		return nil
	}
	s.queued = append(s.queued, m)
	return nil
}

// Queued implements [QueueStore].
func (s *MemoryStore) Queued(context.Context) iter.Seq2[QueuedMessage, error] {
	s.mu.Lock()
	all := slices.Clone(s.queued)
	s.mu.Unlock()
	return func(yield func(QueuedMessage, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// DeleteQueued implements [QueueStore].
func (s *MemoryStore) DeleteQueued(_ context.Context, ids ...MessageID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued = slices.DeleteFunc(s.queued, func(m QueuedMessage) bool { return slices.Contains(ids, m.ID) })
	return nil
}

// DropQueued implements [QueueStore].
func (s *MemoryStore) DropQueued(_ context.Context, from rns.DestinationHash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued = slices.DeleteFunc(s.queued, func(m QueuedMessage) bool { return m.From == from })
	return nil
}
