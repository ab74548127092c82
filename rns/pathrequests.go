package rns

import (
	"container/list"
	"iter"
	"maps"
	"slices"
	"time"
)

const (
	// DefaultPathTimeout is how long [Transport.AwaitPath] waits when its context sets no deadline.
	DefaultPathTimeout = 15 * time.Second

	// pathRequestInterval is the least time between two requests of ours for the same destination.
	pathRequestInterval = 20 * time.Second
	// pathRequestRetry is when AwaitPath asks again after a request that no carrier took.
	pathRequestRetry = time.Second
	// maxPathAsked is how many destinations are asked for at once on an interface that comes up.
	maxPathAsked = 32
	// maxPathMissed is how many requests that no carrier took are remembered for when one comes up, for as long as
	// requests that were sent. More are not: who asks has an error.
	maxPathMissed = 64
	// pathRequestMemory is how long a request of ours is remembered: an announce for it is wanted (spec 1 §6.14).
	pathRequestMemory = 120 * time.Second
	// maxPathRequests bounds the requests remembered; when full, the oldest is forgotten.
	maxPathRequests = 4096
	// maxPathWaiters bounds the callers waiting for paths; one more is refused with ErrBusy.
	maxPathWaiters = 4096
	// maxRequestTags is how many (destination, tag) pairs each of two generations holds to recognise copies of
	// requests of others (the reference: 32 000 in one list).
	maxRequestTags = 4096

	// pathAnswers and pathAnswerWindow limit what strangers can make us transmit: so many answers per destination
	// of ours and interface, in each window.
	pathAnswers      = 8
	pathAnswerWindow = 10 * time.Second
	// maxAnswerWindows bounds the table of these windows; when full, requests over further interfaces wait for the
	// next sweep.
	maxAnswerWindows = 4096
)

// pathRequestTagLength is how much of a tag counts, in bytes; shorter ones are as good.
const pathRequestTagLength = 16

// requestTag is what recognises copies of one path request.
type requestTag struct {
	destination DestinationHash
	tag         [pathRequestTagLength]byte
	length      uint8
}

// pathRequest is a parsed path request.
type pathRequest struct {
	destination DestinationHash
	requester   TruncatedHash // transport id of the requesting transport node; zero when it is none
	tag         requestTag
}

// parsePathRequest reads the payload of a path request (spec 1 §6.14). More than 32 bytes hold a transport id before
// the tag. Payloads without tag are not ok; longer tags than 16 bytes are cut.
func parsePathRequest(data []byte) (r pathRequest, ok bool) {
	if len(data) <= TruncatedHashLength {
		return r, false
	}
	r.destination = DestinationHash(data[:TruncatedHashLength])
	tag := data[TruncatedHashLength:]
	if len(data) > 2*TruncatedHashLength {
		r.requester = TruncatedHash(tag[:TruncatedHashLength])
		tag = tag[TruncatedHashLength:]
	}
	r.tag.destination = r.destination
	r.tag.length = uint8(copy(r.tag.tag[:], tag))
	return r, true
}

// appendPathRequest appends the payload of a path request. self is our transport id, nil when we are no transport
// node.
func appendPathRequest(dst []byte, d DestinationHash, self *IdentityHash, tag []byte) []byte {
	dst = append(dst, d[:]...)
	if self != nil {
		dst = append(dst, self[:]...)
	}
	return append(dst, tag...)
}

// newPathRequest builds the packet that asks for a path.
func newPathRequest(d DestinationHash, self *IdentityHash, tag []byte) Packet {
	return Packet{
		DestinationType: DestinationPlain,
		PacketType:      PacketData,
		Destination:     pathRequestDestination(),
		Data:            appendPathRequest(nil, d, self, tag),
	}
}

// pathRequestTable holds our requests and those heard. It is owned by the loop.
type pathRequestTable struct {
	requested map[DestinationHash]*ownRequest
	order     list.List // of *ownRequest, oldest first
	waiters   map[DestinationHash]map[*pathWaiter]struct{}
	waiting   int
	missed    map[DestinationHash]time.Time // asked for in vain, and when

	tags, oldTags map[requestTag]struct{}
	answers       map[answerKey]*answerWindow
}

// ownRequest is a request of ours.
type ownRequest struct {
	destination DestinationHash
	at          time.Time
	on          []*attached // what took it; it may be gone
	place       *list.Element
}

// pathWaiter is a caller of AwaitPath. found is closed by the loop when there is a path.
type pathWaiter struct {
	destination DestinationHash
	found       chan struct{}
}

type answerKey struct {
	destination DestinationHash
	on          *attached
}

type answerWindow struct {
	began time.Time
	count int
}

func newPathRequestTable() pathRequestTable {
	return pathRequestTable{
		requested: make(map[DestinationHash]*ownRequest),
		waiters:   make(map[DestinationHash]map[*pathWaiter]struct{}),
		missed:    make(map[DestinationHash]time.Time),
		tags:      make(map[requestTag]struct{}),
		oldTags:   make(map[requestTag]struct{}),
		answers:   make(map[answerKey]*answerWindow),
	}
}

