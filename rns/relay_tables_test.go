package rns

import (
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestProofsFindTheirWayBack: C-102, C-103, the table.
func TestProofsFindTheirWayBack(t *testing.T) {
	now, table := time.Unix(1e9, 0), newReverseTable(10)
	in, out, other := tableInterface("in", interfaces.ModeFull), tableInterface("out", interfaces.ModeFull), tableInterface("other", interfaces.ModeFull)
	hash := TruncatedHash{1}
	table.add(hash, in, out, now)
	if _, ok := table.take(hash, other, now); ok {
		t.Error("a proof from elsewhere is passed on")
	}
	if to, ok := table.take(hash, out, now.Add(reverseTime)); !ok || to != in {
		t.Error("the bogus proof took the way of the real one")
	}
	if _, ok := table.take(hash, out, now); ok {
		t.Error("twice")
	}
	table.add(hash, in, out, now)
	if _, ok := table.take(hash, out, now.Add(reverseTime+1)); ok {
		t.Error("after 480 s")
	}
	table.cull(now.Add(reverseTime + 1))
	if len(table.entries) != 0 {
		t.Error("not forgotten after 480 s")
	}
	table.add(hash, in, out, now)
	table.add(TruncatedHash{2}, other, in, now)
	table.add(TruncatedHash{3}, other, out, now)
	table.detach(in)
	if len(table.entries) != 1 || len(table.orders) != 1 {
		t.Error("packets of an interface that is gone stay")
	}
}

func TestReverseTableIsBoundedAndFair(t *testing.T) {
	now, table := time.Unix(1e9, 0), newReverseTable(100)
	quiet, loud, out := tableInterface("quiet", interfaces.ModeFull), tableInterface("loud", interfaces.ModeFull), tableInterface("out", interfaces.ModeFull)
	for i := range 10 {
		table.add(TruncatedHash{1, byte(i)}, quiet, out, now)
	}
	for i := range 10000 {
		table.add(TruncatedHash{2, byte(i), byte(i >> 8)}, loud, out, now)
	}
	if len(table.entries) != 100 || table.orders[quiet].Len() != 10 || table.evicted != 9910 {
		t.Errorf("%d entries, %d of the quiet one", len(table.entries), table.orders[quiet].Len())
	}
	for i := range 20 {
		table.add(TruncatedHash{3, byte(i)}, quiet, out, now)
	}
	if len(table.entries) != 100 || table.orders[quiet].Len() != 30 {
		t.Error("the quiet one gets no room")
	}
}

// TestLinkPacketsGoWhereTheyBelong: C-106, L-144.
func TestLinkPacketsGoWhereTheyBelong(t *testing.T) {
	in, out, other := tableInterface("in", interfaces.ModeFull), tableInterface("out", interfaces.ModeFull), tableInterface("other", interfaces.ModeFull)
	l := &relayedLink{in: in, out: out, taken: 2, remaining: 3}
	for _, c := range []struct {
		on   *attached
		hops int
		want *attached
	}{
		{in, 2, out}, {in, 3, nil}, {in, 1, nil}, {out, 3, in}, {out, 2, nil}, {out, 4, nil}, {other, 2, nil}, {other, 3, nil},
	} {
		if got := l.route(c.on, c.hops); got != c.want {
			t.Errorf("from %s over %d hops: %v", c.on.label, c.hops, got)
		}
	}
	same := &relayedLink{in: in, out: in, taken: 2, remaining: 3}
	for hops, want := range []*attached{nil, nil, in, in, nil} {
		if got := same.route(in, hops); got != want {
			t.Errorf("same interface, %d hops: %v", hops, got)
		}
	}
	if same.route(out, 2) != nil {
		t.Error("from elsewhere")
	}
}

// TestRelayedLinksExpire: C-108, L-146.
func TestRelayedLinksExpire(t *testing.T) {
	now, table := time.Unix(1e9, 0), newLinkTable(10)
	on := tableInterface("x", interfaces.ModeFull)
	slow := &relayedLink{id: LinkID{1}, in: on, out: on, used: now, proofBy: now.Add(20 * time.Second)}
	quick := &relayedLink{id: LinkID{2}, in: on, out: on, used: now, proofBy: now.Add(10 * time.Second)}
	proved := &relayedLink{id: LinkID{3}, in: on, out: on, used: now, proofBy: now.Add(5 * time.Second)}
	for _, l := range []*relayedLink{slow, quick, proved} {
		table.add(l)
	}
	table.validate(proved, now)
	table.validate(proved, now)
	if table.failed(now.Add(9*time.Second)) != nil || table.failed(now.Add(10*time.Second)) != quick {
		t.Error("links that are not proved fail at the wrong time")
	}
	if at, ok := table.next(); !ok || !at.Equal(slow.proofBy) {
		t.Error("next")
	}
	table.touch(proved, now.Add(time.Minute))
	table.cull(now.Add(time.Minute + relayedLinkTime))
	if table.lookup(proved.id, now.Add(time.Minute+relayedLinkTime)) == nil {
		t.Error("forgotten too early")
	}
	if table.lookup(proved.id, now.Add(time.Minute+relayedLinkTime+1)) != nil || len(table.entries) != 1 || table.active.Len() != 0 {
		t.Error("remembered for too long")
	}
	table.detach(on)
	if len(table.entries)+table.pending.len() != 0 {
		t.Error("links of an interface that is gone stay")
	}
}

func TestRelayedLinksAreBounded(t *testing.T) {
	now, table := time.Unix(1e9, 0), newLinkTable(100)
	on, other := tableInterface("x", interfaces.ModeFull), tableInterface("y", interfaces.ModeFull)
	for i := range 50 {
		l := &relayedLink{id: LinkID{1, byte(i)}, in: on, out: on, used: now, proofBy: now.Add(time.Minute)}
		table.add(l)
		table.validate(l, now)
	}
	for i := range 1000 {
		table.add(&relayedLink{id: LinkID{2, byte(i), byte(i >> 8)}, in: on, out: on, proofBy: now.Add(time.Minute)})
	}
	if len(table.entries) != 100 || table.active.Len() != 50 || table.evicted != 950 {
		t.Errorf("%d links, %d proved, %d evicted", len(table.entries), table.active.Len(), table.evicted)
	}
	if table.add(&relayedLink{id: LinkID{1, 7}, in: on, out: on}) {
		t.Error("a changed copy of a request takes a link over that is proved")
	}
	if table.add(&relayedLink{id: LinkID{2, byte(999 & 0xff), byte(999 >> 8)}, in: other, out: on}) {
		t.Error("a copy from elsewhere takes a link over")
	}
	if !table.add(&relayedLink{id: LinkID{2, byte(999 & 0xff), byte(999 >> 8)}, in: on, out: on}) || len(table.entries) != 100 {
		t.Error("a repeated request is refused")
	}
}

func TestDiscoveriesAreSingleBoundedAndEnd(t *testing.T) {
	now, table := time.Unix(1e9, 0), newDiscoveryTable(100)
	x, y := tableInterface("x", interfaces.ModeGateway), tableInterface("y", interfaces.ModeGateway)
	d := DestinationHash{1}
	if !table.begin(d, x, now) || table.begin(d, y, now.Add(14*time.Second)) || table.waiting(d, now.Add(14*time.Second)) != x {
		t.Error("C-148: a second search within 15 s")
	}
	if table.waiting(d, now.Add(15*time.Second)) != nil || !table.begin(d, y, now.Add(15*time.Second)) {
		t.Error("no search after 15 s")
	}
	for i := range 1000 {
		table.begin(DestinationHash{2, byte(i), byte(i >> 8)}, x, now.Add(16*time.Second))
	}
	if len(table.entries) != 100 || table.full != 901 {
		t.Errorf("%d searches, %d refused", len(table.entries), table.full)
	}
	table.detach(x)
	if len(table.entries) != 1 {
		t.Error("searches for nobody go on")
	}
	table.cull(now.Add(time.Minute))
	if len(table.entries)+table.order.Len() != 0 {
		t.Error("searches never end")
	}
}

func TestOwnRequestsAreSpacedAndMerged(t *testing.T) {
	now := time.Unix(1e9, 0)
	var q requestQueue
	for i := range 40 {
		q.add(queuedRequest{destination: DestinationHash{byte(i / 2)}})
	}
	if len(q.waiting) != 20 {
		t.Errorf("%d wait, want those of 20 destinations", len(q.waiting))
	}
	for i := range 40 {
		q.add(queuedRequest{destination: DestinationHash{1, byte(i)}})
	}
	if len(q.waiting) != maxQueuedRequests || q.dropped != 27 {
		t.Errorf("%d wait, %d dropped", len(q.waiting), q.dropped)
	}
	if _, ok := q.take(now); !ok {
		t.Error("the first waits")
	}
	if _, ok := q.take(now.Add(499 * time.Millisecond)); ok {
		t.Error("two at once")
	}
	if _, ok := q.take(now.Add(500 * time.Millisecond)); !ok {
		t.Error("the second waits for too long")
	}
}

// TestTunnelsKeepPaths: C-155, C-156, the table.
func TestTunnelsKeepPaths(t *testing.T) {
	now := time.Unix(1e9, 0)
	table, paths := newTunnelTable(10, 100), newPathTable(100)
	first, second := tableInterface("first", interfaces.ModeFull), tableInterface("second", interfaces.ModeFull)
	u := table.connect(TunnelID{1}, first, now)
	p := paths.learn(emission(1, now, 2, first), now)
	table.heard(u, p, paths.time(p.expires), now)
	table.detach(first)
	if u.on != nil || first.tunnel != nil || table.paths != 1 {
		t.Error("the tunnel is still on the connection that is gone")
	}
	if table.connect(TunnelID{1}, second, now.Add(time.Hour)) != u || u.on != second || second.tunnel != u || len(u.paths) != 1 {
		t.Error("not the same tunnel")
	}
	q := u.paths[DestinationHash{1}]
	if !paths.restores(q, nil, now) || paths.restores(q, nil, q.expires) {
		t.Error("a path is restored after its time, or never")
	}
	for _, c := range []struct {
		hops    int
		emitted time.Duration
		after   time.Duration
		want    bool
	}{
		{2, 0, 0, true}, {3, 0, 0, true}, {1, 0, 0, false}, {2, time.Second, 0, false}, {2, -time.Second, 0, true},
		{1, 0, 8 * 24 * time.Hour, true},
	} {
		other := newPathTable(10)
		current := other.learn(emission(2, now.Add(c.emitted), c.hops, second), now)
		if got := other.restores(q, current, now.Add(c.after)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	table.cull(now.Add(tunnelTime + time.Minute))
	if len(u.paths) != 0 || len(table.entries) != 1 {
		t.Error("paths of a tunnel do not end after 8 h")
	}
	table.cull(now.Add(time.Hour + tunnelTime))
	if len(table.entries) != 0 || second.tunnel != nil || table.paths != 0 {
		t.Error("tunnels do not end after 8 h")
	}
}

func TestTunnelsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	table, paths := newTunnelTable(10, 100), newPathTable(1000)
	on := tableInterface("x", interfaces.ModeFull)
	for i := range 100 {
		u := table.connect(TunnelID{byte(i)}, on, now)
		for j := range 20 {
			a := emission(1, now, 1, on)
			a.destination = DestinationHash{byte(i), byte(j)}
			table.heard(u, paths.learn(a, now), now, now)
		}
	}
	if len(table.entries) != 10 || table.order.Len() != 10 || table.evicted != 90 || table.paths > 100 || table.full == 0 {
		t.Errorf("%d tunnels, %d paths", len(table.entries), table.paths)
	}
	n := 0
	for _, u := range table.entries {
		n += len(u.paths)
		if u.on != nil && u.on.tunnel != u {
			t.Error("an interface is on two tunnels")
		}
	}
	if n != table.paths {
		t.Errorf("%d paths, counted %d", n, table.paths)
	}
}
