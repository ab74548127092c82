package rns

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"groupd/rns/internal/bz2"
	"groupd/rns/msgpack"
)

// resourceEntropy is what building a segment needs of randomness; drawn on the link's goroutine, so that the source need
// not be safe for use by workers.
type resourceEntropy struct {
	prefix [ResourceRandomLength]byte
	random [resourceCollisionTries][ResourceRandomLength]byte
}

// resourceCollisionTries bounds the search for a random hash without colliding map hashes. A try fails with probability
// below 2,261 × 224 / 2³² for a full segment at MTU 500, so that eight in a row do not happen.
const resourceCollisionTries = 8

func drawResourceEntropy(r io.Reader) (resourceEntropy, error) {
	var e resourceEntropy
	if _, err := io.ReadFull(r, e.prefix[:]); err != nil {
		return e, fmt.Errorf("drawing a resource prefix: %w", err)
	}
	for i := range e.random {
		if _, err := io.ReadFull(r, e.random[i][:]); err != nil {
			return e, fmt.Errorf("drawing a resource random hash: %w", err)
		}
	}
	return e, nil
}

// segmentPlan says which bytes of a source make a segment and how. Building one is a pure function of it, so that a worker
// can do it.
type segmentPlan struct {
	index    int // from 1
	source   ResourceSource
	offset   int64
	length   int64
	metadata []byte // the metadata block, in segment 1 only
	compress bool
	sdu      int
	entropy  resourceEntropy
	seal     func([]byte) []byte
	turn     func() (c *bz2.Compressor, leave func(), err error) // nil: it is small, and nobody waits for a turn
}

// resourceSegment is a segment ready to be sent.
type resourceSegment struct {
	index      int
	hash       ResourceHash
	random     [ResourceRandomLength]byte
	proof      resourceProof // what the receiver must answer
	stream     []byte        // one token, cut into parts of sdu bytes
	sdu        int
	parts      int
	hashes     []mapHash
	compressed bool
}

func (s *resourceSegment) part(i int) []byte {
	return s.stream[i*s.sdu : min((i+1)*s.sdu, len(s.stream))]
}

// mapHashes returns the map hashes from up to but not including to, as they travel.
func (s *resourceSegment) mapHashes(from, to int) []byte {
	b := make([]byte, 0, (to-from)*ResourceMapHashLength)
	for _, h := range s.hashes[from:to] {
		b = appendMapHash(b, h)
	}
	return b
}

// errNoRandomHash means that no random hash without colliding map hashes was found.
var errNoRandomHash = errors.New("map hashes collide")

// build makes the segment: body, compression if it helps, one token over everything, map hashes (spec 2 §3.2).
func (p *segmentPlan) build() (*resourceSegment, error) {
	data, err := p.source.read(p.offset, p.length)
	if err != nil {
		return nil, err
	}
	body := data
	if len(p.metadata) > 0 {
		body = append(append(make([]byte, 0, len(p.metadata)+len(data)), p.metadata...), data...)
	}
	compressor := new(bz2.Compressor)
	if p.turn != nil {
		shared, leave, err := p.turn()
		if err != nil {
			return nil, ErrLinkClosed
		}
		defer leave()
		compressor = shared
	}
	s := &resourceSegment{index: p.index, sdu: p.sdu}
	packed := body
	if p.compress {
		c, err := compressResource(compressor, body)
		if err != nil {
			return nil, fmt.Errorf("compressing resource: %w", err)
		}
		if c != nil {
			packed, s.compressed = c, true
		}
	}
	clear := make([]byte, 0, ResourceRandomLength+len(packed))
	clear = append(append(clear, p.entropy.prefix[:]...), packed...)
	if s.stream = p.seal(clear); len(s.stream) == 0 {
		return nil, ErrLinkClosed
	}
	s.parts = (len(s.stream) + s.sdu - 1) / s.sdu
	for _, r := range p.entropy.random {
		if r == p.entropy.prefix {
			continue
		}
		if s.makeHashes(r) {
			s.random = r
			s.hash, s.proof, err = hashResourceBody(body, r)
			return s, err
		}
	}
	return nil, errNoRandomHash
}

// Compressing a megabyte that does not shrink takes seconds on a small computer. Of large bodies three samples are tried
// first; most such bodies (pictures, archives) are alike all through.
const (
	resourceSampleFrom = 256 << 10 // bytes of a body above which samples decide
	resourceSample     = 32 << 10  // bytes of each sample: from the start, the middle, the end
)

// compressResource returns the bzip2 form of a body, nil if it is not smaller or, of a large body, if samples shrink by
// less than a hundredth.
func compressResource(compressor *bz2.Compressor, body []byte) ([]byte, error) {
	if len(body) > resourceSampleFrom {
		middle, end := len(body)/2, len(body)-resourceSample
		sample := append(bytes.Clone(body[:resourceSample]), body[middle:middle+resourceSample]...)
		sample = append(sample, body[end:]...)
		c, err := compressor.Compress(sample)
		if err != nil || len(c) > len(sample)/100*99 {
			return nil, err
		}
	}
	c, err := compressor.Compress(body)
	if err != nil || len(c) >= len(body) {
		return nil, err
	}
	return c, nil
}

