package group_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// keys are the numbers of the keys that somebody is handed, the newest first.
func (h *house) keys(c group.Caller) (list []uint32) {
	h.t.Helper()
	for _, e := range must(h.hub.Keys(h.t.Context(), c, valley, group.KeysQuery{}))(h.t).Epochs {
		list = append(list, e.Number)
	}
	return list
}

// hands fails the test unless somebody is handed just those keys.
func (h *house) hands(c group.Caller, what string, want ...uint32) {
	h.t.Helper()
	if got := h.keys(c); fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (h *house) kick(name string) {
	h.t.Helper()
	must(h.hub.Kick(h.t.Context(), operator(), valley, group.KickInput{Target: hash(person(name)), Duration: time.Minute}))(h.t)
}

// TestWhoIsRemovedDoesNotHaveTheNextKey, who joined later not the earlier ones, and who came back only those of his last stay.
func TestWhoIsRemovedDoesNotHaveTheNextKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob, cy := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember), h.joined("Cy", moderation.RoleMember)
		dan := h.joined("Dan", moderation.RoleMember)
		h.kick("Dan") // nobody has asked for a key: there is none to change
		h.hands(ann, "the first one who asks", 1)
		h.hands(bob, "another one", 1)
		_, err := h.hub.Keys(t.Context(), dan, valley, group.KeysQuery{})
		refused(t, "who was kicked", err, group.KindBanned)
		_, err = h.hub.Keys(t.Context(), person("Sue"), valley, group.KeysQuery{})
		refused(t, "a stranger", err, group.KindNotMember)
		_, err = h.hub.Keys(t.Context(), group.Caller{}, valley, group.KeysQuery{})
		refused(t, "nobody", err, group.KindNotIdentified)
		_, err = h.hub.Keys(t.Context(), operator(), valley, group.KeysQuery{})
		refused(t, "the operator", err, group.KindNotIdentified)
		must(h.hub.Mute(t.Context(), ann, valley, group.MuteInput{Target: hash(cy)}))(t)
		h.hands(cy, "the muted, who reads", 1)

		h.kick("Bob")
		h.hands(ann, "after a kick", 2, 1)
		eve := h.joined("Eve", moderation.RoleMember)
		h.hands(eve, "who has joined since", 2)
		time.Sleep(time.Hour)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(cy)}))(t)
		h.hands(ann, "after a ban", 3, 2, 1)
		h.hands(eve, "who was there since the second", 3, 2)
		bob = h.joined("Bob", moderation.RoleMember)
		h.hands(bob, "who has come back", 3)
		time.Sleep(time.Hour)
		must(h.hub.Leave(t.Context(), eve, valley))(t)
		h.hands(ann, "after one has left", 3, 2, 1)
		h.joined("Eve", moderation.RoleMember)
		h.hands(eve, "who left and came back at once", 3)
		must(h.hub.Leave(t.Context(), eve, valley))(t)
		time.Sleep(time.Second)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(eve)}))(t)
		h.hands(ann, "after a ban of one who left with the key", 4, 3, 2, 1)
		time.Sleep(time.Hour)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(eve), Reason: "again"}))(t)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(person("Mal"))}))(t)
		h.hands(ann, "after bans of those who never had it", 4, 3, 2, 1)

		// Page by page.
		p := must(h.hub.Keys(t.Context(), ann, valley, group.KeysQuery{Limit: 2}))(t)
		if len(p.Epochs) != 2 || !p.More || p.Epochs[1].Number != 3 {
			t.Errorf("%+v", p)
		}
		p = must(h.hub.Keys(t.Context(), ann, valley, group.KeysQuery{Before: 3, Limit: 2}))(t)
		if len(p.Epochs) != 2 || p.More || p.Epochs[0].Number != 2 {
			t.Errorf("%+v", p)
		}
		if p := must(h.hub.Keys(t.Context(), bob, valley, group.KeysQuery{Before: 3}))(t); len(p.Epochs) != 0 || p.More {
			t.Errorf("who has come back: %+v", p)
		}
		if p := must(h.hub.Keys(t.Context(), bob, valley, group.KeysQuery{Before: 999}))(t); len(p.Epochs) != 2 {
			t.Errorf("before one that is not there: %+v", p)
		}
		if p := must(h.hub.Keys(t.Context(), bob, valley, group.KeysQuery{Before: 1<<32 - 1}))(t); len(p.Epochs) != 2 {
			t.Errorf("before the last that can be: %+v", p)
		}
	})
}

