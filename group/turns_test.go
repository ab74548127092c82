package group_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
)

// slowStore takes a second for every view.
type slowStore struct {
	group.Store
	mu       sync.Mutex
	now, top int // views at once
}

func (s *slowStore) View(ctx context.Context, f func(group.ReadTx) error) error {
	s.mu.Lock()
	s.now++
	s.top = max(s.top, s.now)
	s.mu.Unlock()
	time.Sleep(time.Second)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now--
	}()
	return s.Store.View(ctx, f)
}

// However many read in one group, only a few of them are before a member of another group.
func TestWhoReadsInAnotherGroupDoesNotWaitForACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		key := person("another group").PublicKey
		if _, err := h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: "ridge", PublicKey: key, PrivateKey: []byte("private"), PublicName: "Ridge", Public: true}); err != nil {
			t.Fatal(err)
		}
		slow := &slowStore{Store: h.store}
		hub, err := group.New(group.Config{Store: slow})
		if err != nil {
			t.Fatal(err)
		}
		impatient, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 30 {
			ctx := t.Context()
			if i >= 20 {
				ctx = impatient
			}
			wg.Go(func() {
				if _, err := hub.Info(ctx, operator(), valley); err != nil && ctx == t.Context() {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if slow.top != 3 {
			t.Errorf("%d of one group read at once", slow.top)
		}
		began := time.Now()
		must(hub.Info(t.Context(), operator(), "ridge"))(t)
		if d := time.Since(began); d > time.Second {
			t.Errorf("a member of another group waited %v", d)
		}
		leave()
		wg.Wait()
		if d := time.Since(began); d > 8*time.Second {
			t.Errorf("20 took %v: those who gave up were waited for", d)
		}
	})
}
