package rns

import (
	"errors"
	"time"
)

// linkResources is the resources of one link, in both directions. The link's goroutine owns it: it feeds packets and time
// in, runs the jobs, and calls deadline, jobs after every call. Nothing in here blocks, starts a goroutine or reads a clock.
//
//	every call of send, handle, handleProof, handleCacheRequest, tick, a job's result, or a function given to post
//	→ run the jobs() → set the timer to deadline()
type linkResources struct {
	link   resourceLink
	hooks  resourceHooks
	limits resourceLimits
	budget *resourceBudget

	outgoing []*resourceSender   // the first is under way, or waits for restTill
	restTill time.Time           // before that no further one begins
	incoming []*incomingResource // being received, or delivered and undecided
	reserved int64               // of the budget, for incoming
	finished []finishedSegment   // newest last, at most resourceRemembered
	seed     resourceSeed
	closed   bool
}

func newLinkResources(l resourceLink, h resourceHooks, limits resourceLimits, b *resourceBudget) *linkResources {
	return &linkResources{link: l, hooks: h, limits: limits.withDefaults(), budget: b}
}

// send queues a resource. done in the options is called exactly once if the error is nil, perhaps before send returns.
// Errors: those of newResourceSender, [ErrLinkClosed], [ErrTooManyResources].
func (t *linkResources) send(now time.Time, source ResourceSource, o resourceSendOptions) (*resourceSender, error) {
	if t.closed {
		return nil, ErrLinkClosed
	}
	if len(t.outgoing) >= t.limits.Outgoing {
		t.budget.counters.QueueFull.Add(1)
		return nil, ErrTooManyResources
	}
	s, err := newResourceSender(t.link, source, o)
	if err != nil {
		return nil, err
	}
	t.outgoing = append(t.outgoing, s)
	t.sweep(now)
	return s, nil
}

// ErrTooManyResources means that too many resources wait to be sent over the link already.
var ErrTooManyResources = errors.New("too many resources wait on the link")

// cancel ends an outgoing resource, running or queued, with [ErrCancelled] or err.
func (t *linkResources) cancel(now time.Time, s *resourceSender, err error) {
	if err == nil {
		err = ErrCancelled
	}
	s.cancel(now, err)
	t.sweep(now)
}

// cancelRequest ends what is being received or sent for a request or its response, when nobody waits for it any more.
func (t *linkResources) cancelRequest(now time.Time, id RequestID) {
	for _, in := range t.incoming {
		if in.offer.ID == id && (in.offer.Request || in.offer.Response) && !in.over && in.received == nil {
			t.abort(now, in, ErrCancelled, true)
		}
	}
	for _, s := range t.outgoing {
		if s.options.id != nil && *s.options.id == id {
			s.cancel(now, ErrCancelled)
		}
	}
	t.sweep(now)
}

// handle takes a DATA packet with one of the contexts RESOURCE to RESOURCE_RCL. payload is the plaintext, for RESOURCE the
// raw part; packet is the hash of the packet. Nothing of payload is kept. Packets that cannot be parsed are counted and
// dropped; a malformed advertisement also closes the link through the hook.
func (t *linkResources) handle(now time.Time, ctx Context, payload []byte, packet PacketHash) {
	if t.closed {
		return
	}
	var err error
	switch ctx {
	case ContextResource:
		t.handlePart(now, payload)
	case ContextResourceAdv:
		err = t.handleAdv(now, payload)
	case ContextResourceReq:
		err = t.handleRequest(now, payload, packet)
	case ContextResourceHMU:
		err = t.handleUpdate(now, payload)
	case ContextResourceICL:
		err = t.handleCancel(now, payload)
	case ContextResourceRCL:
		err = t.handleReject(now, payload)
	}
	if err != nil {
		t.budget.counters.Malformed.Add(1)
	}
	t.sweep(now)
}

// handleProof takes the payload of a PROOF packet with context RESOURCE_PRF.
func (t *linkResources) handleProof(now time.Time, payload []byte) {
	hash, proof, err := parseResourceProof(payload)
	if err != nil {
		t.budget.counters.Malformed.Add(1)
		return
	}
	for _, s := range t.outgoing {
		if h, ok := s.currentHash(); ok && h == hash {
			s.handleProof(now, proof)
		}
	}
	t.sweep(now)
}

// handleCacheRequest takes the payload of a CACHE_REQUEST packet: the hash of a proof packet. If we have given that proof,
// it goes out again. It reports whether it did.
func (t *linkResources) handleCacheRequest(payload []byte) bool {
	if len(payload) != FullHashLength || t.closed {
		return false
	}
	for _, f := range t.finished {
		if f.proved && resourceProofPacketHash(t.link.id(), f.hash, f.proof) == PacketHash(payload) {
			t.link.sendProof(ContextResourceProof, appendResourceProof(nil, f.hash, f.proof))
			return true
		}
	}
	return false
}

