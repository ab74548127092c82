package group_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// restarted is a hub on the same store whose clock is off by so much.
func (h *house) restarted(off time.Duration) {
	hub, err := group.New(group.Config{Store: h.store, Now: func() time.Time { return time.Now().Add(off) }})
	if err != nil {
		h.t.Fatal(err)
	}
	h.hub = hub
}

func TestAClockThatJumpsMakesNothingExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, off := range map[string]time.Duration{"a year ahead": 365 * 24 * time.Hour, "in 1970": -29 * 365 * 24 * time.Hour} {
			h := newHouse(t, open)
			ann, bob, mal := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember), h.joined("Mal", moderation.RoleMember)
			must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal), Duration: 2 * time.Hour}))(t)
			h.restarted(off)
			banned := func() bool {
				return must(h.hub.Standing(t.Context(), mal, valley))(t).Standing == moderation.StandingBanned
			}
			if !banned() || !h.hub.ClockUnsure() {
				t.Errorf("%s: banned %v, unsure %v", name, banned(), h.hub.ClockUnsure())
			}
			time.Sleep(time.Hour)
			if !banned() {
				t.Errorf("%s: an hour later the kick of two hours is over", name)
			}
			// Time that passes counts all the same.
			time.Sleep(time.Hour + time.Minute)
			if banned() {
				t.Errorf("%s: the kick of two hours never ends", name)
			}
			if off < 0 {
				if _, err := h.hub.Post(t.Context(), ann, valley, group.PostInput{Text: []byte("in the past, as is normal")}); err != nil {
					t.Error(err)
				}
				continue
			}
			// Two members whose clocks agree are enough.
			must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal2(h)), Duration: 2 * time.Hour}))(t)
			agree := func(c group.Caller, text string, author time.Time) {
				in := message(text)
				in.AuthorTime = author
				must(h.hub.Post(t.Context(), c, valley, in))(t)
			}
			agree(ann, "one", time.Now().Add(off))
			agree(ann, "the same one", time.Now().Add(off))
			agree(bob, "one who disagrees", time.Now())
			if !h.hub.ClockUnsure() {
				t.Error("one source was enough")
			}
			agree(bob, "two", time.Now().Add(off))
			if h.hub.ClockUnsure() {
				t.Error("two sources were not enough")
			}
		}
	})
}

// mal2 is another one to kick.
func mal2(h *house) group.Caller { return h.joined("Mal 2", moderation.RoleMember) }

func TestTheOperatorConfirmsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		mal := h.joined("Mal", moderation.RoleMember)
		must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal)}))(t)
		h.restarted(48 * time.Hour)
		must(h.hub.Standing(t.Context(), mal, valley))(t)
		refused(t, "a member confirming", h.hub.ConfirmClock(t.Context(), mal), group.KindDenied)
		if err := h.hub.ConfirmClock(t.Context(), operator()); err != nil {
			t.Fatal(err)
		}
		if st := must(h.hub.Standing(t.Context(), mal, valley))(t); st.Standing != moderation.StandingStranger || h.hub.ClockUnsure() {
			t.Errorf("%s, unsure %v", st.Standing, h.hub.ClockUnsure())
		}
		h.restarted(48 * time.Hour)
		must(h.hub.Standing(t.Context(), mal, valley))(t)
		if h.hub.ClockUnsure() {
			t.Error("the confirmation was forgotten")
		}
	})
}

func TestAQuietWeekIsNotAJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		done := make(chan error)
		stop := make(chan struct{})
		go func() {
			ctx, cancel := contextUntil(stop)
			defer cancel()
			done <- h.hub.Run(ctx)
		}()
		time.Sleep(7 * 24 * time.Hour)
		close(stop)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		h.restarted(time.Hour) // the machine was off for an hour
		must(h.hub.Info(t.Context(), operator(), valley))(t)
		if h.hub.ClockUnsure() {
			t.Error("after a week in which nobody said anything the clock is unsure")
		}
	})
}

// contextUntil ends when stop is closed.
func contextUntil(stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-stop; cancel() }()
	return ctx, cancel
}
