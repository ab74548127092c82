package rns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/rns/msgpack"
)

// ErrNotSingle means that a link was asked for to a GROUP or PLAIN destination; only SINGLE ones have links.
var ErrNotSingle = errors.New("links need a SINGLE destination")

// linkRoute is what an initiator must know of the way to a destination.
type linkRoute struct {
	hops int       // as in the path table; 128 when unknown
	on   *attached // the interface the request leaves by; nil when unknown
	slow int64     // bit/s where the request leaves the machine, if it is not that of on; 0: it is
}

// mtu returns what the initiator signals: what its interface offers, else 500 (spec 2 §1.4).
func (r linkRoute) mtu() int {
	if r.on == nil {
		return MTU
	}
	return linkInterfaceMTU(r.on)
}

func (r linkRoute) bitrate() int64 {
	switch {
	case r.slow > 0:
		return r.slow
	case r.on == nil:
		return 0
	}
	return r.on.properties.Bitrate
}

// linkInterfaceMTU is the largest link MTU an interface carries: 500 where it offers none.
func linkInterfaceMTU(on *attached) int {
	return min(max(on.properties.MTU, MTU), signallingMTUMask)
}

// OpenLink opens a link to a destination and returns it when it is active. If no path is known it asks for one first.
// Errors are [ErrNoPath], [ErrTimeout] when the destination did not answer (6 s, and 6 s per hop), [ErrTooMany],
// [ErrNotSingle], [ErrClosed] and that of ctx; the attempt ends with ctx, an open link does not.
func (t *Transport) OpenLink(ctx context.Context, d *RemoteDestination) (*Link, error) {
	if d.Type() != DestinationSingle {
		return nil, ErrNotSingle
	}
	hash := d.Hash()
	if !t.HasPath(hash) {
		if err := t.AwaitPath(ctx, hash); err != nil {
			return nil, fmt.Errorf("open link to %s: %w", hash.Short(), err)
		}
	}
	route := t.linkRoute(hash)
	route.slow = t.firstHopBitrate(ctx, hash)
	l, raw, err := newInitiatorLink(t, &t.links, t.linkEnvironment(), hash, d.Identity(), route)
	if err != nil {
		return nil, fmt.Errorf("open link to %s: %w", hash.Short(), err)
	}
	if err := t.startLink(l); err != nil {
		return nil, fmt.Errorf("open link to %s: %w", hash.Short(), err)
	}
	// The loop routes it by the path table, as all packets to destinations.
	t.sendRaw(outFrame{raw: raw, hash: l.requestHash})
	if err := l.awaitActive(ctx); err != nil {
		return nil, fmt.Errorf("open link to %s: %w", hash.Short(), err)
	}
	return l, nil
}

// startLink registers a link of ours and starts its goroutine.
func (t *Transport) startLink(l *Link) error {
	if _, ok := t.links.admit(l, nil); !ok {
		return ErrInUse // two links drew the same keys: the random source is broken
	}
	if err := t.registerLink(l); err != nil {
		t.links.counters.refused.Add(1)
		t.links.gone(l)
		return err
	}
	t.goTracked(l.run)
	return nil
}

// awaitActive waits until the link is active or closed. When ctx ends first the link is closed.
func (l *Link) awaitActive(ctx context.Context) error {
	select {
	case <-l.active:
		return nil
	case <-l.done:
		return l.Err()
	case <-ctx.Done():
		_ = l.Close()
		return ctx.Err()
	}
}

// newInitiatorLink makes a pending link and the raw LINKREQUEST packet that asks for it.
func newInitiatorLink(carrier linkCarrier, shared *linkShared, env linkEnvironment, destination DestinationHash,
	identity *PublicIdentity, route linkRoute) (*Link, []byte, error) {
	keys, err := newInitiatorKeys(env.rand)
	if err != nil {
		return nil, nil, err
	}
	mtu := route.mtu()
	payload, err := appendLinkRequest(nil, keys, mtu)
	if err != nil {
		return nil, nil, err
	}
	p := Packet{PacketType: PacketLinkRequest, Destination: destination, Data: payload}
	id, _ := p.LinkID()
	l := newLink(carrier, shared, env, id, true)
	l.destination = destination
	l.keys = keys
	l.now.remote = identity
	l.offeredMTU, l.expectHops, l.leaves = mtu, route.hops, route.on
	l.requestHash = p.Hash()
	l.requestedAt = time.Now()
	l.expires = l.requestedAt.Add(initiatorTimeout(route.hops, route.bitrate()))
	l.publish()
	return l, p.Append(nil), nil
}

// handleLinkProof takes the LRPROOF that makes the link active (spec 2 §1.9). Everything is checked before anything is
// changed: anybody who hears a request can send a bad proof, and it must not keep the good one out.
func (l *Link) handleLinkProof(now time.Time, p linkPacket) {
	if !l.initiator || l.now.state != LinkPending {
		return
	}
	proof, err := parseLinkProof(p.Data)
	// A confirmed MTU beyond what we asked for, or below 500, is no answer to our request.
	if err != nil || proof.mode != LinkModeAES256CBC || proof.mtu > l.offeredMTU || proof.mtu < MTU ||
		!proof.verify(l.id, l.now.remote) {
		l.shared.counters.badProof.Add(1)
		return
	}
	key, err := deriveLinkKey(l.id, l.keys.exchange, proof.exchange[:])
	if err != nil {
		l.shared.counters.badProof.Add(1)
		return
	}
	if hops := int(p.Hops); hops != l.expectHops {
		// The path table was wrong about the distance, as the signature shows (path re-balancing).
		l.carrier.rebalancePath(l.destination, hops)
	}
	l.key = key
	l.prepareResources()
	l.now.mtu, l.now.on, l.now.hops = proof.mtu, p.on, int(p.Hops)
	l.activate(now, linkProved, now.Sub(l.requestedAt))
	l.sendRTT(now)
}

// sendRTT tells the responder that its proof arrived (spec 2 §1.10).
func (l *Link) sendRTT(now time.Time) {
	// It fails only with the random source; the link then times out at the other end.
	_, _ = l.sendSealed(now, ContextLinkRTT, msgpack.Float(promptRTT(l.now.rtt)))
}
