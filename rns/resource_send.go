package rns

import (
	"bytes"
	"fmt"
	"time"

	"groupd/rns/msgpack"
)

// resourceSendState is where an outgoing resource stands.
//
//	queued → building → advertised ⇄ transferring ⇄ awaitingProof → (building for the next segment) … → ended
type resourceSendState uint8

const (
	resourceQueued        resourceSendState = iota // waits for the resource before it
	resourceBuilding                               // the next segment is not ready yet
	resourceAdvertised                             // no part was asked for yet
	resourceTransferring                           // parts are being asked for
	resourceAwaitingProof                          // every part was sent at least once
	resourceEnded                                  // err says how
)

// resourceSendOptions is ResourceOptions and what only requests and responses set.
type resourceSendOptions struct {
	metadata      msgpack.Raw
	noCompress    bool
	compressLimit int64 // 0: 64 MiB

	id                *RequestID // q
	request, response bool
	// advTimeout replaces 6 × rtt as the time after which an unanswered advertisement is sent again.
	advTimeout time.Duration

	progress func(float64) // may be nil
	done     func(error)   // called once on the link's goroutine; may be nil. nil error: proved
}

// resourceSender sends one resource, segment after segment. It is owned by the link's goroutine.
type resourceSender struct {
	link    resourceLink
	source  ResourceSource
	options resourceSendOptions

	metadata []byte // the block
	total    int64  // bytes with the metadata block
	segments int64
	compress bool
	origin   ResourceHash // of segment 1

	state    resourceSendState
	err      error // once ended
	current  *resourceSegment
	next     *resourceSegment
	nextErr  error
	building bool

	sent      []bool // of the current segment
	sentCount int
	floor     int // search scope begins here
	seen      recentHashes

	rtt           time.Duration // advertisement to first request; before that the link's
	requested     bool          // a request for this segment came
	awaited       bool          // AWAITING_PROOF was entered
	advSent       time.Time
	advTries      int
	lastActivity  time.Time
	lastPart      time.Time
	queryAt       time.Time // last proof query
	queries       int
	limit         time.Time // the segment has to be done by then
	partsSent     uint64
	requestsTaken uint64
}

// newResourceSender checks what is to be sent; nothing is read or sent yet. Errors: [ErrTooLarge] for metadata,
// [ErrMalformed] for metadata that is no msgpack value or a negative size.
func newResourceSender(l resourceLink, source ResourceSource, o resourceSendOptions) (*resourceSender, error) {
	if source.size < 0 {
		return nil, fmt.Errorf("resource of %d bytes: %w", source.size, ErrMalformed)
	}
	if len(o.metadata) > 0 {
		if err := checkMetadata(o.metadata); err != nil {
			return nil, fmt.Errorf("resource metadata: %w", err)
		}
	}
	block, err := makeMetadataBlock(o.metadata)
	if err != nil {
		return nil, err
	}
	limit := o.compressLimit
	if limit == 0 {
		limit = ResourceCompressLimit
	}
	s := &resourceSender{
		link: l, source: source, options: o, metadata: block,
		total:    source.size + int64(len(block)),
		compress: !o.noCompress && source.size <= limit,
	}
	s.segments = max((s.total-1)/ResourceSegmentSize+1, 1)
	return s, nil
}

// begin lets a queued resource go ahead; jobs tell what is to be built.
func (s *resourceSender) begin() {
	if s.state == resourceQueued {
		s.state = resourceBuilding
	}
}

// segmentBounds returns which bytes of the source segment index (from 1) carries.
func (s *resourceSender) segmentBounds(index int64) (offset, length int64) {
	start := (index - 1) * ResourceSegmentSize
	end := min(start+ResourceSegmentSize, s.total)
	block := int64(len(s.metadata))
	return max(start-block, 0), end - max(start, block)
}

