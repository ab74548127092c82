package lxmf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"time"

	"groupd/rns"
	"groupd/rns/msgpack"
)

// MessageID names a message: SHA-256 of destination, source and payload without stamp (spec 4 §1.5). It is computed by
// both ends and never transmitted. The same text to two recipients has two ids.
type MessageID [sha256.Size]byte

// ParseMessageID reads an id from exactly 64 hex characters.
func ParseMessageID(s string) (id MessageID, err error) {
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("message id: %d characters, want %d", len(s), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return MessageID{}, fmt.Errorf("message id: %w", err)
	}
	return id, nil
}

// String returns the lower-case hex form.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hex characters, for people.
func (id MessageID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether id was never set.
func (id MessageID) IsZero() bool { return id == MessageID{} }

// LogValue implements [slog.LogValuer].
func (id MessageID) LogValue() slog.Value { return slog.StringValue(id.String()) }

// Draft is what an author writes: a message before it is signed.
type Draft struct {
	// Destination is the recipient's lxmf.delivery hash.
	Destination rns.DestinationHash
	// Timestamp is the author's time, seconds since the Unix epoch; see [Timestamp].
	Timestamp float64
	// Title and Content are UTF-8 text; both may be empty.
	Title, Content []byte
	// Fields may be empty.
	Fields Fields
}

// Timestamp returns t as messages carry it.
func Timestamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Message is a packed message, made by [Pack] or read by [Unpack]. It is immutable once made: its slices must not be
// changed. It keeps the bytes that were received; id and signature are computed over those.
type Message struct {
	// Destination and Source are the lxmf.delivery hashes of recipient and author, as packed.
	Destination, Source rns.DestinationHash
	// Timestamp is the author's clock and not checked: it may be in the future, zero, negative or not a number.
	Timestamp float64
	// Title and Content are meant to be UTF-8 and need not be.
	Title, Content []byte
	// Fields are kept byte for byte; unknown ones too.
	Fields Fields
	// Stamp is nil, or a proof of work of 32 bytes, or 16 bytes made with a ticket, or nonsense of any length. It is not
	// part of id and signature.
	Stamp []byte

	signature [rns.SignatureLength]byte
	payload   []byte // the four-element array that id and signature are computed over
	packed    []byte
	id        MessageID
	spool     *spooled // nil: payload and packed are here
}

// DeliveryHash returns the LXMF address of an identity: the hash of its lxmf.delivery destination.
func DeliveryHash(p *rns.PublicIdentity) rns.DestinationHash {
	id := p.Hash()
	return rns.HashDestination(&id, AppName, DeliveryAspect)
}

// ID returns the id that the draft will have when the owner of source sends it. It is a pure function of both, so that
// copies sent to many can be recognised later without a table.
func (d *Draft) ID(source rns.DestinationHash) MessageID {
	return messageID(d.Destination, source, d.payload())
}

// payload packs the four elements (spec 4 §1.3): title precedes content.
func (d *Draft) payload() []byte {
	fields := d.Fields.Raw()
	b := make([]byte, 0, 1+9+5+len(d.Title)+5+len(d.Content)+len(fields))
	b = msgpack.AppendArray(b, 4)
	b = msgpack.AppendFloat(b, d.Timestamp)
	b = msgpack.AppendBin(b, d.Title)
	b = msgpack.AppendBin(b, d.Content)
	return append(b, fields...)
}

// Pack signs a draft in the name of from, whose lxmf.delivery hash becomes the source, and packs it without a stamp; see
// [Message.WithStamp]. Fields that are not canonical msgpack are an error, since a stamp could not be added to them.
func Pack(from *rns.Identity, d Draft) (*Message, error) {
	payload := d.payload()
	canonical, err := canonicalArray(payload, 4)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if string(canonical) != string(payload) {
		return nil, fmt.Errorf("pack: %w: fields are not in their shortest form", ErrMalformed)
	}
	m := &Message{
		Destination: d.Destination,
		Source:      DeliveryHash(from.PublicIdentity),
		Timestamp:   d.Timestamp,
		Title:       d.Title,
		Content:     d.Content,
		Fields:      d.Fields,
		payload:     payload,
	}
	m.id = messageID(m.Destination, m.Source, payload)
	m.signature = [rns.SignatureLength]byte(from.Sign(m.SignedPart()))
	m.packed = m.pack(payload)
	return m, nil
}

// WithStamp returns the message with the given stamp in place of the one it has; nil removes it. Id and signature stay
// the same. Only messages whose payload is canonical keep their id at Python receivers; those made by [Pack] are. A spooled
// message is returned as it is.
func (m *Message) WithStamp(stamp []byte) *Message {
	if m.spool != nil {
		return m
	}
	out := *m
	out.Stamp = stamp
	if stamp == nil {
		out.packed = out.pack(m.payload)
		return &out
	}
	rd := msgpack.NewReader(m.payload) // checked already: four elements
	_, _ = rd.Array()
	start := rd.Offset()
	for range 4 {
		_ = rd.Skip()
	}
	payload := msgpack.AppendArray(make([]byte, 0, len(m.payload)+5+len(stamp)), 5)
	payload = append(payload, m.payload[start:rd.Offset()]...)
	out.packed = out.pack(msgpack.AppendBin(payload, stamp))
	return &out
}

func (m *Message) pack(payload []byte) []byte {
	b := make([]byte, 0, HeaderLength+len(payload))
	b = append(b, m.Destination[:]...)
	b = append(b, m.Source[:]...)
	b = append(b, m.signature[:]...)
	return append(b, payload...)
}

// Unpack reads a packed message and keeps the slice, which must not change afterwards. It does not verify: see
// [Message.Verify]. Whatever is not a message is [ErrMalformed]; nothing is allocated because of a count in the input.
//
// Accepted although no proper sender writes them: integer and 32-bit timestamps, title and content as text, fields nil,
// elements behind the stamp, bytes behind the payload (which then are part of the id of an unstamped message), and longer
// encodings than needed. A payload that is a map, which the reference reads by accident, and a timestamp that is no number
// are refused.
func Unpack(packed []byte) (*Message, error) {
	if len(packed) <= HeaderLength {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(packed))
	}
	m := &Message{packed: packed[:len(packed):len(packed)]}
	n := copy(m.Destination[:], packed)
	n += copy(m.Source[:], packed[n:])
	n += copy(m.signature[:], packed[n:])
	m.payload = m.packed[n:]

	rd := msgpack.NewReader(m.payload)
	count, err := rd.Array()
	if err != nil {
		return nil, malformed("payload", err)
	}
	if count < 4 {
		return nil, fmt.Errorf("%w: payload of %d elements", ErrMalformed, count)
	}
	if m.Timestamp, err = rd.Number(); err != nil {
		return nil, malformed("timestamp", err)
	}
	if m.Title, err = readText(rd); err != nil {
		return nil, malformed("title", err)
	}
	if m.Content, err = readText(rd); err != nil {
		return nil, malformed("content", err)
	}
	fields, err := rd.Raw()
	if err != nil {
		return nil, malformed("fields", err)
	}
	if !fields.IsNil() {
		if m.Fields, err = ParseFields(fields); err != nil {
			return nil, err
		}
	}
	if count > 4 {
		stamp, err := rd.Raw()
		if err != nil {
			return nil, malformed("stamp", err)
		}
		if b, ok := stamp.Bin(); ok {
			m.Stamp = b
		}
		for range count - 5 {
			if err := rd.Skip(); err != nil {
				return nil, malformed("payload", err)
			}
		}
		// The stamp is cut out by packing the first four elements anew; a sender whose encoding is not canonical has
		// signed something else (§1.6).
		if m.payload, err = canonicalArray(m.payload, 4); err != nil {
			return nil, malformed("payload", err)
		}
	}
	m.id = messageID(m.Destination, m.Source, m.payload)
	return m, nil
}

