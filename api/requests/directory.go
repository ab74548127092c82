package requests

import (
	"context"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// leastListed is how many bytes a group in the directory takes at least.
const leastListed = 24

// directory answers /directory, for anybody: as many groups as fit.
func (s *Server) directory(ctx context.Context, c *call, q *groupdv1.DirectoryRequest) (*groupdv1.DirectoryReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	limit := min(limitIn(q.GetLimit()), max(budget/leastListed, 1)) // no more could fit
	p, err := s.hub.Directory(ctx, c.caller, group.DirectoryQuery{After: min(q.GetAfter(), 1<<62), Text: q.GetText(), Limit: limit})
	if err != nil {
		return nil, nil, err
	}
	rows := make([]*groupdv1.HeardGroup, len(p.Groups))
	for i, e := range p.Groups {
		rows[i] = &groupdv1.HeardGroup{
			Number: e.Number, Identity: e.Identity[:], Name: e.Name, Public: e.Public, Joining: groupdv1.Joining(e.Joining),
			JoinCost: clampUint32(int64(e.JoinCost)), PostCost: clampUint32(int64(e.PostCost)), Hops: clampUint32(int64(e.Hops)),
			HeardSAgo: clampUint32(int64(p.Now.Sub(e.Last).Seconds())),
		}
		if !e.Alike.IsZero() {
			rows[i].Alike = e.Alike[:]
		}
	}
	encoded, err := fitRows(rows, budget, leastListed, p.More, func(shown []*groupdv1.HeardGroup, more bool) ([]byte, error) {
		return c.encode(&groupdv1.DirectoryReply{Groups: shown, More: more, Total: clampUint32(int64(p.Total))})
	}, func(g *groupdv1.HeardGroup) { g.Name, g.Alike, g.Cut = shorten(g.GetName()), nil, true })
	return &groupdv1.DirectoryReply{}, encoded, err
}

// HeardGroup reads the announce of a group; false when it is none. The transport has checked the signature.
func HeardGroup(a rns.Announced) (group.HeardGroup, bool) {
	b, err := groupdv1.ParseBeacon(a.AppData)
	if err != nil || a.Identity == nil {
		return group.HeardGroup{}, false
	}
	return group.HeardGroup{
		Identity: group.IdentityHash(a.Identity.Hash()), Name: b.Name, Public: b.Public, Joining: moderation.Joining(b.Joining),
		JoinCost: int(b.JoinCost), PostCost: int(b.PostCost), Hops: a.Hops, Interface: a.Interface, NextHop: a.NextHop, Emitted: a.Emitted,
	}, true
}
