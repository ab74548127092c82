package rns

import (
	"sync"
	"time"
)

// Bounds of what packets that nothing opens may cost us, per interface. A key agreement takes some 40 µs on a desktop and
// four times that on a small board, so that a flood takes a few percent of it. Each is a tunable of ours.
const (
	trialBurst = 4096 // failed key agreements at once
	trialRate  = 256  // and per second after that
	trialFew   = 4    // the newest ratchets, and the identity's own key, are tried whatever happens
)

// trialBudget counts the key agreements that were spent in vain on packets of one interface. What opens costs nothing, so
// that honest senders are not limited; during a flood those with old ratchets are not heard, and try again. The zero value
// is ready.
type trialBudget struct {
	mu    sync.Mutex // leaf
	spent float64
	at    time.Time
}

// left reports whether all keys may be tried.
func (b *trialBudget) left(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*trialRate)
		b.at = now
	}
	return b.spent < trialBurst
}

// spend counts tries in vain. What is owed is bounded, so that a flood is over when it ends.
func (b *trialBudget) spend(tried int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = min(b.spent+float64(tried), trialBurst+trialRate)
}