// TestANewKeyAtMostOnceAnHour: the second one in an hour comes at its end, also after a restart, and however many were removed.
func TestANewKeyAtMostOnceAnHour(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			ann := h.joined("Ann", moderation.RoleOwner)
			for i := range 6 {
				h.joined(fmt.Sprint("P", i), moderation.RoleMember)
			}
			h.hands(ann, "at first", 1)
			h.kick("P0")
			h.hands(ann, "at once", 2, 1)
			time.Sleep(10 * time.Minute)
			h.kick("P1")
			h.hands(ann, "ten minutes later", 2, 1)
			time.Sleep(10 * time.Minute)
			h.kick("P2")
			before := must(h.hub.Info(t.Context(), ann, valley))(t)
			if before.Epoch != 2 {
				t.Errorf("epoch %d", before.Epoch)
			}
			if restart {
				h.restarted(0)
			}
			h.lives(40*time.Minute - time.Second)
			h.hands(ann, "a second before the hour is over", 2, 1)
			reader := h.reader(ann)
			reader.cursor = before.Head.Rev
			h.lives(2 * time.Second)
			if after := must(h.hub.Info(t.Context(), ann, valley))(t); after.Epoch != 3 {
				t.Errorf("at the end of the hour: epoch %d", after.Epoch)
			}
			reader.fetch()
			if reader.info.Epoch != 3 {
				t.Errorf("clients learn of epoch %d", reader.info.Epoch)
			}
			h.hands(ann, "after the hour", 3, 2, 1)
			h.lives(3 * time.Hour)
			h.hands(ann, "hours later", 3, 2, 1)
			// The server need not even be there at the end of the hour: who asks finds the next one.
			h.kick("P3")
			h.kick("P4")
			time.Sleep(time.Hour)
			h.hands(ann, "asked for when it is due", 5, 4, 3, 2, 1)
		})
	}
}

// TestAWaitingKeyComesWhileTheHubRuns, when the removal happens then.
func TestAWaitingKeyComesWhileTheHubRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleOwner)
		h.joined("Bob", moderation.RoleMember)
		h.joined("Cy", moderation.RoleMember)
		h.hands(ann, "at first", 1)
		h.kick("Bob")
		time.AfterFunc(time.Minute, func() { h.kick("Cy") })
		h.lives(59*time.Minute + 59*time.Second)
		if e := must(h.hub.Info(t.Context(), ann, valley))(t).Epoch; e != 2 {
			t.Errorf("epoch %d before the hour is over", e)
		}
		h.lives(2 * time.Second)
		if e := must(h.hub.Info(t.Context(), ann, valley))(t).Epoch; e != 3 {
			t.Errorf("epoch %d after it", e)
		}
	})
}

// TestAGroupThatIsOpenNoLongerHasANewKey: who was removed while it was open has the old one, and can not join by another name any more.
func TestAGroupThatIsOpenNoLongerHasANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ann, _ := h.joined("Ann", moderation.RoleOwner), h.joined("Mal", moderation.RoleMember)
		set := func(j moderation.Joining) {
			must(h.hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Joining: &j}))(t)
		}
		set(moderation.JoiningInvite)
		set(moderation.JoiningOpen)
		h.hands(ann, "nobody has asked for a key before", 1)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(person("Mal"))}))(t)
		h.hands(ann, "an open group", 1)
		set(moderation.JoiningApprove)
		h.hands(ann, "open no longer", 2, 1)
		set(moderation.JoiningInvite)
		h.hands(ann, "it was not open before", 2, 1)
		set(moderation.JoiningOpen)
		set(moderation.JoiningInvite)
		h.hands(ann, "once an hour", 2, 1)
		time.Sleep(time.Hour)
		h.hands(ann, "an hour later", 3, 2, 1)
	})
}

// TestAnOpenGroupKeepsItsKey: who was removed can join by another name; and a key that was put off is not made once anybody joins.
func TestAnOpenGroupKeepsItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ann := h.joined("Ann", moderation.RoleOwner)
		for i := range 4 {
			h.joined(fmt.Sprint("P", i), moderation.RoleMember)
		}
		h.hands(ann, "at first", 1)
		h.kick("P0")
		h.hands(ann, "after a kick", 1)
		set := func(j moderation.Joining) {
			must(h.hub.UpdateSettings(t.Context(), ann, valley, group.SettingsInput{Joining: &j}))(t)
		}
		set(moderation.JoiningInvite)
		h.kick("P1")
		h.kick("P2")
		h.hands(ann, "when it is closed", 2, 1)
		set(moderation.JoiningOpen)
		time.Sleep(2 * time.Hour)
		h.hands(ann, "put off, and opened meanwhile", 2, 1)
		h.lives(time.Minute)
		set(moderation.JoiningInvite)
		h.lives(time.Hour)
		h.hands(ann, "closed again", 3, 2, 1)
	})
}

// TestABanWithHisBranchMakesOneNewKey: they all lose the old one in the same moment.
func TestABanWithHisBranchMakesOneNewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleModerator)
		for _, name := range []string{"Cy", "Dan"} {
			h.invite(bob, group.InviteInput{For: hash(person(name))})
			must(h.joins(name, ""))(t)
		}
		h.hands(ann, "at first", 1)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(bob), Branch: true}))(t)
		h.hands(ann, "after the ban", 2, 1)
		h.lives(2 * time.Hour)
		h.hands(ann, "hours later", 2, 1)
	})
}

