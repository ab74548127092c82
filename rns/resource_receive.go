package rns

import (
	"errors"
	"fmt"
	"math"
	"time"

	"groupd/rns/internal/token"
)

// resourceReceiveState is where an incoming segment stands.
//
//	transferring → assembling → ended
type resourceReceiveState uint8

const (
	resourceReceiving  resourceReceiveState = iota // asks for parts
	resourceAssembling                             // has all parts; a job decrypts and checks them
	resourceReceived                               // ended: err is nil when the body is there
)

// resourceSeed is what one incoming resource leaves for the next one on the same link (spec 2 §3.10).
type resourceSeed struct {
	window int     // 0: none yet
	eifr   float64 // bit/s expected in flight, 0: not known
}

// resourceReceiver receives one segment. It is owned by the link's goroutine. It allocates in proportion to the advertised
// transfer size, which its caller has checked and accounted for; the stream itself only when the first part arrives.
type resourceReceiver struct {
	link resourceLink
	adv  *resourceAdv
	sdu  int

	parts  int
	hashes []mapHash
	height int // hashes known: slots 0 … height−1
	have   []bool
	count  int
	stream []byte

	state resourceReceiveState
	err   error

	next        int // first missing slot: the protocol's consecutive height + 1
	window      int
	windowMin   int
	windowMax   int
	fast        int // fast rate increments
	verySlow    int // very slow rounds
	outstanding int
	requestEnd  int // slots below it were asked for last time
	waitingHMU  bool

	rtt          time.Duration // of the resource; 0: no sample yet
	rated        bool          // a response rate was measured
	eifr         float64       // expected in-flight rate, bit/s
	requestedAt  time.Time
	requestSize  int // bytes on the wire
	answered     bool
	roundBytes   int // of parts since the request
	lastActivity time.Time
	retries      int
	limit        time.Time
	started      time.Time

	requests   uint64
	strayParts uint64
}

// newResourceReceiver prepares for an advertised segment that was accepted. Nothing is asked for before start.
func newResourceReceiver(l resourceLink, a *resourceAdv, seed resourceSeed) *resourceReceiver {
	r := &resourceReceiver{
		link: l, adv: a, sdu: l.sdu(),
		window: resourceWindowStart, windowMin: resourceWindowMin, windowMax: resourceWindowMaxSlow,
		retries: resourceRetries,
	}
	if seed.window > 0 {
		r.window = seed.window
	}
	r.eifr = seed.eifr
	if r.eifr <= 0 {
		// The establishment of the link took one round trip for about 204 bytes. That says little about carriers with
		// large packets; such ones are only offered where a packet takes moments.
		r.eifr = resourceEstablishmentCost * 8 / max(l.rtt().Seconds(), resourceShortest)
		if r.sdu > MTU-resourceSDUOverhead {
			r.eifr = max(r.eifr, 8*float64(r.sdu)/resourceLargePartTime)
		}
	}
	r.parts = a.partCount(r.sdu)
	r.hashes = make([]mapHash, r.parts)
	r.have = make([]bool, r.parts)
	for i := range len(a.hashes) / ResourceMapHashLength {
		r.hashes[i] = mapHashAt(a.hashes, i)
		r.height++
	}
	return r
}

const (
	resourceEstablishmentCost = 204.0 // bytes of a link request and its proof
	resourceShortest          = 1e-6  // seconds; keeps rates finite where time does not pass
	resourceSlowestRate       = 1.0   // bit/s; keeps timeouts finite
	resourceRepeatGrace       = 500 * time.Millisecond
	resourceLargePartTime     = 2.0 // seconds that a part may take at first where the MTU was raised
)

// start asks for the first parts.
func (r *resourceReceiver) start(now time.Time) {
	r.started = now
	r.limit = now.Add(resourceDeadline(r.adv.transfer))
	r.requestNext(now)
}

func (r *resourceReceiver) seed() resourceSeed { return resourceSeed{window: r.window, eifr: r.eifr} }

// requestNext asks for the missing parts within the window whose map hashes are known, and for more map hashes where they
// are not (spec 2 §3.6).
func (r *resourceReceiver) requestNext(now time.Time) {
	if r.state != resourceReceiving || r.waitingHMU {
		return
	}
	q := partRequest{hash: r.adv.hash}
	r.outstanding, r.requestEnd = 0, r.next
	for i := r.next; i < min(r.next+r.window, r.parts); i++ {
		if i >= r.height {
			q.exhausted, q.last = true, r.hashes[r.height-1]
			break
		}
		r.requestEnd = i + 1
		if !r.have[i] {
			q.wanted = appendMapHash(q.wanted, r.hashes[i])
			r.outstanding++
		}
	}
	r.waitingHMU = q.exhausted
	plain := q.append(make([]byte, 0, 1+ResourceMapHashLength+FullHashLength+len(q.wanted)))
	r.requestedAt, r.lastActivity = now, now
	r.requestSize = HeaderMinSize + token.SealedSize(len(plain))
	r.answered, r.roundBytes = false, 0
	r.requests++
	r.link.sendData(ContextResourceReq, plain, true)
}

