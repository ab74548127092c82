package group_test

import (
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestAMemberChoosesHowHeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		ann := h.joined("Ann", moderation.RoleOwner)
		events := h.hub.Subscribe(10)
		defer events.Close()

		if d := must(h.hub.Notifications(ctx, ann, valley))(t); d.Preferences != (group.Preferences{}) || d.Mode != group.DeliverFetch {
			t.Errorf("at first: %+v", d)
		}
		before := h.head()
		quiet := group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour, Offset: time.Hour}
		d := must(h.hub.UpdateNotifications(ctx, ann, valley, group.NotificationsInput{Mode: ptr(group.DeliverDigest), Quiet: &quiet, Receipts: ptr(true)}))(t)
		if d.Mode != group.DeliverDigest || d.Quiet != quiet || !d.Receipts || d.Cursor != before.Rev || time.Until(d.Due) != group.DefaultDigest {
			t.Errorf("%+v", d)
		}
		if h.head() != before {
			t.Error("preferences raised a rev")
		}
		if e := <-events.Events(); e.Kind != group.EventPreferences || e.Who != ann.Identity {
			t.Errorf("%+v", e)
		}
		h.post(ann, "news")
		d = must(h.hub.UpdateNotifications(ctx, ann, valley, group.NotificationsInput{Mode: ptr(group.DeliverPush), Paused: ptr(true)}))(t)
		if d.Cursor != before.Rev || !d.Due.IsZero() || d.Sends() {
			t.Errorf("a change of mode moved the cursor: %+v", d)
		}
		if again := must(h.hub.Notifications(ctx, ann, valley))(t); again != d {
			t.Errorf("%+v\nthen %+v", d, again)
		}

		for field, in := range map[string]group.NotificationsInput{
			"mode":           {Mode: ptr(group.DeliverDigest + 1)},
			"digest_minutes": {DigestEvery: ptr(time.Minute)},
			"quiet":          {Quiet: &group.QuietHours{From: 24 * time.Hour}},
		} {
			_, err := h.hub.UpdateNotifications(ctx, ann, valley, in)
			if e := refused(t, field, err, group.KindInvalid); e.Field != field {
				t.Errorf("%s: field %q", field, e.Field)
			}
		}
		must(h.hub.UpdateNotifications(ctx, ann, valley, group.NotificationsInput{
			Mode: ptr(group.DeliverFetch), Paused: ptr(false), Receipts: ptr(false), Quiet: &group.QuietHours{},
		}))(t)
		if n := h.deliveries(); n != 0 {
			t.Errorf("%d rows for who has the defaults", n)
		}

		_, err := h.hub.UpdateNotifications(ctx, person("Mal"), valley, group.NotificationsInput{Mode: ptr(group.DeliverPush)})
		refused(t, "a stranger", err, group.KindNotMember)
		for i := range 40 {
			_, err = h.hub.UpdateNotifications(ctx, ann, valley, group.NotificationsInput{Receipts: ptr(i%2 == 0)})
		}
		if e := refused(t, "forty changes at once", err, group.KindRateLimited); e.RetryAfter <= 0 {
			t.Error("not told when again")
		}
	})
}

