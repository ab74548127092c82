package rns

import (
	"context"
	"fmt"
	"io"
	"time"

	"groupd/rns/internal/bz2"
)

// linkMaxOffers is how many advertisements of one link may wait for the application's decision. More are ignored: their
// sender repeats them.
const linkMaxOffers = 16

// linkOfResources is what the resources of a link see of it. It keeps the key, since workers may use it until their job
// is done.
type linkOfResources struct {
	l   *Link
	key interface {
		Seal(dst []byte, rand io.Reader, plaintext []byte) ([]byte, error)
		OpenInPlace(token []byte) ([]byte, bool)
	}
}

var _ resourceLink = linkOfResources{}

func (r linkOfResources) id() LinkID         { return r.l.id }
func (r linkOfResources) sdu() int           { return r.l.now.mtu - linkSDUReserve }
func (r linkOfResources) rtt() time.Duration { return r.l.now.rtt }
func (r linkOfResources) rand() io.Reader    { return r.l.rand }

func (r linkOfResources) seal(plaintext []byte) []byte {
	sealed, err := r.key.Seal(nil, r.l.rand, plaintext)
	if err != nil {
		return nil
	}
	return sealed
}

func (r linkOfResources) turn() (c *bz2.Compressor, leave func(), err error) {
	return r.l.shared.work.enter(r.l.ctx, r.l.destination)
}

func (r linkOfResources) open(token []byte) ([]byte, bool) { return r.key.OpenInPlace(token) }

func (r linkOfResources) sendData(context Context, payload []byte, encrypted bool) {
	l := r.l
	if !l.now.state.usable() {
		return
	}
	if !encrypted {
		l.sendClear(time.Now(), PacketData, context, payload)
		return
	}
	if _, err := l.sendSealed(time.Now(), context, payload); err != nil {
		l.log.Warn("resource packet not sent", "context", context, "err", err)
	}
}

func (r linkOfResources) sendProof(context Context, payload []byte) {
	if r.l.now.state.usable() {
		r.l.sendClear(time.Now(), PacketProof, context, payload)
	}
}

func (r linkOfResources) post(f func(now time.Time)) bool {
	return r.l.submit(context.Background(), func(now time.Time) {
		f(now)
		r.l.afterResources(now)
	}) == nil
}

// parkedOffer is an advertisement that waits for the application's decision.
type parkedOffer struct {
	plaintext []byte
	decision  *ResourceDecision
}

// prepareResources makes the link ready for resources, once its key is known.
func (l *Link) prepareResources() {
	hooks := resourceHooks{
		offer:    l.offerResource,
		received: l.resourceReceived,
		progress: l.resourceProgress,
		teardown: func() { l.broken = true },
	}
	l.resources = newLinkResources(linkOfResources{l, l.key}, hooks, resourceLimits{}, l.shared.resourceBudget())
}

// handleResourcePacket takes a packet that belongs to a resource; payload is clear.
func (l *Link) handleResourcePacket(now time.Time, p linkPacket, payload []byte) {
	switch p.Context {
	case ContextResourceProof:
		l.resources.handleProof(now, payload)
	case ContextCacheRequest:
		l.resources.handleCacheRequest(payload)
	default:
		l.advertised = nil
		if p.Context == ContextResourceAdv {
			l.advertised = payload
		}
		var hash PacketHash
		if p.Context != ContextResource {
			hash = p.packetHash()
		}
		l.resources.handle(now, p.Context, payload, hash)
		l.advertised = nil
	}
	l.afterResources(now)
}

func (l *Link) tickResources(now time.Time) {
	if l.resources != nil {
		l.resources.tick(now)
		l.afterResources(now)
	}
}

func (l *Link) resourceDeadline() time.Time {
	if l.resources == nil {
		return time.Time{}
	}
	return l.resources.deadline()
}

// afterResources follows every call of the resources: it closes the link if they say so, and runs their jobs, large ones
// in goroutines.
func (l *Link) afterResources(now time.Time) {
	if l.broken {
		l.broken = false
		l.close(now, l.ownReason(), true)
	}
	for l.now.state != LinkClosed {
		jobs := l.resources.jobs()
		if len(jobs) == 0 {
			return
		}
		for _, job := range jobs {
			if job.size < resourceJobInline {
				job.run()(now)
				continue
			}
			l.children.Go(func() {
				done := job.run()
				// On a closed link the result is of no use.
				_ = l.submit(context.Background(), func(now time.Time) {
					done(now)
					l.afterResources(now)
				})
			})
		}
		if l.broken {
			l.broken = false
			l.close(now, l.ownReason(), true)
		}
	}
}

