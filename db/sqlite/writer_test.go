package sqlite

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"groupd/group"
)

// TestWhoWritesAtTheSameMomentSharesACommit even where one processor is all there is: the first is not committed before the others, who
// are as ready as he, could say what they write.
func TestWhoWritesAtTheSameMomentSharesACommit(t *testing.T) {
	const writers = 20
	db := openTest(t, "")
	before := db.Stats()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if err := db.Update(t.Context(), func(tx group.Tx) error { return tx.SetMeta(fmt.Sprint(i), nil) }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after := db.Stats()
	if updates, commits := after.Updates-before.Updates, after.Commits-before.Commits; updates != writers || commits > 2 {
		t.Errorf("%d updates took %d commits", updates, commits)
	}
}
