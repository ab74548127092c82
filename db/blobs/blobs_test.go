package blobs_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"groupd/db/blobs"
	"groupd/group"
	"groupd/group/memory"
)

func hashOf(b []byte) group.Hash { return sha256.Sum256(b) }

// engines are both implementations.
func engines(t *testing.T) map[string]group.Blobs {
	d, err := blobs.Open(filepath.Join(t.TempDir(), "attachments"), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]group.Blobs{"disk": d, "memory": memory.NewBlobs()}
}

func keep(t *testing.T, b group.Blobs, content []byte) (release func()) {
	t.Helper()
	release, err := b.Keep(hashOf(content), int64(len(content)), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func always() (bool, error) { return true, nil }

func TestWhatIsKeptIsReadAgainUntilItIsErased(t *testing.T) {
	for name, b := range engines(t) {
		content := bytes.Repeat([]byte("a goat "), 100_000)
		h := hashOf(content)
		release := keep(t, b, content)
		keep(t, b, content)()
		keep(t, b, nil)()
		r, err := b.Open(h)
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		part := make([]byte, 4)
		if _, err := r.ReadAt(part, 2); err != nil || string(part) != "goat" {
			t.Errorf("%s: %q %v", name, part, err)
		}
		if ok, err := b.Erase(h, always); ok || err != nil {
			t.Errorf("%s: erased what is kept: %v", name, err)
		}
		release()
		if ok, err := b.Erase(h, func() (bool, error) { return false, nil }); ok || err != nil {
			t.Errorf("%s: erased what is used: %v", name, err)
		}
		n := 0
		if err := b.All(func(group.Hash) error { n++; return nil }); err != nil || n != 2 {
			t.Errorf("%s: %d contents, %v", name, n, err)
		}
		if ok, err := b.Erase(h, always); !ok || err != nil || b.Has(h, int64(len(content))) {
			t.Errorf("%s: not erased: %v", name, err)
		}
		if _, err := b.Open(h); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("%s: open after erasing: %v", name, err)
		}
		if _, err := r.ReadAt(part, 2); err != nil {
			t.Errorf("%s: who reads is cut off: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestContentThatIsNotWhatWasSaidIsRefused(t *testing.T) {
	for name, b := range engines(t) {
		for _, size := range []int64{3, 5} {
			if _, err := b.Keep(hashOf([]byte("four")), size, strings.NewReader("four")); err == nil {
				t.Errorf("%s: 4 bytes taken for %d", name, size)
			}
		}
		if _, err := b.Keep(hashOf([]byte("four")), 4, strings.NewReader("fore")); err == nil {
			t.Errorf("%s: took another content", name)
		}
		if b.Has(hashOf([]byte("four")), 4) {
			t.Errorf("%s: something is left", name)
		}
	}
}

func TestManyAtOnceLeaveWhatIsKept(t *testing.T) {
	for name, b := range engines(t) {
		content := []byte("the same picture")
		h := hashOf(content)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					release, err := b.Keep(h, int64(len(content)), bytes.NewReader(content))
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					if !b.Has(h, int64(len(content))) {
						t.Errorf("%s: erased while kept", name)
					}
					release()
					if _, err := b.Erase(h, always); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestFilesArePrivateAndUnfinishedOnesGoAtTheStart(t *testing.T) {
	root := filepath.Join(t.TempDir(), "attachments")
	d, err := blobs.Open(root, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, d, []byte("secret"))()
	path := blobs.Path(root, hashOf([]byte("secret")))
	for _, p := range []struct {
		path string
		mode os.FileMode
	}{{path, 0o600}, {filepath.Dir(path), 0o700}, {root, 0o700}} {
		if info, err := os.Stat(p.path); err != nil || info.Mode().Perm() != p.mode {
			t.Errorf("%s: %v %v", p.path, info.Mode(), err)
		}
	}
	left := filepath.Join(root, "new", "123")
	for path, text := range map[string]string{left: "half", filepath.Join(root, "readme"): "", filepath.Join(filepath.Dir(path), "x"): ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d, err = blobs.Open(root, blobs.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was not finished is there: %v", err)
	}
	n := 0
	if err := d.All(func(group.Hash) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d contents, %v", n, err)
	}
}

func TestAFullDiskIsSaidToBeFull(t *testing.T) {
	d, err := blobs.Open(t.TempDir(), blobs.Options{Free: func(string) (int64, error) { return 42, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := d.Free(); n != 42 || err != nil {
		t.Error(n, err)
	}
	if _, err := d.Keep(hashOf([]byte("x")), 1, failing{syscall.ENOSPC}); !errors.Is(err, group.ErrNoSpace) {
		t.Error(err)
	}
	own, err := blobs.Open(t.TempDir(), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := own.Free(); n <= 0 || err != nil {
		t.Error(n, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
