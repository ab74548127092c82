package lxmf

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"slices"
	"time"
)

// Tunables of tickets: what stock programs use (spec 4 §4.6).
const (
	// TicketLife is how long a new ticket is good for.
	TicketLife = 21 * 24 * time.Hour
	// TicketRenew is how much of its life must be left for a ticket to be given again instead of a new one.
	TicketRenew = 14 * 24 * time.Hour
	// TicketInterval is how long a peer who has been given a ticket gets none.
	TicketInterval = 24 * time.Hour
	// MaxIssuedTickets is how many tickets of ours one peer may hold: one new a week, each good for three.
	MaxIssuedTickets = 4
	// MaxTicketTrust is how long a ticket that we were given is used, whatever it says.
	MaxTicketTrust = 90 * 24 * time.Hour
	// MaxTicketPairs bounds the correspondents with whom tickets are kept; who has the oldest ones is forgotten first.
	MaxTicketPairs = 16384
)

// Ticket spares its holder the proof of work (spec 4 §4.6). It is a secret between two.
type Ticket struct {
	Expires float64 // seconds since the Unix epoch
	Value   [TicketLength]byte
}

// ExpiresAt returns when the ticket ends, cut to the years 1970 to 9999.
func (t Ticket) ExpiresAt() time.Time {
	const last = 253402300799 // the end of the year 9999
	if math.IsNaN(t.Expires) {
		return time.Time{}
	}
	return time.UnixMicro(int64(min(max(t.Expires, 0), last) * 1e6)).UTC()
}

// Valid reports whether the ticket exists and has not expired. There is no grace: stock receivers keep an expired ticket
// for five days and do not accept it.
func (t Ticket) Valid(now time.Time) bool { return t != Ticket{} && now.Before(t.ExpiresAt()) }

// TicketStamp returns the stamp that the holder of a ticket puts on a message: the first 16 bytes of SHA-256(ticket ‖ id).
func TicketStamp(ticket [TicketLength]byte, id MessageID) []byte {
	h := sha256.New()
	h.Write(ticket[:])
	h.Write(id[:])
	return h.Sum(nil)[:TicketLength]
}

// CheckTicketStamp reports whether a stamp was made with a ticket. Such a stamp is valid at any cost and has the value
// [TicketStampValue]. Whether the ticket has expired is the caller's to know.
func CheckTicketStamp(ticket [TicketLength]byte, id MessageID, stamp []byte) bool {
	return subtle.ConstantTimeCompare(TicketStamp(ticket, id), stamp) == 1
}

// accepts reports whether a stamp was made with a ticket of ours that is still good.
func (p *TicketPair) accepts(now time.Time, id MessageID, stamp []byte) bool {
	return slices.ContainsFunc(p.Issued, func(t Ticket) bool {
		return t.Valid(now) && CheckTicketStamp(t.Value, id, stamp)
	})
}

// due decides whether the peer is to get a ticket now, and which one: none if he had one within [TicketInterval]; one that
// was made before, if enough of its life is left; else fresh is true and one is to be made.
func (p *TicketPair) due(now time.Time) (again Ticket, fresh, ok bool) {
	if since := now.Sub(p.Delivered).Abs(); !p.Delivered.IsZero() && since < TicketInterval {
		return Ticket{}, false, false
	}
	for _, t := range slices.Backward(p.Issued) {
		// One with more than its life left was made while the clock was ahead: nobody should hold it that long.
		if left := t.ExpiresAt().Sub(now); left > TicketRenew && left <= TicketLife {
			return t, false, true
		}
	}
	return Ticket{}, true, true
}

// issue adds a ticket. The one that ends first goes if there are too many.
func (p *TicketPair) issue(t Ticket) {
	p.Issued = append(slices.Clone(p.Issued), t)
	slices.SortStableFunc(p.Issued, func(a, b Ticket) int { return a.ExpiresAt().Compare(b.ExpiresAt()) })
	if n := len(p.Issued) - MaxIssuedTickets; n > 0 {
		p.Issued = slices.Delete(p.Issued, 0, n)
	}
}

// issued reports whether this ticket is one of ours.
func (p *TicketPair) issued(t Ticket) bool {
	return slices.ContainsFunc(p.Issued, func(u Ticket) bool { return u.Value == t.Value })
}

// revoke takes a ticket back that was not given out.
func (p *TicketPair) revoke(t Ticket) {
	p.Issued = slices.DeleteFunc(slices.Clone(p.Issued), func(u Ticket) bool { return u.Value == t.Value })
}

// receive takes a ticket that the peer gave us; the newest wins. It reports whether that changed anything.
func (p *TicketPair) receive(now time.Time, t Ticket) bool {
	if !t.Valid(now) || p.Received == t {
		return false
	}
	if most := Timestamp(now.Add(MaxTicketTrust)); t.Expires > most {
		if bytes.Equal(p.Received.Value[:], t.Value[:]) && p.Received.Expires > most-TicketInterval.Seconds() {
			return false // the same once more
		}
		t.Expires = most
	}
	p.Received = t
	return true
}

// until is when the last of the tickets ends.
func (p *TicketPair) until() time.Time {
	end := p.Received.ExpiresAt()
	for _, t := range p.Issued {
		if e := t.ExpiresAt(); e.After(end) {
			end = e
		}
	}
	return end
}
