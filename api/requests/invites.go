package requests

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// maxInvitees is how many others one request can invite.
const maxInvitees = 20

// createInvite answers /invites/create; needs INVITE, or the rank that the policy says.
func (s *Server) createInvite(ctx context.Context, c *call, q *groupdv1.InviteRequest) (*groupdv1.InviteReply, []byte, error) {
	role, ok := roleIn(q.GetRole())
	switch others := q.GetOthers(); {
	case !ok:
		return nil, nil, invalid("role", "there is no such role")
	case len(others) > maxInvitees:
		return nil, nil, invalid("others", fmt.Sprintf("more than %d people", maxInvitees))
	case len(others) > 0 && q.GetWho() == nil:
		return nil, nil, invalid("who", "say whom this is for")
	}
	in := group.InviteInput{
		Role: role, Uses: int(min(q.GetUses(), group.MaxInviteUses+1)), Duration: time.Duration(q.GetDurationS()) * time.Second, Send: q.GetSend(),
	}
	r, err := s.inviteOne(ctx, c, in, q.GetWho(), q.GetClientId())
	if err != nil && len(q.GetOthers()) == 0 {
		return nil, nil, err
	}
	if err != nil {
		r = &groupdv1.InviteReply{Status: statusOf(err)}
	}
	for i, who := range q.GetOthers() {
		id := q.GetClientId()
		if len(id) > 0 { // of its own for each, and the same when it is asked again
			sum := sha256.Sum256(fmt.Appendf(bytes.Clone(id), "+%d", i))
			id = sum[:16]
		}
		other, err := s.inviteOne(ctx, c, in, who, id)
		if err != nil {
			other = &groupdv1.InviteReply{Status: statusOf(err)}
		}
		r.Others = append(r.Others, other)
	}
	return r, nil, nil
}

// inviteOne makes one invite, for who is named or for whoever has its code.
func (s *Server) inviteOne(ctx context.Context, c *call, in group.InviteInput, who *groupdv1.Who, clientID []byte) (*groupdv1.InviteReply, error) {
	if who != nil {
		var notFound, err error
		if in.For, notFound, err = s.targetOf(ctx, c, "who", clientID, who, group.AmongDeparted, group.AmongRequests, group.AmongMembers, group.AmongAcquaintances); err != nil {
			return nil, err
		} else if notFound != nil {
			return nil, notFound // nobody must be invited by this name
		}
		_, whole := group.ParseAnyHash(who.GetName())
		in.Picked = who.GetHash() == nil && !whole
	}
	r, err := s.hub.CreateInvite(ctx, c.as(clientID), s.group, in)
	if err != nil {
		return nil, err
	}
	return &groupdv1.InviteReply{Id: uint64(r.Invite.ID), Code: r.Code, Expires: unix(r.Invite.Expires)}, nil
}

// invites answers /invites/list: as many as fit.
func (s *Server) invites(ctx context.Context, c *call, q *groupdv1.InvitesRequest) (*groupdv1.InvitesReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	p, err := s.hub.Invites(ctx, c.caller, s.group, group.InvitesQuery{All: q.GetAll(), After: int64(min(q.GetAfterId(), 1<<62)), Limit: limitIn(q.GetLimit())})
	if err != nil {
		return nil, nil, err
	}
	names := namesOf(p.Members)
	rows := make([]*groupdv1.Invite, len(p.Invites))
	for i, v := range p.Invites {
		rows[i] = &groupdv1.Invite{
			Id: uint64(v.ID), By: v.By[:], ByName: names[v.By], ForWhom: v.For[:], Role: groupdv1.Role(v.Role), Uses: clampUint32(int64(v.Uses)),
			Used: clampUint32(int64(v.Used)), Created: unix(v.Created), Expires: unix(v.Expires),
		}
		if v.By.IsZero() {
			rows[i].By = nil
		}
		if v.For.IsZero() {
			rows[i].ForWhom = nil
		}
	}
	encoded, err := fitRows(rows, budget, 24, p.More, func(shown []*groupdv1.Invite, more bool) ([]byte, error) {
		return c.encode(&groupdv1.InvitesReply{Invites: shown, More: more})
	}, func(i *groupdv1.Invite) { i.ByName = "" })
	return &groupdv1.InvitesReply{}, encoded, err
}

// revokeInvite answers /invites/revoke.
func (s *Server) revokeInvite(ctx context.Context, c *call, q *groupdv1.RevokeInviteRequest) (*groupdv1.Ack, []byte, error) {
	if q.GetId() == 0 {
		return nil, nil, invalid("id", "say which invite")
	}
	return ack(s.hub.RevokeInvite(ctx, c.as(q.GetClientId()), s.group, int64(min(q.GetId(), 1<<62))))
}

// blockInvites answers /invites/block, for anybody who has identified.
func (s *Server) blockInvites(ctx context.Context, c *call, q *groupdv1.BlockInvitesRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.BlockInvites(ctx, c.as(q.GetClientId()), s.group, q.GetOff()))
}
