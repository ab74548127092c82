package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"groupd/group"
)

func openTest(t *testing.T, more string) *DB {
	t.Helper()
	db, err := open(t.Context(), filepath.Join(t.TempDir(), "groupd.db"), more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// reopened closes a database and opens it again.
func reopened(t *testing.T, db *DB) *DB {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), db.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

func set(t *testing.T, db *DB, key, value string) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx group.Tx) error { return tx.SetMeta(key, []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, db *DB, key string) string {
	t.Helper()
	var v []byte
	if err := db.View(t.Context(), func(tx group.ReadTx) (err error) { v, err = tx.Meta(key); return err }); err != nil {
		t.Fatal(err)
	}
	return string(v)
}

func TestEveryConnectionHasThePragmas(t *testing.T) {
	db := openTest(t, "")
	check := func(who string, c *conn) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1"} {
			var got string
			if err := c.one(func(r row) error { return r.Scan(&got) }, "PRAGMA "+pragma); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s: %s is %s, want %s", who, pragma, got, want)
			}
		}
		return nil
	}
	if err := db.update(t.Context(), func(c *conn) error { return check("writer", c) }); err != nil {
		t.Fatal(err)
	}
	for i := range readers {
		c := <-db.pool
		defer func() { db.pool <- c }()
		if err := check(fmt.Sprint("reader ", i), c); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	db := openTest(t, "")
	set(t, db, "a", "b")
	files, err := filepath.Glob(db.Path() + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(f), info.Mode().Perm())
		}
	}
}

func TestOneFailingUpdateUndoesOnlyItself(t *testing.T) {
	db := openTest(t, "")
	refuse := errors.New("refused")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			key := fmt.Sprint(i)
			err := db.Update(context.Background(), func(tx group.Tx) error {
				if err := tx.SetMeta(key, []byte("x")); err != nil {
					return err
				}
				if i%3 == 0 {
					return refuse
				}
				return nil
			})
			if (i%3 == 0) != errors.Is(err, refuse) || i%3 != 0 && err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if got, want := get(t, db, fmt.Sprint(i)) != "", i%3 != 0; got != want {
			t.Errorf("update %d is kept: %v", i, got)
		}
	}
}

func TestFullDiskMeansNotDurableAndNothingHalfWritten(t *testing.T) {
	db := openTest(t, "")
	set(t, db, "before", "yes")
	var pages int
	if err := db.update(t.Context(), func(c *conn) error {
		return c.one(func(r row) error { return r.Scan(&pages) }, "PRAGMA page_count")
	}); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		t.Helper()
		if _, err := db.writer.c.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 2)
	err := db.Update(t.Context(), func(tx group.Tx) error {
		if err := tx.SetMeta("small", []byte("x")); err != nil {
			return err
		}
		return tx.SetMeta("large", make([]byte, 1<<20))
	})
	if !errors.Is(err, group.ErrNotDurable) {
		t.Fatalf("error %v, want ErrNotDurable", err)
	}
	if got := get(t, db, "small"); got != "" {
		t.Fatal("half of the update is there")
	}
	limit(1 << 30)
	set(t, db, "after", "yes")
	if get(t, db, "before") != "yes" || get(t, db, "after") != "yes" {
		t.Fatal("what was committed is gone")
	}
}

func TestAnUpdateThatSwallowsADiskErrorIsNotCommitted(t *testing.T) {
	db := openTest(t, "")
	if _, err := db.writer.c.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // at least what there is
		t.Fatal(err)
	}
	err := db.Update(t.Context(), func(tx group.Tx) error {
		tx.SetMeta("large", make([]byte, 1<<20))
		return nil
	})
	if !errors.Is(err, group.ErrNotDurable) {
		t.Fatalf("error %v, want ErrNotDurable", err)
	}
}

