package delivery

import (
	"time"

	"groupd/group"
	"groupd/moderation"
)

// Tunables of the order of things.
const (
	// pushGather, notifyGather and relayGather are how long what is new waits for more of it, so that many posts make one
	// parcel. notifyGap is the least time between two notifications.
	pushGather   = time.Second
	notifyGather = 5 * time.Second
	relayGather  = time.Second
	notifyGap    = time.Minute
	// directTries without a proof are made before a propagation node is tried, and maxTries in all, until the member is heard
	// again. heardGap is how often being heard changes anything.
	directTries = 3
	maxTries    = 6
	heardGap    = 5 * time.Minute
	// nodeGap is the least time between two parcels for one member at a propagation node.
	nodeGap = 10 * time.Minute
	// againWithout is when a member is looked at again who cannot be sent anything now.
	againWithout = 30 * time.Second
	// heardSpread is the time within which those are tried who were heard.
	heardSpread = 10 * time.Second
	// maxFlights bounds the parcels on their way in all, maxTickets the members kept in memory: further rows wait in the
	// database and are counted.
	maxFlights = 256
	maxTickets = 100_000
	// defaultShare is a group's until its policy is read.
	defaultShare = float64(moderation.DefaultAirtimeShare) / 100
)

// roster is one group.
type roster struct {
	id        group.GroupID
	tickets   map[group.IdentityHash]*ticket
	couriers  [group.DeliverDigest + 1]Courier
	news      group.Rev // newest change that is worth a parcel: an entry, a deletion
	urgent    group.Rev // newest emergency
	deletions uint64
	share     float64 // part of an interface's time that is for it
	confirmed window  // proofs
}

// book is the pure tables of the scheduler: who is behind, who waits for what, and what the air has room for. now is the time
// since the start, wall what the clock says, which only quiet hours and rows need. It is not for several goroutines at a time.
type book struct {
	groups  map[group.GroupID]*roster
	lanes   map[string]*lane
	later   queue // behind, and waiting for a time
	dirty   []*ticket
	tickets int
	flying  int
	count   Stats
	jitter  func() float64 // 0 … 1
}

func newBook(jitter func() float64) *book {
	return &book{groups: make(map[group.GroupID]*roster), lanes: make(map[string]*lane), jitter: jitter}
}

// roster finds or begins a group.
func (b *book) roster(g group.GroupID) *roster {
	r := b.groups[g]
	if r == nil {
		r = &roster{id: g, tickets: make(map[group.IdentityHash]*ticket), confirmed: newDay(), share: defaultShare}
		b.groups[g] = r
	}
	return r
}

// close forgets a group. Parcels on their way end as they may.
func (b *book) close(g group.GroupID) {
	if r := b.groups[g]; r != nil {
		for _, t := range r.tickets {
			b.drop(t)
		}
		for _, l := range b.lanes {
			delete(l.lines, r)
		}
		delete(b.groups, g)
	}
}

// drop forgets a member.
func (b *book) drop(t *ticket) {
	t.leave()
	t.gone = true
	delete(t.roster.tickets, t.id)
	b.tickets--
}

// put brings in a row: a new member's, or one whose preferences have changed.
func (b *book) put(now time.Duration, wall time.Time, d group.Delivery) {
	r := b.roster(d.Group)
	t := r.tickets[d.Identity]
	switch {
	case t == nil && !d.Sends():
		return
	case t != nil && !d.Sends():
		b.drop(t)
		return
	case t == nil && b.tickets >= maxTickets:
		b.count.TicketsFull++
		return
	case t == nil:
		t = &ticket{roster: r, id: d.Identity, cursor: d.Cursor, state: d.State, attempts: d.Attempts, moved: d.Moved, spent: d.Spent, ever: !d.Proved.IsZero()}
		t.due = now + within(d.Due.Sub(wall), longest(d.Preferences))
		t.proved = now - within(wall.Sub(d.Proved), group.MaxDigest)
		t.spentAt = now - within(wall.Sub(d.SpentAt), 24*time.Hour)
		t.heard = now - heardGap
		r.tickets[d.Identity] = t
		b.tickets++
	default: // he spoke to us, so what was wrong may be over
		first := d.Mode == group.DeliverDigest && !t.ever && !t.moved && t.attempts == 0 // has its time, and nothing is wrong
		t.due, t.attempts, t.noNode = now, 0, false
		if first || d.Mode != t.prefs.Mode {
			t.due, t.ever = now+within(d.Due.Sub(wall), d.Digest()), false
		}
		if t.state != group.DeliveryIdle {
			t.state = group.DeliveryIdle
		}
		b.mark(t)
		t.leave()
	}
	t.prefs = d.Preferences
	b.look(now, t)
}

// longest is the longest that a row can have to wait, whatever it says after the clock was set.
func longest(p group.Preferences) time.Duration {
	if p.Mode == group.DeliverDigest {
		return p.Digest()
	}
	return retryAfter(maxTries)
}

// within is a span that a row says, at least none and at most most.
func within(d, most time.Duration) time.Duration { return min(max(d, 0), most) }

// forget is put for who has no row.
func (b *book) forget(g group.GroupID, id group.IdentityHash) {
	if r := b.groups[g]; r != nil && r.tickets[id] != nil {
		b.drop(r.tickets[id])
	}
}

// news notes a change that is worth a parcel.
func (b *book) news(now time.Duration, g group.GroupID, rev group.Rev, urgent bool) {
	r := b.roster(g)
	r.news = max(r.news, rev)
	if urgent {
		r.urgent = max(r.urgent, rev)
	}
	for _, t := range r.tickets {
		b.look(now, t)
	}
}

