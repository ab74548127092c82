package main

import (
	"context"

	"groupd/api/requests"
	"groupd/group"
	"groupd/rns"
)

// groupHeard notes that another server announces a group.
func (n *node) groupHeard(ctx context.Context, a rns.Announced) {
	g, ok := requests.HeardGroup(a)
	if !ok {
		return
	}
	if err := n.hub.HeardGroup(ctx, g); err != nil && ctx.Err() == nil {
		n.log.own.Warn("announce of a group not noted", "err", err)
	}
}

// blackholed reports whether an identity is not listened to.
func (n *node) blackholed(id group.IdentityHash) bool {
	return n.transport.Blackholed(rns.IdentityHash(id))
}

// pathToGroup is the way to a group of another server.
func (n *node) pathToGroup(id group.IdentityHash) (hops int, iface string, ok bool) {
	identity := rns.IdentityHash(id)
	p, ok := n.transport.PathInfo(rns.HashDestination(&identity, requests.App, requests.Aspect))
	return p.Hops, p.Interface, ok
}
