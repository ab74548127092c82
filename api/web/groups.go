package web

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// GroupInput creates or changes a group; what is absent stays as it is.
type GroupInput struct {
	ID          string  `json:"id,omitempty"`          // when it is created
	PrivateKey  string  `json:"private_key,omitempty"` // when it is created, on the socket only: its identity, in hex; a new one else
	Name        *string `json:"name,omitempty"`
	PrivateName *string `json:"private_name,omitempty"`
	Topic       *string `json:"topic,omitempty"`
	Visibility  *string `json:"visibility,omitempty"`
	Join        *string `json:"join,omitempty"`
	Owner       *string `json:"owner,omitempty"`  // address or identity
	Preset      string  `json:"preset,omitempty"` // when it is created: the word of a moderation.Preset; what else is said here wins over it
	Ends        *string `json:"ends,omitempty"`   // a date, or how long from now (words.Moment); "off": it lasts

	Invite []string `json:"invite,omitempty"` // when it is created: addresses or identities of those who are invited, at most group.MaxInvited

	Policy json.RawMessage `json:"policy,omitempty"` // the settings that change; the zero value sets a default
}

func groupID(r *http.Request) group.GroupID { return group.GroupID(chi.URLParam(r, "group")) }

// groups lists all groups here.
func (s *Server) groups(ctx context.Context) ([]Group, error) {
	infos, err := s.hub.Groups(ctx, operator())
	if err != nil {
		return nil, err
	}
	list := make([]Group, 0, len(infos))
	for _, info := range infos {
		g, err := s.group(ctx, info)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, nil
}

// group describes one group.
func (s *Server) group(ctx context.Context, info group.Info) (Group, error) {
	g := Group{
		ID: string(info.Group), Address: info.Address.String(), Identity: info.Identity.String(), PublicKey: hex.EncodeToString(info.PublicKey),
		Name: info.PublicName, PrivateName: info.PrivateName, Topic: info.Topic, Visibility: "private", Join: info.Joining.String(), Owned: info.Owned,
		Members: info.Members, Seq: uint64(info.Head.Seq), Oldest: uint64(info.Head.Oldest), Rev: uint64(info.Head.Rev), Chain: info.Head.Chain.String(),
		Generation: fmt.Sprintf("%016x", uint64(info.Generation)), Serving: s.node.Serving(info.Group), Policy: info.Policy, Lockdown: info.Lockdown, Preset: info.Preset, Over: info.Over,
	}
	if info.Public {
		g.Visibility = "public"
	}
	if !info.Expected.IsZero() {
		g.Expected = info.Expected.String()
	}
	if g.Serving.Destinations == nil {
		g.Serving.Destinations = []Destination{}
	}
	waiting, err := s.hub.Requests(ctx, operator(), info.Group, group.MaxPage)
	g.Waiting = len(waiting)
	return g, err
}

func (s *Server) find(ctx context.Context, id group.GroupID) (Group, error) {
	info, err := s.hub.Info(ctx, operator(), id)
	if err != nil {
		return Group{}, err
	}
	return s.group(ctx, info)
}

func (s *Server) listGroups(r *http.Request) (any, error) {
	list, err := s.groups(r.Context())
	return map[string][]Group{"groups": list}, err
}

func (s *Server) showGroup(r *http.Request) (any, error) {
	return s.find(r.Context(), groupID(r))
}

// settings reads how the group is to behave.
func (in GroupInput) settings(now time.Time) (group.SettingsInput, error) {
	var out group.SettingsInput
	if in.Join != nil {
		j, ok := moderation.ParseJoining(*in.Join)
		if !ok {
			return out, &group.Error{Kind: group.KindInvalid, Op: "settings", Field: "join", Msg: "open, approve, invite or closed"}
		}
		out.Joining = &j
	}
	if len(in.Policy) > 0 {
		if _, err := (moderation.Policy{}).Patched(in.Policy); err != nil {
			return out, &group.Error{Kind: group.KindInvalid, Op: "settings", Field: "policy", Msg: err.Error()}
		}
		out.Change = func(p *moderation.Policy) {
			if patched, err := p.Patched(in.Policy); err == nil { // as it was a moment ago
				*p = patched
			}
		}
	}
	if in.Ends != nil {
		end, ok := words.Moment(*in.Ends, now)
		if off := *in.Ends == "" || *in.Ends == "off"; !ok && !off {
			return out, &group.Error{Kind: group.KindInvalid, Op: "settings", Field: "ends", Msg: "can be " + words.How(now) + ", off"}
		}
		change := out.Change
		out.Change = func(p *moderation.Policy) {
			if change != nil {
				change(p)
			}
			p.ExpiresAt = end
		}
	}
	if in.Visibility != nil {
		public := *in.Visibility == "public"
		if !public && *in.Visibility != "private" {
			return out, &group.Error{Kind: group.KindInvalid, Op: "settings", Field: "visibility", Msg: "public or private"}
		}
		out.Public = &public
	}
	return out, nil
}

// owner reads who shall be the owner.
func (in GroupInput) owner() (group.AnyHash, error) {
	if in.Owner == nil || *in.Owner == "" {
		return group.AnyHash{}, nil
	}
	h, ok := group.ParseAnyHash(*in.Owner)
	if !ok {
		return h, &group.Error{Kind: group.KindInvalid, Op: "owner", Field: "owner", Msg: "an address or identity of 32 hex digits is needed"}
	}
	return h, nil
}

// invited reads who is invited to a new group.
func (in GroupInput) invited() ([]group.AnyHash, error) {
	list := make([]group.AnyHash, 0, len(in.Invite))
	for _, text := range in.Invite {
		h, ok := group.ParseAnyHash(text)
		if !ok {
			return nil, &group.Error{Kind: group.KindInvalid, Op: "create group", Field: "invite", Msg: "addresses or identities of 32 hex digits are needed"}
		}
		list = append(list, h)
	}
	return list, nil
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// groupInput reads a GroupInput, and what it says of settings and owner.
func (s *Server) groupInput(r *http.Request) (in GroupInput, settings group.SettingsInput, owner group.AnyHash, err error) {
	if err = decode(r, &in); err == nil {
		settings, err = in.settings(s.hub.SureNow())
	}
	if err == nil {
		owner, err = in.owner()
	}
	return in, settings, owner, err
}

func (s *Server) createGroup(r *http.Request) (any, error) {
	in, settings, owner, err := s.groupInput(r)
	if err != nil {
		return nil, err
	}
	invite, err := in.invited()
	if err != nil {
		return nil, err
	}
	n := group.NewGroup{
		ID: group.GroupID(in.ID), Public: in.Preset == "", PublicName: valueOf(in.Name), PrivateName: valueOf(in.PrivateName), Topic: valueOf(in.Topic), Owner: owner,
		Preset: in.Preset, Set: settings, Invite: invite,
	}
	if in.PrivateKey != "" {
		if n.PublicKey, n.PrivateKey, err = s.givenKeys(r, in.PrivateKey); err != nil {
			return nil, err
		}
	}
	made, err := s.hub.CreateGroup(r.Context(), operator(), n)
	if err == nil {
		err = s.node.Settle(r.Context())
	}
	if err != nil {
		return nil, err
	}
	return s.find(r.Context(), made.ID)
}

// givenKeys reads the private key that a new group is to have.
func (s *Server) givenKeys(r *http.Request, text string) (public, private []byte, err error) {
	if !isLocal(r) {
		return nil, nil, &group.Error{Kind: group.KindDenied, Op: "create group", Field: "private_key", Msg: "private keys are taken on the socket only"}
	}
	if private, err = hex.DecodeString(text); err == nil {
		public, err = s.node.PublicKey(private)
	}
	if err != nil {
		return nil, nil, &group.Error{Kind: group.KindInvalid, Op: "create group", Field: "private_key", Msg: "is no identity's private key in hex"}
	}
	return public, private, nil
}

// refuseCreation refuses what a group cannot be given later.
func (in GroupInput) refuseCreation() error {
	invalid := func(field, msg string) error {
		return &group.Error{Kind: group.KindInvalid, Op: "settings", Field: field, Msg: msg}
	}
	switch {
	case in.ID != "":
		return invalid("id", "never changes")
	case in.PrivateKey != "":
		return invalid("private_key", "never changes")
	case in.Preset != "":
		return invalid("preset", "is said when a group is created")
	case len(in.Invite) > 0:
		return invalid("invite", "is said when a group is created")
	}
	return nil
}

func (s *Server) setGroup(r *http.Request) (any, error) {
	in, settings, owner, err := s.groupInput(r)
	if err != nil {
		return nil, err
	}
	ctx, id := r.Context(), groupID(r)
	if err := in.refuseCreation(); err != nil {
		return nil, err
	}
	if in.Name != nil || in.PrivateName != nil {
		_, err = s.hub.UpdateDisplayName(ctx, operator(), id, group.NamesInput{Public: in.Name, Private: in.PrivateName})
	}
	if err == nil && in.Topic != nil {
		_, err = s.hub.UpdateTopic(ctx, operator(), id, *in.Topic)
	}
	if err == nil && (settings.Joining != nil || settings.Public != nil || settings.Change != nil) {
		_, err = s.hub.UpdateSettings(ctx, operator(), id, settings)
	}
	if err == nil && !owner.IsZero() {
		_, err = s.hub.SetOwner(ctx, operator(), id, owner)
	}
	if err != nil {
		return nil, err
	}
	return s.find(ctx, id)
}

func (s *Server) announce(r *http.Request) (any, error) {
	id := groupID(r)
	if _, err := s.hub.Info(r.Context(), operator(), id); err != nil {
		return nil, err
	}
	err := s.node.Announce(r.Context(), id)
	return s.node.Serving(id), err
}

func (s *Server) newClaimCode(r *http.Request) (any, error) {
	id := groupID(r)
	info, err := s.hub.Info(r.Context(), operator(), id)
	if err != nil {
		return nil, err
	}
	code, err := s.hub.NewClaimCode(r.Context(), operator(), id)
	return ClaimCode{Group: string(id), Address: info.Address.String(), Code: code.Code, Expires: code.Expires}, err
}

func (s *Server) audit(r *http.Request) (any, error) {
	q, err := s.auditQuery(r)
	if err != nil {
		return nil, err
	}
	p, err := s.hub.AuditLog(r.Context(), operator(), groupID(r), q)
	names := namesOf(p.Members)
	out := AuditPage{Audit: make([]Audit, 0, len(p.Lines))}
	for _, a := range p.Lines {
		out.Audit = append(out.Audit, Audit{
			ID: a.ID, Time: a.Time, By: hexOrEmpty(a.By), ByName: names[group.AnyHash(a.By)], Action: a.Action,
			Target: hexOrEmpty(a.Target), TargetName: names[a.Target], Detail: a.Detail,
		})
		if p.More {
			out.Next = a.ID
		}
	}
	return out, err
}

// auditQuery reads which lines of the log are wanted.
func (s *Server) auditQuery(r *http.Request) (group.AuditQuery, error) {
	var q group.AuditQuery
	before, err := number(r, "before")
	if err != nil {
		return q, err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return q, err
	}
	q = group.AuditQuery{Before: int64(before), Action: r.URL.Query().Get("action"), Limit: int(min(limit, group.MaxPage))}
	if who := r.URL.Query().Get("who"); who != "" {
		q.Who, err = s.resolve(r, who, group.AmongMembers, group.AmongBans, group.AmongDeparted)
	}
	return q, err
}

// number reads a query parameter; 0 when it is absent.
func number(r *http.Request, name string) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &group.Error{Kind: group.KindInvalid, Op: "request", Field: name, Msg: "is no number"}
	}
	return n, nil
}
