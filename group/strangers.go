package group

import (
	"maps"
	"sync"
	"time"
)

// strangers counts what people outside were answered, so that nobody makes the group transmit at will. In memory: a
// restart forgives. Bounds: maxStrangers people, of whom the one first heard is forgotten; maxCarriers interfaces, the others
// share one count.
type strangers struct {
	mu        sync.Mutex // leaf
	seen      map[strangerKey]strangerCount
	hours     map[string]strangerHour // by interface
	refused   uint64
	forgotten uint64
}

type strangerKey struct {
	group GroupID
	who   IdentityHash
}

type strangerCount struct {
	day     time.Time // when his day began
	answers int
	hint    time.Time // the last one
}

type strangerHour struct {
	began   time.Time
	answers int
}

// StrangerAnswer says whether a stranger may get an answer now, and counts it: the answer to a command (so many a day per
// identity), or with hint the one hint a day; both within the hourly cap of the interface that he was heard on, by its name. The
// caller has made sure that he is a stranger: the banned get silence.
func (h *Hub) StrangerAnswer(g GroupID, who IdentityHash, carrier string, hint bool) bool {
	h.pressures.add(g, h.now())
	return h.strangers.take(strangerKey{g, who}, carrier, hint, h.now(), h.limits)
}

func (s *strangers) take(k strangerKey, carrier string, hint bool, now time.Time, l Limits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := func(t time.Time, span time.Duration) bool { d := now.Sub(t); return t.IsZero() || d >= span || d < 0 }
	if _, known := s.hours[carrier]; !known && len(s.hours) >= maxCarriers {
		maps.DeleteFunc(s.hours, func(_ string, h strangerHour) bool { return old(h.began, time.Hour) })
		if len(s.hours) >= maxCarriers {
			carrier = ""
		}
	}
	hour := s.hours[carrier]
	if old(hour.began, time.Hour) {
		hour = strangerHour{began: now}
	}
	c := s.seen[k]
	if old(c.day, 24*time.Hour) {
		c.day, c.answers = now, 0
	}
	if hour.answers >= l.StrangersPerHour || (hint && !old(c.hint, hintEvery)) || (!hint && c.answers >= l.StrangerAnswers) {
		s.refused++
		return false
	}
	hour.answers++
	if hint {
		c.hint = now
	} else {
		c.answers++
	}
	if s.seen == nil {
		s.seen, s.hours = make(map[strangerKey]strangerCount), make(map[string]strangerHour)
	}
	if _, known := s.seen[k]; !known && len(s.seen) >= maxStrangers {
		s.makeRoom(old)
	}
	s.seen[k], s.hours[carrier] = c, hour
	return true
}

// makeRoom forgets those who may have everything again, or else the one whose day began first. s.mu is held.
func (s *strangers) makeRoom(old func(time.Time, time.Duration) bool) {
	var first strangerKey
	var began time.Time
	for k, c := range s.seen {
		if old(c.day, 24*time.Hour) && old(c.hint, hintEvery) {
			delete(s.seen, k)
		} else if began.IsZero() || c.day.Before(began) {
			first, began = k, c.day
		}
	}
	if len(s.seen) >= maxStrangers {
		delete(s.seen, first)
		s.forgotten++
	}
}
