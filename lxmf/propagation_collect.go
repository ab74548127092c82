package lxmf

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"groupd/rns"
)

// Tunables of when mail is collected.
const (
	// collectSoon is how long after the start, or after a node has shown up, mail is collected: others do so, too, and the
	// node's announce is still under way.
	collectSoon = 5 * time.Second
	// collectAgain is how old a good collection must be for a node's announce to cause another one.
	collectAgain = 10 * time.Minute
	// collectRetryFirst is how long after a failed collection the next one is made; it doubles up to the interval.
	collectRetryFirst = time.Minute
	// collectNodes is how many nodes are tried for one collection, beside the pinned ones.
	collectNodes = 4
)

// schedule is when one delivery's mail is collected, and what came of it last. Guarded by Propagation.mu but for turn.
type schedule struct {
	turn     chan struct{} // capacity 1: one collection at a time
	due      time.Time     // zero: not before an event
	failures int
	last     time.Time // the end of the last one, monotonic
	good     time.Time // of the last good one
	status   CollectStatus
}

// CollectStatus is where the collection of one delivery's mail stands.
type CollectStatus struct {
	// Node is the one that is or was asked last; zero: none.
	Node rns.DestinationHash
	// State is that of the running or last session, Progress the part of it that is done, from 0 to 1.
	State    SyncState
	Progress float64
	Running  bool
	// Last is when the last collection ended and Good when the last good one did; zero: none did. Wall clock. Err is why the
	// last one failed.
	Last, Good time.Time
	Err        error
	// Collected is the number of messages that the last collection brought.
	Collected int
	// Next is when the next one is due; zero: when a node is heard.
	Next time.Time
}

// CollectOptions refine [Propagation.Collect].
type CollectOptions struct {
	// Node asks this one only; zero: those of the configuration.
	Node rns.DestinationHash
	// Max is how many messages are fetched from each node at most; 0: all.
	Max int
	// Progress is told how far a session has come, from the goroutine of Collect or the link's; it must not block.
	Progress func(node rns.DestinationHash, s SyncState, part float64)
}

// Collect fetches a delivery's mail now and waits for the end: from all pinned nodes, and with Auto from one of those that were
// heard, trying the next when one fails. It returns a report for each node that was asked. The error is nil when one session was
// good, [ErrNoNode] when there was nobody to ask, else that of the last session. When ctx ends the session ends; nothing is lost.
// A collection that is running already is waited for first.
func (p *Propagation) Collect(ctx context.Context, d *Delivery, o CollectOptions) ([]SyncReport, error) {
	if d == nil || d.r != p.r {
		return nil, errors.New("lxmf: collect: not a delivery of this router")
	}
	s := p.schedule(d.address)
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, end := d.whileOpen(ctx)
	defer end()
	p.mu.Lock()
	s.status.Running, s.status.State, s.status.Progress = true, SyncIdle, 0
	p.mu.Unlock()
	reports, err := p.collect(ctx, d, s, o)
	p.ended(s, reports, err)
	return reports, err
}

func (p *Propagation) collect(ctx context.Context, d *Delivery, s *schedule, o CollectOptions) (reports []SyncReport, err error) {
	good, autos := false, 0
	nodes, _ := chooseNodes(p.entries(), nodeNeed{auto: p.config.Auto}, time.Now())
	if !o.Node.IsZero() {
		nodes = []nodeEntry{{PropagationNode: PropagationNode{Address: o.Node, Pinned: true}}}
	}
	autoDone := false
	for _, n := range nodes {
		if !n.Pinned && (autoDone || autos >= collectNodes) {
			continue
		}
		session := &syncSession{p: p, d: d, max: o.Max, show: func(state SyncState, part float64) {
			p.mu.Lock()
			s.status.Node, s.status.State, s.status.Progress = n.Address, state, part
			p.mu.Unlock()
			if o.Progress != nil {
				o.Progress(n.Address, state, part)
			}
		}}
		r := session.run(ctx, n.Address)
		if ctx.Err() != nil {
			return append(reports, r), ctx.Err()
		}
		reports = append(reports, r)
		if !n.Pinned {
			autos++
		}
		if r.Err != nil {
			p.count.collectFailed.Add(1)
			p.nodes.failed(n.Address, time.Now(), false)
			p.r.log.Debug("mail not collected", "dest", d.address, "node", n.Address, "state", r.State, "err", r.Err)
			err = r.Err
			continue
		}
		p.count.collections.Add(1)
		p.nodes.worked(n.Address)
		good = true
		autoDone = autoDone || !n.Pinned
	}
	switch {
	case good:
		return reports, nil
	case len(reports) == 0:
		return nil, ErrNoNode
	}
	return reports, err
}

