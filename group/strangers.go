package group

import (
	"sync"
	"time"

	"groupd/moderation"
)

// strangers counts what people outside were answered, so that nobody makes the group transmit at will. In memory: a
// restart forgives. Bound: maxStrangers; when it is full of people heard today, further ones get no answer.
type strangers struct {
	mu      sync.Mutex // leaf
	seen    map[strangerKey]strangerCount
	hour    time.Time
	answers int // in this hour
	refused uint64
}

type strangerKey struct {
	group GroupID
	who   IdentityHash
}

type strangerCount struct {
	day     time.Time // when his day began
	answers int
	hint    time.Time // the last one
}

// StrangerAnswer says whether a stranger may get an answer now, and counts it: the answer to a command (so many a day per
// identity), or with hint the one hint a day; both within the hourly cap for all. The caller has made sure that he is a
// stranger: the banned get silence.
func (h *Hub) StrangerAnswer(g GroupID, who IdentityHash, hint bool) bool {
	return h.strangers.take(strangerKey{g, who}, hint, h.now(), h.limits)
}

func (s *strangers) take(k strangerKey, hint bool, now time.Time, l Limits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := func(t time.Time, span time.Duration) bool { d := now.Sub(t); return t.IsZero() || d >= span || d < 0 }
	if old(s.hour, time.Hour) {
		s.hour, s.answers = now, 0
	}
	c, known := s.seen[k]
	if old(c.day, 24*time.Hour) {
		c.day, c.answers = now, 0
	}
	if !known && len(s.seen) >= maxStrangers {
		for key, c := range s.seen {
			if old(c.day, 24*time.Hour) && old(c.hint, hintEvery) {
				delete(s.seen, key)
			}
		}
	}
	full := !known && len(s.seen) >= maxStrangers
	if full || s.answers >= l.StrangersPerHour || (hint && !old(c.hint, hintEvery)) || (!hint && c.answers >= l.StrangerAnswers) {
		s.refused++
		return false
	}
	s.answers++
	if hint {
		c.hint = now
	} else {
		c.answers++
	}
	if s.seen == nil {
		s.seen = make(map[strangerKey]strangerCount)
	}
	s.seen[k] = c
	return true
}

// buckets holds the token buckets of members and groups. Bound: maxBuckets; the one nearest to full is forgotten.
type buckets struct {
	mu      sync.Mutex // leaf
	m       map[bucketKey]moderation.Bucket
	evicted uint64
}

type bucketKey struct {
	group GroupID
	who   IdentityHash // zero: of all in the group
	join  bool
}

// take asks for a token of each bucket; of none when one, the which-th, has to be waited for.
func (b *buckets) take(now time.Time, keys []bucketKey, rates []moderation.Rate) (wait time.Duration, which int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := make([]moderation.Bucket, len(keys))
	for i, k := range keys {
		if next[i], wait = rates[i].Take(b.m[k], now); wait > 0 {
			return wait, i
		}
	}
	if b.m == nil {
		b.m = make(map[bucketKey]moderation.Bucket)
	}
	for i, k := range keys {
		if next[i] == (moderation.Bucket{}) {
			continue // no limit
		}
		if _, known := b.m[k]; !known && len(b.m) >= maxBuckets {
			b.makeRoom(now)
		}
		b.m[k] = next[i]
	}
	return 0, 0
}

// makeRoom forgets the full buckets, or else the one that will be full first. b.mu is held.
func (b *buckets) makeRoom(now time.Time) {
	var first bucketKey
	var until time.Time
	for k, v := range b.m {
		if !v.Until.After(now) {
			delete(b.m, k)
		} else if until.IsZero() || v.Until.Before(until) {
			first, until = k, v.Until
		}
	}
	if len(b.m) >= maxBuckets {
		delete(b.m, first)
		b.evicted++
	}
}
