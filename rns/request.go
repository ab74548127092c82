package rns

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"groupd/rns/msgpack"
)

const (
	// linkResponseGrace is what a request waits beyond 6 round trips: the protocol's 10 s and an eighth of it.
	linkResponseGrace = 11250 * time.Millisecond
	// requestPackedOverhead is what a packed request is longer than its data, in bytes: array, time, path hash.
	requestPackedOverhead = 1 + 9 + 2 + TruncatedHashLength
)

// RequestData is what a request carries: one packed msgpack value, such as [msgpack.Nil] or [msgpack.Bin] makes.
type RequestData = msgpack.Raw

// RequestOptions say how a request is made. The zero value is right for most.
type RequestOptions struct {
	// Timeout is how long to wait for the response to begin, 0 for 6 round trips and 11.25 s. It starts when the request
	// is sent; when that takes a resource, when the other end has all of it. A response that comes as a resource has
	// timers of its own.
	Timeout time.Duration
	// MaxResponse is the largest response taken, in bytes as transferred and uncompressed; 0 for no limit of its own.
	MaxResponse int
	// Progress is called with the progress of a large response, 0 to 1. nil is allowed. It is called from the link's own
	// goroutine: it must neither block nor use the link.
	Progress func(float64)
}

// Response is the answer to a request.
type Response struct {
	Data     msgpack.Raw   // the value; nil when the answer is a file
	Metadata msgpack.Raw   // of a file; nil when the answer is a value
	File     []byte        // content of a file
	RTT      time.Duration // from sending the request (when it took a resource: from its proof) to the whole response
}

// Request is a request of the other end, as its handler gets it.
type Request struct {
	Path        string        // as registered; empty in a catch-all handler
	PathHash    TruncatedHash // what was asked for
	Data        msgpack.Raw   // one value, nil included
	ID          RequestID
	Remote      *PublicIdentity // who asks: nil until it has identified
	Link        *Link
	RequestedAt time.Time // by the clock of the other end, which may be anything
}

// SendFile answers the request with a file, and waits until the other end has proved it; the handler then returns no
// response of its own. It goes as a resource of the content itself with metadata, which is what tells a file from other
// answers, so a nil metadata is sent as an empty map (spec 2 §2.3). Errors are those of [Link.SendResource].
func (r *Request) SendFile(ctx context.Context, content ResourceSource, opts ResourceOptions) error {
	if len(opts.Metadata) == 0 {
		opts.Metadata = msgpack.Map()
	}
	return r.Link.sendResource(ctx, content, resourceSendOptions{
		metadata: opts.Metadata, noCompress: opts.NoCompress, compressLimit: opts.CompressLimit, progress: opts.Progress,
		id: &r.ID, response: true,
	})
}

// RequestHandler answers a request. It runs in a goroutine of its own: at most 8 at a time per link and 64 per
// transport; 64 more wait, 16 of a link, beyond that requests are dropped and counted. ctx ends with the link. ok false, or a
// response of nil, sends no answer, and the other end waits until its timeout.
type RequestHandler func(ctx context.Context, r *Request) (response msgpack.Raw, ok bool)

// requestPaths are the request handlers of a destination or of one link. The zero value is ready.
type requestPaths struct {
	mu     sync.Mutex // leaf
	byHash map[TruncatedHash]requestPath
	any    RequestHandler
}

type requestPath struct {
	path    string
	handler RequestHandler
}

// handle sets, or with nil removes, the handler of a path.
func (p *requestPaths) handle(path string, h RequestHandler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h == nil {
		delete(p.byHash, PathHash(path))
		return
	}
	if p.byHash == nil {
		p.byHash = make(map[TruncatedHash]requestPath)
	}
	p.byHash[PathHash(path)] = requestPath{path, h}
}

func (p *requestPaths) handleAny(h RequestHandler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.any = h
}

func (p *requestPaths) lookup(hash TruncatedHash) (found requestPath, any RequestHandler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byHash[hash], p.any
}

