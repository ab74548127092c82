package requests

import (
	"cmp"
	"context"
	"slices"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// messages answers /messages for those who may read: one page, with as many entries as fit.
func (s *Server) messages(ctx context.Context, c *call, q *groupdv1.MessagesRequest) (*groupdv1.MessagesReply, []byte, error) {
	query, most, err := queryOf(q)
	if err != nil {
		return nil, nil, err
	}
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil && !q.GetQuote() {
		return nil, nil, err
	}
	k, err := s.pack.borrow(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.pack.giveBack(k)
	r := &reading{
		hub: s.hub, group: s.group, caller: c.caller, query: query, request: q, most: most, rows: most,
		encode: func(v *groupdv1.PageView) ([]byte, error) { return c.encodePage(k, q.GetAccept(), v) },
	}
	if q.AfterRev != nil && q.GetNoEvents() {
		r.rows = group.MaxPage // more rows than entries are read
		r.leave = func(e group.Entry) bool { return !e.Kind.Authored() }
	}
	if q.GetQuote() {
		r.query.Limit = r.rows
		_, l, err := r.read(ctx)
		if err != nil {
			return nil, nil, err
		}
		encoded, err := r.encode(l.view(len(l.items)))
		if err != nil {
			return nil, nil, err
		}
		return &groupdv1.MessagesReply{Count: uint32(l.entries()), Bytes: uint64(len(encoded))}, nil, nil
	}
	got, err := r.fill(ctx, budget)
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.MessagesReply{}, got.encoded, nil
}

// queryOf reads the selectors of a request. most is the largest number of entries its page may hold.
func queryOf(q *groupdv1.MessagesRequest) (query group.Query, most int, err error) {
	selectors := 0
	if q.AfterRev != nil {
		query.AfterRev, query.Complete = group.Rev(q.GetAfterRev()), group.Rev(q.GetCompleteRev())
		selectors++
	}
	if q.AfterSeq != nil {
		query.After, query.BySeq = group.Seq(q.GetAfterSeq()), true
		selectors++
	}
	if q.BeforeSeq != nil {
		if q.GetBeforeSeq() == 0 {
			return query, 0, invalid("before_seq", "there is no entry before 0")
		}
		query.Before = group.Seq(q.GetBeforeSeq())
		selectors++
	}
	if q.GetNewest() > 0 {
		query.Newest = true
		selectors++
	}
	if len(q.GetSeqs()) > 0 {
		if len(q.GetSeqs()) > MaxSeqs {
			return query, 0, &group.Error{Kind: group.KindTooLarge, Op: "messages", Field: "seqs", Msg: "too many seqs", Limit: MaxSeqs}
		}
		for _, seq := range q.GetSeqs() {
			query.Seqs = append(query.Seqs, group.Seq(seq))
		}
		slices.Sort(query.Seqs)
		query.Seqs = slices.Compact(query.Seqs)
		selectors++
	}
	switch selectors {
	case 0:
		query.Newest = true
	case 1:
	default:
		return query, 0, invalid("", "use one of seqs, after_rev, after_seq, before_seq and newest")
	}
	// Where the page states revs, events are dropped here, so that they are counted in the revs they belong to.
	query.NoEvents = q.GetNoEvents() && q.AfterRev == nil
	most = group.MaxPage
	if n := int(min(q.GetLimit(), group.MaxPage)); n > 0 {
		most = n
	}
	if n := int(min(q.GetNewest(), group.MaxPage)); n > 0 {
		most = min(most, n)
	}
	return query, most, nil
}

// listOf lays out a page of the domain in the order in which it is filled. What leave names, where it is not nil, is only counted.
func listOf(p group.Page, query group.Query, q *groupdv1.MessagesRequest, leave func(group.Entry) bool) *entryList {
	l := &entryList{
		byRev:   q.AfterRev != nil,
		fromEnd: query.Newest || query.Before > 0,
		base:    &groupdv1.PageView{Generation: uint64(p.Generation), More: p.More, Filtered: clampUint32(int64(p.Omitted)), Oldest: uint64(p.Oldest)},
	}
	l.base.FromRev, l.base.ToRev = uint64(p.To), uint64(p.To)
	if l.byRev {
		l.base.FromRev = uint64(p.From)
	}
	if len(p.Entries) == 0 && p.Omitted > 0 {
		l.base.NextSeq = uint64(afterOmitted(p, query))
	}
	who := peopleOf(p.Authors)
	for _, e := range p.Entries {
		if leave != nil && leave(e) {
			l.items = append(l.items, item{rev: uint64(e.Rev)})
			continue
		}
		row := entryRow(e, who, q.GetHashes(), q.GetHeadlines())
		row.Reactions = reactionRows(p.Reactions[e.Seq])
		if l.byRev && p.Complete > 0 && e.Written <= p.Complete {
			row = unchanged(row)
		}
		l.items = append(l.items, item{rev: uint64(e.Rev), entry: row})
	}
	if l.byRev {
		for _, m := range p.Members {
			l.items = append(l.items, item{rev: uint64(m.Rev), member: memberRow(m)})
		}
		if p.Info != nil {
			l.items = append(l.items, item{rev: uint64(p.Info.Rev), group: groupState(p.Info)})
		}
		slices.SortStableFunc(l.items, func(a, b item) int { return cmp.Compare(a.rev, b.rev) })
	}
	if q.GetChain() {
		l.chain = func(seq uint64) []byte {
			for _, e := range p.Entries {
				if uint64(e.Seq) == seq {
					return e.Hash[:]
				}
			}
			return nil
		}
	}
	return l
}

// afterOmitted is the seq to go on from after a page by seq whose entries were all filtered out: seqs have no gaps, so counting them
// tells how far it reached.
func afterOmitted(p group.Page, query group.Query) group.Seq {
	n := group.Seq(p.Omitted)
	switch {
	case query.Newest:
		return p.Head.Seq + 1 - min(n, p.Head.Seq)
	case query.Before > 0:
		before := min(query.Before, p.Head.Seq+1)
		return before - min(n, before)
	}
	return query.After + n
}

// entries counts the entries that are not filtered out.
func (l *entryList) entries() int {
	n := 0
	for _, it := range l.items {
		if it.entry != nil {
			n++
		}
	}
	return n
}

// keep drops what comes after the most-th entry.
func (l *entryList) keep(most int) {
	if l.entries() <= most {
		return
	}
	for i, n := 0, 0; i < len(l.items); i++ {
		if l.items[i].entry == nil {
			continue
		}
		if n++; n > most {
			l.items = l.items[:i]
			l.base.More = true
			if l.byRev {
				l.base.ToRev = l.items[i-1].rev
			}
			return
		}
	}
}

// encodePage makes the whole reply for one page: sealed columns in protobuf, rows in JSON.
func (c *call) encodePage(k *compressor, accept []groupdv1.Codec, v *groupdv1.PageView) ([]byte, error) {
	if c.json {
		return c.encode(&groupdv1.MessagesReply{View: v})
	}
	page, err := k.sealView(v, accept)
	if err != nil {
		return nil, err
	}
	return c.encode(&groupdv1.MessagesReply{Page: page})
}

// maxMissing is how many seqs that were not there a reply to /messages/delete names.
const maxMissing = 64

// deleteMessages answers /messages/delete: one's own entries, or others' with DELETE.
func (s *Server) deleteMessages(ctx context.Context, c *call, q *groupdv1.DeleteRequest) (*groupdv1.DeleteReply, []byte, error) {
	var in group.DeleteInput
	switch {
	case len(q.GetSeqs()) > 0 && q.GetAllBy() != nil:
		return nil, nil, invalid("all_by", "use either seqs or all_by")
	case len(q.GetSeqs()) > group.MaxPage:
		return nil, nil, &group.Error{Kind: group.KindTooLarge, Op: "delete", Field: "seqs", Msg: "too many seqs", Limit: group.MaxPage}
	case len(q.GetSeqs()) > 0:
		for _, seq := range q.GetSeqs() {
			in.Seqs = append(in.Seqs, group.Seq(seq))
		}
	case q.GetAllBy() != nil:
		var err error
		if in.Author, err = s.resolve(ctx, c, "all_by", q.GetAllBy(), group.AmongMembers, group.AmongDeparted); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, invalid("seqs", "say what to delete: seqs or all_by")
	}
	got, err := s.hub.Delete(ctx, c.as(q.GetClientId()), s.group, in)
	if err != nil {
		return nil, nil, err
	}
	r := &groupdv1.DeleteReply{Rev: uint64(got.Rev), Deleted: clampUint32(int64(got.Deleted)), More: got.More}
	for _, seq := range got.Missing[:min(len(got.Missing), maxMissing)] {
		r.Missing = append(r.Missing, uint64(seq))
	}
	return r, nil, nil
}
