package main

import (
	"context"
	"path/filepath"
	"testing"

	"groupd/db/sqlite"
	"groupd/group"
)

// TestPostsOfOneMemberNeedNotWaitForEachOthersCommit: the store that the server works with tells, like the database behind it, when an
// update has its place in the order, while another one still runs; one that is read-only tells nothing.
func TestPostsOfOneMemberNeedNotWaitForEachOthersCommit(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), fileDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var store group.Store = guard(db)
	q, ok := store.(group.Queuer)
	if !ok {
		t.Fatal("nobody is told when an update has its place")
	}
	queued, first, second := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	nothing := func(group.Tx) error { return nil }
	go func() {
		first <- store.Update(context.Background(), func(group.Tx) error {
			go func() { second <- q.UpdateQueued(context.Background(), nothing, func() { close(queued) }) }()
			<-queued
			return nil
		})
	}()
	for _, done := range []chan error{first, second} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	closed := guard(db)
	closed.close("a twin")
	if err := closed.UpdateQueued(t.Context(), nothing, func() { t.Error("it has a place all the same") }); group.Refused(err) || err == nil {
		t.Errorf("read-only: %v", err)
	}
}