// ended notes the end of a collection and when the next one is due.
func (p *Propagation) ended(s *schedule, reports []SyncReport, err error) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	st := &s.status
	s.last = now
	st.Running, st.Progress, st.Err, st.Last, st.Collected = false, 0, err, now.Round(0), 0
	for _, r := range reports {
		st.Collected += r.Decided
	}
	if len(reports) == 0 {
		st.Node, st.State = rns.DestinationHash{}, SyncIdle
	}
	if err == nil {
		s.good, s.failures, st.Good = now, 0, st.Last
	} else {
		s.failures++
	}
	s.due = nextCollection(now, p.config.Interval, s.failures, errors.Is(err, ErrNoNode), rand.Float64())
	st.Next = s.due.Round(0)
	p.poke()
}

// nextCollection is when the next collection is made: after the interval, a tenth more or less so that not all come at once;
// after failures earlier; without any node only when one is heard. It is pure.
func nextCollection(now time.Time, interval time.Duration, failures int, noNode bool, chance float64) time.Time {
	switch {
	case interval < 0 || noNode:
		return time.Time{}
	case failures > 0:
		interval = min(interval, collectRetryFirst<<min(failures-1, 16))
	}
	return now.Add(time.Duration(float64(interval) * (0.9 + 0.2*chance)))
}

// schedule returns a delivery's schedule; a new one is due soon.
func (p *Propagation) schedule(address rns.DestinationHash) *schedule {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.schedules[address]
	if s == nil {
		s = &schedule{turn: make(chan struct{}, 1)}
		if p.config.Interval >= 0 {
			s.due = time.Now().Add(collectSoon)
		}
		s.status.Next = s.due.Round(0)
		p.schedules[address] = s
	}
	return s
}

// scheduleHeard makes collections due since a node was heard: those for which there was none, and with a live announce also those
// that failed or are not recent. A node that announces itself all the time makes us ask no more than once in collectRetryFirst.
func (p *Propagation) scheduleHeard(node rns.DestinationHash, live bool) {
	nodes, _ := chooseNodes(p.nodes.list(), nodeNeed{auto: p.config.Auto}, time.Now())
	useful := false
	for i, n := range nodes {
		useful = useful || n.Address == node && (n.Pinned || i == 0 || nodes[0].Failures > 0)
	}
	if !useful || p.config.Interval < 0 {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.schedules {
		due := s.due.IsZero() || live && (s.failures > 0 || now.Sub(s.good) >= collectAgain)
		soon := now.Add(collectSoon)
		if again := s.last.Add(collectRetryFirst); !s.last.IsZero() && s.status.Node == node && again.After(soon) {
			soon = again
		}
		if due && !s.status.Running && (s.due.IsZero() || s.due.After(soon)) {
			s.due = soon
			s.status.Next = s.due.Round(0)
		}
	}
	p.poke()
}

// poke makes collectInTime look again. It does not block.
func (p *Propagation) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Added says that the router has a new delivery, whose mail is to be collected, too.
func (p *Propagation) Added() { p.poke() }

// collectInTime is the life of the goroutine that collects what is due, one delivery after the other: they use the same nodes.
func (p *Propagation) collectInTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		var next time.Time
		for _, d := range p.r.allDeliveries() {
			s := p.schedule(d.address)
			p.mu.Lock()
			due := s.due
			p.mu.Unlock()
			if !due.IsZero() && !now.Before(due) {
				_, _ = p.Collect(ctx, d, CollectOptions{}) // what came of it shows in the status
				p.mu.Lock()
				due = s.due
				p.mu.Unlock()
			}
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
		p.forgetSchedules()
		var after <-chan time.Time
		if !next.IsZero() {
			timer.Reset(max(0, time.Until(next)))
			after = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-after:
		}
	}
}

// forgetSchedules drops those of deliveries that were closed.
func (p *Propagation) forgetSchedules() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, s := range p.schedules {
		if !s.status.Running && p.r.delivery(a) == nil {
			delete(p.schedules, a)
		}
	}
}

// allDeliveries returns our addresses, in no order.
func (r *Router) allDeliveries() []*Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Delivery, 0, len(r.deliveries))
	for _, d := range r.deliveries {
		list = append(list, d)
	}
	return list
}

// Status returns where the collection of a delivery's mail stands.
func (p *Propagation) Status(d *Delivery) CollectStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.schedules[d.address]; s != nil {
		return s.status
	}
	return CollectStatus{}
}
