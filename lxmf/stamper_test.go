package lxmf

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"groupd/rns"
)

// startStamper runs a stamper's checkers until the test ends.
func startStamper(t *testing.T, s *Stamper) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range checkers() {
		wg.Go(func() { s.run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func numbered(n uint64) (id MessageID) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

// X-086 (V8): the receiver of the offers comes first.
func TestAPeeringKeyHoldsForOneDirection(t *testing.T) {
	t.Parallel()
	hash := func(s string) (h rns.IdentityHash) {
		if _, err := hex.Decode(h[:], []byte(s)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	a, b := hash("2b44abc9dbb9b093635c2a139eacd2f8"), hash("26880d4bdb56f975a17d93909283dabb")
	key := make([]byte, StampLength)
	binary.BigEndian.PutUint64(key[StampLength-8:], 3164)
	if value, ok, err := PeeringWork(b, a).Check(t.Context(), key, 12); value != 12 || !ok || err != nil {
		t.Errorf("value %d, %v, %v", value, ok, err)
	}
	if value, ok, err := PeeringWork(a, b).Check(t.Context(), key, 12); ok || err != nil {
		t.Errorf("swapped: value %d, %v", value, err)
	}
}

func TestStampsOfAllKindsAreMadeAndChecked(t *testing.T) {
	t.Parallel()
	s := newStamper(rand.Reader, 8, 1)
	startStamper(t, s)
	id := numbered(1)
	for what, w := range map[string]StampWork{
		"message": MessageWork(id), "propagation": PropagationWork(id), "request": RequestWork(id),
		"peering": PeeringWork(rns.IdentityHash{1}, rns.IdentityHash{2}),
	} {
		stamp, err := s.Make(t.Context(), w, 10)
		if err != nil {
			t.Fatal(err)
		}
		if value, ok, err := s.Check(t.Context(), StampSource{}, w, stamp, 10); err != nil || !ok || value < 9 {
			t.Errorf("%s: value %d, %v, %v", what, value, ok, err)
		}
		if _, ok, err := w.Check(t.Context(), stamp, 10); err != nil || !ok {
			t.Errorf("%s: checked alone: %v, %v", what, ok, err)
		}
		if _, ok, _ := w.Check(t.Context(), stamp[:31], 0); ok {
			t.Errorf("%s: 31 bytes pass", what)
		}
	}
	if _, err := s.Make(t.Context(), MessageWork(id), MaxStampCost+1); !errors.Is(err, ErrStampCost) {
		t.Errorf("cost %d: %v", MaxStampCost+1, err)
	}
	if s.made.Load() != 4 || s.checked.Load() != 4 {
		t.Errorf("made %d, checked %d", s.made.Load(), s.checked.Load())
	}
}

// bad stamps on ever new ids, from ever new senders, cost no more than the share that is set; who comes by
// another interface has his turn all the same.
func TestAFloodOfBadStampsKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	const share, reserve, queue = 0.2, 20 * time.Millisecond, 16
	s := newStamper(rand.Reader, queue, share)
	s.budget.reserve = reserve
	bad := make([]byte, StampLength)
	began := time.Now()
	startStamper(t, s)
	flood := time.NewTicker(time.Millisecond)
	defer flood.Stop()
	answered := make(chan time.Duration, 1)
	go func() {
		<-time.After(200 * time.Millisecond) // the flood is there already
		asked := time.Now()
		w := RequestWork(numbered(1 << 40))
		stamp, err := w.Make(t.Context(), rand.Reader, 4)
		if err != nil {
			t.Error(err)
		}
		if _, ok, err := s.Check(t.Context(), StampSource{Carrier: "radio"}, w, stamp, 4); err != nil || !ok {
			t.Errorf("by another interface: %v, %v", ok, err)
		}
		answered <- time.Since(asked)
	}()
	for n := uint64(0); time.Since(began) < time.Second; n++ {
		if n%100 == 0 {
			<-flood.C
		}
		who := numbered(n)
		_ = s.submit(&stampJob{source: StampSource{Carrier: "internet", Who: [16]byte(who[:16])},
			work: RequestWork(who), stamp: bad, cost: 8, done: func(int, bool, error) {}})
		if waiting := s.waiting(); waiting > queue {
			t.Fatalf("%d wait", waiting)
		}
	}
	if wait := <-answered; wait > 700*time.Millisecond {
		t.Errorf("who came by another interface waited %v", wait)
	}
	s.mu.Lock()
	over := -s.budget.left
	s.mu.Unlock()
	checked := s.checked.Load()
	// It goes over the budget by what the checkers had begun when it ran out: one each.
	if over > 100*time.Millisecond*time.Duration(checkers()) {
		t.Errorf("%d checks went %v over the budget", checked, over)
	}
	if checked == 0 || s.busy.Load() == 0 {
		t.Errorf("%d checked, %d turned away", checked, s.busy.Load())
	}
}

func TestCheckingEndsWithTheRouter(t *testing.T) {
	t.Parallel()
	s := newStamper(rand.Reader, 8, 1)
	s.budget.share, s.budget.reserve = 0.001, 1 // one job, then a long rest
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run(ctx)
	}()
	results := make(chan error, 8)
	for n := range 3 {
		go func() {
			_, _, err := s.Check(t.Context(), StampSource{}, MessageWork(numbered(uint64(n))), make([]byte, StampLength), 200)
			results <- err
		}()
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, _, err := s.Check(given, StampSource{}, MessageWork(numbered(9)), nil, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	cancel()
	for range 2 {
		if err := <-results; !errors.Is(err, ErrClosed) {
			t.Errorf("at the end: %v", err)
		}
	}
	<-ended
	if _, _, err := s.Check(t.Context(), StampSource{}, MessageWork(numbered(4)), nil, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
