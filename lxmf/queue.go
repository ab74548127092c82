package lxmf

import (
	"context"
	"sync"
	"time"

	"groupd/rns"
)

const (
	// keepRetry is how long after storage has failed the router tries again to drop kept messages that have ended.
	keepRetry = 5 * time.Second
	// keepBatch is how many of them are dropped in one transaction.
	keepBatch = 256
	// keepGrace is how long storage may take for that when the router ends.
	keepGrace = 5 * time.Second
)

// sendQueue is the table of outgoing messages that have not ended, whoever they are for. It is guarded by Router.mu.
type sendQueue struct {
	all   map[*Outgoing]struct{}
	per   map[recipientKey]int
	bytes int64
	order uint64
}

func newSendQueue() sendQueue {
	return sendQueue{all: make(map[*Outgoing]struct{}), per: make(map[recipientKey]int)}
}

func (q *sendQueue) add(o *Outgoing) {
	q.all[o] = struct{}{}
	q.per[o.key]++
	q.bytes += o.size()
}

// remove takes a message out; one that is not there changes nothing.
func (q *sendQueue) remove(o *Outgoing) {
	if _, ok := q.all[o]; !ok {
		return
	}
	delete(q.all, o)
	q.bytes -= o.size()
	if q.per[o.key]--; q.per[o.key] == 0 {
		delete(q.per, o.key)
	}
}

// least returns the youngest message of the lowest priority below p, of those to one recipient or, without key, of all. nil: there
// is none.
func (q *sendQueue) least(p Priority, key *recipientKey) *Outgoing {
	var found *Outgoing
	for o := range q.all {
		if o.priority >= p || key != nil && o.key != *key {
			continue
		}
		if found == nil || o.priority < found.priority || o.priority == found.priority && o.order > found.order {
			found = o
		}
	}
	return found
}

// size is what a message counts for, in bytes.
func (o *Outgoing) size() int64 { return int64(len(o.message.packed)) }

// admitLocked takes a message into the queue, and returns those that make room for it. [ErrQueueFull]: there are none of a lower
// priority. r.mu is held.
func (r *Router) admitLocked(o *Outgoing) (displaced []*Outgoing, err error) {
	if err := r.closedLocked(o.key.from); err != nil {
		return nil, err
	}
	for {
		var key *recipientKey
		switch {
		case r.queue.per[o.key] >= r.config.MaxQueuePerRecipient:
			key = &o.key
		case len(r.queue.all)+len(r.orphans) >= r.config.MaxQueue || r.queue.bytes+o.size() > r.config.MaxQueueBytes:
		default:
			r.queue.order++
			o.order = r.queue.order
			r.queue.add(o)
			return displaced, nil
		}
		least := r.queue.least(o.priority, key)
		if least == nil {
			for _, d := range displaced {
				r.queue.add(d)
			}
			r.count.queueFull.Add(1)
			return nil, ErrQueueFull
		}
		r.queue.remove(least)
		displaced = append(displaced, least)
	}
}

// stored returns what is kept of a message.
func (o *Outgoing) stored(g given, now time.Time) QueuedMessage {
	m := QueuedMessage{
		ID: o.ID(), From: o.key.from.address, To: o.key.to, Packed: o.message.packed, Method: o.method, Propagate: o.fallback,
		Priority: o.priority, MaxStampCost: o.maxCost, Ratchet: g.ratchet, QueuedAt: now.Round(0), Expires: o.expires.Round(0),
	}
	if g.identity != nil {
		m.Identity = g.identity.PublicKey()
	}
	return m
}

