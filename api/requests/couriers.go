package requests

import (
	"context"
	"errors"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// CourierConfig is what the couriers of a group need of the network. All is required.
type CourierConfig struct {
	Transport *rns.Transport
	Identity  *rns.Identity // the group's: it signs notices
}

// Couriers makes those who carry notices to the group's members: single packets to meshchat.notify of a member's identity, encrypted to the
// newest ratchet that it announced, whose proof is the proof of delivery. push sends pages, notify says that there is something new. What
// is the same for many members is read, packed and signed once.
func (s *Server) Couriers(cfg CourierConfig) (push, notify delivery.Courier) {
	own := cfg.Identity.Hash()
	c := &noticeCourier{
		server: s, transport: cfg.Transport, identity: cfg.Identity, from: rns.HashDestination(&own, App, Aspect), readers: newReaders(),
		bundles: newShelf[bundle](), news: newShelf[news](), urgent: newShelf[[]group.Entry](),
		slow: make(chan struct{}, slowPackets),
	}
	return pushCourier{c}, notifyCourier{c}
}

// noticeCourier is what both couriers are made of.
type noticeCourier struct {
	server    *Server
	transport *rns.Transport
	identity  *rns.Identity
	from      rns.DestinationHash // the group's meshchat.group
	readers   *readers

	bundles *shelf[bundle]        // by the rev they start at
	news    *shelf[news]          // by the rev they start at
	urgent  *shelf[[]group.Entry] // emergencies after a rev

	slow chan struct{} // held by packets over slow interfaces until their proof
}

// slowPackets is how many packets over slow interfaces wait for their proofs at a time: one whose proof is held up by many others is taken for
// lost, and sent again for nothing.
const slowPackets = 2

// notice is the payload of a parcel.
type notice struct {
	to    *rns.PublicIdentity
	data  []byte
	slow  bool
	after func(*reader) // once it is proved; nil: nothing changes
}

// Address implements delivery.Courier.
func (c *noticeCourier) Address(m group.IdentityHash) delivery.Address {
	return delivery.Address(NotifyDestination(m))
}

// pathWithin bounds the search for a way to a member, and forgetAfter is how many packets without a proof make us look for another way.
const (
	pathWithin  = 15 * time.Second
	forgetAfter = 2
)

// Carry implements delivery.Courier.
func (c *noticeCourier) Carry(ctx context.Context, p delivery.Parcel) delivery.Outcome {
	n, ok := p.Payload.(*notice)
	if !ok {
		return delivery.NotProved
	}
	to := c.transport.NewRemote(n.to, App, NotifyAspect)
	id := group.IdentityHash(n.to.Hash())
	if !c.transport.HasPath(to.Hash()) {
		within, cancel := context.WithTimeout(ctx, pathWithin)
		err := c.transport.AwaitPath(within, to.Hash())
		cancel()
		if err != nil {
			return unreached(ctx)
		}
	}
	if n.slow {
		select {
		case c.slow <- struct{}{}:
			defer func() { <-c.slow }()
		case <-ctx.Done():
			return delivery.NotProved
		}
	}
	receipt, err := to.Send(ctx, n.data)
	if err != nil {
		return unreached(ctx)
	}
	select {
	case <-receipt.Done():
	case <-ctx.Done():
		return delivery.NotProved
	}
	if receipt.Status() != rns.ReceiptDelivered {
		c.readers.note(id, func(r *reader) {
			if r.unproved++; r.unproved >= forgetAfter {
				r.unproved = 0
				c.transport.ForgetPath(to.Hash())
			}
		})
		return delivery.NotProved
	}
	c.readers.note(id, func(r *reader) {
		r.unproved = 0
		if n.after != nil {
			n.after(r)
		}
	})
	return delivery.Proved
}

// unreached is the outcome for who was not reached: ctx may have ended before that was sure.
func unreached(ctx context.Context) delivery.Outcome {
	if ctx.Err() != nil {
		return delivery.NotProved
	}
	return delivery.Unreached
}

// seal makes a notice of this group.
func (c *noticeCourier) seal(kind groupdv1.NoticeKind, body []byte) []byte {
	return groupdv1.SealNotice(c.from, kind, body, c.identity.Sign)
}

// parcel makes one packet of a notice.
func (c *noticeCourier) parcel(r delivery.Recipient, way delivery.Way, to group.Rev, data []byte, after func(*reader)) (delivery.Parcel, error) {
	id, err := rns.NewPublicIdentity(r.Member.PublicKey)
	if err != nil {
		return delivery.Parcel{}, errors.New("the member's key is not known")
	}
	return delivery.Parcel{To: to, Bytes: onAir(len(data), way.Hops), Packets: 1, Proofs: 1, Payload: &notice{id, data, way.Slow, after}}, nil
}

// onAir is the size of a packet to a SINGLE destination with so many bytes in it.
func onAir(plaintext, hops int) int {
	header := rns.HeaderMinSize
	if hops > 1 {
		header = rns.HeaderMaxSize
	}
	const block = 16
	return header + rns.X25519KeyLength + rns.TokenOverhead + (plaintext/block+1)*block
}

// urgentRows bounds the changes that are looked through for emergencies, and urgentMost how many of those, the newest, are told.
const (
	urgentRows = 5 * group.MaxPage
	urgentMost = 8
)

// emergencies are the emergency posts of others that a member misses.
func (c *noticeCourier) emergencies(ctx context.Context, r delivery.Recipient) (mine []group.Entry, err error) {
	all, err := c.urgent.get(ctx, r.After, func() (found []group.Entry, err error) {
		for after, rows := r.After, 0; rows < urgentRows; rows += group.MaxPage {
			p, err := c.server.hub.Messages(ctx, group.Caller{Local: true}, c.server.group, group.Query{AfterRev: after, Contents: true, Limit: group.MaxPage})
			if err != nil {
				return nil, err
			}
			for _, e := range p.Entries {
				if e.Emergency && !e.Deleted {
					found = append(found, e)
				}
			}
			if after = p.To; !p.More {
				break
			}
		}
		return found[max(0, len(found)-urgentMost):], nil
	})
	for _, e := range all {
		if e.Author != r.Member.Identity {
			mine = append(mine, e)
		}
	}
	return mine, err
}

// concerns reports whether a post by somebody else names a member or answers him, or is an emergency. authors has who wrote what is answered.
func concerns(e group.Entry, m group.Member, authors map[group.Seq]group.IdentityHash) bool {
	return e.Kind.Authored() && !e.Deleted && e.Author != m.Identity && (e.Emergency || e.Names(m) || e.Ref > 0 && authors[e.Ref] == m.Identity)
}

// answered looks up who wrote what entries answer.
func (c *noticeCourier) answered(ctx context.Context, entries []group.Entry) (map[group.Seq]group.IdentityHash, error) {
	q := group.Query{}
	for _, e := range entries {
		if e.Ref > 0 && e.Kind != group.EntryEdit {
			q.Seqs = append(q.Seqs, e.Ref)
		}
	}
	if len(q.Seqs) == 0 {
		return nil, nil
	}
	p, err := c.server.hub.Messages(ctx, group.Caller{Local: true}, c.server.group, q)
	authors := make(map[group.Seq]group.IdentityHash, len(p.Entries))
	for _, e := range p.Entries {
		authors[e.Seq] = e.Author
	}
	return authors, err
}
