package filespool_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"groupd/lxmf"
	"groupd/lxmf/filespool"
)

func open(t *testing.T, c filespool.Config) *filespool.Spool {
	t.Helper()
	s, err := filespool.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s *filespool.Spool, size int64) lxmf.SpoolFile {
	t.Helper()
	f, err := s.Create(size)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func files(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestAFileIsWrittenReadAndDeleted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, filespool.Config{Dir: dir})
	f := create(t, s, 8)
	if len(files(t, dir)) != 0 {
		t.Error("a file is there before the first write")
	}
	for _, part := range []string{"four", "more"} {
		if _, err := f.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Write([]byte{0}); !errors.Is(err, filespool.ErrTooLarge) {
		t.Errorf("the ninth byte: %v", err)
	}
	got := make([]byte, 6)
	if _, err := f.ReadAt(got, 2); err != nil || !bytes.Equal(got, []byte("urmore")) {
		t.Errorf("read %q, %v", got, err)
	}
	info, err := files(t, dir)[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory %v, %v", info.Mode(), err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(files(t, dir)) != 0 || s.Reserved() != 0 {
		t.Errorf("%d files, %d bytes are left", len(files(t, dir)), s.Reserved())
	}
	if _, err := f.Write([]byte{0}); err == nil {
		t.Error("written after the end")
	}
	if _, err := f.ReadAt(got, 0); err == nil {
		t.Error("read after the end")
	}
}

func TestTheSpoolIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, filespool.Config{Dir: t.TempDir(), MaxBytes: 100})
	first := create(t, s, 60)
	if _, err := s.Create(41); !errors.Is(err, filespool.ErrFull) {
		t.Errorf("one byte too many: %v", err)
	}
	create(t, s, 40)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	create(t, s, 60)
}

// TestTheFileSystemIsNotFilled: what is promised and not written counts.
func TestTheFileSystemIsNotFilled(t *testing.T) {
	t.Parallel()
	left := int64(1000)
	s := open(t, filespool.Config{Dir: t.TempDir(), KeepFree: 400, Free: func(string) (int64, error) { return left, nil }})
	f := create(t, s, 500)
	if _, err := s.Create(101); !errors.Is(err, filespool.ErrFull) {
		t.Errorf("promised twice: %v", err)
	}
	if _, err := f.Write(make([]byte, 300)); err != nil {
		t.Fatal(err)
	}
	left -= 300
	create(t, s, 100)
	if _, err := s.Create(1); !errors.Is(err, filespool.ErrFull) {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := open(t, filespool.Config{Dir: t.TempDir()}).Create(1000); err != nil {
		t.Errorf("what the system says: %v", err)
	}
}

// TestLeftoversOfACrashGoAtStart, and nothing else in the directory does.
func TestLeftoversOfACrashGoAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := create(t, open(t, filespool.Config{Dir: dir}), 10).Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, filespool.Config{Dir: dir})
	if left := files(t, dir); len(left) != 1 || left[0].Name() != "other" || s.Reserved() != 0 {
		t.Errorf("left: %v", left)
	}
}
