package lxm_test

import (
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
)

func TestQuietHoursAsPeopleTypeThem(t *testing.T) {
	const before = 2 * time.Hour // as it was set the last time
	at := func(h, m int) time.Duration { return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute }
	for text, want := range map[string]group.QuietHours{
		"22-07":        {From: at(22, 0), Until: at(7, 0), Offset: before},
		"22–7":         {From: at(22, 0), Until: at(7, 0), Offset: before},
		"22:30-6:15":   {From: at(22, 30), Until: at(6, 15), Offset: before},
		"2230-0615 +1": {From: at(22, 30), Until: at(6, 15), Offset: time.Hour},
		"0-24":         {}, // the same time
		"22-24 -3:30":  {From: at(22, 0), Until: 0, Offset: -at(3, 30)},
		"22-7 utc+5":   {From: at(22, 0), Until: at(7, 0), Offset: at(5, 0)},
		"22-7 UTC":     {From: at(22, 0), Until: at(7, 0)},
		"off":          {Offset: before},
		"22-7 +15":     {}, "22-7 -13": {}, "25-7": {}, "22:60-7": {}, "22:5-7": {}, "22": {}, "-": {}, "22-22": {}, "22-7-8": {}, "22-7 1": {}, "on": {}, "a-b": {}, "-22-7": {},
	} {
		got, ok := lxm.Quiet(text, before)
		if fails := want == (group.QuietHours{}); ok == fails || (ok && got != want) {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
}

func TestMembersAreToldHowPostsComeToThem(t *testing.T) {
	village(t, func(t *testing.T, h *house) {
		for _, c := range [][2]string{
			{"/notify", "Posts are not sent to you; /history and /since show them."},
			{"/relay", "Posts are not sent to you; /history and /since show them.\nSo: /relay on, /relay off"},
			{"/relay on", "Posts come to you as messages."},
			{"/digest", "Posts come to you as messages.\nSo: /digest 6h (15m to 7d), /digest off"},
			{"/digest on", "Posts come to you in one message every 6 h."},
			{"/digest 45m", "Posts come to you in one message every 45 min."},
			{"/digest 5m", "So: /digest 6h (15m to 7d), /digest off"},
			{"/digest 8d", "So: /digest 6h (15m to 7d), /digest off"},
			{"/pause", "Posts come to you in one message every 45 min. Paused: nothing is sent until /resume."},
			{"/pause 2d", "Posts come to you in one message every 45 min. Paused for 2 d, or until /resume."},
			{"/pause 2y", "So: /pause until /resume, or /pause 2d"},
			{"/resume", "Posts come to you in one message every 45 min."},
			{"/quiet", "There are no quiet hours.\nSo: /quiet 22-07, /quiet 22:30-6:15 +1 (your clock against UTC), /quiet off"},
			{"/quiet 22-07 -3:30", "Quiet from 22:00 to 07:00, UTC-3:30."},
			{"/quiet 23-06", "Quiet from 23:00 to 06:00, UTC-3:30."},
			{"/textonly", "Off. With on pictures and files are left out."},
			{"/textonly on", "On: pictures and files are left out."},
			{"/text-only", "On: pictures and files are left out. Send it with off to end that."},
			{"/mentions on", "On: you are sent only posts that name or answer you."},
			{"/notify", "Posts come to you in one message every 45 min.\nQuiet from 23:00 to 06:00, UTC-3:30.\nOn: textonly, mentions.\nNothing is confirmed yet."},
			{"/quiet off", "There are no quiet hours."},
			{"/notify push", "Posts are pushed to your client."},
			{"/notify notify", "Your client is told that there are new posts."},
			{"/notify loudly", "Your client is told that there are new posts.\nSo: /notify relay, digest, push, notify, fetch or off"},
			{"/status", "You are Member, member of Valley Net, joined 2 h ago.\nYour address: $OWN\nYour client is told that there are new posts.\nNothing is confirmed yet."},
			{"/digest off", "Posts are not sent to you; /history and /since show them."},
		} {
			time.Sleep(time.Minute)
			c[1] = strings.ReplaceAll(c[1], "$OWN", group.AddressOf(h.caller("member").Identity).String())
			if got := strings.TrimPrefix(h.says("member", c[0]).answer(t), "※ "); got != c[1] {
				t.Errorf("%s: %q, want %q", c[0], got, c[1])
			}
		}
	})
}

func FuzzQuiet(f *testing.F) {
	for _, text := range []string{"22-07", "22:30-6:15 +1", "0-24", "off", "2230-0615 -3:30"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, ok := lxm.Quiet(text, time.Hour)
		if _, msg := (group.Preferences{Quiet: q}).Check(); ok && msg != "" {
			t.Errorf("%q: %+v: %s", text, q, msg)
		}
	})
}