// jobs returns work that has become due; each job is returned once.
func (t *linkResources) jobs() []resourceJob {
	var jobs []resourceJob
	if t.closed {
		return nil
	}
	for _, s := range t.outgoing {
		if j, ok := s.job(); ok {
			jobs = append(jobs, t.swept(j))
		}
	}
	for _, in := range t.incoming {
		if in.receiver != nil && in.receiver.state == resourceAssembling && !in.working {
			in.working = true
			jobs = append(jobs, t.assembly(in))
		}
	}
	return jobs
}

func (t *linkResources) swept(j resourceJob) resourceJob {
	run := j.run
	j.run = func() func(time.Time) {
		done := run()
		return func(now time.Time) {
			if !t.closed {
				done(now)
				t.sweep(now)
			}
		}
	}
	return j
}

func (t *linkResources) assembly(in *incomingResource) resourceJob {
	plan := in.receiver.plan(min(in.limit-in.got, in.inMemory))
	first := in.next == 1
	size := len(plan.stream)
	if in.sink != nil {
		size = max(size, resourceJobInline) // it writes
	}
	return t.swept(resourceJob{size: size, run: func() func(time.Time) {
		s, err := in.assemble(plan, first)
		return func(now time.Time) { t.assembled(now, in, s, err) }
	}})
}

// asked ends the rest of the other end: who asks again has put away what he was sent before.
func (t *linkResources) asked(now time.Time) { t.restTill = earliest(t.restTill, now) }

// deadline is when tick wants to be called; zero: nothing is due.
func (t *linkResources) deadline() time.Time {
	var due time.Time
	for i, s := range t.outgoing {
		if i == 0 && s.state == resourceQueued {
			due = t.restTill
		}
		due = earliest(due, s.deadline())
	}
	for _, in := range t.incoming {
		if in.receiver != nil {
			due = earliest(due, in.receiver.deadline())
		}
		due = earliest(due, in.waitTill)
	}
	return due
}

// tick does what is due.
func (t *linkResources) tick(now time.Time) {
	for _, s := range t.outgoing {
		s.tick(now)
	}
	for _, in := range t.incoming {
		if in.receiver != nil {
			in.receiver.tick(now)
		}
		if !in.waitTill.IsZero() && !now.Before(in.waitTill) {
			t.waitedTooLong(now, in)
		}
	}
	t.sweep(now)
}

// close ends everything with err without sending a packet; the link is no longer there.
func (t *linkResources) close(now time.Time, err error) {
	if t.closed {
		return
	}
	t.closed = true
	for _, s := range t.outgoing {
		s.end(now, err, false)
		t.budget.counters.SendFailed.Add(1)
	}
	t.outgoing = nil
	for _, in := range t.incoming {
		t.abort(now, in, err, false)
	}
	t.incoming = nil
}

// sweep takes ended resources out and lets the next ones go ahead.
func (t *linkResources) sweep(now time.Time) {
	if t.closed {
		return
	}
	keep := t.outgoing[:0:0]
	for _, s := range t.outgoing {
		switch {
		case s.state != resourceEnded:
			keep = append(keep, s)
		case s.err == nil:
			t.budget.counters.Sent.Add(1)
			t.restTill = now.Add(resourceRest)
		default:
			t.budget.counters.SendFailed.Add(1)
		}
	}
	t.outgoing = keep
	if len(t.outgoing) > 0 && !now.Before(t.restTill) {
		t.outgoing[0].begin()
	}
	for _, in := range t.incoming {
		if r := in.receiver; r != nil && r.state == resourceReceived && r.err != nil {
			t.abort(now, in, r.err, false) // the receiver has told the sender itself
		}
	}
	still := t.incoming[:0:0]
	for _, in := range t.incoming {
		if !in.over {
			still = append(still, in)
		}
	}
	t.incoming = still
}

func (t *linkResources) handleRequest(now time.Time, payload []byte, packet PacketHash) error {
	r, err := parsePartRequest(payload)
	if err != nil {
		return err
	}
	for _, s := range t.outgoing {
		if h, ok := s.currentHash(); ok && h == r.hash {
			s.handleRequest(now, r, packet)
		}
	}
	return nil
}

func (t *linkResources) handleReject(now time.Time, payload []byte) error {
	hash, err := parseResourceHash(payload)
	if err != nil {
		return err
	}
	for _, s := range t.outgoing {
		if h, ok := s.currentHash(); ok && h == hash {
			s.handleReject(now)
		}
	}
	return nil
}
