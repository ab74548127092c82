package web

import (
	"net/http"

	"groupd/group"
)

// PostInput is what the group itself says.
type PostInput struct {
	Text      string `json:"text"`
	Emergency bool   `json:"emergency,omitempty"` // passes quiet hours and shares of airtime
}

func (s *Server) post(r *http.Request) (any, error) {
	var in PostInput
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	p, err := s.hub.Post(r.Context(), operator(), groupID(r), group.PostInput{Text: []byte(in.Text), Emergency: in.Emergency})
	return Done{Seq: uint64(p.Seq), Rev: uint64(p.Rev)}, err
}
