package lxm

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// maxAudit is how many lines of the log are read for one answer: more never fit.
const maxAudit = 12

// audit shows the log of moderation: all of it, of one person, or of one action.
func (t *turn) audit(args string) ([]string, error) {
	q, text := group.AuditQuery{Limit: maxAudit}, args
	if i := strings.LastIndexByte(args, '<'); i >= 0 {
		if n, ok := parseNumber(strings.TrimPrefix(strings.TrimSpace(args[i+1:]), "#")); ok {
			text, q.Before = strings.TrimSpace(args[:i]), int64(n)
		}
	}
	if text != "" {
		target, rest, err := t.whom(text, group.AmongMembers, group.AmongDeparted)
		switch {
		case err == nil && rest == "":
			q.Who = target
		case err == nil || group.KindOf(err) == group.KindNotFound:
			q.Action = text
		default:
			return nil, err
		}
	}
	p, err := t.s.hub.AuditLog(t.ctx, t.caller, t.s.group, q)
	if err != nil {
		return nil, err
	}
	if len(p.Lines) == 0 {
		return whole(textNoAudit()), nil
	}
	names := make(map[group.AnyHash]string)
	for _, m := range p.Members {
		names[group.AnyHash(m.Identity)], names[group.AnyHash(m.Address)] = m.DisplayName, m.DisplayName
	}
	older := func(id int64) string {
		return fmt.Sprintf("\nOlder: /audit %s<%d", strings.TrimLeft(moderation.CleanLine(brief(text, 40))+" ", " "), id)
	}
	room := MaxContent - len(glyph) - len(older(999999999))
	n, size := 0, 0
	var lines []string
	for _, a := range p.Lines {
		line := brief(textAudit(a, names, t.s.config.Now()), lineBytes)
		if size += len(line) + 1; n > 0 && size > room {
			break
		}
		lines = append(lines, line)
		n++
	}
	list := strings.Join(lines, "\n")
	if n < len(p.Lines) || p.More {
		list += older(p.Lines[n-1].ID)
	}
	return whole(list), nil
}

// --- words ---

func textNoAudit() string { return "The log has no such lines." }

func textAudit(a group.Audit, names map[group.AnyHash]string, now time.Time) string {
	by := "the operator"
	if !a.By.IsZero() {
		by = cmp.Or(names[group.AnyHash(a.By)], a.By.Short())
	}
	text := fmt.Sprintf("%s ago %s: %s", moderation.Passed(now.Sub(a.Time)), by, a.Action)
	if name := names[a.Target]; !a.Target.IsZero() && !strings.HasPrefix(a.Detail, cmp.Or(name, "?")) {
		text += " " + cmp.Or(name, a.Target.Short())
	}
	if a.Detail != "" {
		text += ", " + moderation.CleanLine(a.Detail)
	}
	return text
}
