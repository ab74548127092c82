package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// declineInvite answers /invites/decline, for who is invited.
func (s *Server) declineInvite(ctx context.Context, c *call, q *groupdv1.DeclineInviteRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.DeclineInvite(ctx, c.as(q.GetClientId()), s.group))
}

// circle answers /circle: as many of those invited as fit. For members, and for them.
func (s *Server) circle(ctx context.Context, c *call, q *groupdv1.CircleRequest) (*groupdv1.CircleReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	st, err := s.hub.Circle(ctx, c.caller, s.group)
	if err != nil {
		return nil, nil, err
	}
	list := st.Invitees[min(int(min(q.GetSkip(), 1<<16)), len(st.Invitees)):]
	rows := make([]*groupdv1.Invitee, len(list))
	for i, v := range list {
		rows[i] = &groupdv1.Invitee{
			Who: v.Who[:], Name: v.Name, State: groupdv1.InviteeState(v.State), By: v.By[:], Invited: unix(v.Invited), Expires: unix(v.Expires), Answered: unix(v.Answered),
		}
		if v.By.IsZero() {
			rows[i].By = nil
		}
	}
	encoded, err := fitRows(rows, budget, 24, false, func(shown []*groupdv1.Invitee, more bool) ([]byte, error) {
		return c.encode(&groupdv1.CircleReply{
			Forming: st.Forming, AnswerUntil: unix(st.Until), Established: unix(st.Established), MayEstablish: st.MayEstablish, Invitees: shown, More: more,
		})
	}, func(i *groupdv1.Invitee) { i.Name = "" })
	return &groupdv1.CircleReply{}, encoded, err
}

// establish answers /circle/establish, for the group's creator.
func (s *Server) establish(ctx context.Context, c *call, q *groupdv1.EstablishRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.Establish(ctx, c.as(q.GetClientId()), s.group))
}

// keys answers /keys, for members: as many as fit.
func (s *Server) keys(ctx context.Context, c *call, q *groupdv1.KeysRequest) (*groupdv1.KeysReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	p, err := s.hub.Keys(ctx, c.caller, s.group, group.KeysQuery{Before: q.GetBefore(), Limit: limitIn(q.GetLimit())})
	if err != nil {
		return nil, nil, err
	}
	rows := make([]*groupdv1.EpochKey, len(p.Epochs))
	for i, e := range p.Epochs {
		rows[i] = &groupdv1.EpochKey{Epoch: e.Number, Key: e.Key[:], AfterSeq: uint64(e.Seq), Begun: unix(e.Created)}
	}
	encoded, err := fitRows(rows, budget, group.EpochKeySize, p.More, func(shown []*groupdv1.EpochKey, more bool) ([]byte, error) {
		return c.encode(&groupdv1.KeysReply{Keys: shown, More: more, Generation: uint64(p.Generation)})
	}, func(*groupdv1.EpochKey) {})
	return &groupdv1.KeysReply{}, encoded, err
}