// job returns the building of the next segment when it is due and nobody does it yet: the first one, or the one after the
// segment that is being transferred.
func (s *resourceSender) job() (resourceJob, bool) {
	index := int64(1)
	if s.current != nil {
		index = int64(s.current.index) + 1
	}
	if s.state == resourceQueued || s.state == resourceEnded || s.building || s.next != nil || s.nextErr != nil ||
		index > s.segments {
		return resourceJob{}, false
	}
	offset, length := s.segmentBounds(index)
	plan := segmentPlan{
		index: int(index), source: s.source, offset: offset, length: length, compress: s.compress,
		sdu: s.link.sdu(), seal: s.link.seal,
	}
	if index == 1 {
		plan.metadata = s.metadata
	}
	if length+int64(len(plan.metadata)) >= resourceJobInline {
		plan.turn = s.link.turn
	}
	var err error
	if plan.entropy, err = drawResourceEntropy(s.link.rand()); err != nil {
		s.nextErr = err
		return resourceJob{run: func() func(time.Time) { return func(now time.Time) { s.built(now, nil, err) } }}, true
	}
	s.building = true
	return resourceJob{size: int(length) + len(plan.metadata), run: func() func(time.Time) {
		segment, err := plan.build()
		return func(now time.Time) { s.built(now, segment, err) }
	}}, true
}

func (s *resourceSender) built(now time.Time, segment *resourceSegment, err error) {
	s.building = false
	if s.state == resourceEnded {
		return
	}
	s.next, s.nextErr = segment, err
	if s.state == resourceBuilding {
		s.advance(now)
	}
}

// advance goes on to the next segment if it is ready.
func (s *resourceSender) advance(now time.Time) {
	switch {
	case s.nextErr != nil:
		s.end(now, s.nextErr, false)
		return
	case s.next == nil:
		s.state = resourceBuilding
		return
	}
	s.current, s.next = s.next, nil
	if s.current.index == 1 {
		s.origin = s.current.hash
	}
	s.sent, s.sentCount, s.floor = make([]bool, s.current.parts), 0, 0
	s.seen = recentHashes{}
	s.requested, s.awaited, s.advTries, s.queries = false, false, 0, 0
	s.limit = now.Add(resourceDeadline(int64(len(s.current.stream))))
	s.advertise(now)
}

func (s *resourceSender) adv() *resourceAdv {
	c := s.current
	a := &resourceAdv{
		transfer: int64(len(c.stream)), size: s.total, parts: int64(c.parts), hash: c.hash, random: c.random,
		origin: s.origin, index: int64(c.index), segments: s.segments, flags: resourceEncrypted,
		hashes: c.mapHashes(0, min(c.parts, ResourceMapHashesPerUpdate)),
	}
	if c.compressed {
		a.flags |= resourceCompressed
	}
	if s.segments > 1 {
		a.flags |= resourceSplit
	}
	if len(s.metadata) > 0 {
		a.flags |= resourceHasMetadata
	}
	if s.options.id != nil {
		a.hasID, a.id = true, *s.options.id
		if s.options.request {
			a.flags |= resourceIsRequest
		} else if s.options.response {
			a.flags |= resourceIsResponse
		}
	}
	return a
}

func (s *resourceSender) advertise(now time.Time) {
	s.state = resourceAdvertised
	s.advTries++
	s.advSent, s.lastActivity = now, now
	s.link.sendData(ContextResourceAdv, s.adv().append(nil), true)
}

// currentHash is the hash under which the other end knows what is being transferred.
func (s *resourceSender) currentHash() (ResourceHash, bool) {
	if s.current == nil || s.state == resourceEnded || s.state == resourceQueued {
		return ResourceHash{}, false
	}
	return s.current.hash, true
}

func (s *resourceSender) active() bool {
	switch s.state {
	case resourceAdvertised, resourceTransferring, resourceAwaitingProof:
		return true
	}
	return false
}

