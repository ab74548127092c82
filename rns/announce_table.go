package rns

import (
	"cmp"
	"slices"
	"time"
)

const (
	// announceWindow is the random delay before an announce is passed on, announceGrace the time after which it is
	// passed on once more unless others did (spec 1 §6.9).
	announceWindow = 500 * time.Millisecond
	announceAgain  = 5*time.Second + announceWindow
	announceTries  = 2
	// announceEchoes is how many neighbours at our distance must be heard passing it on to leave out the second time.
	announceEchoes = 2

	// pathAnswerGrace is how long the owner of a destination has to answer a path request before we do,
	// pathAnswerRoaming what is added on roaming interfaces (spec 1 §6.14).
	pathAnswerGrace   = 400 * time.Millisecond
	pathAnswerRoaming = 1500 * time.Millisecond

	// maxScheduledAnnounces bounds the announces and the path answers that wait, each. When there are as many, the newest
	// is not sent.
	maxScheduledAnnounces = 16384
)

// scheduledAnnounce is an announce that is to be sent: passed on to all, or as the answer to a path request.
type scheduledAnnounce struct {
	destination DestinationHash
	on          *attached     // answers: the interface that asked; nil: to all that may have it
	raw         announceBytes // to be passed on; answers take the announce of the path when they are sent
	hops        int           // as stored in the path table, which is what is sent
	at          time.Time     // when it is sent next
	tries       int           // how often it was sent
	echoes      int           // how often neighbours at our distance passed it on
	index       int
}

func (s *scheduledAnnounce) before(o *scheduledAnnounce) bool { return s.at.Before(o.at) }
func (s *scheduledAnnounce) place() *int                      { return &s.index }

// announceTable holds the announces to be sent (the announce table and the held announces of transport, spec 1 §6.1).
// Answers do not displace announces that are passed on. It is owned by the loop.
type announceTable struct {
	limit   int
	relays  map[DestinationHash]*scheduledAnnounce
	answers map[answerKey]*scheduledAnnounce
	asked   map[DestinationHash]int // how many answers of a destination wait
	order   timeline[*scheduledAnnounce]
	full    uint64 // not taken in, the table being full
}

func newAnnounceTable(limit int) announceTable {
	return announceTable{
		limit:   limit,
		relays:  make(map[DestinationHash]*scheduledAnnounce),
		answers: make(map[answerKey]*scheduledAnnounce),
		asked:   make(map[DestinationHash]int),
	}
}

// relay takes in an accepted announce that is to be passed on: twice, the first time after delay; or once, at once, when
// it is from a local client. It replaces an older one of the same destination.
func (t *announceTable) relay(a *heardAnnounce, delay time.Duration, once bool, now time.Time) bool {
	s := t.relays[a.destination]
	if s == nil {
		if len(t.relays) >= t.limit {
			t.full++
			return false
		}
		s = &scheduledAnnounce{destination: a.destination}
		t.relays[a.destination] = s
		s.at = now.Add(delay)
		t.order.add(s)
	} else {
		s.at = now.Add(delay)
		t.order.moved(s)
	}
	s.raw, s.hops, s.tries, s.echoes = a.bytes(), a.hops, 0, 0
	if once {
		s.tries = announceTries - 1
	}
	return true
}

// answer takes in the answer to a path request, unless one waits already.
func (t *announceTable) answer(d DestinationHash, on *attached, hops int, at time.Time) bool {
	k := answerKey{d, on}
	if t.answers[k] != nil {
		return true
	}
	if len(t.answers) >= t.limit {
		t.full++
		return false
	}
	s := &scheduledAnnounce{destination: d, on: on, hops: hops, at: at, tries: announceTries - 1}
	t.answers[k] = s
	t.asked[d]++
	t.order.add(s)
	return true
}

// overheard notes that a neighbour passed an announce on, heard with so many hops (the byte on the wire plus one). Two
// neighbours as far away as we are make our second time needless, one who is further away shows that ours was heard. An
// answer is left out when two others at our distance gave it on the same interface.
func (t *announceTable) overheard(d DestinationHash, on *attached, hops int, now time.Time) {
	if s := t.relays[d]; s != nil {
		switch hops - 1 {
		case s.hops:
			s.echoes++
			if s.tries > 0 && s.echoes >= announceEchoes {
				t.remove(s)
			}
		case s.hops + 1:
			if s.tries > 0 && now.Before(s.at) {
				t.remove(s)
			}
		}
	}
	if t.asked[d] == 0 {
		return
	}
	if s := t.answers[answerKey{d, on}]; s != nil && hops-1 == s.hops {
		if s.echoes++; s.echoes >= announceEchoes {
			t.remove(s)
		}
	}
}

// due returns what is to be sent now, those of fewest hops first. What is to be sent again later stays.
func (t *announceTable) due(now time.Time) []scheduledAnnounce {
	var out []scheduledAnnounce
	for t.order.len() > 0 && !t.order.first().at.After(now) {
		s := t.order.first()
		out = append(out, *s)
		if s.tries++; s.tries >= announceTries {
			t.remove(s)
			continue
		}
		s.at = now.Add(announceAgain)
		t.order.moved(s)
	}
	slices.SortStableFunc(out, func(a, b scheduledAnnounce) int { return cmp.Compare(a.hops, b.hops) })
	return out
}

// next is when something is due; ok is false when nothing waits.
func (t *announceTable) next() (at time.Time, ok bool) {
	if t.order.len() == 0 {
		return at, false
	}
	return t.order.first().at, true
}

// detach drops the answers to an interface that is gone.
func (t *announceTable) detach(on *attached) {
	for k, s := range t.answers {
		if k.on == on {
			t.remove(s)
		}
	}
}

// drop forgets what waits of a destination.
func (t *announceTable) drop(d DestinationHash) {
	if s := t.relays[d]; s != nil {
		t.remove(s)
	}
}

// dropAnswers forgets the answers that wait for a destination.
func (t *announceTable) dropAnswers(d DestinationHash) {
	if t.asked[d] == 0 {
		return
	}
	for k, s := range t.answers {
		if k.destination == d {
			t.remove(s)
		}
	}
}

func (t *announceTable) clear() {
	*t = announceTable{
		limit: t.limit, relays: make(map[DestinationHash]*scheduledAnnounce),
		answers: make(map[answerKey]*scheduledAnnounce), asked: make(map[DestinationHash]int), full: t.full,
	}
}

func (t *announceTable) remove(s *scheduledAnnounce) {
	t.order.remove(s)
	defer t.shrink()
	if s.on == nil {
		delete(t.relays, s.destination)
		return
	}
	delete(t.answers, answerKey{s.destination, s.on})
	if t.asked[s.destination]--; t.asked[s.destination] == 0 {
		delete(t.asked, s.destination)
	}
}

// shrink gives back what a burst took, once nothing waits any more.
func (t *announceTable) shrink() {
	if t.order.len() == 0 && cap(t.order.items) > 1024 {
		t.clear()
	}
}
