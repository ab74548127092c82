package memory

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"groupd/group"
)

func (t *tx) Edits(g group.GroupID, of group.Seq, limit int) ([]group.Entry, error) {
	gr := t.rows.of(g)
	var out []group.Entry
	for _, seq := range gr.seqs {
		if e := gr.entries[seq]; len(out) < limit && e.Kind == group.EntryEdit && e.Ref == of && !e.Deleted {
			out = append(out, copyEntry(e))
		}
	}
	return out, nil
}

func (t *tx) EntriesByWritten(g group.GroupID, after group.Rev, limit int) ([]group.Entry, error) {
	var out []group.Entry
	for _, e := range t.rows.of(g).entries {
		if e.Written > after {
			out = append(out, copyEntry(e))
		}
	}
	slices.SortFunc(out, func(a, b group.Entry) int { return cmp.Compare(a.Written, b.Written) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) ReactionsTo(g group.GroupID, seq group.Seq, who group.IdentityHash) ([]group.ReactionCount, error) {
	rows := slices.SortedFunc(maps.Values(t.rows.of(g).reactions[seq]), func(a, b group.Reaction) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Text, b.Text))
	})
	var out []group.ReactionCount
	for _, r := range rows {
		i := slices.IndexFunc(out, func(c group.ReactionCount) bool { return c.Text == r.Text })
		if i < 0 {
			i = len(out)
			out = append(out, group.ReactionCount{Text: r.Text})
		}
		out[i].Count++
		out[i].Mine = out[i].Mine || r.Who == who
	}
	slices.SortStableFunc(out, func(a, b group.ReactionCount) int { return cmp.Compare(b.Count, a.Count) })
	return out, nil
}

func (t *tx) Reactions(g group.GroupID, seq group.Seq, limit int) ([]group.Reaction, error) {
	rows := slices.SortedFunc(maps.Values(t.rows.of(g).reactions[seq]), func(a, b group.Reaction) int {
		return cmp.Or(a.Created.Compare(b.Created), bytes.Compare(a.Who[:], b.Who[:]), cmp.Compare(a.Text, b.Text))
	})
	return rows[:min(len(rows), limit)], nil
}

func (t *tx) Pins(g group.GroupID, limit int) ([]group.Seq, error) {
	gr := t.rows.of(g)
	var out []group.Seq
	for _, seq := range slices.Backward(gr.seqs) {
		if gr.entries[seq].Pinned && len(out) < limit {
			out = append(out, seq)
		}
	}
	return out, nil
}

func (t *tx) Search(g group.GroupID, q group.SearchRows) ([]group.Entry, error) {
	gr := t.rows.of(g)
	var wanted []string
	for _, w := range q.Words {
		wanted = append(wanted, plain(w))
	}
	var out []group.Entry
	for _, seq := range slices.Backward(gr.seqs) {
		e := gr.entries[seq]
		switch {
		case len(out) == q.Limit:
			return out, nil
		case seq <= q.After, q.Before != 0 && seq >= q.Before, !e.Kind.Authored(), e.Deleted, e.EditedBy != 0, e.Codec != 0,
			!q.Author.IsZero() && e.Author != q.Author, !q.Since.IsZero() && e.Time.Before(q.Since), !q.Until.IsZero() && !e.Time.Before(q.Until),
			!holds(string(e.Title)+" "+string(e.Text), wanted):
			continue
		}
		out = append(out, copyEntry(e))
	}
	return out, nil
}

// holds reports whether each of the wanted words begins a word of the text.
func holds(text string, wanted []string) bool {
	if len(wanted) == 0 {
		return true
	}
	words := group.SearchWords(plain(text))
	for _, w := range wanted {
		if !slices.ContainsFunc(words, func(have string) bool { return strings.HasPrefix(have, w) }) {
			return false
		}
	}
	return true
}

// plain takes case and accents off a text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

func (t *tx) ContentSize(g group.GroupID) (int64, error) {
	n := 0
	for _, e := range t.rows.of(g).entries {
		n += len(e.Title) + len(e.Text) + len(e.Fields)
	}
	return int64(n), nil
}

