package main

import (
	"log/slog"

	"groupd/api/pages"
	"groupd/group"
	"groupd/rns"
)

// servePages opens nomadnetwork.node: pages for who browses.
func (n *node) servePages(info group.Info, id *rns.Identity, log *slog.Logger) (*rns.Destination, error) {
	face, err := pages.New(pages.Config{Hub: n.hub, Group: info.Group, Address: info.Address, Version: Version, Logger: log, Answered: n.chargeReply})
	if err != nil {
		return nil, err
	}
	destination, err := n.transport.NewDestination(rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: id, App: pages.App, Aspects: []string{pages.Aspect}, MaxRequestSize: pages.MaxRequestSize,
		AnswerDelay: answerDelay, LinkProofDelay: linkProofDelay, BoundStrangers: true,
		AppData: func() []byte { return []byte(n.publicName(info)) }, // the bare name (spec 4 §7.12)
	})
	if err != nil {
		return nil, err
	}
	face.Register(destination)
	return destination, nil
}
