package delivery_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
)

// After a first round, that every member has his ticket and his row, a post costs the same memory and the same database
// whether there are few members or many.
func TestMemoryPerPostDoesNotDependOnTheNumberOfMembers(t *testing.T) {
	const posts = 10
	grown := func(members int) (bytes int64) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, memory.New(), wire())
			for _, c := range w.couriers {
				c.forget = true
			}
			w.members(0, members, group.Preferences{Mode: group.DeliverPush})
			w.run()
			round := func() {
				w.post(group.PostInput{})
				time.Sleep(time.Hour)
			}
			round()
			before := heap()
			for range posts {
				round()
			}
			bytes = heap() - before
			if s := w.scheduler.Status().Groups[0]; s.Behind != 0 || s.Members != members || s.Confirmed < members*posts {
				t.Errorf("%+v", s)
			}
			w.stop()
		})
		return bytes
	}
	few, many := grown(100), grown(2100)
	if more := many - few; more > 100<<10 { // 50 bytes for each of the other members, after 10 posts
		t.Errorf("%d bytes more for 2,000 members more", more)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestDatabasePerPostDoesNotDependOnTheNumberOfMembers(t *testing.T) {
	const posts = 10
	grown := func(members int) (bytes int64, commits uint64) {
		path := filepath.Join(t.TempDir(), "groupd.db")
		rounds := func(n int, prepare func(*world)) {
			synctest.Test(t, func(t *testing.T) {
				db, err := sqlite.Open(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				w := newWorld(t, db, wire())
				prepare(w)
				w.run()
				before := db.Stats().Commits
				for range n {
					w.post(group.PostInput{})
					time.Sleep(time.Hour)
				}
				if n, _ := w.couriers[group.DeliverPush].reached(); n != members {
					t.Errorf("%d of %d reached", n, members)
				}
				w.stop()
				commits = db.Stats().Commits - before
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		rounds(1, func(w *world) { w.members(0, members, group.Preferences{Mode: group.DeliverPush}) })
		before := fileSize(t, path)
		rounds(posts, func(*world) {})
		return fileSize(t, path) - before, commits
	}
	few, _ := grown(20)
	many, commits := grown(1500)
	if more := many - few; more > 16<<10 {
		t.Errorf("%d bytes more for the same posts", more)
	}
	if commits > posts*20 {
		t.Errorf("%d commits for %d cursors", commits, posts*1500)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestFetchMembersCostNothing(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		w.members(0, 1000, group.Preferences{})
		w.restart()
		w.post(group.PostInput{Emergency: true})
		time.Sleep(time.Hour)
		if s := w.scheduler.Status(); s.Groups[0].Members != 0 || s.Interfaces[0].Hour != 0 {
			t.Errorf("%+v", s)
		}
	})
}
