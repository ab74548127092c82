package group

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"groupd/moderation"
)

// pageSize brings a limit into 1 … MaxPage.
func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}

// Messages reads a page of the timeline, for who may read: members, and anybody in a public group that is open.
//
// A client that starts takes the newest entries, and Page.To as its cursor. From then on it asks for what changed after
// its cursor until More is false, puts every row in place of the one it has, and has the server's state as of To.
func (h *Hub) Messages(ctx context.Context, c Caller, g GroupID, q Query) (Page, error) {
	const op = "messages"
	if len(q.Seqs) > MaxPage {
		return Page{}, &Error{Kind: KindTooLarge, Op: op, Field: "seqs", Msg: "too many at once", Limit: MaxPage, Needed: int64(len(q.Seqs))}
	}
	q.Limit = pageSize(q.Limit)
	var p Page
	err := h.read(ctx, op, c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		gen, err := generation(s.tx)
		if err != nil {
			return err
		}
		oldest, err := s.visible()
		if err != nil {
			return err
		}
		p = Page{Generation: gen, Head: s.head, To: s.head.Rev}
		p.Head.Oldest = max(p.Head.Oldest, min(oldest, p.Head.Seq))
		q.oldest = oldest
		switch {
		case len(q.Seqs) > 0:
			err = s.bySeqs(&p, q)
		case q.Newest:
			err = s.bySeq(&p, q, 0, 0, true)
		case q.Before > 0:
			err = s.bySeq(&p, q, 0, q.Before, true)
		case q.After > 0 || q.BySeq:
			err = s.bySeq(&p, q, q.After, 0, false)
		default:
			err = s.byRev(&p, q)
		}
		if err != nil {
			return err
		}
		switch {
		case q.Current:
			if err := s.current(&p); err != nil {
				return err
			}
		case !q.First:
			p.withoutEdited()
		}
		if q.Reactors {
			if err := s.reactors(&p); err != nil {
				return err
			}
		}
		return s.complete(&p)
	})
	if err != nil {
		return Page{}, err
	}
	return p, nil
}

// withoutEdited takes the content from entries that were edited: it travels once, with the edit.
func (p *Page) withoutEdited() {
	for i, e := range p.Entries {
		if e.EditedBy != 0 {
			p.Entries[i].Title, p.Entries[i].Text = nil, nil
		}
	}
}

// complete adds what belongs to the page's entries.
func (s *scene) complete(p *Page) error {
	if err := errors.Join(s.reactions(p), s.attachments(p)); err != nil {
		return err
	}
	return s.authors(p)
}

// visible is the oldest seq that the caller sees, 1 for all: what the policy hides from him is before it. Everything that shows
// entries, or finds them, asks here.
func (s *scene) visible() (Seq, error) {
	f, err := s.facts(moderation.ActionRead)
	var joined Seq
	if m := s.standing.Member; m != nil && m.Present {
		joined = m.JoinSeq
	}
	return Seq(f.Oldest(uint64(joined), uint64(s.head.Seq))), err
}

// bySeqs reads single entries; those that do not exist are left out.
func (s *scene) bySeqs(p *Page, q Query) error {
	seqs := slices.Clone(q.Seqs)
	slices.Sort(seqs)
	for _, seq := range slices.Compact(seqs) {
		e, err := s.tx.Entry(s.group.ID, seq)
		switch {
		case errors.Is(err, ErrNoRow) || seq < q.oldest:
		case err != nil:
			return err
		default:
			p.take(e, q)
		}
	}
	return nil
}

// bySeq reads entries between two seqs, from the newest down when backward. Filtered entries count towards Omitted, not
// towards the limit, as far as the rows of MaxPage reach.
func (s *scene) bySeq(p *Page, q Query, after, before Seq, backward bool) error {
	rows, most := q.Limit+1, q.Limit+1
	after = max(after, q.oldest-1)
	if q.NoEvents || q.Current {
		rows, most = min(3*q.Limit, MaxPage)+1, MaxPage+1
	}
	for {
		entries, err := s.tx.Entries(s.group.ID, after, before, backward, rows)
		if err != nil {
			return err
		}
		p.More, p.Omitted = len(entries) == rows, 0
		p.Entries = slices.Grow(p.Entries[:0], min(len(entries), q.Limit))
		for i, e := range entries {
			if i == rows-1 || len(p.Entries) == q.Limit {
				p.More = true
				break
			}
			p.take(e, q)
		}
		if !p.More || len(p.Entries) == q.Limit || rows == most {
			break
		}
		rows = most // the filter left out a lot
	}
	if backward {
		slices.Reverse(p.Entries)
		if !p.More && s.head.Oldest > 1 {
			p.Oldest = s.head.Oldest
		}
	}
	return nil
}

