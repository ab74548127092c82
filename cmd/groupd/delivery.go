package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
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
		Hub: n.hub, Group: info.Group, Version: Version, Logger: log,
		Send: func(ctx context.Context, o lxm.Outbound) error { return n.send(ctx, d, o) }, // not before there is a delivery
		Ratchet: func(a rns.DestinationHash) []byte {
			k, _ := n.transport.Recall(a)
			return k.Ratchet
		},
	})
	if err != nil {
		return nil, nil, err
	}
	d, err = n.router.AddDelivery(lxmf.DeliveryConfig{
		Identity: id, DisplayName: func() string { return n.publicName(info) }, OnMessage: face.OnMessage, MaxSize: n.settings.Limits.Post.int64 + messageRoom,
		Ratchets: &rns.RatchetConfig{Interval: ratchetEvery, MaxAge: ratchetsFor},
	})
	if err != nil {
		return nil, nil, err
	}
	return d, face.Run, nil
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

// send queues a message, encrypted to the ratchet that is kept with the member where the network has not told a newer one.
func (n *node) send(ctx context.Context, d *lxmf.Delivery, o lxm.Outbound) error {
	p := n.person(o.To)
	if time.Since(p.heard) > rns.RatchetExpiry {
		p.ratchet = nil
	}
	n.chargeAnswer(o.To, len(o.Content))
	_, err := n.router.Send(ctx, &lxmf.Outbound{
		From: d, To: o.To, Identity: o.Identity, Ratchet: p.ratchet, Content: o.Content, Fields: o.Fields, TTL: o.TTL, MaxStampCost: o.MaxStamp,
		Priority: o.Priority, Keep: o.Keep,
	})
	return err
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
func (n *node) person(a rns.DestinationHash) (p person) {
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	err := n.db.View(ctx, func(tx group.ReadTx) error {
		groups, err := tx.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			m, err := tx.MemberByHash(g.ID, group.AnyHash(a))
			if err != nil && !errors.Is(err, group.ErrNoRow) {
				return err
			}
			if err == nil && len(m.PublicKey) > 0 && (p.key == nil || m.LastHeard.After(p.heard)) {
				p = person{m.PublicKey, m.Ratchet, m.LastHeard}
			}
			q, err := tx.RequestByHash(g.ID, group.AnyHash(a))
			if err != nil && !errors.Is(err, group.ErrNoRow) {
				return err
			}
			if err == nil && len(q.PublicKey) > 0 && p.key == nil {
				p = person{q.PublicKey, q.Ratchet, q.Created}
			}
		}
		return nil
	})
	if err != nil {
		n.log.own.Warn("keys of an address not read", "address", a, "err", err)
	}
	return p
}
