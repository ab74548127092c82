package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/interfaces"
)

// TestVectorsPathRequests holds C-140, C-142.
func TestVectorsPathRequests(t *testing.T) {
	vectors.Run(t, "path_requests", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "request":
			d, tag := DestinationHash(c.In.Hash16("destination_hash")), c.In.Bytes("tag")
			var self *IdentityHash
			if c.In.Has("transport_id") {
				id := IdentityHash(c.In.Hash16("transport_id"))
				self = &id
			}
			p := newPathRequest(d, self, tag)
			c.Out.CheckBytes("request_destination_hash", p.Destination[:])
			c.Out.CheckBytes("data", p.Data)
			c.Out.CheckBytes("raw", p.Append(nil))
			back, ok := parsePathRequest(p.Data)
			if !ok || back.destination != d || !bytes.Equal(back.tag.tag[:back.tag.length], tag) {
				t.Errorf("read back: %+v", back)
			}
		case "read":
			r, ok := parsePathRequest(c.In.Bytes("data"))
			if ok != c.Valid {
				t.Fatalf("read: %v, valid: %v (%s)", ok, c.Valid, c.Reason)
			}
			if !ok {
				return
			}
			c.Out.CheckBytes("destination_hash", r.destination[:])
			c.Out.CheckBytes("tag", r.tag.tag[:r.tag.length])
			c.Out.CheckBytes("unique_tag", append(r.tag.destination[:], r.tag.tag[:r.tag.length]...))
			if c.Out.Has("transport_id") {
				c.Out.CheckBytes("transport_id", r.requester[:])
			} else if !r.requester.IsZero() {
				t.Errorf("transport id %s", r.requester)
			}
		default:
			t.Fatalf("kind %s", c.Kind)
		}
	})
}

func FuzzPathRequest(f *testing.F) {
	for _, c := range vectors.Load(f, "path_requests") {
		if c.Kind == "read" {
			f.Add(c.In.Bytes("data"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, ok := parsePathRequest(data)
		if ok != (len(data) > 16) {
			t.Fatalf("ok %v for %d bytes", ok, len(data))
		}
		if ok && (r.tag.length == 0 || r.tag.length > 16 || r.tag.destination != r.destination) {
			t.Fatalf("%+v", r)
		}
	})
}

// TestPathRequestDestination holds C-025.
func TestPathRequestDestination(t *testing.T) {
	if got := HashDestination(nil, "rnstransport", "path", "request"); got != pathRequestDestination() {
		t.Errorf("%s, want %s", pathRequestDestination(), got)
	}
}

func TestPathIsAskedForOncePer20Seconds(t *testing.T) {
	m, table, d := tableEpoch(), newPathRequestTable(), DestinationHash{1}
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {0, false}, {20*time.Second - 1, false}, {20 * time.Second, true}, {39 * time.Second, false}, {41 * time.Second, true}} {
		if got := table.due(d, m.now.Add(c.after)); got != c.want {
			t.Errorf("after %v: %v", c.after, got)
		}
	}
	table.cull(m.now.Add(160 * time.Second))
	if !table.wanted(d) {
		t.Error("forgotten before 120 s")
	}
	table.cull(m.now.Add(161 * time.Second))
	if table.wanted(d) || table.order.Len() != 0 {
		t.Error("not forgotten after 120 s")
	}
	table.due(d, m.now)
	table.withdraw(d, m.now)
	if !table.due(d, m.now) {
		t.Error("a request that was not sent counts")
	}
}

func TestPathRequestTablesAreBounded(t *testing.T) {
	m, table, on := tableEpoch(), newPathRequestTable(), tableInterface("x", interfaces.ModeFull)
	name := func(i int) DestinationHash { return DestinationHash{byte(i), byte(i >> 8), byte(i >> 16)} }
	for i := range maxPathRequests + 10 {
		table.due(name(i), m.now)
	}
	if len(table.requested) != maxPathRequests || table.wanted(name(0)) || !table.wanted(name(maxPathRequests+9)) {
		t.Errorf("%d requests", len(table.requested))
	}
	var last *pathWaiter
	for i := range maxPathWaiters {
		last = &pathWaiter{destination: name(i % 3), found: make(chan struct{})}
		if !table.wait(last) {
			t.Fatal("no room for", i)
		}
	}
	if table.wait(&pathWaiter{}) {
		t.Error("one more waiter than the bound")
	}
	table.leave(last)
	table.leave(last)
	if table.waiting != maxPathWaiters-1 {
		t.Errorf("%d waiters", table.waiting)
	}
	for i := range 3 {
		table.found(name(i))
	}
	if table.waiting != 0 || len(table.waiters) != 0 {
		t.Errorf("%d waiters", table.waiting)
	}
	for i := range 5 * maxRequestTags {
		tag := requestTag{destination: name(i), length: 1}
		if !table.fresh(tag) || table.fresh(tag) {
			t.Fatal("tag", i)
		}
		if len(table.tags)+len(table.oldTags) > 2*maxRequestTags {
			t.Fatal("too many tags")
		}
	}
	for i := range maxAnswerWindows {
		if !table.mayAnswer(name(i), on, m.now) {
			t.Fatal("no answer for", i)
		}
	}
	if table.mayAnswer(name(maxAnswerWindows), on, m.now) {
		t.Error("one more window than the bound")
	}
	table.cull(m.now.Add(pathAnswerWindow))
	if len(table.answers) != 0 {
		t.Error("windows not forgotten")
	}
}

func TestPathAnswersAreLimitedPerInterface(t *testing.T) {
	m, table, d := tableEpoch(), newPathRequestTable(), DestinationHash{1}
	x, y := tableInterface("x", interfaces.ModeFull), tableInterface("y", interfaces.ModeFull)
	for i := range 20 {
		if got := table.mayAnswer(d, x, m.now); got != (i < pathAnswers) {
			t.Errorf("answer %d: %v", i, got)
		}
	}
	if !table.mayAnswer(d, y, m.now) || !table.mayAnswer(DestinationHash{2}, x, m.now) {
		t.Error("the limit of one holds for another")
	}
	if !table.mayAnswer(d, x, m.now.Add(pathAnswerWindow)) {
		t.Error("no answer in the next window")
	}
}
