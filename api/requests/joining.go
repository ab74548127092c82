package requests

import (
	"context"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// claim answers /claim: the caller becomes an owner by the code.
func (s *Server) claim(ctx context.Context, c *call, q *groupdv1.ClaimRequest) (*groupdv1.JoinReply, []byte, error) {
	got, err := s.hub.Claim(ctx, c.as(q.GetClientId()), s.group, group.ClaimInput{Code: q.GetCode(), Name: q.GetName()})
	if err != nil {
		return nil, nil, err
	}
	return s.joined(got, 0), nil, nil
}

// join answers /join: the caller becomes a member, or waits to be approved.
func (s *Server) join(ctx context.Context, c *call, q *groupdv1.JoinRequest) (*groupdv1.JoinReply, []byte, error) {
	caller := c.as(q.GetClientId())
	if len(q.GetStamp()) > 0 {
		in, err := s.hub.Info(ctx, c.caller, s.group)
		if err != nil {
			return nil, nil, err
		}
		if caller.Work, err = s.work(ctx, c, in.Identity, groupdv1.StampJoin, q.GetStamp(), in.JoinCost); err != nil {
			return nil, nil, err
		}
	}
	got, err := s.hub.Join(ctx, caller, s.group, group.JoinInput{Name: q.GetName(), Greeting: q.GetGreeting(), Code: q.GetCode()})
	if err != nil {
		return nil, nil, err
	}
	return s.joined(got, q.GetDisclosureVersion()), nil, nil
}

// joined tells what came of joining, with the texts a member has to know unless he has seen this version of them.
func (s *Server) joined(got group.JoinResult, seen uint32) *groupdv1.JoinReply {
	r := &groupdv1.JoinReply{
		Standing: &groupdv1.Standing{Code: groupdv1.StandingCode(got.Standing)},
		Name:     got.Name,
		Rev:      uint64(got.Rev),
		Already:  got.Already,
	}
	if got.Standing == moderation.StandingMember {
		r.Standing.Role = groupdv1.Role(got.Member.Role)
		r.Standing.Permissions = uint32(got.Member.Permissions)
	}
	d := s.hub.Disclosure()
	r.DisclosureVersion = clampUint32(int64(d.Version))
	if seen != r.DisclosureVersion {
		r.Disclosure = d.Texts
	}
	return r
}

// leave answers /leave: the caller is no member any more, or no longer waits.
func (s *Server) leave(ctx context.Context, c *call, q *groupdv1.LeaveRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.Leave(ctx, c.as(q.GetClientId()), s.group))
}

// ack turns a change into the reply that says no more than that it is done.
func ack(change group.Change, err error) (*groupdv1.Ack, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.Ack{Rev: uint64(change.Rev)}, nil, nil
}
