package web

import (
	"net/http"

	"groupd/group"
)

func (s *Server) listRequests(r *http.Request) (any, error) {
	list, err := s.hub.Requests(r.Context(), operator(), groupID(r), group.MaxPage)
	page := RequestsPage{Requests: make([]Request, 0, len(list))}
	for _, q := range list {
		page.Requests = append(page.Requests, Request{
			Address: q.Address.String(), Identity: q.Identity.String(), Name: q.DisplayName, Greeting: q.Greeting, Since: q.Created,
		})
	}
	return page, err
}

func (s *Server) approve(r *http.Request) (any, error) {
	who, err := s.who(r, group.AmongRequests)
	if err != nil {
		return nil, err
	}
	j, err := s.hub.Approve(r.Context(), operator(), groupID(r), who)
	return Done{Target: who.String(), Name: j.Name, Seq: uint64(j.Seq), Rev: uint64(j.Rev)}, err
}

func (s *Server) reject(r *http.Request) (any, error) {
	var body RemovalInput
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	who, err := s.who(r, group.AmongRequests)
	if err != nil {
		return nil, err
	}
	c, err := s.hub.Reject(r.Context(), operator(), groupID(r), who, body.Reason)
	return doneTo(who, c), err
}