// restore reads what was kept over the restart. Messages wait for their delivery to be added.
func (r *Router) restore(ctx context.Context) error {
	now := time.Now()
	var kept []QueuedMessage
	var surplus []MessageID
	for m, err := range r.store.Queued(ctx) {
		switch {
		case err != nil:
			return err
		case len(kept) >= r.config.MaxQueue || m.left(now) <= 0:
			surplus = append(surplus, m.ID)
		default:
			kept = append(kept, m)
		}
	}
	r.count.expiredKept.Add(uint64(len(surplus)))
	r.kept.drop(surplus...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.orphans = kept
	return nil
}

// left is how long a kept message may still take. A clock that was set back does not make it longer.
func (m *QueuedMessage) left(now time.Time) time.Duration {
	return min(m.Expires.Sub(now), m.Expires.Sub(m.QueuedAt))
}

// adoptLocked queues the kept messages of a delivery. What cannot be read is dropped. r.mu is held.
func (r *Router) adoptLocked(d *Delivery) (adopted []*Outgoing) {
	now := time.Now()
	others := r.orphans[:0]
	for _, q := range r.orphans {
		if q.From != d.address {
			others = append(others, q)
			continue
		}
		m, err := Unpack(q.Packed)
		if err != nil || m.ID() != q.ID || !q.Priority.valid() {
			r.log.Warn("kept message cannot be read", "dest", q.To, "err", err)
			r.kept.drop(q.ID)
			continue
		}
		g := given{ratchet: q.Ratchet}
		if q.Identity != nil {
			g.identity, _ = rns.NewPublicIdentity(q.Identity) // nil: it is asked for
		}
		r.queue.order++
		o := &Outgoing{
			r: r, key: recipientKey{from: d, to: q.To}, message: m, current: m, method: q.Method, fallback: q.Propagate, keep: true,
			priority: q.Priority, maxCost: min(q.MaxStampCost, r.config.MaxStampCost), expires: now.Add(q.left(now)),
			state: StateQueued, progress: progressQueued, order: r.queue.order, done: make(chan struct{}),
		}
		r.queue.add(o)
		r.count.restored.Add(1)
		r.handLocked(g, o)
		adopted = append(adopted, o)
	}
	clear(r.orphans[len(others):])
	r.orphans = others
	return adopted
}

// restored tells the application of messages that go on after a restart.
func (r *Router) restored(all []*Outgoing) {
	if r.config.OnRestored != nil {
		for _, o := range all {
			r.config.OnRestored(o)
		}
	}
}

// keptMessages drops kept messages that have ended from storage, in a goroutine of its own and many at a time, so that nobody
// waits for it.
type keptMessages struct {
	r       *Router
	changed chan struct{} // capacity 1

	mu   sync.Mutex // leaf
	gone []MessageID
}

// drop says that messages have ended. It does not block.
func (k *keptMessages) drop(ids ...MessageID) {
	if len(ids) == 0 {
		return
	}
	k.mu.Lock()
	k.gone = append(k.gone, ids...) // no more than were queued
	k.mu.Unlock()
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// run is the life of the goroutine. At its end it drops what is left, unless storage takes too long.
func (k *keptMessages) run(life context.Context) {
	var retry <-chan time.Time
	for {
		select {
		case <-k.changed:
		case <-retry:
		case <-life.Done():
			return
		}
		retry = nil
		if !k.flush(life) {
			retry = time.After(keepRetry)
		}
	}
}

// flush drops what has ended; false: storage failed.
func (k *keptMessages) flush(ctx context.Context) bool {
	for {
		k.mu.Lock()
		n := min(len(k.gone), keepBatch)
		batch := k.gone[:n:n]
		k.mu.Unlock()
		if n == 0 {
			return true
		}
		if err := k.r.store.DeleteQueued(ctx, batch...); err != nil {
			k.r.count.storeErrors.Add(1)
			k.r.log.Warn("messages that have ended are still kept", "number", n, "err", err)
			return false
		}
		k.mu.Lock()
		k.gone = k.gone[n:]
		k.mu.Unlock()
	}
}

// end drops the last ones, once nothing ends any more.
func (k *keptMessages) end(life context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(life), keepGrace)
	defer cancel()
	k.flush(ctx)
}
