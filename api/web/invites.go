package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"groupd/group"
	"groupd/moderation"
)

// InviteInput makes an invite.
type InviteInput struct {
	For      string  `json:"for,omitempty"`        // who alone may use it: address, identity, or name of one who waits or was here; empty: whoever has the code
	Role     string  `json:"role,omitempty"`       // empty: member; above that only with For
	Uses     int     `json:"uses,omitempty"`       // 0: once
	Duration float64 `json:"duration_s,omitempty"` // 0: a week; at most 90 days
	Send     bool    `json:"send,omitempty"`       // tell who it is for, by one message
}

// parse reads the words and numbers of an InviteInput; whom it is for is left out.
func (in InviteInput) parse() (group.InviteInput, error) {
	out := group.InviteInput{Uses: in.Uses, Send: in.Send}
	var err error
	if in.Role != "" {
		var ok bool
		if out.Role, ok = moderation.ParseRole(in.Role); !ok || out.Role == moderation.RoleNone {
			return out, &group.Error{Kind: group.KindInvalid, Op: "invite", Field: "role", Msg: "member, moderator, admin or owner"}
		}
	}
	out.Duration, err = durationOf(in.Duration)
	return out, err
}

func (s *Server) createInvite(r *http.Request) (any, error) {
	var body InviteInput
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	in, err := body.parse()
	if err == nil && body.For != "" {
		in.For, err = s.resolve(r, body.For, group.AmongRequests, group.AmongDeparted, group.AmongMembers)
	}
	if err != nil {
		return nil, err
	}
	info, err := s.hub.Info(r.Context(), operator(), groupID(r))
	if err != nil {
		return nil, err
	}
	i, err := s.hub.CreateInvite(r.Context(), operator(), groupID(r), in)
	return InviteIssued{Invite: inviteOf(i.Invite, nil), Address: info.Address.String(), Code: i.Code}, err
}

func (s *Server) listInvites(r *http.Request) (any, error) {
	after, err := number(r, "after")
	if err != nil {
		return nil, err
	}
	p, err := s.hub.Invites(r.Context(), operator(), groupID(r), group.InvitesQuery{All: true, After: int64(after), Limit: group.MaxPage})
	names := namesOf(p.Members)
	page := InvitesPage{Invites: make([]Invite, 0, len(p.Invites))}
	for _, i := range p.Invites {
		page.Invites = append(page.Invites, inviteOf(i, names))
		if p.More {
			page.Next = i.ID
		}
	}
	return page, err
}

func (s *Server) revokeInvite(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return nil, &group.Error{Kind: group.KindInvalid, Op: "revoke", Field: "id", Msg: "is no number"}
	}
	c, err := s.hub.RevokeInvite(r.Context(), operator(), groupID(r), id)
	return Done{Rev: uint64(c.Rev)}, err
}

func inviteOf(i group.Invite, names map[group.AnyHash]string) Invite {
	return Invite{
		ID: i.ID, By: hexOrEmpty(i.By), ByName: names[group.AnyHash(i.By)], For: hexOrEmpty(i.For), Role: i.Role.String(),
		Uses: i.Uses, Used: i.Used, Created: i.Created, Expires: i.Expires,
	}
}
