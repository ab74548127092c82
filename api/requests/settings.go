package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// updateDisplayName answers /display-name/update; needs NAME.
func (s *Server) updateDisplayName(ctx context.Context, c *call, q *groupdv1.DisplayNameRequest) (*groupdv1.Ack, []byte, error) {
	if q.PublicName == nil && q.PrivateName == nil {
		return nil, nil, invalid("public_name", "say what to change: public_name or private_name")
	}
	return ack(s.hub.UpdateDisplayName(ctx, c.as(q.GetClientId()), s.group, group.NamesInput{Public: q.PublicName, Private: q.PrivateName}))
}

// updateTopic answers /topic/update; needs NAME.
func (s *Server) updateTopic(ctx context.Context, c *call, q *groupdv1.TopicRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.UpdateTopic(ctx, c.as(q.GetClientId()), s.group, q.GetTopic()))
}

// updateProfile answers /profile/update: a member's own name and status text.
func (s *Server) updateProfile(ctx context.Context, c *call, q *groupdv1.ProfileRequest) (*groupdv1.ProfileReply, []byte, error) {
	if q.Name == nil && q.StatusText == nil {
		return nil, nil, invalid("name", "say what to change: name or status_text")
	}
	m, err := s.hub.UpdateProfile(ctx, c.as(q.GetClientId()), s.group, group.ProfileInput{Name: q.Name, Status: q.StatusText})
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.ProfileReply{Name: m.DisplayName, Rev: uint64(m.Rev)}, nil, nil
}
