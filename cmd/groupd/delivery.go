package main

import (
	"context"
	"log/slog"

	"groupd/group"
	"groupd/rns"
)

// serveDelivery opens lxmf.delivery: posts and commands by LXMF. destination is nil when there is none; run is what has to run for it.
func (n *node) serveDelivery(ctx context.Context, g group.GroupID, id *rns.Identity, log *slog.Logger) (destination *rns.Destination, run func(context.Context) error, err error) {
	return nil, nil, nil
}
