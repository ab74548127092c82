package lxm

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// orderCommands are for those who keep order, besides deciding who is a member.
func orderCommands() []command {
	return []command{
		{name: "mute", aliases: []string{"silence"}, args: "WHO [duration] [reason]", short: "keep a member from writing", needs: moderation.PermMute,
			long: "Keeps a member from writing, until /unmute or as long as you say: 30m, 2h, 7d. He still reads, and is told.", run: (*turn).mute},
		{name: "unmute", args: "WHO", short: "let him write again", needs: moderation.PermMute, run: (*turn).unmute},
		{name: "reports", args: "[page]", short: "what members reported", needs: moderation.PermDelete, run: (*turn).reports},
		{name: "settle", aliases: []string{"dismiss"}, args: "[#number] [note]", short: "take reports off the list", needs: moderation.PermDelete,
			long: "Takes every report about a post off the list, with a note for the log. /delete does it too.", run: (*turn).settle},
		{name: "lockdown", args: "on|off [duration]", short: "who joins waits for a moderator",
			long: "With on, everybody who would join an open group waits for a moderator, until /lockdown off or as long as you say: /lockdown on 2h. Members are told.",
			may: func(st group.Standing, _ moderation.Policy) bool {
				return mayAny(st, moderation.PermBan, moderation.PermSettings)
			}, who: "permission `ban` or `settings`",
			run: (*turn).lockdown},
	}
}

func mayAny(st group.Standing, list ...moderation.Permission) bool {
	for _, p := range list {
		if st.Permissions.Has(p) {
			return true
		}
	}
	return false
}

// mute keeps a member from writing.
func (t *turn) mute(args string) ([]string, error) {
	target, rest, err := t.whom(args, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	d, reason, err := span(rest)
	if err != nil {
		return nil, err
	}
	r, err := t.s.hub.Mute(t.ctx, t.command(), t.s.group, group.MuteInput{Target: target, Duration: d, Reason: reason})
	if err != nil {
		return nil, err
	}
	name, address := t.label(target, r.Seq)
	return whole(textMutedOther(name, address, d)), nil
}

// unmute lets a muted member write again.
func (t *turn) unmute(args string) ([]string, error) {
	target, _, err := t.whom(args, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	r, err := t.s.hub.Unmute(t.ctx, t.command(), t.s.group, target)
	if err != nil {
		return nil, err
	}
	name, _ := t.label(target, r.Seq)
	return whole(textUnmutedOther(name)), nil
}

// reports lists what members reported, the longest waiting first.
func (t *turn) reports(args string) ([]string, error) {
	r, err := t.s.hub.Reports(t.ctx, t.caller, t.s.group, 0, group.MaxPage)
	if err != nil {
		return nil, err
	}
	if len(r.Reports) == 0 {
		return whole(textNoReports()), nil
	}
	who := make(map[group.IdentityHash]string)
	for _, m := range r.Authors {
		who[m.Identity] = m.DisplayName
	}
	seqs := make([]group.Seq, len(r.Reports))
	for i, report := range r.Reports {
		seqs[i] = report.Seq
	}
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Seqs: seqs, Current: true})
	if err != nil {
		return nil, err
	}
	posts, names := make(map[group.Seq]string), t.names(p)
	for _, e := range p.Entries {
		if !e.Deleted {
			posts[e.Seq], _, _ = strings.Cut(posted(e, names), "\n")
		}
	}
	lines := []string{textReports(r.Total)}
	for _, report := range r.Reports {
		lines = append(lines, textReport(report, posts[report.Seq], who[report.By], t.s.config.Now()))
	}
	page, _ := parseNumber(args)
	return paged(lines, page, "/reports"), nil
}

// settle takes the reports about a post off the list.
func (t *turn) settle(args string) ([]string, error) {
	seq, note, ok := t.aboutPost(args)
	if !ok {
		return whole(textSettleHow()), nil
	}
	if _, err := t.s.hub.SettleReports(t.ctx, t.command(), t.s.group, seq, note); err != nil {
		return nil, err
	}
	return whole(textSettled(seq)), nil
}

// lockdown begins or ends a lockdown, or tells whether there is one.
func (t *turn) lockdown(args string) ([]string, error) {
	word, rest := firstWord(args)
	on, ok := words.Switch(word)
	d, bad := forHowLong(rest)
	if !ok || bad != "" || (!on && rest != "") {
		s, err := t.s.hub.Settings(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		return whole(textLockdown(s.Lockdown, t.s.hub.Now()) + "\n" + textLockdownHow()), nil
	}
	if _, err := t.s.hub.Lockdown(t.ctx, t.command(), t.s.group, group.LockdownInput{On: on, Duration: d}); err != nil {
		return nil, err
	}
	now := t.s.hub.Now()
	l := group.Lockdown{On: on}
	if d > 0 {
		l.Until = now.Add(d)
	}
	return whole(textLockdown(l, now)), nil
}

// --- words ---

func textMutedOther(name, address string, d time.Duration) string {
	if d == 0 {
		return fmt.Sprintf("%s can not write any more. To undo: /unmute %s", name, address)
	}
	return fmt.Sprintf("%s can not write for %s. To undo: /unmute %s", name, moderation.Passed(d), address)
}

func textUnmutedOther(name string) string { return fmt.Sprintf("%s can write again.", name) }

func textNoReports() string { return "Nothing is reported." }

func textReports(n int) string {
	return count(n, "report") + ". /delete NUMBER erases the post, /settle NUMBER leaves it:"
}

func textReport(r group.Report, post, by string, now time.Time) string {
	text := fmt.Sprintf("#%d %s | %s, %s ago", r.Seq, brief(post, 60), cmp.Or(by, r.By.Short()), moderation.Passed(now.Sub(r.Created)))
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

func textSettleHow() string { return "So: /settle #35 a note for the log. What waits: /reports" }

func textSettled(seq group.Seq) string { return fmt.Sprintf("The reports about #%d are settled.", seq) }

func textLockdown(l group.Lockdown, now time.Time) string {
	switch {
	case !l.InForce(now):
		return "There is no lockdown."
	case l.Until.IsZero():
		return "Lockdown: who joins waits for a moderator, until /lockdown off."
	}
	return fmt.Sprintf("Lockdown: who joins waits for a moderator, for %s.", moderation.Remaining(l.Until.Sub(now)))
}

func textLockdownHow() string { return "So: /lockdown on, /lockdown on 2h, /lockdown off" }

func textReportedOne(r group.Report, by string) string {
	return because(fmt.Sprintf("%s reports #%d", cmp.Or(by, r.By.Short()), r.Seq), brief(r.Reason, 100)) + fmt.Sprintf("\n/history #%d shows it, /delete %[1]d or /settle %[1]d", r.Seq)
}

func textManyReports(n int) string { return fmt.Sprintf("%d reports wait: /reports", n) }
