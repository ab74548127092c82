package memory

import (
	"cmp"
	"maps"
	"slices"

	"groupd/group"
)

// aside is what was put aside of an entry.
type aside struct {
	entry     group.Entry
	original  []byte
	reactions map[reactionKey]group.Reaction
}

func (t *tx) Erasure(g group.GroupID, id group.IdentityHash) (group.Erasure, error) {
	e, ok := t.rows.of(g).erasures[id]
	if !ok {
		return group.Erasure{}, group.ErrNoRow
	}
	return e, nil
}

func (t *tx) Erasures(g group.GroupID, limit int) ([]group.Erasure, error) {
	list := sortedByHash(t.rows.of(g).erasures)
	return list[:min(limit, len(list))], nil
}

func (t *tx) CountErasures(g group.GroupID) (int, error) { return len(t.rows.of(g).erasures), nil }

func (t *tx) PutErasure(e group.Erasure) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	e.Created = at(e.Created)
	put(t, gr.erasures, e.Identity, e)
	return nil
}

func (t *tx) DeleteErasure(g group.GroupID, id group.IdentityHash) error {
	drop(t, t.rows.of(g).erasures, id)
	return nil
}

func (t *tx) HiddenBy(g group.GroupID, author group.IdentityHash, limit int) ([]group.Seq, error) {
	var out []group.Seq
	for seq, a := range t.rows.of(g).aside {
		if a.entry.Author == author {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	return out[:min(limit, len(out))], nil
}

func (t *tx) PersonalEvents(g group.GroupID, author group.IdentityHash, limit int) ([]group.Entry, error) {
	gr := t.rows.of(g)
	var out []group.Entry
	for _, seq := range gr.seqs {
		e := gr.entries[seq]
		if len(out) < limit && e.Author == author && !e.Deleted && (e.Kind == group.EntryJoin || e.Kind == group.EntryName) {
			out = append(out, copyEntry(e))
		}
	}
	return out, nil
}

func (t *tx) ReactionsBy(g group.GroupID, who group.IdentityHash, limit int) ([]group.Reaction, error) {
	var out []group.Reaction
	for _, rows := range t.rows.of(g).reactions {
		for _, r := range rows {
			if r.Who == who {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b group.Reaction) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Text, b.Text)) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) MembersInvitedBy(g group.GroupID, by group.IdentityHash, limit int) ([]group.Member, error) {
	return t.members(g, limit, func(m group.Member) bool { return m.InvitedBy == by && !by.IsZero() })
}

func (t *tx) MembersSucceededBy(g group.GroupID, id group.IdentityHash, limit int) ([]group.Member, error) {
	return t.members(g, limit, func(m group.Member) bool { return m.Successor == id && !id.IsZero() })
}

func (t *tx) HideEntry(tombstone group.Entry) error {
	gr, err := t.open(tombstone.Group)
	if err != nil {
		return err
	}
	e, had := gr.entries[tombstone.Seq]
	if !had {
		return group.ErrNoRow
	}
	if _, had := gr.aside[e.Seq]; !had {
		put(t, gr.aside, e.Seq, aside{entry: e, original: gr.originals[e.Seq], reactions: maps.Clone(gr.reactions[e.Seq])})
	}
	if row, had := gr.attachments[e.Seq]; had {
		row.held = true
		put(t, gr.attachments, e.Seq, row)
	}
	return t.PutTombstone(tombstone)
}

func (t *tx) RestoreEntry(g group.GroupID, seq group.Seq, rev group.Rev) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	a, had := gr.aside[seq]
	if !had {
		return group.ErrNoRow
	}
	e := a.entry
	e.Rev, e.Written, e.Restored, e.Reactions = rev, rev, true, len(a.reactions)
	put(t, gr.entries, seq, e)
	if len(a.original) > 0 {
		put(t, gr.originals, seq, a.original)
	}
	if len(a.reactions) > 0 {
		put(t, gr.reactions, seq, a.reactions)
	}
	if !e.MessageID.IsZero() {
		put(t, gr.byMessage, e.MessageID, seq)
	}
	if row, had := gr.attachments[seq]; had {
		row.held = false
		put(t, gr.attachments, seq, row)
	}
	drop(t, gr.aside, seq)
	set(t, &gr.entriesByRev, insert(gr.entriesByRev, revOf[group.Seq]{rev, seq}))
	return nil
}

func (t *tx) EraseHidden(g group.GroupID, author group.IdentityHash, limit int) (int, error) {
	gr, err := t.open(g)
	if err != nil {
		return 0, err
	}
	seqs, err := t.HiddenBy(g, author, limit)
	for _, seq := range seqs {
		drop(t, gr.aside, seq)
		t.dropAttachments(gr, seq, true)
	}
	for _, a := range gr.aside {
		for k := range a.reactions {
			if k.who == author {
				drop(t, a.reactions, k)
			}
		}
	}
	return len(seqs), err
}

func (t *tx) DeleteReportsBy(g group.GroupID, who group.IdentityHash) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	set(t, &gr.reports, slices.DeleteFunc(slices.Clone(gr.reports), func(r group.Report) bool { return r.By == who }))
	return nil
}

func (t *tx) DeleteOutcomesOf(g group.GroupID, who group.IdentityHash) error {
	for _, k := range t.oldestOutcomes(func(o group.Outcome) bool { return o.Group == g && o.Identity == who }) {
		drop(t, t.rows.outcomes, k)
	}
	return nil
}