func (l *Link) closeResources(now time.Time, err error) {
	if l.resources != nil {
		l.resources.close(now, err)
	}
	l.offers = nil
}

// offerResource decides about an advertisement (spec 2 §3.5).
func (l *Link) offerResource(o ResourceOffer) ResourceDecision {
	switch {
	case o.Request:
		if !l.answersRequests() {
			return ResourceDecision{Ignore: true}
		}
		if d, ok := l.admitStranger(o); !ok {
			return d
		}
		return ResourceDecision{Accept: true, MaxSize: int64(l.maxRequest())}
	case o.Response:
		return l.offerResponse(o)
	}
	if l.handlers.Load().OnResource == nil {
		return ResourceDecision{Ignore: true}
	}
	o.Link = l
	if parked := l.offers[o.Hash]; parked != nil {
		if parked.decision == nil {
			return ResourceDecision{Ignore: true} // repeated while the application thinks
		}
		if parked.decision.Accept {
			if d, ok := l.admitStranger(o); !ok {
				return d
			}
		}
		return *parked.decision
	}
	if d, ok := l.checkStranger(o); !ok {
		return d // the application need not think
	}
	if len(l.offers) >= linkMaxOffers || l.advertised == nil {
		return ResourceDecision{Ignore: true}
	}
	parked := &parkedOffer{plaintext: append([]byte(nil), l.advertised...)}
	if l.offers == nil {
		l.offers = make(map[ResourceHash]*parkedOffer)
	}
	l.offers[o.Hash] = parked
	l.events.push(l, func() { l.askApplication(o, parked) }, 0)
	return ResourceDecision{Ignore: true}
}

// askApplication runs on the callback goroutine.
func (l *Link) askApplication(o ResourceOffer, parked *parkedOffer) {
	decision := ResourceDecision{Ignore: true}
	if f := l.handlers.Load().OnResource; f != nil {
		decision = f(o)
	}
	var sink *resourceSink
	if decision.Sink != nil {
		sink = newResourceSink(decision.Sink)
		decision.Sink = sink
	}
	err := l.submit(context.Background(), func(now time.Time) {
		defer sink.unused()
		if l.offers[o.Hash] != parked {
			return
		}
		parked.decision = &decision
		l.resources.handle(now, ContextResourceAdv, parked.plaintext, PacketHash{})
		delete(l.offers, o.Hash)
		l.afterResources(now)
	})
	if err != nil {
		sink.unused()
	}
}

// offerResponse takes responses that somebody waits for, and no others.
func (l *Link) offerResponse(o ResourceOffer) ResourceDecision {
	p := l.pending[o.ID]
	if p == nil {
		return ResourceDecision{Ignore: true}
	}
	limit := int64(p.options.MaxResponse)
	if limit > 0 && o.Size > limit {
		l.shared.counters.oversize.Add(1)
		p.cancel = nil
		l.finishRequest(time.Now(), p, requestResult{err: fmt.Errorf("response of %d bytes: %w", o.Size, ErrTooLarge)})
		return ResourceDecision{}
	}
	p.receiving = true
	p.deadline = time.Time{}
	p.cancel = func(now time.Time) {
		l.resources.cancelRequest(now, p.id)
		l.afterResources(now)
	}
	return ResourceDecision{Accept: true, MaxSize: limit}
}

// resourceReceived takes a resource that arrived, or failed after it was accepted.
func (l *Link) resourceReceived(r *ReceivedResource) {
	r.Link = l
	l.shared.strangers.done(l, r.Hash)
	switch {
	case r.Request:
		if r.Err != nil {
			return
		}
		_ = r.Prove()
		if limit := l.maxRequest(); limit > 0 && len(r.Data) > limit {
			l.shared.counters.oversize.Add(1)
			return
		}
		// The id is computed, since the advertised one only routes.
		l.serveRequest(RequestID(TruncatedHashOf(r.Data)), r.Data)
	case r.Response:
		l.responseReceived(r)
	default:
		l.plainReceived(r)
	}
}

// plainReceived hands a resource to the application, which then owes the decision about its proof.
func (l *Link) plainReceived(r *ReceivedResource) {
	if l.handlers.Load().OnResourceDone == nil {
		r.closeSink()
		_ = r.Prove()
		return
	}
	taken := l.events.offer(l, func() {
		if f := l.handlers.Load().OnResourceDone; f != nil {
			f(r)
		} else {
			r.closeSink()
		}
	}, 0) // its bytes count as being received until the decision
	if !taken {
		l.shared.counters.eventsFull.Add(1)
		r.closeSink()
		_ = r.Reject() // nothing to reject if it failed by itself
	}
}

