package groupdv1

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The request stamp form, in the field stamp of requests that may ask for work:
//
//	offset  length  what
//	0       1       version of the form, 1
//	1       4       UTC day it is for, in days since 1970-01-01, big endian
//	5       32      the stamp
//
// The stamp is one of LXMF's, over a work block of RequestStampRounds rounds made of this material (see RequestStampMaterial):
//
//	SHA-256( "groupd request stamp" ‖ version (1) ‖ group's identity hash (16) ‖ asker's identity hash (16) ‖ action (1) ‖ day (4) )
//
// so that it is good for one group, one asker, one action and one day.
const (
	// RequestStampVersion is the first byte of a request stamp.
	RequestStampVersion = 1
	// RequestStampLength is the length of the form, in bytes.
	RequestStampLength = 1 + 4 + stampLength
	// RequestStampRounds is the length of the work block in rounds of 256 bytes: as many as of LXMF's peering keys.
	RequestStampRounds = 25

	stampLength        = 32
	requestStampDomain = "groupd request stamp"
)

// StampAction is what the work was done for.
type StampAction uint8

// Actions that a request stamp can be for. Further ones get further numbers.
const (
	StampJoin StampAction = 1 // /join
	StampPost StampAction = 2 // posting
	StampMake StampAction = 3 // /groups/create
)

// ErrRequestStamp is the error for bytes that are no request stamp.
var ErrRequestStamp = errors.New("not a request stamp")

// RequestStamp is the proof of work with a request.
type RequestStamp struct {
	Day   uint32 // see StampDay
	Stamp [stampLength]byte
}

// StampDay is the UTC day of a time, in days since 1970-01-01; 0 for what is before that.
func StampDay(t time.Time) uint32 {
	return uint32(max(t.Unix(), 0) / int64((24 * time.Hour).Seconds()))
}

// RequestStampMaterial is what the work block is made of. group and asker are identity hashes.
func RequestStampMaterial(group, asker [16]byte, action StampAction, day uint32) [sha256.Size]byte {
	b := append([]byte(requestStampDomain), RequestStampVersion)
	b = append(b, group[:]...)
	b = append(b, asker[:]...)
	b = append(b, byte(action))
	return sha256.Sum256(binary.BigEndian.AppendUint32(b, day))
}

// Append appends the form to dst.
func (s RequestStamp) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, RequestStampVersion), s.Day)
	return append(dst, s.Stamp[:]...)
}

// ParseRequestStamp reads the form. It fails with ErrRequestStamp on any other version and length.
func ParseRequestStamp(data []byte) (s RequestStamp, err error) {
	switch {
	case len(data) > 0 && data[0] != RequestStampVersion:
		return s, fmt.Errorf("%w: version %d", ErrRequestStamp, data[0])
	case len(data) != RequestStampLength:
		return s, fmt.Errorf("%w: %d bytes, want %d", ErrRequestStamp, len(data), RequestStampLength)
	}
	s.Day = binary.BigEndian.Uint32(data[1:])
	copy(s.Stamp[:], data[5:])
	return s, nil
}
