package requests

import (
	"context"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// kick answers /members/kick; needs KICK.
func (s *Server) kick(ctx context.Context, c *call, q *groupdv1.KickRequest) (*groupdv1.Ack, []byte, error) {
	target, err := s.resolve(ctx, c, "who", q.GetWho(), group.AmongMembers)
	if err != nil {
		return nil, nil, err
	}
	return ack(s.hub.Kick(ctx, c.as(q.GetClientId()), s.group, group.KickInput{
		Target: target, Reason: q.GetReason(), Duration: time.Duration(q.GetDurationS()) * time.Second,
	}))
}

// ban answers /members/ban; needs BAN. The target need not be a member, now or ever.
func (s *Server) ban(ctx context.Context, c *call, q *groupdv1.BanRequest) (*groupdv1.Ack, []byte, error) {
	target, err := s.resolve(ctx, c, "who", q.GetWho(), group.AmongMembers, group.AmongRequests, group.AmongDeparted)
	if err != nil {
		return nil, nil, err
	}
	return ack(s.hub.Ban(ctx, c.as(q.GetClientId()), s.group, group.BanInput{
		Target: target, Reason: q.GetReason(), Duration: time.Duration(q.GetDurationS()) * time.Second,
	}))
}

// unban answers /members/unban; needs BAN, or KICK for a kick.
func (s *Server) unban(ctx context.Context, c *call, q *groupdv1.UnbanRequest) (*groupdv1.Ack, []byte, error) {
	target, err := s.resolve(ctx, c, "who", q.GetWho(), group.AmongBans)
	if err != nil {
		return nil, nil, err
	}
	return ack(s.hub.Unban(ctx, c.as(q.GetClientId()), s.group, target))
}

// updatePermissions answers /members/permissions/update; needs GRANT.
func (s *Server) updatePermissions(ctx context.Context, c *call, q *groupdv1.PermissionsRequest) (*groupdv1.PermissionsReply, []byte, error) {
	role, ok := roleIn(q.GetRole())
	if !ok {
		return nil, nil, invalid("role", "there is no such role")
	}
	add, ok := permissionsIn(q.GetAdd())
	if !ok {
		return nil, nil, invalid("add", "there is no such permission")
	}
	remove, ok := permissionsIn(q.GetRemove())
	if !ok {
		return nil, nil, invalid("remove", "there is no such permission")
	}
	if role == 0 && add == 0 && remove == 0 {
		return nil, nil, invalid("role", "say what to change: role, add or remove")
	}
	target, err := s.resolve(ctx, c, "who", q.GetWho(), group.AmongMembers)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.hub.UpdatePermissions(ctx, c.as(q.GetClientId()), s.group, group.PermissionsInput{
		Target: target, Role: role, Add: add, Remove: remove,
	})
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.PermissionsReply{Role: groupdv1.Role(m.Role), Permissions: uint32(m.Permissions), Rev: uint64(m.Rev)}, nil, nil
}
