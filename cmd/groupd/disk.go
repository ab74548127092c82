package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"groupd/api/web"
	"groupd/db/blobs"
	"groupd/group"
)

// lowDisk says that less is free where dir is than disk_floor of the settings; low is false while there is more, or nobody knows.
func lowDisk(dir string, s *settings) (w web.Notice, low bool) {
	free, err := blobs.FreeSpace(dir)
	floor := s.limits().AttachFloor
	if err != nil || free >= floor {
		return w, false
	}
	text := fmt.Sprintf("%s are free in %s, less than disk_floor (%s): posts with attachments are refused", bytesOf(free), dir, bytesOf(floor))
	if free < almostNothing {
		text = fmt.Sprintf("the disk of %s is full (%s free): nothing more can be stored, and senders are left unproved", dir, bytesOf(free))
	}
	return web.Notice{Text: text, Hint: "make room there"}, true
}

// almostNothing is so little room that a commit may fail.
const almostNothing = 1 << 20

// noRoomText begins what the server says where a disk is full, and tells the verbs that talk to it.
const noRoomText = "there is no room for it"

// noRoom makes a refusal of what failed for want of room; other errors stay as they are.
func noRoom(op, where string, err error) error {
	if errors.Is(err, group.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) {
		return &group.Error{Kind: group.KindFull, Op: op, Msg: noRoomText + ": the disk of " + where + " is full", Err: err}
	}
	return err
}

// sweepLeftovers removes what a backup or a restore left that did not come to its end, as in a power cut: copies of everything, keys
// included. Whoever calls it holds the lock of the data directory.
func sweepLeftovers(dir string) error {
	var all error
	for _, pattern := range []string{".backup-*", ".restore-*"} {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		all = errors.Join(all, err)
		for _, path := range left {
			all = errors.Join(all, os.RemoveAll(path))
		}
	}
	return all
}
