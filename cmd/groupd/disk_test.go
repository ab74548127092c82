package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"groupd/group"
)

func TestABackupForWhichThereIsNoRoomSaysSo(t *testing.T) {
	for _, full := range []error{fmt.Errorf("backup: %w", group.ErrNoSpace), fmt.Errorf("mkdir: %w", syscall.ENOSPC)} {
		var e *group.Error
		if err := noRoom("backup", "/data", full); !errors.As(err, &e) || e.Kind != group.KindFull || !strings.Contains(e.Msg, "the disk of /data is full") {
			t.Errorf("%v is told as %v", full, err)
		}
	}
	for _, full := range []error{fmt.Errorf("backup: %w", group.ErrNoSpace), fmt.Errorf("write: %w", syscall.ENOSPC)} {
		if err := notBackedUp("/stick/x.db", full); err == nil || !strings.Contains(err.Error(), "no room for /stick/x.db: the disk is full") {
			t.Errorf("%v where it is to be is told as %v", full, err)
		}
	}
	if err := notBackedUp("/stick/x.db", syscall.EIO); err == nil || strings.Contains(err.Error(), "full") {
		t.Errorf("a broken disk is told as %v", err)
	}
	if err := noRoom("backup", "/data", group.ErrClosed); !errors.Is(err, group.ErrClosed) || errors.As(err, new(*group.Error)) {
		t.Errorf("closed is told as %v", err)
	}
}

// A power cut during a backup leaves no copy of the keys for good.
func TestWhatABackupLeftIsGoneAfterTheNextStart(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{".backup-1/copy.db", ".restore-2/groupd.db", "groupd.db", "attachments/aa/content"} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweepLeftovers(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(hidden) > 0 || len(left) != 2 {
		t.Errorf("left: %q %q, %v", left, hidden, err)
	}
}

func TestADiskThatIsNearlyFullIsNoted(t *testing.T) {
	s, err := parseSettings([]byte("[limits]\ndisk_floor = \"1KiB\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if w, low := lowDisk(t.TempDir(), s); low {
		t.Errorf("told %q with 1 KiB wanted", w.Text)
	}
	s.Limits.DiskFloor.int64 = 1 << 60
	if w, low := lowDisk(t.TempDir(), s); !low || !strings.Contains(w.Text, "disk_floor") {
		t.Errorf("told %q, %v", w.Text, low)
	}
}
