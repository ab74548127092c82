package rns

import (
	"sync"
	"time"
)

// What comes as a resource over links whose other end has not identified, where [DestinationConfig].BoundStrangers is set.
const (
	// strangerTime is how long a stranger's resource may take by the bitrate of the interface.
	strangerTime = 2 * time.Minute
	// strangerPatience is how long it may take indeed before the next one is let in beside it.
	strangerPatience = 2 * strangerTime
)

// strangerSlots holds the one resource of a stranger that each interface may carry. The zero value is ready.
type strangerSlots struct {
	mu    sync.Mutex // leaf
	taken map[*attached]strangerSlot
}

type strangerSlot struct {
	link  *Link
	hash  ResourceHash
	until time.Time
}

// free reports whether the resource may begin now; take also makes it the one that the interface carries.
func (s *strangerSlots) free(l *Link, hash ResourceHash, now time.Time, take bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	on := l.arrived
	if slot, ok := s.taken[on]; ok && now.Before(slot.until) {
		return slot.link == l && slot.hash == hash
	}
	if take {
		if s.taken == nil {
			s.taken = make(map[*attached]strangerSlot)
		}
		s.taken[on] = strangerSlot{l, hash, now.Add(strangerPatience)}
	}
	return true
}

// done makes room when a resource has arrived or failed.
func (s *strangerSlots) done(l *Link, hash ResourceHash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot, ok := s.taken[l.arrived]; ok && slot.link == l && slot.hash == hash {
		delete(s.taken, l.arrived)
	}
}

// checkStranger decides about a resource of a stranger without taking the place of the interface: when not ok, the decision
// is to refuse or to ignore it.
func (l *Link) checkStranger(o ResourceOffer) (ResourceDecision, bool) {
	return l.boundStranger(o, false)
}

// admitStranger is checkStranger and takes the place.
func (l *Link) admitStranger(o ResourceOffer) (ResourceDecision, bool) {
	return l.boundStranger(o, true)
}

func (l *Link) boundStranger(o ResourceOffer, take bool) (ResourceDecision, bool) {
	if l.initiator || l.now.remote != nil || !l.target.boundsStrangers() {
		return ResourceDecision{}, true
	}
	if rate := l.now.on.properties.Bitrate; rate > 0 && o.Size > rate/8*int64(strangerTime/time.Second) {
		l.shared.counters.oversize.Add(1)
		return ResourceDecision{}, false
	}
	if !l.shared.strangers.free(l, o.Hash, time.Now(), take) {
		l.shared.counters.strangerBusy.Add(1)
		return ResourceDecision{Ignore: true}, false
	}
	return ResourceDecision{}, true
}