func (p *requestPaths) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byHash) == 0 && p.any == nil
}

// HandleRequest sets the handler of a path for requests of the other end on this link; nil removes it. It comes before
// that of the destination, and is how an initiator answers requests too.
func (l *Link) HandleRequest(path string, h RequestHandler) { l.paths.handle(path, h) }

// HandleAnyRequest sets the handler of all paths that have none; nil removes it.
func (l *Link) HandleAnyRequest(h RequestHandler) { l.paths.handleAny(h) }

// requestHandler finds who answers: a path of the link, one of the destination, or one of their catch-alls.
func (l *Link) requestHandler(hash TruncatedHash) (requestPath, bool) {
	found, any := l.paths.lookup(hash)
	if found.handler == nil && l.target != nil {
		var theirs RequestHandler
		found, theirs = l.target.requestPaths().lookup(hash)
		if any == nil {
			any = theirs
		}
	}
	if found.handler == nil {
		found = requestPath{handler: any}
	}
	return found, found.handler != nil
}

// answersRequests reports whether anybody answers any request.
func (l *Link) answersRequests() bool {
	return !l.paths.empty() || (l.target != nil && !l.target.requestPaths().empty())
}

// packRequest returns the plaintext of a request (spec 2 §2.2).
func packRequest(at time.Time, path TruncatedHash, data msgpack.Raw) []byte {
	b := make([]byte, 0, requestPackedOverhead+len(data))
	b = msgpack.AppendArray(b, 3)
	b = msgpack.AppendFloat(b, unixSeconds(at))
	b = msgpack.AppendBin(b, path[:])
	return append(b, data...)
}

// unpackRequest reads the plaintext of a request.
func unpackRequest(b []byte) (at time.Time, path TruncatedHash, data msgpack.Raw, err error) {
	values, err := unpackValues[[3]msgpack.Raw](b)
	if err != nil {
		return at, path, nil, fmt.Errorf("%w: request: %w", ErrMalformed, err)
	}
	// The reference takes any time, or none; it is only shown.
	if seconds, ok := values[0].Number(); ok {
		at = fromUnixSeconds(seconds)
	}
	hash, ok := values[1].Bin()
	if !ok || len(hash) != len(path) {
		return at, path, nil, fmt.Errorf("%w: path hash of a request", ErrMalformed)
	}
	return at, TruncatedHash(hash), values[2], nil
}

// unpackValues reads an array of exactly so many values. What follows it is not looked at. Nothing is allocated for the
// number that b claims: an array of a million nils is a megabyte here and 24 as values.
func unpackValues[A [2]msgpack.Raw | [3]msgpack.Raw](b []byte) (values A, err error) {
	r := msgpack.NewReader(b)
	if err := r.ArrayOf(len(values)); err != nil {
		return values, err
	}
	for i := range len(values) {
		if values[i], err = r.Raw(); err != nil {
			return values, err
		}
	}
	return values, nil
}

// packResponse returns the plaintext of a response (spec 2 §2.3).
func packResponse(id RequestID, value msgpack.Raw) []byte {
	b := make([]byte, 0, 1+2+len(id)+len(value))
	b = msgpack.AppendArray(b, 2)
	b = msgpack.AppendBin(b, id[:])
	return append(b, value...)
}

// unpackResponse reads the plaintext of a response.
func unpackResponse(b []byte) (id RequestID, value msgpack.Raw, err error) {
	values, err := unpackValues[[2]msgpack.Raw](b)
	if err != nil {
		return id, nil, fmt.Errorf("%w: response: %w", ErrMalformed, err)
	}
	hash, ok := values[0].Bin()
	if !ok || len(hash) != len(id) {
		return id, nil, fmt.Errorf("%w: request id of a response", ErrMalformed)
	}
	return RequestID(hash), values[1], nil
}

