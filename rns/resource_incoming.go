package rns

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// incomingResource is a resource being received, segment after segment.
type incomingResource struct {
	offer    ResourceOffer
	limit    int64 // bytes of bodies in all
	inMemory int64 // bytes of bodies in memory at a time: all, or one segment with a sink
	reserved int64
	next     int64 // index of the segment under way or expected
	last     ResourceHash
	receiver *resourceReceiver // nil between segments and after the last
	working  bool              // a job assembles the segment
	waitTill time.Time         // for the next segment, or for the application's decision
	got      int64             // bytes of bodies so far
	data     []byte
	size     int64         // bytes of data so far
	sink     *resourceSink // nil: the data is kept here
	metadata msgpack.Raw
	received *ReceivedResource // delivered, not decided
	over     bool
}

// finishedSegment is what is remembered of an incoming segment: its proof, once it may be told.
type finishedSegment struct {
	hash   ResourceHash
	proof  resourceProof
	proved bool
}

func (t *linkResources) reject(h ResourceHash) { t.link.sendData(ContextResourceRCL, h[:], true) }

// handleAdv decides about an offered segment. Everything is checked before anything is allocated.
func (t *linkResources) handleAdv(now time.Time, payload []byte) error {
	a, err := parseResourceAdv(payload)
	if err != nil {
		if t.hooks.teardown != nil {
			t.hooks.teardown()
		}
		return err
	}
	for _, in := range t.incoming {
		if in.receiver != nil && in.receiver.adv.hash == a.hash {
			in.receiver.handleRepeat(now)
			return nil
		}
	}
	for _, f := range t.finished {
		if f.hash == a.hash { // the advertisement came late or twice: it is here already
			if f.proved {
				t.link.sendProof(ContextResourceProof, appendResourceProof(nil, f.hash, f.proof))
			}
			return nil
		}
	}
	if err := a.check(t.link.sdu()); err != nil {
		t.budget.counters.Lies.Add(1)
		t.reject(a.hash)
		return nil
	}
	if a.index > 1 {
		t.continueWith(now, a)
		return nil
	}
	d := ResourceDecision{Ignore: true}
	if t.hooks.offer != nil {
		d = t.hooks.offer(a.offer())
	}
	if t.closed || d.Ignore && !d.Accept {
		return nil
	}
	if !d.Accept || d.MaxSize > 0 && a.size > d.MaxSize {
		t.budget.counters.Refused.Add(1)
		t.reject(a.hash)
		return nil
	}
	in := &incomingResource{offer: a.offer(), limit: a.size, inMemory: a.size, next: 1}
	if d.Sink != nil {
		in.sink = newResourceSink(d.Sink)
		in.inMemory = min(a.size, ResourceSegmentSize)
	}
	// The body and the largest stream may be in memory at the same time.
	in.reserved = in.inMemory + a.transfer
	if a.segments > 1 {
		in.reserved = in.inMemory + min(ResourceMaxTransfer, max(a.transfer, int64(token.SealedSize(ResourceSegmentSize+ResourceRandomLength))))
	}
	if len(t.incoming) >= t.limits.Incoming || in.inMemory > t.limits.PerLink ||
		t.reserved+in.reserved > t.limits.PerLink || !t.budget.reserve(in.reserved) {
		t.budget.counters.OverBudget.Add(1)
		t.reject(a.hash)
		reason := ErrTooMany
		if in.reserved > min(t.limits.PerLink, t.budget.total) {
			reason = ErrTooLarge
		}
		in.sink.end()
		t.failed(now, in, fmt.Errorf("resource of %d bytes: %w", a.size, reason))
		return nil
	}
	t.reserved += in.reserved
	t.incoming = append(t.incoming, in)
	t.receive(now, in, a)
	return nil
}

// continueWith takes the next segment of a resource that was accepted: in sequence, and like the first in all it shares.
func (t *linkResources) continueWith(now time.Time, a *resourceAdv) {
	for _, in := range t.incoming {
		if in.offer.Hash != a.origin {
			continue
		}
		o := a.offer()
		o.Transfer = in.offer.Transfer
		if in.receiver != nil || in.received != nil || a.index != in.next || o != in.offer ||
			in.inMemory+a.transfer > in.reserved {
			break
		}
		t.receive(now, in, a)
		return
	}
	t.budget.counters.Lies.Add(1)
	t.reject(a.hash)
}