// TestWhoWritesWhileTheDiskFillsUpIsAnswered: the update that waits behind the one that finds no room is not lost with it.
func TestWhoWritesWhileTheDiskFillsUpIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where waiting for an answer that never comes ends the test
		db := openTest(t, "")
		if _, err := db.writer.c.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // at least what there is
			t.Fatal(err)
		}
		queued, second := make(chan struct{}), make(chan error, 1)
		err := db.Update(t.Context(), func(tx group.Tx) error {
			go func() {
				nothing := func(group.Tx) error { return nil }
				second <- db.UpdateQueued(t.Context(), nothing, func() { close(queued) })
			}()
			<-queued
			return tx.SetMeta("large", make([]byte, 1<<20))
		})
		if !errors.Is(err, group.ErrNotDurable) {
			t.Errorf("error %v, want ErrNotDurable", err)
		}
		if err := <-second; err != nil {
			t.Errorf("who changes nothing: %v", err)
		}
	})
}

func TestPanicInAnUpdateReachesItsCallerOnly(t *testing.T) {
	db := openTest(t, "")
	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Fatalf("recovered %v", r)
			}
		}()
		db.Update(t.Context(), func(tx group.Tx) error {
			if err := tx.SetMeta("a", []byte("x")); err != nil {
				return err
			}
			panic("mine")
		})
	}()
	if get(t, db, "a") != "" {
		t.Fatal("kept what the panic should have undone")
	}
	set(t, db, "a", "y")
}

func TestClosedStoreRefuses(t *testing.T) {
	db := openTest(t, "")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(group.Tx) error { return nil }); !errors.Is(err, group.ErrClosed) {
		t.Fatalf("update: %v", err)
	}
	if err := db.View(t.Context(), func(group.ReadTx) error { return nil }); !errors.Is(err, group.ErrClosed) {
		t.Fatalf("view: %v", err)
	}
}

func TestUpdatesThatWaitEndWithTheirContext(t *testing.T) {
	db := openTest(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Update(ctx, func(group.Tx) error { t.Error("ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestBackupWhileWriting(t *testing.T) {
	db := openTest(t, "")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// Both or none: a backup must not fall between them.
			if err := db.Update(context.Background(), func(tx group.Tx) error {
				return errors.Join(tx.SetMeta("left", fmt.Append(nil, i)), tx.SetMeta("right", fmt.Append(nil, i)))
			}); err != nil {
				t.Error(err)
			}
		}
	})
	to := filepath.Join(t.TempDir(), "backup.db")
	err := db.Backup(t.Context(), to)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), to); !errors.Is(err, os.ErrExist) {
		t.Fatalf("second backup into the same file: %v", err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("backup %v, %v", info, err)
	}
	b, err := Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if l, r := get(t, b, "left"), get(t, b, "right"); l != r {
		t.Fatalf("backup is torn: %s and %s", l, r)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	db := openTest(t, "")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite3", db.Path())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), db.Path()); err == nil || !strings.Contains(err.Error(), "newer groupd") {
		t.Fatalf("error %v", err)
	}
}

func TestNotADatabaseIsAClearError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "groupd.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Fatalf("error %v", err)
	}
}

// The readers' pool: more views than connections wait and all run.
func TestMoreViewsThanConnections(t *testing.T) {
	db := openTest(t, "")
	set(t, db, "a", "b")
	var wg sync.WaitGroup
	for range 10 * readers {
		wg.Go(func() {
			if err := db.View(context.Background(), func(tx group.ReadTx) error {
				v, err := tx.Meta("a")
				if string(v) != "b" {
					t.Errorf("read %q", v)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// Updates run in the order in which their places were told, however the goroutines are scheduled.
func TestQueuedUpdatesRunInOrder(t *testing.T) {
	db := openTest(t, "")
	var ran []int // only touched by the writer
	var wg sync.WaitGroup
	for i := range 300 {
		placed := make(chan struct{})
		wg.Go(func() {
			if err := db.UpdateQueued(context.Background(), func(group.Tx) error { ran = append(ran, i); return nil }, func() { close(placed) }); err != nil {
				t.Error(err)
			}
		})
		<-placed
	}
	wg.Wait()
	for i, got := range ran {
		if got != i {
			t.Fatalf("update %d ran at place %d", got, i)
		}
	}
	if s := db.Stats(); s.Updates != 300 || s.Commits >= s.Updates {
		t.Errorf("%+v: none shared a commit", s)
	}
}
