package dbtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"groupd/group"
)

var errOnPurpose = errors.New("on purpose")

func testErrorUndoes(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann := newMember(main, "Ann", 1)
	e := newEntry(main, 1, 2)
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutMember(ann), tx.AppendEntry(e, []byte("o")), tx.PutBan(newBan(main, "kept")), tx.AddAudit(newAudit(main, 1), 5))
	})
	err := s.Update(t.Context(), func(tx group.Tx) error {
		changed := ann
		changed.DisplayName, changed.Rev = "Changed", 9
		if err := errors.Join(tx.PutMember(changed), tx.PutMember(newMember(main, "Bob", 10)), tx.PutTombstone(e.Tombstone(11, when(1), ann.Identity)),
			tx.AppendEntry(newEntry(main, 2, 12), nil), tx.PutHead(main, group.Head{Seq: 2, Rev: 12}), tx.DeleteBan(main, newBan(main, "kept").Target),
			tx.AddSeen(main, group.SeenID{1}), tx.SetMeta("k", []byte("v")), tx.PutRequest(newRequest(main, "r", when(1))), tx.PutClaimCode(newClaim(main)),
			tx.PutOutcome(newOutcome(main, ann.Identity, "x", when(1))), tx.AddAudit(newAudit(main, 2), 1), tx.TouchMember(main, ann.Identity, when(1), when(1), nil, nil)); err != nil {
			t.Errorf("writing: %v", err)
		}
		if m, err := tx.Member(main, ann.Identity); err != nil || m.DisplayName != "Changed" {
			t.Errorf("a closure does not see its own write: %v, %v", m.DisplayName, err)
		}
		return errOnPurpose
	})
	if err != errOnPurpose {
		t.Fatalf("the closure's error came back as %v", err)
	}
	for range 2 {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "member", ann)(tx.Member(main, ann.Identity))
			got(t, "members", []group.Member{ann})(tx.MembersByRev(main, 0, false, 10))
			got(t, "entries", []group.Entry{e})(tx.EntriesByRev(main, 0, 10))
			got(t, "original", []byte("o"))(tx.Original(main, 1))
			got(t, "by message id", e)(tx.EntryByMessageID(main, e.MessageID))
			got(t, "head", group.Head{})(tx.Head(main))
			got(t, "bans", 1)(tx.CountBans(main))
			got(t, "seen", false)(tx.Seen(main, group.SeenID{1}))
			got(t, "meta", []byte(nil))(tx.Meta("k"))
			got(t, "requests", 0)(tx.CountRequests(main))
			got(t, "outcomes", 0)(tx.CountOutcomes(ann.Identity))
			lines, err := tx.Audit(main, 0, 10)
			if len(lines) != 1 || lines[0].Time != when(1) {
				t.Errorf("audit: %+v", lines)
			}
			return err
		})
		s = reopen()
	}
}

// post appends the next entry of the main group the way the Hub does: head read and written in the same closure.
func post(tx group.Tx, author string) (group.Seq, error) {
	head, err := tx.Head(main)
	if err != nil {
		return 0, err
	}
	head.Seq++
	head.Rev++
	e := newEntry(main, head.Seq, head.Rev)
	e.Author = fill16[group.IdentityHash](author)
	if err := tx.AppendEntry(e, nil); err != nil {
		return 0, err
	}
	return head.Seq, tx.PutHead(main, head)
}

func testErrorAmongMany(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	var wg sync.WaitGroup
	errs := make([]error, 60)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(context.Background(), func(tx group.Tx) error {
				if _, err := post(tx, fmt.Sprint(i)); err != nil {
					return err
				}
				if i%3 == 0 {
					return errOnPurpose
				}
				return nil
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if want := map[bool]error{true: errOnPurpose}[i%3 == 0]; err != want {
			t.Errorf("update %d: %v, want %v", i, err, want)
		}
	}
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		entries, err := tx.Entries(main, 0, 0, false, 100)
		if len(entries) != 40 {
			t.Errorf("%d entries, want 40", len(entries))
		}
		for i, e := range entries {
			if e.Seq != group.Seq(i+1) {
				t.Errorf("entry %d has seq %d", i, e.Seq)
			}
			for failed := 0; failed < 60; failed += 3 {
				if e.Author == fill16[group.IdentityHash](fmt.Sprint(failed)) {
					t.Errorf("a failed update's entry was kept")
				}
			}
		}
		return err
	})
}

