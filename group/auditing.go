package group

import (
	"context"
	"strings"

	"groupd/moderation"
)

// AuditQuery says which lines of the log to read.
type AuditQuery struct {
	Before int64   // IDs below; 0: from the newest
	Who    AnyHash // who did it, or to whom it was done, by identity or address; zero: anybody
	Action string  // the method, such as "kick"; "": all
	Limit  int     // 0: DefaultPage
}

// AuditPage is a part of the log, newest first.
type AuditPage struct {
	Lines   []Audit
	More    bool
	Members []Member // rows of everybody whom the lines name
}

// AuditLog lists the log of moderation. Needs PermAudit.
func (h *Hub) AuditLog(ctx context.Context, c Caller, g GroupID, q AuditQuery) (AuditPage, error) {
	limit := pageSize(q.Limit)
	action := strings.ToLower(strings.TrimSpace(q.Action))
	var p AuditPage
	err := h.read(ctx, "audit", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionAudit); err != nil {
			return err
		}
		if err := s.inquire(); err != nil {
			return err
		}
		who := q.Who
		if m, _, err := s.known(who); err != nil {
			return err
		} else if !m.Identity.IsZero() {
			who = AnyHash(m.Identity)
		}
		names := func(h AnyHash) bool {
			return !h.IsZero() && (h == who || h.Names(IdentityHash(who)) || who.Names(IdentityHash(h)))
		}
		for before := max(q.Before, 0); len(p.Lines) <= limit; {
			rows, err := s.tx.Audit(g, before, MaxPage)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			for _, a := range rows {
				fits := (action == "" || a.Action == action) && (who.IsZero() || names(AnyHash(a.By)) || names(a.Target))
				if fits && len(p.Lines) <= limit {
					p.Lines = append(p.Lines, a)
				}
			}
			before = rows[len(rows)-1].ID
		}
		if p.More = len(p.Lines) > limit; p.More {
			p.Lines = p.Lines[:limit]
		}
		var named []AnyHash
		for _, a := range p.Lines {
			named = append(named, AnyHash(a.By), a.Target)
		}
		var err error
		p.Members, err = s.rowsOf(named)
		return err
	})
	if err != nil {
		return AuditPage{}, err
	}
	return p, nil
}