// handleRepeat takes a second advertisement of the segment. The sender repeats it when no request has reached it, so if
// nothing came since a request that is long under way, that one was lost, and waiting for our timer would waste the
// sender's few repeats. Otherwise it is ignored. No retry is used up: the sender repeats four times at most.
func (r *resourceReceiver) handleRepeat(now time.Time) {
	if r.count > 0 || r.waitingHMU || now.Sub(r.requestedAt) < 3*r.link.rtt()+resourceRepeatGrace {
		return
	}
	r.requestNext(now)
}

// handlePart takes a part if its map hash is that of a missing slot. Any slot within the 224 in which map hashes are unique
// will do, in any order; so parts that come late, after the window shrank, are not lost. It reports whether the part is of
// this segment.
func (r *resourceReceiver) handlePart(now time.Time, data []byte) bool {
	if r.state != resourceReceiving || len(data) == 0 || len(data) > r.sdu {
		return false
	}
	h := hashResourcePart(data, r.adv.random)
	for i := r.next; i < min(r.next+resourceGuard, r.height); i++ {
		if r.hashes[i] == h && !r.have[i] && len(data) == r.partLength(i) {
			r.take(now, i, data)
			return true
		}
	}
	for i := max(r.next-resourceGuard, 0); i < min(r.next+resourceGuard, r.height); i++ {
		if r.hashes[i] == h && r.have[i] {
			// A second copy is a sign of life on a slow path, but no progress: the retries are not refilled.
			r.lastActivity = now
			return true
		}
	}
	r.strayParts++
	return false
}

func (r *resourceReceiver) partLength(i int) int {
	return min(r.sdu, int(r.adv.transfer)-i*r.sdu)
}

func (r *resourceReceiver) take(now time.Time, i int, data []byte) {
	if r.stream == nil {
		r.stream = make([]byte, r.adv.transfer)
	}
	copy(r.stream[i*r.sdu:], data)
	r.have[i] = true
	r.count++
	for r.next < r.parts && r.have[r.next] {
		r.next++
	}
	r.lastActivity = now
	r.retries = resourceRetries
	r.roundBytes += len(data)
	if !r.answered {
		r.answered = true
		r.sample(now, len(data))
	}
	if i < r.requestEnd && r.outstanding > 0 {
		r.outstanding--
	}
	switch {
	case r.count == r.parts:
		r.state = resourceAssembling
	case r.outstanding == 0:
		r.endRound(now)
		r.requestNext(now)
	}
}

// sample takes the round trip from the last request to the first part after it (spec 2 §3.10).
func (r *resourceReceiver) sample(now time.Time, part int) {
	s := now.Sub(r.requestedAt)
	switch {
	case r.rtt == 0:
		r.rtt = r.link.rtt()
		if r.rtt == 0 {
			r.rtt = s
		}
	case s > r.rtt:
		r.rtt = min(s, r.rtt+r.rtt/20)
	default:
		r.rtt = max(s, r.rtt-r.rtt/20)
	}
	r.rated = true
	r.countFast(float64(HeaderMinSize+part+r.requestSize) / max(s.Seconds(), resourceShortest))
}

// countFast widens the window after four measurements above the fast rate.
func (r *resourceReceiver) countFast(rate float64) {
	if rate > resourceRateFast && r.fast < resourceFastThreshold {
		r.fast++
		if r.fast == resourceFastThreshold {
			r.windowMax = resourceWindowMaxFast
		}
	}
}

// endRound adapts window and rate when the last outstanding part of a request arrived (spec 2 §3.10).
func (r *resourceReceiver) endRound(now time.Time) {
	if r.window < r.windowMax {
		r.window++
		if r.window-r.windowMin > resourceWindowFlexibility-1 {
			r.windowMin++
		}
	}
	if r.roundBytes == 0 {
		return
	}
	rate := float64(r.roundBytes) / max(now.Sub(r.requestedAt).Seconds(), resourceShortest)
	r.eifr = rate * 8
	r.countFast(rate)
	if r.fast == 0 && rate < resourceRateVerySlow && r.verySlow < resourceVerySlowThreshold {
		r.verySlow++
		if r.verySlow == resourceVerySlowThreshold {
			r.windowMax = resourceWindowMaxVerySlow
		}
	}
}

