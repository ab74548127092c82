package group

import (
	"context"
	"errors"
	"strings"
	"time"

	"groupd/moderation"
)

// Post adds an entry; when it returns, the entry is on disk. The operator posts as the group itself. A message whose id was
// accepted before adds nothing, even if its entry was deleted since: PostResult.Duplicate.
func (h *Hub) Post(ctx context.Context, c Caller, g GroupID, in PostInput) (PostResult, error) {
	const op = "post"
	var r PostResult
	in, err := h.checkPost(op, in)
	if err != nil {
		return r, err
	}
	if c.Local && c.Identity.IsZero() {
		in.Original = nil
	}
	settle, err := h.keepAttachments(ctx, op, c, g, in)
	if err != nil {
		return r, err
	}
	defer settle()
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		action := in.action()
		if err := w.may(action, in.answering); err != nil {
			w.strangerAsked(err)
			return err
		}
		if seen, err := w.seenBefore(in.MessageID, &r); seen || err != nil {
			return err
		}
		if in.Ref == 0 && !in.RefID.IsZero() {
			e, err := w.tx.EntryByMessageID(g, in.RefID)
			if err != nil && !errors.Is(err, ErrNoRow) {
				return err
			}
			in.Ref = e.Seq
		}
		if err := w.room(in.Attachments); err != nil {
			return err
		}
		if in.Ref > w.head.Seq {
			return w.refuse(KindInvalid, "ref", "there is no such entry yet")
		}
		answers, err := w.answers(in.Ref)
		if err != nil {
			return err
		}
		if err := w.holdsNoCode(string(in.Text), string(in.Title), string(in.Fields)); err != nil {
			return err
		}
		if err := w.spend(action, in.size(), in.facts, answers); err != nil {
			return err
		}
		if err := w.heard(); err != nil {
			return err
		}
		if in.Emergency {
			if err := w.auditAs("emergency", w.caller.Identity, AnyHash{}, "post"); err != nil {
				return err
			}
		}
		e, err := w.add(Entry{
			Kind: in.Kind, Author: w.caller.Identity, Ref: in.Ref, Time: w.now, AuthorTime: in.AuthorTime, MessageID: in.MessageID, Codec: in.Codec,
			Title: in.Title, Text: in.Text, Fields: in.Fields, Emergency: in.Emergency,
			Attachments: len(in.Attachments),
		}, in.Original)
		if err != nil {
			return err
		}
		if err := w.w.AddAttachments(e, described(in.Attachments, len(in.Original) > 0)); err != nil {
			return err
		}
		d, err := w.delivery(w.caller.Identity)
		r = PostResult{Change: w.changed(e), Time: e.Time, Receipt: d.Receipts}
		h.clock.source(w.caller.Identity, in.AuthorTime)
		return err
	})
	return r, err
}

