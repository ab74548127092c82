package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"groupd/api/requests"
	"groupd/api/web"
	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// serving is one group on the network: its destinations and their announces.
type serving struct {
	id           group.GroupID
	detail       detail
	destinations []web.Destination
	announcer    *announcer
}

// serveGroup opens the destinations of a group on the transport. run is what has to run for them until ctx ends; nil: nothing.
func (n *node) serveGroup(ctx context.Context, info group.Info) (s *serving, run func(context.Context) error, err error) {
	key, err := n.hub.PrivateKey(ctx, group.Caller{Local: true}, info.Group)
	if err != nil {
		return nil, nil, err
	}
	id, err := rns.LoadIdentity(key)
	if err != nil {
		return nil, nil, fmt.Errorf("group %s: %w", info.Group, err)
	}
	s = &serving{id: info.Group, detail: n.settings.detailFor(info.Group, info.Public)}
	s.announcer = &announcer{log: n.log.own.With("group", string(info.Group)), every: n.settings.Server.Announce}
	log := n.log.own.With("group", string(info.Group))

	beacon, err := n.serveRequests(ctx, info.Group, id, s.detail, log)
	if err != nil {
		return nil, nil, err
	}
	s.destinations = append(s.destinations, web.Destination{Name: beacon.Name(), Hash: beacon.Hash().String()})
	delivery, run, err := n.serveDelivery(ctx, info.Group, id, log)
	if err != nil {
		beacon.Close()
		return nil, nil, err
	}
	if delivery != nil {
		s.destinations = append(s.destinations, web.Destination{Name: delivery.Name(), Hash: delivery.Hash().String()})
	}
	if s.detail != "off" {
		s.announcer.announce[kindBeacon] = beacon.Announce
		if delivery != nil {
			s.announcer.announce[kindDelivery] = delivery.Announce
		}
	}
	return s, run, nil
}

// serveRequests opens meshchat.group.
func (n *node) serveRequests(ctx context.Context, g group.GroupID, id *rns.Identity, d detail, log *slog.Logger) (*rns.Destination, error) {
	face, err := requests.New(requests.Config{Hub: n.hub, Group: g, Version: Version, Logger: log})
	if err != nil {
		return nil, err
	}
	life := context.WithoutCancel(ctx)
	destination, err := n.transport.NewDestination(rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: id, App: requests.App, Aspects: []string{requests.Aspect}, MaxRequestSize: requests.MaxRequestSize,
		AppData: func() []byte {
			ctx, cancel := context.WithTimeout(life, 5*time.Second)
			defer cancel()
			info, err := n.hub.Info(ctx, group.Caller{Local: true}, g)
			if err != nil {
				log.Warn("beacon without content", "err", err)
				return nil
			}
			return beaconOf(info, d).Append(nil)
		},
	})
	if err != nil {
		return nil, err
	}
	face.Register(destination)
	return destination, nil
}

// beaconOf is what a group's announce tells.
func beaconOf(info group.Info, d detail) groupdv1.Beacon {
	b := groupdv1.Beacon{Joining: groupdv1.Joining(info.Joining), Public: info.Public, Name: info.PublicName}
	if d == "full" {
		b.Head, b.Generation, b.Seq, b.Deletions = true, uint64(info.Generation), uint64(info.Head.Seq), info.Head.Deletions
	}
	return b
}
