package web

import (
	"context"
	"net/http"

	"groupd/group"
)

// cloneGroup makes a group with settings and members of another, who are invited.
func (s *Server) cloneGroup(r *http.Request) (any, error) {
	var in CloneInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	settings, err := GroupInput{Visibility: in.Visibility}.settings(s.hub.SureNow())
	if err != nil {
		return nil, err
	}
	clone := group.CloneInput{Name: in.Name, PrivateName: in.PrivateName, Public: settings.Public}
	for _, who := range in.Without {
		h, err := s.resolve(r, who, group.AmongMembers)
		if err != nil {
			return nil, err
		}
		clone.Without = append(clone.Without, h)
	}
	made, err := s.hub.CloneGroup(r.Context(), operator(), groupID(r), clone)
	if err == nil {
		err = s.node.Settle(r.Context())
	}
	if err != nil {
		return nil, err
	}
	g, err := s.find(r.Context(), made.Group.ID)
	return Cloned{Group: g, Invited: made.Invited, LeftOut: made.LeftOut, More: made.More}, err
}

// deleteGroup ends a group; with moved=true its members are not told, since it goes on elsewhere. Who calls has asked whether that is meant.
func (s *Server) deleteGroup(r *http.Request) (any, error) {
	end := s.hub.DeleteGroup
	switch moved := r.URL.Query().Get("moved"); moved {
	case "", "false":
	case "true":
		end = s.hub.DeleteGroupMoved
	default:
		return nil, &group.Error{Kind: group.KindInvalid, Op: "delete group", Field: "moved", Msg: "true or false"}
	}
	err := end(r.Context(), operator(), groupID(r))
	if err == nil {
		err = s.node.Settle(r.Context())
	}
	return struct{}{}, err
}

// removed lists the operator's groups that were deleted.
func (s *Server) removed(ctx context.Context) ([]RemovedGroup, error) {
	list, err := s.hub.RemovedGroups(ctx, operator())
	out := make([]RemovedGroup, 0, len(list))
	for _, g := range list {
		out = append(out, RemovedGroup{ID: string(g.ID), Address: g.Address.String(), By: hexOrEmpty(g.By), Removed: g.Removed})
	}
	return out, err
}

// serverLog lists what was done with whole groups.
func (s *Server) serverLog(r *http.Request) (any, error) {
	before, err := number(r, "before")
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return nil, err
	}
	if limit = min(limit, group.MaxPage); limit == 0 {
		limit = group.DefaultPage
	}
	list, err := s.hub.ServerLog(r.Context(), operator(), int64(before), int(limit))
	out := ServerLog{Lines: make([]ServerLine, 0, len(list))}
	for _, l := range list {
		out.Lines = append(out.Lines, ServerLine{ID: l.ID, Time: l.Time, By: hexOrEmpty(l.By), Action: l.Action, Group: string(l.Group), Detail: l.Detail})
	}
	if len(list) == int(limit) {
		out.Next = list[len(list)-1].ID
	}
	return out, err
}
