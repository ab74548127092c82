package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// shortText is how many bytes of a text for people are left where not one row fits with all of it.
const shortText = 60

// shorten cuts a text to shortText.
func shorten(text string) string {
	if len(text) <= shortText {
		return text
	}
	return cutText(text, shortText)
}

// limitIn is a request's limit as the domain takes it.
func limitIn(n uint32) int {
	if n == 0 {
		return group.MaxPage
	}
	return int(min(n, group.MaxPage))
}

// namesOf finds names by identity.
func namesOf(rows []group.Member) map[group.IdentityHash]string {
	names := make(map[group.IdentityHash]string, len(rows))
	for _, m := range rows {
		names[m.Identity] = m.DisplayName
	}
	return names
}

// fitRows encodes as many rows as fit into budget; each takes at least size bytes. Where not even one fits, it is cut first.
// more says that there are rows beyond these.
func fitRows[R any](rows []R, budget, size int, more bool, encode func(shown []R, more bool) ([]byte, error), cut func(R)) ([]byte, error) {
	n, err := mostThatFit(len(rows), budget/size, budget, func(n int) (int, error) {
		b, err := encode(rows[:n], more || n < len(rows))
		return len(b), err
	})
	if err != nil {
		return nil, err
	}
	if n == 0 && len(rows) > 0 {
		n = 1
		cut(rows[0])
	}
	encoded, err := encode(rows[:n], more || n < len(rows))
	if err == nil && len(encoded) > budget {
		return nil, noRoom(len(encoded))
	}
	return encoded, err
}

// bans answers /bans: as many as fit. Needs BAN.
func (s *Server) bans(ctx context.Context, c *call, q *groupdv1.BansRequest) (*groupdv1.BansReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	var after group.AnyHash
	if n := len(q.GetAfter()); n != 0 && n != len(after) {
		return nil, nil, invalid("after", "a hash has 16 bytes")
	}
	copy(after[:], q.GetAfter())
	list, more, err := s.hub.Bans(ctx, c.caller, s.group, after, limitIn(q.GetLimit()))
	if err != nil {
		return nil, nil, err
	}
	rows := make([]*groupdv1.Ban, len(list))
	for i, b := range list {
		rows[i] = &groupdv1.Ban{
			Target: b.Target[:], Name: b.DisplayName, Reason: b.Reason, By: b.By[:], Since: unix(b.Created), Until: unix(b.Expires), Kick: b.Kick,
		}
		if b.By.IsZero() {
			rows[i].By = nil
		}
	}
	encoded, err := fitRows(rows, budget, 24, more, func(shown []*groupdv1.Ban, more bool) ([]byte, error) {
		return c.encode(&groupdv1.BansReply{Bans: shown, More: more})
	}, func(b *groupdv1.Ban) {
		b.Name, b.By, b.Reason, b.Cut = "", nil, shorten(b.GetReason()), true
	})
	return &groupdv1.BansReply{}, encoded, err
}

// audit answers /audit: as many lines as fit, the newest first. Needs AUDIT.
func (s *Server) audit(ctx context.Context, c *call, q *groupdv1.AuditRequest) (*groupdv1.AuditReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	in := group.AuditQuery{Before: int64(min(q.GetBefore(), 1<<62)), Action: q.GetAction(), Limit: limitIn(q.GetLimit())}
	if q.GetWho() != nil {
		if in.Who, err = s.resolve(ctx, c, "who", q.GetWho(), group.AmongMembers, group.AmongDeparted, group.AmongRequests, group.AmongBans); err != nil {
			return nil, nil, err
		}
	}
	p, err := s.hub.AuditLog(ctx, c.caller, s.group, in)
	if err != nil {
		return nil, nil, err
	}
	names := namesOf(p.Members)
	rows := make([]*groupdv1.AuditLine, len(p.Lines))
	for i, a := range p.Lines {
		rows[i] = &groupdv1.AuditLine{
			Id: uint64(a.ID), Time: unix(a.Time), By: a.By[:], ByName: names[a.By], Action: a.Action, Target: a.Target[:], Detail: a.Detail,
		}
		if a.By.IsZero() {
			rows[i].By = nil
		}
		if a.Target.IsZero() {
			rows[i].Target = nil
		}
	}
	encoded, err := fitRows(rows, budget, 16, p.More, func(shown []*groupdv1.AuditLine, more bool) ([]byte, error) {
		return c.encode(&groupdv1.AuditReply{Lines: shown, More: more})
	}, func(a *groupdv1.AuditLine) {
		a.ByName, a.Detail, a.Cut = "", shorten(a.GetDetail()), true
	})
	return &groupdv1.AuditReply{}, encoded, err
}

// transfer answers /members/transfer; needs APPROVE, or the member does it himself.
func (s *Server) transfer(ctx context.Context, c *call, q *groupdv1.TransferRequest) (*groupdv1.Ack, []byte, error) {
	from, noFrom, err := s.targetOf(ctx, c, "from", q.GetClientId(), q.GetFrom(), group.AmongMembers)
	if err != nil {
		return nil, nil, err
	}
	to, noTo, err := s.targetOf(ctx, c, "to", q.GetClientId(), q.GetTo(), group.AmongRequests, group.AmongDeparted)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.hub.Transfer(ctx, c.as(q.GetClientId()), s.group, group.TransferInput{From: from, To: to})
	if group.KindOf(err) == group.KindNotFound {
		for _, notFound := range []error{noFrom, noTo} {
			if notFound != nil {
				err = notFound
				break
			}
		}
	}
	return ack(group.Change{Rev: m.Rev}, err)
}

// forget answers /forget.
func (s *Server) forget(ctx context.Context, c *call, q *groupdv1.ForgetRequest) (*groupdv1.Ack, []byte, error) {
	if !q.GetConfirm() {
		return nil, nil, invalid("confirm", "all that you wrote here will be erased: confirm it")
	}
	return ack(s.hub.Forget(ctx, c.as(q.GetClientId()), s.group))
}
