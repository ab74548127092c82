package requests

import (
	"context"

	"groupd/group"
	"groupd/group/delivery"
	groupdv1 "groupd/proto/groupd/v1"
)

// notifyCourier tells members that there is something new: how many posts, and the head.
type notifyCourier struct{ *noticeCourier }

var _ delivery.Courier = notifyCourier{}

// news is what is new after a rev, for everybody.
type news struct {
	generation group.Generation
	head       group.Head
	entries    []group.Entry // at most groupdv1.MaxNews
	authors    map[group.Seq]group.IdentityHash
}

// Prepare implements delivery.Courier. Events, deletions and his own posts are nothing to wake a member for; the head of the next notice
// tells them.
func (c notifyCourier) Prepare(ctx context.Context, r delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	n, err := c.newsAfter(ctx, r.After)
	if err != nil {
		return delivery.Parcel{}, err
	}
	body := groupdv1.News{Generation: uint64(n.generation), Seq: uint64(n.head.Seq), Deletions: n.head.Deletions}
	for _, e := range n.entries {
		if e.Kind.Authored() && !e.Deleted && e.Author != r.Member.Identity && (!r.MentionsOnly || concerns(e, r.Member, n.authors)) {
			body.New++
		}
	}
	if r.Emergency {
		urgent, err := c.emergencies(ctx, r)
		if err != nil {
			return delivery.Parcel{}, err
		}
		if body.Emergency = len(urgent) > 0; body.Emergency {
			body.New = max(body.New, uint64(len(urgent)))
		}
	}
	if body.New == 0 {
		return delivery.Parcel{To: n.head.Rev}, nil
	}
	return c.parcel(r, way, n.head.Rev, c.seal(groupdv1.NoticeNews, body.Append(nil)), nil)
}

// newsAfter reads what is new after a rev.
func (c *noticeCourier) newsAfter(ctx context.Context, after group.Rev) (news, error) {
	return c.news.get(ctx, after, func() (news, error) {
		p, err := c.server.hub.Messages(ctx, group.Caller{Local: true}, c.server.group, group.Query{AfterRev: after, Contents: true, Limit: groupdv1.MaxNews})
		if err != nil {
			return news{}, err
		}
		n := news{generation: p.Generation, head: p.Head, entries: p.Entries}
		n.authors, err = c.answered(ctx, p.Entries)
		return n, err
	})
}
