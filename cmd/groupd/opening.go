package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
	"groupd/rns"
)

// partingTime is how long the links to a group that was deleted stay open: the answer to who deleted it is on its way by one. farewellTime is how
// long its members are told of it, after which its key is gone from memory, too.
const (
	partingTime  = 30 * time.Second
	farewellTime = 10 * time.Minute
)

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
		if err := n.hurry(ctx, info); err != nil {
			return err
		}
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
		n.parting[s.identity] = s
		n.faces.Go(func() error { n.part(n.life, s); return nil })
	}
}

// hurry ends the links to a group that was deleted: another one gets its id now, and must not answer there. Its members are told all the same.
// One that has the same identity waits until there is nothing left of it.
func (n *node) hurry(ctx context.Context, next group.Info) error {
	var same []*serving
	n.mu.Lock()
	for identity, s := range n.parting {
		if s.id != next.Group && identity != next.Identity {
			continue
		}
		if !s.hurried {
			s.hurried = true
			close(s.hurry)
		}
		if identity == next.Identity {
			delete(n.parting, identity)
			close(s.replaced)
			same = append(same, s)
		}
	}
	n.mu.Unlock()
	for _, s := range same {
		select {
		case <-s.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// serves reports whether a group is served.
func (n *node) serves(id group.GroupID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.groups[id] != nil
}

// part takes a group that is gone off the network. Nothing new comes in from now on; who is on a link to it is told that there is no such
// group, for a while, and its members are told that it was deleted.
func (n *node) part(ctx context.Context, s *serving) {
	defer close(s.gone)
	if err := s.delivery.Retire(ctx); err != nil {
		n.log.own.Warn("messages of a deleted group not dropped", "group", s.id, "err", err)
	}
	s.end()
	for _, d := range s.others {
		d.Close()
	}
	said := n.farewell(ctx, s)
	within, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-s.hurry:
	case <-time.After(partingTime):
	}
	gone := []rns.DestinationHash{s.delivery.Address()}
	for _, d := range s.others {
		d.CloseLinks()
		gone = append(gone, d.Hash())
	}
	for _, out := range said {
		select {
		case <-within.Done():
		case <-s.replaced:
		case <-out.Done():
		}
	}
	n.mu.Lock()
	if n.parting[s.identity] == s {
		delete(n.parting, s.identity)
	}
	n.mu.Unlock()
	if ctx.Err() != nil {
		return // the next start does the rest
	}
	if err := s.delivery.Close(ctx); err != nil {
		n.log.own.Warn("messages of a deleted group not dropped", "group", s.id, "err", err)
	}
	if err := n.db.ForgetDestinations(ctx, gone...); err != nil {
		n.log.own.Warn("traces of a deleted group not erased", "group", s.id, "err", err)
	}
	n.forgetStrangers(ctx)
	n.pruneClaimFile(ctx)
}

// farewell has members told that their group was deleted: one message to each, kept nowhere, as many as a post that is relayed is.
func (n *node) farewell(ctx context.Context, s *serving) (said []*lxmf.Outgoing) {
	w, _ := n.hub.Farewell(s.identity)
	for _, m := range w.To {
		o, err := lxm.Farewell(w, m)
		if err != nil {
			continue
		}
		o.TTL = farewellTime
		n.chargeAnswer(o.To, len(o.Content))
		message := o.LXMF(s.delivery)
		if message.Propagate = true; time.Since(m.LastHeard) <= rns.RatchetExpiry {
			message.Ratchet = m.Ratchet
		}
		out, err := n.router.Send(ctx, message)
		if err != nil {
			n.log.own.Debug("member not told of the end of a group", "group", s.id, "err", err)
			continue
		}
		said = append(said, out)
	}
	return said
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