// makeHashes fills in the map hashes for the random hash r. It reports whether they are unique within any 224 consecutive
// ones, on which the window of the receiver and the search scope of the sender rely.
func (s *resourceSegment) makeHashes(r [ResourceRandomLength]byte) bool {
	s.hashes = make([]mapHash, 0, s.parts)
	recent := make(map[mapHash]int, resourceGuard)
	for i := range s.parts {
		h := hashResourcePart(s.part(i), r)
		if at, seen := recent[h]; seen && i-at <= resourceGuard {
			return false
		}
		recent[h] = i
		if i >= resourceGuard {
			if old := s.hashes[i-resourceGuard]; recent[old] == i-resourceGuard {
				delete(recent, old)
			}
		}
		s.hashes = append(s.hashes, h)
	}
	return true
}

// hashResourcePart returns the map hash of an encrypted part.
func hashResourcePart(part []byte, r [ResourceRandomLength]byte) mapHash {
	h := sha256.New()
	h.Write(part)
	h.Write(r[:])
	var sum [sha256.Size]byte
	return mapHashAt(h.Sum(sum[:0]), 0)
}

// hashResourceBody returns the hash of a body, SHA-256(body ‖ r), and its proof, SHA-256(body ‖ hash), going over the body
// only once.
func hashResourceBody(body []byte, r [ResourceRandomLength]byte) (ResourceHash, resourceProof, error) {
	of := sha256.New()
	of.Write(body)
	again, err := of.(hash.Cloner).Clone()
	if err != nil {
		return ResourceHash{}, resourceProof{}, fmt.Errorf("hashing a resource: %w", err)
	}
	of.Write(r[:])
	h := ResourceHash(of.Sum(nil))
	again.Write(h[:])
	return h, resourceProof(again.Sum(nil)), nil
}

// makeMetadataBlock returns length and msgpack bytes as they stand before the data in segment 1; nil for none.
func makeMetadataBlock(metadata msgpack.Raw) ([]byte, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	if len(metadata) > resourceMetadataMax {
		return nil, fmt.Errorf("resource metadata of %d bytes: %w", len(metadata), ErrTooLarge)
	}
	n := len(metadata)
	b := make([]byte, 0, resourceMetadataHeader+n)
	b = append(b, byte(n>>16), byte(n>>8), byte(n))
	return append(b, metadata...), nil
}

// splitMetadata takes the metadata block off a body. The metadata must be one well-formed msgpack value.
func splitMetadata(body []byte) (metadata msgpack.Raw, data []byte, err error) {
	if len(body) < resourceMetadataHeader {
		return nil, nil, fmt.Errorf("resource metadata: %w: body of %d bytes", ErrMalformed, len(body))
	}
	n := int(body[0])<<16 | int(body[1])<<8 | int(body[2])
	body = body[resourceMetadataHeader:]
	if n > len(body) {
		return nil, nil, fmt.Errorf("resource metadata: %w: %d bytes announced, %d left", ErrMalformed, n, len(body))
	}
	if err := checkMetadata(body[:n]); err != nil {
		return nil, nil, fmt.Errorf("resource metadata: %w", err)
	}
	return msgpack.Raw(body[:n:n]), body[n:], nil
}

// assemblePlan is everything needed to turn the stream of a segment into its body; a worker can do it.
type assemblePlan struct {
	stream     []byte
	hash       ResourceHash
	random     [ResourceRandomLength]byte
	compressed bool
	limit      int64 // of the body
	open       func([]byte) ([]byte, bool)
}

// errBomb means that a compressed body is larger than it may be, or ends early: the sender is told and the link closed.
var errBomb = fmt.Errorf("%w: compressed resource does not end within its bound", ErrCorrupt)

// assemble decrypts, decompresses within the limit and checks the hash (spec 2 §3.12). Errors wrap [ErrCorrupt].
func (p *assemblePlan) assemble() (body []byte, proof resourceProof, err error) {
	clear, ok := p.open(p.stream)
	if !ok {
		return nil, proof, fmt.Errorf("%w: resource does not decrypt", ErrCorrupt)
	}
	if len(clear) < ResourceRandomLength {
		return nil, proof, fmt.Errorf("%w: resource of %d bytes", ErrCorrupt, len(clear))
	}
	body = clear[ResourceRandomLength:]
	if p.compressed {
		body, err = bz2.Decompress(body, int(p.limit))
		switch {
		case errors.Is(err, bz2.ErrTooLarge), errors.Is(err, bz2.ErrTruncated):
			return nil, proof, errBomb
		case err != nil:
			return nil, proof, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	if int64(len(body)) > p.limit {
		return nil, proof, fmt.Errorf("%w: %d bytes where %d were announced", ErrCorrupt, len(body), p.limit)
	}
	h, proof, err := hashResourceBody(body, p.random)
	if err != nil {
		return nil, resourceProof{}, err
	}
	if h != p.hash {
		return nil, resourceProof{}, fmt.Errorf("%w: resource hash differs", ErrCorrupt)
	}
	return body, proof, nil
}
