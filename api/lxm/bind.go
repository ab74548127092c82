package lxm

import (
	"context"

	"groupd/lxmf"
)

// Via sends through a router, in the name of a delivery.
func Via(r *lxmf.Router, d *lxmf.Delivery) func(context.Context, Outbound) error {
	return func(ctx context.Context, o Outbound) error {
		_, err := r.Send(ctx, &lxmf.Outbound{From: d, To: o.To, Identity: o.Identity, Content: o.Content, Fields: o.Fields, TTL: o.TTL, MaxStampCost: o.MaxStamp, Priority: o.Priority, Keep: o.Keep, Ticket: o.Ticket})
		return err
	}
}

// OnMessage is what a delivery's OnMessage does.
func (s *Server) OnMessage(in *lxmf.Inbound) {
	s.Handle(Inbound{Message: in.Message, Sender: in.Sender, Via: in.Interface, Late: in.Late, Work: in.StampValue, Prove: in.Prove, Drop: in.Drop})
}
