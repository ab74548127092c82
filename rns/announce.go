package rns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Sizes of announces, in bytes (spec 1 §4.1).
const (
	announceNameOffset   = PublicKeyLength
	announceRandomOffset = announceNameOffset + NameHashLength
	announceFixed        = announceRandomOffset + RandomFieldLength // the fields before the ratchet, if any
	announceMinData      = announceFixed + SignatureLength          // 148

	// MaxAnnounceAppData is the most app data of an announce that relays can pass on.
	MaxAnnounceAppData = MTU - HeaderMaxSize - announceMinData // 317
	// MaxAnnounceAppDataRatchet is the same for an announce with a ratchet.
	MaxAnnounceAppDataRatchet = MaxAnnounceAppData - RatchetLength // 285
)

// RandomField is the random field of an announce: 5 random bytes, then the emission time in seconds as 5 bytes. It
// tells emissions apart, and older from newer ones.
type RandomField [RandomFieldLength]byte

// NewRandomField makes the field of an announce emitted at a time, with 5 bytes of rand.
func NewRandomField(rand io.Reader, emitted time.Time) (f RandomField, err error) {
	const randomLength = RandomFieldLength / 2
	if _, err := io.ReadFull(rand, f[:randomLength]); err != nil {
		return f, fmt.Errorf("announce random field: %w", err)
	}
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], uint64(max(0, emitted.Unix())))
	copy(f[randomLength:], seconds[len(seconds)-randomLength:])
	return f, nil
}

// Seconds returns the emission time in Unix seconds, by the clock of the announcer (0 to 2^40-1).
func (f RandomField) Seconds() int64 {
	var seconds [8]byte
	copy(seconds[len(seconds)-RandomFieldLength/2:], f[RandomFieldLength/2:])
	return int64(binary.BigEndian.Uint64(seconds[:]))
}

// Announce is the content of an announce packet. Its slices are spans of the packet it was parsed from. A parsed one
// proves nothing before [Announce.Validate].
type Announce struct {
	Destination DestinationHash
	Identity    *PublicIdentity
	Name        NameHash
	Random      RandomField
	// Ratchet is the 32-byte public ratchet key, nil when there is none.
	Ratchet   []byte
	Signature []byte
	// AppData is nil for none. With a ratchet it is never nil, but can be empty.
	AppData []byte
	// PathResponse is set when the announce answers a path request.
	PathResponse bool
}

// ParseAnnounce takes the fields of an announce packet apart and builds the announced identity (steps 1 to 3 of spec 1
// §4.2). It fails with [ErrMalformed] for packets of another type, announces of anything but a SINGLE destination
// (no proper sender makes them; the type bits are not signed) and bodies that are too short, and with [ErrBadKey].
func ParseAnnounce(p *Packet) (*Announce, error) {
	if p.PacketType != PacketAnnounce || p.DestinationType != DestinationSingle {
		return nil, fmt.Errorf("%w: %v packet to a %v destination is no announce", ErrMalformed, p.PacketType, p.DestinationType)
	}
	least := announceMinData
	if p.ContextFlag {
		least += RatchetLength
	}
	d := p.Data
	if len(d) < least {
		return nil, fmt.Errorf("%w: announce of %d bytes, want at least %d", ErrMalformed, len(d), least)
	}
	identity, err := NewPublicIdentity(d[:PublicKeyLength])
	if err != nil {
		return nil, err
	}
	a := &Announce{
		Destination:  p.Destination,
		Identity:     identity,
		Name:         NameHash(d[announceNameOffset:]),
		Random:       RandomField(d[announceRandomOffset:]),
		PathResponse: p.Context == ContextPathResponse,
	}
	d = d[announceFixed:]
	if p.ContextFlag {
		a.Ratchet, d = slices.Clip(d[:RatchetLength]), d[RatchetLength:]
	}
	a.Signature, d = slices.Clip(d[:SignatureLength]), d[SignatureLength:]
	if len(d) > 0 || p.ContextFlag {
		a.AppData = d
	}
	return a, nil
}

// Emitted returns when the announcer says it emitted the announce, by its clock, to the second.
func (a *Announce) Emitted() time.Time { return time.Unix(a.Random.Seconds(), 0) }

// appendSigned appends what the signature runs over (spec 1 §1.10).
func (a *Announce) appendSigned(dst []byte) []byte {
	dst = append(dst, a.Destination[:]...)
	dst = append(dst, a.Identity.public[:]...)
	dst = append(dst, a.Name[:]...)
	dst = append(dst, a.Random[:]...)
	dst = append(dst, a.Ratchet...)
	return append(dst, a.AppData...)
}

