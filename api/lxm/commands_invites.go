package lxm

import (
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// maxInvitees is how many people one command can invite.
const maxInvitees = 20

// inviteCommands are about invites.
func inviteCommands() []command {
	return []command{
		{name: "invite", aliases: []string{"invites"}, args: "[uses|WHO] [7d]", short: "make an invite",
			long:   "Makes a code that lets one in, or so many. /invite WHO [role] is for one alone, who is sent it; or several: A, B, C. It ends after 7d. /invite list [all], revoke NUMBER; for anybody: block, unblock.",
			anyone: true, may: mayInvite, who: "permission `invite`, or from the rank of the setting invite_role on", run: (*turn).invite},
	}
}

func mayInvite(st group.Standing, p moderation.Policy) bool {
	return st.Permissions.Has(moderation.PermInvite) || (p.InviteRole != moderation.RoleNone && st.Role >= p.InviteRole)
}

// invite makes an invite, for whoever has its code or for one person, lists them or takes one back.
func (t *turn) invite(args string) ([]string, error) {
	word, rest := firstWord(args)
	switch strings.ToLower(word) {
	case "list":
		return t.invites(rest)
	case "revoke", "delete":
		return t.revoke(rest)
	case "block", "unblock":
		return t.blockInvites(strings.EqualFold(word, "unblock"))
	}
	in := group.InviteInput{}
	if n, ok := parseNumber(word); ok {
		in.Uses, args = n, rest
	}
	args, in.Duration = cutDuration(args)
	if args != "" {
		if in.Uses > 0 {
			return whole(textInviteHow()), nil
		}
		if i := strings.LastIndexByte(args, ' '); i > 0 && !quotedWhole(args) {
			if role, ok := moderation.ParseRole(args[i+1:]); ok {
				in.Role, args = role, strings.TrimSpace(args[:i])
			}
		}
		return t.inviteThem(in, args)
	}
	r, err := t.s.hub.CreateInvite(t.ctx, t.command(), t.s.group, in)
	if err != nil {
		return nil, err
	}
	return whole(textInvite(r, false, t.s.hub.Now())), nil
}

// inviteThem sends an invite to who is named, or to each of several with commas between.
func (t *turn) inviteThem(in group.InviteInput, names string) ([]string, error) {
	scopes := []group.Scope{group.AmongDeparted, group.AmongRequests, group.AmongMembers, group.AmongAcquaintances}
	all := []string{names}
	if _, _, err := t.whom(names, scopes...); err != nil && !quotedWhole(names) {
		all = strings.Split(names, ",")
	}
	if len(all) > maxInvitees {
		return whole(textInviteHow()), nil
	}
	var lines []string
	for _, name := range all {
		target, more, err := t.whom(strings.TrimSpace(name), scopes...)
		if err == nil && more != "" {
			if len(all) == 1 {
				return whole(textInviteHow()), nil
			}
			err = &group.Error{Kind: group.KindNotFound, Op: "resolve", Field: "target", Msg: textNobodyCalled(name)}
		}
		var r group.InviteIssued
		if err == nil {
			by := t.caller
			if !t.noted { // the command runs with the first of them
				by = t.command()
			}
			_, whole := group.ParseAnyHash(name)
			in.For, in.Send, in.Picked = target, true, !whole
			r, err = t.s.hub.CreateInvite(t.ctx, by, t.s.group, in)
		}
		switch {
		case err == nil && len(all) > 1:
			lines = append(lines, textIsInvited(r))
		case err == nil:
			return whole(textInvite(r, true, t.s.hub.Now())), nil
		case len(all) == 1 || !group.Refused(err):
			return nil, err
		default:
			lines = append(lines, textNotInvited(strings.TrimSpace(name), t.explain(err)))
		}
	}
	return whole(strings.Join(lines, "\n")), nil
}

// quotedWhole reports whether a text is one name in quotation marks.
func quotedWhole(s string) bool {
	_, rest := firstWord(s)
	return quoted(s) && rest == ""
}

// cutDuration takes a duration off the end of a text; 0 when there is none.
func cutDuration(s string) (string, time.Duration) {
	i := strings.LastIndexByte(s, ' ')
	d, ok := words.Duration(s[i+1:])
	if !ok {
		return s, 0
	}
	return strings.TrimSpace(s[:max(i, 0)]), d
}

// invites lists the caller's invites, or everybody's.
func (t *turn) invites(args string) ([]string, error) {
	word, rest := firstWord(args)
	all := strings.EqualFold(word, "all")
	if !all {
		rest = word
	}
	var lines []string
	for q := (group.InvitesQuery{All: all, Limit: group.MaxPage}); ; {
		p, err := t.s.hub.Invites(t.ctx, t.caller, t.s.group, q)
		if err != nil {
			return nil, err
		}
		names := make(map[group.IdentityHash]string)
		for _, m := range p.Members {
			names[m.Identity] = m.DisplayName
		}
		for _, i := range p.Invites {
			lines = append(lines, textInviteLine(i, names[i.By], all, t.s.hub.Now()))
			q.After = i.ID
		}
		if !p.More || len(lines) >= maxListed {
			break
		}
	}
	if len(lines) == 0 {
		return whole(textNoInvites()), nil
	}
	more := "/invite list"
	if all {
		more += " all"
	}
	page, _ := parseNumber(rest)
	return paged(lines, page, more), nil
}

// revoke takes an invite back.
func (t *turn) revoke(args string) ([]string, error) {
	n, ok := parseNumber(strings.TrimPrefix(args, "#"))
	if !ok {
		return whole(textInviteHow()), nil
	}
	if _, err := t.s.hub.RevokeInvite(t.ctx, t.command(), t.s.group, int64(n)); err != nil {
		return nil, err
	}
	return whole(textRevoked(n)), nil
}

// blockInvites keeps the caller from being sent invites, or allows them again.
func (t *turn) blockInvites(off bool) ([]string, error) {
	if _, err := t.s.hub.BlockInvites(t.ctx, t.command(), t.s.group, off); err != nil {
		return nil, err
	}
	return whole(textInvitesBlocked(!off)), nil
}

// --- words ---

func textInviteHow() string {
	return "So: /invite, /invite 10 2d, /invite ADDRESS, /invite list, /invite revoke 3"
}

func textInvite(r group.InviteIssued, sent bool, now time.Time) string {
	ends := moderation.Remaining(r.Invite.Expires.Sub(now))
	if sent {
		return fmt.Sprintf("Invite %d for %s, as %s, was sent and holds for %s. To take it back: /invite revoke %[1]d", r.Invite.ID, r.Invite.For.Short(), r.Invite.Role, ends)
	}
	return fmt.Sprintf("Invite %d lets %s in within %s, who send to this address:\n/join %s NAME\nTo take it back: /invite revoke %[1]d", r.Invite.ID, people(r.Invite.Uses), ends, r.Code)
}

func textIsInvited(r group.InviteIssued) string {
	return fmt.Sprintf("%s is invited: %d.", r.Invite.For.Short(), r.Invite.ID)
}

func textNotInvited(name, why string) string {
	return fmt.Sprintf("%s is not invited: %s", brief(moderation.CleanLine(name), 40), why)
}

func people(n int) string {
	if n == 1 {
		return "one"
	}
	return fmt.Sprint(n)
}

func textInviteLine(i group.Invite, by string, all bool, now time.Time) string {
	text := fmt.Sprintf("%d: for %s", i.ID, people(i.Uses))
	if !i.For.IsZero() {
		text = fmt.Sprintf("%d: for %s", i.ID, i.For.Short())
	}
	if i.Role > moderation.RoleMember {
		text += " as " + i.Role.String()
	}
	if i.Used > 0 {
		text += " more, used " + count(i.Used, "time")
	}
	text += ", ends in " + moderation.Remaining(i.Expires.Sub(now))
	if all && by != "" {
		text += ", by " + by
	}
	return text
}

func textNoInvites() string { return "There are no invites. To make one: /invite" }

func textRevoked(n int) string { return fmt.Sprintf("Invite %d is taken back.", n) }

func textInvitesBlocked(on bool) string {
	if on {
		return "No group here sends you invites any more. /invite unblock allows it again."
	}
	return "Groups here may send you invites."
}

func textHoldsInvite() string {
	return "This holds the code of an invite, and nobody saw it. To join with it send: /join CODE NAME"
}