func testCancelled(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ran := false
	err := s.Update(ctx, func(group.Tx) error { ran = true; return nil })
	if !errors.Is(err, context.Canceled) || ran {
		t.Errorf("ran %v, err %v", ran, err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	err = s.Update(ctx, func(tx group.Tx) error {
		cancel()
		_, err := post(tx, "a")
		return err
	})
	if err != nil {
		t.Errorf("a context that ended inside the closure stopped it: %v", err)
	}
	view(t, s, func(tx group.ReadTx) error {
		_, err := tx.Entry(main, 1)
		return err
	})
}

func testSnapshots(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range 40 {
				var seq group.Seq
				err := s.Update(context.Background(), func(tx group.Tx) (err error) {
					if seq, err = post(tx, fmt.Sprint(w, i)); err != nil {
						return err
					}
					_, err = post(tx, "second")
					return err
				})
				if err != nil {
					t.Errorf("update: %v", err)
					return
				}
				err = s.View(context.Background(), func(tx group.ReadTx) error {
					head, err := tx.Head(main)
					if head.Seq < seq+1 {
						t.Errorf("a later view has head %d, want at least %d", head.Seq, seq+1)
					}
					return err
				})
				if err != nil {
					t.Errorf("view: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			err := s.View(context.Background(), func(tx group.ReadTx) error {
				head, err := tx.Head(main)
				entries, err2 := tx.Entries(main, 0, 0, true, 1)
				again, err3 := tx.Head(main)
				if head != again || head.Seq%2 != 0 || (head.Seq > 0 && entries[0].Seq != head.Seq) {
					t.Errorf("torn view: head %v then %v, newest %v", head.Seq, again.Seq, entries)
				}
				return errors.Join(err, err2, err3)
			})
			if err != nil {
				t.Errorf("view: %v", err)
			}
		}
	})
	wg.Wait()
}

func testGapless(t *testing.T, open Open) {
	s, _ := openGroups(t, open)
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	given := make(map[group.Seq]bool)
	for w := range writers {
		wg.Go(func() {
			last := group.Seq(0)
			for range each {
				var seq group.Seq
				if err := s.Update(context.Background(), func(tx group.Tx) (err error) { seq, err = post(tx, fmt.Sprint(w)); return err }); err != nil {
					t.Errorf("update: %v", err)
					return
				}
				if seq <= last {
					t.Errorf("writer %d got %d after %d", w, seq, last)
				}
				last = seq
				mu.Lock()
				given[seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(given) != writers*each {
		t.Errorf("%d different seqs, want %d", len(given), writers*each)
	}
	view(t, s, func(tx group.ReadTx) error {
		entries, err := tx.Entries(main, 0, 0, false, 1000)
		for i, e := range entries {
			if e.Seq != group.Seq(i+1) || e.Rev != group.Rev(i+1) {
				t.Fatalf("entry %d: seq %d rev %d", i+1, e.Seq, e.Rev)
			}
		}
		if len(entries) != writers*each {
			t.Errorf("%d entries", len(entries))
		}
		return err
	})
}

func testDurable(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	for round := 1; round <= 3; round++ {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := s.Update(context.Background(), func(tx group.Tx) error { _, err := post(tx, "x"); return err }); err != nil {
					t.Errorf("update: %v", err)
				}
			})
		}
		wg.Wait()
		s = reopen()
		view(t, s, func(tx group.ReadTx) error {
			head, err := tx.Head(main)
			if head.Seq != group.Seq(10*round) {
				t.Errorf("after restart %d: head %d, want %d", round, head.Seq, 10*round)
			}
			return err
		})
	}
}
