package requests

import (
	"bytes"
	"context"
	"slices"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// leastSummary is how many bytes a group in a list takes at least.
const leastSummary = 20

// groups answers /groups, for anybody: those that the caller may see, as many as fit.
func (s *Server) groups(ctx context.Context, c *call, q *groupdv1.GroupsRequest) (*groupdv1.GroupsReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	if n := len(q.GetAfter()); n != 0 && n != len(group.IdentityHash{}) {
		return nil, nil, invalid("after", "a hash has 16 bytes")
	}
	all, err := s.hub.Groups(ctx, c.caller)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b group.Info) int { return bytes.Compare(a.Identity[:], b.Identity[:]) })
	limit := limitIn(q.GetLimit())
	var rows []*groupdv1.GroupSummary
	more := false
	for _, in := range all {
		if len(q.GetAfter()) > 0 && bytes.Compare(in.Identity[:], q.GetAfter()) <= 0 {
			continue
		}
		if more = len(rows) == limit; more {
			break
		}
		rows = append(rows, summary(c, in))
	}
	encoded, err := fitRows(rows, budget, leastSummary, more, func(shown []*groupdv1.GroupSummary, more bool) ([]byte, error) {
		return c.encode(&groupdv1.GroupsReply{Groups: shown, More: more})
	}, func(g *groupdv1.GroupSummary) { g.Name, g.Topic, g.Cut = shorten(g.GetName()), "", true })
	return &groupdv1.GroupsReply{}, encoded, err
}

// summary is a group as the caller may see it.
func summary(c *call, in group.Info) *groupdv1.GroupSummary {
	g := &groupdv1.GroupSummary{
		Identity: in.Identity[:], Name: in.PublicName, Public: in.Public, Joining: groupdv1.Joining(in.Joining),
		Members: clampUint32(int64(in.Members)), Topic: in.Topic, Preset: in.Preset,
	}
	if in.PrivateName != "" {
		g.Name = in.PrivateName
	}
	if !c.caller.Identity.IsZero() {
		g.Standing, g.Role = groupdv1.StandingCode(in.You.Standing), groupdv1.Role(in.You.Role)
	}
	return g
}

// createGroup answers /groups/create: a group of the caller's own, where the server lets him.
func (s *Server) createGroup(ctx context.Context, c *call, q *groupdv1.CreateGroupRequest) (*groupdv1.GroupReply, []byte, error) {
	caller := c.as(q.GetClientId())
	if creating := s.hub.Creating(); len(q.GetStamp()) > 0 && creating.Who == moderation.CreatingAnyone {
		in, err := s.hub.Info(ctx, c.caller, s.group)
		if err != nil {
			return nil, nil, err
		}
		if caller.Work, err = s.work(ctx, c, in.Identity, groupdv1.StampMake, q.GetStamp(), creating.Cost); err != nil {
			return nil, nil, err
		}
	}
	n := group.NewGroup{Preset: q.GetPreset(), Topic: q.GetTopic(), CreatorName: q.GetMyName(), Set: group.SettingsInput{Public: q.Public}}
	if q.GetPrivateName() != "" {
		n.PublicName, n.PrivateName = q.GetName(), q.GetPrivateName()
	} else {
		n = n.Called(q.GetName())
	}
	if n.Preset == "" && q.Public == nil {
		n.Public = true
	}
	if j := q.GetJoining(); j < groupdv1.Joining_JOINING_UNKNOWN || j > groupdv1.Joining_INVITE {
		return nil, nil, invalid("joining", "there is no such policy")
	} else if j != groupdv1.Joining_JOINING_UNKNOWN {
		joining := moderation.Joining(j)
		n.Set.Joining = &joining
	}
	if p := q.GetPolicy(); p != nil {
		if field := policyTooLarge(p); field != "" {
			return nil, nil, invalid(field, "there is no such value")
		}
		n.Set.Change = func(to *moderation.Policy) { policyIn(p, to) }
	}
	if most := group.MaxInvited; len(q.GetInvite()) > most {
		return nil, nil, &group.Error{Kind: group.KindTooLarge, Op: "create group", Field: "invite", Msg: "too many people at once", Limit: int64(most), Needed: int64(len(q.GetInvite()))}
	}
	for _, who := range q.GetInvite() {
		h, err := s.resolve(ctx, c, "invite", who, group.AmongAcquaintances)
		if err != nil {
			return nil, nil, err
		}
		n.Invite = append(n.Invite, h)
	}
	made, err := s.hub.CreateGroup(ctx, caller, n)
	if err != nil {
		return nil, nil, err
	}
	return s.madeGroup(ctx, c, group.Cloned{Group: made, Invited: len(n.Invite)})
}

// cloneGroup answers /groups/clone: a group with settings and members of this one.
func (s *Server) cloneGroup(ctx context.Context, c *call, q *groupdv1.CloneGroupRequest) (*groupdv1.GroupReply, []byte, error) {
	in := group.CloneInput{Name: q.GetName(), PrivateName: q.GetPrivateName(), Public: q.Public, CreatorName: q.GetMyName()}
	if n := len(q.GetWithout()); n > group.MaxLeftOut {
		return nil, nil, &group.Error{Kind: group.KindTooLarge, Op: "clone group", Field: "without", Msg: "too many people to leave out", Limit: group.MaxLeftOut, Needed: int64(n)}
	}
	var unknown error
	for _, who := range q.GetWithout() {
		h, notFound, err := s.targetOf(ctx, c, "without", q.GetClientId(), who, group.AmongMembers)
		if err != nil {
			return nil, nil, err
		}
		if unknown == nil {
			unknown = notFound
		}
		in.Without = append(in.Without, h)
	}
	made, err := s.hub.CloneGroup(ctx, c.as(q.GetClientId()), s.group, in)
	if unknown != nil && group.KindOf(err) == group.KindNotFound {
		err = unknown
	}
	if err != nil {
		return nil, nil, err
	}
	return s.madeGroup(ctx, c, made)
}

// madeGroup tells a group that was made.
func (s *Server) madeGroup(ctx context.Context, c *call, made group.Cloned) (*groupdv1.GroupReply, []byte, error) {
	in, err := s.hub.Info(ctx, c.caller, made.Group.ID)
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.GroupReply{
		Group: summary(c, in), Invited: clampUint32(int64(made.Invited)), LeftOut: clampUint32(int64(made.LeftOut)), More: made.More,
	}, nil, nil
}

// deleteGroup answers /groups/delete, for owners.
func (s *Server) deleteGroup(ctx context.Context, c *call, q *groupdv1.DeleteGroupRequest) (*groupdv1.Ack, []byte, error) {
	var h group.AnyHash
	if len(q.GetGroup()) != len(h) {
		return nil, nil, invalid("group", "say which group: its identity hash or address, 16 bytes")
	}
	copy(h[:], q.GetGroup())
	all, err := s.hub.Groups(ctx, c.caller)
	if err != nil {
		return nil, nil, err
	}
	var id group.GroupID // of none, where he knows of none: the answer to a repeated request is remembered all the same
	for _, in := range all {
		if h.Names(in.Identity) {
			id = in.Group
		}
	}
	if err := s.hub.DeleteGroup(ctx, c.as(q.GetClientId()), id); err != nil {
		return nil, nil, err
	}
	return &groupdv1.Ack{}, nil, nil
}
