package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// members answers /members for those who may read: the list, or what changed in it, as many rows as fit.
func (s *Server) members(ctx context.Context, c *call, q *groupdv1.MembersRequest) (*groupdv1.MembersReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil && !q.GetQuote() {
		return nil, nil, err
	}
	most := group.MaxPage
	if n := int(min(q.GetLimit(), group.MaxPage)); n > 0 {
		most = n
	}
	query := group.MembersQuery{AfterRev: group.Rev(q.GetAfterRev()), Changes: q.GetChanges(), Limit: min(most, max(budget/24, 8))}
	if q.GetQuote() {
		query.Limit = most
	}
	for {
		page, err := s.hub.Members(ctx, c.caller, s.group, query)
		if err != nil {
			return nil, nil, err
		}
		encode := func(v *groupdv1.PageView) ([]byte, error) {
			return c.encode(&groupdv1.MembersReply{
				Members: v.GetMembers(), More: v.GetMore(), ToRev: v.GetToRev(), Total: clampUint32(int64(page.Total)),
				Generation: v.GetGeneration(),
			})
		}
		l := &entryList{byRev: true, base: &groupdv1.PageView{
			Generation: uint64(page.Generation), FromRev: q.GetAfterRev(), ToRev: uint64(page.To), More: page.More,
		}}
		for _, m := range page.Members {
			l.items = append(l.items, item{rev: uint64(m.Rev), member: memberRow(m)})
		}
		if q.GetQuote() {
			encoded, err := encode(l.view(len(l.items)))
			if err != nil {
				return nil, nil, err
			}
			return &groupdv1.MembersReply{Count: uint32(len(l.items)), Bytes: uint64(len(encoded))}, nil, nil
		}
		reply, n, fits, err := l.pack(budget, encode)
		switch {
		case err != nil:
			return nil, nil, err
		case n == len(l.items) && fits && page.More && query.Limit < most:
			query.Limit = min(most, query.Limit*2)
			continue
		case !fits:
			return nil, nil, noRoom(len(reply))
		}
		return &groupdv1.MembersReply{}, reply, nil
	}
}
