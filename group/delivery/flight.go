package delivery

import (
	"maps"
	"slices"
	"time"

	"groupd/group"
)

// flight is one parcel from the decision to make it until its end.
type flight struct {
	ticket    *ticket
	lane      *lane
	courier   Courier
	recipient Recipient // without the member's row
	way       Way
	priority  Priority
	reserved  time.Duration // of the lane's tokens, until the cost is known
	news      group.Rev     // what the group had when it began
	urgent    group.Rev
	ours, all time.Duration // charged
}

// next begins what there is room for, in the order of priorities, and tells when to look again at the latest; 0: when
// something happens.
func (b *book) next(now time.Duration, wall time.Time) (begin []*flight, again time.Duration) {
	sooner := func(at time.Duration) {
		if again == 0 || at < again {
			again = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.lanes)) {
		l := b.lanes[name]
		for l.Up && b.flying < maxFlights {
			t, w := l.first(now)
			if w > 0 {
				sooner(now + w)
			}
			if t == nil {
				break
			}
			if b.hush(now, wall, t) || b.overShare(now, l, t) {
				continue
			}
			if l.flights(t.priority) <= 0 {
				break
			}
			if w := l.wait(now, t.priority, l.likely(t.priority)); w > 0 {
				sooner(now + w)
				break
			}
			begin = append(begin, b.fly(l, t))
		}
	}
	if t := b.later.top(); t != nil {
		sooner(t.due)
	}
	return begin, again
}

// fly takes a ticket off.
func (b *book) fly(l *lane, t *ticket) *flight {
	t.leave()
	t.flying = true
	l.flying++
	b.flying++
	f := &flight{
		ticket: t, lane: l, courier: t.roster.couriers[t.prefs.Mode], priority: t.priority, reserved: l.typical, news: t.roster.news, urgent: t.roster.urgent,
		recipient: Recipient{
			Group: t.roster.id, Preferences: t.prefs, After: t.cursor, Emergency: t.urgent(), Moved: t.moved,
			Node: t.toNode(),
		},
		way: Way{Interface: l.Name, Hops: t.hops, Slow: l.Slow(), MaxBytes: l.maxBytes()},
	}
	l.tokens -= f.reserved
	return f
}

// overShare lets a ticket wait whose member has used up his share of a slow interface.
func (b *book) overShare(now time.Duration, l *lane, t *ticket) bool {
	if !l.Slow() || t.priority == Emergency {
		return false
	}
	owed := t.owes(now, l)
	if owed <= l.memberHour() {
		return false
	}
	wait := time.Duration(float64(owed-l.memberHour())/l.memberRate()) + time.Second
	b.postpone(t, now+min(wait, time.Hour))
	b.count.OverShare++
	return true
}

// owes is what of his airtime his share has not made good yet.
func (t *ticket) owes(now time.Duration, l *lane) time.Duration {
	return max(0, t.spent-time.Duration(l.memberRate()*float64(now-t.spentAt)))
}

// land gives back what a flight held.
func (b *book) land(f *flight) {
	f.ticket.flying = false
	f.lane.flying--
	b.flying--
	b.release(f)
}

// release gives back what was reserved.
func (b *book) release(f *flight) {
	f.lane.tokens += f.reserved
	f.reserved = 0
}

// decision is what to do with a parcel that was made.
type decision uint8

const (
	carry decision = iota // charged: carry it
	ended                 // nothing to carry, the flight is over
	move                  // the same, and the member is moved to digest: his row is to be changed
)

