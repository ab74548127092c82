package group

import (
	"bytes"
	"sync"
	"time"
)

// Bounds of lately.
const (
	maxLately   = 4096
	latelyEvery = 15 * time.Second
)

// lately is who was heard a moment ago, so that the many signs of life of one who is busy cost nothing. In memory; the zero value is ready.
// At its bound it forgets those of whom it has nothing left to say, or else somebody.
type lately struct {
	mu sync.Mutex // leaf
	m  map[IdentityHash]lastSign
}

// lastSign is when somebody was heard, by the time since the start, and with which ratchet.
type lastSign struct {
	at      time.Duration
	key     bool
	ratchet []byte
}

// known reports whether a sign of life tells nothing that was not noted a moment ago.
func (l *lately) known(c Caller, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.m[c.Identity]
	return ok && now-s.at < latelyEvery && (s.key || len(c.PublicKey) == 0) && (len(c.Ratchet) == 0 || bytes.Equal(c.Ratchet, s.ratchet))
}

// note remembers one that was noted.
func (l *lately) note(c Caller, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[IdentityHash]lastSign)
	}
	if _, ok := l.m[c.Identity]; !ok && len(l.m) >= maxLately {
		for id, s := range l.m {
			if now-s.at >= latelyEvery {
				delete(l.m, id)
			}
		}
		for id := range l.m {
			if len(l.m) < maxLately {
				break
			}
			delete(l.m, id)
		}
	}
	l.m[c.Identity] = lastSign{now, len(c.PublicKey) > 0, bytes.Clone(c.Ratchet)}
}
