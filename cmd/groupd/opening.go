package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/group"
	"groupd/rns"
)

// partingTime is how long the links to a group that was deleted stay open: the answer to who deleted it is on its way by one.
const partingTime = 30 * time.Second

// Settle implements web.Node: groups that are new are opened, those that are gone are closed.
func (n *node) Settle(ctx context.Context) error {
	n.settling.Lock()
	defer n.settling.Unlock()
	infos, err := n.hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return err
	}
	there := make(map[group.GroupID]bool)
	var failed error
	for _, info := range infos {
		there[info.Group] = true
		if n.servingOf(info.Group, info.Identity) != nil {
			continue
		}
		if err := n.serve(ctx, info); err != nil && !errors.Is(err, group.ErrClosed) {
			failed = errors.Join(failed, fmt.Errorf("group %s: %w", info.Group, err))
			continue
		}
		if err := n.rememberAll(ctx, info.Group); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ending {
		return failed
	}
	for id, s := range n.groups {
		if there[id] {
			continue
		}
		delete(n.groups, id)
		n.faces.Go(func() error { n.part(n.life, s); return nil })
	}
	return failed
}

// servingOf is how a group is served; nil when it is not, or another one had its id before.
func (n *node) servingOf(id group.GroupID, identity group.IdentityHash) *serving {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.groups[id]; s != nil && s.identity == identity {
		return s
	}
	return nil
}

// part takes a group that is gone off the network. Nothing new comes in from now on; who is on a link to it is told that there is no such
// group, for a while.
func (n *node) part(ctx context.Context, s *serving) {
	n.scheduler.Close(s.id)
	if err := s.delivery.Close(ctx); err != nil {
		n.log.own.Warn("messages of a deleted group not dropped", "group", s.id, "err", err)
	}
	s.end()
	for _, d := range s.others {
		d.Close()
	}
	select {
	case <-ctx.Done():
	case <-time.After(partingTime):
	}
	gone := []rns.DestinationHash{s.delivery.Address()}
	for _, d := range s.others {
		d.CloseLinks()
		gone = append(gone, d.Hash())
	}
	if ctx.Err() != nil {
		return // the next start does the rest
	}
	if err := n.db.ForgetDestinations(ctx, gone...); err != nil {
		n.log.own.Warn("traces of a deleted group not erased", "group", s.id, "err", err)
	}
	n.forgetStrangers(ctx)
	n.dropClaimFile(ctx)
}

// forgetStrangers lets the transport forget the keys of those of whom no group has a row any more.
func (n *node) forgetStrangers(ctx context.Context) {
	for _, a := range n.transport.Remembered() {
		if ctx.Err() != nil {
			return
		}
		if p, err := n.lookUp(ctx, a); err == nil && p.key == nil {
			n.transport.Forget(a)
		}
	}
}
