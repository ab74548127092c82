package rns

import (
	"context"
	"errors"
)

// ErrTooMany means that a bound was reached: of links, of pending requests, of waiting senders. Try later.
var ErrTooMany = errors.New("too many at once")

// Link is an encrypted connection with the holder of a destination's identity (spec 2 §1).
type Link struct {
	id LinkID
}

// ID returns the 16-byte id of the link: the same at both ends.
func (l *Link) ID() LinkID { return l.id }

// receive takes a packet addressed to the link. false: it was not taken and is to be accepted if it comes again.
func (l *Link) receive(linkPacket) bool { return true }

// shutdown closes the link without waiting.
func (l *Link) shutdown() {}

// linkShared is what all links of a transport share.
type linkShared struct{}

// linkRoute is what an initiator must know of the way to a destination.
type linkRoute struct {
	hops int
	on   *attached // the interface the request leaves by; nil when unknown
}

// requestPaths are the request handlers of a destination.
type requestPaths struct{}

// linkRequested answers a link request for one of our destinations. It is called by the loop.
func (t *Transport) linkRequested(_ Packet, on *attached, _ *Destination) {
	on.count(DropNoDestination)
}

// OpenLink opens a link to a destination.
func (t *Transport) OpenLink(context.Context, *RemoteDestination) (*Link, error) {
	return nil, ErrNoInterface
}
