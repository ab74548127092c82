package groupdv1

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The beacon form, the application data of meshchat.group announces:
//
//	offset  length  what
//	0       1       version of the form, 1
//	1       1       flags, see Beacon… constants; a reader ignores those it does not know
//	2       1       bits of work that joining asks for
//	3       1       bits of work that posting as a stranger asks for
//	4       8       generation, big endian        only with BeaconHead
//	        1–10    newest seq, varint            only with BeaconHead
//	        1–10    deletions ever, varint        only with BeaconHead
//	        1       length of the name in bytes, at most MaxBeaconName
//	        n       public name, UTF-8
//	        rest    ignored, for what comes later
//
// Varints are those of protobuf: seven bits a byte, the lowest first, the high bit set on all but the last.
const (
	// BeaconVersion is the first byte of a beacon.
	BeaconVersion = 1
	// MaxBeaconName is the longest name in a beacon, in bytes.
	MaxBeaconName = 96
	// MaxBeacon is the longest beacon this code writes, in bytes.
	MaxBeacon = 4 + 8 + 2*binary.MaxVarintLen64 + 1 + MaxBeaconName
)

// Flags of a beacon.
const (
	// BeaconOpen: anyone can join.
	BeaconOpen = 1 << 0
	// BeaconApproval: who joins waits to be let in. Neither of the two: nobody joins for now.
	BeaconApproval = 1 << 1
	// BeaconPublic: names, topic and head are shown to strangers.
	BeaconPublic = 1 << 2
	// BeaconHead: generation, seq and deletions are there.
	BeaconHead = 1 << 3
)

// ErrBeacon is the error for bytes that are no beacon.
var ErrBeacon = errors.New("not a beacon")

// Beacon is what a group announces of itself. A reader takes seq and deletions as lower bounds: announces come late and out of order.
type Beacon struct {
	Joining            Joining // OPEN, APPROVE or CLOSED
	Public             bool
	JoinCost, PostCost uint8
	Head               bool // the three below are told
	Generation         uint64
	Seq, Deletions     uint64
	Name               string // cut to MaxBeaconName bytes when written
}

// Append appends the beacon form to dst.
func (b Beacon) Append(dst []byte) []byte {
	var flags byte
	switch b.Joining {
	case Joining_OPEN:
		flags |= BeaconOpen
	case Joining_APPROVE:
		flags |= BeaconApproval
	}
	if b.Public {
		flags |= BeaconPublic
	}
	if b.Head {
		flags |= BeaconHead
	}
	dst = append(dst, BeaconVersion, flags, b.JoinCost, b.PostCost)
	if b.Head {
		dst = binary.BigEndian.AppendUint64(dst, b.Generation)
		dst = binary.AppendUvarint(dst, b.Seq)
		dst = binary.AppendUvarint(dst, b.Deletions)
	}
	name := b.Name
	if len(name) > MaxBeaconName {
		n := MaxBeaconName
		for n > 0 && !utf8.RuneStart(name[n]) {
			n--
		}
		name = name[:n]
	}
	return append(append(dst, byte(len(name))), name...)
}

// ParseBeacon reads a beacon form. It fails with ErrBeacon on any other version and on bytes that end early.
func ParseBeacon(data []byte) (Beacon, error) {
	if len(data) < 5 {
		return Beacon{}, fmt.Errorf("%w: %d bytes", ErrBeacon, len(data))
	}
	if data[0] != BeaconVersion {
		return Beacon{}, fmt.Errorf("%w: version %d", ErrBeacon, data[0])
	}
	flags := data[1]
	b := Beacon{Joining: Joining_CLOSED, Public: flags&BeaconPublic != 0, JoinCost: data[2], PostCost: data[3], Head: flags&BeaconHead != 0}
	switch {
	case flags&BeaconOpen != 0:
		b.Joining = Joining_OPEN
	case flags&BeaconApproval != 0:
		b.Joining = Joining_APPROVE
	}
	rest := data[4:]
	if b.Head {
		if len(rest) < 8 {
			return Beacon{}, fmt.Errorf("%w: ends in its head", ErrBeacon)
		}
		b.Generation = binary.BigEndian.Uint64(rest)
		rest = rest[8:]
		for _, into := range []*uint64{&b.Seq, &b.Deletions} {
			v, n := binary.Uvarint(rest)
			if n <= 0 {
				return Beacon{}, fmt.Errorf("%w: ends in its head", ErrBeacon)
			}
			*into, rest = v, rest[n:]
		}
	}
	if len(rest) == 0 || len(rest)-1 < int(rest[0]) || rest[0] > MaxBeaconName {
		return Beacon{}, fmt.Errorf("%w: ends in its name", ErrBeacon)
	}
	name := rest[1 : 1+int(rest[0])]
	if !utf8.Valid(name) {
		return Beacon{}, fmt.Errorf("%w: name is not UTF-8", ErrBeacon)
	}
	b.Name = string(name)
	return b, nil
}
