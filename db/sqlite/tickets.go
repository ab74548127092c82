package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"groupd/lxmf"
)

// PutTickets implements lxmf.TicketStore.
func (s lxmfStore) PutTickets(ctx context.Context, pairs ...lxmf.TicketPair) error {
	return s.db.update(ctx, func(c *conn) error {
		for _, p := range pairs {
			if err := putTickets(c, p); err != nil {
				return err
			}
		}
		return nil
	})
}

func putTickets(c *conn, p lxmf.TicketPair) error {
	if len(p.Issued) == 0 && p.Received == (lxmf.Ticket{}) {
		return c.exec("DELETE FROM lxmf_tickets WHERE delivery_hash = ?1 AND peer_hash = ?2", p.Delivery[:], p.Peer[:])
	}
	return c.exec(`INSERT OR REPLACE INTO lxmf_tickets (delivery_hash, peer_hash, issued, delivered_at, received_ticket, received_expires)
		VALUES (?1,?2,?3,?4,?5,?6)`,
		p.Delivery[:], p.Peer[:], issued{&p.Issued}.append(), micros(p.Delivered), fixed{p.Received.Value[:]}, p.Received.Expires)
}

// Tickets implements lxmf.TicketStore. Their number is bounded by the router, so they are read at once.
func (s lxmfStore) Tickets(ctx context.Context) iter.Seq2[lxmf.TicketPair, error] {
	return func(yield func(lxmf.TicketPair, error) bool) {
		var all []lxmf.TicketPair
		if err := s.db.view(ctx, func(c *conn) (err error) {
			all, err = list(c, scanTickets, `SELECT delivery_hash, peer_hash, issued, delivered_at, received_ticket, received_expires
				FROM lxmf_tickets`)
			return err
		}); err != nil {
			yield(lxmf.TicketPair{}, err)
			return
		}
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func scanTickets(r row) (p lxmf.TicketPair, err error) {
	err = r.Scan(fixed{p.Delivery[:]}, fixed{p.Peer[:]}, issued{&p.Issued}, moment{&p.Delivered}, fixed{p.Received.Value[:]}, &p.Received.Expires)
	return p, err
}

// issuedLength is the length of one ticket in the column: its expiry and itself.
const issuedLength = 8 + lxmf.TicketLength

// issued stores tickets one after the other.
type issued struct{ list *[]lxmf.Ticket }

func (i issued) append() []byte {
	b := make([]byte, 0, len(*i.list)*issuedLength)
	for _, t := range *i.list {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(t.Expires))
		b = append(b, t.Value[:]...)
	}
	return b
}

// Scan implements sql.Scanner.
func (i issued) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b)%issuedLength != 0 {
		return fmt.Errorf("sqlite: tickets are a %T of %d bytes", v, len(b))
	}
	*i.list = nil
	for ; len(b) > 0; b = b[issuedLength:] {
		t := lxmf.Ticket{Expires: math.Float64frombits(binary.BigEndian.Uint64(b))}
		copy(t.Value[:], b[8:])
		*i.list = append(*i.list, t)
	}
	return nil
}
