package delivery

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"groupd/group"
)

// Tunables of the airtime.
const (
	// MostShare is the part of the time that all groups together may use of an interface where nothing else is said; what is left is
	// for others, and for what members send.
	MostShare = 0.75
	// MemberShare is the part of an interface's share that one member may use, over an hour.
	MemberShare = 1.0 / 20
	// burst is how long a share may be saved up.
	burst = time.Minute
	// slowFlights and fastFlights bound the parcels on their way over one interface, urgentFlights those of emergencies over
	// a slow one, which wait for no share.
	slowFlights   = 16
	fastFlights   = 64
	urgentFlights = 2
	// dutyRest is the part of the legal duty cycle that is kept for emergencies and answers.
	dutyRest = 0.1
	// expectFor is about how long what was charged may take to be transmitted.
	expectFor = 2 * time.Minute
	// fullPacket is the size in bytes of a full packet on the air.
	fullPacket = 500
	// spenders is how many members' airtime is told apart per interface; where there are more, the half who spent least counts
	// among all others.
	spenders = 512
)

// lane is one interface with its account of airtime. Durations without a name are airtime.
type lane struct {
	Interface
	share   float64
	tokens  time.Duration // what may be spent; below zero it is owed
	filled  time.Duration // when, since the start
	hour    window        // what we transmitted
	typical time.Duration // of parcels so far

	measured time.Duration // the last Interface.Transmitted
	expected time.Duration // charged, and not seen in it yet
	looked   time.Duration // when it was looked at
	seen     bool

	spent   [priorities]time.Duration
	parcels [priorities]uint64
	who     map[group.IdentityHash]time.Duration
	others  time.Duration

	lines  map[*roster]*line
	flying int
}

// line is the members of one group who wait for their turn on an interface, with the group's part of it.
type line struct {
	ready  queue
	tokens time.Duration
	filled time.Duration
}

func newLane(now time.Duration, i Interface, share float64) *lane {
	l := &lane{filled: now, hour: newHour(), who: make(map[group.IdentityHash]time.Duration), lines: make(map[*roster]*line)}
	l.set(now, i, share)
	l.tokens = l.most()
	l.typical = i.Airtime(fullPacket) + i.Airtime(ProofBytes)
	return l
}

// set takes a new snapshot of the interface; share is what the groups may have of it together where it does not say. What it transmitted
// beside what we know of is charged as others'.
func (l *lane) set(now time.Duration, i Interface, share float64) {
	l.fill(now)
	l.Interface = i
	l.share = i.Share
	if l.share <= 0 {
		l.share = share
	}
	if i.Duty > 0 && i.Duty < 1 {
		l.share = min(l.share, i.Duty)
	}
	l.share = min(max(l.share, 0.001), 1)
	if i.Transmitted == 0 {
		return
	}
	if i.Transmitted < l.measured {
		l.measured = 0 // it started anew
	}
	grown := i.Transmitted - l.measured
	l.measured = i.Transmitted
	if !l.seen {
		l.seen = true
		return
	}
	known := min(grown, l.expected)
	grown -= known
	l.expected -= known
	// What was expected too much must not hide what others transmit later.
	l.expected -= time.Duration(float64(l.expected) * min(1, float64(now-l.looked)/float64(expectFor)))
	l.looked = now
	if grown > 0 {
		l.hour.add(now, grown)
		l.tokens -= grown
		l.spent[Other] += grown
	}
}

// add lets a ticket wait for its turn.
func (l *lane) add(now time.Duration, t *ticket) {
	n := l.lines[t.roster]
	if n == nil {
		n = &line{ready: queue{byPriority: true}, filled: now}
		n.tokens = l.most()
		l.lines[t.roster] = n
	}
	n.ready.add(t)
}

// waiting is how many wait for their turn.
func (l *lane) waiting() (n int) {
	for _, i := range l.lines {
		n += i.ready.Len()
	}
	return n
}

// first is whose turn it is, nil for nobody now. Groups that have had their share are passed over; then wait is how long the
// first of them has to wait.
func (l *lane) first(now time.Duration) (best *ticket, wait time.Duration) {
	for r, n := range l.lines {
		t := n.ready.top()
		if t == nil {
			continue
		}
		if w := n.wait(now, l, r.share); w > 0 && t.priority != Emergency && l.Slow() {
			if wait == 0 || w < wait {
				wait = w
			}
			continue
		}
		if best == nil || t.before(best) {
			best = t
		}
	}
	return best, wait
}

// fill brings a group's part up to date.
func (n *line) fill(now time.Duration, l *lane, share float64) {
	n.tokens = min(n.tokens+time.Duration(share*float64(now-n.filled)), l.most())
	n.filled = now
}