// TestKeysOfWhatIsKeptAreKept, and not many more: of an old epoch nothing is left in the end, and there is a bound.
func TestKeysOfWhatIsKeptAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(n *group.NewGroup, _ *group.Config) { n.Policy.RetainCount = 30 })
		ann := h.joined("Ann", moderation.RoleOwner)
		h.hands(ann, "at first", 1)
		for i := range 40 {
			h.joined(fmt.Sprint("P", i), moderation.RoleMember)
			h.kick(fmt.Sprint("P", i))
			h.lives(time.Hour)
		}
		p := must(h.hub.Keys(t.Context(), ann, valley, group.KeysQuery{Limit: group.MaxPage}))(t)
		// 40 joined and were removed: two entries each, so that 30 entries are of 15 epochs or 16, and of the newest one is nothing.
		if n := len(p.Epochs); n < 15 || n > 18 {
			t.Errorf("%d keys", n)
		}
		oldest := must(h.hub.Messages(t.Context(), ann, valley, group.Query{Newest: true, Limit: 1}))(t).Head.Oldest
		if last := p.Epochs[len(p.Epochs)-1]; last.Seq > oldest {
			t.Errorf("entry %d has no key: the oldest is of those after %d", oldest, last.Seq)
		}
		// Where nothing is kept, a few remain.
		for i := range 10 {
			for range 40 {
				h.post(ann, fmt.Sprint("one of many ", i))
				time.Sleep(time.Minute)
			}
			h.lives(20 * time.Minute)
			h.joined(fmt.Sprint("Q", i), moderation.RoleMember)
			h.kick(fmt.Sprint("Q", i))
		}
		if n := len(h.keys(ann)); n != group.FewEpochs {
			t.Errorf("%d keys remain", n)
		}
	})
}

func TestThereAreAtMostSoManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleOwner)
		h.joined("Bob", moderation.RoleMember)
		if err := h.store.Update(t.Context(), func(tx group.Tx) error {
			for n := range uint32(group.MaxEpochs) {
				if err := tx.PutEpoch(group.Epoch{Group: valley, Number: n + 1, Reason: moderation.EpochRemoval, Seq: 4}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		h.kick("Bob")
		if err := h.store.View(t.Context(), func(tx group.ReadTx) error {
			all, err := tx.Epochs(valley, 0, 2*group.MaxEpochs)
			if len(all) != group.MaxEpochs || all[0].Number != group.MaxEpochs+1 || all[len(all)-1].Number != 2 {
				t.Errorf("%d keys, from %d", len(all), all[len(all)-1].Number)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.hands(ann, "pages are no larger than others", h.keys(ann)[:group.DefaultPage]...)
	})
}

// TestNobodySeesAKeyWhoWasNotHandedIt: not in logs, texts, JSON, remembered answers or the log of moderation.
func TestNobodySeesAKeyWhoWasNotHandedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		h := newHouse(t, func(_ *group.NewGroup, cfg *group.Config) { cfg.Logger = logger })
		ann := h.joined("Ann", moderation.RoleOwner)
		h.joined("Bob", moderation.RoleMember)
		again := ann
		again.ClientID = []byte("keys")
		k := must(h.hub.Keys(t.Context(), again, valley, group.KeysQuery{}))(t)
		h.kick("Bob")
		key := k.Epochs[0].Key
		logger.Info("a key", "key", key, "epoch", k.Epochs[0])
		fmt.Fprintf(&out, "%v %+v %#v %s %x %d %q", key, key, key, key, key, key, key)
		fmt.Fprintf(&out, "%+v %#v %v", k, k.Epochs[0], k.Epochs)
		if err := json.NewEncoder(&out).Encode(k); err != nil {
			t.Fatal(err)
		}
		page := must(h.hub.AuditLog(t.Context(), ann, valley, group.AuditQuery{}))(t)
		epochs := 0
		for _, l := range page.Lines {
			fmt.Fprintln(&out, l.Action, l.Detail)
			if l.Action == "epoch" {
				epochs++
			}
		}
		if epochs != 2 {
			t.Errorf("%d lines in the log", epochs)
		}
		for _, form := range []string{string(key[:8]), fmt.Sprintf("%x", key[:8]), fmt.Sprintf("%X", key[:8]), fmt.Sprint(key[:4])[1:12], fmt.Sprintf("%#v", key[:4])[7:20]} {
			if bytes.Contains(out.Bytes(), []byte(form)) {
				t.Errorf("the key is there as %q", form)
			}
		}
		if err := h.store.View(t.Context(), func(tx group.ReadTx) error {
			if n, err := tx.CountOutcomes(ann.Identity); n != 0 || err != nil {
				t.Errorf("%d answers are remembered, %v", n, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
