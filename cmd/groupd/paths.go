package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"groupd/api/web"
	"groupd/group"
	"groupd/rns"
)

const (
	// pathWithin is how long a path is waited for where nothing else is said.
	pathWithin = 15 * time.Second
	// probeSize in bytes where nothing else is said, and the most that fits into one packet.
	probeSize    = 16
	maxProbeSize = 383
	// maxProbeWait bounds each of the two waits of a probe, for the path and for the proof.
	maxProbeWait = 28 * time.Second
)

// Path implements web.Node.
func (n *node) Path(ctx context.Context, d [16]byte, request bool) (web.Path, error) {
	hash := rns.DestinationHash(d)
	if n.transport.IsLocal(hash) {
		return web.Path{Destination: hash.String(), Known: true}, nil
	}
	if request {
		if err := n.awaitPath(ctx, hash, pathWithin); err != nil && !errors.Is(err, rns.ErrNoPath) {
			return web.Path{}, err
		}
	}
	if list, ok := n.masterPaths(ctx); ok {
		for _, p := range list {
			if p.Destination == hash.String() {
				return p, nil
			}
		}
	}
	if info, ok := n.transport.PathInfo(hash); ok {
		return pathOf(info), nil
	}
	return web.Path{Destination: hash.String()}, nil
}

// masterPaths is the path table of the shared instance that we use, if it tells.
func (n *node) masterPaths(ctx context.Context) ([]web.Path, bool) {
	c := n.caller()
	if c == nil {
		return nil, false
	}
	within, cancel := context.WithTimeout(ctx, askMasterWithin)
	defer cancel()
	rows, err := c.Paths(within)
	if err != nil {
		n.log.network.Debug("the shared instance does not tell its paths", "err", err)
		return nil, false
	}
	list := make([]web.Path, 0, len(rows))
	for _, p := range rows {
		list = append(list, web.Path{
			Destination: p.Destination.String(), Known: true, Hops: p.Hops, NextHop: p.Via.String(), Interface: p.Interface,
			Learned: moment(p.Learned), Expires: moment(p.Expires),
		})
	}
	return list, true
}

// awaitPath asks the network for a path; rns.ErrNoPath when none came in time.
func (n *node) awaitPath(ctx context.Context, d rns.DestinationHash, within time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := n.transport.AwaitPath(wait, d)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return rns.ErrNoPath
	}
	return err
}

func pathOf(p rns.PathInfo) web.Path {
	return web.Path{
		Destination: p.Destination.String(), Known: true, Hops: p.Hops, NextHop: p.NextHop.String(), Interface: p.Interface,
		Learned: moment(p.Learned), Expires: moment(p.Expires), Announced: moment(p.Emitted),
	}
}

// moment is a time for JSON; the zero time is absent.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Paths implements web.Node. A client of a shared instance has the master's, as rnpath shows them.
func (n *node) Paths(ctx context.Context, maxHops int) ([]web.Path, error) {
	list, ok := n.masterPaths(ctx)
	if !ok {
		for _, p := range n.transport.Paths() {
			list = append(list, pathOf(p))
		}
	}
	return slices.DeleteFunc(list, func(p web.Path) bool { return p.Hops > maxHops }), nil
}

// ForgetPath implements web.Node.
func (n *node) ForgetPath(ctx context.Context, d [16]byte) (bool, error) {
	_, had := n.transport.PathInfo(rns.DestinationHash(d))
	n.transport.ForgetPath(rns.DestinationHash(d))
	if c := n.caller(); c != nil {
		within, cancel := context.WithTimeout(ctx, askMasterWithin)
		defer cancel()
		dropped, err := c.DropPath(within, rns.DestinationHash(d))
		return had || dropped, err
	}
	return had, nil
}

