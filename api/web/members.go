package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/group"
	"groupd/moderation"
)

// RemovalInput kicks, bans or rejects.
type RemovalInput struct {
	Reason   string  `json:"reason,omitempty"`
	Duration float64 `json:"duration_s,omitempty"` // 0: an hour for a kick, for good for a ban
}

// RoleInput changes a role, single permissions, or both.
type RoleInput struct {
	Role   string `json:"role,omitempty"`   // member, moderator, admin, owner
	Add    string `json:"add,omitempty"`    // permissions, separated by commas
	Remove string `json:"remove,omitempty"` // permissions, separated by commas
}

// who finds whom the path names: an address, an identity, a nickname or the beginning of a hash.
func (s *Server) who(r *http.Request, among group.Scope) (group.AnyHash, error) {
	text := chi.URLParam(r, "who")
	if r.URL.RawPath != "" { // then the router leaves it escaped
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return group.AnyHash{}, &group.Error{Kind: group.KindInvalid, Op: "resolve", Field: "who", Msg: "is not escaped as paths are"}
		}
	}
	return s.hub.Resolve(r.Context(), operator(), groupID(r), text, among)
}

func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) {
	after, err := number(r, "after")
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page, err := s.hub.Members(r.Context(), operator(), groupID(r), group.MembersQuery{AfterRev: group.Rev(after), Limit: group.MaxPage})
	out := MembersPage{Total: page.Total, Members: make([]Member, 0, len(page.Members))}
	for _, m := range page.Members {
		out.Members = append(out.Members, memberOf(m))
	}
	if page.More {
		out.Next = uint64(page.To)
	}
	s.reply(w, r, out, err)
}

func (s *Server) showMember(w http.ResponseWriter, r *http.Request) {
	who, err := s.who(r, group.AmongMembers)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	st, err := s.hub.Standing(r.Context(), group.Caller{Identity: group.IdentityHash(who)}, groupID(r))
	if err == nil && st.Member == nil {
		err = &group.Error{Kind: group.KindNotFound, Op: "member", Msg: "no such member"}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, memberOf(*st.Member))
}

func (in RemovalInput) duration() (time.Duration, error) {
	const most = 100 * 365 * 24 * time.Hour
	if !(in.Duration >= 0 && in.Duration <= most.Seconds()) {
		return 0, &group.Error{Kind: group.KindInvalid, Op: "request", Field: "duration_s", Msg: "from 0 to a hundred years"}
	}
	return time.Duration(in.Duration * float64(time.Second)), nil
}

// removal reads a request to kick or ban.
func (s *Server) removal(r *http.Request) (in group.BanInput, err error) {
	var body RemovalInput
	if err := decode(r, &body); err != nil {
		return in, err
	}
	in.Reason = body.Reason
	if in.Duration, err = body.duration(); err != nil {
		return in, err
	}
	in.Target, err = s.who(r, group.AmongMembers)
	return in, err
}

func (s *Server) kick(w http.ResponseWriter, r *http.Request) {
	in, err := s.removal(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c, err := s.hub.Kick(r.Context(), operator(), groupID(r), group.KickInput{Target: in.Target, Reason: in.Reason, Duration: in.Duration})
	s.reply(w, r, Done{Target: in.Target.String(), Seq: uint64(c.Seq), Rev: uint64(c.Rev)}, err)
}

func (s *Server) ban(w http.ResponseWriter, r *http.Request) {
	in, err := s.removal(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c, err := s.hub.Ban(r.Context(), operator(), groupID(r), in)
	s.reply(w, r, Done{Target: in.Target.String(), Seq: uint64(c.Seq), Rev: uint64(c.Rev)}, err)
}

func (s *Server) unban(w http.ResponseWriter, r *http.Request) {
	who, err := s.who(r, group.AmongBans)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c, err := s.hub.Unban(r.Context(), operator(), groupID(r), who)
	s.reply(w, r, Done{Target: who.String(), Seq: uint64(c.Seq), Rev: uint64(c.Rev)}, err)
}

func (s *Server) setRole(w http.ResponseWriter, r *http.Request) {
	var body RoleInput
	if err := decode(r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	var in group.PermissionsInput
	var err error
	if in.Role, in.Add, in.Remove, err = body.parse(); err == nil {
		in.Target, err = s.who(r, group.AmongMembers)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	m, err := s.hub.UpdatePermissions(r.Context(), operator(), groupID(r), in)
	s.reply(w, r, memberOf(m), err)
}

func (in RoleInput) parse() (role moderation.Role, add, remove moderation.Permission, err error) {
	invalid := func(field, msg string) error {
		return &group.Error{Kind: group.KindInvalid, Op: "role", Field: field, Msg: msg}
	}
	ok := true
	if in.Role != "" {
		if role, ok = moderation.ParseRole(in.Role); !ok || role == moderation.RoleNone {
			return role, 0, 0, invalid("role", "member, moderator, admin or owner")
		}
	}
	if in.Add != "" {
		if add, ok = moderation.ParsePermission(in.Add); !ok {
			return role, 0, 0, invalid("add", "of "+moderation.PermAll.String())
		}
	}
	if in.Remove != "" {
		if remove, ok = moderation.ParsePermission(in.Remove); !ok {
			return role, 0, 0, invalid("remove", "of "+moderation.PermAll.String())
		}
	}
	return role, add, remove, nil
}

func (s *Server) listBans(w http.ResponseWriter, r *http.Request) {
	var after group.AnyHash
	if text := r.URL.Query().Get("after"); text != "" {
		var ok bool
		if after, ok = group.ParseAnyHash(text); !ok {
			s.fail(w, r, &group.Error{Kind: group.KindInvalid, Op: "bans", Field: "after", Msg: "32 hex digits are needed"})
			return
		}
	}
	bans, more, err := s.hub.Bans(r.Context(), operator(), groupID(r), after, group.MaxPage)
	page := BansPage{Bans: make([]Ban, 0, len(bans))}
	for _, b := range bans {
		page.Bans = append(page.Bans, Ban{
			Target: b.Target.String(), Address: hexOrEmpty(b.Address), Name: b.DisplayName, By: hexOrEmpty(b.By), Reason: b.Reason, Kick: b.Kick,
			Created: b.Created, Expires: timeOrNil(b.Expires),
		})
		if more {
			page.Next = b.Target.String()
		}
	}
	s.reply(w, r, page, err)
}