// register sets who carries parcels of a mode; nil: nobody.
func (b *book) register(now time.Duration, g group.GroupID, m group.DeliveryMode, c Courier) {
	r := b.roster(g)
	r.couriers[m] = c
	for _, t := range r.tickets {
		b.look(now, t)
	}
}

// look lets a ticket wait for its time if its member is behind, unless it waits already.
func (b *book) look(now time.Duration, t *ticket) {
	urgent := t.urgent()
	missing := t.cursor < t.roster.news || urgent || t.moved
	if missing && !t.behind {
		t.since = now
	}
	t.behind = missing
	switch {
	case t.flying || t.gone:
		return
	case !missing:
		t.leave()
		return
	case t.roster.couriers[t.prefs.Mode] == nil:
		t.leave()
		return
	case urgent && t.in != nil && t.in.byPriority && t.priority == Emergency:
		return
	case urgent:
		t.due = now
	case t.state == group.DeliveryWaits:
		t.leave()
		return
	case t.in != nil:
		return
	default:
		t.due = max(t.due, now+t.gather(now))
	}
	b.later.add(t)
}

// gather is how long what is new waits for more.
func (t *ticket) gather(now time.Duration) time.Duration {
	since := time.Duration(1 << 62)
	if t.ever {
		since = now - t.proved
	}
	switch t.prefs.Mode {
	case group.DeliverNotify:
		return max(notifyGather, notifyGap-since)
	case group.DeliverRelay:
		return relayGather
	case group.DeliverDigest:
		if t.moved {
			return 0
		}
		return max(relayGather, t.prefs.Digest()-since)
	}
	return pushGather
}

// heard notes a sign of life: who was given up or waits for another try gets one soon. It reports whether that is so of anybody.
func (b *book) heard(now time.Duration, id group.IdentityHash) (changed bool) {
	for _, r := range b.groups {
		t := r.tickets[id]
		if t == nil || t.state == group.DeliveryIdle || now-t.heard < heardGap {
			continue
		}
		t.heard, t.state, t.attempts, t.noNode = now, group.DeliveryIdle, directTries-1, false
		t.due = now + time.Duration(b.jitter()*float64(heardSpread))
		b.mark(t)
		if !t.flying {
			t.leave()
		}
		b.look(now, t)
		changed = true
	}
	return changed
}

// ripe takes at most n tickets whose time has come, to be given a way by place. Those in quiet hours wait on.
func (b *book) ripe(now time.Duration, wall time.Time, n int) []*ticket {
	var out []*ticket
	for len(out) < n {
		t := b.later.top()
		if t == nil || t.due > now {
			break
		}
		if b.hush(now, wall, t) {
			continue
		}
		t.leave()
		t.flying = true // nobody else moves it
		out = append(out, t)
	}
	return out
}

// hush lets a ticket wait for the end of its quiet hours or pause, at most an hour at a time, since the clock may be set.
func (b *book) hush(now time.Duration, wall time.Time, t *ticket) bool {
	left := t.prefs.Left(wall, t.urgent())
	if left == 0 {
		return false
	}
	b.postpone(t, now+min(left, time.Hour))
	return true
}

// postpone lets a ticket wait until a time.
func (b *book) postpone(t *ticket, due time.Duration) {
	t.leave()
	t.due = due
	b.later.add(t)
}

// place lets a ticket of ripe wait for its turn on an interface.
func (b *book) place(now time.Duration, t *ticket, iface string, hops int) {
	t.flying = false
	if t.gone || t.roster.couriers[t.prefs.Mode] == nil {
		return
	}
	l := b.lanes[iface]
	if l == nil || !l.Up {
		b.postpone(t, now+againWithout)
		return
	}
	t.hops, t.priority = hops, t.class()
	l.add(now, t)
}

// air takes a new snapshot of the interfaces.
func (b *book) air(now time.Duration, all []Interface) {
	share := 0.0
	for _, r := range b.groups {
		share += r.share
	}
	share = min(share, MostShare)
	seen := make(map[string]bool, len(all))
	for _, i := range all {
		seen[i.Name] = true
		if l := b.lanes[i.Name]; l != nil {
			l.set(now, i, share)
		} else {
			b.lanes[i.Name] = newLane(now, i, share)
		}
	}
	for name, l := range b.lanes {
		if l.Up = l.Up && seen[name]; l.Up {
			continue
		}
		for _, n := range l.lines {
			for n.ready.Len() > 0 {
				b.postpone(n.ready.top(), now+againWithout)
			}
		}
		if !seen[name] && l.flying == 0 {
			delete(b.lanes, name)
		}
	}
}

// mark notes that a ticket differs from its row.
func (b *book) mark(t *ticket) {
	if !t.dirty {
		t.dirty = true
		b.dirty = append(b.dirty, t)
	}
}

// changed takes at most n rows that are to be written.
func (b *book) changed(now time.Duration, wall time.Time, n int) (rows []group.Delivery, tickets []*ticket) {
	n = min(n, len(b.dirty))
	tickets = b.dirty[:n:n]
	b.dirty = b.dirty[n:]
	for _, t := range tickets {
		t.dirty = false
		if !t.gone {
			rows = append(rows, group.Delivery{Group: t.roster.id, Identity: t.id, Progress: t.progress(now, wall)})
		}
	}
	return rows, tickets
}

// progress is what a row keeps.
func (t *ticket) progress(now time.Duration, wall time.Time) group.Progress {
	p := group.Progress{Cursor: t.cursor, State: t.state, Attempts: t.attempts, Spent: t.spent, Moved: t.moved}
	if t.due > now {
		p.Due = wall.Add(t.due - now)
	}
	if t.ever {
		p.Proved = wall.Add(t.proved - now)
	}
	if t.spent > 0 {
		p.SpentAt = wall.Add(t.spentAt - now)
	}
	return p
}
