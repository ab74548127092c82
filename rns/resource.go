package rns

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"groupd/rns/internal/bz2"
	"groupd/rns/msgpack"
)

// Wire constants of resources (spec 2 §3.1). Sizes are bytes, counts are parts, unless said otherwise.
const (
	// ResourceMapHashLength is the size of one map hash, which names a part (MAPHASH_LEN).
	ResourceMapHashLength = 4
	// ResourceRandomLength is the size of the random hash r and of the random prefix of a stream (RANDOM_HASH_SIZE).
	ResourceRandomLength = 4
	// ResourceSegmentSize is the largest body of one segment, metadata block included, uncompressed (MAX_EFFICIENT_SIZE).
	ResourceSegmentSize = 1<<20 - 1
	// ResourceMaxTransfer is the largest transfer size an advertisement may announce, inclusive.
	ResourceMaxTransfer = 3 * ResourceSegmentSize
	// ResourceCompressLimit is the size of a source above which compression is not tried by default (AUTO_COMPRESS_MAX_SIZE).
	ResourceCompressLimit = 64 << 20
	// ResourceMapHashesPerUpdate is the number of map hashes in an advertisement and in every full hashmap update,
	// whatever the MTU (HASHMAP_MAX_LEN).
	ResourceMapHashesPerUpdate = (linkBaseMDU - resourceAdvOverhead) / ResourceMapHashLength
	// ResourceProofLength is the payload of a RESOURCE_PRF packet: resource hash, proof.
	ResourceProofLength = 2 * FullHashLength

	linkBaseMDU            = 431 // largest plaintext of a link packet at MTU 500
	resourceAdvOverhead    = 134 // bytes of an advertisement beside its map hashes (OVERHEAD)
	resourceGuard          = 2*resourceWindowMaxFast + ResourceMapHashesPerUpdate
	resourceMetadataHeader = 3 // length field of a metadata block
	resourceMetadataMax    = ResourceSegmentSize - resourceMetadataHeader
	resourceSDUOverhead    = HeaderMaxSize + IFACMinSize // link MTU minus part size

	resourceWindowStart        = 4  // parts asked for at first (WINDOW)
	resourceWindowMin          = 2  // (WINDOW_MIN)
	resourceWindowMaxSlow      = 10 // (WINDOW_MAX_SLOW)
	resourceWindowMaxVerySlow  = 4  // (WINDOW_MAX_VERY_SLOW)
	resourceWindowMaxFast      = 75 // (WINDOW_MAX_FAST)
	resourceWindowFlexibility  = 4  // (WINDOW_FLEXIBILITY)
	resourceRateFast           = 6250.0
	resourceRateVerySlow       = 250.0 // bytes per second
	resourceFastThreshold      = 4     // increments
	resourceVerySlowThreshold  = 2     // rounds
	resourcePartTimeoutFactor  = 2.0   // × what the outstanding parts should take (PART_TIMEOUT_FACTOR_AFTER_RTT)
	resourceFirstPartFactor    = 2.0   // × what one part should take, before anything was measured
	resourceHMUWaitFactor      = 3.5
	resourceProofTimeoutFactor = 3
	resourceRetries            = 16
	resourceAdvRetries         = 4 // so five transmissions
	resourceProofQueries       = 3
	resourceTrafficFactor      = 6 // × rtt, as for link receipts
	resourceSenderGrace        = 10 * time.Second
	resourceProcessingGrace    = time.Second
	resourceRetryGrace         = 250 * time.Millisecond
	resourcePerRetryDelay      = 500 * time.Millisecond

	// resourceRest is how long after the proof of a resource the next one is offered. A stock receiver proves a resource before
	// it puts it away, takes parts that come meanwhile for parts of that one too, and then tells its application, such as an
	// LXMF client, that it has failed, though its sender has the proof.
	resourceRest = 50 * time.Millisecond
)

// Tunables: ours, zero in [resourceLimits] means these.
const (
	resourceDefaultPerLink  = 16 << 20 // bytes being received over one link
	resourceDefaultTotal    = 64 << 20 // bytes being received over all links
	resourceDefaultIncoming = 16       // resources being received over one link
	resourceDefaultOutgoing = 64       // resources waiting to be sent over one link, the running one included

	// resourceRemembered is the number of finished incoming segments whose proof is kept for cache queries and for
	// advertisements that arrive late.
	resourceRemembered = 32
	// resourceSegmentWait is how long a receiver waits for the next segment's advertisement after proving one.
	resourceSegmentWait = 3 * time.Minute
	// resourceUndecided is how long delivered data may stay neither proved nor rejected before we give it up.
	resourceUndecided = 10 * time.Minute
	// resourceJobInline is the size of work below which a worker is not worth its cost.
	resourceJobInline = 16 << 10
)

