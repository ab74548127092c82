package requests

import (
	"context"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// kick answers /members/kick; needs KICK.
func (s *Server) kick(ctx context.Context, c *call, q *groupdv1.KickRequest) (*groupdv1.Ack, []byte, error) {
	var done group.Change
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongMembers, func(caller group.Caller, target group.AnyHash) (err error) {
		done, err = s.hub.Kick(ctx, caller, s.group, group.KickInput{
			Target: target, Reason: q.GetReason(), Duration: time.Duration(q.GetDurationS()) * time.Second,
		})
		return err
	})
	return ack(done, err)
}

// ban answers /members/ban; needs BAN. The target need not be a member, now or ever.
func (s *Server) ban(ctx context.Context, c *call, q *groupdv1.BanRequest) (*groupdv1.BanReply, []byte, error) {
	target, err := s.resolve(ctx, c, "who", q.GetWho(), group.AmongMembers, group.AmongRequests, group.AmongDeparted, group.AmongBans)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.hub.Ban(ctx, c.as(q.GetClientId()), s.group, group.BanInput{
		Target: target, Reason: q.GetReason(), Duration: time.Duration(q.GetDurationS()) * time.Second, Purge: q.GetPurge(), Branch: q.GetBranch(),
	})
	if err != nil {
		return nil, nil, err
	}
	reply := &groupdv1.BanReply{Rev: uint64(r.Rev), Purging: r.Purging, More: r.More}
	for _, m := range r.Branch {
		reply.Branch = append(reply.Branch, &groupdv1.Branch{Identity: m.Identity[:], Name: m.DisplayName})
	}
	return reply, nil, nil
}

// unban answers /members/unban; needs BAN, or KICK for a kick.
func (s *Server) unban(ctx context.Context, c *call, q *groupdv1.UnbanRequest) (*groupdv1.Ack, []byte, error) {
	unban, others := s.hub.Unban, []group.Scope(nil)
	if q.GetUndo() {
		unban, others = s.hub.UndoBan, []group.Scope{group.AmongDeparted, group.AmongMembers}
	}
	target, notFound, err := s.targetOf(ctx, c, "who", q.GetClientId(), q.GetWho(), group.AmongBans, others...)
	if err != nil {
		return nil, nil, err
	}
	done, err := unban(ctx, c.as(q.GetClientId()), s.group, target)
	if notFound != nil && group.KindOf(err) == group.KindNotFound {
		err = notFound
	}
	return ack(done, err)
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
	var m group.Member
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongMembers, func(caller group.Caller, target group.AnyHash) (err error) {
		m, err = s.hub.UpdatePermissions(ctx, caller, s.group, group.PermissionsInput{Target: target, Role: role, Add: add, Remove: remove})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.PermissionsReply{Role: groupdv1.Role(m.Role), Permissions: uint32(m.Permissions), Rev: uint64(m.Rev)}, nil, nil
}
