package rns

import (
	"slices"
	"time"
)

const (
	// maxHeldFrames bounds the packets of ours that are held back; one more goes out at once.
	maxHeldFrames = 1024
	// heldTogether is how much longer a packet is held, at most, to go out with those before it.
	heldTogether = 2 * time.Millisecond
)

// heldFrames are packets of ours that must not go out yet (DestinationConfig.AnswerDelay), by the time when they may. It is owned by
// the loop.
type heldFrames struct{ frames []outFrame }

// add takes a frame. It reports false when there is no room.
func (h *heldFrames) add(f outFrame) bool {
	if len(h.frames) >= maxHeldFrames {
		return false
	}
	at := len(h.frames)
	for at > 0 && f.notBefore.Before(h.frames[at-1].notBefore) { // nearly always none: delays are much the same
		at--
	}
	h.frames = slices.Insert(h.frames, at, f)
	return true
}

// due takes out those that may go out.
func (h *heldFrames) due(now time.Time) (due []outFrame) {
	n := 0
	for n < len(h.frames) && !now.Before(h.frames[n].notBefore) {
		n++
	}
	due = slices.Clone(h.frames[:n])
	h.frames = slices.Delete(h.frames, 0, n)
	return due
}

// next is when the oldest should go out, together with those that follow soon.
func (h *heldFrames) next() (at time.Time, ok bool) {
	if len(h.frames) == 0 {
		return at, false
	}
	return h.frames[0].notBefore.Add(heldTogether), true
}
