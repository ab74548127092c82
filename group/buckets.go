package group

import (
	"sync"
	"time"

	"groupd/moderation"
)

// MaxBuckets is how many token buckets one table holds.
const MaxBuckets = 4096

// Buckets is a table of token buckets by key, in memory: a restart forgives. It holds at most 4096; then those that are full are
// forgotten, or else the one that will be full first. The zero value is ready to use, by any goroutine.
type Buckets[K comparable] struct {
	mu      sync.Mutex // leaf
	m       map[K]moderation.Bucket
	evicted uint64
}

// Take asks for a token of each key's bucket, which fills at the rate of the same place in rates. It takes none when one bucket, the
// which-th, has none yet; wait says when it will.
func (b *Buckets[K]) Take(now time.Time, keys []K, rates []moderation.Rate) (wait time.Duration, which int) {
	budgets := make([]moderation.Budget, len(rates))
	for i, r := range rates {
		budgets[i] = moderation.Budget{Rate: r, Tokens: 1}
	}
	return b.draw(now, keys, budgets)
}

// draw is Take for any number of tokens.
func (b *Buckets[K]) draw(now time.Time, keys []K, budgets []moderation.Budget) (wait time.Duration, which int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := make([]moderation.Bucket, len(keys))
	for i, k := range keys {
		if next[i], wait = budgets[i].Rate.TakeN(b.m[k], now, budgets[i].Tokens); wait > 0 {
			return wait, i
		}
	}
	if b.m == nil {
		b.m = make(map[K]moderation.Bucket)
	}
	for i, k := range keys {
		if next[i] == (moderation.Bucket{}) {
			continue // no limit
		}
		if _, known := b.m[k]; !known && len(b.m) >= MaxBuckets {
			b.makeRoom(now)
		}
		b.m[k] = next[i]
	}
	return 0, 0
}

// Wait says how long it is until Take would succeed, and takes nothing.
func (b *Buckets[K]) Wait(now time.Time, keys []K, rates []moderation.Rate) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, k := range keys {
		_, w := rates[i].Take(b.m[k], now)
		wait = max(wait, w)
	}
	return wait
}

// TakeOne is Take for one bucket.
func (b *Buckets[K]) TakeOne(now time.Time, k K, rate moderation.Rate) (wait time.Duration) {
	wait, _ = b.Take(now, []K{k}, []moderation.Rate{rate})
	return wait
}

// Size is how many buckets there are, and how many were forgotten before they were full.
func (b *Buckets[K]) Size() (n int, evicted uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.m), b.evicted
}

// makeRoom forgets the full buckets, or else the one that will be full first. b.mu is held.
func (b *Buckets[K]) makeRoom(now time.Time) {
	var first K
	var until time.Time
	for k, v := range b.m {
		if !v.Until.After(now) {
			delete(b.m, k)
		} else if until.IsZero() || v.Until.Before(until) {
			first, until = k, v.Until
		}
	}
	if len(b.m) >= MaxBuckets {
		delete(b.m, first)
		b.evicted++
	}
}
