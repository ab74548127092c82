package groupdv1

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The notice form, the plaintext of packets to a member's meshchat.notify:
//
//	offset  length  what
//	0       1       version of the form, 1
//	1       1       kind: 1 news, 2 page
//	2       4       which group: the first bytes of its meshchat.group destination hash
//	6       n       body
//	6+n     64      signature by the group's identity over "groupd notice" (13 bytes) and all that is before it
//
// A packet to a destination says nothing of who sent it, so a reader takes a notice only where the signature is one of the groups he is
// in. The body of kind 2 is a page form. The body of kind 1:
//
//	0       1       flags, see Notice… constants; a reader ignores those it does not know
//	1       8       generation, big endian
//	9       1–10    n: so many posts are new to the reader, or, from MaxNews on, so many and more; varint
//	…       1–10    newest seq, varint
//	…       1–10    deletions ever, varint
//	…       rest    ignored, for what comes later
const (
	// NoticeVersion is the first byte of a notice.
	NoticeVersion = 1
	// NoticeOverhead is what a notice is longer than its body, in bytes.
	NoticeOverhead = noticeHeader + signatureLength
	// MaxNotice is the longest notice, in bytes: what one packet to a SINGLE destination holds everywhere.
	MaxNotice = 383
	// MaxNoticePage is the longest page in a notice, in bytes.
	MaxNoticePage = MaxNotice - NoticeOverhead
	// MaxNews is where counting ends.
	MaxNews = 100

	noticeHeader    = 2 + noticeGroup
	noticeGroup     = 4
	signatureLength = 64
	noticeDomain    = "groupd notice"
)

// NoticeKind says what the body of a notice is.
type NoticeKind uint8

// Kinds of notices. A reader passes over those it does not know.
const (
	NoticeNews NoticeKind = 1
	NoticePage NoticeKind = 2
)

// NoticeEmergency is the flag of news with an emergency among them.
const NoticeEmergency = 1 << 0

// ErrNotice is the error for bytes that are no notice, or not of that group.
var ErrNotice = errors.New("not a notice")

// News is the body of a notice that tells what is new without showing it. Like a beacon's, its numbers are lower bounds.
type News struct {
	Emergency      bool
	Generation     uint64
	New            uint64 // posts, up to MaxNews
	Seq, Deletions uint64
}

// Append appends the body to dst.
func (n News) Append(dst []byte) []byte {
	var flags byte
	if n.Emergency {
		flags |= NoticeEmergency
	}
	dst = binary.BigEndian.AppendUint64(append(dst, flags), n.Generation)
	for _, v := range []uint64{n.New, n.Seq, n.Deletions} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

// ParseNews reads the body. It fails with ErrNotice on bytes that end early.
func ParseNews(body []byte) (News, error) {
	if len(body) < 1+8 {
		return News{}, fmt.Errorf("%w: news of %d bytes", ErrNotice, len(body))
	}
	n := News{Emergency: body[0]&NoticeEmergency != 0, Generation: binary.BigEndian.Uint64(body[1:])}
	rest := body[1+8:]
	for _, into := range []*uint64{&n.New, &n.Seq, &n.Deletions} {
		v, used := binary.Uvarint(rest)
		if used <= 0 {
			return News{}, fmt.Errorf("%w: news end early", ErrNotice)
		}
		*into, rest = v, rest[used:]
	}
	return n, nil
}

// SealNotice makes a notice. destination is the group's meshchat.group hash, sign makes signatures of 64 bytes by its identity.
func SealNotice(destination [16]byte, kind NoticeKind, body []byte, sign func(message []byte) []byte) []byte {
	b := make([]byte, 0, NoticeOverhead+len(body))
	b = append(append(b, NoticeVersion, byte(kind)), destination[:noticeGroup]...)
	b = append(b, body...)
	return append(b, sign(append([]byte(noticeDomain), b...))...)
}

// OpenNotice reads a notice of the group whose meshchat.group hash is destination; verify checks signatures by its identity. It fails
// with ErrNotice where the notice is not that group's. The body is a part of data.
func OpenNotice(data []byte, destination [16]byte, verify func(message, signature []byte) bool) (kind NoticeKind, body []byte, err error) {
	switch {
	case len(data) < NoticeOverhead:
		return 0, nil, fmt.Errorf("%w: %d bytes", ErrNotice, len(data))
	case data[0] != NoticeVersion:
		return 0, nil, fmt.Errorf("%w: version %d", ErrNotice, data[0])
	case [noticeGroup]byte(data[2:]) != [noticeGroup]byte(destination[:]):
		return 0, nil, fmt.Errorf("%w: of another group", ErrNotice)
	}
	signed, signature := data[:len(data)-signatureLength], data[len(data)-signatureLength:]
	if !verify(append([]byte(noticeDomain), signed...), signature) {
		return 0, nil, fmt.Errorf("%w: its signature does not fit", ErrNotice)
	}
	return NoticeKind(data[1]), signed[noticeHeader:], nil
}
