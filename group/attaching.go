package group

import (
	"context"
	"errors"
	"io"

	"groupd/moderation"
)

// blobsAtOnce is how many contents are looked at in one transaction when they are compared with the rows.
const blobsAtOnce = 500

// keepAttachments puts the contents of a post on disk, after a look at whether the post may be accepted at all. settle must be called when
// the post is decided: it removes what no post refers to.
func (h *Hub) keepAttachments(ctx context.Context, op string, c Caller, g GroupID, in PostInput) (settle func(), err error) {
	var releases []func()
	settle = func() {
		for i, release := range releases {
			release()
			if err := h.eraseUnused(context.WithoutCancel(ctx), in.Attachments[i].Hash); err != nil {
				h.log.Warn("could not remove an attachment that nothing refers to", "err", err)
			}
		}
		releases = nil
	}
	if len(in.Attachments) == 0 {
		return settle, nil
	}
	if h.blobs == nil {
		return settle, &Error{Kind: KindUnsupported, Op: op, Field: "attachments", Msg: "this server takes no attachments"}
	}
	known := false
	err = h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(in.action(), in.facts, in.answering); err != nil {
			s.strangerAsked(err)
			return err
		}
		if !in.MessageID.IsZero() {
			var err error
			if known, err = s.tx.Seen(g, s.group.SeenID(in.MessageID)); known || err != nil {
				return err
			}
		}
		return s.room(in.Attachments)
	})
	if err != nil || known {
		return settle, err
	}
	if err := h.space(op, in.Attachments); err != nil {
		return settle, err
	}
	for _, a := range in.Attachments {
		release, err := h.keep(a)
		if err != nil {
			settle()
			if errors.Is(err, ErrNoSpace) {
				return settle, noSpace(op)
			}
			h.log.Warn("could not store an attachment", "err", err)
			return settle, &Error{Kind: KindNotDurable, Op: op, Msg: "the server could not store an attachment, try again later", Err: err}
		}
		releases = append(releases, release)
	}
	return settle, nil
}

func (h *Hub) keep(a AttachmentInput) (release func(), err error) {
	var content io.ReadCloser
	if content, err = a.Open(); err != nil {
		return nil, err
	}
	release, err = h.blobs.Keep(a.Hash, a.Size, content)
	if closed := content.Close(); err == nil && closed != nil {
		release()
		return nil, closed
	}
	return release, err
}

// room refuses attachments that the quotas have no room for.
func (s *scene) room(list []AttachmentInput) error {
	if len(list) == 0 {
		return nil
	}
	l, p := s.hub.limits, s.group.Policy
	have, err := s.tx.AttachedBytes(s.group.ID, s.caller.Identity)
	if err != nil {
		return err
	}
	var all, fresh int64
	counted := make(map[Hash]bool)
	for _, a := range list {
		if most := smaller(p.AttachBytes, l.AttachBytes); most >= 0 && a.Size > most {
			return &Error{Kind: KindTooLarge, Op: s.op, Field: "attachments", Msg: "the attachment is too large", Limit: most, Needed: a.Size}
		}
		all += a.Size
		switch _, err := s.tx.Blob(a.Hash); {
		case errors.Is(err, ErrNoRow):
			if !counted[a.Hash] {
				fresh += a.Size
			}
			counted[a.Hash] = true
		case err != nil:
			return err
		}
	}
	for _, q := range []struct {
		have, more, most int64
		msg              string
	}{
		{have.Member, all, smaller(p.AttachMember, l.AttachMember), "your attachments have no more room here: delete some, or post without"},
		{have.Group, all, smaller(p.AttachGroup, l.AttachGroup), "this group's attachments have no more room: post without"},
		{have.Server, fresh, l.AttachDisk, "the server's attachments have no more room: post without"},
	} {
		if q.most >= 0 && q.have+q.more > q.most {
			return &Error{Kind: KindFull, Op: s.op, Field: "attachments", Msg: q.msg, Limit: q.most, Needed: q.have + q.more}
		}
	}
	return nil
}

// smaller is the smaller one of a policy's bound and the server's; negative: none.
func smaller(policy uint64, limit int64) int64 {
	if own := int64(min(policy, 1<<62)); own > 0 && (limit < 0 || own < limit) {
		return own
	}
	return limit
}

// space refuses attachments that would leave less of the disk free than the floor: posts without go on.
func (h *Hub) space(op string, list []AttachmentInput) error {
	if h.limits.AttachFloor < 0 {
		return nil
	}
	free, err := h.blobs.Free()
	if err != nil {
		return &Error{Kind: KindInternal, Op: op, Msg: "an error inside the server", Err: err}
	}
	for _, a := range list {
		if !h.blobs.Has(a.Hash, a.Size) {
			free -= a.Size
		}
	}
	if free < h.limits.AttachFloor {
		return noSpace(op)
	}
	return nil
}

