package lxmf

import (
	"context"
	"iter"
	"slices"
	"time"

	"groupd/rns"
)

// TicketStore keeps tickets. A ticket that was given out must not be forgotten: its holder makes no stamps while he trusts
// in it, and his messages would be refused.
type TicketStore interface {
	// PutTickets replaces, in one durable transaction, what is kept for each of the pairs; one without any tickets is
	// forgotten.
	PutTickets(ctx context.Context, pairs ...TicketPair) error
	// Tickets yields all pairs, in any order. It is read once, at start; the router bounds their number.
	Tickets(ctx context.Context) iter.Seq2[TicketPair, error]
}

// TicketPair is the tickets between one of our deliveries and one other address. All of them are secrets of the two.
type TicketPair struct {
	Delivery, Peer rns.DestinationHash
	// Issued are the tickets that we gave the peer, at most [MaxIssuedTickets], and Delivered when he last had one.
	Issued    []Ticket
	Delivered time.Time
	// Received is the one that he gave us; zero: none.
	Received Ticket
}

// empty reports whether there is no ticket.
func (p *TicketPair) empty() bool { return len(p.Issued) == 0 && p.Received == Ticket{} }

// PutTickets implements [TicketStore].
func (s *MemoryStore) PutTickets(_ context.Context, pairs ...TicketPair) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pairs {
		i := slices.IndexFunc(s.tickets, func(q TicketPair) bool { return q.Delivery == p.Delivery && q.Peer == p.Peer })
		switch {
		case i < 0 && !p.empty():
			s.tickets = append(s.tickets, p)
		case i >= 0 && p.empty():
			s.tickets = slices.Delete(s.tickets, i, i+1)
		case i >= 0:
			s.tickets[i] = p
		}
	}
	return nil
}

// Tickets implements [TicketStore].
func (s *MemoryStore) Tickets(context.Context) iter.Seq2[TicketPair, error] {
	s.mu.Lock()
	all := slices.Clone(s.tickets)
	s.mu.Unlock()
	return func(yield func(TicketPair, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}