// deliveries counts the rows of how members are told.
func (h *house) deliveries() (n int) {
	h.t.Helper()
	err := h.store.View(h.t.Context(), func(tx group.ReadTx) error {
		list, err := tx.Deliveries(valley, group.IdentityHash{}, 100)
		n = len(list)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestWhoJoinsByTextIsToldFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		ann, bob, dan := h.joined("Ann", moderation.RoleOwner), person("Bob"), person("Dan")
		for _, c := range []group.Caller{bob, dan} {
			must(h.hub.Join(ctx, c, valley, group.JoinInput{Mode: group.DeliverRelay}))(t)
		}
		h.post(ann, "before Bob")
		must(h.hub.Reject(ctx, ann, valley, hash(dan), ""))(t)
		must(h.hub.Approve(ctx, ann, valley, hash(bob)))(t)
		if d := must(h.hub.Notifications(ctx, bob, valley))(t); d.Mode != group.DeliverRelay || d.Cursor != h.head().Rev {
			t.Errorf("%+v", d)
		}
		if n := h.deliveries(); n != 1 {
			t.Errorf("%d rows: who was turned away has one", n)
		}
		must(h.hub.UpdateNotifications(ctx, bob, valley, group.NotificationsInput{Mode: ptr(group.DeliverPush)}))(t)
		must(h.hub.Join(ctx, bob, valley, group.JoinInput{Mode: group.DeliverRelay}))(t)
		if d := must(h.hub.Notifications(ctx, bob, valley))(t); d.Mode != group.DeliverPush {
			t.Errorf("joining again made it %s", d.Mode)
		}
		must(h.hub.Kick(ctx, ann, valley, group.KickInput{Target: hash(bob)}))(t)
		if n := h.deliveries(); n != 0 {
			t.Errorf("%d rows after the last one left", n)
		}
	})
}

func TestEmergenciesNeedAPermissionAndAreFewAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember)
		fire := group.PostInput{Text: []byte("fire"), Emergency: true}
		_, err := h.hub.Post(ctx, bob, valley, fire)
		refused(t, "a member", err, group.KindDenied)
		for range 3 {
			r := must(h.hub.Post(ctx, ann, valley, fire))(t)
			if p := must(h.hub.Messages(ctx, bob, valley, group.Query{Seqs: []group.Seq{r.Seq}}))(t); !p.Entries[0].Emergency {
				t.Error("not marked")
			}
		}
		_, err = h.hub.Post(ctx, ann, valley, fire)
		refused(t, "a fourth one", err, group.KindRateLimited)
		h.post(ann, "no emergency")
		time.Sleep(20 * time.Minute)
		must(h.hub.Post(ctx, ann, valley, fire))(t)
		n := 0
		for _, a := range must(h.hub.AuditLog(ctx, ann, valley, group.AuditQuery{Limit: 100}))(t).Lines {
			if a.Action == "emergency" && a.By == ann.Identity {
				n++
			}
		}
		if n != 4 {
			t.Errorf("%d lines in the log", n)
		}
	})
}

func TestAPauseEndsByItselfOrByAWord(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	p := group.Preferences{Mode: group.DeliverRelay, PausedUntil: now.Add(time.Hour), Quiet: group.QuietHours{From: 8 * time.Hour, Until: 8*time.Hour + time.Minute}}
	for at, want := range map[time.Duration][2]time.Duration{0: {time.Hour, time.Hour}, 30 * time.Minute: {30 * time.Minute, 30 * time.Minute}, time.Hour: {}, 24 * time.Hour: {time.Minute, 0}, -400 * 24 * time.Hour: {time.Minute, 0}} {
		if got, urgent := p.Left(now.Add(at), false), p.Left(now.Add(at), true); got != want[0] || urgent != want[1] {
			t.Errorf("after %v: %v, and %v for an emergency", at, got, urgent)
		}
	}
}

func TestQuietHoursGoOverMidnightInTheMembersOwnTime(t *testing.T) {
	q := group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour, Offset: 2 * time.Hour}
	for at, left := range map[string]time.Duration{
		"2026-11-20T19:59:00Z": 0,
		"2026-11-20T20:00:00Z": 9 * time.Hour,
		"2026-11-20T23:00:00Z": 6 * time.Hour,
		"2026-11-21T04:59:30Z": 30 * time.Second,
		"2026-11-21T05:00:00Z": 0,
		"1969-12-31T20:30:00Z": 8*time.Hour + 30*time.Minute,
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Left(now); got != left {
			t.Errorf("%s: %v, not %v", at, got, left)
		}
	}
	day := group.QuietHours{From: 9 * time.Hour, Until: 17 * time.Hour, Offset: -12 * time.Hour}
	if got := day.Left(time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)); got != time.Hour {
		t.Error(got)
	}
	if !(group.QuietHours{}).None() || (group.QuietHours{}).Left(time.Now()) != 0 {
		t.Error("no quiet hours are quiet")
	}
}
