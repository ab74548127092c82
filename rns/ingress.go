package rns

import (
	"time"
)

const (
	// windowEvents is how many events a frequency is computed from, windowSpan over how long it is after which old ones
	// are let go, one per look (spec 1 §6.12).
	windowEvents = 48
	windowSpan   = 10 * time.Second
	// egressSamples is how many requests must have gone out before egress control looks at their frequency.
	egressSamples = 6
	// ingressInterval is how often bursts and held announces are looked at without new traffic.
	ingressInterval = 5 * time.Second
	// maxHeldHops is from which distance on announces are not held.
	maxHeldHops = 127
)

// eventWindow measures how often something happens. The zero value is ready.
type eventWindow struct {
	times [windowEvents]time.Time
	first int // index of the oldest
	count int
}

// add notes an event.
func (w *eventWindow) add(now time.Time) {
	if w.count == windowEvents {
		w.times[w.first] = now
		w.first = (w.first + 1) % windowEvents
		return
	}
	w.times[(w.first+w.count)%windowEvents] = now
	w.count++
}

// frequency is the events per second; 0 while there are no more than few of them.
func (w *eventWindow) frequency(now time.Time, few int) float64 {
	if w.count == 0 {
		return 0
	}
	n, span := w.count, now.Sub(w.times[w.first])
	if span > windowSpan {
		w.first = (w.first + 1) % windowEvents
		w.count--
	}
	if n <= few || span <= 0 {
		return 0
	}
	return float64(n) / span.Seconds()
}

// Below how many events frequencies are 0.
const (
	fewIncoming = 2
	fewOutgoing = 1
)

// burst is whether too much comes in.
type burst struct {
	active    bool
	activated time.Time
}

// limits reports whether something that comes in is too much, given the frequency measured and the threshold.
func (b *burst) limits(frequency, threshold float64, samples int, hold time.Duration, now time.Time) bool {
	if !b.active {
		if frequency > threshold {
			b.active, b.activated = true, now
		}
		return b.active
	}
	if frequency < threshold && now.Sub(b.activated) > hold && samples >= fewIncoming {
		b.active = false
	}
	return true // also this time
}

// settle ends a burst that is over, without anything coming in.
func (b *burst) settle(frequency, threshold float64, hold time.Duration, now time.Time) {
	if b.active && frequency < threshold && now.Sub(b.activated) > hold {
		b.active = false
	}
}

// trafficControl is what an interface knows of announces and path requests that come and go, and what it does about too
// many (spec 1 §6.12). It is owned by the loop.
type trafficControl struct {
	limits  IngressLimits
	off     bool // no ingress control
	egress  bool // egress control
	born    time.Time
	release time.Time // before this nothing held is released

	announcesIn, announcesOut, requestsIn, requestsOut eventWindow
	announces, requests                                burst

	held    map[DestinationHash]*heardAnnounce
	heldAll uint64 // ever held
	lost    uint64 // not held: too many, too far, or replaced
}

func (c *trafficControl) young(now time.Time) bool { return now.Sub(c.born) < c.limits.NewTime }

func (c *trafficControl) announceThreshold(now time.Time) float64 {
	if c.young(now) {
		return c.limits.BurstNew
	}
	return c.limits.Burst
}

func (c *trafficControl) requestThreshold(now time.Time) float64 {
	if c.young(now) {
		return c.limits.RequestBurstNew
	}
	return c.limits.RequestBurst
}

// limitsAnnounces reports whether an announce of an unknown destination is to be held.
func (c *trafficControl) limitsAnnounces(now time.Time) bool {
	if c.off {
		return false
	}
	was := c.announces.active
	limits := c.announces.limits(c.announcesIn.frequency(now, fewIncoming), c.announceThreshold(now), c.announcesIn.count,
		c.limits.BurstHold, now)
	if c.announces.active && !was {
		c.release = now.Add(c.limits.BurstPenalty)
	}
	return limits
}

// limitsRequests reports whether path requests from here start no discovery.
func (c *trafficControl) limitsRequests(now time.Time) bool {
	if c.off {
		return false
	}
	return c.requests.limits(c.requestsIn.frequency(now, fewIncoming), c.requestThreshold(now), c.requestsIn.count,
		c.limits.BurstHold, now)
}

// limitsEgress reports whether the interface is to be left out of recursive path requests.
func (c *trafficControl) limitsEgress(now time.Time) bool {
	return c.egress && c.requestsOut.count >= egressSamples &&
		c.requestsOut.frequency(now, fewOutgoing) > c.limits.RequestEgress
}

// hold keeps an announce for later; the newest of a destination replaces the one before.
func (c *trafficControl) hold(a *heardAnnounce) bool {
	if c.held[a.destination] == nil && len(c.held) >= c.limits.MaxHeld || a.hops > maxHeldHops {
		c.lost++
		return false
	}
	if c.held == nil {
		c.held = make(map[DestinationHash]*heardAnnounce)
	}
	c.held[a.destination] = a
	c.heldAll++
	return true
}

// settle looks at the bursts without new traffic, and returns one held announce, that of fewest hops, when it is time.
func (c *trafficControl) settle(now time.Time) *heardAnnounce {
	frequency, threshold := c.announcesIn.frequency(now, fewIncoming), c.announceThreshold(now)
	c.announces.settle(frequency, threshold, c.limits.BurstHold, now)
	c.requests.settle(c.requestsIn.frequency(now, fewIncoming), c.requestThreshold(now), c.limits.BurstHold, now)
	if len(c.held) == 0 || now.Before(c.release) || frequency >= threshold {
		return nil
	}
	var best *heardAnnounce
	for _, a := range c.held {
		if best == nil || a.hops < best.hops || a.hops == best.hops && a.at.Before(best.at) {
			best = a
		}
	}
	delete(c.held, best.destination)
	c.release = now.Add(c.limits.HeldRelease)
	return best
}

// busy reports whether settle has something to do.
func (c *trafficControl) busy() bool {
	return c.announces.active || c.requests.active || len(c.held) > 0
}