// handleRequest serves a part request for the current segment. packet is the hash of the packet it came in; the duplicate
// filter does not hold part requests back, so a repeated packet is recognised here.
func (s *resourceSender) handleRequest(now time.Time, r partRequest, packet PacketHash) {
	if !s.active() || !s.seen.add(packet) {
		return
	}
	if !s.requested {
		s.requested = true
		s.rtt = now.Sub(s.advSent)
	}
	s.requestsTaken++
	s.state = resourceTransferring
	s.lastActivity = now
	s.serve(now, r.wanted)
	if r.exhausted && !s.update(now, r.last) {
		return
	}
	if s.sentCount == s.current.parts {
		s.state, s.awaited = resourceAwaitingProof, true
		s.queries = 0
		s.queryAt = time.Time{}
	}
	s.report()
}

// serve sends each wanted part within the search scope once, in order, at most 75 of them.
func (s *resourceSender) serve(now time.Time, wanted []byte) {
	count := len(wanted) / ResourceMapHashLength
	if count == 0 {
		return
	}
	want := make(map[mapHash]struct{}, min(count, resourceWindowMaxFast))
	for i := range min(count, resourceWindowMaxFast) {
		want[mapHashAt(wanted, i)] = struct{}{}
	}
	c := s.current
	for i := s.floor; i < min(s.floor+resourceGuard, c.parts) && len(want) > 0; i++ {
		if _, ok := want[c.hashes[i]]; !ok {
			continue
		}
		delete(want, c.hashes[i])
		s.link.sendData(ContextResource, c.part(i), false)
		s.partsSent++
		s.lastPart = now
		if !s.sent[i] {
			s.sent[i] = true
			s.sentCount++
		}
	}
}

// update sends the block of map hashes after the last one that the receiver knows. It reports false when it had to cancel.
func (s *resourceSender) update(now time.Time, last mapHash) bool {
	c := s.current
	from := -1
	for i := s.floor; i < min(s.floor+resourceGuard, c.parts); i++ {
		if c.hashes[i] == last {
			from = i + 1
			break
		}
	}
	if from < 0 || from%ResourceMapHashesPerUpdate != 0 || from >= c.parts {
		s.end(now, fmt.Errorf("%w: map hashes asked for out of sequence", ErrCancelled), true)
		return false
	}
	to := min(from+ResourceMapHashesPerUpdate, c.parts)
	s.floor = max(from-1-resourceWindowMaxFast, 0)
	u := hashmapUpdate{hash: c.hash, block: int64(from / ResourceMapHashesPerUpdate), hashes: c.mapHashes(from, to)}
	s.link.sendData(ContextResourceHMU, u.append(nil), true)
	return true
}

// handleProof ends the segment if the proof is right, whatever state it is in; a wrong one changes nothing.
func (s *resourceSender) handleProof(now time.Time, proof resourceProof) {
	if !s.active() || !bytes.Equal(proof[:], s.current.proof[:]) {
		return
	}
	if int64(s.current.index) == s.segments {
		s.end(now, nil, false)
		return
	}
	s.lastActivity = now
	s.sent = nil
	s.current.stream, s.current.hashes = nil, nil
	s.state = resourceBuilding
	s.advance(now)
}

// handleReject ends the transfer because the receiver said so.
func (s *resourceSender) handleReject(now time.Time) {
	s.end(now, ErrRejected, false)
}

// cancel ends the transfer from our side, with err as its result; the receiver is told if it knows of it.
func (s *resourceSender) cancel(now time.Time, err error) { s.end(now, err, s.current != nil) }

func (s *resourceSender) end(_ time.Time, err error, tell bool) {
	if s.state == resourceEnded {
		return
	}
	s.state, s.err = resourceEnded, err
	if tell {
		s.link.sendData(ContextResourceICL, s.current.hash[:], true)
	}
	s.sent, s.next = nil, nil
	if s.current != nil {
		s.current.stream, s.current.hashes = nil, nil
	}
	if err == nil && s.options.progress != nil {
		s.options.progress(1)
	}
	if s.options.done != nil {
		s.options.done(err)
	}
}

