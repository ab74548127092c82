package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/durable"
)

// namedGroup makes a database with one group in it, and returns it open: what was committed is in its log alone.
func namedGroup(t *testing.T, path, name string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := group.New(group.Config{Store: db, NewIdentity: newKeys})
	if err == nil {
		_, err = hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "main", PublicName: name, Public: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// nameIn is what the group in a database is called.
func nameIn(t *testing.T, path string) string {
	t.Helper()
	if !exists(path) {
		return ""
	}
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	info, err := hub.Info(t.Context(), group.Caller{Local: true}, "main")
	if err != nil {
		t.Fatal(err)
	}
	return info.PublicName
}

// contentIn is what the attachments of a database were when it was made.
func contentIn(t *testing.T, folder string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "content"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decidedRestore is a data directory whose server was killed, so that its log holds what was committed last, and in which a restore was decided.
func decidedRestore(t *testing.T, when string) (dir, folder string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	folder = filepath.Join(dir, folderRestored+when)
	for _, place := range []string{dir, folder} {
		files := filepath.Join(place, folderFiles)
		if err := errors.Join(os.MkdirAll(files, 0o700), os.WriteFile(filepath.Join(files, "content"), []byte(place), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := namedGroup(t, filepath.Join(folder, fileDatabase), "Restored").Close(); err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), fileDatabase)
	db := namedGroup(t, killed, "Before")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(killed + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fileDatabase)+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, folder
}

// The power goes at every step of a restore in turn: who takes the data directory next has all of the restored database, and all of the one
// before is kept aside.
func TestAPowerCutDuringARestoreLeavesNothingByHalves(t *testing.T) {
	const when = "20261120-211304"
	for cut, steps := 0, 1; cut <= steps; cut++ {
		dir, folder := decidedRestore(t, when)
		left := restoreSteps(folder)
		if steps = len(left); steps != 5 {
			t.Fatalf("%d steps, not those of two files, two folders and the restored database: %v", steps, left)
		}
		for _, step := range left[:cut] {
			if err := durable.Rename(step.from, step.to); err != nil {
				t.Fatal(err)
			}
		}
		if !hasDatabase(dir) {
			t.Errorf("cut before step %d: no verb finds a database", cut)
		}
		lock, err := lockDataDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		lock.release()
		database, files := filepath.Join(dir, fileDatabase), filepath.Join(dir, folderFiles)
		if name, content := nameIn(t, database), contentIn(t, files); name != "Restored" || content != folder {
			t.Errorf("cut before step %d: the database of %q with the attachments of %s", cut, name, content)
		}
		if name, content := nameIn(t, asideOf(database, when)), contentIn(t, asideOf(files, when)); name != "Before" || content != dir {
			t.Errorf("cut before step %d: kept aside are the database of %q with the attachments of %s", cut, name, content)
		}
		if exists(folder) {
			t.Errorf("cut before step %d: %s is still there", cut, folder)
		}
	}
}

// What was kept aside a moment ago is in nobody's way, and is not lost.
func TestTwoRestoresInOneSecondKeepBothAside(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	var times []string
	for range 3 {
		when := restoreTime(dir, now)
		times = append(times, when)
		if err := errors.Join(os.WriteFile(asideOf(filepath.Join(dir, fileDatabase), when), nil, 0o600), os.MkdirAll(asideOf(filepath.Join(dir, folderFiles), when), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Sort(times); len(slices.Compact(times)) != 3 {
		t.Errorf("times in names: %q", times)
	}
}