// AnnounceChecks is what is known of the announcer before. Nil fields check nothing. Validate calls the functions
// from its own goroutine.
type AnnounceChecks struct {
	// Blackholed reports whether announces of an identity are to be refused.
	Blackholed func(IdentityHash) bool
	// Known returns the identity that a destination is known with, nil for none.
	Known func(DestinationHash) *PublicIdentity
}

// Errors of [Announce.Validate], besides [ErrBadSignature].
var (
	// ErrBlackholed means that the announced identity is to be refused.
	ErrBlackholed = errors.New("announce: identity is blackholed")
	// ErrWrongDestination means that the destination hash does not belong to the announced key and name.
	ErrWrongDestination = errors.New("announce: destination hash does not belong to key and name")
	// ErrKeyConflict means that the destination is known with another key.
	ErrKeyConflict = errors.New("announce: destination is known with another key")
)

// Validate does steps 4 to 7 of spec 1 §4.2 in their order: blackhole, signature, destination hash, conflict with a
// known key. It is pure and costs one signature verification.
func (a *Announce) Validate(checks AnnounceChecks) error { return a.validate(checks, false) }

// validate leaves the signature out when it is known to be right.
func (a *Announce) validate(checks AnnounceChecks, signed bool) error {
	if checks.Blackholed != nil && checks.Blackholed(a.Identity.Hash()) {
		return ErrBlackholed
	}
	if !signed && !a.VerifySignature() {
		return fmt.Errorf("announce: %w", ErrBadSignature)
	}
	id := a.Identity.Hash()
	if HashDestinationName(&id, a.Name) != a.Destination {
		return ErrWrongDestination
	}
	if checks.Known != nil {
		if known := checks.Known(a.Destination); known != nil && !known.Equal(a.Identity) {
			return ErrKeyConflict
		}
	}
	return nil
}

// VerifySignature reports whether the announced key signed the announce. That alone says nothing about the address:
// see [Announce.Validate].
func (a *Announce) VerifySignature() bool {
	var buf [MTU]byte
	return a.Identity.Verify(a.appendSigned(buf[:0]), a.Signature)
}

// AnnounceContent is what the owner of a SINGLE destination puts into an announce.
type AnnounceContent struct {
	Identity *Identity
	Name     NameHash
	Random   RandomField
	// Ratchet is the 32-byte public ratchet key, nil for none.
	Ratchet []byte
	// AppData is at most [MaxAnnounceAppData] bytes, or [MaxAnnounceAppDataRatchet] with a ratchet.
	AppData []byte
	// PathResponse marks the answer to a path request.
	PathResponse bool
}

// NewAnnounce signs an announce and returns it as a packet with 0 hops. App data that relays could not pass on is
// [ErrTooLarge], a ratchet of a wrong length [ErrBadKey].
func NewAnnounce(c AnnounceContent) (Packet, error) {
	limit := MaxAnnounceAppData
	if c.Ratchet != nil {
		if limit = MaxAnnounceAppDataRatchet; len(c.Ratchet) != RatchetLength {
			return Packet{}, fmt.Errorf("%w: ratchet of %d bytes", ErrBadKey, len(c.Ratchet))
		}
	}
	if len(c.AppData) > limit {
		return Packet{}, fmt.Errorf("announce with %d bytes of app data, %d fit: %w", len(c.AppData), limit, ErrTooLarge)
	}
	id := c.Identity.Hash()
	a := Announce{
		Destination: HashDestinationName(&id, c.Name),
		Identity:    c.Identity.PublicIdentity,
		Name:        c.Name,
		Random:      c.Random,
		Ratchet:     c.Ratchet,
		AppData:     c.AppData,
	}
	signature := c.Identity.Sign(a.appendSigned(nil))
	data := make([]byte, 0, announceMinData+len(c.Ratchet)+len(c.AppData))
	data = append(data, a.Identity.public[:]...)
	data = append(data, a.Name[:]...)
	data = append(data, a.Random[:]...)
	data = append(data, a.Ratchet...)
	data = append(data, signature...)
	data = append(data, a.AppData...)
	p := Packet{
		PacketType:  PacketAnnounce,
		ContextFlag: c.Ratchet != nil,
		Destination: a.Destination,
		Data:        data,
	}
	if c.PathResponse {
		p.Context = ContextPathResponse
	}
	return p, nil
}

// NextAnnounceTime returns the emission time of an announce made now: later than the last one by at least a second,
// also when the clock went back. last is the zero time when there was none.
func NextAnnounceTime(now, last time.Time) time.Time {
	if next := last.Add(time.Second); !last.IsZero() && now.Before(next) {
		return next
	}
	return now
}