// wait is how long until the group has a part again; 0 where it is no smaller than all that there is.
func (n *line) wait(now time.Duration, l *lane, share float64) time.Duration {
	n.fill(now, l, share)
	if n.tokens > 0 || share >= l.share {
		return 0
	}
	return time.Duration(float64(-n.tokens)/share) + time.Millisecond
}

// spend takes from a group's part of the interface.
func (l *lane) spend(now time.Duration, r *roster, d time.Duration) {
	if n := l.lines[r]; n != nil {
		n.fill(now, l, r.share)
		n.tokens -= d
	}
}

// most is how much may be saved up: at least a full packet.
func (l *lane) most() time.Duration {
	return max(time.Duration(l.share*float64(burst)), l.Airtime(fullPacket))
}

func (l *lane) fill(now time.Duration) {
	l.tokens = min(l.tokens+time.Duration(l.share*float64(now-l.filled)), l.most())
	l.filled = now
}

// wait is how long something of a priority must wait before it may be sent, of which ours is what we transmit; 0: not at all.
func (l *lane) wait(now time.Duration, p Priority, ours time.Duration) time.Duration {
	l.fill(now)
	if w := l.overDuty(now, p, ours); w > 0 {
		return w
	}
	if p == Emergency || l.tokens > 0 || l.Airtime(fullPacket) == 0 {
		return 0
	}
	return time.Duration(float64(-l.tokens)/l.share) + time.Millisecond
}

// overDuty is how long until the legal duty cycle allows another transmission of this length; 0: it does.
func (l *lane) overDuty(now time.Duration, p Priority, ours time.Duration) time.Duration {
	if limit := l.dutyLimit(p); limit > 0 {
		return l.hour.wait(now, limit-ours)
	}
	return 0
}

// dutyLimit is what may be transmitted in an hour, of a priority; 0: no limit.
func (l *lane) dutyLimit(p Priority) time.Duration {
	if l.Duty <= 0 || l.Duty >= 1 {
		return 0
	}
	limit := l.Duty * float64(time.Hour)
	if p > Answer {
		limit *= 1 - dutyRest
	}
	return time.Duration(limit)
}

// likely is about what a parcel takes, no more than half of what the duty cycle allows: it may be a small one.
func (l *lane) likely(p Priority) time.Duration {
	if limit := l.dutyLimit(p); limit > 0 {
		return min(l.typical, limit/2)
	}
	return l.typical
}

// airtimeOf is about how long so many bytes take, in full packets with their proofs.
func (l *lane) airtimeOf(bytes int) time.Duration {
	return time.Duration(float64(bytes) / fullPacket * float64(l.Airtime(fullPacket)+l.Airtime(ProofBytes)))
}

// charge books what was or will be sent: ours is what we transmit, all what the channel is taken for. Negative values take it
// back.
func (l *lane) charge(now time.Duration, p Priority, who group.IdentityHash, ours, all time.Duration) {
	l.fill(now)
	l.tokens -= all
	l.hour.add(now, ours)
	l.expected = max(l.expected+ours, 0)
	l.spent[p] += all
	if who == (group.IdentityHash{}) {
		return
	}
	if _, known := l.who[who]; !known && len(l.who) >= spenders {
		l.forgetLeast()
	}
	l.who[who] += all
}

// forgetLeast counts the half who spent least among all others.
func (l *lane) forgetLeast() {
	ids := slices.SortedFunc(maps.Keys(l.who), func(a, b group.IdentityHash) int {
		return cmp.Or(cmp.Compare(l.who[a], l.who[b]), slices.Compare(a[:], b[:]))
	})
	for _, id := range ids[:len(ids)/2] {
		l.others += l.who[id]
		delete(l.who, id)
	}
}

// memberRate is the part of the time that one member may use.
func (l *lane) memberRate() float64 { return l.share * MemberShare }

// memberHour is an hour of one member's share.
func (l *lane) memberHour() time.Duration {
	return time.Duration(l.memberRate() * float64(time.Hour))
}

// maxBytes is the largest parcel: what an hour of one member's share carries, at least a full packet. 0: any.
func (l *lane) maxBytes() int {
	full := l.Airtime(fullPacket)
	if !l.Slow() || full <= 0 {
		return 0
	}
	return max(fullPacket, int(float64(fullPacket)*float64(l.memberHour())/float64(full)))
}

// flights is how many more parcels may be on their way, of this priority.
func (l *lane) flights(p Priority) int {
	switch {
	case !l.Slow():
		return fastFlights - l.flying
	case p == Emergency:
		return urgentFlights - l.flying
	}
	return slowFlights - l.flying
}
