package rns

import (
	"context"
	"errors"
	"fmt"
	"groupd/rns/msgpack"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxBlackholes bounds the blackholed identities. Adding more fails; of lists of others, what is over is left out.
	maxBlackholes = 65536
	// maxBlackholeReason is the longest reason that is kept, in bytes; longer ones are cut, between two letters.
	maxBlackholeReason = 256
)

// Blackhole is an identity that this node does not want to hear of (spec 1 §6.20): its announces are refused, and its
// links are closed.
type Blackhole struct {
	Identity IdentityHash
	// Source is the transport identity of the node that said so: our own, or one whose list we use.
	Source IdentityHash
	// Until is when it ends; zero: never.
	Until time.Time
	// Reason is for people; empty: none.
	Reason string
}

// blackholes is the list in use. It is asked by verify workers and links, too.
type blackholes struct {
	mu      sync.RWMutex // leaf
	entries map[IdentityHash]Blackhole
}

func (b *blackholes) has(id IdentityHash, now time.Time) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.entries[id]
	return ok && (e.Until.IsZero() || now.Before(e.Until))
}

// any reports whether there are entries.
func (b *blackholes) any() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.entries) > 0
}

// add takes entries in, as far as there is room. Those that are there stay as they are.
func (b *blackholes) add(list ...Blackhole) (added []IdentityHash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries == nil {
		b.entries = make(map[IdentityHash]Blackhole)
	}
	for _, e := range list {
		if _, ok := b.entries[e.Identity]; ok || len(b.entries) >= maxBlackholes {
			continue
		}
		e.Reason = strings.ToValidUTF8(e.Reason[:min(len(e.Reason), maxBlackholeReason)], "")
		b.entries[e.Identity] = e
		added = append(added, e.Identity)
	}
	return added
}

func (b *blackholes) remove(id IdentityHash) (Blackhole, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[id]
	delete(b.entries, id)
	return e, ok
}

// expire removes what has ended, and reports whether that changed the list of source.
func (b *blackholes) expire(now time.Time, source IdentityHash) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		if !e.Until.IsZero() && !now.Before(e.Until) {
			delete(b.entries, id)
			changed = changed || e.Source == source
		}
	}
	return changed
}

// list returns all entries, sorted by identity; source selects, nil: all.
func (b *blackholes) list(source *IdentityHash) []Blackhole {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make([]Blackhole, 0, len(b.entries))
	for e := range maps.Values(b.entries) {
		if source == nil || e.Source == *source {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(x, y Blackhole) int { return slices.Compare(x.Identity[:], y.Identity[:]) })
	return out
}

// Blackholed reports whether an identity is not listened to: it is what announces and links are checked with. It may be called from any
// goroutine, and returns at once.
func (t *Transport) Blackholed(id IdentityHash) bool {
	return t.config.Blackholed != nil && t.config.Blackholed(id) ||
		t.blackholes.any() && t.blackholes.has(id, t.config.Clock())
}

// Blackholes returns the list in use, sorted by identity.
func (t *Transport) Blackholes() []Blackhole { return t.blackholes.list(nil) }

// Blackhole adds an identity to our own list, until the time given (zero: for good), and forgets the paths to its
// destinations. added is false when it is on the list already. It waits for the store; what could not be saved holds
// all the same. [ErrTooMany]: the list is full.
func (t *Transport) Blackhole(id IdentityHash, until time.Time, reason string) (added bool, err error) {
	e := Blackhole{Identity: id, Source: t.config.Identity.Hash(), Until: until, Reason: reason}
	if len(t.blackholes.add(e)) == 0 {
		if t.blackholes.has(id, t.config.Clock()) {
			return false, nil
		}
		return false, fmt.Errorf("blackhole: %w", ErrTooMany)
	}
	err = t.do(func(e *engine) { e.forgetIdentities(id) })
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	return true, errors.Join(err, t.saveBlackholes(context.Background()))
}

// Unblackhole takes an identity off the list. removed is false when it was not on it.
func (t *Transport) Unblackhole(id IdentityHash) (removed bool, err error) {
	e, ok := t.blackholes.remove(id)
	if !ok || e.Source != t.config.Identity.Hash() {
		return ok, nil
	}
	return true, t.saveBlackholes(context.Background())
}

// saveBlackholes saves our own list.
func (t *Transport) saveBlackholes(ctx context.Context) error {
	if t.config.Store == nil {
		return nil
	}
	self := t.config.Identity.Hash()
	if err := t.config.Store.SaveBlackholes(ctx, IdentityHash{}, t.blackholes.list(&self)); err != nil {
		return fmt.Errorf("saving the blackhole list: %w", err)
	}
	return nil
}

// forgetIdentities removes the paths to all destinations of identities.
func (e *engine) forgetIdentities(ids ...IdentityHash) {
	for _, k := range e.known.of(ids...) {
		e.paths.expire(k.destination)
	}
}

// packBlackholes is the answer to "/list": a map of identity hashes to what is known of each.
func packBlackholes(list []Blackhole) msgpack.Raw {
	b := msgpack.AppendMap(nil, len(list))
	for _, e := range list {
		b = msgpack.AppendBin(b, e.Identity[:])
		b = AppendBlackhole(b, e)
	}
	return b
}

// AppendBlackhole appends an entry as it is stored and published: a map of source, until and reason (spec 1 §6.20).
func AppendBlackhole(b []byte, e Blackhole) []byte {
	b = msgpack.AppendMap(b, 3)
	b = msgpack.AppendBin(msgpack.AppendStr(b, "source"), e.Source[:])
	b = msgpack.AppendStr(b, "until")
	if e.Until.IsZero() {
		b = msgpack.AppendNil(b)
	} else {
		b = msgpack.AppendFloat(b, float64(e.Until.UnixMilli())/1000)
	}
	b = msgpack.AppendStr(b, "reason")
	if e.Reason == "" {
		return msgpack.AppendNil(b)
	}
	return msgpack.AppendStr(b, e.Reason)
}

// ParseBlackhole reads what [AppendBlackhole] writes. Fields of a wrong type are [ErrMalformed].
func ParseBlackhole(id IdentityHash, raw msgpack.Raw) (e Blackhole, err error) {
	e.Identity = id
	fields, ok := raw.Map()
	if !ok {
		return e, ErrMalformed
	}
	for _, f := range fields {
		name, _ := f.Key.Str()
		if f.Value.IsNil() {
			continue
		}
		switch name {
		case "source":
			source, ok := f.Value.Bin()
			if !ok || len(source) != len(e.Source) {
				return e, ErrMalformed
			}
			e.Source = IdentityHash(source)
		case "until":
			until, ok := f.Value.Number()
			if !ok || !(until >= 0 && until < 1<<40) {
				return e, ErrMalformed
			}
			e.Until = time.UnixMilli(int64(until * 1000))
		case "reason":
			reason, ok := f.Value.Str()
			if !ok {
				return e, ErrMalformed
			}
			e.Reason = reason
		}
	}
	return e, nil
}
