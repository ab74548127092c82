package lxm

import (
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// circleCommands are about invites for oneself, and groups that are formed by invites.
func circleCommands() []command {
	invited := func(st group.Standing) bool { return st.Standing == moderation.StandingInvited }
	formed := func(p moderation.Policy) bool { return p.Establish }
	return []command{
		{name: "decline", aliases: []string{"refuse"}, short: "turn down an invite to this group", anyone: true, who: "who is invited", hidden: func(st group.Standing) bool { return !invited(st) }, run: (*turn).decline},
		{name: "circle", args: "[page]", short: "who is invited to a group that is being formed", anyone: true, who: "members, and those who are invited",
			hidden: func(st group.Standing) bool { return st.Role == moderation.RoleNone && !invited(st) }, only: formed, run: (*turn).circle},
		{name: "establish", short: "end the forming of a group", who: "who made the group",
			long: "Whoever has not accepted stays outside, and the group gets a new key. Once all have answered, or their time is over; then the next thing you do here does it too.",
			only: formed, may: func(st group.Standing, _ moderation.Policy) bool { return st.Role == moderation.RoleOwner }, run: (*turn).establish},
	}
}

// decline turns down the invites for the caller.
func (t *turn) decline(string) ([]string, error) {
	if _, err := t.s.hub.DeclineInvite(t.ctx, t.command(), t.s.group); err != nil {
		return nil, err
	}
	return whole(textDeclined(t.inform())), nil
}

// circle lists who is invited and what they have answered.
func (t *turn) circle(args string) ([]string, error) {
	st, err := t.s.hub.Circle(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	page, _ := parseNumber(args)
	return paged(textCircle(t.inform(), st, t.s.hub.Now()), page, "/circle"), nil
}

// establish ends the forming of the group.
func (t *turn) establish(string) ([]string, error) {
	if _, err := t.s.hub.Establish(t.ctx, t.command(), t.s.group); err != nil {
		return nil, err
	}
	return whole(textEstablished(t.inform())), nil
}

// --- words ---

func textDeclined(i group.Info) string {
	return "You have declined the invite to " + shortName(i) + "."
}

func textEstablished(i group.Info) string {
	return fmt.Sprintf("%s is established, with %s.", shortName(i), count(i.Members, "member"))
}

// textCircle is how a group is being formed, or was, line by line.
func textCircle(i group.Info, st group.CircleState, now time.Time) (lines []string) {
	switch left := st.Until.Sub(now); {
	case !st.Forming:
		lines = append(lines, fmt.Sprintf("%s was established %s ago.", shortName(i), moderation.Passed(now.Sub(st.Established))))
	case left > 0:
		lines = append(lines, fmt.Sprintf("%s is being formed: who is invited answers within %s.", shortName(i), moderation.Remaining(left)))
	default:
		lines = append(lines, fmt.Sprintf("%s waits for its creator to establish it.", shortName(i)))
	}
	for _, v := range st.Invitees {
		lines = append(lines, textInvitee(v)+": "+words.Answer(v.State))
	}
	if st.MayEstablish {
		lines = append(lines, "Nobody else can answer. To establish it: /establish")
	}
	return lines
}

// textInvitee names one who was invited, by his address where he has no name here.
func textInvitee(v group.CircleInvitee) string {
	if v.Name != "" {
		return v.Name
	}
	return v.Shown.String()
}

// textAnswered tells who has invited somebody what he has answered.
func textAnswered(i group.Info, e group.Event) string {
	who := group.AddressOf(group.IdentityHash(e.Target)).String()
	if e.Name != "" {
		who = fmt.Sprintf("%s (%s)", e.Name, who[:8])
	}
	done := "accepted"
	if e.Declined {
		done = "declined"
	}
	text := []string{fmt.Sprintf("%s has %s your invite to %s.", who, done, shortName(i))}
	switch {
	case e.Forming && e.Left > 0:
		text = append(text, fmt.Sprintf("%d can still answer: /circle", e.Left))
	case e.Forming:
		text = append(text, "All have answered. To establish the group: /establish")
	}
	return strings.Join(text, "\n")
}
