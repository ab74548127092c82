package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"groupd/group"
)

// health answers who watches the process.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if _, err := s.hub.Groups(r.Context(), group.Caller{}); err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "version": s.version})
}

// status is the one-screen picture.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.Status(r.Context())
	s.reply(w, r, st, err)
}

// Status makes the picture that GET /status answers.
func (s *Server) Status(ctx context.Context) (Status, error) {
	st, err := s.node.Describe(ctx)
	if err != nil {
		return st, err
	}
	st.Version, st.ClockUnsure, st.Interfaces = s.version, s.hub.ClockUnsure(), s.node.Interfaces()
	if st.Groups, err = s.groups(ctx); err != nil {
		return st, err
	}
	for _, g := range st.Groups {
		if !g.Owned {
			st.Attention = append(st.Attention, Notice{Text: g.Name + " has no owner yet", Hint: "groupd claim --group " + g.ID})
		}
		if g.Waiting > 0 {
			st.Attention = append(st.Attention, Notice{Text: fmt.Sprintf("%d waiting to join %s", g.Waiting, g.Name), Hint: "groupd request list --group " + g.ID})
		}
		if g.Serving.ReadOnly != "" {
			st.Attention = append(st.Attention, Notice{Text: g.Name + " is read-only: " + g.Serving.ReadOnly})
		}
	}
	if st.ClockUnsure {
		st.Attention = append(st.Attention, Notice{Text: "clock unsure: the time is more than a day off from what was expected, nothing expires", Hint: "if date is right: groupd confirm-clock"})
	}
	if st.Attention == nil {
		st.Attention = []Notice{}
	}
	if st.Interfaces == nil {
		st.Interfaces = []Interface{}
	}
	return st, nil
}

// check verifies the chains of all groups.
func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	groups, err := s.groups(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := Check{Groups: []GroupCheck{}}
	for _, g := range groups {
		bad, err := s.hub.VerifyChain(r.Context(), group.GroupID(g.ID))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		c.Groups = append(c.Groups, GroupCheck{Group: g, BadSeq: uint64(bad)})
	}
	c.ClockUnsure = s.hub.ClockUnsure()
	writeJSON(w, http.StatusOK, c)
}

func (s *Server) confirmClock(w http.ResponseWriter, r *http.Request) {
	err := s.hub.ConfirmClock(r.Context(), operator())
	s.reply(w, r, struct{}{}, err)
}

func (s *Server) interfaces(w http.ResponseWriter, r *http.Request) {
	list := s.node.Interfaces()
	if list == nil {
		list = []Interface{}
	}
	writeJSON(w, http.StatusOK, map[string][]Interface{"interfaces": list})
}

// path answers /paths/{destination}, an address of 32 hex digits; with ?request=1 the network is asked first.
func (s *Server) path(w http.ResponseWriter, r *http.Request) {
	var d [16]byte
	text := strings.ToLower(chi.URLParam(r, "destination"))
	if n, err := hex.Decode(d[:], []byte(text[:min(len(text), 32)])); err != nil || n != len(d) || len(text) != 32 {
		s.fail(w, r, &group.Error{Kind: group.KindInvalid, Op: "path", Field: "destination", Msg: "32 hex digits are needed"})
		return
	}
	p, err := s.node.Path(r.Context(), d, r.URL.Query().Get("request") == "1")
	s.reply(w, r, p, err)
}
