package main

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that was mounted read-only, as a worn card is, is told as that, and not as a lock that can not be opened.
func TestADataDirectoryThatCanNotBeWrittenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for why, hint := range map[error]string{syscall.EROFS: "mount it writable", syscall.EACCES: "chown -R", syscall.EIO: ""} {
		var f *failure
		err := unwritable(dir, &fs.PathError{Op: "open", Path: filepath.Join(dir, fileLock), Err: why})
		if !errors.As(err, &f) || !strings.HasPrefix(f.msg, "the data directory can not be used: ") || !strings.Contains(f.hint, hint) || hint == "" && f.hint != "" {
			t.Errorf("%v is told as %+v", why, f)
		}
	}
	if os.Getuid() != 0 {
		return // nobody else's directory can be made
	}
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	var f *failure
	if err := unwritable(dir, fs.ErrPermission); !errors.As(err, &f) || !strings.Contains(f.hint, "it belongs to 12345: sudo -u 12345") {
		t.Errorf("another one's directory is told as %+v", f)
	}
}

// Who restored as root left files that the server can not open, and check, run as root, found nothing wrong.
func TestCheckFindsWhatRootLeftInTheDataDirectory(t *testing.T) {
	home := t.TempDir()
	data := filepath.Join(home, "data")
	left := filepath.Join(data, "left")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Symlink(os.DevNull, left)); err != nil { // what it leads to is root's
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(data, 12345, -1); err != nil {
			t.Fatal(err)
		}
	}
	own, _ := ownerOf(data)
	roots, _ := ownerOf(os.DevNull)
	code, out := runs(t, home, "check", "--rnsconfig", home)
	if code != exitConfig || !strings.Contains(out, left+" belongs to "+userName(roots)+", and the data directory to "+userName(own)) ||
		!strings.Contains(out, "chown -R "+userName(own)+" "+data) {
		t.Errorf("%d %s", code, out)
	}
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	if code, out := runs(t, home, "check", "--rnsconfig", home); code != exitOK {
		t.Errorf("with one owner: %d %s", code, out)
	}
}

func TestADatabaseOfANewerProgramSaysWhatToDo(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "data", fileDatabase)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := namedGroup(t, path, "Valley").Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "--rnsconfig", home}, {"check", "--rnsconfig", home}, {"backup", filepath.Join(home, "copy")}, {"export", "--to", filepath.Join(home, "lines")}} {
		code, out := runs(t, home, args...)
		if code != exitFailed || !strings.Contains(out, "schema 99, made by a newer groupd") || !strings.Contains(out, "the newer groupd; or groupd restore FILE") {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
}

// Who reads that the time is off has to see which time that is: the clock may have been put right since, and then it is to be confirmed.
func TestAnUnsureClockIsToldWithItsTimeAndWhatToDo(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "data", fileDatabase)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := namedGroup(t, path, "Valley").Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err == nil {
		expected := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(20*24*time.Hour).UnixMicro()))
		_, err = db.ExecContext(t.Context(), "INSERT OR REPLACE INTO settings VALUES ('clock', ?1)", expected)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	_, out := runs(t, home, "check", "--rnsconfig", home)
	if !strings.Contains(out, "clock unsure: it is "+time.Now().UTC().Format("2006-01-02")) || !strings.Contains(out, "when date is right: groupd confirm-clock") {
		t.Errorf("%s", out)
	}
}
