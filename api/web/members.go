package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/group"
	"groupd/moderation"
)

// RemovalInput kicks, mutes or rejects.
type RemovalInput struct {
	Reason   string  `json:"reason,omitempty"`
	Duration float64 `json:"duration_s,omitempty"` // 0: an hour for a kick, for good for a ban, until it is lifted for a mute
}

// BanInput bans.
type BanInput struct {
	RemovalInput
	Purge  bool `json:"purge,omitempty"`  // hide all posts of the banned; for a day that can be undone
	Branch bool `json:"branch,omitempty"` // ban those, too, who came by invites of the banned, and so on
}

// UnbanInput lifts bans.
type UnbanInput struct {
	Undo bool `json:"undo,omitempty"` // bring back the posts that went with the ban
}

// RoleInput changes a role, single permissions, or both.
type RoleInput struct {
	Role   string `json:"role,omitempty"`   // member, moderator, admin, owner
	Add    string `json:"add,omitempty"`    // permissions, separated by commas
	Remove string `json:"remove,omitempty"` // permissions, separated by commas
}

// who is resolve for whom the path names.
func (s *Server) who(r *http.Request, among ...group.Scope) (group.AnyHash, error) {
	text := chi.URLParam(r, "who")
	if r.URL.RawPath != "" { // then the router leaves it escaped
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return group.AnyHash{}, &group.Error{Kind: group.KindInvalid, Op: "resolve", Field: "who", Msg: "is not escaped as paths are"}
		}
	}
	return s.resolve(r, text, among...)
}

// resolve finds whom a text names, an address, an identity, a nickname or the beginning of a hash, in the first scope that knows him.
func (s *Server) resolve(r *http.Request, text string, among ...group.Scope) (found group.AnyHash, err error) {
	for _, scope := range among {
		if found, err = s.hub.Resolve(r.Context(), operator(), groupID(r), text, scope); group.KindOf(err) != group.KindNotFound {
			break
		}
	}
	if err == nil && found.IsZero() { // which would be anybody
		err = &group.Error{Kind: group.KindInvalid, Op: "resolve", Field: "who", Msg: "nobody has this address"}
	}
	return found, err
}

func (s *Server) listMembers(r *http.Request) (any, error) {
	after, err := number(r, "after")
	if err != nil {
		return nil, err
	}
	page, err := s.hub.Members(r.Context(), operator(), groupID(r), group.MembersQuery{AfterRev: group.Rev(after), Limit: group.MaxPage})
	out := MembersPage{Total: page.Total, Members: make([]Member, 0, len(page.Members))}
	for _, m := range page.Members {
		out.Members = append(out.Members, memberOf(m))
	}
	if page.More {
		out.Next = uint64(page.To)
	}
	return out, err
}

func (s *Server) showMember(r *http.Request) (any, error) {
	who, err := s.who(r, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	st, err := s.hub.Standing(r.Context(), group.Caller{Identity: group.IdentityHash(who)}, groupID(r))
	if err == nil && st.Member == nil {
		err = &group.Error{Kind: group.KindNotFound, Op: "member", Msg: "no such member"}
	}
	if err != nil {
		return nil, err
	}
	m := memberOf(*st.Member)
	if st.Standing == moderation.StandingMuted {
		m.Muted = &Mute{Reason: st.Reason, Until: timeOrNil(st.Until)}
	}
	return m, nil
}

// durationOf reads a number of seconds.
func durationOf(seconds float64) (time.Duration, error) {
	const most = 100 * 365 * 24 * time.Hour
	if !(seconds >= 0 && seconds <= most.Seconds()) {
		return 0, &group.Error{Kind: group.KindInvalid, Op: "request", Field: "duration_s", Msg: "from 0 to a hundred years"}
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// removal reads a request to kick, ban or mute into body, and finds whom it means.
func (s *Server) removal(r *http.Request, body any, in *RemovalInput) (who group.AnyHash, d time.Duration, err error) {
	if err = decode(r, body); err != nil {
		return who, 0, err
	}
	if d, err = durationOf(in.Duration); err != nil {
		return who, 0, err
	}
	who, err = s.who(r, group.AmongMembers)
	return who, d, err
}

// doneTo is a change that concerned somebody.
func doneTo(who group.AnyHash, c group.Change) Done {
	return Done{Target: who.String(), Seq: uint64(c.Seq), Rev: uint64(c.Rev)}
}

func (s *Server) kick(r *http.Request) (any, error) {
	var in RemovalInput
	who, d, err := s.removal(r, &in, &in)
	if err != nil {
		return nil, err
	}
	c, err := s.hub.Kick(r.Context(), operator(), groupID(r), group.KickInput{Target: who, Reason: in.Reason, Duration: d})
	return doneTo(who, c), err
}

func (s *Server) ban(r *http.Request) (any, error) {
	var in BanInput
	who, d, err := s.removal(r, &in, &in.RemovalInput)
	if err != nil {
		return nil, err
	}
	b, err := s.hub.Ban(r.Context(), operator(), groupID(r), group.BanInput{
		Target: who, Reason: in.Reason, Duration: d, Purge: in.Purge, Branch: in.Branch,
	})
	out := Banned{Done: doneTo(who, b.Change), Purging: b.Purging, More: b.More}
	for _, m := range b.Branch {
		out.Branch = append(out.Branch, BranchMember{Address: m.Address.String(), Name: m.DisplayName})
	}
	return out, err
}

func (s *Server) unban(r *http.Request) (any, error) {
	var in UnbanInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	unban, among := s.hub.Unban, []group.Scope{group.AmongBans}
	if in.Undo { // the ban may be lifted already
		unban, among = s.hub.UndoBan, append(among, group.AmongDeparted, group.AmongMembers)
	}
	who, err := s.who(r, among...)
	if err != nil {
		return nil, err
	}
	c, err := unban(r.Context(), operator(), groupID(r), who)
	return doneTo(who, c), err
}

func (s *Server) mute(r *http.Request) (any, error) {
	var in RemovalInput
	who, d, err := s.removal(r, &in, &in)
	if err != nil {
		return nil, err
	}
	c, err := s.hub.Mute(r.Context(), operator(), groupID(r), group.MuteInput{Target: who, Reason: in.Reason, Duration: d})
	return doneTo(who, c), err
}

func (s *Server) unmute(r *http.Request) (any, error) {
	who, err := s.who(r, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	c, err := s.hub.Unmute(r.Context(), operator(), groupID(r), who)
	return doneTo(who, c), err
}

func (s *Server) setRole(r *http.Request) (any, error) {
	var body RoleInput
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	var in group.PermissionsInput
	var err error
	if in.Role, in.Add, in.Remove, err = body.parse(); err == nil {
		in.Target, err = s.who(r, group.AmongMembers)
	}
	if err != nil {
		return nil, err
	}
	m, err := s.hub.UpdatePermissions(r.Context(), operator(), groupID(r), in)
	return memberOf(m), err
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

// afterHash reads where a page of a list by hash begins; zero at its beginning.
func afterHash(r *http.Request) (after group.AnyHash, err error) {
	text := r.URL.Query().Get("after")
	after, ok := group.ParseAnyHash(text)
	if text != "" && !ok {
		err = &group.Error{Kind: group.KindInvalid, Op: "request", Field: "after", Msg: "32 hex digits are needed"}
	}
	return after, err
}

func (s *Server) listBans(r *http.Request) (any, error) {
	after, err := afterHash(r)
	if err != nil {
		return nil, err
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
	return page, err
}
