package group

import (
	"context"
	"errors"
	"time"
)

const (
	// UndoPurge is how long the posts of who was banned with a purge can be brought back. Then they are erased.
	UndoPurge = 24 * time.Hour

	eraseFew     = 8                     // entries of the first transaction
	eraseMany    = 64                    // of any
	eraseFor     = 10 * time.Millisecond // what a transaction is to take, so that nobody waits for long: the number of entries follows
	erasePause   = 5 * time.Millisecond  // between two transactions, for others; as long as the last one took, if that was longer
	eraseEvery   = 10 * time.Minute      // how often what is aside for long is looked for
	maxErasures  = 1000                  // authors of one group whose posts are aside, or going
	maxLives     = 8                     // identities that one membership had, as far as they are looked for
	maxBranch    = 50                    // banned with one inviter at once
	maxBranchSee = 1000                  // rows looked at for that
)

// wrote reports whether what author wrote is the caller's own: he is the author, or has his membership now.
func (s *scene) wrote(author IdentityHash) (bool, error) {
	me := s.caller.Identity
	if me.IsZero() {
		return s.caller.Local && author.IsZero(), nil
	}
	for range maxLives {
		if author == me || author.IsZero() {
			return author == me, nil
		}
		m, err := s.tx.Member(s.group.ID, author)
		if errors.Is(err, ErrNoRow) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		author = m.Successor
	}
	return false, nil
}

// lives lists an identity and those that had its membership before.
func (s *scene) lives(id IdentityHash) ([]IdentityHash, error) {
	list := []IdentityHash{id}
	known := map[IdentityHash]bool{id: true}
	for i := 0; i < len(list) && len(list) < maxLives; i++ {
		rows, err := s.tx.MembersSucceededBy(s.group.ID, list[i], maxLives)
		if err != nil {
			return nil, err
		}
		for _, m := range rows {
			if !known[m.Identity] && len(list) < maxLives {
				known[m.Identity] = true
				list = append(list, m.Identity)
			}
		}
	}
	return list, nil
}

// beginErasure has something done with what somebody wrote until now, as whoever he was here; it goes on after the commit.
func (w *work) beginErasure(kind ErasureKind, id IdentityHash) error {
	ids, err := w.lives(id)
	if err != nil {
		return err
	}
	n, err := w.tx.CountErasures(w.group.ID)
	if err != nil {
		return err
	}
	if n+len(ids) > maxErasures {
		return &Error{Kind: KindFull, Op: w.op, Msg: "too many posts are being erased just now, try again later", Limit: maxErasures}
	}
	w.erases = true
	for _, id := range ids {
		old, err := w.tx.Erasure(w.group.ID, id)
		if err != nil && !errors.Is(err, ErrNoRow) {
			return err
		}
		if old.Kind == ErasureForget {
			continue // more than anything else
		}
		if err := w.w.PutErasure(Erasure{
			Group: w.group.ID, Identity: id, Kind: kind, Before: w.head.Seq + 1, By: w.caller.Identity, Created: w.expiry,
		}); err != nil {
			return err
		}
	}
	return nil
}

// restore turns what was begun to hide somebody's posts into bringing them back, within UndoPurge; false when there is nothing.
func (w *work) restore(id IdentityHash) (bool, error) {
	list, err := w.hidden(id)
	if err != nil {
		return false, err
	}
	for _, e := range list {
		e.Kind = ErasureRestore
		if err := w.w.PutErasure(e); err != nil {
			return false, err
		}
	}
	w.erases = w.erases || len(list) > 0
	return len(list) > 0, nil
}

// hidden is what was begun to hide somebody's posts, as whoever he was here, and can be taken back.
func (s *scene) hidden(id IdentityHash) (list []Erasure, err error) {
	ids, err := s.lives(id)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		e, err := s.tx.Erasure(s.group.ID, id)
		switch {
		case errors.Is(err, ErrNoRow):
		case err != nil:
			return nil, err
		case (e.Kind == ErasureHide || e.Kind == ErasureHidden) && s.expiry.Before(e.Created.Add(UndoPurge)):
			list = append(list, e)
		}
	}
	return list, nil
}

// runErasures is the life of the goroutine that hides, brings back and erases posts, a few at a time.
func (h *Hub) runErasures(ctx context.Context) {
	if err := h.abandonImports(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("an import that was cut off is not given up yet", "err", err)
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.erasing:
		case <-again.C:
		}
		if err := errors.Join(h.eraseGroups(ctx), h.erasures(ctx)); err != nil && ctx.Err() == nil {
			h.log.Warn("could not erase", "err", err)
		}
		again.Reset(eraseEvery)
	}
}