// errHashmap means that a hashmap update contradicts itself or what is known.
var errHashmap = errors.New("bad hashmap update")

// handleUpdate takes more map hashes. They must follow on those that are known; ones that repeat what is known change
// nothing; others end the transfer with RCL (spec 2 §3.8, §7).
func (r *resourceReceiver) handleUpdate(now time.Time, u hashmapUpdate) {
	if r.state != resourceReceiving || !r.waitingHMU {
		return
	}
	n := len(u.hashes) / ResourceMapHashLength
	from := u.block * ResourceMapHashesPerUpdate
	switch {
	case n == 0, n > ResourceMapHashesPerUpdate:
		r.cancel(fmt.Errorf("%w: %d hashes: %w", errHashmap, n, ErrCorrupt), true)
		return
	case u.block < 0, u.block > int64(r.parts), from > int64(r.height), from+int64(n) > int64(r.parts):
		r.cancel(fmt.Errorf("%w: block %d of %d hashes: %w", errHashmap, u.block, n, ErrCorrupt), true)
		return
	}
	for i := range n {
		slot, h := int(from)+i, mapHashAt(u.hashes, i)
		if slot < r.height {
			if r.hashes[slot] != h {
				r.cancel(fmt.Errorf("%w: slot %d changed: %w", errHashmap, slot, ErrCorrupt), true)
				return
			}
			continue
		}
		r.hashes[slot] = h
	}
	if int(from)+n <= r.height {
		return // nothing new: the block we wait for is still to come
	}
	r.height = int(from) + n
	r.lastActivity = now
	r.retries = resourceRetries
	r.waitingHMU = false
	r.requestNext(now)
}

// cancel ends the segment with err; tell says whether the sender is to know.
func (r *resourceReceiver) cancel(err error, tell bool) {
	if r.state == resourceReceived {
		return
	}
	r.state, r.err = resourceReceived, err
	r.stream, r.hashes, r.have = nil, nil, nil
	if tell {
		r.link.sendData(ContextResourceRCL, r.adv.hash[:], true)
	}
}

// plan is the work that is left when all parts are there. The body may have at most limit bytes.
func (r *resourceReceiver) plan(limit int64) assemblePlan {
	return assemblePlan{
		stream: r.stream, hash: r.adv.hash, random: r.adv.random,
		compressed: r.adv.flags.has(resourceCompressed), limit: limit, open: r.link.open,
	}
}

// deadline is when tick wants to be called; zero when nothing is due (spec 2 §3.11).
func (r *resourceReceiver) deadline() time.Time {
	if r.state != resourceReceiving {
		return time.Time{}
	}
	used := resourceRetries - r.retries
	rate := max(r.eifr, resourceSlowestRate)
	perPart := 8 * float64(r.sdu) / rate
	wait := 0.0
	if r.rated {
		wait = resourcePartTimeoutFactor * float64(r.outstanding) * perPart
		if r.waitingHMU || r.outstanding == 0 {
			wait += resourceHMUWaitFactor * perPart
		}
	} else {
		// Nothing is known but the round trip of the link: the first part is to be here by twice what it should take.
		// The reference divides bytes by bit/s here, and so repeats its first request too early on slow links (D16).
		wait = resourceFirstPartFactor*perPart + r.link.rtt().Seconds()
	}
	t := r.lastActivity.Add(secondsDuration(wait) + resourceRetryGrace + time.Duration(used)*resourcePerRetryDelay)
	return earliest(t, r.limit)
}

// tick does what is due: asks again with a smaller window, or gives up.
func (r *resourceReceiver) tick(now time.Time) {
	due := r.deadline()
	if due.IsZero() || now.Before(due) {
		return
	}
	if !now.Before(r.limit) || r.retries == 0 {
		r.cancel(ErrTimeout, true)
		return
	}
	if r.window > r.windowMin {
		r.window--
	}
	if r.windowMax > r.windowMin {
		r.windowMax--
		if r.windowMax-r.window > resourceWindowFlexibility-1 {
			r.windowMax--
		}
	}
	r.retries--
	r.waitingHMU = false
	r.requestNext(now)
}

// resourceLongestWait bounds every computed wait.
const resourceLongestWait = time.Hour

// secondsDuration turns seconds into a duration, at most an hour.
func secondsDuration(s float64) time.Duration {
	if math.IsNaN(s) || s < 0 {
		return 0
	}
	if s >= resourceLongestWait.Seconds() {
		return resourceLongestWait
	}
	return time.Duration(s * float64(time.Second))
}