// prepared decides about a parcel that a courier has made.
func (b *book) prepared(now time.Duration, f *flight, p Parcel, failed error) decision {
	t, l := f.ticket, f.lane
	b.release(f)
	if t.gone {
		b.land(f)
		return ended
	}
	if failed != nil || p.To < f.recipient.After || l.maxBytes() > 0 && p.Bytes > l.maxBytes() && f.priority != Emergency {
		b.count.Failed++
		b.land(f)
		b.postpone(t, now+againWithout)
		return ended
	}
	if p.Bytes <= 0 {
		b.land(f)
		if p.To == f.recipient.After {
			p.To = max(p.To, f.news)
		}
		b.arrive(f, p)
		b.count.Skipped++
		b.look(now, t)
		return ended
	}
	f.ours, f.all = l.Cost(p)
	if f.priority != Emergency && t.prefs.Mode == group.DeliverRelay && l.Slow() && f.all+l.airtimeOf(p.Backlog) > l.memberHour() {
		b.land(f)
		t.prefs.Mode, t.moved, t.due, t.ever = group.DeliverDigest, true, now, false
		b.count.Moved++
		b.mark(t)
		b.look(now, t)
		return move
	}
	if w := l.overDuty(now, f.priority, f.ours); w > 0 {
		b.land(f)
		b.postpone(t, now+w)
		return ended
	}
	l.typical = (7*l.typical + f.all) / 8
	l.charge(now, f.priority, t.id, f.ours, f.all)
	if l.Slow() {
		l.spend(now, t.roster, f.all)
		t.spent, t.spentAt = t.owes(now, l)+f.all, now
		b.mark(t)
	}
	return carry
}

// done books what became of a parcel.
func (b *book) done(now time.Duration, f *flight, p Parcel, o Outcome) {
	t, l := f.ticket, f.lane
	b.land(f)
	if o == Unreached || o == NoNode { // little or nothing was sent
		l.charge(now, f.priority, t.id, -f.ours, -f.all)
		if l.Slow() {
			l.spend(now, t.roster, -f.all)
			t.spent = max(0, t.owes(now, l)-f.all)
			t.spentAt = now
		}
	}
	if t.gone {
		return
	}
	switch o {
	case Proved:
		b.count.Proved++
		l.parcels[f.priority]++
		t.roster.confirmed.add(now, 1)
		t.state, t.attempts, t.proved, t.ever = group.DeliveryIdle, 0, now, true
		b.arrive(f, p)
	case LeftAtNode:
		b.count.LeftAtNode++
		l.parcels[f.priority]++
		t.state, t.attempts, t.due = group.DeliveryAtNode, directTries, now+nodeGap
		b.arrive(f, p)
	case NoNode:
		t.noNode = true
		b.postpone(t, now+againWithout)
		return
	default:
		b.count.NotProved++
		b.retry(now, t)
		return
	}
	b.look(now, t)
}

// abort ends a flight that our own end cut short: it counts as no attempt.
func (b *book) abort(now time.Duration, f *flight) {
	b.land(f)
	if !f.ticket.gone {
		b.look(now, f.ticket)
	}
}

// arrive moves the cursor to what a parcel covers.
func (b *book) arrive(f *flight, p Parcel) {
	t := f.ticket
	if f.recipient.Emergency {
		t.alerted = max(t.alerted, f.urgent)
	}
	if f.recipient.Moved {
		t.moved = false
	}
	t.cursor = max(t.cursor, p.To)
	b.mark(t)
}

// retry lets a member wait for another try, or until he is heard.
func (b *book) retry(now time.Duration, t *ticket) {
	t.attempts++
	if t.attempts >= maxTries {
		t.state, t.alerted = group.DeliveryWaits, t.roster.urgent
		b.mark(t)
		b.look(now, t)
		return
	}
	t.state = group.DeliveryFailed
	wait := retryAfter(t.attempts)
	t.due = now + wait + time.Duration((b.jitter()-0.5)*float64(wait)/4)
	b.mark(t)
	t.leave()
	b.later.add(t)
}

// retryAfter is the wait after so many attempts without a proof.
func retryAfter(attempts int) time.Duration {
	switch attempts {
	case 0, 1:
		return 20 * time.Second
	case 2:
		return time.Minute
	case 3:
		return 3 * time.Minute
	case 4:
		return 10 * time.Minute
	}
	return 30 * time.Minute
}