// responseReceived concludes the request that a resource answers.
func (l *Link) responseReceived(r *ReceivedResource) {
	if r.Err == nil {
		_ = r.Prove()
	}
	p := l.pending[r.ID]
	if p == nil {
		return
	}
	p.cancel = nil
	now := time.Now()
	result := requestResult{err: r.Err}
	if r.Err == nil {
		result.response, result.err = resourceResponse(r)
	}
	if result.response != nil {
		result.response.RTT = now.Sub(p.started)
	}
	l.finishRequest(now, p, result)
}

// resourceResponse reads a response: one with metadata is a file, any other a packed response (spec 2 §2.3).
func resourceResponse(r *ReceivedResource) (*Response, error) {
	if r.Metadata != nil {
		return &Response{File: r.Data, Metadata: r.Metadata}, nil
	}
	id, value, err := unpackResponse(r.Data)
	if err != nil {
		return nil, err
	}
	if id != r.ID {
		return nil, fmt.Errorf("%w: response to another request", ErrMalformed)
	}
	return &Response{Data: value}, nil
}

func (l *Link) resourceProgress(o ResourceOffer, progress float64) {
	if !o.Response {
		return
	}
	if p := l.pending[o.ID]; p != nil && p.options.Progress != nil {
		p.options.Progress(progress)
	}
}

// sendRequestResource sends a packed request that does not fit a packet.
func (l *Link) sendRequestResource(now time.Time, p *pendingRequest, packed []byte) error {
	p.cancel = func(now time.Time) {
		l.resources.cancelRequest(now, p.id)
		l.afterResources(now)
	}
	_, err := l.resources.send(now, ResourceBytes(packed), resourceSendOptions{
		id: &p.id, request: true, advTimeout: p.options.Timeout,
		done: func(err error) {
			now := time.Now()
			switch {
			case err != nil:
				p.cancel = nil
				l.finishRequest(now, p, requestResult{err: err})
			case !p.receiving:
				p.started, p.deadline, p.cancel = now, now.Add(p.options.Timeout), nil
			}
		},
	})
	l.afterResources(now)
	return err
}

// sendResponseResource sends a packed response that does not fit a packet.
func (l *Link) sendResponseResource(now time.Time, id RequestID, packed []byte) error {
	_, err := l.resources.send(now, ResourceBytes(packed), resourceSendOptions{
		id: &id, response: true,
		done: func(err error) {
			if err != nil {
				l.log.Debug("response not delivered", "request", id, "err", err)
			}
		},
	})
	l.afterResources(now)
	return err
}

// SendResource sends data of any size, also none, and waits until the other end has proved it. Errors are [ErrRejected]
// when the other end refused it or broke it off, [ErrTimeout] when it did not answer, which is how a stock program
// declines that takes no resources at all, or fell silent, [ErrCancelled] when it asked for what it cannot want,
// [ErrTooManyResources] when 64 wait, [ErrTooLarge] or [ErrMalformed] for the metadata, [*LinkClosedError], that of the
// source, and that of ctx, which breaks the transfer off and tells the other end.
//
// Resources of one link, large requests and responses among them, go one after the other, 50 ms apart unless the other end
// has asked for something in between. The timeout is
// some 5 s for one that is never asked for, and 10 s or more after the last sign of life; a broken connection shows as
// that, or as a link that closes.
func (l *Link) SendResource(ctx context.Context, src ResourceSource, opts ResourceOptions) error {
	return l.sendResource(ctx, src, resourceSendOptions{
		metadata: opts.Metadata, noCompress: opts.NoCompress, compressLimit: opts.CompressLimit, progress: opts.Progress,
	})
}

// sendResource sends a resource and waits for its end.
func (l *Link) sendResource(ctx context.Context, src ResourceSource, o resourceSendOptions) error {
	done := make(chan error, 1)
	o.done = func(err error) { done <- err }
	var sender *resourceSender
	err := l.do(ctx, func(now time.Time) (err error) {
		if !l.now.state.usable() {
			return ErrNotActive
		}
		sender, err = l.resources.send(now, src, o)
		l.afterResources(now)
		return err
	})
	if err != nil {
		return fmt.Errorf("send resource: %w", err)
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		// On a closed link the transfer has ended already.
		_ = l.submit(context.Background(), func(now time.Time) {
			l.resources.cancel(now, sender, ctx.Err())
			l.afterResources(now)
		})
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("send resource: %w", err)
	}
	return nil
}
