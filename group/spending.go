package group

import (
	"errors"
	"sync"
	"time"

	"groupd/moderation"
)

// bucketKey names a bucket of the Hub's.
type bucketKey struct {
	group GroupID
	who   IdentityHash // zero: of all in the group
	join  bool
	meter moderation.Meter
}

// errFlood refuses what a member who floods would write; it ends the transaction, and then he is muted.
var errFlood = errors.New("flood")

// spend asks for a verdict on an action and draws on its budgets; size is what is written, in bytes. Who floods is
// muted, once what he tried is undone.
func (w *work) spend(a moderation.Action, size int, more ...func(*moderation.Facts)) error {
	if err := w.may(a, more...); err != nil { // who may not is not charged
		return err
	}
	f, err := w.facts(a)
	if err != nil {
		return err
	}
	for _, m := range more {
		m(&f)
	}
	if flood := f.FloodBudget(); w.standing.Member != nil {
		if wait, _ := w.hub.buckets.draw(w.now, w.keys(flood), []moderation.Budget{flood}); wait > 0 {
			return errFlood
		}
	}
	budgets := f.Budgets(w.hub.limits.MemberRate, w.hub.limits.GroupRate, w.hub.airtime(w.group.ID, size))
	wait, which := w.hub.buckets.draw(w.now, w.keys(budgets...), budgets)
	if wait == 0 {
		return nil
	}
	return w.may(a, append(more, func(f *moderation.Facts) { f.Wait, f.Meter = wait, budgets[which].Meter })...)
}

// keys names the buckets of budgets.
func (w *work) keys(budgets ...moderation.Budget) []bucketKey {
	keys := make([]bucketKey, len(budgets))
	for i, b := range budgets {
		keys[i] = bucketKey{group: w.group.ID, meter: b.Meter}
		if !b.Meter.Shared() {
			keys[i].who = w.caller.Identity
		}
	}
	return keys
}

// inquire draws on what one may look through: who may, and does it all the time, has to wait.
func (s *scene) inquire() error {
	if s.caller.Local {
		return nil
	}
	wait := s.hub.inquiries.TakeOne(s.now, memberKey{s.group.ID, s.caller.Identity}, s.hub.limits.InquiryRate)
	if wait == 0 {
		return nil
	}
	return &Error{Kind: KindRateLimited, Op: s.op, Msg: "too many searches, wait a little", RetryAfter: wait}
}

// pressures is how much strangers ask of each group. In memory: a restart forgives. A group has one number, and groups are few.
type pressures struct {
	mu sync.Mutex // leaf
	m  map[GroupID]moderation.Pressure
}

func (p *pressures) add(g GroupID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = make(map[GroupID]moderation.Pressure)
	}
	p.m[g] = p.m[g].Add(now)
}

func (p *pressures) drop(g GroupID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.m, g)
}

func (p *pressures) level(g GroupID, now time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m[g].Now(now)
}
