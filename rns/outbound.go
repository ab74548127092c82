package rns

import (
	"context"
	"errors"
	"time"

	"groupd/rns/interfaces"
)

// outFrame is a packet of ours on its way to the loop.
type outFrame struct {
	raw  []byte
	on   *attached  // the only interface to send it on; nil: by path, or on all
	hash PacketHash // to be remembered as seen when it goes out; zero: none

	notBefore time.Time // when it may go out; zero: now

	receipt *Receipt        // to be kept once sent; nil: none
	signer  *PublicIdentity // whose proof concludes it
	bitrate int64           // bit/s where it leaves the machine, if it is not the interface's; 0: it is

	// result gets what became of it: nil when at least one carrier took it. Capacity at least 1; nil: nobody asks.
	result chan error
}

// sendRaw queues a packet for the loop. It waits while the queue is full, and returns at once when the transport has
// ended. It must not be called from the loop.
func (t *Transport) sendRaw(f outFrame) {
	select {
	case t.outbound <- f:
	case <-t.done:
		if f.result != nil {
			f.result <- ErrClosed
		}
	}
}

// send transmits one queued packet, or holds it until it is time, and says how it went.
func (e *engine) send(f outFrame) {
	if e.now.Before(f.notBefore) && e.heldBack.add(f) {
		at, _ := e.heldBack.next()
		e.wakeBy(at)
		return
	}
	hops, bitrate, err := e.route(f)
	if f.bitrate > 0 {
		bitrate = f.bitrate
	}
	if err == nil && f.receipt != nil {
		deadline := e.now.Add(receiptTimeout(hops, bitrate))
		e.receipts.add(f.receipt, f.signer, deadline)
		e.wakeBy(deadline)
	}
	if f.result != nil {
		f.result <- err
	}
}

// route sends a packet of ours where it has to go (spec 1 §6.3). hops and bitrate describe the way to its destination.
func (e *engine) route(f outFrame) (hops int, bitrate int64, err error) {
	if f.on != nil {
		if !f.hash.IsZero() {
			e.duplicates.add(f.hash)
		}
		return MaxHops, f.on.properties.Bitrate, e.transmit(f.on, f.raw)
	}
	p, err := ParsePacket(f.raw)
	if err != nil {
		return MaxHops, 0, err
	}
	if p.PacketType != PacketAnnounce && p.DestinationType == DestinationSingle {
		if path := e.paths.lookup(p.Destination, e.now); path != nil && path.via.sends() {
			frame, hops := f.raw, int(path.hops)
			if e.master != nil && hops == 1 {
				hops = 2 // by way of the master
			}
			if out := p.Originate(hops, path.nextHop()); out.HeaderType != p.HeaderType {
				frame = out.Append(make([]byte, 0, out.Size()))
				e.paths.touch(path, e.now)
			}
			return int(path.hops), path.via.properties.Bitrate, e.transmit(path.via, frame)
		}
	}
	return MaxHops, 0, e.broadcast(&p, f.hash)
}

// broadcast sends a packet on all interfaces that we may send on, the fastest first. Announces are kept off those in
// access point mode. It succeeds when at least one carrier took it.
func (e *engine) broadcast(p *Packet, hash PacketHash) error {
	if !hash.IsZero() {
		e.duplicates.add(hash)
	}
	sent, failed := false, error(nil)
	for _, a := range e.interfaces {
		if !a.sends() || p.PacketType == PacketAnnounce && !propagates(nil, a) {
			continue
		}
		if err := e.transmit(a, p.Raw); err != nil {
			failed = err
			continue
		}
		sent = true
		if p.PacketType == PacketAnnounce {
			a.traffic.announcesOut.add(e.now)
		}
	}
	switch {
	case sent:
		return nil
	case failed != nil:
		return failed
	}
	e.t.drops.count(DropNoInterface)
	return ErrNoInterface
}

// transmit sends on one interface.
func (e *engine) transmit(a *attached, raw []byte) error {
	if !a.sends() {
		a.count(DropNoInterface)
		return ErrNoInterface
	}
	if err := a.transmit(e.disguise(a, raw)); err != nil {
		if errors.Is(err, interfaces.ErrTooLarge) {
			return errors.Join(ErrTooLarge, err)
		}
		return err
	}
	return nil
}

// linkRoute returns the first step of the way to d; without path it is 128 hops and no interface.
func (t *Transport) linkRoute(d DestinationHash) linkRoute {
	r := linkRoute{hops: MaxHops}
	_ = t.do(func(e *engine) {
		if p := e.paths.lookup(d, e.now); p != nil && p.via.sends() {
			r = linkRoute{hops: int(p.hops), on: p.via}
		}
	})
	return r
}

// rebalancePath corrects the number of hops to d after a valid link proof that took another number (spec 1 §6.18).
func (t *Transport) rebalancePath(d DestinationHash, hops int) {
	_ = t.do(func(e *engine) {
		if p := e.paths.lookup(d, e.now); p != nil && hops >= 1 && hops <= MaxHops {
			p.hops = uint8(hops)
		}
	})
}

