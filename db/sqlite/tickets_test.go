package sqlite

import (
	"context"
	"iter"
	"reflect"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

func keptTickets(t *testing.T, s interface {
	Tickets(context.Context) iter.Seq2[lxmf.TicketPair, error]
}) map[rns.DestinationHash]lxmf.TicketPair {
	t.Helper()
	all := make(map[rns.DestinationHash]lxmf.TicketPair)
	for p, err := range s.Tickets(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[p.Peer] = p
	}
	return all
}

func TestTicketsSurviveARestart(t *testing.T) {
	t.Parallel()
	db := openTest(t, "")
	both := lxmf.TicketPair{
		Delivery: rns.DestinationHash{1}, Peer: rns.DestinationHash{2}, Delivered: time.Unix(1700000000, 5000).UTC(),
		Issued:   []lxmf.Ticket{{Expires: 1700000000.25, Value: [16]byte{3}}, {Expires: 1700009000.5, Value: [16]byte{4}}},
		Received: lxmf.Ticket{Expires: 1800000000.125, Value: [16]byte{5}},
	}
	ours, theirs, gone := both, both, both
	ours.Peer, ours.Received = rns.DestinationHash{6}, lxmf.Ticket{}
	theirs.Peer, theirs.Issued, theirs.Delivered = rns.DestinationHash{7}, nil, time.Time{}
	gone.Peer = rns.DestinationHash{8}
	memory := new(lxmf.MemoryStore)
	for _, s := range []lxmf.Store{db.LXMFStore(), memory} {
		if err := s.PutTickets(t.Context(), gone, ours, theirs); err != nil {
			t.Fatal(err)
		}
		older := both
		older.Issued = older.Issued[:1]
		empty := lxmf.TicketPair{Delivery: gone.Delivery, Peer: gone.Peer, Delivered: gone.Delivered}
		for _, p := range []lxmf.TicketPair{older, both, empty, {Delivery: rns.DestinationHash{9}, Peer: rns.DestinationHash{9}}} {
			if err := s.PutTickets(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := reopened(t, db)
	want := map[rns.DestinationHash]lxmf.TicketPair{both.Peer: both, ours.Peer: ours, theirs.Peer: theirs}
	for what, got := range map[string]map[rns.DestinationHash]lxmf.TicketPair{
		"database": keptTickets(t, again.LXMFStore()), "memory": keptTickets(t, memory),
	} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %+v, want %+v", what, got, want)
		}
	}
}
