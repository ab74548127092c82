package rns

import (
	"math"
	"time"
)

// Timing of links (spec 2 §1.1, §1.11, §1.15).
const (
	linkResponderGrace   = 360 * time.Second       // how much longer a responder waits for the LRRTT
	linkKeepaliveMax     = 360 * time.Second       // longest, and until the RTT is known
	linkKeepaliveMin     = 5 * time.Second         // shortest
	linkKeepaliveMaxRTT  = 1750 * time.Millisecond // RTT at which the keepalive interval is longest
	linkStaleFactor      = 2                       // silence of so many intervals makes a link stale
	linkStaleGrace       = 5 * time.Second         // and after this much more, plus 4 RTT, it ends
	linkStaleGraceFactor = 4
	linkTrafficFactor    = 6 // receipts and requests wait so many RTT
	linkTrafficMin       = 5 * time.Millisecond
	linkMaxRTT           = time.Hour // a larger claimed round trip time is nonsense

	// linkKeepaliveSlack is the share of the interval by which a responder answers earlier than after a whole one. Without
	// it a keepalive that travels faster than the one before would come too early for an answer.
	linkKeepaliveSlack = 20

	// linkReceiptGrace is added to every receipt's timeout. The reference looks at its receipts about once a second,
	// which comes to the same; without it a fast link would give the receiver a few milliseconds.
	linkReceiptGrace = time.Second
	// linkRTTResends is how often an initiator repeats its LRRTT while the responder has not shown any sign of life.
	linkRTTResends = 3
)

// keepaliveInterval returns the time between keepalives for a round trip time: in proportion, 5 s to 360 s.
func keepaliveInterval(rtt time.Duration) time.Duration {
	d := time.Duration(float64(rtt) * (linkKeepaliveMax.Seconds() / linkKeepaliveMaxRTT.Seconds()))
	return min(max(d, linkKeepaliveMin), linkKeepaliveMax)
}

// initiatorTimeout is how long an initiator waits for the proof: hops as in the path table, 128 if unknown, and the
// bitrate in bit/s of the interface the request leaves by, 0 if unknown.
func initiatorTimeout(hops int, bitrate int64) time.Duration {
	return receiptTimeout(max(1, hops), bitrate)
}

// responderTimeout is how long a responder waits for the LRRTT.
func responderTimeout(hops int) time.Duration {
	return hopTimeout*time.Duration(max(1, hops)) + linkResponderGrace
}

// responderRTT is the round trip time a responder takes: the larger of what it measured and what the initiator says
// (spec 2 §1.10). A measured time far beyond the claimed one means that the LRRTT was lost and sent again; then both
// ends go by the initiator's, or their keepalive intervals would not fit together.
func responderRTT(measured, claimed time.Duration) time.Duration {
	if measured > 4*claimed+2*time.Second {
		return claimed
	}
	return max(measured, claimed)
}

