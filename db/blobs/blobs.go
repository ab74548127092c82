// Package blobs keeps the contents of attachments as files beside the database, each under its hash: it is the engine behind
// group.Blobs.
//
// A content is DIR/ab/abcd…, 64 hex digits, mode 0600. It is written under another name in DIR/new, synced, and given its name, and the
// folders are synced, before Keep returns: the row that refers to it is committed after that. So a crash leaves files without a row,
// which group.Hub removes when it starts, and never a row without its file.
package blobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"groupd/group"
	"groupd/internal/durable"
)

const (
	modeFolder = 0o700
	folderNew  = "new"     // of files that are not whole yet
	copyBuffer = 128 << 10 // bytes of a content in memory at once
)

// Options may be left zero.
type Options struct {
	// Free tells how many bytes there is room for on the disk of a folder; nil asks the file system.
	Free func(dir string) (int64, error)
}

// Dir is an open folder. All methods may be called from any goroutine. One process has a folder open at a time.
type Dir struct {
	root string
	free func(string) (int64, error)

	mu   sync.Mutex // held while unused runs in Erase
	kept map[group.Hash]int
}

var _ group.Blobs = (*Dir)(nil)

// Open makes the folder, if there is none, and removes what a killed process had not finished.
func Open(root string, o Options) (*Dir, error) {
	unfinished := filepath.Join(root, folderNew)
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, modeFolder)); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	if o.Free == nil {
		o.Free = FreeSpace
	}
	return &Dir{root: root, free: o.Free, kept: make(map[group.Hash]int)}, nil
}

// FreeSpace is what the file system has for others than root.
func FreeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("blobs: %w", err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// Path is where a content is, below a folder of contents.
func Path(root string, h group.Hash) string {
	name := hex.EncodeToString(h[:])
	return filepath.Join(root, name[:2], name)
}

// Keep implements group.Blobs. The content passes through a small buffer.
func (d *Dir) Keep(h group.Hash, size int64, content io.Reader) (release func(), err error) {
	d.mu.Lock()
	d.kept[h]++
	d.mu.Unlock()
	release = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.kept[h]--; d.kept[h] == 0 {
			delete(d.kept, h)
		}
	}
	if !d.Has(h, size) {
		if err := d.write(h, size, content); err != nil {
			release()
			if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
				err = fmt.Errorf("%w: %w", group.ErrNoSpace, err)
			}
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	return release, nil
}

func (d *Dir) write(h group.Hash, size int64, content io.Reader) error {
	path := Path(d.root, h)
	if err := os.Mkdir(filepath.Dir(path), modeFolder); err == nil {
		if err := durable.SyncFolder(d.root); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.Replace(path, filepath.Join(d.root, folderNew), func(w io.Writer) error {
		sum := sha256.New()
		// Wrapped, so that neither side brings a way to copy of its own, with a buffer of its own.
		n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(w, sum)}, struct{ io.Reader }{io.LimitReader(content, size+1)}, make([]byte, copyBuffer))
		if err == nil && (n != size || group.Hash(sum.Sum(nil)) != h) {
			err = errors.New("the content is another than was said")
		}
		return err
	})
}

// Open implements group.Blobs.
func (d *Dir) Open(h group.Hash) (group.BlobReader, error) {
	f, err := os.Open(Path(d.root, h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, group.ErrNoRow
	}
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", errors.Join(err, f.Close()))
	}
	return reader{f, info.Size()}, nil
}

// reader is an open content.
type reader struct {
	*os.File
	size int64
}

// Size implements group.BlobReader.
func (r reader) Size() int64 { return r.size }

// Has implements group.Blobs.
func (d *Dir) Has(h group.Hash, size int64) bool {
	info, err := os.Lstat(Path(d.root, h))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// Erase implements group.Blobs.
func (d *Dir) Erase(h group.Hash, unused func() (bool, error)) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept[h] > 0 {
		return false, nil
	}
	if ok, err := unused(); err != nil || !ok {
		return false, err
	}
	err := os.Remove(Path(d.root, h))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("blobs: %w", err)
	}
	return true, nil
}

// All implements group.Blobs. What is not named like a content is passed over.
func (d *Dir) All(f func(group.Hash) error) error {
	folders, err := os.ReadDir(d.root)
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	for _, folder := range folders {
		if len(folder.Name()) != 2 || !folder.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(d.root, folder.Name()))
		if err != nil {
			return fmt.Errorf("blobs: %w", err)
		}
		for _, file := range files {
			var h group.Hash
			if h.UnmarshalText([]byte(file.Name())) != nil || filepath.Base(Path(d.root, h)) != file.Name() || file.Name()[:2] != folder.Name() {
				continue
			}
			if err := f(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// Free implements group.Blobs.
func (d *Dir) Free() (int64, error) { return d.free(d.root) }
