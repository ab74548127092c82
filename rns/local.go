package rns

import (
	"context"
	"slices"
	"time"

	"groupd/rns/msgpack"
)

// This file is what a transport does as one of several on a machine (spec 1 §6.24), and on behalf of whoever runs it
// (§2.5, §6.28).

const (
	// registrationDelay is after what time a new destination of ours is announced to the shared instance.
	registrationDelay = 250 * time.Millisecond
	// managementDelay and managementInterval are when the node's own destinations are announced.
	managementDelay    = 15 * time.Second
	managementInterval = 2 * time.Hour
)

// cameUp is told of each time that a carrier comes up.
func (e *engine) cameUp(a *attached) {
	if a.gone || e.stopping {
		return
	}
	a.ups++
	e.askOn(a)
	if a.options.Tunnel {
		if a.ups > 1 { // the far side has made a new interface of the new connection, and its end of a link stays at the old
			e.orphanLinks(a)
		}
		e.introduce(a)
	}
	if a.options.Local != LocalMaster {
		return
	}
	if a.ups > 1 {
		e.masterLost()
	}
	for _, d := range e.destinations {
		e.register(d)
	}
}

// register tells the shared instance that we use, shortly, that a destination is here: without noise on the network.
func (e *engine) register(d *Destination) {
	t := e.t
	if d.config.Type != DestinationSingle || slices.Contains(t.managed, d) {
		return
	}
	time.AfterFunc(registrationDelay, func() {
		_ = t.do(func(e *engine) {
			if e.master != nil && !e.stopping && e.destinations[d.hash] == d {
				d.answer(e.master)
			}
		})
	})
}

// masterLost forgets all that we knew by way of the shared instance.
func (e *engine) masterLost() {
	for _, l := range e.links {
		l.shutdown()
	}
	for p := range e.paths.all() {
		e.paths.remove(p)
	}
	e.scheduled.clear()
}

// manage makes the node's own destinations. Those of a client of a shared instance stay unknown: the master has its own.
func (t *Transport) manage() error {
	c := &t.config
	if c.TransportEnabled && c.RespondToProbes {
		d, err := t.NewDestination(DestinationConfig{
			Identity: c.Identity, App: transportApp, Aspects: []string{"probe"}, RefuseLinks: true,
			OnPacket: func(p *ReceivedPacket) { _ = p.Prove() },
		})
		if err != nil {
			return err
		}
		t.managed = append(t.managed, d)
	}
	if c.PublishBlackholes {
		d, err := t.NewDestination(DestinationConfig{
			Identity: c.Identity, App: transportApp, Aspects: []string{"info", "blackhole"},
		})
		if err != nil {
			return err
		}
		d.HandleRequest(blackholeListPath, func(context.Context, *Request) (msgpack.Raw, bool) {
			return packBlackholes(t.Blackholes()), true
		})
		t.managed = append(t.managed, d)
	}
	if id := c.NetworkIdentity; id != nil {
		hash := id.Hash()
		for _, aspects := range [][]string{{"network"}, {"network", "instance", hash.String()}} {
			d, err := t.NewDestination(DestinationConfig{Identity: id, App: transportApp, Aspects: aspects, RefuseLinks: true})
			if err != nil {
				return err
			}
			t.managed = append(t.managed, d)
		}
	}
	return nil
}

// announceManaged is the life of the goroutine that announces them, unless we are a client at that time.
func (t *Transport) announceManaged(life context.Context) {
	timer := time.NewTimer(managementDelay)
	defer timer.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-timer.C:
		}
		client := false
		_ = t.do(func(e *engine) { client = e.master != nil })
		for _, d := range t.managed {
			if client {
				break
			}
			if err := d.Announce(life); err != nil {
				t.log.Debug("not announced", "dest", d.name, "err", err)
			}
		}
		timer.Reset(managementInterval)
	}
}