// checkPost refuses what no facts can save.
func (h *Hub) checkPost(op string, in PostInput) (PostInput, error) {
	invalid := func(field, msg string) (PostInput, error) {
		return in, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	if in.Kind == 0 {
		in.Kind = EntryPost
	}
	if in.Kind != EntryPost && in.Kind != EntryAction {
		return invalid("kind", "only posts and actions can be posted")
	}
	if in.Codec != 0 {
		return in, &Error{Kind: KindUnsupported, Op: op, Field: "codec", Msg: "this server stores plain content only"}
	}
	if in.Marked {
		return in, &Error{Kind: KindDenied, Op: op, Msg: "this was relayed by a group already and is not posted again"}
	}
	if in.Stripped {
		in.Original = nil
	}
	list, err := checkAttachments(op, in.Attachments)
	if err != nil {
		return in, err
	}
	in.Attachments, in.Files = list, in.Files || len(list) > 0
	size := int64(max(len(in.Title)+len(in.Text)+len(in.Fields), len(in.Original)-originalOverhead))
	if size > h.limits.PostBytes {
		return in, &Error{Kind: KindTooLarge, Op: op, Field: "content", Msg: "the post is too large", Limit: h.limits.PostBytes, Needed: size}
	}
	if strings.TrimSpace(string(in.Text)) == "" && strings.TrimSpace(string(in.Title)) == "" && len(in.Fields) == 0 && len(in.Attachments) == 0 {
		return invalid("content", "the post is empty")
	}
	for _, text := range [][]byte{in.Title, in.Text} {
		if moderation.Notice(string(text)) {
			return invalid("content", "posts must not begin with "+string(moderation.NoticeGlyph)+", which marks the server's own words")
		}
	}
	in.AuthorTime = in.AuthorTime.UTC().Truncate(time.Microsecond)
	if y := in.AuthorTime.Year(); !in.AuthorTime.IsZero() && (y < 1970 || y > 9999) {
		in.AuthorTime = time.Time{} // nobody's clock
	}
	return in, nil
}

// duplicate is the answer to a message that was accepted before.
func (w *work) duplicate(id MessageID) (PostResult, error) {
	r := PostResult{Change: Change{Rev: w.head.Rev, Repeated: true}, Duplicate: true}
	e, err := w.tx.EntryByMessageID(w.group.ID, id)
	if errors.Is(err, ErrNoRow) {
		return r, nil
	}
	r.Seq, r.Time = e.Seq, e.Time
	return r, err
}

// action is what a post is to the rules.
func (in PostInput) action() moderation.Action {
	switch {
	case in.Emergency:
		return moderation.ActionEmergency
	case in.Files:
		return moderation.ActionAttach
	}
	return moderation.ActionPost
}

// facts are what the rules ask about a post.
func (in PostInput) facts(f *moderation.Facts) {
	f.Files, f.Links = in.Files, moderation.HasLink(string(in.Title)) || moderation.HasLink(string(in.Text))
}

// answering is what a post says of itself, before it is known what it answers.
func (in PostInput) answering(f *moderation.Facts) { f.Answers = in.Ref != 0 || !in.RefID.IsZero() }

// answers adds the fact whether an entry is a post that one can answer, where that matters.
func (s *scene) answers(ref Seq) (func(*moderation.Facts), error) {
	if ref == 0 || !s.group.Policy.ReadOnly {
		return func(*moderation.Facts) {}, nil
	}
	_, err := s.entryOf(ref, MessageID{})
	if err != nil && KindOf(err) != KindNotFound {
		return nil, err
	}
	return func(f *moderation.Facts) { f.Answers = err == nil }, nil
}

// size is what is sent of a post, in bytes.
func (in PostInput) size() int { return len(in.Title) + len(in.Text) + len(in.Fields) }

// Delete erases posts and their edits: content, salt, original and message id go, place and chain stay. One's own posts, or others' of a
// lower rank with PermDelete. What is missing or erased already is no error and listed in Missing.
func (h *Hub) Delete(ctx context.Context, c Caller, g GroupID, in DeleteInput) (DeleteResult, error) {
	const op = "delete"
	var r DeleteResult
	switch {
	case len(in.Seqs) == 0 && in.Author.IsZero():
		return r, &Error{Kind: KindInvalid, Op: op, Field: "seqs", Msg: "name entries, or an author"}
	case len(in.Seqs) > MaxPage:
		return r, &Error{Kind: KindTooLarge, Op: op, Field: "seqs", Msg: "too many at once", Limit: MaxPage, Needed: int64(len(in.Seqs))}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		entries, err := w.toDelete(in, &r)
		if err != nil {
			return err
		}
		if entries, err = w.withEdits(entries); err != nil {
			return err
		}
		allowed := make(map[IdentityHash]bool)
		for _, e := range entries {
			if !allowed[e.Author] {
				if err := w.mayDelete(e.Author); err != nil {
					return err
				}
				allowed[e.Author] = true
			}
			if !e.Kind.Authored() {
				return &Error{Kind: KindInvalid, Op: op, Field: "seqs", Msg: "only posts can be deleted, not what happened"}
			}
			w.head.Deletions++
			if err := w.w.PutTombstone(e.Tombstone(w.nextRev(), w.now, w.caller.Identity)); err != nil {
				return err
			}
			r.Deleted++
		}
		if len(entries) == 0 { // nothing told what the caller may do
			if err := w.may(moderation.ActionRead); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		if r.Deleted == 0 {
			return nil
		}
		w.tell(Event{Kind: EventChanged})
		return w.auditDeleted(entries)
	})
	if r.Deleted > 0 {
		h.freed()
	}
	return r, err
}

// toDelete reads the entries that are to be erased.
func (w *work) toDelete(in DeleteInput, r *DeleteResult) ([]Entry, error) {
	if len(in.Seqs) == 0 {
		author := IdentityHash(in.Author)
		m, err := w.tx.MemberByHash(w.group.ID, in.Author)
		if err == nil {
			author = m.Identity
		} else if !errors.Is(err, ErrNoRow) {
			return nil, err
		}
		entries, err := w.tx.EntriesByAuthor(w.group.ID, author, 0, eraseMany+1)
		if r.More = len(entries) > eraseMany; r.More { // the rest with the next call, so that others need not wait
			entries = entries[:eraseMany]
		}
		return entries, err
	}
	var entries []Entry
	done := make(map[Seq]bool)
	for _, seq := range in.Seqs {
		if done[seq] {
			continue
		}
		done[seq] = true
		e, err := w.tx.Entry(w.group.ID, seq)
		switch {
		case errors.Is(err, ErrNoRow) || (err == nil && e.Deleted):
			r.Missing = append(r.Missing, seq)
		case err != nil:
			return nil, err
		case len(entries) == eraseMany:
			r.More = true // with the next call, so that others need not wait
			return entries, nil
		default:
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// mayDelete asks whether the caller may erase what author wrote. The operator's posts are above everybody's rank but his.
func (w *work) mayDelete(author IdentityHash) error {
	if author.IsZero() && !w.caller.Local {
		return w.may(moderation.ActionDelete, func(f *moderation.Facts) { f.TargetRole = moderation.RoleOwner + 1 })
	}
	m, err := w.tx.Member(w.group.ID, author)
	if err != nil && !errors.Is(err, ErrNoRow) {
		return err
	}
	own, err := w.wrote(author)
	if err != nil {
		return err
	}
	return w.may(moderation.ActionDelete, about(m, own && !author.IsZero()))
}

// auditDeleted logs erased posts of others, one line per author.
func (w *work) auditDeleted(entries []Entry) error {
	counts := make(map[IdentityHash]int)
	var order []IdentityHash
	for _, e := range entries {
		if counts[e.Author]++; counts[e.Author] == 1 {
			order = append(order, e.Author)
		}
	}
	for _, author := range order {
		if own, err := w.wrote(author); err != nil {
			return err
		} else if own && !w.caller.Local {
			continue
		}
		if err := w.audit(AnyHash(author), plural(counts[author], "post")); err != nil {
			return err
		}
	}
	return nil
}
