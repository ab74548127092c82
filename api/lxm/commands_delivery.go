package lxm

import (
	"fmt"
	"strings"
	"time"

	"groupd/api/words"
	"groupd/group"
	"groupd/moderation"
)

// deliveryCommands are about how the caller is told what is new.
func deliveryCommands() []command {
	return []command{
		{name: "notify", aliases: []string{"notifications"}, args: "[fetch|notify|push|relay|digest|off]", short: "how you are told of posts",
			long: "How posts come to you; with a word: change it. relay: a message each, digest: one now and then, off: none; notify and push are for group clients.",
			run:  (*turn).notify},
		{name: "relay", args: "on|off", short: "posts come to you as messages", run: (*turn).relay},
		{name: "digest", args: "6h|off", short: "posts come in one message now and then", long: "Posts come to you in one message every 6 h, or as often as you say, from 15m to 7d; off: not at all.",
			run: (*turn).digest},
		{name: "pause", args: "[2d]", short: "nothing is sent to you, for so long or until /resume", run: (*turn).pause},
		{name: "resume", aliases: []string{"unpause"}, short: "what came meanwhile is sent", long: "Ends /pause: you are sent what came meanwhile.", run: (*turn).resume},
		{name: "quiet", args: "22-07 [+1]|off", short: "hours of the day in which nothing is sent",
			long: "Nothing but emergencies is sent to you in these hours, what came follows then: /quiet 22-07, /quiet 22:30-6:15. Behind it your clock's difference to UTC: +1, -3:30. /quiet off ends it.", run: (*turn).quietHours},
		{name: "textonly", args: "on|off", short: "leave out pictures and files", run: (*turn).textOnly},
		{name: "mentions", args: "on|off", short: "only posts that name or answer you", run: (*turn).mentions},
		{name: "receipts", args: "on|off", short: "be told the number of each post of yours", run: (*turn).receipts},
		{name: "propagation", aliases: []string{"nodes"}, args: "on|off", short: "posts may be left at a propagation node for you",
			run: (*turn).viaPropagation},
	}
}

// prefer changes how the caller is told.
func (t *turn) prefer(in group.NotificationsInput) (group.Preferences, error) {
	d, err := t.s.hub.UpdateNotifications(t.ctx, t.command(), t.s.group, in)
	return d.Preferences, err
}

// preferMode changes the way in which the caller is told.
func (t *turn) preferMode(in group.NotificationsInput) ([]string, error) {
	p, err := t.prefer(in)
	if err != nil {
		return nil, err
	}
	return whole(textMode(p, t.s.config.Now())), nil
}

