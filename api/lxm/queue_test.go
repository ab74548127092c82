package lxm_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/moderation"
)

// slow is a store whose commits take 50 ms, and are shared as a database with group commit shares them.
type slow struct {
	group.Store
	mu      sync.Mutex
	waiting int // in Update now
	most    int
}

func (s *slow) Update(ctx context.Context, f func(group.Tx) error) error {
	if err := s.Store.Update(ctx, f); err != nil {
		return err
	}
	s.mu.Lock()
	s.waiting++
	s.most = max(s.most, s.waiting)
	s.mu.Unlock()
	time.Sleep(50 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	return nil
}

func TestAuthorsShareCommitsAndKeepTheirOrder(t *testing.T) {
	var store *slow
	inHouse(t, func(t *testing.T, h *house) {
		authors := []string{"ann", "bo", "cid", "dot", "eve", "fay", "gus", "hal"}
		for _, a := range authors {
			h.joined(a, moderation.RoleMember)
		}
		start := time.Now()
		proved := make(chan string, 100)
		for i := range 8 {
			for _, a := range authors {
				m := h.write(a, fmt.Sprint(a, " ", i))
				h.server.Handle(lxm.Inbound{Message: m, Sender: identity(t, a).PublicIdentity, Prove: func() { proved <- string(m.Content) }, Drop: func() { t.Error("dropped") }})
			}
		}
		for range 8 * len(authors) {
			<-proved
		}
		// All are in the store at once, as many as one group may have there, so that they could share one commit.
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("64 posts of 8 authors took %v", took)
		}
		if store.most != 8*len(authors) {
			t.Errorf("%d commits at a time", store.most)
		}
		for _, a := range authors {
			var mine, want []string
			for i := range 8 {
				want = append(want, fmt.Sprint(a, " ", i))
			}
			for _, text := range h.posts("ann") {
				if text[:len(a)] == a {
					mine = append(mine, text)
				}
			}
			if !slices.Equal(mine, want) {
				t.Errorf("%s wrote %q", a, mine)
			}
		}
		if n := h.server.Stats().Pending; n != 0 {
			t.Errorf("%d pending", n)
		}
	}, func(_ *group.NewGroup, c *group.Config, _ *lxm.Config) {
		store = &slow{Store: c.Store}
		c.Store = store
	})
}

func TestMoreThanTheQueueHoldsIsDroppedUnproved(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		var proved, dropped int
		var mu sync.Mutex
		for i := range 20 {
			m := h.write("ann", fmt.Sprint("post ", i))
			count := func(n *int) func() { return func() { mu.Lock(); *n++; mu.Unlock() } }
			h.server.Handle(lxm.Inbound{Message: m, Sender: identity(t, "ann").PublicIdentity, Prove: count(&proved), Drop: count(&dropped)})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if proved != 8 || dropped != 12 || h.server.Stats().Overload != 12 {
			t.Errorf("proved %d, dropped %d, counted %d", proved, dropped, h.server.Stats().Overload)
		}
		if got := h.posts("bo"); len(got) != 8 || got[7] != "post 7" {
			t.Errorf("bo sees %q", got)
		}
	}, func(_ *group.NewGroup, c *group.Config, l *lxm.Config) {
		c.Store = &slow{Store: c.Store}
		l.MaxPending, l.Workers = 8, 2
	})
}

func TestWhatIsLeftAtTheEndIsDroppedUnproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config, l *lxm.Config) {
			c.Store = &slow{Store: c.Store}
			l.Workers = 1
		})
		h.joined("ann", moderation.RoleMember)
		var proved, dropped int
		hand := func() {
			for i := range 5 {
				h.server.Handle(lxm.Inbound{Message: h.write("ann", fmt.Sprint("post ", i)), Sender: identity(t, "ann").PublicIdentity, Prove: func() { proved++ }, Drop: func() { dropped++ }})
			}
		}
		hand()
		time.Sleep(75 * time.Millisecond)
		synctest.Wait()
		h.stop()
		if proved != 2 || dropped != 3 {
			t.Errorf("proved %d, dropped %d", proved, dropped)
		}
		hand()
		if proved != 2 || dropped != 8 {
			t.Errorf("after the end: proved %d, dropped %d", proved, dropped)
		}
	})
}

func TestTheRatesOfSoManyAreRemembered(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		if ok := h.server.Refuse(lxm.MaxBuckets + 100); !ok {
			t.Error("one more is not told why he was refused")
		}
		if n, gone := h.server.Remembered(), h.server.Stats().Forgotten; n != lxm.MaxBuckets || gone != 100 {
			t.Errorf("%d remembered, %d forgotten", n, gone)
		}
		time.Sleep(time.Hour)
		h.server.Refuse(lxm.MaxBuckets / 2)
		if n, gone := h.server.Remembered(), h.server.Stats().Forgotten; n > lxm.MaxBuckets || gone != 100 {
			t.Errorf("an hour later: %d remembered, %d forgotten", n, gone)
		}
	})
}
