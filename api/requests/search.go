package requests

import (
	"context"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// search answers /messages/search: the newest hits that fit, as a page by seq.
func (s *Server) search(ctx context.Context, c *call, q *groupdv1.SearchRequest) (*groupdv1.MessagesReply, []byte, error) {
	in := group.SearchInput{Text: q.GetText(), Before: group.Seq(q.GetBeforeSeq()), Limit: int(min(q.GetLimit(), group.MaxPage))}
	for field, t := range map[string]struct {
		seconds int64
		into    *time.Time
	}{"since": {q.GetSince(), &in.Since}, "until": {q.GetUntil(), &in.Until}} {
		const year9999 = 253_402_300_799
		if t.seconds < 0 || t.seconds > year9999 {
			return nil, nil, invalid(field, "is no time in Unix seconds")
		}
		if t.seconds > 0 {
			*t.into = time.Unix(t.seconds, 0).UTC()
		}
	}
	if q.GetAuthor() != nil {
		var err error
		if in.Author, err = s.resolve(ctx, c, "author", q.GetAuthor(), group.AmongMembers, group.AmongDeparted); err != nil {
			return nil, nil, err
		}
	}
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	if in.Limit == 0 {
		in.Limit = min(max(budget/16, 8), group.MaxPage) // more would hardly fit
	}
	page, err := s.hub.Search(ctx, c.caller, s.group, in)
	if err != nil {
		return nil, nil, err
	}
	k, err := s.pack.borrow(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.pack.giveBack(k)
	l := listOf(page, group.Query{Before: in.Before, Newest: in.Before == 0}, &groupdv1.MessagesRequest{Headlines: q.GetHeadlines()}, nil)
	reply, _, fits, err := l.pack(budget, func(v *groupdv1.PageView) ([]byte, error) { return c.encodePage(k, q.GetAccept(), v) })
	switch {
	case err != nil:
		return nil, nil, err
	case !fits:
		return nil, nil, noRoom(len(reply))
	}
	return &groupdv1.MessagesReply{}, reply, nil
}
