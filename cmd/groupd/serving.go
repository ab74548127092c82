package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"groupd/api/requests"
	"groupd/api/web"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// serving is one group on the network: its destinations and their announces.
type serving struct {
	id           group.GroupID
	identity     group.IdentityHash
	detail       detailNow
	destinations []web.Destination
	announcer    *announcer
	delivery     *lxmf.Delivery
	others       []*rns.Destination // of requests and pages
	end          context.CancelFunc // ends the message face; set by serve
	hurry        chan struct{}      // closed when the links to it have to be gone: it was deleted, and another group has its id
	hurried      bool               // that was done; under the node's mutex
	replaced     chan struct{}      // closed when all of it has to be gone: another group has its identity
	gone         chan struct{}      // closed when nothing is left of it on the network, once it was deleted
	face         *requests.Server
}

// serveGroup opens the destinations of a group on the transport. run is the life of its message face.
func (n *node) serveGroup(ctx context.Context, info group.Info) (s *serving, run func(context.Context) error, err error) {
	key, err := n.hub.PrivateKey(ctx, group.Caller{Local: true}, info.Group)
	if err != nil {
		return nil, nil, err
	}
	id, err := rns.LoadIdentity(key)
	if err != nil {
		return nil, nil, fmt.Errorf("group %s: %w", info.Group, err)
	}
	log := n.log.own.With("group", string(info.Group))
	s = &serving{id: info.Group, identity: info.Identity, hurry: make(chan struct{}), replaced: make(chan struct{}), gone: make(chan struct{})}
	s.detail.read = func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), readWithin)
		defer cancel()
		now, err := n.hub.Info(ctx, group.Caller{Local: true}, info.Group)
		return n.settings.detailFor(now), err
	}
	s.announcer = &announcer{
		log: log, every: n.settings.Server.Announce.Duration, may: func(late bool) bool { return n.scheduler.MayAnnounce(announceBytes, late) },
		off: func() bool { return s.detail.now() == "off" },
	}
	s.face, err = requests.New(requests.Config{
		Hub: n.hub, Group: info.Group, Version: Version, Logger: log, Stamps: n.router.Stamper(), Answered: n.chargeReply,
		Air: func(iface string, bytes int) time.Duration {
			return n.scheduler.Wait(iface, delivery.Push, bytes+linkOverhead)
		},
	})
	if err != nil {
		return nil, nil, err
	}
	beacon, err := n.serveRequests(s.face, id, s.detail.now, log)
	if err != nil {
		return nil, nil, err
	}
	site, err := n.servePages(info, id, log)
	if err != nil {
		beacon.Close()
		return nil, nil, err
	}
	mail, run, err := n.serveDelivery(info, id, log)
	if err != nil {
		beacon.Close()
		site.Close()
		return nil, nil, err
	}
	s.delivery, s.others = mail, []*rns.Destination{beacon, site}
	push, notify := s.face.Couriers(requests.CourierConfig{Transport: n.transport, Identity: id})
	n.scheduler.Register(info.Group, group.DeliverPush, push)
	n.scheduler.Register(info.Group, group.DeliverNotify, notify)
	for _, d := range []*rns.Destination{mail.Destination(), beacon, site} {
		s.destinations = append(s.destinations, web.Destination{Name: d.Name(), Hash: d.Hash().String()})
	}
	s.announcer.announce = [announceKinds]func(context.Context) error{kindDelivery: mail.Announce, kindBeacon: beacon.Announce, kindPages: site.Announce}
	return s, run, nil
}

// answerDelay holds answers back so long that a stock program has noted what it asked; see rns.DestinationConfig.
const answerDelay = 25 * time.Millisecond

// linkProofDelay makes stock programs measure a round trip that leaves time for a commit; see there as well.
const linkProofDelay = 50 * time.Millisecond

// serveRequests opens meshchat.group.
func (n *node) serveRequests(face *requests.Server, id *rns.Identity, detail func() string, log *slog.Logger) (*rns.Destination, error) {
	destination, err := n.transport.NewDestination(rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: id, App: requests.App, Aspects: []string{requests.Aspect}, MaxRequestSize: requests.MaxRequestSize,
		AnswerDelay: answerDelay, LinkProofDelay: linkProofDelay, BoundStrangers: true,
		AppData: func() []byte {
			ctx, cancel := context.WithTimeout(context.Background(), readWithin)
			defer cancel()
			data, err := face.Beacon(ctx)
			if err != nil {
				log.Warn("beacon without content", "err", err)
				return nil
			}
			return beaconFor(data, detail())
		},
	})
	if err != nil {
		return nil, err
	}
	face.Register(destination)
	return destination, nil
}

// detailNow is what the announces of a group tell. The policy is read again only after something changed.
type detailNow struct {
	read func() (string, error)

	mu      sync.Mutex // leaf
	tell    string     // "": to be read
	changes uint64
}

// changed has it read again when it is next asked for.
func (d *detailNow) changed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell = ""
	d.changes++
}

// now is full, name or off; name where it cannot be read.
func (d *detailNow) now() string {
	d.mu.Lock()
	tell, changes := d.tell, d.changes
	d.mu.Unlock()
	if tell != "" {
		return tell
	}
	tell, err := d.read()
	if err != nil {
		return "name"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if changes == d.changes {
		d.tell = tell
	}
	return tell
}

// beaconFor takes the state of the timeline out of a beacon that shall not tell it.
func beaconFor(data []byte, tell string) []byte {
	if tell == "full" {
		return data
	}
	b, err := groupdv1.ParseBeacon(data)
	if err != nil {
		return nil
	}
	b.Head = false
	return b.Append(nil)
}
