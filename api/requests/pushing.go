package requests

import (
	"context"
	"math"
	"slices"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// pushCourier sends members what is new, a page in each packet.
type pushCourier struct{ *noticeCourier }

var _ delivery.Courier = pushCourier{}

// bundle is the page that begins at a rev, as everybody may see it who sees all of history.
type bundle struct {
	filled
	data    []byte        // the notice
	entries []group.Entry // that are in the page
	authors map[group.Seq]group.IdentityHash
	open    bool      // all members see all of history
	oldest  group.Rev // the lowest Written in it; the highest number there is for none
}

func (b *bundle) to() group.Rev { return group.Rev(b.view.GetToRev()) }

// Prepare implements delivery.Courier. A page that holds nothing but what the member did himself is not sent; the next one covers it, too.
func (c pushCourier) Prepare(ctx context.Context, r delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	known := c.readers.of(r.Member.Identity)
	from := r.After
	if known.to == r.After && known.from < known.to {
		from = known.from
	}
	if r.Emergency {
		if p, ok, err := c.urgentPage(ctx, r, way); ok || err != nil {
			return p, err
		}
	}
	b, err := c.bundle(ctx, from)
	if err == nil && b.to() <= r.After && from < r.After { // what he was not sent fills the page
		b, err = c.bundle(ctx, r.After)
		if !r.MentionsOnly { // else his own page reaches further
			from = r.After
		}
	}
	if err != nil {
		return delivery.Parcel{}, err
	}
	if !slices.ContainsFunc(b.entries, func(e group.Entry) bool { return e.Written > r.After && b.wanted(e, r) }) {
		c.readers.note(r.Member.Identity, func(one *reader) { one.from, one.to = from, b.to() })
		return delivery.Parcel{To: b.to()}, nil
	}
	if r.MentionsOnly || !b.open || b.oldest <= known.complete || len(b.page.Reactions) > 0 { // not the same for everybody
		if b, err = c.ownBundle(ctx, r, from, known.complete); err != nil {
			return delivery.Parcel{}, err
		}
	}
	return c.parcel(r, way, b.to(), b.data, func(one *reader) {
		one.from, one.to = 0, 0
		if !b.view.GetMore() {
			one.complete = b.to()
		}
	})
}

// wanted reports whether an entry is worth a packet.
func (b *bundle) wanted(e group.Entry, r delivery.Recipient) bool {
	switch {
	case r.MentionsOnly:
		return concerns(e, r.Member, b.authors)
	case e.Deleted:
		return e.DeletedBy != r.Member.Identity
	}
	return e.Author != r.Member.Identity
}

// bundle makes the page that begins at a rev, for everybody.
func (c *noticeCourier) bundle(ctx context.Context, from group.Rev) (bundle, error) {
	return c.bundles.get(ctx, from, func() (bundle, error) {
		info, err := c.server.hub.Info(ctx, group.Caller{Local: true}, c.server.group)
		if err != nil {
			return bundle{}, err
		}
		b, err := c.render(ctx, group.Caller{Local: true}, group.Query{AfterRev: from}, nil)
		if err != nil {
			return bundle{}, err
		}
		b.open = info.Policy.History == moderation.HistoryAll
		b.authors, err = c.answered(ctx, b.entries)
		return b, err
	})
}

// ownBundle makes the page that begins at a rev as one member sees it.
func (c *noticeCourier) ownBundle(ctx context.Context, r delivery.Recipient, from, complete group.Rev) (bundle, error) {
	var leave func(group.Entry) bool
	if r.MentionsOnly {
		// His page leaves out much, so it reaches further than everybody's.
		far, err := c.server.hub.Messages(ctx, group.Caller{Local: true}, c.server.group, group.Query{AfterRev: from, Limit: group.MaxPage})
		if err != nil {
			return bundle{}, err
		}
		authors, err := c.answered(ctx, far.Entries)
		if err != nil {
			return bundle{}, err
		}
		leave = func(e group.Entry) bool { return !e.Deleted && !concerns(e, r.Member, authors) }
	}
	caller := group.Caller{Identity: r.Member.Identity, PublicKey: r.Member.PublicKey}
	own, err := c.render(ctx, caller, group.Query{AfterRev: from, Complete: complete}, leave)
	if err == nil && own.to() <= r.After && from < r.After {
		own, err = c.render(ctx, caller, group.Query{AfterRev: r.After, Complete: complete}, leave)
	}
	return own, err
}

// urgentPage makes a page of the emergencies alone, where they are not among the first that the member is sent anyway. The cursor stays.
func (c *noticeCourier) urgentPage(ctx context.Context, r delivery.Recipient, way delivery.Way) (p delivery.Parcel, ok bool, err error) {
	urgent, err := c.emergencies(ctx, r)
	if err != nil || len(urgent) == 0 {
		return p, false, err
	}
	first, err := c.bundle(ctx, r.After)
	if err != nil {
		return p, false, err
	}
	q := group.Query{}
	for _, e := range urgent {
		if !slices.ContainsFunc(first.entries, func(f group.Entry) bool { return f.Seq == e.Seq }) {
			q.Seqs = append(q.Seqs, e.Seq)
		}
	}
	if len(q.Seqs) == 0 {
		return p, false, nil
	}
	b, err := c.render(ctx, group.Caller{Identity: r.Member.Identity, PublicKey: r.Member.PublicKey}, q, nil)
	if err != nil {
		return p, false, err
	}
	p, err = c.parcel(r, way, r.After, b.data, nil)
	return p, true, err
}

// render makes one notice with a page.
func (c *noticeCourier) render(ctx context.Context, caller group.Caller, q group.Query, leave func(group.Entry) bool) (bundle, error) {
	k, err := c.server.pack.borrow(ctx)
	if err != nil {
		return bundle{}, err
	}
	defer c.server.pack.giveBack(k)
	request := &groupdv1.MessagesRequest{}
	if len(q.Seqs) == 0 {
		after := uint64(q.AfterRev)
		request.AfterRev = &after
	}
	rd := &reading{
		hub: c.server.hub, group: c.server.group, caller: caller, query: q, request: request, leave: leave, most: group.MaxPage, rows: group.MaxPage,
		encode: func(v *groupdv1.PageView) ([]byte, error) {
			return k.sealView(v, []groupdv1.Codec{groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1})
		},
	}
	b := bundle{oldest: math.MaxInt64}
	if b.filled, err = rd.fill(ctx, groupdv1.MaxNoticePage); err != nil {
		return b, err
	}
	for _, e := range b.page.Entries {
		if len(q.Seqs) > 0 || uint64(e.Rev) <= b.view.GetToRev() {
			b.entries, b.oldest = append(b.entries, e), min(b.oldest, e.Written)
		}
	}
	b.data = c.seal(groupdv1.NoticePage, b.encoded)
	return b, nil
}
