package requests

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"groupd/api/faults"
	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// Bounds of live pages.
const (
	// MaxStreams is how many links of one group may have live pages; a further one is told FULL.
	MaxStreams = 256
	// MaxStreamsEach is how many links of one identity may; a further one ends its oldest.
	MaxStreamsEach = 4
	// maxDeliveries is how often a page is sent without a proof before the stream ends.
	maxDeliveries = 5
	// liveRetry is the wait after the first time; it doubles.
	liveRetry = 2 * time.Second
	// minLivePage is the smallest page, in bytes: an entry's descriptor always fits it.
	minLivePage = MinReply
)

// line is what answers and live pages need of a link.
type line interface {
	// deliver sends a packet and waits: nil when it was proved, errUnproved when it was not. Other errors: the link is of no use any more.
	deliver(ctx context.Context, data []byte) error
	key() rns.LinkID
	room() int // bytes of a packet
	way() string
	// Turn waits until the caller may take a processor for long; call leave, once.
	Turn(ctx context.Context) (leave func(), err error)
}

// errUnproved: no proof came.
var errUnproved = errors.New("not proved")

// linkLine is the line of a link.
type linkLine struct{ *rns.Link }

func (l linkLine) key() rns.LinkID { return l.ID() }
func (l linkLine) room() int       { return l.MDU() }
func (l linkLine) way() string     { return l.InterfaceName() }

