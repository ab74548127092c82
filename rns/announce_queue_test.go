package rns

import (
	"testing"
	"time"
)

func queued(d, hops int, emitted int64, size int) queuedAnnounce {
	return queuedAnnounce{destination: DestinationHash{byte(d), byte(d >> 8), byte(d >> 16)}, hops: hops, emitted: emitted, raw: make([]byte, size)}
}

// TestAnnounceCap: C-134.
func TestAnnounceCap(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := announceQueue{share: 0.02, bitrate: 20000}
	if !q.offer(queued(0, 1, 1, 183), now) {
		t.Fatal("the first announce has to wait")
	}
	for i := range 10 {
		if q.offer(queued(i+1, 1, 1, 183), now) {
			t.Fatal("the second does not")
		}
	}
	const spacing = 3660 * time.Millisecond
	for i := range 10 {
		due := now.Add(time.Duration(i+1) * spacing)
		if at, ok := q.next(); !ok || !at.Equal(due) {
			t.Errorf("announce %d at %v, want %v", i, at.Sub(now), due.Sub(now))
		}
		if _, ok := q.take(due.Add(-time.Millisecond)); ok {
			t.Error("too early")
		}
		if _, ok := q.take(due); !ok {
			t.Error("not sent")
		}
	}
	if _, ok := q.next(); ok || q.bytes != 0 || q.ages.Len() != 0 || len(q.waiting) != 0 {
		t.Error("something stays")
	}
}

// TestAnnounceQueueOrder: C-135, I-150. The reference overwrites the last entry instead of that of the destination (spec 1 §6.10).
func TestAnnounceQueueOrder(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := announceQueue{share: 1, bitrate: 1e6, allowedAt: now.Add(time.Hour)}
	q.offer(queued(1, 5, 10, 100), now)
	q.offer(queued(2, 2, 10, 100), now.Add(time.Second))
	q.offer(queued(3, 2, 10, 100), now)
	q.offer(queued(1, 9, 9, 400), now)  // older: not taken
	q.offer(queued(1, 9, 10, 400), now) // as old
	q.offer(queued(1, 1, 11, 200), now) // newer
	if q.bytes != 400 || q.order.len() != 3 {
		t.Errorf("%d bytes, %d announces", q.bytes, q.order.len())
	}
	for i, size := range []int{200, 100, 100} {
		raw, ok := q.take(now.Add(time.Duration(i+2) * time.Hour))
		if !ok || len(raw) != size {
			t.Errorf("announce %d of %d bytes, want %d", i, len(raw), size)
		}
	}
	q.offer(queued(4, 1, 1, 100), now)
	q.allowedAt = now.Add(30 * time.Hour)
	q.offer(queued(5, 1, 1, 100), now.Add(10*time.Hour))
	if raw, ok := q.take(now.Add(25 * time.Hour)); ok || raw != nil || q.order.len() != 1 || q.expired != 1 {
		t.Error("what waited for a day is not dropped")
	}
}

// I-150: 16384 announces, and so many bytes; one per destination is in TestAnnounceQueueOrder.
func TestAnnounceQueueIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := announceQueue{share: 1, bitrate: 1, allowedAt: now.Add(time.Hour)}
	for i := range announceQueueLength + 1000 {
		q.offer(queued(i, 1, 1, 183), now)
	}
	if q.order.len() != announceQueueLength || q.dropped != 1000 || len(q.waiting) != announceQueueLength {
		t.Errorf("%d wait, %d dropped", q.order.len(), q.dropped)
	}
	if n := q.clear(); n != announceQueueLength || q.order.len() != 0 || q.bytes != 0 {
		t.Error("not cleared")
	}
	for i := range announceQueueLength {
		q.offer(queued(i, 1, 1, 500), now)
	}
	if q.bytes > announceQueueBytes || q.dropped <= 1000 {
		t.Errorf("%d bytes", q.bytes)
	}
}

// TestUnknownBitrate: E-70.
func TestUnknownBitrateHasAnAnnounceCap(t *testing.T) {
	q := announceQueue{share: 0.02}
	if p := q.pause(100); p != 640*time.Millisecond {
		t.Error(p)
	}
}
