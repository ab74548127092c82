package lxmf

import (
	"context"
	"sync"
	"time"

	"groupd/rns"
)

const (
	// holdQueue is how many messages wait to be held; more are not taken and not proved.
	holdQueue = 32
	// holdWakes is how many announces of authors wait; more are found by the next sweep.
	holdWakes = 64
)

// holder keeps the messages of authors whose key is not known. Its goroutine is the only one that changes storage, so that
// deliveries do not wait for the commits that strangers cause.
//
// A message goes: held and committed, proved, author asked for → his announce → signature checked → with the application →
// decided → gone. One whose signature is wrong goes then; one that is too old, or in the way of newer ones, goes unread.
type holder struct {
	r       *Router
	holds   chan *arrival
	wakes   chan rns.DestinationHash
	changed chan struct{} // capacity 1: there is something in done

	mu     sync.Mutex // leaf
	index  heldIndex
	writes tokenBucket
	asks   tokenBucket
	done   []HeldKey // decided: to be dropped from storage
}

func (h *holder) init(r *Router) {
	h.r = r
	h.holds = make(chan *arrival, holdQueue)
	h.wakes = make(chan rns.DestinationHash, holdWakes)
	h.changed = make(chan struct{}, 1)
	h.index = heldIndex{total: r.config.MaxHeld, perSource: r.config.MaxHeldPerSource}
	h.writes = newTokenBucket(holdBurst, holdInterval, time.Now())
	h.asks = newTokenBucket(askBurst, askInterval, time.Now())
}

func (h *holder) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.index.entries)
}

// has reports whether exactly this message is held.
func (h *holder) has(key HeldKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.index.find(key) != nil
}

// hold takes over an arrival of an unknown author. It does not block.
func (h *holder) hold(a *arrival) {
	select {
	case h.holds <- a:
	default:
		h.r.count.overload.Add(1)
		a.d.fail(a)
	}
}

