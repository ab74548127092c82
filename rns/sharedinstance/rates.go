package sharedinstance

import (
	"context"
	"sync"
	"time"

	"groupd/rns"
)

// rateInterval is over how long the traffic of interfaces is measured.
const rateInterval = 2 * time.Second

// rates measures how much goes over each interface.
type rates struct {
	mu   sync.Mutex // leaf
	last map[rateKey]traffic
	now  map[rateKey]speed
	at   time.Time
}

// rateKey names an interface. Several may have one name: the programs on the local socket. They are told apart by their
// order, which changes only when one of them leaves.
type rateKey struct {
	name  string
	order int
}

// traffic in bytes since the interface was made.
type traffic struct{ rx, tx uint64 }

// speed in bit/s.
type speed struct{ rx, tx float64 }

func newRates() *rates { return &rates{last: map[rateKey]traffic{}, now: map[rateKey]speed{}} }

// sample measures until ctx ends.
func (r *rates) sample(ctx context.Context, n node) {
	tick := time.NewTicker(rateInterval)
	defer tick.Stop()
	for {
		r.measure(n.Stats(), time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *rates) measure(s rns.Stats, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	elapsed := at.Sub(r.at).Seconds()
	first := r.at.IsZero() || elapsed <= 0
	last := r.last
	r.at, r.last, r.now = at, make(map[rateKey]traffic, len(s.Interfaces)), make(map[rateKey]speed, len(s.Interfaces))
	for k, i := range keyed(s.Interfaces) {
		t := traffic{rx: i.Carrier.RxBytes, tx: i.Carrier.TxBytes}
		r.last[k] = t
		if before, ok := last[k]; ok && !first && t.rx >= before.rx && t.tx >= before.tx {
			r.now[k] = speed{rx: 8 * float64(t.rx-before.rx) / elapsed, tx: 8 * float64(t.tx-before.tx) / elapsed}
		}
	}
}

func (r *rates) of(k rateKey) speed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now[k]
}

// keyed iterates over interfaces with their keys.
func keyed(list []rns.InterfaceStats) func(func(rateKey, *rns.InterfaceStats) bool) {
	return func(yield func(rateKey, *rns.InterfaceStats) bool) {
		orders := make(map[string]int)
		for i := range list {
			k := rateKey{list[i].Name, orders[list[i].Name]}
			orders[k.name]++
			if !yield(k, &list[i]) {
				return
			}
		}
	}
}
