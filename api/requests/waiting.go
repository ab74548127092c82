package requests

import (
	"context"
	"unicode/utf8"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// waiting answers /members/requests: who waits to join, longest first, as many as fit. Needs APPROVE.
func (s *Server) waiting(ctx context.Context, c *call, q *groupdv1.WaitingRequest) (*groupdv1.WaitingReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	all, err := s.hub.Requests(ctx, c.caller, s.group, group.MaxPage)
	if err != nil {
		return nil, nil, err
	}
	rows := all[min(int(min(q.GetOffset(), group.MaxPage)), len(all)):]
	most := len(rows)
	if q.GetLimit() > 0 {
		most = min(most, int(min(q.GetLimit(), group.MaxPage)))
	}
	encode := func(shown []*groupdv1.Applicant) ([]byte, error) {
		return c.encode(&groupdv1.WaitingReply{Applicants: shown, More: len(shown) < len(rows), Total: uint32(len(all))})
	}
	shown := make([]*groupdv1.Applicant, most)
	for i := range shown {
		r := rows[i]
		shown[i] = &groupdv1.Applicant{Identity: r.Identity[:], Name: r.DisplayName, Greeting: r.Greeting, Asked: unix(r.Created)}
	}
	n, err := mostThatFit(most, budget/32, budget, func(n int) (int, error) {
		b, err := encode(shown[:n])
		return len(b), err
	})
	if err != nil {
		return nil, nil, err
	}
	if n == 0 && most > 0 {
		return s.shortApplicant(shown[0], budget, encode)
	}
	encoded, err := encode(shown[:n])
	return &groupdv1.WaitingReply{}, encoded, err
}

// shortApplicant makes a reply of one applicant whose greeting, and if need be name, are shortened to what fits.
func (s *Server) shortApplicant(a *groupdv1.Applicant, budget int, encode func([]*groupdv1.Applicant) ([]byte, error)) (*groupdv1.WaitingReply, []byte, error) {
	var encoded []byte
	for _, name := range []string{a.GetName(), ""} {
		cut := func(n int) []*groupdv1.Applicant {
			for n > 0 && n < len(a.GetGreeting()) && !utf8.RuneStart(a.GetGreeting()[n]) {
				n--
			}
			return []*groupdv1.Applicant{{
				Identity: a.GetIdentity(), Name: name, Greeting: a.GetGreeting()[:n], Asked: a.GetAsked(), Cut: true,
			}}
		}
		keep, err := mostThatFit(len(a.GetGreeting()), budget, budget, func(n int) (int, error) {
			b, err := encode(cut(n))
			return len(b), err
		})
		if err != nil {
			return nil, nil, err
		}
		if encoded, err = encode(cut(keep)); err != nil {
			return nil, nil, err
		}
		if len(encoded) <= budget {
			return &groupdv1.WaitingReply{}, encoded, nil
		}
	}
	return nil, nil, noRoom(len(encoded))
}

// approve answers /members/approve; needs APPROVE. The applicant is told.
func (s *Server) approve(ctx context.Context, c *call, q *groupdv1.ApproveRequest) (*groupdv1.Ack, []byte, error) {
	var done group.Change
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongRequests, func(caller group.Caller, who group.AnyHash) error {
		got, err := s.hub.Approve(ctx, caller, s.group, who)
		done = got.Change
		return err
	})
	return ack(done, err)
}

// reject answers /members/reject; needs APPROVE. The applicant is told.
func (s *Server) reject(ctx context.Context, c *call, q *groupdv1.RejectRequest) (*groupdv1.Ack, []byte, error) {
	var done group.Change
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongRequests, func(caller group.Caller, who group.AnyHash) (err error) {
		done, err = s.hub.Reject(ctx, caller, s.group, who, q.GetReason())
		return err
	})
	return ack(done, err)
}