// claimedRTT converts the number of an LRRTT. NaN, infinite, negative and absurd values are refused.
func claimedRTT(seconds float64) (time.Duration, bool) {
	if math.IsNaN(seconds) || seconds < 0 || seconds > linkMaxRTT.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// linkWatch holds the times that keepalive and stale detection go by.
type linkWatch struct {
	keepalive time.Duration
	rtt       time.Duration
	inbound   time.Time // last authenticated sign of life, at least the activation
	outbound  time.Time // last packet sent
	sentAlive time.Time // last keepalive sent
	staleAt   time.Time // when the link became stale
	heard     bool      // initiator: the responder showed a sign of life after its proof
	resends   int       // of the LRRTT
}

func (w *linkWatch) activated(now time.Time, rtt time.Duration) {
	w.rtt, w.keepalive = rtt, keepaliveInterval(rtt)
	w.inbound, w.sentAlive = now, now // a responder's last packet was its proof
}

// keepaliveDue returns when an initiator sends its next keepalive: when nothing came in or nothing went out for an
// interval, but not twice within one (spec 2 §1.15). A round trip is added, since a responder does not answer before its
// own interval is over.
func (w *linkWatch) keepaliveDue() time.Time {
	due := earliest(w.inbound, w.outbound).Add(w.keepalive + w.rtt)
	if next := w.sentAlive.Add(w.keepalive); next.After(due) {
		return next
	}
	return due
}

// lastTryDue returns when an initiator asks a last time on a stale link; zero when it has.
func (w *linkWatch) lastTryDue() time.Time {
	at := w.staleAt.Add(linkStaleGrace / 2)
	if w.sentAlive.Before(at) {
		return at
	}
	return time.Time{}
}

// answers reports whether a responder answers a keepalive: when nothing else went out for an interval.
func (w *linkWatch) answers(now time.Time) bool {
	return !now.Before(w.outbound.Add(w.keepalive - w.keepalive/linkKeepaliveSlack))
}

func (w *linkWatch) staleDue() time.Time { return w.inbound.Add(linkStaleFactor * w.keepalive) }

// endDue returns when a stale link is given up. The reference cuts the wait to 5 s by accident; we wait as meant.
func (w *linkWatch) endDue() time.Time {
	return w.staleAt.Add(linkStaleGrace + linkStaleGraceFactor*w.rtt)
}

// resendDue returns when an initiator repeats its LRRTT: when a keepalive stayed without an answer and nothing else
// ever came. Zero means never. A responder that is known to live gets no second LRRTT, since the reference would take
// it as a new establishment.
func (w *linkWatch) resendDue(activated time.Time) time.Time {
	if w.heard || w.resends >= linkRTTResends || !w.sentAlive.After(activated) {
		return time.Time{}
	}
	return w.sentAlive.Add(max(time.Second, linkTrafficFactor*w.rtt))
}

// watchDeadline returns when watchTick has something to do.
func (l *Link) watchDeadline() time.Time {
	switch l.now.state {
	case LinkPending, LinkHandshake:
		return l.expires
	case LinkActive:
		d := l.watch.staleDue()
		if l.initiator {
			d = earliest(d, l.watch.keepaliveDue())
			d = earliest(d, l.resendRTTDue())
		}
		return d
	case LinkStale:
		d := l.watch.endDue()
		if l.initiator {
			d = earliest(d, l.watch.lastTryDue())
		}
		return d
	}
	return time.Time{}
}

// resendRTTDue counts one resend for each keepalive that was not answered.
func (l *Link) resendRTTDue() time.Time {
	if l.rttSentFor.Equal(l.watch.sentAlive) {
		return time.Time{}
	}
	return l.watch.resendDue(l.activatedAt)
}

func due(now, at time.Time) bool { return !at.IsZero() && !now.Before(at) }

// watchTick does what the watchdog table of spec 2 §1.15 says.
func (l *Link) watchTick(now time.Time) {
	switch l.now.state {
	case LinkPending, LinkHandshake:
		if due(now, l.expires) {
			l.close(now, CloseTimeout, false)
		}
	case LinkActive:
		if l.initiator && due(now, l.resendRTTDue()) {
			l.rttSentFor = l.watch.sentAlive
			l.watch.resends++
			l.sendRTT(now)
		}
		if l.initiator && due(now, l.watch.keepaliveDue()) {
			l.sendKeepalive(now)
		}
		if due(now, l.watch.staleDue()) {
			l.watch.staleAt = now
			l.transition(linkSilent)
			if l.initiator && l.watch.sentAlive.Before(now) {
				l.sendKeepalive(now)
			}
		}
	case LinkStale:
		switch {
		case due(now, l.watch.endDue()):
			l.close(now, CloseTimeout, true)
		case l.initiator && due(now, l.watch.lastTryDue()):
			l.sendKeepalive(now)
		}
	}
}

// sendKeepalive asks the responder for a sign of life.
func (l *Link) sendKeepalive(now time.Time) {
	l.watch.sentAlive = now
	l.sendClear(now, PacketData, ContextKeepalive, []byte{linkKeepaliveInitiator})
}

// alive notes a sign of life of the other end.
func (l *Link) alive(now time.Time) {
	l.watch.inbound, l.watch.heard = now, true
	if l.now.state == LinkStale {
		l.transition(linkHeard)
	}
}
