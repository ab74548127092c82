package lxmf

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"groupd/rns"
)

func ticketUntil(n byte, t time.Time) Ticket {
	return Ticket{Expires: Timestamp(t), Value: [TicketLength]byte{n}}
}

// X-092, and clocks that were wrong when a ticket was made or given.
func TestWhenATicketIsDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	in := func(d time.Duration) Ticket { return ticketUntil(1, now.Add(d)) }
	for what, c := range map[string]struct {
		pair  TicketPair
		fresh bool
		ok    bool
	}{
		"nothing yet":                     {TicketPair{}, true, true},
		"three weeks left":                {TicketPair{Issued: []Ticket{in(21 * day)}}, false, true},
		"more than two weeks left":        {TicketPair{Issued: []Ticket{in(14*day + time.Second)}}, false, true},
		"two weeks left":                  {TicketPair{Issued: []Ticket{in(14 * day)}}, true, true},
		"expired":                         {TicketPair{Issued: []Ticket{in(-day)}}, true, true},
		"had one a moment ago":            {TicketPair{Issued: []Ticket{in(day)}, Delivered: now.Add(-time.Second)}, false, false},
		"had one a day ago, almost":       {TicketPair{Issued: []Ticket{in(20 * day)}, Delivered: now.Add(time.Second - day)}, false, false},
		"had one a day ago":               {TicketPair{Issued: []Ticket{in(20 * day)}, Delivered: now.Add(-day)}, false, true},
		"the clock was a year ahead":      {TicketPair{Issued: []Ticket{in(380 * day)}, Delivered: now.Add(365 * day)}, true, true},
		"the clock was a minute ahead":    {TicketPair{Issued: []Ticket{in(21 * day)}, Delivered: now.Add(time.Minute)}, false, false},
		"the clock was in 1970":           {TicketPair{Issued: []Ticket{ticketUntil(1, time.Unix(1814400, 0))}, Delivered: time.Unix(1, 0)}, true, true},
		"an older one is still good":      {TicketPair{Issued: []Ticket{in(-day), in(20 * day)}}, false, true},
		"an odd one does not hide a good": {TicketPair{Issued: []Ticket{in(20 * day), in(380 * day)}}, false, true},
	} {
		if _, fresh, ok := c.pair.due(now); fresh != c.fresh || ok != c.ok {
			t.Errorf("%s: fresh %v, due %v", what, fresh, ok)
		}
	}
}

func TestAPeerHoldsABoundedNumberOfTickets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var p TicketPair
	for n := range 3 * MaxIssuedTickets {
		before := len(p.Issued)
		p.issue(ticketUntil(byte(n), now.Add(time.Duration(n)*time.Hour)))
		if len(p.Issued) != min(before+1, MaxIssuedTickets) {
			t.Fatalf("%d tickets", len(p.Issued))
		}
	}
	if first := p.Issued[0].Value[0]; first != 2*MaxIssuedTickets {
		t.Errorf("the oldest left is number %d", first)
	}
	p.revoke(p.Issued[1])
	if len(p.Issued) != MaxIssuedTickets-1 {
		t.Errorf("%d tickets after one was taken back", len(p.Issued))
	}
}

func TestExpiriesOfAnySizeAreTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		expires float64
		valid   bool
	}{{math.NaN(), false}, {math.Inf(-1), false}, {-1, false}, {0, false}, {1e300, true}, {math.Inf(1), true}, {Timestamp(now), false}, {Timestamp(now.Add(time.Millisecond)), true}} {
		if got := (Ticket{Expires: c.expires, Value: [TicketLength]byte{1}}).Valid(now); got != c.valid {
			t.Errorf("%v: valid %v", c.expires, got)
		}
	}
	var p TicketPair
	if !p.receive(now, Ticket{Expires: math.Inf(1), Value: [TicketLength]byte{1}}) || p.receive(now.Add(time.Minute), Ticket{Expires: math.Inf(1), Value: [TicketLength]byte{1}}) {
		t.Error("a ticket for ever is written again each time it comes")
	}
}

// A destination that is closed for good takes its tickets along, from storage too; others keep theirs.
func TestTicketsOfAClosedDestinationAreForgotten(t *testing.T) {
	t.Parallel()
	store := new(MemoryStore)
	r := &Router{store: store, config: RouterConfig{}}
	r.tickets.init(r)
	ours, others := rns.DestinationHash{1}, rns.DestinationHash{2}
	r.tickets.mu.Lock()
	for _, k := range []ticketKey{{delivery: ours, peer: rns.DestinationHash{3}}, {delivery: ours, peer: rns.DestinationHash{4}}, {delivery: others, peer: rns.DestinationHash{3}}} {
		r.tickets.pair(k).Received = ticketUntil(1, time.Now().Add(time.Hour))
		r.tickets.dirty[k], r.tickets.sending[k] = struct{}{}, MessageID{1}
	}
	r.tickets.mu.Unlock()
	r.tickets.flush(t.Context())
	r.tickets.forget(ours)
	r.tickets.flush(t.Context())
	var left []rns.DestinationHash
	for p, err := range store.Tickets(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, p.Delivery)
	}
	if len(left) != 1 || left[0] != others || r.tickets.len() != 1 || len(r.tickets.sending) != 1 {
		t.Errorf("in storage: %v; %d pairs, %d on their way", left, r.tickets.len(), len(r.tickets.sending))
	}
}

// The correspondents are bounded: those whose tickets end first are forgotten, in storage too.
func TestCorrespondentsWithTicketsAreBounded(t *testing.T) {
	t.Parallel()
	store := new(MemoryStore)
	r := &Router{store: store, config: RouterConfig{}}
	r.tickets.init(r)
	now := time.Now()
	peer := func(n int) (h rns.DestinationHash) {
		binary.BigEndian.PutUint32(h[:], uint32(n+1))
		return h
	}
	const more = 3
	r.tickets.mu.Lock()
	for n := range MaxTicketPairs + more {
		p := r.tickets.pair(ticketKey{peer: peer(n)})
		p.Received = ticketUntil(1, now.Add(time.Duration(n+1)*time.Second))
	}
	r.tickets.mu.Unlock()
	if n := r.tickets.len(); n != MaxTicketPairs {
		t.Errorf("%d pairs", n)
	}
	if forgotten := r.count.ticketsForgotten.Load(); forgotten != more {
		t.Errorf("%d forgotten", forgotten)
	}
	for n := range more {
		if r.tickets.pairs[ticketKey{peer: peer(n)}] != nil {
			t.Errorf("number %d is still there", n)
		}
		if _, told := r.tickets.dirty[ticketKey{peer: peer(n)}]; !told {
			t.Errorf("storage is not told of number %d", n)
		}
	}
}