// byRev reads what changed after a rev: entries and members merged in the order of their changes, cut at the limit.
func (s *scene) byRev(p *Page, q Query) error {
	p.From, p.Contents, p.Complete = q.AfterRev, q.Contents, q.Complete
	entries, read, err := s.shownByRev(p, q.oldest, q.Limit+1)
	if err != nil {
		return err
	}
	var members []Member
	if !q.EntriesOnly && !q.Contents {
		if members, err = s.tx.MembersByRev(s.group.ID, q.AfterRev, false, q.Limit+1); err != nil {
			return err
		}
	}
	var revs []Rev
	for _, e := range entries {
		revs = append(revs, p.place(e))
	}
	for _, m := range members {
		revs = append(revs, m.Rev)
	}
	slices.Sort(revs)
	if p.From <= s.head.OldestRev && s.head.Oldest > 1 {
		p.Oldest = s.head.Oldest
	}
	p.To = max(s.head.Rev, q.AfterRev)
	if read > 0 {
		p.To, p.More = read, true
	}
	if len(revs) > q.Limit {
		p.To, p.More = min(p.To, revs[q.Limit]-1), true // everything before the first row that is left out
	}
	p.Entries = slices.Grow(p.Entries, len(entries))
	for _, e := range entries {
		if p.place(e) <= p.To {
			p.take(e, q)
		}
	}
	for _, m := range members {
		if m.Rev <= p.To {
			p.Members = append(p.Members, m)
		}
	}
	if !q.Contents && s.group.Rev > p.From && s.group.Rev <= p.To {
		info, err := s.info()
		if err != nil {
			return err
		}
		p.Info = &info
	}
	return nil
}

// maxHidden is how many entries that the caller does not see one page looks past.
const maxHidden = 20 * MaxPage

// shownByRev reads the entries of a page of AfterRev that the caller sees. When it gave up looking past others, read is the rev up to
// which it looked; else 0.
func (s *scene) shownByRev(p *Page, oldest Seq, limit int) (shown []Entry, read Rev, err error) {
	list := s.tx.EntriesByRev
	if p.Contents {
		list = s.tx.EntriesByWritten
	}
	rows, after := limit, p.From
	for hidden := 0; ; rows = MaxPage {
		entries, err := list(s.group.ID, after, rows)
		if err != nil {
			return nil, 0, err
		}
		if oldest <= 1 && shown == nil { // nothing is hidden from him
			return entries, 0, nil
		}
		for _, e := range entries {
			if after = p.place(e); e.Seq < oldest {
				hidden++
			} else {
				shown = append(shown, e)
			}
		}
		switch {
		case len(entries) < rows || len(shown) >= limit:
			return shown[:min(limit, len(shown))], 0, nil
		case hidden >= maxHidden:
			return shown, after, nil
		}
	}
}

// cutHidden ends a list of entries, newest first, where the caller does not see what is older.
func (s *scene) cutHidden(p *Page) error {
	oldest, err := s.visible()
	if i := slices.IndexFunc(p.Entries, func(e Entry) bool { return e.Seq < oldest }); i >= 0 {
		p.Entries, p.More = p.Entries[:i], false
	}
	return err
}

// place is where an entry stands in a page of AfterRev.
func (p *Page) place(e Entry) Rev {
	if p.Contents {
		return e.Written
	}
	return e.Rev
}

// take adds an entry unless the filter leaves it out.
func (p *Page) take(e Entry, q Query) {
	if (q.NoEvents && !e.Kind.Authored()) || (q.Current && e.Kind == EntryEdit) || (q.Contents && e.Restored && !e.Deleted) {
		p.Omitted++
		return
	}
	p.Entries = append(p.Entries, e)
}

