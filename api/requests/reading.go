package requests

import (
	"context"
	"slices"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// maxTries bounds how often one page is read again because it came out smaller than it was read.
const maxTries = 20

// reading fills one page with as much as fits.
type reading struct {
	hub     Hub
	group   group.GroupID
	caller  group.Caller
	query   group.Query
	request *groupdv1.MessagesRequest                // how rows are shown
	leave   func(e group.Entry) bool                 // entries that are only counted, of a page by rev; nil: none
	most    int                                      // entries
	rows    int                                      // read at once
	encode  func(*groupdv1.PageView) ([]byte, error) // makes the whole of what is sent
}

// filled is a page and what it was made of.
type filled struct {
	encoded []byte
	view    *groupdv1.PageView // what is in it; a text that was shortened is whole here
	page    group.Page         // read for it; it may reach further than the view
}

// read asks the domain for a page of query.Limit rows and lays out at most most entries of it.
func (r *reading) read(ctx context.Context) (group.Page, *entryList, error) {
	page, err := r.hub.Messages(ctx, r.caller, r.group, r.query)
	if err != nil {
		return page, nil, err
	}
	l := listOf(page, r.query, r.request, r.leave)
	l.keep(r.most)
	return page, l, nil
}

// fill makes the page of at most budget bytes.
func (r *reading) fill(ctx context.Context, budget int) (filled, error) {
	// How many rows fit is known only when they are packed, so the first guess at how many to read is a low one.
	rows := r.rows
	r.query.Limit = min(rows, min(max(budget/16, 8), 64))
	if len(r.query.Seqs) > 0 {
		r.query.Limit, rows = len(r.query.Seqs), len(r.query.Seqs)
	}
	exact := false
	for tries := 0; ; tries++ {
		page, l, err := r.read(ctx)
		if err != nil {
			return filled{}, err
		}
		encoded, n, fits, err := l.pack(budget, r.encode)
		switch {
		case err != nil:
			return filled{}, err
		case n == len(l.items) && fits && page.More && r.query.Limit < rows && l.entries() < r.most && !exact && tries < maxTries:
			r.query.Limit = min(rows, r.query.Limit*2)
			continue
		case n < len(l.items) && page.Omitted > 0 && r.query.Limit > 1 && tries < maxTries:
			// The domain counted what its filter left out in the range it read, and that range has become smaller.
			r.query.Limit, exact = min(max(n, 1), r.query.Limit-1), true
			continue
		case !fits:
			return filled{}, noRoom(len(encoded))
		}
		if first := slices.IndexFunc(l.items, func(it item) bool { return !it.filtered() }); n == 0 && first >= 0 {
			n = first + 1 // the first item of substance, shortened
		}
		return filled{encoded: encoded, view: l.view(n), page: page}, nil
	}
}
