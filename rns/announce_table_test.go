package rns

import (
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// heardFor is an announce of destination number d over hops, for tables that look no further.
func heardFor(d byte, hops int, on *attached) *heardAnnounce {
	return &heardAnnounce{destination: DestinationHash{d, d}, hops: hops, on: on}
}

// TestAnnounceIsPassedOnTwice: C-115.
func TestAnnounceIsPassedOnTwice(t *testing.T) {
	now, table := time.Unix(1e9, 0), newAnnounceTable(10)
	table.relay(heardFor(1, 3, nil), 300*time.Millisecond, false, now)
	for _, c := range []struct {
		at   time.Duration
		sent int
	}{
		{299 * time.Millisecond, 0}, {300 * time.Millisecond, 1}, {time.Second, 0}, {5799 * time.Millisecond, 0},
		{5800 * time.Millisecond, 1}, {time.Hour, 0},
	} {
		if out := table.due(now.Add(c.at)); len(out) != c.sent || c.sent == 1 && out[0].hops != 3 {
			t.Errorf("after %v: %d sent, want %d", c.at, len(out), c.sent)
		}
	}
	if len(table.relays) != 0 || table.order.len() != 0 {
		t.Error("the entry is still there")
	}
	table.relay(heardFor(2, 0, nil), 0, true, now)
	if len(table.due(now)) != 1 || table.order.len() != 0 {
		t.Error("the announce of a local client is not sent once and at once")
	}
}

// TestNeighboursMakeTheSecondTimeNeedless: C-116, C-117.
func TestNeighboursMakeTheSecondTimeNeedless(t *testing.T) {
	on := tableInterface("x", interfaces.ModeFull)
	for _, c := range []struct {
		name   string
		before []int // hops of copies heard before we sent it first
		after  []int
		again  bool
	}{
		{"nobody", nil, nil, true},
		{"one at our distance", nil, []int{4}, true},
		{"two at our distance", nil, []int{4, 4}, false},
		{"two at our distance, one of them before", []int{4}, []int{4}, false},
		{"two at our distance, both before", []int{4, 4}, nil, true},
		{"one further away", nil, []int{5}, false},
		{"one further away, before", []int{5}, nil, true},
		{"one much further away", nil, []int{6}, true},
	} {
		now, table := time.Unix(1e9, 0), newAnnounceTable(10)
		d := heardFor(1, 3, nil)
		table.relay(d, time.Second, false, now)
		for _, hops := range c.before {
			table.overheard(d.destination, on, hops, now)
		}
		if len(table.due(now.Add(time.Second))) != 1 {
			t.Errorf("%s: not sent at all", c.name)
		}
		for _, hops := range c.after {
			table.overheard(d.destination, on, hops, now.Add(2*time.Second))
		}
		if got := len(table.due(now.Add(time.Minute))) == 1; got != c.again {
			t.Errorf("%s: sent again: %v", c.name, got)
		}
	}
}

// TestDueAnnouncesLeaveInTheOrderOfTheirHops: C-118.
func TestDueAnnouncesLeaveInTheOrderOfTheirHops(t *testing.T) {
	now, table := time.Unix(1e9, 0), newAnnounceTable(100)
	for i := range 50 {
		table.relay(heardFor(byte(i), i*7%50, nil), time.Duration(i)*time.Millisecond, false, now)
	}
	out := table.due(now.Add(time.Second))
	for i, s := range out {
		if s.hops != i {
			t.Fatalf("announce %d has %d hops", i, s.hops)
		}
	}
	if len(out) != 50 {
		t.Errorf("%d sent", len(out))
	}
}

// TestPathAnswerDoesNotDisplaceAnAnnounce: C-151, C-181.
func TestPathAnswerDoesNotDisplaceAnAnnounce(t *testing.T) {
	now, table := time.Unix(1e9, 0), newAnnounceTable(10)
	x, y := tableInterface("x", interfaces.ModeFull), tableInterface("y", interfaces.ModeFull)
	d := heardFor(1, 2, x)
	table.relay(d, 500*time.Millisecond, false, now)
	for range 3 {
		table.answer(d.destination, x, 2, now.Add(pathAnswerGrace))
	}
	table.answer(d.destination, y, 2, now.Add(pathAnswerGrace))
	table.overheard(d.destination, x, 3, now) // one neighbour answered, too: the asker may not have heard it
	out := table.due(now.Add(pathAnswerGrace))
	if len(out) != 2 || out[0].on == nil || out[1].on == nil {
		t.Fatalf("%d answers", len(out))
	}
	if out := table.due(now.Add(time.Minute)); len(out) != 1 || out[0].on != nil {
		t.Error("the announce is not passed on")
	}
	table.answer(d.destination, x, 2, now.Add(time.Hour))
	table.overheard(d.destination, y, 3, now)
	table.overheard(d.destination, y, 3, now)
	table.overheard(d.destination, x, 3, now)
	if len(table.answers) != 1 {
		t.Error("copies on another interface count")
	}
	table.overheard(d.destination, x, 3, now)
	if len(table.answers) != 0 || len(table.asked) != 0 {
		t.Error("answered although two neighbours did")
	}
	table.answer(d.destination, x, 2, now.Add(time.Hour))
	table.detach(x)
	if len(table.answers) != 0 {
		t.Error("an answer to nobody waits")
	}
}

func TestAnnounceTableIsBounded(t *testing.T) {
	now, table := time.Unix(1e9, 0), newAnnounceTable(100)
	on := tableInterface("x", interfaces.ModeFull)
	for i := range 1000 {
		a := heardFor(0, 1, on)
		a.destination = DestinationHash{1, byte(i), byte(i >> 8)}
		table.relay(a, 0, false, now)
		table.answer(a.destination, on, 1, now)
	}
	if len(table.relays) != 100 || len(table.answers) != 100 || table.order.len() != 200 || table.full != 1800 {
		t.Errorf("%d announces, %d answers, %d refused", len(table.relays), len(table.answers), table.full)
	}
	table.due(now)
	table.due(now.Add(time.Minute))
	if table.order.len()+len(table.relays)+len(table.answers)+len(table.asked) != 0 {
		t.Error("something stays")
	}
}
