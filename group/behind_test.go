package group_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

// sick is a store that can not write some rows of one group.
type sick struct {
	*memory.Store
	group atomic.Value // group.GroupID
}

type sickTx struct {
	group.Tx
	group group.GroupID
}

var errSick = errors.New("the disk has a bad block")

// falls makes it sick for a group; "": healthy.
func (s *sick) falls(g group.GroupID) { s.group.Store(g) }

func (s *sick) Update(ctx context.Context, f func(group.Tx) error) error {
	return s.Store.Update(ctx, func(tx group.Tx) error { return f(sickTx{tx, s.group.Load().(group.GroupID)}) })
}

func (t sickTx) PutEpoch(e group.Epoch) error {
	if e.Group == t.group {
		return errSick
	}
	return t.Tx.PutEpoch(e)
}

func (t sickTx) DropEntries(g group.GroupID, before group.Seq, n int) (int, error) {
	if g == t.group {
		return 0, errSick
	}
	return t.Tx.DropEntries(g, before, n)
}

func (t sickTx) PutGroup(g group.Group) error {
	if g.ID == t.group {
		return errSick
	}
	return t.Tx.PutGroup(g)
}

// village is a hub with as many groups as names, over a store that can be made sick for one of them.
func village(t *testing.T, names ...group.GroupID) (*house, *sick) {
	t.Helper()
	s := &sick{Store: memory.New()}
	s.falls("")
	h := &house{t: t, store: s.Store}
	var err error
	none := moderation.Rate{Burst: -1}
	if h.hub, err = group.New(group.Config{Store: s, Limits: group.Limits{MemberRate: none, GroupRate: none}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		n := group.NewGroup{ID: name, PublicKey: person("group " + string(name)).PublicKey, PrivateKey: []byte("private"), PublicName: string(name)}
		must(h.hub.CreateGroup(t.Context(), operator(), n))(t)
	}
	return h, s
}

// settles makes somebody a member of a group.
func (h *house) settles(c group.Caller, g group.GroupID) {
	h.t.Helper()
	must(h.hub.Join(h.t.Context(), c, g, group.JoinInput{}))(h.t)
	must(h.hub.Approve(h.t.Context(), operator(), g, hash(c)))(h.t)
}

// TestANewKeyThatCannotBeMadeKeepsNoOtherGroupWaiting: the next one gets its own, and the first one as soon as it can.
func TestANewKeyThatCannotBeMadeKeepsNoOtherGroupWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := village(t, "alpha", "beta")
		ann := person("Ann")
		for _, g := range []group.GroupID{"alpha", "beta"} {
			h.settles(ann, g)
			must(h.hub.Keys(t.Context(), ann, g, group.KeysQuery{}))(t)
			for i := range 2 {
				c := person(fmt.Sprint("P", i))
				h.settles(c, g)
				must(h.hub.Kick(t.Context(), operator(), g, group.KickInput{Target: hash(c)}))(t)
			}
			time.Sleep(time.Minute)
		}
		epoch := func(g group.GroupID) uint32 { return must(h.hub.Info(t.Context(), ann, g))(t).Epoch }
		store.falls("alpha")
		h.lives(2 * time.Hour)
		if a, b := epoch("alpha"), epoch("beta"); a != 2 || b != 3 {
			t.Errorf("the keys are %d and %d", a, b)
		}
		store.falls("")
		h.lives(time.Minute)
		if a := epoch("alpha"); a != 3 {
			t.Errorf("the key that could not be made is still %d", a)
		}
	})
}

// TestAGroupThatCannotBeSweptIsSweptLater, and keeps no other waiting.
func TestAGroupThatCannotBeSweptIsSweptLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := village(t, "alpha", "beta")
		ann := person("Ann")
		left := func(g group.GroupID) int {
			return len(must(h.hub.Messages(t.Context(), ann, g, group.Query{Newest: true, Limit: group.MaxPage}))(t).Entries)
		}
		for _, g := range []group.GroupID{"alpha", "beta"} {
			h.settles(ann, g)
			for range 20 {
				must(h.hub.Post(t.Context(), ann, g, group.PostInput{Text: make([]byte, 100)}))(t)
			}
			must(h.hub.UpdateSettings(t.Context(), operator(), g, group.SettingsInput{Change: func(p *moderation.Policy) { p.RetainBytes = 1000 }}))(t)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		store.falls("alpha")
		go func() { done <- h.hub.Run(ctx) }()
		time.Sleep(time.Minute)
		if a, b := left("alpha"), left("beta"); a != 21 || b != 10 {
			t.Errorf("%d and %d are left", a, b)
		}
		store.falls("")
		time.Sleep(11 * time.Minute)
		if n := left("alpha"); n != 10 {
			t.Errorf("%d are left of what could not be removed at first", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestALockdownThatCannotBeEndedKeepsNoOtherGroupWaiting: theirs end.
func TestALockdownThatCannotBeEndedKeepsNoOtherGroupWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := village(t, "alpha", "beta")
		for _, g := range []group.GroupID{"alpha", "beta"} {
			must(h.hub.Lockdown(t.Context(), operator(), g, group.LockdownInput{On: true, Duration: time.Hour}))(t)
		}
		store.falls("alpha")
		h.lives(2 * time.Hour)
		on := func(g group.GroupID) (on bool) {
			if err := h.store.View(t.Context(), func(tx group.ReadTx) error {
				row, err := tx.Group(g)
				on = row.Lockdown.On
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return on
		}
		if !on("alpha") || on("beta") {
			t.Errorf("locked: %v and %v", on("alpha"), on("beta"))
		}
	})
}