func (t *linkResources) receive(now time.Time, in *incomingResource, a *resourceAdv) {
	in.waitTill = time.Time{}
	in.last = a.hash
	kept := *a
	kept.hashes = append([]byte(nil), a.hashes...)
	in.receiver = newResourceReceiver(t.link, &kept, t.seed)
	in.receiver.start(now)
}

// handlePart offers a part to every incoming resource; parts carry no name but their map hash.
func (t *linkResources) handlePart(now time.Time, data []byte) {
	mine := false
	for _, in := range t.incoming {
		if in.receiver == nil || !in.receiver.handlePart(now, data) {
			continue
		}
		mine = true
		if t.hooks.progress != nil && !in.over {
			r := in.receiver
			p := resourceProgress(in.next, in.offer.Segments, r.count, r.parts, r.sdu)
			t.hooks.progress(in.offer, min(p, resourceProgressAlmost))
		}
	}
	if !mine {
		t.budget.counters.Stray.Add(1)
	}
}

func (t *linkResources) handleUpdate(now time.Time, payload []byte) error {
	u, err := parseHashmapUpdate(payload)
	if err != nil {
		// An update that cannot be read from a sender who has our keys: whose it is can still be known.
		if len(payload) >= FullHashLength {
			for _, in := range t.incoming {
				if r := in.receiver; r != nil && r.adv.hash == ResourceHash(payload[:FullHashLength]) && r.waitingHMU {
					r.cancel(fmt.Errorf("%w: %w", errHashmap, ErrCorrupt), true)
				}
			}
		}
		return err
	}
	for _, in := range t.incoming {
		if in.receiver != nil && in.receiver.adv.hash == u.hash {
			in.receiver.handleUpdate(now, u)
		}
	}
	return nil
}

// handleCancel takes RESOURCE_ICL. The reference echoes an RCL that nobody needs (D27); we do not.
func (t *linkResources) handleCancel(now time.Time, payload []byte) error {
	hash, err := parseResourceHash(payload)
	if err != nil {
		return err
	}
	for _, in := range t.incoming {
		if in.last == hash {
			t.abort(now, in, ErrCancelled, false)
		}
	}
	return nil
}

// assembledSegment is what a worker made of a segment.
type assembledSegment struct {
	proof    resourceProof
	metadata msgpack.Raw
	data     []byte // nil when it is in the sink
	body     int64  // bytes, metadata block included
	size     int64  // bytes of data
}

