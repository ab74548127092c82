package rns

import (
	"container/list"
	"time"
)

const (
	// announceQueueLength and announceQueueBytes bound the announces that wait for an interface's announce cap. Further
	// ones are dropped.
	announceQueueLength = 16384
	announceQueueBytes  = 4 << 20
	// announceQueueAge is how long they wait at most.
	announceQueueAge = 24 * time.Hour
	// assumedBitrate stands for an unknown one, in bit/s.
	assumedBitrate = 62500
)

// queuedAnnounce is an announce that waits until an interface may send one.
type queuedAnnounce struct {
	destination DestinationHash
	emitted     int64 // emission time, Unix seconds
	hops        int
	raw         []byte
	at          time.Time // when it was queued
	index       int
	age         *list.Element
}

func (q *queuedAnnounce) before(o *queuedAnnounce) bool {
	if q.hops != o.hops {
		return q.hops < o.hops
	}
	return q.at.Before(o.at)
}
func (q *queuedAnnounce) place() *int { return &q.index }

// announceQueue keeps relayed announces within a share of an interface's bitrate (spec 1 §6.10). The zero value needs its
// fields share and bitrate; it is owned by the loop.
type announceQueue struct {
	share   float64 // of the bitrate
	bitrate int64   // bit/s

	allowedAt time.Time
	waiting   map[DestinationHash]*queuedAnnounce
	order     timeline[*queuedAnnounce] // fewest hops first, then oldest
	ages      list.List                 // of *queuedAnnounce, oldest first
	bytes     int
	dropped   uint64 // not queued, the queue being full
	expired   uint64
}

// pause is how long sending so many bytes occupies the interface's share.
func (q *announceQueue) pause(bytes int) time.Duration {
	bitrate := q.bitrate
	if bitrate <= 0 {
		bitrate = assumedBitrate
	}
	return time.Duration(float64(bytes*8) / float64(bitrate) / q.share * float64(time.Second))
}

// open reports whether an announce, or a path request for others, may go out now.
func (q *announceQueue) open(now time.Time) bool {
	return q.order.len() == 0 && !now.Before(q.allowedAt)
}

// spend notes that so many bytes go out now.
func (q *announceQueue) spend(bytes int, now time.Time) { q.allowedAt = now.Add(q.pause(bytes)) }

// offer reports whether an announce may be sent now. Else it is queued: one per destination, the newest.
func (q *announceQueue) offer(a queuedAnnounce, now time.Time) (send bool) {
	if q.open(now) {
		q.spend(len(a.raw), now)
		return true
	}
	if old := q.waiting[a.destination]; old != nil {
		if a.emitted <= old.emitted {
			return false
		}
		q.bytes += len(a.raw) - len(old.raw)
		old.emitted, old.hops, old.raw, old.at = a.emitted, a.hops, a.raw, now
		q.ages.MoveToBack(old.age)
		q.order.moved(old)
		return false
	}
	if q.order.len() >= announceQueueLength || q.bytes+len(a.raw) > announceQueueBytes {
		q.dropped++
		return false
	}
	if q.waiting == nil {
		q.waiting = make(map[DestinationHash]*queuedAnnounce)
	}
	a.at = now
	q.waiting[a.destination] = &a
	a.age = q.ages.PushBack(&a)
	q.order.add(&a)
	q.bytes += len(a.raw)
	return false
}

// take returns the announce that may be sent now, if any.
func (q *announceQueue) take(now time.Time) (raw []byte, ok bool) {
	for front := q.ages.Front(); front != nil; front = q.ages.Front() {
		oldest := front.Value.(*queuedAnnounce)
		if now.Sub(oldest.at) <= announceQueueAge {
			break
		}
		q.remove(oldest)
		q.expired++
	}
	if q.order.len() == 0 || now.Before(q.allowedAt) {
		return nil, false
	}
	a := q.order.first()
	q.remove(a)
	q.spend(len(a.raw), now)
	return a.raw, true
}

// next is when take has something; ok is false when nothing waits.
func (q *announceQueue) next() (at time.Time, ok bool) { return q.allowedAt, q.order.len() > 0 }

// clear drops all that waits, and returns how much that was.
func (q *announceQueue) clear() int {
	n := q.order.len()
	q.waiting, q.order, q.bytes = nil, timeline[*queuedAnnounce]{}, 0
	q.ages.Init()
	return n
}

func (q *announceQueue) remove(a *queuedAnnounce) {
	q.order.remove(a)
	q.ages.Remove(a.age)
	delete(q.waiting, a.destination)
	q.bytes -= len(a.raw)
}
