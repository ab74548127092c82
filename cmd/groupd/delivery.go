package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"groupd/api/lxm"
	"groupd/api/requests"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

// Our own ratchets: mail waits long in propagation nodes.
const (
	ratchetEvery = 24 * time.Hour
	ratchetsFor  = 90 * 24 * time.Hour
)

// messageRoom is what a message is longer than the post in it, in bytes, at most: what is larger is not even received.
const messageRoom = 4 << 10

// serveDelivery opens lxmf.delivery: posts and commands by LXMF. run is the face's life.
func (n *node) serveDelivery(info group.Info, id *rns.Identity, log *slog.Logger) (d *lxmf.Delivery, run func(context.Context) error, err error) {
	face, err := lxm.New(lxm.Config{
		Hub: n.hub, Group: info.Group, Address: info.Address, Version: Version, Logger: log,
		Estimate: func(o lxm.Outbound) (lxmf.Airtime, error) { return n.router.Estimate(o.LXMF(d)) },
		Carry: func(ctx context.Context, o lxm.Outbound) (delivery.Outcome, error) {
			return lxm.Carried(ctx, n.router, n.toPerson(o.LXMF(d)))
		},
		Server:  n.announcesGroup,
		Send:    func(ctx context.Context, o lxm.Outbound) error { return n.send(ctx, d, o) }, // not before there is a delivery
		ModeFor: func(iface string) group.DeliveryMode { return n.scheduler.ModeFor(info.Group, iface) },
		Known:   func(a rns.DestinationHash) bool { _, ok := n.transport.Recall(a); return ok },
		Ratchet: func(a rns.DestinationHash) []byte {
			k, _ := n.transport.Recall(a)
			return k.Ratchet
		},
	})
	if err != nil {
		return nil, nil, err
	}
	d, err = n.router.AddDelivery(lxmf.DeliveryConfig{
		Identity: id, DisplayName: func() string { return n.publicName(info) }, OnMessage: face.OnMessage,
		MaxSize:         n.settings.Limits.Post.int64 + n.settings.Limits.Attachment.int64 + messageRoom,
		MaxStrangerSize: lxmf.DefaultMaxSize, // a member's program identifies after its first message, which may have a picture
		Ratchets:        &rns.RatchetConfig{Interval: ratchetEvery, MaxAge: ratchetsFor},
		StampCost:       n.stampCost(info.Group),
		StampExempt:     func(a rns.DestinationHash) bool { return n.inside(info.Group, a) },
		KeepTicket:      func(a rns.DestinationHash) bool { return n.inside(info.Group, a) },
		Ignore:          func(a rns.DestinationHash) bool { return n.standing(info.Group, a) == moderation.StandingBanned },
	})
	if err != nil {
		return nil, nil, err
	}
	n.scheduler.Register(info.Group, group.DeliverRelay, face.Relay())
	n.scheduler.Register(info.Group, group.DeliverDigest, face.Digest())
	return d, face.Run, nil
}

// costFor is how long a stamp cost is taken as read: every message asks for it.
const costFor = time.Second

// stampCost is what a group's messages cost those who are no members: what joining or posting asks for, whichever is more.
func (n *node) stampCost(g group.GroupID) func() int {
	var mu sync.Mutex
	var cost int
	var read time.Time
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); read.IsZero() || now.Sub(read) >= costFor {
			ctx, cancel := context.WithTimeout(context.Background(), readWithin)
			defer cancel()
			if info, err := n.hub.Info(ctx, group.Caller{Local: true}, g); err == nil {
				cost, read = max(info.JoinCost, info.PostCost), now
			}
		}
		return cost
	}
}

// standing is what the owner of an address is in a group; a stranger when nobody knows whose it is.
func (n *node) standing(g group.GroupID, a rns.DestinationHash) moderation.Standing {
	id, ok := n.memberKey(a)
	if !ok {
		known, ok := n.transport.Recall(a)
		if !ok {
			return moderation.StandingStranger
		}
		id = known.Identity
	}
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	st, err := n.hub.Standing(ctx, group.Caller{Identity: group.IdentityHash(id.Hash())}, g)
	if err != nil {
		return moderation.StandingStranger
	}
	return st.Standing
}

// inside reports whether the owner of an address is a member.
func (n *node) inside(g group.GroupID, a rns.DestinationHash) bool {
	s := n.standing(g, a)
	return s == moderation.StandingMember || s == moderation.StandingMuted
}

// publicName is what a group is called now; what it was called at the start, when that cannot be read.
func (n *node) publicName(info group.Info) string {
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	if now, err := n.hub.Info(ctx, group.Caller{Local: true}, info.Group); err == nil {
		return now.PublicName
	}
	return info.PublicName
}

// readWithin bounds what the network waits for the database.
const readWithin = 5 * time.Second

// send queues a message.
func (n *node) send(ctx context.Context, d *lxmf.Delivery, o lxm.Outbound) error {
	n.chargeAnswer(o.To, len(o.Content))
	m := n.toPerson(o.LXMF(d))
	m.Propagate = true // where a node is known
	_, err := n.router.Send(ctx, m)
	return err
}

// toPerson has a message encrypted to the ratchet that is kept with the member where the network has not told a newer one.
func (n *node) toPerson(m *lxmf.Outbound) *lxmf.Outbound {
	if p := n.person(m.To); time.Since(p.heard) <= rns.RatchetExpiry {
		m.Ratchet = p.ratchet
	}
	return m
}

// announcesGroup reports whether an identity is known to announce a group, this server's own or another's.
func (n *node) announcesGroup(id group.IdentityHash) bool {
	identity := rns.IdentityHash(id)
	_, known := n.transport.Recall(rns.HashDestination(&identity, requests.App, requests.Aspect))
	return known
}

// memberKey finds the key behind an LXMF address among members, former members and those who wait.
func (n *node) memberKey(a rns.DestinationHash) (*rns.PublicIdentity, bool) {
	p := n.person(a)
	if p.key == nil {
		return nil, false
	}
	id, err := rns.NewPublicIdentity(p.key)
	return id, err == nil
}

// person is what the database knows of somebody's keys; nil where it knows nothing.
type person struct {
	key, ratchet []byte
	heard        time.Time
}

// person looks in all groups, among members, former members and those who wait.
func (n *node) person(a rns.DestinationHash) person {
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	p, err := n.lookUp(ctx, a)
	if err != nil {
		n.log.own.Warn("keys of an address not read", "address", a, "err", err)
	}
	return p
}

// lookUp is person.
func (n *node) lookUp(ctx context.Context, a rns.DestinationHash) (p person, err error) {
	err = n.db.View(ctx, func(tx group.ReadTx) error {
		rows, err := tx.Memberships(group.AnyHash(a), group.MaxGroups)
		if err != nil {
			return err
		}
		for _, m := range rows {
			if len(m.PublicKey) > 0 && (p.key == nil || m.LastHeard.After(p.heard)) {
				p = person{m.PublicKey, m.Ratchet, m.LastHeard}
			}
		}
		waiting, err := tx.RequestsOf(group.AnyHash(a), group.MaxGroups)
		for _, q := range waiting {
			if len(q.PublicKey) > 0 && p.key == nil {
				p = person{q.PublicKey, q.Ratchet, q.Created}
			}
		}
		return err
	})
	return p, err
}
