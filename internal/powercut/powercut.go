// Package powercut wraps the file system of a process, for tests: it records every write and sync that the process's C code (which
// is all of SQLite) makes in one folder, tells what a power cut at any moment would have left there, and makes the disk slow or full.
//
// The wrapper is a small library in C, built with the C compiler that groupd needs anyway and loaded with LD_PRELOAD. Linux only.
package powercut

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed shim/shim.c
var shim []byte

// Op says what happened to a file.
type Op uint8

// Operations, in the numbers of the log.
const (
	Write     Op = 1
	Truncate  Op = 2
	SyncBegin Op = 3
	Sync      Op = 4 // the data is on disk
	Unlink    Op = 5
)

// Record is one operation.
type Record struct {
	Op     Op
	At     time.Duration // CLOCK_MONOTONIC, when it was done
	Path   string
	Offset int64 // of a write; the new length of a truncation
	Data   []byte
}

// Watch is a wrapper for processes that keep files in one folder.
type Watch struct {
	lib, log, slow, full string
	dir                  string
}

// New builds the wrapper into the folder scratch, for processes whose files are in dir. Both must exist.
func New(scratch, dir string) (*Watch, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	w := &Watch{
		lib: filepath.Join(scratch, "powercut.so"), log: filepath.Join(scratch, "powercut.log"),
		slow: filepath.Join(scratch, "slow"), full: filepath.Join(scratch, "full"), dir: dir,
	}
	source := filepath.Join(scratch, "shim.c")
	if err := os.WriteFile(source, shim, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", w.lib, source, "-ldl", "-lpthread").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("powercut: cc: %w: %s", err, out)
	}
	return w, nil
}

// Env is what a process's environment needs in addition.
func (w *Watch) Env() []string {
	return []string{"LD_PRELOAD=" + w.lib, "POWERCUT_DIR=" + w.dir, "POWERCUT_LOG=" + w.log, "POWERCUT_SLOW=" + w.slow, "POWERCUT_FULL=" + w.full}
}

// SetSlow makes each sync take so much longer from now on; 0 ends that.
func (w *Watch) SetSlow(d time.Duration) error {
	return os.WriteFile(w.slow, []byte(strconv.FormatInt(d.Milliseconds(), 10)), 0o600)
}

// SetFull makes every write fail with "no space left" from now on, or ends that.
func (w *Watch) SetFull(full bool) error {
	if full {
		return os.WriteFile(w.full, nil, 0o600)
	}
	err := os.Remove(w.full)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Now is the time on the clock of the records.
func Now() (time.Duration, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano()), err
}

// Records reads the log so far. A record that is being written is left out.
func (w *Watch) Records() ([]Record, error) {
	b, err := os.ReadFile(w.log)
	if err != nil {
		return nil, err
	}
	const head = 23
	var out []Record
	for len(b) >= head {
		n, path := int(binary.LittleEndian.Uint32(b[17:])), int(binary.LittleEndian.Uint16(b[21:]))
		if len(b) < head+path+n {
			break
		}
		out = append(out, Record{
			Op: Op(b[0]), At: time.Duration(binary.LittleEndian.Uint64(b[1:])), Offset: int64(binary.LittleEndian.Uint64(b[9:])),
			Path: string(b[head : head+path]), Data: b[head+path : head+path+n],
		})
		b = b[head+path+n:]
	}
	return out, nil
}

// Left is what stands on disk, by path, when the power goes after these records: of each file what it was at its last sync and, with
// torn set, a random part of what was written to it since then, since a disk may keep any of that. A file that was never synced is gone.
func Left(records []Record, torn *rand.Rand) map[string][]byte {
	type file struct {
		now, synced []byte
		since       []Record // since the last sync
		durable     bool
	}
	files := map[string]*file{}
	for _, r := range records {
		f := files[r.Path]
		if f == nil {
			f = &file{}
			files[r.Path] = f
		}
		switch r.Op {
		case Write, Truncate:
			f.now = apply(f.now, r)
			f.since = append(f.since, r)
		case Sync:
			f.synced, f.durable, f.since = bytes.Clone(f.now), true, nil
		case Unlink:
			delete(files, r.Path)
		}
	}
	out := map[string][]byte{}
	for path, f := range files {
		if !f.durable {
			continue
		}
		content := bytes.Clone(f.synced)
		if torn != nil {
			for _, r := range f.since {
				if torn.IntN(2) == 0 {
					content = apply(content, r)
				}
			}
		}
		out[path] = content
	}
	return out
}

func apply(content []byte, r Record) []byte {
	size := r.Offset
	if r.Op == Write {
		size = max(int64(len(content)), r.Offset+int64(len(r.Data)))
	}
	if grow := size - int64(len(content)); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	content = content[:size]
	if r.Op == Write {
		copy(content[r.Offset:], r.Data)
	}
	return content
}