func (t *tx) MarkEntry(e group.Entry) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	row, had := gr.entries[e.Seq]
	if !had {
		return group.ErrNoRow
	}
	moved := row.Rev != e.Rev
	row.Rev, row.EditedBy, row.Pinned, row.Reactions = e.Rev, e.EditedBy, e.Pinned, e.Reactions
	put(t, gr.entries, e.Seq, row)
	if moved {
		set(t, &gr.entriesByRev, insert(gr.entriesByRev, revOf[group.Seq]{e.Rev, e.Seq}))
	}
	return nil
}

func (t *tx) AddReaction(r group.Reaction) (bool, error) {
	gr, err := t.open(r.Group)
	if err != nil {
		return false, err
	}
	if _, ok := gr.entries[r.Seq]; !ok {
		return false, group.ErrNoRow
	}
	rows := gr.reactions[r.Seq]
	if rows == nil {
		rows = make(map[reactionKey]group.Reaction)
		put(t, gr.reactions, r.Seq, rows)
	}
	key := reactionKey{r.Who, r.Text}
	if _, had := rows[key]; had {
		return false, nil
	}
	r.Created = at(r.Created)
	put(t, rows, key, r)
	return true, nil
}

func (t *tx) DeleteReaction(g group.GroupID, seq group.Seq, who group.IdentityHash, text string) (bool, error) {
	rows, key := t.rows.of(g).reactions[seq], reactionKey{who, text}
	_, had := rows[key]
	drop(t, rows, key)
	return had, nil
}

func (t *tx) DropEntries(g group.GroupID, before group.Seq, limit int) (int, error) {
	gr, err := t.open(g)
	if err != nil {
		return 0, err
	}
	return t.dropEntries(gr, before, limit), nil
}

// dropEntries removes at most limit entries of a group's rows, the oldest first.
func (t *tx) dropEntries(gr *groupRows, before group.Seq, limit int) int {
	n := 0
	for n < limit && n < len(gr.seqs) && gr.seqs[n] < before {
		seq := gr.seqs[n]
		drop(t, gr.byMessage, gr.entries[seq].MessageID)
		drop(t, gr.entries, seq)
		drop(t, gr.originals, seq)
		drop(t, gr.reactions, seq)
		drop(t, gr.aside, seq)
		t.dropReports(gr, seq)
		t.dropAttachments(gr, seq, true)
		n++
	}
	set(t, &gr.seqs, gr.seqs[n:])
	return n
}

func (t *tx) Reports(g group.GroupID, after int64, limit int) ([]group.Report, error) {
	var out []group.Report
	for _, r := range t.rows.of(g).reports {
		if r.ID > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (t *tx) CountReports(g group.GroupID) (int, error) { return len(t.rows.of(g).reports), nil }

func (t *tx) CountReportsBy(g group.GroupID, who group.IdentityHash) (int, error) {
	n := 0
	for _, r := range t.rows.of(g).reports {
		if r.By == who {
			n++
		}
	}
	return n, nil
}

func (t *tx) PutReport(r group.Report) error {
	gr, err := t.open(r.Group)
	if err != nil {
		return err
	}
	r.Created = at(r.Created)
	list := slices.Clone(gr.reports)
	if i := slices.IndexFunc(list, func(o group.Report) bool { return o.Seq == r.Seq && o.By == r.By }); i >= 0 {
		r.ID = list[i].ID
		list[i] = r
	} else {
		set(t, &t.rows.reports, t.rows.reports+1)
		r.ID = t.rows.reports
		list = append(list, r)
	}
	set(t, &gr.reports, list)
	return nil
}

func (t *tx) DeleteReports(g group.GroupID, seq group.Seq) (int, error) {
	gr, err := t.open(g)
	if err != nil {
		return 0, err
	}
	return t.dropReports(gr, seq), nil
}

func (t *tx) dropReports(gr *groupRows, seq group.Seq) int {
	about := func(r group.Report) bool { return r.Seq == seq }
	if !slices.ContainsFunc(gr.reports, about) {
		return 0
	}
	left := slices.DeleteFunc(slices.Clone(gr.reports), about)
	n := len(gr.reports) - len(left)
	set(t, &gr.reports, left)
	return n
}
