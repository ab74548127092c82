package group

import (
	"context"
	"errors"

	"groupd/moderation"
)

// maxEdits is how many edits one post can have.
const maxEdits = 50

// EditInput is the new text of a post.
type EditInput struct {
	Seq Seq // the post, or an edit of it
	// Post holds the new title and text, and what came with them: message id, author's time, signed original. Kind, Ref and
	// RefID do not count, and fields are not replaced.
	Post PostInput
}

// Edit replaces title and text of a post of the caller's, within the policy's window. The edit is an entry of its own that
// names the post; the post keeps its place, and its first text is given out no more, except by Proof.
func (h *Hub) Edit(ctx context.Context, c Caller, g GroupID, in EditInput) (PostResult, error) {
	const op = "edit"
	var r PostResult
	if len(in.Post.Attachments) > 0 {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "attachments", Msg: "an edit brings no attachments: the post keeps its own"}
	}
	in.Post.Kind, in.Post.Fields = EntryPost, nil
	post, err := h.checkPost(op, in.Post)
	if err != nil {
		return r, err
	}
	if c.Local && c.Identity.IsZero() {
		post.Original = nil
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionRead); err != nil { // what a message became is for who can see it
			return err
		}
		if seen, err := w.seenBefore(post.MessageID, &r); seen || err != nil {
			return err
		}
		first, err := w.entryOf(in.Seq, MessageID{})
		if err != nil {
			return err
		}
		own, err := w.wrote(first.Author)
		if err != nil {
			return err
		}
		about := func(f *moderation.Facts) {
			post.facts(f)
			f.Self, f.Age, f.Files, f.Answers = own, w.now.Sub(first.Time), false, first.Ref != 0
		}
		if err := w.may(moderation.ActionEdit, about); err != nil {
			return err
		}
		if err := w.holdsNoCode(string(post.Text), string(post.Title)); err != nil {
			return err
		}
		edits, err := w.tx.Edits(g, first.Seq, maxEdits)
		if err != nil {
			return err
		}
		if len(edits) >= maxEdits {
			return &Error{Kind: KindFull, Op: op, Msg: "this post was edited too often", Limit: maxEdits}
		}
		if err := errors.Join(w.spend(moderation.ActionEdit, post.size(), about), w.heard()); err != nil {
			return err
		}
		e, err := w.add(Entry{
			Kind: EntryEdit, Author: w.caller.Identity, Ref: first.Seq, Time: w.now, AuthorTime: post.AuthorTime, MessageID: post.MessageID,
			Title: post.Title, Text: post.Text,
		}, post.Original)
		if err != nil {
			return err
		}
		r = PostResult{Change: w.changed(e), Time: e.Time}
		replaced := []Entry{first}
		if len(edits) > 0 {
			replaced = append(replaced, edits[len(edits)-1])
		}
		for _, old := range replaced { // no new rev: the edit itself is the change
			old.EditedBy = e.Seq
			if err := w.w.MarkEntry(old); err != nil {
				return err
			}
		}
		return nil
	})
	return r, err
}

// entryOf finds the post that is meant by a seq or, when that is 0, by the id of a message; an edit means the post it is of.
// KindNotFound when there is none, it was deleted, it is out of the caller's sight, or it is nothing that somebody wrote.
func (s *scene) entryOf(seq Seq, id MessageID) (Entry, error) {
	var e Entry
	var err error
	if seq == 0 && !id.IsZero() {
		e, err = s.tx.EntryByMessageID(s.group.ID, id)
	} else {
		e, err = s.tx.Entry(s.group.ID, seq)
	}
	if err == nil && e.Kind == EntryEdit && !e.Deleted {
		if first, gone := s.tx.Entry(s.group.ID, e.Ref); !errors.Is(gone, ErrNoRow) { // else the edit is all that is kept
			e, err = first, gone
		}
	}
	oldest, hidden := s.visible()
	if hidden != nil {
		return e, hidden
	}
	if errors.Is(err, ErrNoRow) || (err == nil && (e.Deleted || !e.Kind.Authored() || e.Seq < oldest)) {
		return e, s.refuse(KindNotFound, "seq", "there is no such post")
	}
	return e, err
}

// seenBefore notes a message's id, or fills r when it was accepted before.
func (w *work) seenBefore(id MessageID, r *PostResult) (bool, error) {
	if id.IsZero() {
		return false, nil
	}
	key := w.group.SeenID(id)
	seen, err := w.tx.Seen(w.group.ID, key)
	if err != nil {
		return false, err
	}
	if seen {
		*r, err = w.duplicate(id)
		return true, err
	}
	return false, w.w.AddSeen(w.group.ID, key)
}

// withEdits completes a list of entries that are to be erased: an edit goes with its post, a post with all its edits.
func (w *work) withEdits(entries []Entry) ([]Entry, error) {
	var all []Entry
	done := make(map[Seq]bool)
	add := func(e Entry) {
		if !done[e.Seq] && !e.Deleted {
			done[e.Seq] = true
			all = append(all, e)
		}
	}
	for _, e := range entries {
		if e.Kind == EntryEdit {
			first, err := w.tx.Entry(w.group.ID, e.Ref)
			switch {
			case errors.Is(err, ErrNoRow): // no longer kept
				add(e)
				continue
			case err != nil:
				return nil, err
			}
			e = first
		}
		add(e)
		if !e.Kind.Authored() {
			continue
		}
		edits, err := w.tx.Edits(w.group.ID, e.Seq, maxEdits)
		if err != nil {
			return nil, err
		}
		for _, edit := range edits {
			add(edit)
		}
	}
	return all, nil
}

// current puts the newest text into the edited entries of a page.
func (s *scene) current(p *Page) error {
	for i, e := range p.Entries {
		if e.EditedBy == 0 || e.Deleted {
			continue
		}
		edit, err := s.tx.Entry(s.group.ID, e.EditedBy)
		if err != nil {
			return err
		}
		p.Entries[i].Title, p.Entries[i].Text = edit.Title, edit.Text
	}
	return nil
}
