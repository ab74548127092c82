package group

import (
	"context"
	"errors"

	"groupd/moderation"
)

// Bounds of reactions.
const (
	MaxReactionBytes = 16     // of one, cleaned: an emoji or a short word
	MaxReactionKinds = 32     // different ones to one entry
	MaxReactions     = 10_000 // in all to one entry
	maxOwnReactions  = 8      // of one member to one entry
	MaxReactors      = 100    // reactions to one entry in a Page, with who gave them
)

// ReactInput is a reaction to one post.
type ReactInput struct {
	Seq       Seq       // the post, or an edit of it
	RefID     MessageID // the message that is meant, looked up when Seq is 0
	Text      string
	Off       bool      // take it back
	MessageID MessageID // of the message that holds the reaction; zero: did not come in LXMF form
}

// ReactResult says what the reactions to the post are now.
type ReactResult struct {
	Change
	Reactions []ReactionCount
}

// React puts a reaction of the caller's under a post, or takes it back; what is so already changes nothing. The post's rev
// rises, the head does not move. MaxReactionKinds and MaxReactions bound the reactions to one post (KindFull).
func (h *Hub) React(ctx context.Context, c Caller, g GroupID, in ReactInput) (ReactResult, error) {
	const op = "react"
	var r ReactResult
	text := moderation.CleanLine(in.Text)
	switch {
	case text == "" || moderation.Notice(text):
		return r, &Error{Kind: KindInvalid, Op: op, Field: "text", Msg: "is no reaction that could be shown"}
	case len(text) > MaxReactionBytes:
		return r, &Error{Kind: KindTooLarge, Op: op, Field: "text", Msg: "a reaction is an emoji or a short word", Limit: MaxReactionBytes, Needed: int64(len(text))}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionReact); err != nil {
			return err
		}
		var again PostResult
		seen, err := w.seenBefore(in.MessageID, &again)
		if err != nil {
			return err
		}
		e, err := w.entryOf(in.Seq, in.RefID)
		if err != nil {
			return err
		}
		r.Change = Change{Seq: e.Seq, Rev: w.head.Rev, Repeated: seen}
		if !seen {
			if err := w.react(&e, text, in.Off); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		r.Reactions, err = w.tx.ReactionsTo(g, e.Seq, w.caller.Identity)
		return err
	})
	return r, err
}

// react adds or removes one reaction of the caller's.
func (w *work) react(e *Entry, text string, off bool) error {
	counts, err := w.tx.ReactionsTo(w.group.ID, e.Seq, w.caller.Identity)
	if err != nil {
		return err
	}
	known, mine, own := false, false, 0
	for _, c := range counts {
		if c.Mine {
			own++
		}
		if c.Text == text {
			known, mine = true, c.Mine
		}
	}
	if mine == !off {
		return nil
	}
	full := func(msg string, limit int64) error { return &Error{Kind: KindFull, Op: w.op, Msg: msg, Limit: limit} }
	if !off {
		switch {
		case !known && len(counts) >= MaxReactionKinds:
			return full("this post has as many different reactions as it can have", MaxReactionKinds)
		case own >= maxOwnReactions:
			return full("you have reacted to this post often enough", maxOwnReactions)
		case e.Reactions >= MaxReactions:
			return full("this post has as many reactions as it can have", MaxReactions)
		}
		if err := w.holdsNoCode(text); err != nil {
			return err
		}
	}
	if err := errors.Join(w.spend(moderation.ActionReact, 0), w.heard()); err != nil {
		return err
	}
	if off {
		_, err = w.w.DeleteReaction(w.group.ID, e.Seq, w.caller.Identity, text)
		e.Reactions--
	} else {
		_, err = w.w.AddReaction(Reaction{Group: w.group.ID, Seq: e.Seq, Who: w.caller.Identity, Text: text, Created: w.now})
		e.Reactions++
	}
	if err != nil {
		return err
	}
	e.Rev = w.nextRev()
	w.tell(Event{Kind: EventChanged})
	return w.w.MarkEntry(*e)
}

// reactions reads what was given to the entries of a page.
func (s *scene) reactions(p *Page) error {
	for _, e := range p.Entries {
		if e.Reactions == 0 {
			continue
		}
		counts, err := s.tx.ReactionsTo(s.group.ID, e.Seq, s.caller.Identity)
		if err != nil {
			return err
		}
		if p.Reactions == nil {
			p.Reactions = make(map[Seq][]ReactionCount)
		}
		p.Reactions[e.Seq] = counts
	}
	return nil
}

// reactors reads who gave the reactions to the entries of a page.
func (s *scene) reactors(p *Page) error {
	p.Reactors = make(map[Seq][]Reaction)
	for _, e := range p.Entries {
		if e.Reactions == 0 {
			continue
		}
		rows, err := s.tx.Reactions(s.group.ID, e.Seq, MaxReactors)
		if err != nil {
			return err
		}
		p.Reactors[e.Seq] = rows
	}
	return nil
}
