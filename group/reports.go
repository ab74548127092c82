package group

import (
	"context"
	"errors"
	"fmt"

	"groupd/moderation"
)

// maxOwnReports is how many of a member's reports may wait at a time.
const maxOwnReports = 50

// ReportInput tells the moderators about a post.
type ReportInput struct {
	Seq    Seq
	Reason string // at most MaxReasonBytes
}

// Report tells the moderators about a post. A second report by the same member replaces his first. At most Limits.Reports
// wait in a group, and maxOwnReports of one member (KindFull). Staff learn of it by EventReported.
func (h *Hub) Report(ctx context.Context, c Caller, g GroupID, in ReportInput) (Change, error) {
	const op = "report"
	var r Change
	reason, err := cleanText(op, "reason", in.Reason, MaxReasonBytes)
	if err != nil {
		return r, err
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionReport); err != nil {
			return err
		}
		e, err := w.entryOf(in.Seq, MessageID{})
		if err != nil {
			return err
		}
		if err := w.holdsNoCode(reason); err != nil {
			return err
		}
		own, err := w.tx.CountReportsBy(g, w.caller.Identity)
		if err != nil {
			return err
		}
		all, err := w.tx.CountReports(g)
		if err != nil {
			return err
		}
		switch limit := w.hub.limits.Reports; {
		case own >= maxOwnReports:
			return &Error{Kind: KindFull, Op: op, Msg: "so many reports of yours are waiting already", Limit: maxOwnReports}
		case all >= limit:
			return &Error{Kind: KindFull, Op: op, Msg: "too many reports are waiting: write to a moderator", Limit: int64(limit)}
		}
		if err := errors.Join(w.spend(moderation.ActionReport, 0), w.heard()); err != nil {
			return err
		}
		r = Change{Rev: w.head.Rev}
		name := ""
		if w.standing.Member != nil {
			name = w.standing.Member.DisplayName
		}
		w.tell(Event{Kind: EventReported, Who: w.caller.Identity, Name: name, Text: reason, Seq: e.Seq})
		return w.w.PutReport(Report{Group: g, Seq: e.Seq, By: w.caller.Identity, Reason: reason, Created: w.now})
	})
	return r, err
}

// ReportsPage is a part of what was reported, the longest waiting first.
type ReportsPage struct {
	Reports []Report
	Total   int
	More    bool
	Authors []Member // rows of everybody who reported
}

// Reports lists what waits for the moderators, those with an ID above after. limit 0 is DefaultPage. Needs PermDelete.
func (h *Hub) Reports(ctx context.Context, c Caller, g GroupID, after int64, limit int) (ReportsPage, error) {
	limit = pageSize(limit)
	var p ReportsPage
	err := h.read(ctx, "reports", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionReports); err != nil {
			return err
		}
		var err error
		if p.Total, err = s.tx.CountReports(g); err != nil {
			return err
		}
		if p.Reports, err = s.tx.Reports(g, max(after, 0), limit+1); err != nil {
			return err
		}
		if p.More = len(p.Reports) > limit; p.More {
			p.Reports = p.Reports[:limit]
		}
		known := make(map[IdentityHash]bool)
		for _, r := range p.Reports {
			if known[r.By] {
				continue
			}
			known[r.By] = true
			m, err := s.tx.Member(g, r.By)
			if err == nil {
				p.Authors = append(p.Authors, m)
			} else if !errors.Is(err, ErrNoRow) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return ReportsPage{}, err
	}
	return p, nil
}

// SettleReports takes every report about a post off the list; what was done about it, if anything, goes to the log. Needs
// PermDelete. Deleting the post settles them too.
func (h *Hub) SettleReports(ctx context.Context, c Caller, g GroupID, seq Seq, note string) (Change, error) {
	const op = "settle reports"
	var r Change
	note, err := cleanText(op, "note", note, MaxReasonBytes)
	if err != nil {
		return r, err
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionReports); err != nil {
			return err
		}
		n, err := w.w.DeleteReports(g, seq)
		if err != nil {
			return err
		}
		if n == 0 {
			return w.refuse(KindNotFound, "seq", "nobody reported this, or it is settled")
		}
		r = Change{Rev: w.head.Rev}
		return errors.Join(w.heard(), w.audit(AnyHash{}, detail(fmt.Sprintf("#%d", seq), plural(n, "report"), note)))
	})
	return r, err
}
