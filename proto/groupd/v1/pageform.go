package groupdv1

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

// The page form, the bytes that carry a page wherever one travels (the field MessagesReply.page, later also live pages, push packets
// and broadcasts):
//
//	offset  length  what
//	0       1       version of the form, 1
//	1       1       codec: 0 plain, 1 DEFLATE, 2 DEFLATE with dictionary 1
//	2       rest    body: a Page message, packed with that codec
const (
	// PageVersion is the first byte of a page.
	PageVersion = 1
	// PageOverhead is the number of bytes before the body.
	PageOverhead = 2
	// MaxPageBody bounds what a reader unpacks if it names no limit of its own, in bytes.
	MaxPageBody = 1 << 20
	// MaxPageEntries is the largest number of entries, and of members, in one page.
	MaxPageEntries = 512
)

// What can be wrong with a page's bytes. All are found by errors.Is.
var (
	ErrPageShort    = errors.New("page is shorter than its header")
	ErrPageVersion  = errors.New("page version unknown")
	ErrPageCodec    = errors.New("page codec unknown")
	ErrPageTooLarge = errors.New("page unpacks to more than allowed")
	ErrPageCorrupt  = errors.New("page is corrupt")
)

// AppendPage appends a page form to dst; body is packed already.
func AppendPage(dst []byte, codec Codec, body []byte) []byte {
	return append(append(dst, PageVersion, byte(codec)), body...)
}

// OpenPage reads a page form. It unpacks at most limit bytes (0: MaxPageBody) and keeps nothing of data. The columns are checked by
// Page.Spell, not here.
func OpenPage(data []byte, limit int) (*Page, error) {
	if limit <= 0 {
		limit = MaxPageBody
	}
	if len(data) < PageOverhead {
		return nil, ErrPageShort
	}
	if data[0] != PageVersion {
		return nil, fmt.Errorf("%w: %d", ErrPageVersion, data[0])
	}
	body := data[PageOverhead:]
	switch Codec(data[1]) {
	case Codec_PLAIN:
		if len(body) > limit {
			return nil, ErrPageTooLarge
		}
	case Codec_DEFLATE, Codec_DEFLATE_DICTIONARY_1:
		var dictionary []byte
		if Codec(data[1]) == Codec_DEFLATE_DICTIONARY_1 {
			dictionary = Dictionary1()
		}
		var err error
		if body, err = inflate(body, dictionary, limit); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: %d", ErrPageCodec, data[1])
	}
	page := &Page{}
	if err := proto.Unmarshal(body, page); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPageCorrupt, err)
	}
	return page, nil
}

// inflate unpacks one whole DEFLATE stream of at most limit bytes. Bytes after its end are an error.
func inflate(packed, dictionary []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(packed)
	reader := flate.NewReaderDict(in, dictionary)
	body, err := io.ReadAll(io.LimitReader(reader, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrPageCorrupt, err)
	case len(body) > limit:
		return nil, ErrPageTooLarge
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: %d bytes after its end", ErrPageCorrupt, in.Len())
	}
	return body, nil
}
