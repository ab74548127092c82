package lxmf

import (
	"slices"
	"time"

	"groupd/rns"
)

// heldEntry is what is kept in memory of a held message; its bytes are in the Store.
type heldEntry struct {
	key         HeldKey
	destination rns.DestinationHash
	source      rns.DestinationHash
	since       time.Time // monotonic: since it was held, or since the start of the router
	delivering  bool      // verified and with the application, which has not decided
	asks        int       // how often its author was asked for
}

// heldIndex is the table of held messages, oldest first. It is pure; [holder] guards it.
type heldIndex struct {
	entries   []heldEntry
	total     int // bound on all
	perSource int // bound on those of one source
}

func (x *heldIndex) find(key HeldKey) *heldEntry {
	for i := range x.entries {
		if x.entries[i].key == key {
			return &x.entries[i]
		}
	}
	return nil
}

func (x *heldIndex) hasSource(source rns.DestinationHash) bool {
	return slices.ContainsFunc(x.entries, func(e heldEntry) bool { return e.source == source })
}

// sources returns each source once.
func (x *heldIndex) sources() []rns.DestinationHash {
	var out []rns.DestinationHash
	for _, e := range x.entries {
		if !slices.Contains(out, e.source) {
			out = append(out, e.source)
		}
	}
	return out
}

// askAfter is how long after a message was held its author is asked for, for the n-th time: a path request costs airtime
// everywhere, and strangers can make us send it.
func askAfter(n int) (after time.Duration, ok bool) {
	delays := [...]time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute}
	if n >= len(delays) {
		return 0, false
	}
	return delays[n], true
}

// askDue reports whether a source is to be asked for now, by the oldest of its messages.
func (x *heldIndex) askDue(source rns.DestinationHash, now time.Time) bool {
	for i := range x.entries {
		e := &x.entries[i]
		if e.source == source {
			after, ok := askAfter(e.asks)
			return ok && !now.Before(e.since.Add(after))
		}
	}
	return false
}

// asked takes note that a source was asked for.
func (x *heldIndex) asked(source rns.DestinationHash) {
	for i := range x.entries {
		if e := &x.entries[i]; e.source == source {
			e.asks++
		}
	}
}

// waiting returns the keys of a source's messages that are not with the application.
func (x *heldIndex) waiting(source rns.DestinationHash) []HeldKey {
	var out []HeldKey
	for _, e := range x.entries {
		if e.source == source && !e.delivering {
			out = append(out, e.key)
		}
	}
	return out
}

// makeRoom returns which messages must go for one more of a source: the oldest of that source, or the oldest of all. It is
// not ok when those that could go are with the application.
func (x *heldIndex) makeRoom(source rns.DestinationHash) (evict []HeldKey, ok bool) {
	oldest := func(match func(heldEntry) bool) bool {
		for _, e := range x.entries {
			if !e.delivering && match(e) && !slices.Contains(evict, e.key) {
				evict = append(evict, e.key)
				return true
			}
		}
		return false
	}
	same := 0
	for _, e := range x.entries {
		if e.source == source {
			same++
		}
	}
	for ; same >= x.perSource; same-- {
		if !oldest(func(e heldEntry) bool { return e.source == source }) {
			return nil, false
		}
	}
	for left := len(x.entries) - len(evict); left >= x.total; left-- {
		if !oldest(func(heldEntry) bool { return true }) {
			return nil, false
		}
	}
	return evict, true
}

func (x *heldIndex) add(e heldEntry) { x.entries = append(x.entries, e) }

func (x *heldIndex) remove(keys ...HeldKey) {
	x.entries = slices.DeleteFunc(x.entries, func(e heldEntry) bool { return slices.Contains(keys, e.key) })
}

// expired returns the keys of those that have been held since before a time.
func (x *heldIndex) expired(before time.Time) []HeldKey {
	var out []HeldKey
	for _, e := range x.entries {
		if !e.delivering && e.since.Before(before) {
			out = append(out, e.key)
		}
	}
	return out
}

// tokenBucket limits how often something happens: burst at once, then one per interval.
type tokenBucket struct {
	burst    int
	interval time.Duration
	tokens   int
	last     time.Time // when the last token was added
}

func newTokenBucket(burst int, interval time.Duration, now time.Time) tokenBucket {
	return tokenBucket{burst: burst, interval: interval, tokens: burst, last: now}
}

func (b *tokenBucket) take(now time.Time) bool {
	if n := int(now.Sub(b.last) / b.interval); n > 0 {
		b.tokens = min(b.tokens+n, b.burst)
		b.last = b.last.Add(time.Duration(n) * b.interval)
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}
