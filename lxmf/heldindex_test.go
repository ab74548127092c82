package lxmf

import (
	"slices"
	"testing"
	"time"

	"groupd/rns"
)

func TestRoomForAHeldMessageIsMadeByTheOldest(t *testing.T) {
	t.Parallel()
	x := heldIndex{total: 4, perSource: 2}
	key := func(n byte) HeldKey { return HeldKey{n} }
	add := func(n, source byte) { x.add(heldEntry{key: key(n), source: rns.DestinationHash{source}}) }
	room := func(source byte) ([]HeldKey, bool) { return x.makeRoom(rns.DestinationHash{source}) }

	add(1, 1)
	add(2, 1)
	if evict, ok := room(1); !ok || !slices.Equal(evict, []HeldKey{key(1)}) {
		t.Errorf("third of one author: %v, %v", evict, ok)
	}
	if evict, ok := room(2); !ok || len(evict) != 0 {
		t.Errorf("first of another: %v, %v", evict, ok)
	}
	add(3, 2)
	add(4, 3)
	if evict, ok := room(4); !ok || !slices.Equal(evict, []HeldKey{key(1)}) {
		t.Errorf("fifth in all: %v, %v", evict, ok)
	}
	// What is with the application stays.
	x.find(key(1)).delivering = true
	if evict, ok := room(1); !ok || !slices.Equal(evict, []HeldKey{key(2)}) {
		t.Errorf("the oldest is being delivered: %v, %v", evict, ok)
	}
	for n := range byte(4) {
		x.find(key(n + 1)).delivering = true
	}
	if evict, ok := room(5); ok {
		t.Errorf("no room, but %v", evict)
	}
}

func TestATokenBucketGivesItsBurstAndThenOnePerInterval(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newTokenBucket(3, time.Second, now)
	taken := 0
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		if b.take(now) {
			taken++
		}
	}
	if taken != 3+10 {
		t.Errorf("%d in ten seconds", taken)
	}
	now = now.Add(time.Hour)
	for taken = 0; b.take(now); taken++ {
	}
	if taken != 3 {
		t.Errorf("%d after an hour", taken)
	}
}

func TestOnlyTheNewestIDsAreRemembered(t *testing.T) {
	t.Parallel()
	r := newRecentIDs(3)
	for n := range byte(5) {
		r.add(MessageID{n})
		r.add(MessageID{n})
	}
	for n := range byte(5) {
		if r.has(MessageID{n}) != (n >= 2) {
			t.Errorf("id %d", n)
		}
	}
	if len(r.ids) != 3 {
		t.Errorf("%d ids", len(r.ids))
	}
}

func TestAMemoryStoreForgetsTheOldestIDs(t *testing.T) {
	t.Parallel()
	var s MemoryStore
	id := func(n int) MessageID { return MessageID{byte(n), byte(n >> 8), byte(n >> 16)} }
	for n := range memorySeen + 10 {
		s.MarkSeen(id(n))
	}
	for n, want := range map[int]bool{0: false, 9: false, 10: true, memorySeen + 9: true} {
		if seen, err := s.Seen(t.Context(), id(n)); err != nil || seen != want {
			t.Errorf("id %d: %v, %v", n, seen, err)
		}
	}
}
