package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupd/internal/durable"
)

// folderRestored and a time is what the folder with a restored database and its attachments is called, once the restore is decided: from then
// on whoever takes the data directory puts them in place, so that a power cut leaves no database with the attachments of another, and no data
// directory without one. Under any other name the folder counts for nothing.
const folderRestored = ".restored-"

// restoreStep is one name that changes.
type restoreStep struct{ from, to string }

// restoreSteps are what is left to do of a restore that was decided, in that order: the database that was there is kept aside, log first, then
// its attachments, and the restored database comes last.
func restoreSteps(folder string) (left []restoreStep) {
	dir, when := filepath.Dir(folder), strings.TrimPrefix(filepath.Base(folder), folderRestored)
	database, files := filepath.Join(dir, fileDatabase), filepath.Join(dir, folderFiles)
	fresh := restoreStep{filepath.Join(folder, fileDatabase), database}
	if !exists(fresh.from) {
		return nil
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if exists(database + suffix) {
			left = append(left, restoreStep{database + suffix, asideOf(database, when) + suffix})
		}
	}
	if contents := filepath.Join(folder, folderFiles); exists(contents) {
		if exists(files) {
			left = append(left, restoreStep{files, asideOf(files, when)})
		}
		left = append(left, restoreStep{contents, files})
	}
	return append(left, fresh)
}

// asideOf is what is called that was there before a restore.
func asideOf(path, when string) string { return path + ".before-restore-" + when }

// restoreTime is the time of a restore as it stands in names, which no restore before has.
func restoreTime(dir string, now time.Time) string {
	second := now.UTC().Format("20060102-150405")
	when := second
	for n := 2; exists(asideOf(filepath.Join(dir, fileDatabase), when)) || exists(asideOf(filepath.Join(dir, folderFiles), when)); n++ {
		when = fmt.Sprintf("%s-%d", second, n)
	}
	return when
}

// finishRestore puts a restored database in place, if one waits for that. Whoever calls it holds the lock of the data directory.
func finishRestore(dir string) error {
	folders, err := waitingRestores(dir)
	for _, folder := range folders {
		for _, step := range restoreSteps(folder) {
			if err := durable.Rename(step.from, step.to); err != nil {
				return failed(fmt.Errorf("a restore was not brought to its end: %w", err), "groupd run, or groupd check, goes on with it")
			}
		}
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}

// waitingRestores are the folders of restores that were decided, and did not come to their end.
func waitingRestores(dir string) (folders []string, err error) {
	all, err := os.ReadDir(dir)
	for _, entry := range all {
		if strings.HasPrefix(entry.Name(), folderRestored) {
			folders = append(folders, filepath.Join(dir, entry.Name()))
		}
	}
	return folders, err
}

// hasDatabase reports whether a data directory has a database, if only one that a restore has yet to put in place.
func hasDatabase(dir string) bool {
	waiting, err := waitingRestores(dir)
	return exists(filepath.Join(dir, fileDatabase)) || err == nil && len(waiting) > 0
}