// ResourceProofPatience is how long a sender that follows the protocol surely waits for the proof after its last part,
// whatever the round trip time: it asks three times, then cancels, after 4 × (3 × rtt + 10 s) in all (spec 2 §3.11).
// Who calls [ReceivedResource.Prove] later than this must expect [ErrCancelled] and a second delivery of the same data.
const ResourceProofPatience = 4 * resourceSenderGrace

// ErrCorrupt means that a resource arrived whole but does not decrypt, decompress or hash to what was announced.
var ErrCorrupt = errors.New("resource is corrupt")

// ResourceSource is what [Link.SendResource] sends: bytes in memory, or size bytes of an [io.ReaderAt], which is read one
// segment (at most [ResourceSegmentSize] bytes) at a time, from a worker goroutine, and must not change until the transfer
// has ended. The zero value is a resource of no bytes.
type ResourceSource struct {
	data []byte
	at   io.ReaderAt
	size int64
}

// ResourceBytes makes a source of bytes, which must not change until the transfer has ended.
func ResourceBytes(data []byte) ResourceSource {
	return ResourceSource{data: data, size: int64(len(data))}
}

// ResourceReader makes a source of the first size bytes of r.
func ResourceReader(r io.ReaderAt, size int64) ResourceSource {
	return ResourceSource{at: r, size: size}
}

// Size returns the number of bytes of the source.
func (s ResourceSource) Size() int64 { return s.size }

// read returns length bytes at offset; of a source in memory it returns a part of it, not a copy.
func (s ResourceSource) read(offset, length int64) ([]byte, error) {
	if s.at == nil {
		return s.data[offset : offset+length], nil
	}
	b := make([]byte, length)
	n, err := s.at.ReadAt(b, offset)
	if int64(n) < length {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading resource source at %d: %w", offset, err)
	}
	return b, nil
}

// ResourceOptions says how a resource is sent. The zero value is right for most.
type ResourceOptions struct {
	// Metadata is one msgpack value handed to the receiver beside the data; nil sends none. At most 1,048,572 bytes.
	Metadata msgpack.Raw
	// NoCompress sends everything as it is; some small devices cannot decompress.
	NoCompress bool
	// CompressLimit is the size of the source in bytes above which compression is not tried; 0 means 64 MiB.
	CompressLimit int64
	// Progress is called from the link's goroutine and must neither block nor use the link; nil is allowed. It is given the part
	// that the other end has asked for, after each of its requests, and 1 once, when all is proved: what was compressed well is
	// a few requests only. A receiver's progress is what was written to its Sink, of ResourceOffer.Size.
	Progress func(float64)
}

// ResourceOffer is an advertisement for which the application decides before anything is allocated.
type ResourceOffer struct {
	Link     *Link        // it came over
	Hash     ResourceHash // of segment 1, which names the whole
	Size     int64        // bytes of the whole resource uncompressed, metadata block included, as advertised
	Transfer int64        // bytes of the first segment as it travels
	Segments int64
	Metadata bool
	Request  bool // carries a request; ID is its id as advertised
	Response bool // carries the response to request ID
	ID       RequestID
}

// ResourceDecision answers a [ResourceOffer]. The zero value refuses: the sender is told so.
type ResourceDecision struct {
	Accept  bool
	Ignore  bool  // neither accept nor refuse: no answer; the sender tries five times and gives up
	MaxSize int64 // refuse when more bytes than this are offered or arrive; 0: what fits in 16 MiB, buffers included, for all of a link; with a Sink no bound
	// Sink gets the data instead of memory: in order, segment by segment (at most [ResourceSegmentSize] bytes), each when its
	// hash was checked; metadata stays in memory. Only a window of parts and one segment are in memory then, and the link's
	// bound is for those. Write is called from a worker goroutine, never twice at a time. When it fails, the resource ends with
	// that error and its sender is told nothing, so that he tries again.
	//
	// Close is called once, after the last Write, when the resource fails or is not accepted after all. With one that arrived
	// the sink belongs to who gets the [ReceivedResource].
	Sink io.WriteCloser
}

