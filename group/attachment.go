package group

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"groupd/moderation"
)

// Bounds of what comes with a post.
const (
	MaxAttachments = 16  // of one post
	MaxFileName    = 120 // bytes of a cleaned name
	maxFormat      = 12  // bytes of an image's format
	minHashPrefix  = 4   // bytes of a hash by which an attachment is asked for
)

// AttachmentKind says what came with a post. The numbers are wire and database values.
type AttachmentKind uint8

const (
	AttachFile  AttachmentKind = 1
	AttachImage AttachmentKind = 2
	AttachAudio AttachmentKind = 3
)

// String is the kind's word.
func (k AttachmentKind) String() string {
	switch k {
	case AttachFile:
		return "file"
	case AttachImage:
		return "image"
	case AttachAudio:
		return "audio"
	}
	return "unknown"
}

// Attachment describes one file, image or sound of an entry. Its content lies in the server's Blobs under its hash.
type Attachment struct {
	Kind AttachmentKind
	Name string // of a file: cleaned, never a path; of an image: its format, lower case; else ""
	Mode uint8  // of a sound: LXMF's number of its codec
	Size int64  // bytes
	Hash Hash   // SHA-256 of the content
	At   int64  // where the content stands in the signed original, in bytes; 0: no original is kept
	Lost bool   // it came by an import without its content, which nobody reads here, whoever else has posted the same
}

// AttachmentInput is an attachment of a post that is to be stored.
type AttachmentInput struct {
	Attachment
	// Open reads the content, from its beginning. It may be called more than once, and must work until Post returns.
	Open func() (io.ReadCloser, error)
}

// ErrNoSpace is wrapped by the error of Blobs.Keep when the disk is full.
var ErrNoSpace = errors.New("no space left")

// Blobs keeps the contents of attachments by their hash, each once, whoever posted it. Engines are db/blobs and memory.Blobs. All methods
// may be called from any goroutine.
type Blobs interface {
	// Keep stores size bytes under their hash, unless they are there already, and returns when they are on disk. Content that is
	// shorter, longer or another is an error. Until release is called, Erase leaves them alone; release must be called once.
	Keep(h Hash, size int64, content io.Reader) (release func(), err error)
	// Open reads a content: any number at a time, until closed, even when it is erased meanwhile. ErrNoRow when it is not there.
	Open(h Hash) (BlobReader, error)
	// Has reports whether a content of this size is there.
	Has(h Hash, size int64) bool
	// Erase removes a content that nobody keeps, if unused says so, and reports whether it did. No Keep of any content begins or
	// ends while unused runs.
	Erase(h Hash, unused func() (bool, error)) (bool, error)
	// All calls f for each content that is there, in no order.
	All(f func(Hash) error) error
	// Free is how many bytes there is room for.
	Free() (int64, error)
}

// BlobReader reads one content.
type BlobReader interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// AttachmentQuery names one attachment of a post.
type AttachmentQuery struct {
	Seq   Seq    // the post, or an edit of it
	Index int    // its place in Entry.Files
	Hash  []byte // instead of the index: its hash, or the first 4 bytes of it or more; nil: the index
}

// AttachmentContent is an attachment with its content, to be closed.
type AttachmentContent struct {
	Attachment
	Index   int
	Content BlobReader
}

// Attachment opens an attachment of a post, for who sees the post. KindNotFound when there is no such post or attachment, when it was
// deleted, or when the server has lost the content, or an import did not bring it.
func (h *Hub) Attachment(ctx context.Context, c Caller, g GroupID, q AttachmentQuery) (AttachmentContent, error) {
	const op = "attachment"
	var a AttachmentContent
	if len(q.Hash) > 0 && (len(q.Hash) < minHashPrefix || len(q.Hash) > len(Hash{})) {
		return a, &Error{Kind: KindInvalid, Op: op, Field: "hash", Msg: "is no hash, nor 4 bytes of one"}
	}
	err := h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		e, err := s.entryOf(q.Seq, MessageID{})
		if err != nil {
			return err
		}
		list, err := s.tx.Attachments(g, e.Seq)
		if err != nil {
			return err
		}
		for i, one := range list {
			if len(q.Hash) == 0 && i != q.Index || !bytes.HasPrefix(one.Hash[:], q.Hash) {
				continue
			}
			a.Attachment, a.Index = one, i
			if h.blobs != nil && !one.Lost {
				if a.Content, err = h.blobs.Open(one.Hash); !errors.Is(err, ErrNoRow) {
					return err
				}
			}
			return s.refuse(KindNotFound, "", "the server has lost this attachment")
		}
		return s.refuse(KindNotFound, "index", "the post has no such attachment")
	})
	if err != nil {
		return AttachmentContent{}, err
	}
	return a, nil
}

// attachments reads what came with the entries of a page.
func (s *scene) attachments(p *Page) (err error) {
	for i, e := range p.Entries {
		if e.Attachments == 0 {
			continue
		}
		if p.Entries[i].Files, err = s.tx.Attachments(s.group.ID, e.Seq); err != nil {
			return err
		}
	}
	return nil
}

// checkAttachments cleans what a post says about its attachments, and refuses what can not be.
func checkAttachments(op string, list []AttachmentInput) ([]AttachmentInput, error) {
	if len(list) > MaxAttachments {
		return nil, &Error{Kind: KindInvalid, Op: op, Field: "attachments", Msg: fmt.Sprintf("a post has at most %d attachments", MaxAttachments)}
	}
	out := make([]AttachmentInput, len(list))
	for i, a := range list {
		switch {
		case a.Kind < AttachFile || a.Kind > AttachAudio || a.Size < 0 || a.At < 0 || a.Open == nil:
			return nil, &Error{Kind: KindInvalid, Op: op, Field: "attachments", Msg: "an attachment that can not be"}
		case a.Kind == AttachFile:
			a.Name = CleanFileName(a.Name)
		case a.Kind == AttachImage:
			a.Name = cleanFormat(a.Name)
		default:
			a.Name = ""
		}
		out[i] = a
	}
	return out, nil
}

// CleanFileName makes a name of a file that can be shown, and that names no place: no control characters, nothing that turns the
// direction of writing, only what stands behind the last separator of a path, no dots in front, at most MaxFileName bytes. What has nothing left is "file".
func CleanFileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:*?"<>|`, r) {
			return '_'
		}
		return r
	}, moderation.CleanLine(strings.ToValidUTF8(name, "")))
	name = strings.Trim(name, " ._~-")
	if len(name) > MaxFileName {
		end := ""
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 && len(name)-dot <= maxFormat {
			end = name[dot:]
		}
		name = strings.TrimRight(cutRunes(name, MaxFileName-len(end)), " .") + end
	}
	if name == "" {
		return "file"
	}
	return name
}

// cleanFormat keeps letters and digits of an image's format.
func cleanFormat(format string) string {
	format = strings.Map(func(r rune) rune {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return -1
		}
		return r
	}, strings.TrimPrefix(strings.ToLower(format), "image/"))
	return format[:min(len(format), maxFormat)]
}

// cutRunes is the first n bytes of a text, fewer where a character would be split.
func cutRunes(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}
