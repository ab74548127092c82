package rns

import (
	"fmt"

	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// resourceFlags is field f of an advertisement.
type resourceFlags uint8

// Flags of an advertisement (spec 2 §3.5).
const (
	resourceEncrypted   resourceFlags = 1 << iota // e: always set
	resourceCompressed                            // c: bzip2
	resourceSplit                                 // s: more than one segment
	resourceIsRequest                             // u
	resourceIsResponse                            // p
	resourceHasMetadata                           // x
)

func (f resourceFlags) has(g resourceFlags) bool { return f&g != 0 }

// resourceAdv is the plaintext of a RESOURCE_ADV packet: one segment is offered.
type resourceAdv struct {
	transfer int64                      // t: bytes of the encrypted stream of this segment
	size     int64                      // d: bytes of the whole resource uncompressed, metadata block included
	parts    int64                      // n: parts of this segment; receivers compute their own
	hash     ResourceHash               // h
	random   [ResourceRandomLength]byte // r
	origin   ResourceHash               // o: hash of segment 1
	index    int64                      // i: from 1
	segments int64                      // l
	hasID    bool                       // q is not nil
	id       RequestID                  // q
	flags    resourceFlags              // f
	hashes   []byte                     // m: the first map hashes
}

// isRequest and isResponse follow the reference: a flag counts only beside an id.
func (a *resourceAdv) isRequest() bool  { return a.hasID && a.flags.has(resourceIsRequest) }
func (a *resourceAdv) isResponse() bool { return a.hasID && a.flags.has(resourceIsResponse) }

// append writes the eleven fields in the order of the reference.
func (a *resourceAdv) append(b []byte) []byte {
	key := func(k string) { b = msgpack.AppendStr(b, k) }
	b = msgpack.AppendMap(b, 11)
	key("t")
	b = msgpack.AppendInt(b, a.transfer)
	key("d")
	b = msgpack.AppendInt(b, a.size)
	key("n")
	b = msgpack.AppendInt(b, a.parts)
	key("h")
	b = msgpack.AppendBin(b, a.hash[:])
	key("r")
	b = msgpack.AppendBin(b, a.random[:])
	key("o")
	b = msgpack.AppendBin(b, a.origin[:])
	key("i")
	b = msgpack.AppendInt(b, a.index)
	key("l")
	b = msgpack.AppendInt(b, a.segments)
	key("q")
	if a.hasID {
		b = msgpack.AppendBin(b, a.id[:])
	} else {
		b = msgpack.AppendNil(b)
	}
	key("f")
	b = msgpack.AppendUint(b, uint64(a.flags))
	key("m")
	return msgpack.AppendBin(b, a.hashes)
}

// Bits of the set of fields that were read.
const resourceAdvAllFields = 1<<11 - 1

// parseResourceAdv reads an advertisement: all eleven fields in any order and of the right types; unknown keys are
// ignored. Errors are such that the link is to be closed (spec 2 §3.5); what it says is checked by check.
func parseResourceAdv(b []byte) (*resourceAdv, error) {
	r := msgpack.NewReader(b)
	n, err := r.Map()
	if err != nil {
		return nil, fmt.Errorf("advertisement: %w: %w", ErrMalformed, err)
	}
	var a resourceAdv
	fields := 0
	for range n {
		field, err := a.readField(r)
		if err != nil {
			return nil, fmt.Errorf("advertisement: %w: %w", ErrMalformed, err)
		}
		fields |= field
	}
	if fields != resourceAdvAllFields {
		return nil, fmt.Errorf("advertisement: %w: fields missing, have %#b", ErrMalformed, fields)
	}
	if a.transfer > ResourceMaxTransfer {
		return nil, fmt.Errorf("advertisement: %w: transfer of %d bytes", ErrMalformed, a.transfer)
	}
	return &a, nil
}

// readField reads one pair and returns the bit that stands for its key.
func (a *resourceAdv) readField(r *msgpack.Reader) (int, error) {
	if r.Kind() != msgpack.KindStr {
		if err := r.Skip(); err != nil {
			return 0, err
		}
		return 0, r.Skip()
	}
	key, err := r.Str()
	if err != nil {
		return 0, err
	}
	switch key {
	case "t":
		a.transfer, err = r.Int()
		return 1 << 0, err
	case "d":
		a.size, err = r.Int()
		return 1 << 1, err
	case "n":
		a.parts, err = r.Int()
		return 1 << 2, err
	case "h":
		return 1 << 3, r.BinInto(a.hash[:])
	case "r":
		return 1 << 4, r.BinInto(a.random[:])
	case "o":
		return 1 << 5, r.BinInto(a.origin[:])
	case "i":
		a.index, err = r.Int()
		return 1 << 6, err
	case "l":
		a.segments, err = r.Int()
		return 1 << 7, err
	case "q":
		if r.Kind() == msgpack.KindNil {
			a.hasID = false
			return 1 << 8, r.Nil()
		}
		a.hasID = true
		return 1 << 8, r.BinInto(a.id[:])
	case "f":
		v, err := r.Uint()
		if err == nil && v > 0xff {
			return 0, fmt.Errorf("%w: flags %#x", ErrMalformed, v)
		}
		a.flags = resourceFlags(v)
		return 1 << 9, err
	case "m":
		a.hashes, err = r.Bin()
		return 1 << 10, err
	}
	return 0, r.Skip()
}

// check looks for lies: sizes that contradict one another, a hash map that cannot be. The part count follows from the
// transfer size and our own part size; field n is ignored, as the reference does. The sender of a lie is refused with RCL.
func (a *resourceAdv) check(sdu int) error {
	lie := func(format string, args ...any) error {
		return fmt.Errorf("advertisement: "+format+": %w", append(args, ErrMalformed)...)
	}
	switch {
	case !a.flags.has(resourceEncrypted):
		return lie("clear stream")
	case a.flags.has(resourceIsRequest) && a.flags.has(resourceIsResponse):
		return lie("both request and response")
	case a.size < 0:
		return lie("size %d", a.size)
	case a.transfer < int64(token.SealedSize(ResourceRandomLength)):
		return lie("transfer of %d bytes is no token", a.transfer)
	case a.transfer > ResourceMaxTransfer:
		return lie("transfer of %d bytes", a.transfer)
	case a.transfer > int64(token.SealedSize(ResourceRandomLength+int(min(a.size, ResourceMaxTransfer)))):
		return lie("transfer of %d bytes for a resource of %d", a.transfer, a.size)
	case a.index < 1 || a.index > a.segments || a.segments > max(a.size, 1):
		return lie("segment %d of %d", a.index, a.segments)
	case a.index == 1 && a.origin != a.hash:
		return lie("first segment has another origin")
	case len(a.hashes) == 0 || len(a.hashes)%ResourceMapHashLength != 0:
		return lie("%d bytes of map hashes", len(a.hashes))
	case len(a.hashes)/ResourceMapHashLength > min(ResourceMapHashesPerUpdate, a.partCount(sdu)):
		return lie("%d map hashes for %d parts", len(a.hashes)/ResourceMapHashLength, a.partCount(sdu))
	}
	return nil
}

func (a *resourceAdv) partCount(sdu int) int { return int((a.transfer + int64(sdu) - 1) / int64(sdu)) }

// offer is what the application is asked about.
func (a *resourceAdv) offer() ResourceOffer {
	return ResourceOffer{
		Hash: a.origin, Size: a.size, Transfer: a.transfer, Segments: a.segments,
		Metadata: a.flags.has(resourceHasMetadata),
		Request:  a.isRequest(), Response: a.isResponse(), ID: a.id,
	}
}

// hashmapUpdate is the plaintext of a RESOURCE_HMU packet: block number block of 74 map hashes (spec 2 §3.8).
type hashmapUpdate struct {
	hash   ResourceHash
	block  int64
	hashes []byte // a part of what was parsed
}

func parseHashmapUpdate(b []byte) (hashmapUpdate, error) {
	var u hashmapUpdate
	if len(b) < FullHashLength {
		return u, fmt.Errorf("hashmap update: %w: %d bytes", ErrMalformed, len(b))
	}
	u.hash = ResourceHash(b[:FullHashLength])
	r := msgpack.NewReader(b[FullHashLength:])
	if err := r.ArrayOf(2); err != nil {
		return u, fmt.Errorf("hashmap update: %w: %w", ErrMalformed, err)
	}
	var err error
	if u.block, err = r.Int(); err != nil {
		return u, fmt.Errorf("hashmap update: %w: %w", ErrMalformed, err)
	}
	if u.hashes, err = r.Bin(); err != nil {
		return u, fmt.Errorf("hashmap update: %w: %w", ErrMalformed, err)
	}
	if len(u.hashes)%ResourceMapHashLength != 0 {
		return u, fmt.Errorf("hashmap update: %w: %d bytes of map hashes", ErrMalformed, len(u.hashes))
	}
	return u, nil
}

func (u hashmapUpdate) append(b []byte) []byte {
	b = append(b, u.hash[:]...)
	b = msgpack.AppendArray(b, 2)
	b = msgpack.AppendInt(b, u.block)
	return msgpack.AppendBin(b, u.hashes)
}

// checkMetadata accepts exactly one well-formed msgpack value.
func checkMetadata(b []byte) error {
	n, err := msgpack.Check(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if n != len(b) {
		return fmt.Errorf("%w: %d bytes after the value", ErrMalformed, len(b)-n)
	}
	return nil
}
