package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
)

// When groups announce themselves.
const (
	slowBitrate   = 100_000 // bit/s; a network with an interface below this pays for airtime
	announceTick  = 2 * time.Second
	announceBurst = 2                // announces at a tick, over fast interfaces
	newPeerGap    = 30 * time.Second // between announces because an interface came up
	slowGap       = time.Minute      // between any two announces on a slow network: they take turns
	announceLate  = 30 * time.Minute // an announce waits so long for what is sent to members
)

// announceKind is which destination.
type announceKind uint8

const (
	kindDelivery announceKind = iota // lxmf.delivery: the address people see
	kindBeacon                       // meshchat.group
	kindPages                        // nomadnetwork.node
	announceKinds
)

// pace is how long to wait until the next announce: a time between the two, evenly.
func pace(k announceKind, every time.Duration, slow bool) (least, most time.Duration) {
	const day = 24 * time.Hour
	if k == kindPages && slow {
		every = max(every, day)
	}
	switch {
	case every > 0:
		return every - every/10, every + every/10
	case !slow:
		return 10 * time.Minute, 30 * time.Minute
	case k == kindBeacon:
		return time.Hour, 90 * time.Minute
	}
	return 4*time.Hour + 30*time.Minute, 5*time.Hour + 20*time.Minute // with announceLate and some turns of others within 6 h
}

// announcing is the announces of one destination. The zero value is due as soon as there is an interface.
type announcing struct {
	last, next time.Time
	fresh      bool // an interface came up, over which it has not been announced
}

// due says whether to announce now. anyLast is the newest announce of all.
func (a *announcing) due(now, anyLast time.Time, slow bool) bool {
	if slow && !anyLast.IsZero() && now.Sub(anyLast) < slowGap {
		return false
	}
	return a.last.IsZero() || !now.Before(a.next) || (a.fresh && !slow && now.Sub(a.last) >= newPeerGap)
}

// done notes an announce.
func (a *announcing) done(now time.Time, k announceKind, every time.Duration, slow bool, jitter float64) {
	least, most := pace(k, every, slow)
	a.last, a.next, a.fresh = now, now.Add(least+time.Duration(jitter*float64(most-least))), false
}

// ways are the interfaces that carry announces now.
type ways struct {
	names map[string]bool
	slow  bool
	local bool // programs of this machine use our instance
}

// waysOf picks them out of a snapshot.
func waysOf(list []rns.InterfaceStats) ways {
	w := ways{names: make(map[string]bool)}
	for _, i := range list {
		switch {
		case !i.Carrier.Online || i.Mode == interfaces.ModeAccessPoint:
		case i.Local == rns.LocalClient:
			w.local = true // they come and go; no announce for each
		default:
			w.names[i.Name] = true
			w.slow = w.slow || (i.Bitrate > 0 && i.Bitrate < slowBitrate)
		}
	}
	return w
}

// beyond reports whether w has an interface that old has not.
func (w ways) beyond(old ways) bool {
	for name := range w.names {
		if !old.names[name] {
			return true
		}
	}
	return false
}

// announcer announces the destinations of one group.
type announcer struct {
	log      *slog.Logger
	every    time.Duration
	announce [announceKinds]func(context.Context) error // nil: that destination is not announced
	may      func(late bool) bool                       // whether slow interfaces have room for an announce; nil: they do
	off      func() bool                                // whether the group's policy is to announce nothing; nil: it is not

	mu      sync.Mutex // leaf
	at      [announceKinds]announcing
	anyLast time.Time
}

// lookAll does what is due of all groups, of one at a call: stock neighbours hold back who sends them more than three new
// announces in a second (spec 3 §1.8). The others take their turn at the next calls. On a slow network, turns are slowGap apart.
func lookAll(ctx context.Context, now time.Time, all []*announcer, w ways, fresh bool) {
	spoken := false
	for _, a := range all {
		last, _ := a.times()
		spoken = spoken || w.slow && !last.IsZero() && now.Sub(last) < slowGap
	}
	for _, a := range all {
		if !spoken {
			spoken = a.look(ctx, now, w, fresh)
		} else if fresh {
			a.refresh()
		}
	}
}

// refresh notes that an interface came up.
func (a *announcer) refresh() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.at {
		a.at[k].fresh = true
	}
}

// look does what is due, and reports whether anything went out. It is called by one goroutine.
func (a *announcer) look(ctx context.Context, now time.Time, w ways, fresh bool) (announced bool) {
	if len(w.names) == 0 && !w.local || a.every == cadenceOff {
		return false
	}
	most := announceBurst
	if w.slow {
		most = 1
	}
	var due []announceKind
	a.mu.Lock()
	for k := range announceKinds {
		a.at[k].fresh = !w.slow && (a.at[k].fresh || fresh)
		if a.announce[k] != nil && len(due) < most && a.at[k].due(now, a.anyLast, w.slow) {
			due = append(due, k)
		}
	}
	a.mu.Unlock()
	if len(due) > 0 && a.off != nil && a.off() {
		return false
	}
	for _, k := range due {
		if w.slow && a.may != nil && !a.may(a.late(k, now)) {
			continue
		}
		if err := a.one(ctx, k, w.slow); err != nil {
			a.log.Debug("not announced", "err", err)
			continue
		}
		announced = true
	}
	return announced
}

// late reports whether an announce has waited too long for its turn.
func (a *announcer) late(k announceKind, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at[k].last.IsZero() || now.Sub(a.at[k].next) > announceLate
}

// one announces a destination and notes it.
func (a *announcer) one(ctx context.Context, k announceKind, slow bool) error {
	if err := a.announce[k](ctx); err != nil {
		return err
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[k].done(now, k, a.every, slow, rand.Float64())
	a.anyLast = now
	return nil
}

// all announces everything now.
func (a *announcer) all(ctx context.Context, slow bool) error {
	for k := range announceKinds {
		if a.announce[k] != nil {
			if err := a.one(ctx, k, slow); err != nil {
				return err
			}
		}
	}
	return nil
}

// times are the newest announce and the next one due; zero times for none.
func (a *announcer) times() (last, next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, at := range a.at {
		if a.announce[k] != nil && a.every != cadenceOff && !at.last.IsZero() && (next.IsZero() || at.next.Before(next)) {
			next = at.next
		}
	}
	return a.anyLast, next
}