// deadline is when tick wants to be called; zero when nothing is due.
func (s *resourceSender) deadline() time.Time {
	var t time.Time
	switch s.state {
	case resourceAdvertised:
		timeout := s.options.advTimeout
		if timeout <= 0 {
			timeout = resourceTrafficFactor * s.link.rtt()
		}
		t = s.advSent.Add(timeout + resourceProcessingGrace)
	case resourceTransferring:
		factor := time.Duration(resourceTrafficFactor)
		if s.awaited {
			factor = resourceProofTimeoutFactor
		}
		t = s.lastActivity.Add(resourceRetries*factor*s.rtt + resourceSenderGrace + resourceAllRetryDelays)
	case resourceAwaitingProof:
		from := s.lastPart
		if s.queryAt.After(from) {
			from = s.queryAt
		}
		t = from.Add(resourceProofTimeoutFactor*s.rtt + resourceSenderGrace)
	default:
		return t
	}
	return earliest(t, s.limit)
}

// tick does what is due.
func (s *resourceSender) tick(now time.Time) {
	due := s.deadline()
	if due.IsZero() || now.Before(due) {
		return
	}
	switch {
	case !now.Before(s.limit):
		s.end(now, ErrTimeout, true)
	case s.state == resourceAdvertised && s.advTries <= resourceAdvRetries:
		s.advertise(now)
	case s.state == resourceAwaitingProof && s.queries < resourceProofQueries:
		s.queries++
		s.queryAt = now
		query := resourceProofPacketHash(s.link.id(), s.current.hash, s.current.proof)
		s.link.sendData(ContextCacheRequest, query[:], false)
	default:
		s.end(now, ErrTimeout, true)
	}
}

// report tells the progress: parts sent once of all parts (spec 2 §3.15). 1 is told by end alone.
func (s *resourceSender) report() {
	if s.options.progress == nil || s.current == nil {
		return
	}
	p := resourceProgress(int64(s.current.index), s.segments, s.sentCount, s.current.parts, s.current.sdu)
	s.options.progress(min(p, resourceProgressAlmost))
}

// resourceProgressAlmost is told when everything was sent but nothing proved.
const resourceProgressAlmost = 0.9999

// resourceProgress is how much of a whole resource is done when done of parts are there of segment index (from 1).
func resourceProgress(index, segments int64, done, parts, sdu int) float64 {
	if parts == 0 {
		return 0
	}
	if segments <= 1 {
		return float64(done) / float64(parts)
	}
	full := float64((ResourceSegmentSize + sdu - 1) / sdu)
	here := float64(done) * max(1, full/float64(parts))
	return min(1, (float64(index-1)*full+here)/(float64(segments)*full))
}

// resourceAllRetryDelays is the sum of the receiver's delays over all its retries: 0.5 s × (1 + … + 16).
const resourceAllRetryDelays = resourcePerRetryDelay * resourceRetries * (resourceRetries + 1) / 2

// resourceDeadline is the longest that one segment may take on either side, so that a peer that keeps just busy enough
// cannot hold memory for ever: ten minutes and what 8 bytes per second need.
func resourceDeadline(transfer int64) time.Duration {
	return 10*time.Minute + time.Duration(transfer/8)*time.Second
}

// recentHashes remembers the last few hundred packet hashes, oldest dropped first. The zero value is empty.
type recentHashes struct {
	set  map[PacketHash]struct{}
	ring []PacketHash
	at   int
}

// recentHashesLimit is more than a window's worth of requests can be under way at once.
const recentHashesLimit = 256

// add reports whether h is new.
func (r *recentHashes) add(h PacketHash) bool {
	if _, ok := r.set[h]; ok {
		return false
	}
	if r.set == nil {
		r.set = make(map[PacketHash]struct{})
	}
	r.set[h] = struct{}{}
	if len(r.ring) < recentHashesLimit {
		r.ring = append(r.ring, h)
		return true
	}
	delete(r.set, r.ring[r.at])
	r.ring[r.at] = h
	r.at = (r.at + 1) % recentHashesLimit
	return true
}
