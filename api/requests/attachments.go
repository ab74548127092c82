package requests

import (
	"context"
	"io"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Bounds of attachments that are sent.
const (
	// InlineAttachment is the largest part of an attachment, in bytes, that a reply holds when the request names no size; a larger one comes
	// as a file.
	InlineAttachment = 4096
	// fileRetry is what requests are told to wait that get no place among [onlink.Files].
	fileRetry = 10 * time.Second
	// hashShown is how much of an attachment's hash stands in pages, in bytes.
	hashShown = 8
	// dataOverhead is what a reply has around an attachment's part besides the rest, at most, in bytes.
	dataOverhead = 12
)

// fileReply is a part of an attachment that is sent behind its reply, as a file. It holds a place among those that are being sent.
type fileReply struct {
	content      group.BlobReader
	offset, size int64
	plain        bool // there is nothing to compress
	ended        func()
}

// drop gives up the content and the place.
func (f *fileReply) drop() {
	f.ended()
	f.content.Close()
}

// attachment answers /messages/attachment: for who sees the entry, a part of what came with it.
func (s *Server) attachment(ctx context.Context, c *call, q *groupdv1.AttachmentRequest) (*groupdv1.AttachmentReply, []byte, error) {
	query := group.AttachmentQuery{Seq: group.Seq(q.GetSeq()), Index: int(min(q.GetIndex(), group.MaxAttachments)), Hash: q.GetHash()}
	if len(q.GetHash()) > 0 && q.GetIndex() != 0 {
		return nil, nil, invalid("index", "use either index or hash")
	}
	a, err := s.hub.Attachment(ctx, c.caller, s.group, query)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.part(c, q, a)
	if err != nil || c.file == nil {
		if closed := a.Content.Close(); err == nil {
			err = closed
		}
	}
	return r, nil, err
}

// part fills a reply, or lays out the file behind it.
func (s *Server) part(c *call, q *groupdv1.AttachmentRequest, a group.AttachmentContent) (*groupdv1.AttachmentReply, error) {
	size := uint64(a.Content.Size())
	if q.GetOffset() > size {
		return nil, invalid("offset", "is behind the end")
	}
	n := size - q.GetOffset()
	if q.GetLength() > 0 {
		n = min(n, q.GetLength())
	}
	r := &groupdv1.AttachmentReply{Attachment: attachmentRow(a.Attachment, len(a.Hash)), Offset: q.GetOffset(), Length: n}
	most, err := c.partSize(r, q.GetMaxBytes())
	switch {
	case err != nil:
		return nil, err
	case q.GetMaxBytes() > 0 || c.nested:
		n = min(n, most)
	case n > most && c.json:
		return nil, &group.Error{Kind: group.KindUnsupported, Op: "attachment", Field: "length", Msg: "in JSON no files are sent: name max_bytes, and ask for one part after the other"}
	case n > most && c.line == nil:
		return nil, &group.Error{Kind: group.KindTooLarge, Op: "attachment", Field: "length", Msg: "too large for one reply: name max_bytes, and ask for one part after the other", Limit: int64(most), Needed: int64(n)}
	case n > most:
		link := c.line.key()
		if !s.sending.Begin(link) {
			return nil, &group.Error{Kind: group.KindRateLimited, Op: "attachment", Msg: "too many attachments are being sent just now", RetryAfter: fileRetry}
		}
		c.file = &fileReply{content: a.Content, offset: int64(q.GetOffset()), size: int64(n), plain: a.Kind != group.AttachFile, ended: func() { s.sending.End(link) }}
		r.Length = n
		return r, nil
	}
	r.Data, r.Length = make([]byte, n), n
	if _, err := io.ReadFull(io.NewSectionReader(a.Content, int64(q.GetOffset()), int64(n)), r.Data); err != nil {
		return nil, err
	}
	return r, nil
}

// partSize is how many bytes of an attachment the reply holds beside what is in it already.
func (c *call) partSize(r *groupdv1.AttachmentReply, maxBytes uint32) (uint64, error) {
	if maxBytes == 0 && !c.nested {
		return InlineAttachment, nil
	}
	budget, err := c.budget(maxBytes)
	if err != nil {
		return 0, err
	}
	frame, err := c.encode(r)
	if err != nil {
		return 0, err
	}
	most := budget - len(frame) - dataOverhead
	if c.json {
		most = most/4*3 - 3 // base64
	}
	if most <= 0 {
		return 0, noRoom(len(frame) + 4*dataOverhead)
	}
	return uint64(most), nil
}

// attachmentRow describes an attachment with so many bytes of its hash.
func attachmentRow(a group.Attachment, hash int) *groupdv1.Attachment {
	return &groupdv1.Attachment{
		Kind: groupdv1.AttachmentKind(a.Kind - group.AttachFile), Name: a.Name, Size: uint64(a.Size), Hash: a.Hash[:hash], Mode: uint32(a.Mode),
	}
}

func attachmentRows(list []group.Attachment) (rows []*groupdv1.Attachment) {
	for _, a := range list {
		rows = append(rows, attachmentRow(a, hashShown))
	}
	return rows
}

// sendFile sends a file behind its reply, which goes as metadata: {"reply": reply}. It returns at once; the transfer ends with the link.
func (s *Server) sendFile(ctx context.Context, r *rns.Request, reply msgpack.Raw, f *fileReply) {
	go func() {
		defer f.drop()
		part := io.NewSectionReader(f.content, f.offset, f.size)
		err := r.SendFile(ctx, rns.ResourceReader(part, f.size), rns.ResourceOptions{
			Metadata: msgpack.Map(msgpack.Entry{Key: msgpack.Str("reply"), Value: reply}), NoCompress: f.plain,
		})
		if err != nil {
			s.log.Debug("attachment not sent", "group", string(s.group), "link", r.Link.ID(), "bytes", f.size, "err", err)
		}
	}()
}
