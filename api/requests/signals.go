package requests

import (
	"context"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
)

// react answers /messages/react.
func (s *Server) react(ctx context.Context, c *call, q *groupdv1.ReactRequest) (*groupdv1.ReactReply, []byte, error) {
	r, err := s.hub.React(ctx, c.as(q.GetClientId()), s.group, group.ReactInput{Seq: group.Seq(q.GetSeq()), Text: q.GetText(), Off: q.GetOff()})
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.ReactReply{Rev: uint64(r.Rev), Reactions: reactionRows(r.Reactions)}, nil, nil
}

// reactionRows are counts as pages show them.
func reactionRows(counts []group.ReactionCount) []*groupdv1.ReactionCount {
	var rows []*groupdv1.ReactionCount
	for _, c := range counts {
		rows = append(rows, &groupdv1.ReactionCount{Text: c.Text, Count: clampUint32(int64(c.Count)), Mine: c.Mine})
	}
	return rows
}

// pin answers /messages/pin; needs PIN, or only reading to list.
func (s *Server) pin(ctx context.Context, c *call, q *groupdv1.PinRequest) (*groupdv1.PinReply, []byte, error) {
	var r group.PinResult
	var err error
	if q.GetSeq() == 0 {
		r, err = s.hub.Pins(ctx, c.caller, s.group)
	} else {
		r, err = s.hub.Pin(ctx, c.as(q.GetClientId()), s.group, group.Seq(q.GetSeq()), q.GetOff())
	}
	if err != nil {
		return nil, nil, err
	}
	reply := &groupdv1.PinReply{Rev: uint64(r.Rev)}
	for _, seq := range r.Pinned {
		reply.Pinned = append(reply.Pinned, uint64(seq))
	}
	return reply, nil, nil
}

// report answers /messages/report.
func (s *Server) report(ctx context.Context, c *call, q *groupdv1.ReportRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.Report(ctx, c.as(q.GetClientId()), s.group, group.ReportInput{Seq: group.Seq(q.GetSeq()), Reason: q.GetReason()}))
}

// settleReports answers /reports/settle; needs DELETE.
func (s *Server) settleReports(ctx context.Context, c *call, q *groupdv1.SettleReportsRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.SettleReports(ctx, c.as(q.GetClientId()), s.group, group.Seq(q.GetSeq()), q.GetNote()))
}

// shortReason is how many bytes of a reason are left where not one report fits.
const shortReason = 80

// reports answers /reports: as many as fit, the longest waiting first. Needs DELETE.
func (s *Server) reports(ctx context.Context, c *call, q *groupdv1.ReportsRequest) (*groupdv1.ReportsReply, []byte, error) {
	budget, err := c.budget(q.GetMaxBytes())
	if err != nil {
		return nil, nil, err
	}
	p, err := s.hub.Reports(ctx, c.caller, s.group, int64(min(q.GetAfterId(), 1<<62)), int(min(q.GetLimit(), group.MaxPage)))
	if err != nil {
		return nil, nil, err
	}
	who := peopleOf(p.Authors)
	rows := make([]*groupdv1.Report, len(p.Reports))
	for i, r := range p.Reports {
		rows[i] = &groupdv1.Report{Id: uint64(r.ID), Seq: uint64(r.Seq), By: who.sender(r.By), Reason: r.Reason, Time: unix(r.Created)}
	}
	encode := func(shown []*groupdv1.Report) ([]byte, error) {
		return c.encode(&groupdv1.ReportsReply{Reports: shown, More: p.More || len(shown) < len(rows), Total: clampUint32(int64(p.Total))})
	}
	n, err := mostThatFit(len(rows), budget/48, budget, func(n int) (int, error) {
		b, err := encode(rows[:n])
		return len(b), err
	})
	if err != nil {
		return nil, nil, err
	}
	if n == 0 && len(rows) > 0 {
		first := rows[0]
		first.By = nameless(first.GetBy())
		if len(first.GetReason()) > shortReason {
			first.Reason, first.Cut = cutText(first.GetReason(), shortReason), true
		}
		rows, n = rows[:1], 1
		p.More = p.More || len(p.Reports) > 1
	}
	encoded, err := encode(rows[:n])
	if err == nil && len(encoded) > budget {
		return nil, nil, noRoom(len(encoded))
	}
	return &groupdv1.ReportsReply{}, encoded, err
}
