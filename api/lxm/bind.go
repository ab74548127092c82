package lxm

import (
	"context"
	"errors"

	"groupd/group/delivery"
	"groupd/lxmf"
)

// Via sends through a router, in the name of a delivery.
func Via(r *lxmf.Router, d *lxmf.Delivery) func(context.Context, Outbound) error {
	return func(ctx context.Context, o Outbound) error {
		_, err := r.Send(ctx, o.LXMF(d))
		return err
	}
}

// LXMF is the message as a router takes it.
func (o Outbound) LXMF(from *lxmf.Delivery) *lxmf.Outbound {
	m := &lxmf.Outbound{
		From: from, To: o.To, Identity: o.Identity, Content: o.Content, Fields: o.Fields, Timestamp: o.Time, TTL: o.TTL, MaxStampCost: o.MaxStamp,
		Priority: o.Priority, Keep: o.Keep, Ticket: o.Ticket,
	}
	if o.Node {
		m.Method = lxmf.MethodPropagated
	}
	return m
}

// Carried sends a message through a router and waits for what becomes of it, at most until ctx ends; then it is given up. The
// error is why it did not arrive.
func Carried(ctx context.Context, r *lxmf.Router, m *lxmf.Outbound) (delivery.Outcome, error) {
	out, err := r.Send(ctx, m)
	switch {
	case errors.Is(err, lxmf.ErrNoNode):
		return delivery.NoNode, err
	case err != nil:
		return delivery.NotProved, err
	}
	select {
	case <-out.Done():
	case <-ctx.Done():
		out.Cancel()
		<-out.Done()
	}
	switch out.State() {
	case lxmf.StateDelivered:
		return delivery.Proved, nil
	case lxmf.StateSent:
		return delivery.LeftAtNode, nil
	}
	switch err := out.Err(); {
	case errors.Is(err, lxmf.ErrNoNode):
		return delivery.NoNode, err
	case errors.Is(err, lxmf.ErrUnknownRecipient):
		return delivery.Unreached, err
	default:
		return delivery.NotProved, err
	}
}

// OnMessage is what a delivery's OnMessage does.
func (s *Server) OnMessage(in *lxmf.Inbound) {
	s.Handle(Inbound{Message: in.Message, Sender: in.Sender, Via: in.Interface, Late: in.Late, Work: in.StampValue, Prove: in.Prove, Drop: in.Drop})
}