// due reports whether a request for d may be sent now, and if so notes it as sent.
func (t *pathRequestTable) due(d DestinationHash, now time.Time) bool {
	if t.recent(d, now) {
		return false
	}
	t.note(d, now, nil)
	return true
}

// note notes a request that is sent now on some interfaces. When there are too many, the oldest is forgotten.
func (t *pathRequestTable) note(d DestinationHash, now time.Time, on []*attached) {
	delete(t.missed, d)
	if r := t.requested[d]; r != nil {
		r.at, r.on = now, on
		t.order.MoveToBack(r.place)
		return
	}
	if len(t.requested) >= maxPathRequests {
		t.remove(t.order.Front().Value.(*ownRequest))
	}
	r := &ownRequest{destination: d, at: now, on: on}
	r.place = t.order.PushBack(r)
	t.requested[d] = r
}

// askedOn reports whether the last request for d went out on an interface.
func (t *pathRequestTable) askedOn(d DestinationHash, on *attached) bool {
	r := t.requested[d]
	return r != nil && slices.Contains(r.on, on)
}

// withdraw takes back a request that due noted and that could not be sent, and remembers that it was wanted.
func (t *pathRequestTable) withdraw(d DestinationHash, now time.Time) {
	if r := t.requested[d]; r != nil {
		t.remove(r)
	}
	if _, ok := t.missed[d]; ok || len(t.missed) < maxPathMissed {
		t.missed[d] = now
	}
}

// unanswered returns what is asked for on an interface that comes up: what somebody waits for, and what was asked for in vain.
func (t *pathRequestTable) unanswered() iter.Seq[DestinationHash] {
	return func(yield func(DestinationHash) bool) {
		for d := range t.waiters {
			if !yield(d) {
				return
			}
		}
		for d := range t.missed {
			if t.waiters[d] == nil && !yield(d) {
				return
			}
		}
	}
}

// wanted reports whether we asked for d lately.
func (t *pathRequestTable) wanted(d DestinationHash) bool { return t.requested[d] != nil }

// wait adds a waiter. It reports false when there are too many.
func (t *pathRequestTable) wait(w *pathWaiter) bool {
	if t.waiting >= maxPathWaiters {
		return false
	}
	if t.waiters[w.destination] == nil {
		t.waiters[w.destination] = make(map[*pathWaiter]struct{})
	}
	t.waiters[w.destination][w] = struct{}{}
	t.waiting++
	return true
}

// leave removes a waiter that gave up. It may have been served already.
func (t *pathRequestTable) leave(w *pathWaiter) {
	ws := t.waiters[w.destination]
	if _, ok := ws[w]; !ok {
		return
	}
	delete(ws, w)
	t.waiting--
	if len(ws) == 0 {
		delete(t.waiters, w.destination)
	}
}

// found wakes all who wait for d.
func (t *pathRequestTable) found(d DestinationHash) {
	for w := range t.waiters[d] {
		close(w.found)
		t.waiting--
	}
	delete(t.waiters, d)
}

// fresh reports whether a request heard is not a copy of one heard before, and remembers it.
func (t *pathRequestTable) fresh(tag requestTag) bool {
	if _, ok := t.tags[tag]; ok {
		return false
	}
	if _, ok := t.oldTags[tag]; ok {
		return false
	}
	if len(t.tags) >= maxRequestTags {
		t.tags, t.oldTags = t.oldTags, t.tags
		clear(t.tags)
	}
	t.tags[tag] = struct{}{}
	return true
}

// mayAnswer reports whether a request for our destination d may be answered on this interface now, and counts it.
func (t *pathRequestTable) mayAnswer(d DestinationHash, on *attached, now time.Time) bool {
	k := answerKey{d, on}
	w := t.answers[k]
	if w == nil {
		if len(t.answers) >= maxAnswerWindows {
			return false
		}
		w = &answerWindow{began: now}
		t.answers[k] = w
	}
	if now.Sub(w.began) >= pathAnswerWindow {
		w.began, w.count = now, 0
	}
	w.count++
	return w.count <= pathAnswers
}

// cull forgets what is over.
func (t *pathRequestTable) cull(now time.Time) {
	for e := t.order.Front(); e != nil; e = t.order.Front() {
		r := e.Value.(*ownRequest)
		if now.Sub(r.at) < pathRequestMemory {
			break
		}
		t.remove(r)
	}
	maps.DeleteFunc(t.missed, func(_ DestinationHash, at time.Time) bool { return now.Sub(at) >= pathRequestMemory })
	for k, w := range t.answers {
		if now.Sub(w.began) >= pathAnswerWindow {
			delete(t.answers, k)
		}
	}
}

func (t *pathRequestTable) remove(r *ownRequest) {
	delete(t.requested, r.destination)
	t.order.Remove(r.place)
}
