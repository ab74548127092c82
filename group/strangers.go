package group

import (
	"maps"
	"sync"
	"time"

	"groupd/moderation"
)

// strangers counts what people outside were answered, so that nobody makes the group transmit at will. In memory: a
// restart forgives. Bounds: maxStrangers people, of whom the one first heard is forgotten; maxCarriers interfaces, the others
// share one count.
type strangers struct {
	mu        sync.Mutex // leaf
	seen      map[strangerKey]strangerCount
	hours     map[string]strangerHour // by interface
	refused   uint64
	forgotten uint64
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

type strangerHour struct {
	began   time.Time
	answers int
}

// StrangerAnswer says whether a stranger may get an answer now, and counts it: the answer to a command (so many a day per
// identity), or with hint the one hint a day; both within the hourly cap of the interface that he was heard on, by its name. The
// caller has made sure that he is a stranger: the banned get silence.
func (h *Hub) StrangerAnswer(g GroupID, who IdentityHash, carrier string, hint bool) bool {
	return h.strangers.take(strangerKey{g, who}, carrier, hint, h.now(), h.limits)
}

func (s *strangers) take(k strangerKey, carrier string, hint bool, now time.Time, l Limits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := func(t time.Time, span time.Duration) bool { d := now.Sub(t); return t.IsZero() || d >= span || d < 0 }
	if _, known := s.hours[carrier]; !known && len(s.hours) >= maxCarriers {
		maps.DeleteFunc(s.hours, func(_ string, h strangerHour) bool { return old(h.began, time.Hour) })
		if len(s.hours) >= maxCarriers {
			carrier = ""
		}
	}
	hour := s.hours[carrier]
	if old(hour.began, time.Hour) {
		hour = strangerHour{began: now}
	}
	c := s.seen[k]
	if old(c.day, 24*time.Hour) {
		c.day, c.answers = now, 0
	}
	if hour.answers >= l.StrangersPerHour || (hint && !old(c.hint, hintEvery)) || (!hint && c.answers >= l.StrangerAnswers) {
		s.refused++
		return false
	}
	hour.answers++
	if hint {
		c.hint = now
	} else {
		c.answers++
	}
	if s.seen == nil {
		s.seen, s.hours = make(map[strangerKey]strangerCount), make(map[string]strangerHour)
	}
	if _, known := s.seen[k]; !known && len(s.seen) >= maxStrangers {
		s.makeRoom(old)
	}
	s.seen[k], s.hours[carrier] = c, hour
	return true
}

// makeRoom forgets those who may have everything again, or else the one whose day began first. s.mu is held.
func (s *strangers) makeRoom(old func(time.Time, time.Duration) bool) {
	var first strangerKey
	var began time.Time
	for k, c := range s.seen {
		if old(c.day, 24*time.Hour) && old(c.hint, hintEvery) {
			delete(s.seen, k)
		} else if began.IsZero() || c.day.Before(began) {
			first, began = k, c.day
		}
	}
	if len(s.seen) >= maxStrangers {
		delete(s.seen, first)
		s.forgotten++
	}
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