// ReceivedResource is a resource that has arrived (Err is nil) or failed after it was accepted (Err says why:
// [ErrCancelled], [ErrTimeout], [ErrCorrupt], [ErrTooLarge], [ErrTooMany] when there was no room for it, [ErrLinkClosed];
// then Data is nil).
//
// The sender counts it delivered when it has our proof. Call [ReceivedResource.Prove] when the data is safe, from any
// goroutine, within [ResourceProofPatience].
type ReceivedResource struct {
	Link     *Link          // it came over
	Data     []byte         // without the metadata; the receiver of this value owns it; nil with a Sink
	Sink     io.WriteCloser // of the decision; it got all of the data
	Size     int64          // bytes of data, in Data or given to Sink
	Metadata msgpack.Raw    // nil: none
	Hash     ResourceHash
	Request  bool
	Response bool
	ID       RequestID
	Err      error

	post   func(func(now time.Time)) bool
	settle func(now time.Time, prove bool)

	mu      sync.Mutex // leaf; guards what follows
	holding bool       // the callback that delivers it still runs
	decided bool
	prove   bool
	ended   error // set when a decision can no longer be carried out
}

// Prove tells the sender that the data has arrived for good. It may be called once, from any goroutine, also within the
// callback. It returns the error that made a proof useless: [ErrCancelled] when the sender gave up, [ErrLinkClosed],
// [ErrTimeout] when it took longer than ten minutes, [ErrClosed] when it was proved or rejected before.
func (r *ReceivedResource) Prove() error { return r.decide(true) }

// Reject tells the sender that the data was refused after all. The rules of [ReceivedResource.Prove] hold.
func (r *ReceivedResource) Reject() error { return r.decide(false) }

func (r *ReceivedResource) decide(prove bool) error {
	r.mu.Lock()
	switch {
	case r.Err != nil:
		r.mu.Unlock()
		return r.Err
	case r.ended != nil:
		r.mu.Unlock()
		return r.ended
	case r.decided || r.post == nil:
		r.mu.Unlock()
		return ErrClosed
	}
	r.decided, r.prove = true, prove
	holding := r.holding
	r.mu.Unlock()
	if holding {
		return nil // carried out by the link's goroutine when the callback returns
	}
	if !r.post(func(now time.Time) { r.settle(now, prove) }) {
		return ErrLinkClosed
	}
	return nil
}

// deliver calls f with r and carries out a decision made meanwhile. A nil f proves at once.
func (r *ReceivedResource) deliver(now time.Time, f func(*ReceivedResource)) {
	if f == nil {
		if r.Err == nil {
			r.decided = true
			r.settle(now, true)
		}
		return
	}
	r.holding = r.Err == nil
	f(r)
	if r.Err != nil {
		return
	}
	r.mu.Lock()
	r.holding = false
	decided, prove := r.decided, r.prove
	r.mu.Unlock()
	if decided {
		r.settle(now, prove)
	}
}

// end makes later decisions fail with err.
func (r *ReceivedResource) end(err error) {
	r.mu.Lock()
	r.ended = err
	r.mu.Unlock()
}

// resourceLink is what resources ask of their link. All methods are called from the link's goroutine, except seal, open
// and turn, which workers call too while the link lives (the keys do not change once they are derived), and post.
type resourceLink interface {
	id() LinkID
	sdu() int           // part size: link MTU − 36
	rtt() time.Duration // as measured when the link was established; 0 unknown
	rand() io.Reader
	seal(plaintext []byte) []byte                         // one token; nil when the link has no keys any more
	turn() (c *bz2.Compressor, leave func(), err error)   // waits until a large segment may be built
	open(token []byte) ([]byte, bool)                     // plaintext, in the memory of the token
	sendData(ctx Context, payload []byte, encrypted bool) // copies payload; drops it when the link is not ACTIVE
	sendProof(ctx Context, payload []byte)                // a PROOF packet, clear
	post(f func(now time.Time)) bool                      // run f on the link's goroutine, soon; any goroutine; false: link closed
}

// resourceHooks is what resources tell their link. All are called from the link's goroutine.
type resourceHooks struct {
	// offer decides about an advertisement; nil ignores every one.
	offer func(ResourceOffer) ResourceDecision
	// received gets every accepted resource once, whether it arrived or failed; nil proves at once and drops the data.
	received func(*ReceivedResource)
	// progress reports on an incoming resource, 0 to 1; nil is allowed.
	progress func(ResourceOffer, float64)
	// teardown closes the link with LINKCLOSE, because of a malformed advertisement or a decompression bomb. It may be
	// carried out after the call that caused it has returned.
	teardown func()
}

// resourceJob is work that may be too long for the link's goroutine: compressing and encrypting a segment, decrypting and
// decompressing one. run is called once, in any goroutine; what it returns is called once, on the link's goroutine
// (dropped when the link has closed).
type resourceJob struct {
	size int // bytes to work through; below resourceJobInline it is best done in place
	run  func() func(now time.Time)
}