// erasures does all there is to do now.
func (h *Hub) erasures(ctx context.Context) error {
	var jobs []Erasure
	if err := h.store.View(ctx, func(tx ReadTx) error {
		groups, err := tx.Groups()
		for _, g := range groups {
			list, e := tx.Erasures(g.ID, maxErasures)
			jobs, err = append(jobs, list...), errors.Join(err, e)
		}
		return err
	}); err != nil {
		return err
	}
	for _, job := range jobs {
		if err := inParts(ctx, eraseFor, func(n int) (bool, time.Duration, error) { return h.eraseSome(ctx, job.Group, job.Identity, n) }); err != nil {
			return err
		}
	}
	return nil
}

// eraseSome does n entries of one author's, and reports whether there is more to do now and how long others had to wait.
func (h *Hub) eraseSome(ctx context.Context, g GroupID, id IdentityHash, n int) (more bool, took time.Duration, err error) {
	var done struct{}
	err = h.change(ctx, "erase", Caller{Local: true}, g, &done, func(w *work) error {
		more = false
		began := time.Now()
		defer func() { took = time.Since(began) }()
		e, err := w.tx.Erasure(g, id)
		if errors.Is(err, ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		rev := w.head.Rev
		switch e.Kind {
		case ErasureHide:
			more, err = w.hideSome(e, n)
		case ErasureHidden:
			if !h.ClockUnsure() && !w.expiry.Before(e.Created.Add(UndoPurge)) {
				e.Kind, more = ErasurePurge, true
				err = w.w.PutErasure(e)
			}
		case ErasureRestore:
			more, err = w.restoreSome(e, n)
		case ErasurePurge:
			more, err = w.purgeSome(e, n)
		case ErasureForget:
			more, err = w.forgetSome(e, n)
		}
		if w.head.Rev != rev {
			w.tell(Event{Kind: EventChanged})
		}
		return err
	})
	if err == nil {
		h.freed()
	}
	return more, took, err
}

// older are the entries that an erasure concerns.
func (e Erasure) older(entries []Entry) []Entry {
	for i, entry := range entries {
		if entry.Seq >= e.Before {
			return entries[:i]
		}
	}
	return entries
}

func (w *work) hideSome(e Erasure, limit int) (more bool, err error) {
	entries, err := w.tx.EntriesByAuthor(w.group.ID, e.Identity, 0, limit)
	if err != nil {
		return false, err
	}
	if entries = e.older(entries); len(entries) == 0 {
		e.Kind = ErasureHidden
		return false, w.w.PutErasure(e)
	}
	for _, entry := range entries {
		w.head.Deletions++
		if err := w.w.HideEntry(entry.Tombstone(w.nextRev(), w.now, e.By)); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (w *work) restoreSome(e Erasure, limit int) (more bool, err error) {
	seqs, err := w.tx.HiddenBy(w.group.ID, e.Identity, limit)
	if err != nil {
		return false, err
	}
	if len(seqs) == 0 {
		return false, w.w.DeleteErasure(w.group.ID, e.Identity)
	}
	for _, seq := range seqs {
		w.head.Deletions++ // so that who hears the head fetches
		if err := w.w.RestoreEntry(w.group.ID, seq, w.nextRev()); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (w *work) purgeSome(e Erasure, limit int) (more bool, err error) {
	n, err := w.w.EraseHidden(w.group.ID, e.Identity, limit)
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, w.w.DeleteErasure(w.group.ID, e.Identity)
}

// forgetSome erases posts, then what is aside, then the events that hold the name, then reactions.
func (w *work) forgetSome(e Erasure, limit int) (more bool, err error) {
	entries, err := w.tx.EntriesByAuthor(w.group.ID, e.Identity, 0, limit)
	if err != nil {
		return false, err
	}
	if entries = e.older(entries); len(entries) == 0 {
		if n, err := w.w.EraseHidden(w.group.ID, e.Identity, limit); n > 0 || err != nil {
			return n > 0, err
		}
		if entries, err = w.tx.PersonalEvents(w.group.ID, e.Identity, limit); err != nil {
			return false, err
		}
		entries = e.older(entries)
	}
	for _, entry := range entries {
		w.head.Deletions++
		if err := w.w.PutTombstone(entry.Tombstone(w.nextRev(), w.now, e.Identity)); err != nil {
			return false, err
		}
	}
	if len(entries) > 0 {
		return true, nil
	}
	reactions, err := w.tx.ReactionsBy(w.group.ID, e.Identity, limit)
	if err != nil {
		return false, err
	}
	for _, r := range reactions {
		if err := w.dropReaction(r); err != nil {
			return false, err
		}
	}
	if len(reactions) > 0 {
		return true, nil
	}
	return false, w.w.DeleteErasure(w.group.ID, e.Identity)
}

// dropReaction takes one reaction off its entry.
func (w *work) dropReaction(r Reaction) error {
	entry, err := w.tx.Entry(w.group.ID, r.Seq)
	if err != nil {
		return err
	}
	if _, err := w.w.DeleteReaction(w.group.ID, r.Seq, r.Who, r.Text); err != nil {
		return err
	}
	entry.Reactions, entry.Rev = entry.Reactions-1, w.nextRev()
	return w.w.MarkEntry(entry)
}
