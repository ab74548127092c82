package requests

import (
	"context"
	"strings"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// What is kept free for each item of a batch that has not run yet, in bytes: its tag and length, and a status that is only a code.
const (
	itemReserve     = 16
	jsonItemReserve = 112
	batchFrame      = 16 // what stands around the items in JSON
)

// batch answers /batch: its items run one after the other, each with its own status, and share the bytes of one reply.
func (s *Server) batch(ctx context.Context, c *call, q *groupdv1.BatchRequest) (*groupdv1.BatchReply, []byte, error) {
	items := q.GetItems()
	if c.nested {
		return nil, nil, invalid("items", "a batch cannot be in a batch")
	}
	if len(items) > MaxBatch {
		return nil, nil, &group.Error{Kind: group.KindTooLarge, Op: "batch", Field: "items", Msg: "too many requests in one batch", Limit: MaxBatch}
	}
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	reserve := itemReserve
	if c.json {
		reserve = jsonItemReserve
	}
	// Checked before anything runs, so that no item runs whose status could not be told.
	if least := batchFrame + reserve*len(items); budget < least {
		return nil, nil, noRoom(least)
	}
	reply := &groupdv1.BatchReply{}
	used := 0
	for i, it := range items {
		free := budget - used - reserve*(len(items)-i-1)
		if c.json {
			free -= batchFrame
		}
		nested := &call{
			form: form{json: it.GetJson() != ""}, caller: c.caller, path: strings.TrimPrefix(it.GetPath(), Prefix), nested: true,
			room: max(free-itemReserve, 0), line: c.line,
		}
		if c.json {
			nested.room = max(free-jsonItemReserve, 0) / 2 // a string in JSON has every quote escaped, and bytes grow by a third
		}
		nested.most = nested.room
		body := it.GetData()
		if nested.json {
			body = []byte(it.GetJson())
		}
		done := s.serve(ctx, nested, body)
		// The largest form that leaves the items to come their reserve.
		reply.Items = append(reply.Items, nil)
		for _, form := range itemForms(nested, done) {
			reply.Items[i] = form
			encoded, err := c.encode(reply)
			if err != nil {
				return nil, nil, err
			}
			if used = len(encoded); used <= budget-reserve*(len(items)-i-1) {
				break
			}
		}
	}
	return reply, nil, nil
}

// itemForms lists ways to tell how an item ended, from all of it to its code alone.
func itemForms(c *call, done served) []*groupdv1.BatchReply_Item {
	item := func(encoded []byte, cut int) *groupdv1.BatchReply_Item {
		it := &groupdv1.BatchReply_Item{CutBytes: uint64(cut)}
		if c.json {
			it.Json = string(encoded)
		} else {
			it.Data = encoded
		}
		return it
	}
	// Every reply has its status in the same field, so any reply message can tell one.
	status := func(st *groupdv1.Status) []byte { return c.encodeStatus(&groupdv1.Ack{}, st) }

	forms := []*groupdv1.BatchReply_Item{item(done.encoded, 0)}
	cut := 0
	st := done.status
	if st == nil {
		cut = len(done.encoded)
		if done.effect == changes {
			empty, err := c.encode(&groupdv1.Ack{})
			if err != nil {
				empty = nil
			}
			return append(forms, item(empty, cut))
		}
		st = statusOf(noRoom(cut))
	}
	return append(forms, item(status(withoutWords(st)), cut), item(status(&groupdv1.Status{Code: st.GetCode()}), cut))
}
