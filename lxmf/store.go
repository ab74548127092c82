package lxmf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"groupd/rns"
)

// Store is what the router asks of storage. Each method is one durable transaction: when it returns nil, the change has been
// committed and synced. Methods may be called from several goroutines and may block; an error makes the router leave a
// message unproved, so that its sender tries again.
type Store interface {
	// Seen reports whether a message was accepted before. The router only asks: who accepts a message records its id in the
	// same transaction as what the message did, or a crash between the two would lose it. It is asked once for each message
	// that is not a duplicate of one of the last minutes.
	Seen(ctx context.Context, id MessageID) (bool, error)
	// PutHeld keeps a message whose author's key is not known yet, and in the same transaction drops the evicted ones.
	// Putting a key that is there already changes nothing.
	PutHeld(ctx context.Context, m HeldMessage, evict ...HeldKey) error
	// Held yields all held messages, oldest first. It is read once, at start.
	Held(ctx context.Context) iter.Seq2[HeldMessage, error]
	// GetHeld returns one held message; [ErrNotHeld] when it is not there.
	GetHeld(ctx context.Context, key HeldKey) (HeldMessage, error)
	// DeleteHeld drops held messages. Keys that are not there are passed over.
	DeleteHeld(ctx context.Context, keys ...HeldKey) error

	QueueStore
	TicketStore
	PropagationStore
}

// HeldKey names a held message: SHA-256 of its packed bytes. Not its id, because anybody can make another message with the
// same id and a false signature, and that must not push the genuine one out.
type HeldKey [sha256.Size]byte

// HeldKeyOf returns the key of a packed message.
func HeldKeyOf(packed []byte) HeldKey { return sha256.Sum256(packed) }

// String returns the lower-case hex form.
func (k HeldKey) String() string { return hex.EncodeToString(k[:]) }

// LogValue implements [slog.LogValuer].
func (k HeldKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// HeldMessage is a message that was received and proved but not verified, since its author's key was not known.
type HeldMessage struct {
	Key         HeldKey
	Destination rns.DestinationHash // the delivery it came to
	Source      rns.DestinationHash // whose announce is waited for
	Packed      []byte
	Method      Method
	Hops        int
	ReceivedAt  time.Time // wall clock, for display only
}

// memorySeen is the number of ids that a MemoryStore remembers; the oldest are forgotten.
const memorySeen = 1 << 16

// MemoryStore is a [Store] that keeps everything in memory, for clients without a database and for tests. It forgets all
// when the process ends. The zero value is ready to use.
type MemoryStore struct {
	mu     sync.Mutex
	held   []HeldMessage // oldest first
	queued []QueuedMessage
	seen   map[MessageID]struct{}
	ring   []MessageID // the ids of seen in order, once full a ring
	next   int

	tickets     []TicketPair
	propagation propagationMemory
}

var _ Store = (*MemoryStore)(nil)

// MarkSeen records that a message was accepted.
func (s *MemoryStore) MarkSeen(id MessageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[MessageID]struct{})
	}
	if _, ok := s.seen[id]; ok {
		return
	}
	s.seen[id] = struct{}{}
	if len(s.ring) < memorySeen {
		s.ring = append(s.ring, id)
		return
	}
	delete(s.seen, s.ring[s.next])
	s.ring[s.next] = id
	s.next = (s.next + 1) % memorySeen
}

// Seen implements [Store].
func (s *MemoryStore) Seen(_ context.Context, id MessageID) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.seen[id]
	return ok, nil
}

// PutHeld implements [Store].
func (s *MemoryStore) PutHeld(_ context.Context, m HeldMessage, evict ...HeldKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(evict)
	if s.index(m.Key) < 0 {
		s.held = append(s.held, m)
	}
	return nil
}

// Held implements [Store].
func (s *MemoryStore) Held(context.Context) iter.Seq2[HeldMessage, error] {
	s.mu.Lock()
	all := slices.Clone(s.held)
	s.mu.Unlock()
	return func(yield func(HeldMessage, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// GetHeld implements [Store].
func (s *MemoryStore) GetHeld(_ context.Context, key HeldKey) (HeldMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(key); i >= 0 {
		return s.held[i], nil
	}
	return HeldMessage{}, ErrNotHeld
}

// DeleteHeld implements [Store].
func (s *MemoryStore) DeleteHeld(_ context.Context, keys ...HeldKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(keys)
	return nil
}

func (s *MemoryStore) index(key HeldKey) int {
	return slices.IndexFunc(s.held, func(m HeldMessage) bool { return m.Key == key })
}

func (s *MemoryStore) remove(keys []HeldKey) {
	s.held = slices.DeleteFunc(s.held, func(m HeldMessage) bool { return slices.Contains(keys, m.Key) })
}