// linkFailed is told of a link of ours that ended before it was active: a new path is asked for, at most once in 20 s. Who
// is no transport node forgets the path first (spec 1 §6.16).
func (t *Transport) linkFailed(d DestinationHash) {
	_ = t.do(func(e *engine) {
		if !e.forwarding() {
			e.paths.expire(d)
		} else if p := e.paths.get(d); p != nil {
			p.state = pathUnresponsive
		}
		if e.master != nil {
			return // the master sees to it
		}
		if !e.stopping {
			if err := e.sendPathRequest(d); err != nil {
				e.t.log.Debug("path request not sent", "dest", d, "err", err)
			}
		}
	})
}

// registerLink makes the loop hand packets addressed to the link to it. It returns when it does: [ErrTooMany] when
// there are too many links, [ErrClosed] when the transport ends.
func (t *Transport) registerLink(l *Link) error {
	var refused error
	err := t.do(func(e *engine) {
		switch {
		case e.stopping:
			refused = ErrClosed
		case l.arrived != nil && l.arrived.gone:
			refused = ErrClosed // while it agreed on keys
		case !e.roomForLink(l):
			refused = ErrTooMany
		default:
			e.links[l.ID()] = l
		}
	})
	return errors.Join(err, refused)
}

// unregisterLink ends that.
func (t *Transport) unregisterLink(l *Link) {
	_ = t.do(func(e *engine) {
		if e.links[l.ID()] == l {
			delete(e.links, l.ID())
		}
	})
}

// HasPath reports whether a path to d is known.
func (t *Transport) HasPath(d DestinationHash) bool {
	_, ok := t.PathInfo(d)
	return ok
}

// Hops returns the distance to d: 1 for a direct neighbour, 128 when no path is known.
func (t *Transport) Hops(d DestinationHash) int {
	if i, ok := t.PathInfo(d); ok {
		return i.Hops
	}
	return MaxHops
}

// PathInfo returns what is known of the path to d.
func (t *Transport) PathInfo(d DestinationHash) (info PathInfo, ok bool) {
	_ = t.do(func(e *engine) {
		if p := e.paths.lookup(d, e.now); p != nil {
			info, ok = e.paths.info(p, e.moment()), true
		}
	})
	return info, ok
}

// Paths returns all known paths, those used last first.
func (t *Transport) Paths() []PathInfo {
	var all []PathInfo
	_ = t.do(func(e *engine) {
		m := e.moment()
		all = make([]PathInfo, 0, e.paths.len())
		for p := range e.paths.backward(&e.paths.order) {
			all = append(all, e.paths.info(p, m))
		}
	})
	return all
}

// ForgetPath drops the path to d, if one is known: it does not work. The next announce or path response makes one.
func (t *Transport) ForgetPath(d DestinationHash) {
	_ = t.do(func(e *engine) { e.paths.expire(d) })
}

// RequestPath asks the neighbours for a path to d and does not wait for the answer. Within 20 s of the last request for
// d it does nothing: the answer to that one is still to be expected. It fails when no carrier took the request; one that comes
// up within 2 minutes is asked then.
func (t *Transport) RequestPath(ctx context.Context, d DestinationHash) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed error
	err := t.do(func(e *engine) { failed = e.sendPathRequest(d) })
	return errors.Join(err, failed)
}

// AwaitPath returns nil once a path to d is known: at once, or after asking the neighbours for it, every 20 s and on each
// interface that comes up, until ctx ends or, when ctx has no deadline, until Config.PathTimeout (15 s) has passed. Then it fails with [ErrNoPath], which
// comes with the error of ctx when it was that which ended. [ErrTooMany]: too many wait already.
func (t *Transport) AwaitPath(ctx context.Context, d DestinationHash) error {
	w := &pathWaiter{destination: d, found: make(chan struct{})}
	known, room := false, true
	next := pathRequestInterval
	ask := func(e *engine) {
		next = pathRequestInterval
		if err := e.sendPathRequest(d); err != nil {
			next = pathRequestRetry
			e.t.log.Debug("path request not sent", "dest", d, "err", err)
		}
	}
	if err := t.do(func(e *engine) {
		if known = e.paths.lookup(d, e.now) != nil; known {
			return
		}
		if room = e.requests.wait(w); room {
			ask(e)
		}
	}); err != nil || known {
		return err
	}
	if !room {
		return ErrTooMany
	}
	defer func() { _ = t.do(func(e *engine) { e.requests.leave(w) }) }()
	var over <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		timer := time.NewTimer(t.config.PathTimeout)
		defer timer.Stop()
		over = timer.C
	}
	again := time.NewTimer(next)
	defer again.Stop()
	for {
		select {
		case <-w.found:
			return nil
		case <-over:
			return ErrNoPath
		case <-ctx.Done():
			return errors.Join(ErrNoPath, ctx.Err())
		case <-t.done:
			return ErrClosed
		case <-again.C:
			if err := t.do(ask); err != nil {
				return err
			}
			again.Reset(next)
		}
	}
}