// unixSeconds is a time as the protocol has it: seconds since 1970 in a float.
func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }

// fromUnixSeconds is the reverse; what is no time of the years 1 to 9999 becomes the zero time.
func fromUnixSeconds(s float64) time.Time {
	const first, last = -62135596800, 253402300799
	if math.IsNaN(s) || s < first || s > last {
		return time.Time{}
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*float64(time.Second)))
}

// pendingRequest is a request of ours that has no response yet.
//
//	sent ──(request resource proved)──▶ sent ──(response resource begins)──▶ receiving ──▶ done
//	 └────────────(response packet)───────────────────────────────────────────────────────▲
//	any of them ──(timeout, refusal, link closed, caller gone)──▶ done, with an error
//
// deadline is zero while a resource carries the request or the response: that has timers of its own.
type pendingRequest struct {
	id        RequestID
	options   RequestOptions
	started   time.Time
	deadline  time.Time
	receiving bool                // the response comes as a resource
	result    chan requestResult  // cap 1
	cancel    func(now time.Time) // ends the resource that carries it; nil when none does
}

type requestResult struct {
	response *Response
	err      error
}

// Request asks the other end for path and waits for the response. data may be nil for no data; request and response may
// have any size. Errors are [ErrTimeout], [ErrRejected] when the other end refused a request that takes a resource,
// [ErrTooLarge] when the response is larger than opts.MaxResponse, [ErrTooMany] when 64 requests are unanswered,
// [ErrMalformed] when data is not one msgpack value, [*LinkClosedError] at once when the link closes, and that of ctx,
// which also breaks off a response that is being transferred. A request that the other end does not want to answer looks
// like one that got lost.
func (l *Link) Request(ctx context.Context, path string, data RequestData, opts RequestOptions) (*Response, error) {
	if len(data) == 0 {
		data = msgpack.Nil()
	} else if !data.Valid() {
		return nil, fmt.Errorf("%w: request data is not one msgpack value", ErrMalformed)
	}
	packed := packRequest(l.wall(), PathHash(path), data)
	var p *pendingRequest
	err := l.do(ctx, func(now time.Time) (err error) {
		p, err = l.startRequest(now, packed, opts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", path, err)
	}
	select {
	case r := <-p.result:
		if r.err != nil {
			return nil, fmt.Errorf("request %s: %w", path, r.err)
		}
		return r.response, nil
	case <-ctx.Done():
		// When the link is closed instead, nothing is left to forget.
		_ = l.submit(context.Background(), func(now time.Time) { l.finishRequest(now, p, requestResult{err: ctx.Err()}) })
		return nil, ctx.Err()
	}
}

// startRequest sends a packed request, in a packet if it fits one.
func (l *Link) startRequest(now time.Time, packed []byte, opts RequestOptions) (*pendingRequest, error) {
	if !l.now.state.usable() {
		return nil, ErrNotActive
	}
	if len(l.pending) >= linkMaxPending {
		return nil, ErrTooMany
	}
	if opts.Timeout <= 0 {
		opts.Timeout = linkTrafficFactor*l.now.rtt + linkResponseGrace
	}
	p := &pendingRequest{options: opts, started: now, result: make(chan requestResult, 1)}
	if len(packed) > LinkMDU(l.now.mtu) {
		p.id = TruncatedHashOf(packed)
		if l.pending[p.id] != nil {
			return nil, ErrTooMany // the same request at the same instant
		}
		l.pending[p.id] = p
		if err := l.sendRequestResource(now, p, packed); err != nil {
			delete(l.pending, p.id)
			return nil, err
		}
		return p, nil
	}
	hash, err := l.sendSealed(now, ContextRequest, packed)
	if err != nil {
		return nil, err
	}
	p.id = RequestID(hash[:TruncatedHashLength])
	p.deadline = now.Add(opts.Timeout)
	l.pending[p.id] = p
	return p, nil
}

// finishRequest ends a pending request. Ending it again does nothing.
func (l *Link) finishRequest(now time.Time, p *pendingRequest, r requestResult) {
	if l.pending[p.id] != p {
		return
	}
	delete(l.pending, p.id)
	if cancel := p.cancel; cancel != nil && r.err != nil {
		p.cancel = nil
		cancel(now)
	}
	p.result <- r
}

// expireRequests fails what was not answered in time.
func (l *Link) expireRequests(now time.Time) {
	for _, p := range l.pending {
		if due(now, p.deadline) {
			l.finishRequest(now, p, requestResult{err: ErrTimeout})
		}
	}
}

// failRequests fails everything that is pending.
func (l *Link) failRequests(err error) {
	for _, p := range l.pending {
		delete(l.pending, p.id)
		p.result <- requestResult{err: err}
	}
}

// handleResponse takes a response that came in one packet.
func (l *Link) handleResponse(now time.Time, plaintext []byte) {
	id, value, err := unpackResponse(plaintext)
	if err != nil {
		l.shared.counters.badMessage.Add(1)
		return
	}
	p := l.pending[id]
	if p == nil {
		return
	}
	// The limit is compared as the reference does, with 2 bytes of header for nothing.
	if limit := p.options.MaxResponse; limit > 0 && len(value)-2 > limit {
		l.shared.counters.oversize.Add(1)
		l.finishRequest(now, p, requestResult{err: fmt.Errorf("response of %d bytes: %w", len(value), ErrTooLarge)})
		return
	}
	l.finishRequest(now, p, requestResult{response: &Response{Data: value, RTT: now.Sub(p.started)}})
}

// handleRequest takes a request that came in one packet; its id is the packet's hash.
func (l *Link) handleRequest(_ time.Time, p linkPacket, plaintext []byte) {
	if limit := l.maxRequest(); limit > 0 && len(plaintext) > limit {
		l.shared.counters.oversize.Add(1)
		return
	}
	l.serveRequest(RequestID(p.packetHash().truncated()), plaintext)
}

func (l *Link) maxRequest() int {
	if l.target == nil {
		return 0
	}
	return l.target.maxRequest()
}

// serveRequest has a packed request answered. What nobody handles is dropped without an answer.
func (l *Link) serveRequest(id RequestID, packed []byte) {
	at, hash, data, err := unpackRequest(packed)
	if err != nil {
		l.shared.counters.badMessage.Add(1)
		return
	}
	found, ok := l.requestHandler(hash)
	if !ok {
		l.shared.counters.unknownPath.Add(1)
		return
	}
	l.resources.asked(time.Now())
	r := &Request{Path: found.path, PathHash: hash, Data: data, ID: id, Remote: l.now.remote, Link: l, RequestedAt: at}
	var early <-chan time.Time
	if wait := l.answerDelay(); wait > 0 {
		early = time.After(wait)
	}
	work := func() {
		response, ok := found.handler(l.ctx, r)
		if early != nil {
			select {
			case <-early:
			case <-l.Done():
			}
		}
		if ok && len(response) > 0 && !response.IsNil() {
			// When the link is closed meanwhile there is nobody to answer.
			_ = l.submit(context.Background(), func(now time.Time) { l.respond(now, id, response) })
		}
	}
	if dropped := l.shared.requests.submit(l, work); dropped > 0 {
		l.shared.counters.requestsFull.Add(uint64(dropped))
	}
}

// respond sends a response, in a packet if it fits one.
func (l *Link) respond(now time.Time, id RequestID, value msgpack.Raw) {
	if !l.now.state.usable() {
		return
	}
	packed := packResponse(id, value)
	var err error
	if len(packed) > LinkMDU(l.now.mtu) {
		err = l.sendResponseResource(now, id, packed)
	} else {
		_, err = l.sendSealed(now, ContextResponse, packed)
	}
	if err != nil {
		l.log.Warn("response not sent", "request", id, "err", err)
	}
}
