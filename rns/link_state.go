package rns

import (
	"errors"
	"fmt"
)

// LinkState is where a link is in its life.
//
//	initiator:  Pending ───────proof──────────▶ Active ◀──heard── Stale
//	               │                              │ └───silence────▶ │
//	responder:  Pending ──keys──▶ Handshake ─rtt──▶│                 │
//	               │                  │            │                 │
//	               └───────end────────┴─────end────┴───────end───────┴──▶ Closed
//
// An initiator is Pending from its request until a valid LRPROOF. A responder is Pending only while it agrees on keys,
// and in Handshake from its LRPROOF until it knows that the initiator got it. A closed link stays closed.
type LinkState uint8

// The states of a link, with the protocol's numbers (spec 2 §1.1).
const (
	LinkPending   LinkState = 0 // requested, not answered (PENDING)
	LinkHandshake LinkState = 1 // responder: proof sent, initiator not heard yet (HANDSHAKE)
	LinkActive    LinkState = 2 // usable (ACTIVE)
	LinkStale     LinkState = 3 // usable, but the other end has been silent for too long (STALE)
	LinkClosed    LinkState = 4 // ended, for good (CLOSED)
)

// String returns the protocol's name of the state.
func (s LinkState) String() string {
	switch s {
	case LinkPending:
		return "PENDING"
	case LinkHandshake:
		return "HANDSHAKE"
	case LinkActive:
		return "ACTIVE"
	case LinkStale:
		return "STALE"
	case LinkClosed:
		return "CLOSED"
	}
	return fmt.Sprintf("link state %d", uint8(s))
}

// usable reports whether the link carries application data.
func (s LinkState) usable() bool { return s == LinkActive || s == LinkStale }

// linkEvent is what makes a link change its state.
type linkEvent uint8

const (
	linkKeysAgreed linkEvent = iota // responder: a good request; the proof goes out
	linkProved                      // initiator: a valid proof came
	linkRTTKnown                    // responder: the initiator proved to be there
	linkSilent                      // nothing was heard for the stale time
	linkHeard                       // something was heard
	linkEnded                       // closed by either end, or given up
)

// next is the one transition function: the state that follows s on e. Events that mean nothing in s leave it.
func (s LinkState) next(e linkEvent) LinkState {
	switch {
	case e == linkEnded:
		return LinkClosed
	case s == LinkPending && e == linkKeysAgreed:
		return LinkHandshake
	case s == LinkPending && e == linkProved:
		return LinkActive
	case s == LinkHandshake && e == linkRTTKnown:
		return LinkActive
	case s == LinkActive && e == linkSilent:
		return LinkStale
	case s == LinkStale && e == linkHeard:
		return LinkActive
	}
	return s
}

// CloseReason says why a link ended, with the protocol's numbers (spec 2 §1.1, §1.16).
type CloseReason uint8

// Reasons.
const (
	CloseNone        CloseReason = 0 // not closed
	CloseTimeout     CloseReason = 1 // not established in time, or the other end fell silent (TIMEOUT)
	CloseInitiator   CloseReason = 2 // closed by the initiator (INITIATOR_CLOSED)
	CloseDestination CloseReason = 3 // closed by the destination, the responder (DESTINATION_CLOSED)

	// CloseInterface is ours: the interface that the link ran over is gone for good, or was connected anew (where
	// [InterfaceOptions].Tunnel is set), and the other end drops what comes another way. It is no number of the protocol and never told to the other end.
	CloseInterface CloseReason = 0x80
)

// String returns the protocol's name of the reason.
func (r CloseReason) String() string {
	switch r {
	case CloseNone:
		return "NONE"
	case CloseTimeout:
		return "TIMEOUT"
	case CloseInitiator:
		return "INITIATOR_CLOSED"
	case CloseDestination:
		return "DESTINATION_CLOSED"
	case CloseInterface:
		return "INTERFACE_GONE"
	}
	return fmt.Sprintf("close reason %d", uint8(r))
}

// LinkClosedError is why an operation on a link failed: the link is closed, or closed meanwhile. It is [ErrClosed]
// and [ErrLinkClosed], and with CloseTimeout also [ErrTimeout].
type LinkClosedError struct{ Reason CloseReason }

// Error implements error.
func (e *LinkClosedError) Error() string { return "link closed: " + e.Reason.String() }

// Is implements the matching of [errors.Is].
func (e *LinkClosedError) Is(target error) bool {
	return target == ErrClosed || target == ErrLinkClosed || (e.Reason == CloseTimeout && target == ErrTimeout)
}

// Errors of links.
var (
	// ErrNotActive means that the link is not established yet.
	ErrNotActive = errors.New("link is not active yet")
	// ErrNotInitiator means that only the end that opened the link can do this.
	ErrNotInitiator = errors.New("only the initiator of a link can do this")
	// ErrTooMany means that a bound was reached: of links, of pending requests, of waiting senders. Try later.
	ErrTooMany = errors.New("too many at once")
)
