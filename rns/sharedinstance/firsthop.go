package sharedinstance

import (
	"context"
	"sync"
	"time"

	"groupd/rns"
)

const (
	// firstHopMemory is how long what a master said about the way to a destination holds, and maxFirstHops how many
	// destinations are remembered; when there are more, all are forgotten.
	firstHopMemory = time.Minute
	maxFirstHops   = 256
)

// firstHops asks a master how fast it sends to destinations, and remembers the answers.
type firstHops struct {
	ask func(context.Context, rns.DestinationHash) (time.Duration, error)

	mu    sync.Mutex // leaf
	known map[rns.DestinationHash]firstHop
}

// firstHop is an answer, or that there was none.
type firstHop struct {
	bitrate int64
	until   time.Time
}

func newFirstHops(ask func(context.Context, rns.DestinationHash) (time.Duration, error)) *firstHops {
	return &firstHops{ask: ask, known: make(map[rns.DestinationHash]firstHop)}
}

var _ rns.FirstHop = (*firstHops)(nil)

// Bitrate (bit/s) is that from which the master's first-hop time-out follows; 0: the master does not say, or it is so fast
// that it does not matter.
func (f *firstHops) Bitrate(ctx context.Context, d rns.DestinationHash) int64 {
	f.mu.Lock()
	k, ok := f.known[d]
	f.mu.Unlock()
	if ok && time.Now().Before(k.until) {
		return k.bitrate
	}
	k = firstHop{until: time.Now().Add(firstHopMemory)}
	if wait, err := f.ask(ctx, d); err == nil {
		if onAir := wait.Seconds() - hopTimeout; onAir > 0.001 {
			k.bitrate = max(1, int64(packetBits/onAir))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.known) >= maxFirstHops {
		clear(f.known)
	}
	f.known[d] = k
	return k.bitrate
}