// settled says that a held message was decided and can go.
func (h *holder) settled(key HeldKey) {
	h.mu.Lock()
	if e := h.index.find(key); e != nil {
		e.delivering = true // not to be handed out again
		h.done = append(h.done, key)
	}
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// keep says that a held message was not decided; the next sweep hands it out again.
func (h *holder) keep(key HeldKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.index.find(key); e != nil {
		e.delivering = false
	}
}

// forget drops what is held for one of our addresses.
func (h *holder) forget(destination rns.DestinationHash) {
	h.mu.Lock()
	var keys []HeldKey
	for _, e := range h.index.entries {
		if e.destination == destination {
			keys = append(keys, e.key)
		}
	}
	h.mu.Unlock()
	for _, key := range keys {
		h.settled(key)
	}
}

// announced says that an author was heard. It does not block.
func (h *holder) announced(source rns.DestinationHash) {
	h.mu.Lock()
	waits := h.index.hasSource(source)
	h.mu.Unlock()
	if !waits {
		return
	}
	select {
	case h.wakes <- source:
	default:
	}
}

// load reads what was held before the restart. Its age counts from now: a clock that jumps must not expire anything.
func (h *holder) load(ctx context.Context) error {
	now := time.Now()
	var surplus []HeldKey
	for m, err := range h.r.store.Held(ctx) {
		if err != nil {
			return err
		}
		if len(h.index.entries) >= h.index.total {
			surplus = append(surplus, m.Key)
			continue
		}
		h.index.add(heldEntry{key: m.Key, destination: m.Destination, source: m.Source, since: now})
	}
	if len(surplus) == 0 {
		return nil
	}
	h.r.count.heldDropped.Add(uint64(len(surplus)))
	return h.r.store.DeleteHeld(ctx, surplus...)
}

// run is the life of the holder's goroutine.
func (h *holder) run(life context.Context) {
	sweep := time.NewTicker(heldSweep)
	defer sweep.Stop()
	h.askForAll(life)
	for {
		select {
		case <-life.Done():
			return
		case a := <-h.holds:
			h.put(life, a)
		case source := <-h.wakes:
			h.verify(life, source)
		case <-h.changed:
			h.flush(life)
		case now := <-sweep.C:
			h.expire(life, now)
			h.flush(life)
			h.askForAll(life)
		}
	}
}

// put commits a message, then proves it, then asks for its author.
func (h *holder) put(life context.Context, a *arrival) {
	r, m, key := h.r, a.message, HeldKeyOf(a.packed)
	if h.has(key) { // a copy, while the first one waited to be held
		r.count.duplicates.Add(1)
		a.d.refuse(a)
		return
	}
	h.mu.Lock()
	allowed := h.writes.take(time.Now())
	evict, room := h.index.makeRoom(m.Source)
	h.mu.Unlock()
	if !allowed || !room {
		r.count.overload.Add(1)
		a.d.fail(a)
		return
	}
	err := r.store.PutHeld(life, HeldMessage{
		Key: key, Destination: m.Destination, Source: m.Source, Packed: a.packed, Method: a.method, Hops: a.hops,
		ReceivedAt: a.at.Round(0),
	}, evict...)
	if err != nil {
		r.count.storeErrors.Add(1)
		r.log.Warn("message not held", "err", err)
		a.d.fail(a)
		return
	}
	h.mu.Lock()
	h.index.remove(evict...)
	h.index.add(heldEntry{key: key, destination: m.Destination, source: m.Source, since: time.Now()})
	h.mu.Unlock()
	r.count.held.Add(1)
	r.count.heldDropped.Add(uint64(len(evict)))
	a.d.refuse(a) // that is: proved, and its slot given back
	if r.identity(m.Source) != nil {
		h.verify(life, m.Source) // the announce came meanwhile
		return
	}
	h.ask(life, m.Source)
}

// ask requests the announce of an author, if it is time and not too many others were asked for just now.
func (h *holder) ask(life context.Context, source rns.DestinationHash) {
	now := time.Now()
	h.mu.Lock()
	due := h.index.askDue(source, now) && h.asks.take(now)
	if due {
		h.index.asked(source)
	}
	h.mu.Unlock()
	if !due {
		return // the next sweep tries again
	}
	if err := h.r.transport.RequestPath(life, source); err != nil {
		h.r.log.Debug("author not asked for", "source", source, "err", err)
	}
}

// askForAll verifies what can be verified now and asks for the other authors.
func (h *holder) askForAll(life context.Context) {
	h.mu.Lock()
	sources := h.index.sources()
	h.mu.Unlock()
	for _, source := range sources {
		if h.r.identity(source) != nil {
			h.verify(life, source)
		} else {
			h.ask(life, source)
		}
	}
}

// verify checks the held messages of an author whose key is known now, and hands the genuine ones on.
func (h *holder) verify(life context.Context, source rns.DestinationHash) {
	r := h.r
	id := r.identity(source)
	if id == nil {
		return
	}
	h.mu.Lock()
	keys := h.index.waiting(source)
	h.mu.Unlock()
	way, _ := r.transport.PathInfo(source) // his announce came by it, and most likely the message
	for _, key := range keys {
		held, err := r.store.GetHeld(life, key)
		if err != nil {
			r.count.storeErrors.Add(1)
			r.log.Warn("held message not read", "err", err)
			continue
		}
		m, err := Unpack(held.Packed)
		if err != nil || DeliveryHash(id) != source || !m.Verify(id) {
			r.count.heldForged.Add(1)
			h.settled(key)
			continue
		}
		d := r.delivery(held.Destination)
		if d == nil {
			continue // its address is not served now; it waits until it is too old
		}
		h.mu.Lock()
		if e := h.index.find(key); e != nil {
			e.delivering = true
		}
		h.mu.Unlock()
		a := &arrival{d: d, packed: held.Packed, method: held.Method, hops: held.Hops, at: held.ReceivedAt, message: m,
			sender: id, held: &key, via: way.Interface}
		if !d.take(a) {
			h.keep(key)
			continue
		}
		r.count.heldVerified.Add(1)
	}
}

// flush drops what was decided from storage.
func (h *holder) flush(life context.Context) {
	h.mu.Lock()
	keys := h.done
	h.done = nil
	h.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	if err := h.r.store.DeleteHeld(life, keys...); err != nil {
		h.r.count.storeErrors.Add(1)
		h.r.log.Warn("held messages not dropped", "err", err)
		h.mu.Lock()
		h.done = append(h.done, keys...)
		h.mu.Unlock()
		return // the next sweep tries again
	}
	h.mu.Lock()
	h.index.remove(keys...)
	h.mu.Unlock()
}

// expire drops what has been held too long.
func (h *holder) expire(life context.Context, now time.Time) {
	h.mu.Lock()
	keys := h.index.expired(now.Add(-h.r.config.HeldFor))
	h.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	if err := h.r.store.DeleteHeld(life, keys...); err != nil {
		h.r.count.storeErrors.Add(1)
		h.r.log.Warn("held messages not dropped", "err", err)
		return
	}
	h.mu.Lock()
	h.index.remove(keys...)
	h.mu.Unlock()
	h.r.count.heldDropped.Add(uint64(len(keys)))
}
