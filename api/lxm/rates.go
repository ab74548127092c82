package lxm

import (
	"sync"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// rates remembers how often members were answered. In memory: a restart forgives. Bound: maxBuckets.
type rates struct {
	mu      sync.Mutex // leaf
	buckets map[rateKey]moderation.Bucket
	evicted uint64
}

type rateKey struct {
	who     group.IdentityHash
	refusal bool
}

// take asks for a token; with wait 0 it was taken.
func (r *rates) take(k rateKey, rate moderation.Rate, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, wait := rate.Take(r.buckets[k], now)
	if wait > 0 {
		return wait
	}
	if r.buckets == nil {
		r.buckets = make(map[rateKey]moderation.Bucket)
	}
	if _, known := r.buckets[k]; !known && len(r.buckets) >= maxBuckets {
		r.makeRoom(now)
	}
	r.buckets[k] = b
	return 0
}

// makeRoom forgets full buckets, or else the one that will be full first. r.mu is held.
func (r *rates) makeRoom(now time.Time) {
	var first rateKey
	var until time.Time
	for k, b := range r.buckets {
		if !b.Until.After(now) {
			delete(r.buckets, k)
		} else if until.IsZero() || b.Until.Before(until) {
			first, until = k, b.Until
		}
	}
	if len(r.buckets) >= maxBuckets {
		delete(r.buckets, first)
		r.evicted++
	}
}
