package web

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"groupd/group"
)

// health answers who watches the process.
func (s *Server) health(r *http.Request) (any, error) {
	if _, err := s.hub.Groups(r.Context(), group.Caller{}); err != nil {
		return nil, err
	}
	return map[string]string{"status": "ok", "version": s.version}, nil
}

// status is the one-screen picture.
func (s *Server) status(r *http.Request) (any, error) {
	return s.Status(r.Context())
}

// Status makes the picture that GET /status answers.
func (s *Server) Status(ctx context.Context) (Status, error) {
	st, err := s.node.Describe(ctx)
	if err != nil {
		return st, err
	}
	st.Version, st.ClockUnsure, st.Interfaces = s.version, s.hub.ClockUnsure(), s.node.Interfaces(ctx)
	if st.Groups, err = s.groups(ctx); err != nil {
		return st, err
	}
	for _, g := range st.Groups {
		g.Name = cmp.Or(g.PrivateName, g.Name)
		if len(st.Groups) > 1 { // several may have one name
			g.Name += " (" + g.ID + ")"
		}
		if !g.Owned {
			n := Notice{Text: g.Name + " has no owner yet", Hint: "groupd claim --group " + g.ID}
			if g.Expected != "" {
				n.Text += ": " + g.Expected + " is expected to join"
			}
			st.Attention = append(st.Attention, n)
		}
		if g.Waiting > 0 {
			st.Attention = append(st.Attention, Notice{Text: fmt.Sprintf("%d waiting to join %s", g.Waiting, g.Name), Hint: "groupd request list --group " + g.ID})
		}
		if g.Serving.ReadOnly != "" {
			st.Attention = append(st.Attention, Notice{Text: g.Name + " is read-only: " + g.Serving.ReadOnly})
		}
	}
	if st.ClockUnsure {
		st.Attention = append(st.Attention, ClockUnsure(time.Now()))
	}
	st.Attention = some(st.Attention)
	st.Interfaces = some(st.Interfaces)
	return st, nil
}

// ClockUnsure tells the operator that the clock is not believed, and what it says.
func ClockUnsure(now time.Time) Notice {
	return Notice{
		Text: "clock unsure: it is " + now.UTC().Format("2006-01-02 15:04 UTC") + " here, more than a day off from what was expected, or too early to be true: nothing expires",
		Hint: "set the clock, if that is wrong; when date is right: groupd confirm-clock",
	}
}

// check verifies the chains of all groups.
func (s *Server) check(r *http.Request) (any, error) {
	groups, err := s.groups(r.Context())
	if err != nil {
		return nil, err
	}
	c := Check{Groups: []GroupCheck{}}
	for _, g := range groups {
		bad, err := s.hub.VerifyChain(r.Context(), group.GroupID(g.ID))
		if err != nil {
			return nil, err
		}
		c.Groups = append(c.Groups, GroupCheck{Group: g, BadSeq: uint64(bad)})
	}
	if c.Removed, err = s.removed(r.Context()); err != nil {
		return nil, err
	}
	c.ClockUnsure = s.hub.ClockUnsure()
	return c, nil
}

func (s *Server) confirmClock(r *http.Request) (any, error) {
	err := s.hub.ConfirmClock(r.Context(), operator())
	return struct{}{}, err
}

func (s *Server) interfaces(r *http.Request) (any, error) {
	return map[string][]Interface{"interfaces": some(s.node.Interfaces(r.Context()))}, nil
}

// some is a list that is never null in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// destination reads the address in a path, 32 hex digits.
func destination(r *http.Request) (d [16]byte, err error) {
	text := strings.ToLower(chi.URLParam(r, "destination"))
	if n, err := hex.Decode(d[:], []byte(text[:min(len(text), 32)])); err != nil || n != len(d) || len(text) != 32 {
		return d, &group.Error{Kind: group.KindInvalid, Op: "path", Field: "destination", Msg: "32 hex digits are needed"}
	}
	return d, nil
}

// path answers /paths/{destination}; with ?request=1 the network is asked first.
func (s *Server) path(r *http.Request) (any, error) {
	d, err := destination(r)
	var p Path
	if err == nil {
		p, err = s.node.Path(r.Context(), d, r.URL.Query().Get("request") == "1")
	}
	return p, err
}

// paths answers /paths; with ?max_hops= only those of up to so many hops.
func (s *Server) paths(r *http.Request) (any, error) {
	most := math.MaxInt
	if text := r.URL.Query().Get("max_hops"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, &group.Error{Kind: group.KindInvalid, Op: "paths", Field: "max_hops", Msg: "a number is needed"}
		}
		most = n
	}
	list, err := s.node.Paths(r.Context(), most)
	slices.SortFunc(list, func(a, b Path) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Hops, b.Hops), cmp.Compare(a.Destination, b.Destination))
	})
	return map[string][]Path{"paths": some(list)}, err
}

func (s *Server) forgetPath(r *http.Request) (any, error) {
	d, err := destination(r)
	had := false
	if err == nil {
		had, err = s.node.ForgetPath(r.Context(), d)
	}
	if err == nil && !had {
		err = &group.Error{Kind: group.KindNotFound, Op: "path", Msg: "no path to " + hex.EncodeToString(d[:]) + " is known"}
	}
	return Path{Destination: hex.EncodeToString(d[:])}, err
}

func (s *Server) rates(r *http.Request) (any, error) {
	list, err := s.node.Rates(r.Context())
	slices.SortFunc(list, func(a, b Rate) int { return cmp.Compare(a.Destination, b.Destination) })
	return map[string][]Rate{"rates": some(list)}, err
}

func (s *Server) probe(r *http.Request) (any, error) {
	var in ProbeInput
	var p Probe
	d, err := destination(r)
	if err == nil {
		err = decode(r, &in)
	}
	if err == nil {
		p, err = s.node.Probe(r.Context(), d, in)
	}
	return p, err
}