// assemble decrypts and checks a segment, and gives its data to the sink. A worker runs it; plan and first are copies.
func (in *incomingResource) assemble(plan assemblePlan, first bool) (s assembledSegment, err error) {
	body, proof, err := plan.assemble()
	if err != nil {
		return s, err
	}
	s = assembledSegment{proof: proof, data: body, body: int64(len(body))}
	if first && in.offer.Metadata {
		if s.metadata, s.data, err = splitMetadata(body); err != nil {
			return s, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	s.size = int64(len(s.data))
	if in.sink == nil {
		return s, nil
	}
	s.metadata = bytes.Clone(s.metadata)
	err = in.sink.write(s.data)
	s.data = nil
	return s, err
}

// assembled goes on when a segment was decrypted and checked, or was not what was announced (spec 2 §3.12).
func (t *linkResources) assembled(now time.Time, in *incomingResource, s assembledSegment, err error) {
	in.working = false
	if in.over || in.receiver == nil {
		return
	}
	r := in.receiver
	if err != nil && !errors.Is(err, ErrCorrupt) {
		t.budget.counters.SinkFailed.Add(1)
		t.abort(now, in, err, false)
		return
	}
	if err != nil {
		t.budget.counters.Corrupt.Add(1)
		bomb := errors.Is(err, errBomb)
		t.abort(now, in, err, bomb)
		if bomb {
			t.budget.counters.Bombs.Add(1)
			if t.hooks.teardown != nil {
				t.hooks.teardown()
			}
		}
		return
	}
	t.seed = r.seed()
	in.receiver = nil
	t.remember(finishedSegment{hash: r.adv.hash, proof: s.proof})
	in.add(s)
	if in.next < in.offer.Segments {
		in.next++
		in.waitTill = now.Add(resourceSegmentWait)
		t.prove(r.adv.hash)
		return
	}
	t.deliver(now, in, r.adv.hash)
}

// add appends a segment.
func (in *incomingResource) add(s assembledSegment) {
	if s.metadata != nil {
		in.metadata = s.metadata
	}
	in.got += s.body
	in.size += s.size
	switch {
	case in.sink != nil:
		return
	case in.offer.Segments == 1:
		in.data = s.data
		return
	case in.data == nil:
		in.data = make([]byte, 0, in.limit)
	}
	in.data = append(in.data, s.data...)
}

// deliver hands a whole resource to the application, which decides when the last segment is proved.
func (t *linkResources) deliver(now time.Time, in *incomingResource, last ResourceHash) {
	t.budget.counters.Received.Add(1)
	if t.hooks.progress != nil {
		t.hooks.progress(in.offer, 1)
	}
	in.received = &ReceivedResource{
		Data: in.data, Size: in.size, Metadata: in.metadata, Hash: in.offer.Hash,
		Request: in.offer.Request, Response: in.offer.Response, ID: in.offer.ID,
		post: t.link.post,
	}
	in.received.settle = func(now time.Time, prove bool) {
		if in.over || t.closed {
			return
		}
		if prove {
			t.prove(last)
		} else {
			t.reject(last)
		}
		in.received.end(ErrClosed)
		t.release(in)
		t.sweep(now)
	}
	in.data, in.metadata = nil, nil
	if in.sink != nil {
		in.received.Sink = in.sink.hand(t.hooks.received != nil)
	}
	in.waitTill = now.Add(resourceUndecided)
	in.received.deliver(now, t.hooks.received)
}

// abort ends an incoming resource with err. What was delivered already can no longer be proved.
func (t *linkResources) abort(now time.Time, in *incomingResource, err error, tell bool) {
	if in.over {
		return
	}
	if in.receiver != nil {
		in.receiver.cancel(err, tell)
	}
	received := in.received
	t.release(in)
	in.data, in.metadata, in.receiver = nil, nil, nil
	if received != nil {
		received.end(err)
		return
	}
	in.sink.end()
	t.budget.counters.ReceiveFailed.Add(1)
	t.failed(now, in, err)
}

// failed tells who accepted a resource that it will not come.
func (t *linkResources) failed(now time.Time, in *incomingResource, err error) {
	if t.hooks.received == nil {
		return
	}
	failed := &ReceivedResource{
		Hash: in.offer.Hash, Request: in.offer.Request, Response: in.offer.Response, ID: in.offer.ID, Err: err,
	}
	failed.deliver(now, t.hooks.received)
}

// waitedTooLong gives up on a resource whose next segment does not come, or that the application does not decide about.
func (t *linkResources) waitedTooLong(now time.Time, in *incomingResource) {
	if in.received == nil {
		t.reject(in.last)
	}
	t.abort(now, in, ErrTimeout, false)
}

func (t *linkResources) release(in *incomingResource) {
	in.over = true
	t.reserved -= in.reserved
	t.budget.release(in.reserved)
	in.reserved = 0
}

// remember keeps the proof of a segment; the oldest is forgotten.
func (t *linkResources) remember(f finishedSegment) {
	if len(t.finished) >= resourceRemembered {
		t.finished = append(t.finished[:0:0], t.finished[1:]...)
	}
	t.finished = append(t.finished, f)
}

func (t *linkResources) prove(h ResourceHash) {
	for i := range t.finished {
		if f := &t.finished[i]; f.hash == h {
			f.proved = true
			t.link.sendProof(ContextResourceProof, appendResourceProof(nil, f.hash, f.proof))
			return
		}
	}
}
