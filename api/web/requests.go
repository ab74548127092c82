package web

import (
	"net/http"

	"groupd/group"
)

func (s *Server) listRequests(w http.ResponseWriter, r *http.Request) {
	list, err := s.hub.Requests(r.Context(), operator(), groupID(r), group.MaxPage)
	page := RequestsPage{Requests: make([]Request, 0, len(list))}
	for _, q := range list {
		page.Requests = append(page.Requests, Request{
			Address: q.Address.String(), Identity: q.Identity.String(), Name: q.DisplayName, Greeting: q.Greeting, Since: q.Created,
		})
	}
	s.reply(w, r, page, err)
}

func (s *Server) approve(w http.ResponseWriter, r *http.Request) {
	who, err := s.who(r, group.AmongRequests)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	j, err := s.hub.Approve(r.Context(), operator(), groupID(r), who)
	s.reply(w, r, Done{Target: who.String(), Name: j.Name, Seq: uint64(j.Seq), Rev: uint64(j.Rev)}, err)
}

func (s *Server) reject(w http.ResponseWriter, r *http.Request) {
	var body RemovalInput
	if err := decode(r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	who, err := s.who(r, group.AmongRequests)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c, err := s.hub.Reject(r.Context(), operator(), groupID(r), who, body.Reason)
	s.done(w, r, who, c, err)
}
