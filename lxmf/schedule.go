package lxmf

import "time"

// How often and when things are tried (spec 4 §2.4). Tunables: what stock programs use.
const (
	// retryWait is how long after a transmission or link attempt the next one is made, unless its proof may still come.
	retryWait = 10 * time.Second
	// pathWait is how long a path request is given to be answered.
	pathWait = 7 * time.Second
	// maxAttempts is the number of transmissions of one message, and of them that wait for nothing but a link.
	maxAttempts = 5
	// maxBlindAsks is how often a path is asked for after a transmission without one.
	maxBlindAsks = 2
	// maxKeyAsks is how often the announce of a recipient whose key is not known is asked for.
	maxKeyAsks = 5
)

// step is what to do next about a message, or about a link that messages wait for.
type step uint8

const (
	stepWait     step = iota // nothing before next, or before an event
	stepAskPath              // send a path request
	stepTransmit             // send the packet
	stepOpenLink             // open a link
	stepGiveUp               // all attempts have been made
)

// packetPlan is the schedule of one opportunistic message. It is a pure state machine: time and facts come in.
//
//	path known:  transmit, 10 s, transmit, 10 s, ask for a new path (it may have changed), 7 s or its answer,
//	             then transmit every 10 s; after the fifth without proof give up
//	no path:     ask, 7 s, transmit blindly to whoever hears it, 10 s, ask twice, give up after about half a minute
//	no key:      ask, every 7 s; give up after about as long
//
// An announce of the recipient makes the next step due at once; see wake.
type packetPlan struct {
	attempts     int
	asked        int // path requests since the last transmission
	rediscovered bool
	next         time.Time
}

// packetFacts is what a packetPlan must know.
type packetFacts struct {
	now     time.Time
	key     bool // the recipient's key is known
	path    bool // a path is known
	pending bool // the proof of a transmission may still come
}

func (p *packetPlan) decide(f packetFacts) step {
	switch {
	case f.now.Before(p.next):
		return stepWait
	case !f.key:
		return p.ask(f.now, maxKeyAsks)
	case !f.path && p.attempts == 0 && p.asked == 0:
		return p.ask(f.now, 1)
	case !f.path && p.attempts > 0:
		return p.ask(f.now, maxBlindAsks)
	case f.path && f.pending:
		// On slow paths a proof takes longer than retryWait; its receipt knows how long, and its end is an event.
		return stepWait
	case p.attempts >= maxAttempts:
		return stepGiveUp
	case f.path && p.attempts == 2 && !p.rediscovered:
		p.rediscovered = true
		p.next = f.now.Add(pathWait)
		return stepAskPath
	}
	p.attempts++
	p.asked = 0
	p.next = f.now.Add(retryWait)
	return stepTransmit
}

func (p *packetPlan) ask(now time.Time, limit int) step {
	if p.asked >= limit {
		return stepGiveUp
	}
	p.asked++
	p.next = now.Add(pathWait)
	return stepAskPath
}

// wake makes the next step due, since the recipient was heard.
func (p *packetPlan) wake(now time.Time) {
	p.asked = 0
	p.next = now
}

// linkPlan is the schedule of the link that direct messages to one recipient wait for: up to four attempts to open it, ten
// seconds apart, those without a path or key spent on asking for them; then one more wait, and the end.
type linkPlan struct {
	attempts int
	next     time.Time
}

func (p *linkPlan) decide(now time.Time, key, path bool) step {
	if now.Before(p.next) {
		return stepWait
	}
	p.attempts++
	p.next = now.Add(retryWait)
	switch {
	case p.attempts > maxAttempts:
		return stepGiveUp
	case p.attempts == maxAttempts:
		return stepWait
	case key && path:
		return stepOpenLink
	}
	p.next = now.Add(pathWait)
	return stepAskPath
}

// wake makes the next attempt due, since the recipient was heard.
func (p *linkPlan) wake(now time.Time) { p.next = now }

// reset forgets the attempts, since a link is open or nobody waits for one.
func (p *linkPlan) reset() { *p = linkPlan{} }

// uploadPlan is the schedule of one message to a propagation node: five attempts, ten seconds apart. Without the recipient's key,
// which it is sealed to, the attempts are spent on asking for it.
type uploadPlan struct {
	attempts int
	next     time.Time
}

func (p *uploadPlan) decide(now time.Time, key bool) step {
	switch {
	case now.Before(p.next):
		return stepWait
	case p.attempts >= maxAttempts:
		return stepGiveUp
	}
	p.attempts++
	if !key {
		p.next = now.Add(pathWait)
		return stepAskPath
	}
	return stepTransmit
}

// failed takes note of an attempt that ended without the node's proof.
func (p *uploadPlan) failed(now time.Time) { p.next = now.Add(retryWait) }

// sendWindow is how many messages travel on a link before their proofs have come. It starts small and grows while proofs
// come fast, so that a fast link is not held to one message per round trip, and a radio not flooded.
type sendWindow struct{ size int }

const (
	windowStart = 2
	windowMax   = 128
	// windowBase is the round trip time that the receiver's commit is granted at least.
	windowBase = 100 * time.Millisecond
)

func newSendWindow() sendWindow { return sendWindow{size: windowStart} }

// proved takes note of a proof that came after latency on a link of the given round trip time.
func (w *sendWindow) proved(latency, rtt time.Duration) {
	base := max(rtt, windowBase)
	switch {
	case latency <= 2*base:
		w.size = min(w.size+1, windowMax)
	case latency > 4*base:
		w.size = max(w.size*3/4, 1)
	}
}

// lost takes note of a proof that did not come.
func (w *sendWindow) lost() { w.size = 1 }