func (l linkLine) deliver(ctx context.Context, data []byte) error {
	receipt, err := l.Send(ctx, data)
	if err != nil {
		return err
	}
	select {
	case <-receipt.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	if receipt.Status() != rns.ReceiptDelivered {
		return errUnproved
	}
	return nil
}

// audience is the links that get live pages, the oldest first.
type audience struct {
	mu      sync.Mutex // leaf
	streams []*stream
}

// stream is the live pages on one link. One goroutine sends them: one page at a time, the next one after the proof. All that waits for a slow
// reader is his cursor.
type stream struct {
	server   *Server
	line     line
	caller   group.Caller
	form     form
	request  *groupdv1.SubscribeRequest
	complete group.Rev // here he had everything
	cursor   group.Rev
	wake     chan struct{} // capacity 1
	end      context.CancelFunc
}

// subscribe answers /subscribe: live pages on this link from now on. ctx is the link's life.
func (s *Server) subscribe(ctx context.Context, c *call, q *groupdv1.SubscribeRequest) (*groupdv1.SubscribeReply, []byte, error) {
	if c.line == nil {
		return nil, nil, &group.Error{Kind: group.KindUnsupported, Op: "subscribe", Msg: "live pages need a link"}
	}
	if q.GetOff() {
		s.audience.remove(c.line.key())
		return &groupdv1.SubscribeReply{}, nil, nil
	}
	head, generation, err := s.hub.Follow(ctx, c.caller, s.group)
	if err != nil {
		return nil, nil, err
	}
	if c.line.room() < minLivePage {
		return nil, nil, noRoom(minLivePage)
	}
	v := &stream{
		server: s, line: c.line, caller: c.caller, form: c.form, request: q, cursor: head.Rev, complete: head.Rev, wake: make(chan struct{}, 1),
	}
	if q.AfterRev != nil {
		v.cursor, v.complete = group.Rev(q.GetAfterRev()), group.Rev(q.GetCompleteRev())
	}
	life, end := context.WithCancel(ctx)
	v.end = end
	if !s.audience.add(v) {
		end()
		return nil, nil, &group.Error{Kind: group.KindFull, Op: "subscribe", Msg: "as many follow live as can: ask /messages now and then", Limit: MaxStreams}
	}
	go func() {
		defer end()
		defer s.audience.drop(v)
		defer func() { // as for requests: the stream ends, not the server
			if p := recover(); p != nil {
				s.faults.Note(ctx, faults.Panicked(p), "path", c.path, "group", string(s.group))
			}
		}()
		v.run(life)
	}()
	return &groupdv1.SubscribeReply{FromRev: uint64(v.cursor), Rev: uint64(head.Rev), Generation: uint64(generation)}, nil, nil
}

// add takes a stream in, in place of the one on its link, or of the oldest of its identity where that has too many.
func (a *audience) add(v *stream) bool {
	a.remove(v.line.key())
	a.mu.Lock()
	defer a.mu.Unlock()
	var own []*stream
	for _, other := range a.streams {
		if other.caller.Identity == v.caller.Identity {
			own = append(own, other)
		}
	}
	if len(own) >= MaxStreamsEach {
		a.cut(own[0])
	}
	if len(a.streams) >= MaxStreams {
		return false
	}
	a.streams = append(a.streams, v)
	return true
}

// cut ends a stream. The caller holds the lock.
func (a *audience) cut(v *stream) {
	v.end()
	a.streams = slices.DeleteFunc(a.streams, func(other *stream) bool { return other == v })
}

// remove ends the stream on a link, if there is one.
func (a *audience) remove(link rns.LinkID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.IndexFunc(a.streams, func(v *stream) bool { return v.line.key() == link }); i >= 0 {
		a.cut(a.streams[i])
	}
}

// drop forgets a stream that has ended.
func (a *audience) drop(v *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut(v)
}

// Changed lets live pages look whether there is anything new: something changed in the group, or may have. It never waits.
func (s *Server) Changed() {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	for _, v := range s.audience.streams {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

// Streams is how many links get live pages.
func (s *Server) Streams() int {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	return len(s.audience.streams)
}

// run sends pages until the reader may not read any more, does not prove, or ctx ends.
func (v *stream) run(ctx context.Context) {
	unproved := 0
	for {
		again, err := v.step(ctx)
		switch {
		case errors.Is(err, errUnproved):
			if unproved++; unproved == maxDeliveries {
				return
			}
			if !wait(ctx, liveRetry<<(unproved-1)) {
				return
			}
		case err != nil:
			v.server.log.Debug("live pages end", "group", string(v.server.group), "err", err)
			return
		case again:
			unproved = 0
		default:
			unproved = 0
			select {
			case <-v.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

// wait reports whether a time has passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// step sends the next page, if anything is new, and tells whether there is more.
func (v *stream) step(ctx context.Context) (more bool, err error) {
	head, _, err := v.server.hub.Follow(ctx, v.caller, v.server.group)
	if err != nil || head.Rev <= v.cursor {
		return false, err
	}
	if room := v.server.air; room != nil {
		for w := room(v.line.way(), v.line.room()); w > 0; w = room(v.line.way(), v.line.room()) {
			if !wait(ctx, w) {
				return false, ctx.Err()
			}
		}
	}
	page, err := v.page(ctx)
	if err != nil {
		return false, err
	}
	view := page.view
	if len(view.GetEntries()) == 0 && len(view.GetMembers()) == 0 && view.GetGroup() == nil && !view.GetMore() {
		return false, nil // events that he does not want ride along with the next page
	}
	v.server.told(v.line.way(), v.caller.Identity, len(page.encoded)) // before, so that others wait for it
	if err := v.line.deliver(ctx, page.encoded); err != nil {
		return false, err
	}
	v.cursor = group.Rev(view.GetToRev())
	if !view.GetMore() {
		v.complete = v.cursor
	}
	return view.GetMore(), nil
}

// page makes the page after the cursor.
func (v *stream) page(ctx context.Context) (filled, error) {
	k, err := v.server.pack.borrow(ctx)
	if err != nil {
		return filled{}, err
	}
	defer v.server.pack.giveBack(k)
	after := uint64(v.cursor)
	r := &reading{
		hub: v.server.hub, group: v.server.group, caller: v.caller, query: group.Query{AfterRev: v.cursor, Complete: v.complete},
		request: &groupdv1.MessagesRequest{AfterRev: &after, Headlines: v.request.GetHeadlines()}, most: group.MaxPage, rows: group.MaxPage,
		encode: func(view *groupdv1.PageView) ([]byte, error) {
			if v.form.json {
				c := call{form: v.form}
				return c.encodePage(k, nil, view)
			}
			return k.sealView(view, v.request.GetAccept())
		},
	}
	if v.request.GetNoEvents() {
		r.leave = func(e group.Entry) bool { return !e.Kind.Authored() }
	}
	return r.fill(ctx, v.line.room())
}
