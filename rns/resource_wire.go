package rns

import (
	"encoding/binary"
	"fmt"
)

// mapHash is the four bytes that name a part, as a number so that comparing is cheap.
type mapHash uint32

func mapHashAt(b []byte, i int) mapHash {
	return mapHash(binary.BigEndian.Uint32(b[i*ResourceMapHashLength:]))
}

func appendMapHash(b []byte, h mapHash) []byte { return binary.BigEndian.AppendUint32(b, uint32(h)) }

// First byte of a part request (spec 2 §3.6).
const (
	partRequestNormal    = 0x00
	partRequestExhausted = 0xff // the last known map hash follows: the sender is to send more of them
)

// partRequest is the plaintext of a RESOURCE_REQ packet. The slice points into what was parsed.
type partRequest struct {
	exhausted bool
	last      mapHash // when exhausted
	hash      ResourceHash
	wanted    []byte // map hashes, one after the other
}

// parsePartRequest reads 33 + 4k or 37 + 4k bytes.
func parsePartRequest(b []byte) (partRequest, error) {
	var r partRequest
	if len(b) == 0 {
		return r, fmt.Errorf("part request: %w: empty", ErrMalformed)
	}
	kind := b[0]
	b = b[1:]
	switch kind {
	case partRequestNormal:
	case partRequestExhausted:
		if len(b) < ResourceMapHashLength {
			return r, fmt.Errorf("part request: %w: %d bytes after the kind", ErrMalformed, len(b))
		}
		r.exhausted, r.last = true, mapHashAt(b, 0)
		b = b[ResourceMapHashLength:]
	default:
		return r, fmt.Errorf("part request: %w: kind %#02x", ErrMalformed, kind)
	}
	if len(b) < FullHashLength || (len(b)-FullHashLength)%ResourceMapHashLength != 0 {
		return r, fmt.Errorf("part request: %w: %d bytes of hashes", ErrMalformed, len(b))
	}
	r.hash = ResourceHash(b[:FullHashLength])
	r.wanted = b[FullHashLength:]
	return r, nil
}

func (r partRequest) append(b []byte) []byte {
	if r.exhausted {
		b = append(b, partRequestExhausted)
		b = appendMapHash(b, r.last)
	} else {
		b = append(b, partRequestNormal)
	}
	b = append(b, r.hash[:]...)
	return append(b, r.wanted...)
}

// parseResourceHash reads the plaintext of RESOURCE_ICL and RESOURCE_RCL. Bytes after the hash are ignored.
func parseResourceHash(b []byte) (ResourceHash, error) {
	if len(b) < FullHashLength {
		return ResourceHash{}, fmt.Errorf("resource cancel: %w: %d bytes", ErrMalformed, len(b))
	}
	return ResourceHash(b[:FullHashLength]), nil
}

// resourceProof is SHA-256 of the body of a segment and its hash; only who has the body can make it.
type resourceProof [FullHashLength]byte

// parseResourceProof reads the payload of a RESOURCE_PRF packet, exactly 64 bytes.
func parseResourceProof(b []byte) (ResourceHash, resourceProof, error) {
	if len(b) != ResourceProofLength {
		return ResourceHash{}, resourceProof{}, fmt.Errorf("resource proof: %w: %d bytes", ErrMalformed, len(b))
	}
	return ResourceHash(b[:FullHashLength]), resourceProof(b[FullHashLength:]), nil
}

func appendResourceProof(b []byte, h ResourceHash, p resourceProof) []byte {
	return append(append(b, h[:]...), p[:]...)
}

// resourceProofPacketHash is the packet hash of the RESOURCE_PRF packet that proves a segment over a link, which is what a
// cache query asks for (spec 2 §3.14).
func resourceProofPacketHash(link LinkID, h ResourceHash, p resourceProof) PacketHash {
	flags := byte(DestinationLink)<<2 | byte(PacketProof)
	return FullHash([]byte{flags}, link[:], []byte{byte(ContextResourceProof)}, h[:], p[:])
}
