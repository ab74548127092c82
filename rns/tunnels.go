package rns

import "time"

// This file keeps the paths of connections that are lost and made again (spec 1 §6.19).

// introduce tells the other side of a connection which tunnel it is.
func (e *engine) introduce(a *attached) {
	p, err := NewTunnelSynthesis(e.t.config.Identity, HashInterface(a.label), e.t.config.Rand)
	if err != nil {
		e.t.log.Warn("tunnel not introduced", "iface", a.label, "err", err)
		return
	}
	e.duplicates.add(p.Hash())
	_ = e.transmit(a, p.Append(nil)) // counted there
}

// tunnelIntroduced handles the introduction of a tunnel.
func (e *engine) tunnelIntroduced(f inFrame) {
	if !e.forwarding() {
		return
	}
	if len(f.packet.Data) != tunnelSynthesisLength {
		f.on.count(DropTunnel)
		return
	}
	data, on := f.packet.Data, f.on
	e.check(checkJob{on: on, check: func() func(*engine) {
		s, err := ParseTunnelSynthesis(data)
		if err != nil {
			on.count(DropTunnel)
			return nil
		}
		return func(e *engine) { e.connectTunnel(s.ID(), on) }
	}})
}

// connectTunnel binds a tunnel to its new interface and restores the paths that are still the best.
func (e *engine) connectTunnel(id TunnelID, on *attached) {
	if on.gone {
		return
	}
	u := e.tunnels.connect(id, on, e.now)
	restored := 0
	for d, p := range u.paths {
		if !e.paths.restores(p, e.paths.lookup(d, e.now), e.now) {
			e.tunnels.drop(u, d)
			continue
		}
		e.paths.restore(p, on, e.now)
		e.requests.found(d)
		restored++
	}
	e.t.log.Debug("tunnel", "id", u.id, "iface", on.label, "paths", restored)
}

// restore puts a path of a tunnel back.
func (t *pathTable) restore(p *tunnelPath, on *attached, now time.Time) {
	q := t.entry(p.destination)
	q.store(p.nextHop, p.announce, p.raw, p.randoms)
	q.hops, q.via, q.answers, q.state = p.hops, on, p.answers, pathUnknown
	q.expires, q.learned = t.instant(p.expires), t.instant(now)
	t.touch(q, now)
}
