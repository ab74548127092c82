package requests

import (
	"context"
	"time"

	"groupd/group"
)

// Bounds of a shelf.
const (
	shelfFor  = time.Second // how long what was made for one member serves others
	shelfMost = 16          // things on it; one more clears it
)

// shelf keeps for a moment what is the same for many members who have everything up to a rev, so that it is made once. It makes one thing at a
// time.
type shelf[T any] struct {
	turn chan struct{} // held by who looks and makes
	kept map[group.Rev]shelved[T]
}

type shelved[T any] struct {
	thing T
	until time.Time
}

func newShelf[T any]() *shelf[T] {
	return &shelf[T]{turn: make(chan struct{}, 1), kept: make(map[group.Rev]shelved[T])}
}

// get returns what is kept for a rev, or makes it. What could not be made is not kept.
func (s *shelf[T]) get(ctx context.Context, rev group.Rev, produce func() (T, error)) (thing T, err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return thing, ctx.Err()
	}
	defer func() { <-s.turn }()
	now := time.Now()
	if k, ok := s.kept[rev]; ok && now.Before(k.until) {
		return k.thing, nil
	}
	if thing, err = produce(); err != nil {
		return thing, err
	}
	if len(s.kept) >= shelfMost {
		clear(s.kept)
	}
	s.kept[rev] = shelved[T]{thing, now.Add(shelfFor)}
	return thing, nil
}
