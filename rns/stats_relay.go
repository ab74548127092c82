package rns

import (
	"time"

	"groupd/rns/interfaces"
)

// stats is a snapshot.
func (a *attached) stats() InterfaceStats {
	s := InterfaceStats{
		Name:        a.label,
		Mode:        a.mode,
		Bitrate:     a.properties.Bitrate,
		MTU:         a.properties.MTU,
		IFAC:        a.code != nil,
		RxPackets:   a.rxPackets.Load(),
		RxAnnounces: a.rxAnnounces.Load(),
		TxPackets:   a.tx.Load(),
		Drops:       a.drops.snapshot(),
		Carrier:     a.carrier.Stats(),

		Gravity:             a.gravity,
		Local:               a.options.Local,
		Parent:              a.parent,
		AnnouncesToInternal: a.options.AnnouncesToInternal,
		Rate:                a.rate,
	}
	if a.code != nil {
		s.IFACSize, s.IFACName, s.IFACSignature = a.code.Size(), a.options.NetworkName, a.code.Signature()
	}
	if r, ok := a.carrier.(interfaces.RadioReporter); ok {
		radio := r.Radio()
		s.Radio = &radio
	}
	return s
}

// trafficStats is the loop's part of that.
func (a *attached) trafficStats(m moment) TrafficStats {
	c := &a.traffic
	look := func(w eventWindow, few int) float64 { return w.frequency(m.now, few) } // a copy: looking changes it
	s := TrafficStats{
		AnnouncesIn:     look(c.announcesIn, fewIncoming),
		AnnouncesOut:    look(c.announcesOut, fewOutgoing),
		PathRequestsIn:  look(c.requestsIn, fewIncoming),
		PathRequestsOut: look(c.requestsOut, fewOutgoing),
		HeldAnnounces:   len(c.held),
		AnnounceQueue:   a.queue.order.len(),
	}
	if c.announces.active {
		s.Burst = m.toWall(c.announces.activated)
	}
	if c.requests.active {
		s.PathRequestBurst = m.toWall(c.requests.activated)
	}
	return s
}

// relayStats fills in what a transport node keeps.
func (e *engine) relayStats(s *Stats) {
	s.Transport, s.LocalClients, s.Client = e.forwarding(), e.clients, e.master != nil
	s.RelayedLinks, s.Reverse = len(e.relayedLinks.entries), len(e.reverse.entries)
	s.Scheduled, s.Rates = e.scheduled.order.len(), len(e.rates.entries)
	s.Discoveries = len(e.discoveries.entries) + len(e.clientRequests.entries)
	s.Tunnels, s.TunnelPaths = len(e.tunnels.entries), e.tunnels.paths
	s.Blackholes = len(e.t.blackholes.list(nil))
	s.RelayedPackets, s.RelayedAnnounces = e.relayed.packets, e.relayed.announces
	s.Evicted = make(map[string]uint64)
	count := func(table string, n uint64) {
		if n > 0 {
			s.Evicted[table] += n
		}
	}
	count("announces", e.scheduled.full)
	count("rates", e.rates.evicted)
	count("discoveries", e.discoveries.full+e.clientRequests.full)
	count("requests", e.own.dropped)
	count("links", e.relayedLinks.evicted)
	count("reverse", e.reverse.evicted)
	count("tunnels", e.tunnels.evicted)
	count("tunnel_paths", e.tunnels.full)
	for _, a := range e.interfaces {
		count("announce_queue", a.queue.dropped+a.queue.expired)
		count("held", a.traffic.lost)
	}
	for _, d := range e.t.managed {
		if d.name == FullName(transportApp, "probe") {
			s.ProbeResponder = d.hash
		}
	}
	for _, l := range e.spawners {
		p := ListenerStats{Name: l.listener.Name(), Mode: l.options.Mode, Local: l.options.Local, Gravity: l.options.Gravity,
			Bitrate: l.properties.Bitrate, MTU: l.properties.MTU}
		if l.code != nil {
			p.IFACSize, p.IFACName, p.IFACSignature = l.code.Size(), l.options.NetworkName, l.code.Signature()
		}
		for _, a := range e.interfaces {
			if a.parent == p.Name {
				p.Peers++
				p.Mode = a.mode
			}
		}
		s.Listeners = append(s.Listeners, p)
	}
}

// RateInfo is how often a destination announced itself lately, by the wall clock.
type RateInfo struct {
	Destination DestinationHash
	// Last is that of the last announce that was not too many.
	Last time.Time
	// BlockedUntil is until when its announces are not passed on; zero: they never were kept back.
	BlockedUntil time.Time
	// Violations is how many announces came too early; each that comes in time takes one off.
	Violations int
	// Times are those of the last announces, at most 16, oldest first.
	Times []time.Time
}

// Rates returns the announce rates of the destinations that announced themselves twice within the target of an interface lately: the
// others keep no row.
func (t *Transport) Rates() []RateInfo {
	var all []RateInfo
	_ = t.do(func(e *engine) {
		m := e.moment()
		for _, r := range e.rates.entries {
			i := RateInfo{Destination: r.destination, Last: m.toWall(r.last), Violations: r.violations}
			if !r.blockedUntil.IsZero() {
				i.BlockedUntil = m.toWall(r.blockedUntil)
			}
			for _, at := range r.times {
				i.Times = append(i.Times, m.toWall(at))
			}
			all = append(all, i)
		}
	})
	return all
}

// DropVia forgets all paths whose next hop is the transport node given, and returns how many that were.
func (t *Transport) DropVia(nextHop TruncatedHash) (n int) {
	_ = t.do(func(e *engine) {
		for p := range e.paths.all() {
			if p.nextHop() == nextHop {
				e.paths.remove(p)
				n++
			}
		}
	})
	return n
}

// DropAnnounceQueues drops the announces that wait for an announce cap, and returns how many that were.
func (t *Transport) DropAnnounceQueues() (n int) {
	_ = t.do(func(e *engine) {
		for _, a := range e.interfaces {
			n += a.queue.clear()
		}
	})
	return n
}