// authors reads the rows of everybody whom the page's entries name.
func (s *scene) authors(p *Page) error {
	named := make(map[AnyHash]bool)
	for _, e := range p.Entries {
		for _, h := range []AnyHash{AnyHash(e.Author), e.Target, AnyHash(e.DeletedBy)} {
			if h.IsZero() || named[h] {
				continue
			}
			named[h] = true
			m, err := s.tx.Member(s.group.ID, IdentityHash(h))
			switch {
			case errors.Is(err, ErrNoRow):
			case err != nil:
				return err
			default:
				p.Authors = append(p.Authors, m)
			}
		}
	}
	slices.SortFunc(p.Authors, func(a, b Member) int { return bytes.Compare(a.Identity[:], b.Identity[:]) })
	return nil
}

// Cut shortens a page of AfterRev to its first n rows, entries and members merged by rev: what is left is a page in its
// own right, with To just before the first row that was cut off. It is for faces that have less room than the page.
func (p Page) Cut(n int) Page {
	type row struct {
		rev    Rev
		member bool
	}
	var rows []row
	for _, e := range p.Entries {
		rows = append(rows, row{p.place(e), false})
	}
	for _, m := range p.Members {
		rows = append(rows, row{m.Rev, true})
	}
	if n >= len(rows) {
		return p
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.rev, b.rev) })
	p.To, p.More = rows[max(n, 0)].rev-1, true
	entries, members := 0, 0
	for _, r := range rows[:max(n, 0)] {
		if r.member {
			members++
		} else {
			entries++
		}
	}
	p.Entries, p.Members = p.Entries[:entries], p.Members[:members]
	if p.Info != nil && p.Info.Rev > p.To {
		p.Info = nil
	}
	return p
}

// Proof is the author's signed original of one post with what its digest covers, for who may read. KindNotFound when
// there is no such entry, it was deleted, or no original is kept.
func (h *Hub) Proof(ctx context.Context, c Caller, g GroupID, seq Seq) (Proof, error) {
	var p Proof
	err := h.read(ctx, "proof", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		oldest, err := s.visible()
		if err != nil {
			return err
		}
		if seq < oldest {
			return s.refuse(KindNotFound, "seq", "there is no proof of this entry")
		}
		if p.Entry, err = s.tx.Entry(g, seq); err == nil {
			p.Original, err = s.tx.Original(g, seq)
		}
		if err == nil {
			p.Attachments, err = s.tx.Attachments(g, seq)
		}
		if errors.Is(err, ErrNoRow) {
			return s.refuse(KindNotFound, "seq", "there is no proof of this entry")
		}
		if err != nil {
			return err
		}
		if m, err := s.tx.Member(g, p.Entry.Author); err == nil {
			p.PublicKey = m.PublicKey
		} else if !errors.Is(err, ErrNoRow) {
			return err
		}
		previous, err := s.tx.Entry(g, seq-1)
		if errors.Is(err, ErrNoRow) {
			return nil // no longer kept
		}
		p.Previous = previous.Hash
		return err
	})
	if err != nil {
		return Proof{}, err
	}
	return p, nil
}

// Members lists the members, or what changed among them, for who may read.
func (h *Hub) Members(ctx context.Context, c Caller, g GroupID, q MembersQuery) (MembersPage, error) {
	limit := pageSize(q.Limit)
	var p MembersPage
	err := h.read(ctx, "members", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRead); err != nil {
			return err
		}
		var err error
		if p.Generation, err = generation(s.tx); err != nil {
			return err
		}
		if p.Total, err = s.tx.CountMembers(g); err != nil {
			return err
		}
		p.Head, p.To = s.head, max(s.head.Rev, q.AfterRev)
		if p.Members, err = s.tx.MembersByRev(g, q.AfterRev, !q.Changes, limit+1); err != nil {
			return err
		}
		if len(p.Members) > limit {
			p.To, p.More = p.Members[limit].Rev-1, true
			p.Members = p.Members[:limit]
		}
		return nil
	})
	if err != nil {
		return MembersPage{}, err
	}
	return p, nil
}

// ShownTime is the time to show with an entry: the author's when it is known and within a day of the server's, else the
// server's.
func (e Entry) ShownTime() time.Time {
	if d := e.Time.Sub(e.AuthorTime); e.AuthorTime.IsZero() || d > 24*time.Hour || d < -24*time.Hour {
		return e.Time
	}
	return e.AuthorTime
}