func noSpace(op string) error {
	return &Error{Kind: KindFull, Op: op, Field: "attachments", Msg: "the server's disk is nearly full: post without attachments"}
}

// described is the part of attachments that is stored in rows.
func described(list []AttachmentInput, original bool) []Attachment {
	var out []Attachment
	for _, a := range list {
		if !original {
			a.At = 0
		}
		out = append(out, a.Attachment)
	}
	return out
}

// eraseUnused removes one content if no row refers to it.
func (h *Hub) eraseUnused(ctx context.Context, hash Hash) error {
	_, err := h.blobs.Erase(hash, func() (unused bool, err error) {
		err = h.store.View(ctx, func(tx ReadTx) error {
			b, err := tx.Blob(hash)
			if unused = errors.Is(err, ErrNoRow) || b.Refs == 0; errors.Is(err, ErrNoRow) {
				return nil
			}
			return err
		})
		return unused && err == nil, err
	})
	return err
}

// freed tells Run that there may be contents to erase.
func (h *Hub) freed() {
	select {
	case h.unused <- struct{}{}:
	default:
	}
}

// eraseAll removes all contents that rows no longer refer to.
func (h *Hub) eraseAll(ctx context.Context) error {
	if h.blobs == nil {
		return nil
	}
	var after Hash
	for {
		var list []Blob
		err := h.store.View(ctx, func(tx ReadTx) (err error) { list, err = tx.Blobs(after, true, blobsAtOnce); return err })
		if err != nil || len(list) == 0 {
			return err
		}
		for _, b := range list {
			if err := h.eraseUnused(ctx, b.Hash); err != nil {
				return err
			}
		}
		err = h.store.Update(ctx, func(tx Tx) error {
			for _, b := range list {
				if !h.blobs.Has(b.Hash, b.Size) { // else somebody keeps it just now
					if err := tx.DropBlob(b.Hash); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = list[len(list)-1].Hash
	}
}

// CheckAttachments compares the contents on disk with the rows: it removes those that no row refers to, left when the program was killed
// between the two, and counts rows whose content is missing.
func (h *Hub) CheckAttachments(ctx context.Context) (removed, missing int, err error) {
	if h.blobs == nil {
		return 0, 0, nil
	}
	err = h.blobs.All(func(hash Hash) error {
		known := false
		err := h.store.View(ctx, func(tx ReadTx) error {
			_, err := tx.Blob(hash)
			if known = err == nil; errors.Is(err, ErrNoRow) {
				return nil
			}
			return err
		})
		if err != nil || known {
			return err
		}
		removed++
		return h.eraseUnused(ctx, hash)
	})
	var after Hash
	for more := true; more && err == nil; {
		var list []Blob
		err = h.store.View(ctx, func(tx ReadTx) (err error) { list, err = tx.Blobs(after, false, blobsAtOnce); return err })
		for _, b := range list {
			if after = b.Hash; b.Refs > 0 && !h.blobs.Has(b.Hash, b.Size) {
				missing++
			}
		}
		more = len(list) == blobsAtOnce
	}
	if err != nil {
		return removed, missing, h.failed("check attachments", err)
	}
	return removed, missing, nil
}

// tidy is CheckAttachments once, and what is due otherwise.
func (h *Hub) tidy(ctx context.Context, checked *bool) error {
	if !*checked {
		removed, missing, err := h.CheckAttachments(ctx)
		if err != nil {
			return err
		}
		if *checked = true; removed > 0 || missing > 0 {
			h.log.Warn("attachments on disk do not fit the database", "removed", removed, "missing", missing)
		}
		h.missing.Store(uint64(missing))
	}
	return h.eraseAll(ctx)
}

// AttachmentLimits are the bounds that hold in a group: of one attachment, of all of one member, of all in the group, in bytes. Negative:
// none. All are 0 where the server takes no attachments.
type AttachmentLimits struct{ One, Member, Group int64 }

// attachmentLimits are those of a policy.
func (h *Hub) attachmentLimits(p moderation.Policy) AttachmentLimits {
	if h.blobs == nil {
		return AttachmentLimits{}
	}
	return AttachmentLimits{smaller(p.AttachBytes, h.limits.AttachBytes), smaller(p.AttachMember, h.limits.AttachMember), smaller(p.AttachGroup, h.limits.AttachGroup)}
}
