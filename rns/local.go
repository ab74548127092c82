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

// packBlackholes is the answer to "/list": a map of identity hashes to what is known of each.
func packBlackholes(list []Blackhole) msgpack.Raw {
	b := msgpack.AppendMap(nil, len(list))
	for _, e := range list {
		b = msgpack.AppendBin(b, e.Identity[:])
		b = AppendBlackhole(b, e)
	}
	return b
}

// AppendBlackhole appends an entry as it is stored and published: a map of source, until and reason (spec 1 §6.20).
func AppendBlackhole(b []byte, e Blackhole) []byte {
	b = msgpack.AppendMap(b, 3)
	b = msgpack.AppendBin(msgpack.AppendStr(b, "source"), e.Source[:])
	b = msgpack.AppendStr(b, "until")
	if e.Until.IsZero() {
		b = msgpack.AppendNil(b)
	} else {
		b = msgpack.AppendFloat(b, float64(e.Until.UnixMilli())/1000)
	}
	b = msgpack.AppendStr(b, "reason")
	if e.Reason == "" {
		return msgpack.AppendNil(b)
	}
	return msgpack.AppendStr(b, e.Reason)
}

// ParseBlackhole reads what [AppendBlackhole] writes. Fields of a wrong type are [ErrMalformed].
func ParseBlackhole(id IdentityHash, raw msgpack.Raw) (e Blackhole, err error) {
	e.Identity = id
	fields, ok := raw.Map()
	if !ok {
		return e, ErrMalformed
	}
	for _, f := range fields {
		name, _ := f.Key.Str()
		if f.Value.IsNil() {
			continue
		}
		switch name {
		case "source":
			source, ok := f.Value.Bin()
			if !ok || len(source) != len(e.Source) {
				return e, ErrMalformed
			}
			e.Source = IdentityHash(source)
		case "until":
			until, ok := f.Value.Number()
			if !ok || !(until >= 0 && until < 1<<40) {
				return e, ErrMalformed
			}
			e.Until = time.UnixMilli(int64(until * 1000))
		case "reason":
			reason, ok := f.Value.Str()
			if !ok {
				return e, ErrMalformed
			}
			e.Reason = reason
		}
	}
	return e, nil
}
