// Package durable writes files so that a crash leaves the old one or the new one, and what has returned is on disk.
package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

const modeFile = 0o600

// Replace makes or replaces the file of that path, mode 0600, by what write writes, all or nothing. Until it is whole it has another name
// in unfinished, a folder of the same file system, "" for the file's own; a process that is killed leaves it there.
func Replace(path, unfinished string, write func(io.Writer) error) (err error) {
	folder, name := filepath.Split(filepath.Clean(path))
	if folder == "" {
		folder = "."
	}
	if unfinished == "" {
		unfinished = folder
	}
	f, err := os.CreateTemp(unfinished, "."+name+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if err := errors.Join(write(f), f.Chmod(modeFile), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// Rename gives a file or a folder another name in the same file system, and returns when that is on disk.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	in, out := filepath.Dir(to), filepath.Dir(from)
	if in == out {
		return SyncFolder(in)
	}
	return errors.Join(SyncFolder(in), SyncFolder(out))
}

// SyncFolder makes names durable that were given or taken away in a folder.
func SyncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
