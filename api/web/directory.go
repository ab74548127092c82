package web

import (
	"net/http"
	"time"

	"groupd/group"
)

// HeardGroup is a group of another server.
type HeardGroup struct {
	Number     uint64    `json:"number"` // those listed later have larger ones
	Address    string    `json:"address"`
	Identity   string    `json:"identity"`
	Name       string    `json:"name,omitempty"` // as announced, made safe to show
	Visibility string    `json:"visibility"`
	Join       string    `json:"join"` // open, approve, or closed for all others
	JoinCost   int       `json:"join_cost"`
	PostCost   int       `json:"post_cost"`
	Hops       int       `json:"hops"`
	Interface  string    `json:"interface,omitempty"`
	First      time.Time `json:"first_heard"`
	Last       time.Time `json:"last_heard"`
	SecondsAgo int64     `json:"heard_s_ago"`
	Alike      string    `json:"alike,omitempty"` // identity of who has had a name that looks the same for longer
}

// Directory is a part of the groups of other servers, those that came first first.
type Directory struct {
	Groups []HeardGroup `json:"groups"`
	Total  int          `json:"total"`
	Once   int          `json:"heard_once"`     // heard once so far, and not listed yet
	Next   uint64       `json:"next,omitempty"` // value of ?after= for the next page; 0: that was all
}

func (s *Server) directory(r *http.Request) (any, error) {
	var q group.DirectoryQuery
	limit, err := number(r, "limit")
	if err == nil {
		q.After, err = number(r, "after")
	}
	if err != nil {
		return nil, err
	}
	q.Text, q.Limit = r.URL.Query().Get("text"), int(min(limit, group.MaxPage))
	p, err := s.hub.Directory(r.Context(), operator(), q)
	out := Directory{Groups: make([]HeardGroup, 0, len(p.Groups)), Total: p.Total, Once: p.Stats.Once}
	for _, e := range p.Groups {
		g := HeardGroup{
			Number: e.Number, Address: e.Address.String(), Identity: e.Identity.String(), Name: e.Name, Visibility: "private", Join: e.Joining.String(),
			JoinCost: e.JoinCost, PostCost: e.PostCost, Hops: e.Hops, Interface: e.Interface, First: e.First, Last: e.Last,
			SecondsAgo: int64(p.Now.Sub(e.Last).Seconds()), Alike: hexOrEmpty(e.Alike),
		}
		if e.Public {
			g.Visibility = "public"
		}
		out.Groups = append(out.Groups, g)
		if p.More {
			out.Next = e.Number
		}
	}
	return out, err
}
