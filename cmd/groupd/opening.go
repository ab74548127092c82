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
	there := make(map[group.GroupID]group.IdentityHash)
	for _, info := range infos {
		there[info.Group] = info.Identity
	}
	n.closeOthers(there)
	var failed error
	for _, info := range infos {
		if n.serves(info.Group) {
			continue
		}
		n.hurry(info.Group)
		if err := n.serve(ctx, info); err != nil && !errors.Is(err, group.ErrClosed) {
			failed = errors.Join(failed, fmt.Errorf("group %s: %w", info.Group, err))
			continue
		}
		if err := n.rememberAll(ctx, info.Group); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// closeOthers closes all groups but those that are there. One that has the id of another that was deleted is another one.
func (n *node) closeOthers(there map[group.GroupID]group.IdentityHash) {
	n.mu.Lock()
	var gone []*serving
	for id, s := range n.groups {
		if there[id] != s.identity && !n.ending {
			delete(n.groups, id)
			gone = append(gone, s)
		}
	}
	n.mu.Unlock()
	for _, s := range gone {
		n.scheduler.Close(s.id) // at once: the next group may have the same id
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range gone {
		if n.ending {
			return
		}
		n.parting[s.id] = s
		n.faces.Go(func() error { n.part(n.life, s); return nil })
	}
}

// hurry ends the links to a group that was deleted: another one gets its id now, and must not answer there.
func (n *node) hurry(id group.GroupID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.parting[id]; s != nil {
		delete(n.parting, id)
		close(s.hurry)
	}
}

// serves reports whether a group is served.
func (n *node) serves(id group.GroupID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.groups[id] != nil
}

// part takes a group that is gone off the network. Nothing new comes in from now on; who is on a link to it is told that there is no such
// group, for a while.
func (n *node) part(ctx context.Context, s *serving) {
	if err := s.delivery.Close(ctx); err != nil {
		n.log.own.Warn("messages of a deleted group not dropped", "group", s.id, "err", err)
	}
	s.end()
	for _, d := range s.others {
		d.Close()
	}
	select {
	case <-ctx.Done():
	case <-s.hurry:
	case <-time.After(partingTime):
	}
	n.mu.Lock()
	if n.parting[s.id] == s {
		delete(n.parting, s.id)
	}
	n.mu.Unlock()
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
	n.pruneClaimFile(ctx)
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
