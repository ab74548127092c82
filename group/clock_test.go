package group_test

import (
	"sync/atomic"
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
		h.lives(7 * 24 * time.Hour)
		h.restarted(time.Hour) // the machine was off for an hour
		must(h.hub.Info(t.Context(), operator(), valley))(t)
		if h.hub.ClockUnsure() {
			t.Error("after a week in which nobody said anything the clock is unsure")
		}
	})
}

// A server that starts in 1970, is set to 2038 while it runs, and back: nothing is deleted, nobody is put out or let in, and how long
// things last yet is told as it is.
func TestStartIn1970JumpTo2038AndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ann, bob, mal, dot := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember), h.joined("Mal", moderation.RoleMember), h.joined("Dot", moderation.RoleMember)
		h.keeps(func(p *moderation.Policy) { p.RetainAge, p.SilentAfter = 24*3600, 30*24*3600 })
		first := h.post(ann, "before")
		spam := h.post(dot, "buy antennas")
		var year atomic.Int64
		hub, err := group.New(group.Config{Store: h.store, Now: func() time.Time {
			now := time.Now()
			if y := int(year.Load()); y != 0 {
				return now.AddDate(y-now.Year(), 0, 0)
			}
			return now
		}})
		if err != nil {
			t.Fatal(err)
		}
		h.hub = hub
		events := hub.Subscribe(100)
		defer events.Close()
		must(hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal), Duration: 10 * time.Hour}))(t)
		must(hub.Mute(t.Context(), operator(), valley, group.MuteInput{Target: hash(bob), Duration: 10 * time.Hour}))(t)
		must(hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(dot), Purge: true}))(t)
		invite := must(hub.CreateInvite(t.Context(), operator(), valley, group.InviteInput{Duration: 10 * time.Hour}))(t)
		for _, y := range []int64{1970, 2038, 1970, 0} {
			year.Store(y)
			h.lives(time.Hour)
			if at := must(hub.Standing(t.Context(), mal, valley))(t).Standing; at != moderation.StandingBanned {
				t.Errorf("in %d Mal is %s", y, at)
			}
			if at := must(hub.Standing(t.Context(), bob, valley))(t).Standing; at != moderation.StandingMuted {
				t.Errorf("in %d Bob is %s", y, at)
			}
			if at := must(hub.Standing(t.Context(), ann, valley))(t).Standing; at != moderation.StandingMember {
				t.Errorf("in %d Ann is %s", y, at)
			}
			bans, _, err := hub.Bans(t.Context(), operator(), valley, group.AnyHash{}, 10)
			if err != nil {
				t.Error(err)
			}
			for _, b := range bans {
				if left := b.Expires.Sub(hub.Now()); b.Kick && (left > 10*time.Hour || left < 5*time.Hour) {
					t.Errorf("in %d the kick of ten hours lasts another %v", y, left)
				}
			}
			if left := invite.Invite.Expires.Sub(hub.Now()); left > 10*time.Hour || left < 5*time.Hour {
				t.Errorf("in %d the invite of ten hours lasts another %v", y, left)
			}
			if oldest, _, _ := h.kept(); oldest != 1 {
				t.Errorf("in %d the oldest kept is %d", y, oldest)
			}
			must(hub.Mute(t.Context(), operator(), valley, group.MuteInput{Target: hash(bob), Duration: 10 * time.Hour}))(t)
			told := false
			for more := true; more; {
				select {
				case e := <-events.Events():
					if e.Kind == group.EventMuted && e.Who == bob.Identity {
						told = true
						if left := e.Until.Sub(hub.Now()).Round(time.Minute); left < 9*time.Hour || left > 10*time.Hour {
							t.Errorf("in %d Bob is told of %v", y, left)
						}
					}
				default:
					more = false
				}
			}
			if !told {
				t.Errorf("in %d Bob is told nothing", y)
			}
		}
		must(hub.UndoBan(t.Context(), operator(), valley, hash(dot)))(t)
		h.lives(time.Minute)
		p := must(hub.Messages(t.Context(), ann, valley, group.Query{Seqs: []group.Seq{first.Seq, spam.Seq}}))(t)
		if len(p.Entries) != 2 || string(p.Entries[0].Text) != "before" || string(p.Entries[1].Text) != "buy antennas" {
			t.Errorf("left: %+v", p.Entries)
		}
		must(hub.Join(t.Context(), person("Eve"), valley, group.JoinInput{Name: "Eve", Code: invite.Code}))(t)
	})
}
