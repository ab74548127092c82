package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"groupd/internal/durable"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// names are the files of a folder.
func names(t *testing.T, folder string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestAFileIsReplacedAllOrNothing(t *testing.T) {
	for name, elsewhere := range map[string]bool{"beside it": false, "in a folder of unfinished ones": true} {
		dir, unfinished := t.TempDir(), ""
		if elsewhere {
			unfinished = t.TempDir()
		}
		path := filepath.Join(dir, "token")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		full := errors.New("disk full")
		if err := durable.Replace(path, unfinished, func(w io.Writer) error { return errors.Join(text("half")(w), full) }); !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); string(b) != "old" || err != nil {
			t.Errorf("%s: after a failure: %q %v", name, b, err)
		}
		if err := durable.Replace(path, unfinished, text("new")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
		if b, _ := os.ReadFile(path); string(b) != "new" {
			t.Errorf("%s: %q", name, b)
		}
		if list := names(t, dir); len(list) != 1 || elsewhere && len(names(t, unfinished)) != 0 {
			t.Errorf("%s: left over: %v", name, list)
		}
	}
}

func TestAFileOfTheFolderOneIsInIsReplacedToo(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := durable.Replace("groupd.toml", "", text("x")); err != nil {
		t.Fatal(err)
	}
	if list := names(t, "."); len(list) != 1 || list[0] != "groupd.toml" {
		t.Error(list)
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "token")
	if err := durable.Replace(path, "", text("x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := durable.SyncFolder(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestAFileGetsAnotherNameInAnotherFolder(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "fresh"), filepath.Join(t.TempDir(), "current")
	if err := durable.Replace(from, "", text("x")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(to); string(b) != "x" || err != nil || len(names(t, filepath.Dir(from))) != 0 {
		t.Errorf("%q %v", b, err)
	}
	if err := durable.Rename(from, to); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
