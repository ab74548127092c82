package lxmf

import (
	"context"
	"slices"
	"time"

	"groupd/rns"
)

// PropagationStore is what the client of propagation nodes asks of storage; each method is one durable transaction. It is part
// of [Store].
type PropagationStore interface {
	// Nodes returns the propagation nodes that were put, in the order of PutNode.
	Nodes(ctx context.Context) ([]KnownNode, error)
	// PutNode remembers that a node was heard for the first time, and in the same transaction forgets the evicted ones.
	// Putting a node that is there already changes nothing.
	PutNode(ctx context.Context, n KnownNode, evict ...rns.DestinationHash) error
	// Collected returns the ids of PutCollected that are still remembered, oldest first.
	Collected(ctx context.Context) ([]TransientID, error)
	// PutCollected remembers that messages were collected and decided, and forgets the oldest ones beyond keep.
	PutCollected(ctx context.Context, keep int, ids ...TransientID) error
}

// KnownNode is a propagation node that was heard. What it announces is kept with its key, by the transport.
type KnownNode struct {
	Address    rns.DestinationHash // of its lxmf.propagation destination
	FirstHeard time.Time           // wall clock
}

// propagationMemory is the part of a [MemoryStore] that implements [PropagationStore].
type propagationMemory struct {
	nodes     []KnownNode
	collected []TransientID
}

// Nodes implements [PropagationStore].
func (s *MemoryStore) Nodes(context.Context) ([]KnownNode, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.propagation.nodes), nil
}

// PutNode implements [PropagationStore].
func (s *MemoryStore) PutNode(_ context.Context, n KnownNode, evict ...rns.DestinationHash) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.propagation
	p.nodes = slices.DeleteFunc(p.nodes, func(o KnownNode) bool { return slices.Contains(evict, o.Address) })
	if !slices.ContainsFunc(p.nodes, func(o KnownNode) bool { return o.Address == n.Address }) {
		p.nodes = append(p.nodes, n)
	}
	return nil
}

// Collected implements [PropagationStore].
func (s *MemoryStore) Collected(context.Context) ([]TransientID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.propagation.collected), nil
}

// PutCollected implements [PropagationStore].
func (s *MemoryStore) PutCollected(_ context.Context, keep int, ids ...TransientID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.propagation
	for _, id := range ids {
		if !slices.Contains(p.collected, id) {
			p.collected = append(p.collected, id)
		}
	}
	if over := len(p.collected) - keep; over > 0 {
		p.collected = slices.Delete(p.collected, 0, over)
	}
	return nil
}