// Rates implements web.Node.
func (n *node) Rates(context.Context) ([]web.Rate, error) {
	var list []web.Rate
	for _, r := range n.transport.Rates() {
		row := web.Rate{Destination: r.Destination.String(), Last: r.Last.UTC(), Violations: r.Violations, BlockedUntil: moment(r.BlockedUntil)}
		if len(r.Times) > 1 {
			if span := r.Times[len(r.Times)-1].Sub(r.Times[0]); span > 0 {
				row.PerHour = float64(len(r.Times)-1) / span.Hours()
			}
		}
		list = append(list, row)
	}
	return list, nil
}

// Probe implements web.Node.
func (n *node) Probe(ctx context.Context, d [16]byte, in web.ProbeInput) (web.Probe, error) {
	hash := rns.DestinationHash(d)
	p := web.Probe{Destination: hash.String(), Name: in.Name, Size: in.Size}
	invalid := func(field, msg string) error {
		return &group.Error{Kind: group.KindInvalid, Op: "probe", Field: field, Msg: msg}
	}
	if p.Size == 0 {
		p.Size = probeSize
	}
	if p.Size < 1 || p.Size > maxProbeSize {
		return p, invalid("size", fmt.Sprintf("must be 1 to %d bytes", maxProbeSize))
	}
	wait := maxProbeWait
	if in.Seconds != 0 {
		wait = time.Duration(in.Seconds) * time.Second
	}
	if wait <= 0 || wait > maxProbeWait {
		return p, invalid("timeout", fmt.Sprintf("must be 1 to %d seconds", maxProbeWait/time.Second))
	}
	if n.transport.IsLocal(hash) {
		return p, &group.Error{Kind: group.KindConflict, Op: "probe", Msg: p.Destination + " is of this server: there is nothing to measure"}
	}
	if err := n.awaitPath(ctx, hash, min(wait, pathWithin)); errors.Is(err, rns.ErrNoPath) {
		return p, &group.Error{Kind: group.KindNotFound, Op: "probe", Msg: "no path to " + p.Destination}
	} else if err != nil {
		return p, err
	}
	known, ok := n.transport.Recall(hash)
	if !ok {
		return p, &group.Error{Kind: group.KindNotFound, Op: "probe", Msg: "the key of " + p.Destination + " is not known"}
	}
	remote := n.remote(hash, known.Identity, in.Name)
	if remote == nil {
		return p, invalid("name", "the address is none of that name: say what it is, such as rnstransport.probe")
	}
	p.Name = remote.Name()
	if len(known.Ratchet) > 0 {
		remote.SetRatchet(known.Ratchet)
	}
	if info, ok := n.transport.PathInfo(hash); ok {
		p.Hops, p.NextHop, p.Interface = info.Hops, info.NextHop.String(), info.Interface
	}
	content := make([]byte, p.Size)
	if _, err := rand.Read(content); err != nil {
		return p, err
	}
	receipt, err := remote.Send(ctx, content)
	if errors.Is(err, rns.ErrTooLarge) {
		return p, invalid("size", "does not fit into one packet")
	}
	if err != nil {
		return p, err
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case <-receipt.Done():
	case <-late.C:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	if receipt.Status() == rns.ReceiptDelivered {
		p.Answered, p.RTT = true, float64(receipt.RTT().Microseconds())/1000
		if r := n.connected().radios[p.Interface]; r != nil {
			p.Signal = signalOf(r.Signal())
		}
	}
	return p, nil
}

// probeNames are the destinations that people probe.
func probeNames() []string {
	return []string{"rnstransport.probe", "lxmf.delivery", "meshchat.group", "nomadnetwork.node", "lxmf.propagation"}
}

// remote is the destination of that address and name; without a name, that of a usual one. nil when none fits.
func (n *node) remote(hash rns.DestinationHash, id *rns.PublicIdentity, name string) *rns.RemoteDestination {
	names := []string{name}
	if name == "" {
		names = probeNames()
	}
	for _, name := range names {
		app, rest, _ := strings.Cut(name, ".")
		var aspects []string
		if rest != "" {
			aspects = strings.Split(rest, ".")
		}
		if r := n.transport.NewRemote(id, app, aspects...); r != nil && r.Hash() == hash {
			return r
		}
	}
	return nil
}