// preferences tells the caller how he is told, with how that is changed.
func (t *turn) preferences(how string) ([]string, error) {
	d, err := t.s.hub.Notifications(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	return whole(textMode(d.Preferences, t.s.config.Now()) + "\n" + how), nil
}

// preferSwitch is a command with on and off: input puts the switch where it belongs, state reads it.
func (t *turn) preferSwitch(args, what string, input func(*bool) group.NotificationsInput, state func(group.Preferences) bool) ([]string, error) {
	on, ok := words.Switch(args)
	if !ok {
		d, err := t.s.hub.Notifications(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		return whole(textSwitchHow(state(d.Preferences), what)), nil
	}
	if _, err := t.prefer(input(&on)); err != nil {
		return nil, err
	}
	return whole(textSwitch(on, what)), nil
}

func (t *turn) textOnly(args string) ([]string, error) {
	return t.preferSwitch(args, "pictures and files are left out", func(v *bool) group.NotificationsInput { return group.NotificationsInput{TextOnly: v} },
		func(p group.Preferences) bool { return p.TextOnly })
}

func (t *turn) mentions(args string) ([]string, error) {
	return t.preferSwitch(args, "you are sent only posts that name or answer you", func(v *bool) group.NotificationsInput { return group.NotificationsInput{MentionsOnly: v} },
		func(p group.Preferences) bool { return p.MentionsOnly })
}

func (t *turn) receipts(args string) ([]string, error) {
	return t.preferSwitch(args, "each post of yours is answered with its number", func(v *bool) group.NotificationsInput { return group.NotificationsInput{Receipts: v} },
		func(p group.Preferences) bool { return p.Receipts })
}

func (t *turn) viaPropagation(args string) ([]string, error) {
	return t.preferSwitch(args, "posts are left at a propagation node where you can not be reached", func(v *bool) group.NotificationsInput { return group.NotificationsInput{ViaPropagation: v} },
		func(p group.Preferences) bool { return p.ViaPropagation })
}

// notify tells how the caller is told what is new and how far that is, or chooses the way.
func (t *turn) notify(args string) ([]string, error) {
	if args == "" {
		d, err := t.s.hub.Notifications(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		return whole(textPreferences(d.Preferences, t.s.config.Now()) + textProgress(d, t.s.config.Now())), nil
	}
	word := strings.ToLower(args)
	mode, ok := group.ParseDeliveryMode(word)
	if !ok && word != "off" {
		return t.preferences(textNotifyHow())
	}
	return t.preferMode(group.NotificationsInput{Mode: &mode})
}

// relay has posts come as messages, or not at all.
func (t *turn) relay(args string) ([]string, error) {
	on, ok := words.Switch(args)
	if !ok {
		return t.preferences(textRelayHow())
	}
	return t.preferMode(group.NotificationsInput{Mode: modeOr(on, group.DeliverRelay)})
}

// digest has posts come in one message per interval, or not at all.
func (t *turn) digest(args string) ([]string, error) {
	in := group.NotificationsInput{}
	if on, ok := words.Switch(args); ok {
		in.Mode = modeOr(on, group.DeliverDigest)
	} else if every, ok := words.Duration(args); ok {
		in.Mode, in.DigestEvery = modeOr(true, group.DeliverDigest), &every
		if every < group.MinDigest || every > group.MaxDigest {
			return whole(textDigestHow()), nil
		}
	} else {
		return t.preferences(textDigestHow())
	}
	return t.preferMode(in)
}

func modeOr(on bool, mode group.DeliveryMode) *group.DeliveryMode {
	if !on {
		mode = group.DeliverFetch
	}
	return &mode
}

// pause ends all that is sent, resume goes on with what came meanwhile.
func (t *turn) pause(args string) ([]string, error) {
	on := true
	in := group.NotificationsInput{Paused: &on}
	if args != "" {
		d, ok := words.Duration(args)
		if !ok || d > group.MaxPause {
			return whole(textPauseHow()), nil
		}
		in = group.NotificationsInput{PauseFor: &d}
	}
	return t.preferMode(in)
}

func (t *turn) resume(string) ([]string, error) {
	off := false
	return t.preferMode(group.NotificationsInput{Paused: &off})
}

// quietHours sets the hours in which nothing is sent. The difference to UTC stays as it was unless it is said.
func (t *turn) quietHours(args string) ([]string, error) {
	d, err := t.s.hub.Notifications(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	q, ok := words.Quiet(args, d.Quiet.Offset)
	if !ok {
		return whole(textQuiet(d.Quiet) + "\n" + textQuietHow()), nil
	}
	p, err := t.prefer(group.NotificationsInput{Quiet: &q})
	if err != nil {
		return nil, err
	}
	return whole(textQuiet(p.Quiet)), nil
}

// --- words ---

// textMode says how posts come.
func textMode(p group.Preferences, now time.Time) string {
	text := "Posts are not sent to you; /history and /since show them."
	switch p.Mode {
	case group.DeliverNotify:
		text = "Your client is told that there are new posts."
	case group.DeliverPush:
		text = "Posts are pushed to your client."
	case group.DeliverRelay:
		text = "Posts come to you as messages."
	case group.DeliverDigest:
		text = fmt.Sprintf("Posts come to you in one message every %s.", moderation.Passed(p.Digest()))
	}
	if p.Paused {
		text += " Paused: nothing is sent until /resume."
	} else if left := p.Left(now, true); left > 0 {
		text += fmt.Sprintf(" Paused for %s, or until /resume.", moderation.Remaining(left))
	}
	return text
}

// textPreferences says all that the caller has chosen.
func textPreferences(p group.Preferences, now time.Time) string {
	text := textMode(p, now)
	if !p.Quiet.None() {
		text += "\n" + textQuiet(p.Quiet)
	}
	var on []string
	for _, s := range []struct {
		on   bool
		word string
	}{{p.TextOnly, "textonly"}, {p.MentionsOnly, "mentions"}, {p.ViaPropagation, "propagation"}, {p.Receipts, "receipts"}} {
		if s.on {
			on = append(on, s.word)
		}
	}
	if len(on) > 0 {
		text += "\nOn: " + strings.Join(on, ", ") + "."
	}
	return text
}

// textProgress says how far the delivery is; empty for who is sent nothing.
func textProgress(d group.Delivery, now time.Time) string {
	if !d.Sends() {
		return ""
	}
	text := "\nNothing is confirmed yet"
	if !d.Proved.IsZero() {
		text = fmt.Sprintf("\nLast confirmed %s ago", moderation.Passed(now.Sub(d.Proved)))
	}
	if d.State != group.DeliveryIdle {
		text += "; now: " + d.State.String()
	}
	return text + "."
}

func textClock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}

func textOffset(d time.Duration) string {
	switch {
	case d == 0:
		return "UTC"
	case d < 0:
		return "UTC-" + strings.TrimPrefix(textClock(-d), "0")
	}
	return "UTC+" + strings.TrimPrefix(textClock(d), "0")
}

func textQuiet(q group.QuietHours) string {
	if q.None() {
		return "There are no quiet hours."
	}
	return fmt.Sprintf("Quiet from %s to %s, %s.", textClock(q.From), textClock(q.Until), textOffset(q.Offset))
}

// textSwitch says that something is so now, or not; what is a main clause.
func textSwitch(on bool, what string) string {
	if on {
		return "On: " + what + "."
	}
	return "Off. With on " + what + "."
}

func textSwitchHow(on bool, what string) string {
	if on {
		return "On: " + what + ". Send it with off to end that."
	}
	return textSwitch(on, what)
}

func textNotifyHow() string { return "So: /notify relay, digest, push, notify, fetch or off" }
func textRelayHow() string  { return "So: /relay on, /relay off" }
func textDigestHow() string { return "So: /digest 6h (15m to 7d), /digest off" }
func textPauseHow() string  { return "So: /pause until /resume, or /pause 2d" }
func textQuietHow() string {
	return "So: /quiet 22-07, /quiet 22:30-6:15 +1 (your clock against UTC), /quiet off"
}