// UnpackOpportunistic reads what an opportunistic packet to destination carries: a packed message without its first 16
// bytes.
func UnpackOpportunistic(destination rns.DestinationHash, data []byte) (*Message, error) {
	packed := make([]byte, 0, len(destination)+len(data))
	packed = append(packed, destination[:]...)
	return Unpack(append(packed, data...))
}

// readText reads bytes, or text as other implementations send.
func readText(rd *msgpack.Reader) ([]byte, error) {
	if rd.Kind() == msgpack.KindStr {
		s, err := rd.Str()
		return []byte(s), err
	}
	return rd.Bin()
}

func malformed(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrMalformed, what, err)
}

func messageID(destination, source rns.DestinationHash, payload []byte) (id MessageID) {
	h := sha256.New()
	h.Write(destination[:])
	h.Write(source[:])
	h.Write(payload)
	h.Sum(id[:0])
	return id
}

// ID returns the id, computed over the bytes received.
func (m *Message) ID() MessageID { return m.id }

// Packed returns the whole message as it was received or is to be sent over a link. It must not be changed. Of a spooled message
// it is nil, see [Message.Spooled]; so are the other parts.
func (m *Message) Packed() []byte { return m.packed }

// OpportunisticData returns what a packet to the recipient's destination carries: the packed message without the
// destination hash. It must not be changed.
func (m *Message) OpportunisticData() []byte { return m.behind(rns.TruncatedHashLength) }

// Payload returns the msgpack array as packed, with the stamp. It must not be changed.
func (m *Message) Payload() []byte { return m.behind(HeaderLength) }

func (m *Message) behind(n int) []byte {
	if m.spool != nil {
		return nil
	}
	return m.packed[n:]
}

// ContentSize returns the size that LXMF's limits speak of: the payload, stamp included, less 16 bytes (§1.7). It is
// negative for an empty message.
func (m *Message) ContentSize() int { return m.Size() - HeaderLength - 16 }

// Signature returns a copy of the 64-byte Ed25519 signature.
func (m *Message) Signature() []byte { return append([]byte(nil), m.signature[:]...) }

// HashedPart returns what the id is the hash of: destination, source, and the payload without stamp.
func (m *Message) HashedPart() []byte {
	if m.spool != nil {
		return nil
	}
	b := make([]byte, 0, 2*rns.TruncatedHashLength+len(m.payload)+len(m.id))
	b = append(b, m.Destination[:]...)
	b = append(b, m.Source[:]...)
	return append(b, m.payload...)
}

// SignedPart returns what the author signs: the hashed part and the id.
func (m *Message) SignedPart() []byte {
	if m.spool != nil {
		return nil
	}
	return append(m.HashedPart(), m.id[:]...)
}

// Verify reports whether the message was signed by p. It does not look at whether p is the one that the source hash
// names; the router does, see [DeliveryHash]. A stamped message is verified as every Python program does it, over its
// canonical form.
func (m *Message) Verify(p *rns.PublicIdentity) bool {
	ok, err := m.verify(p)
	return ok && err == nil
}

// Time returns the author's time, cut to the years 1970 to 9999; zero time if the timestamp is not a number.
func (m *Message) Time() time.Time {
	const last = 253402300799 // the end of the year 9999
	if math.IsNaN(m.Timestamp) {
		return time.Time{}
	}
	return time.UnixMicro(int64(min(max(m.Timestamp, 0), last) * 1e6)).UTC()
}
